"""The story's sound in step with a replay, where it is at hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, Qt, QTimer

from rtalign.engine.snapshot import Snapshot
from rtalign.recordings.wav_file import Sound, WavFile
from rtalign_monitor.sound.drift_correction import Sink, Steering
from rtalign_monitor.sound.output import Loudspeaker
from rtalign_monitor.sound.position import Standing

TICK_MS = 20


class Sounding(QObject):
    """Plays at 1x; at other speeds, paused or mute it is silent.  What keeps it from playing is said once.

    say : told the reason.  A wav that cannot be read is left out, a machine without sound stays silent.
    """

    def __init__(
        self,
        newest: Callable[[], Snapshot],
        say: Callable[[str], None],
        loudspeaker: Callable[[float], Sink] = Loudspeaker,
        clock: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._newest, self._say, self._loudspeaker, self._clock = newest, say, loudspeaker, clock
        self._seen: Snapshot | None = None
        self._standing = Standing()
        self._steering: Steering | None = None
        self._silent = self.mute = False
        self._wav: tuple[Sound, WavFile] | None = None
        self._unread: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def at_hand(self) -> bool:
        """Whether the replay has sound that could be played."""
        return bool(self._seen and any(sound.file not in self._unread for sound in self._seen.sounds))

    @property
    def playing(self) -> bool:
        return bool(self._steering and self._steering.playing)

    def hear(self, seen: Snapshot) -> None:
        """Look often while there is something to play, and not at all otherwise."""
        if seen.sounds and not self._silent and not self._timer.isActive():
            self._timer.start()
        elif (not seen.sounds or self._silent) and self._timer.isActive():
            self.stop()
        self._report(seen)

    def tick(self) -> None:
        now = self._clock()
        self._report(self._newest())
        position = None if self.mute or self._silent else self._standing.at(now)
        found = self._due(position) if position is not None else None
        steering = self._ready(found[1].rate) if found else self._steering
        if steering is None:
            return
        begun, wav = found if found else (None, None)
        try:
            steering.steer(now, wav, (position or 0.0) - (begun.start if begun else 0.0))
        except OSError as error:
            self._hush(error)

    def stop(self) -> None:
        self._timer.stop()
        if self._steering is not None:
            self._steering.stop()
        if self._wav is not None:
            self._wav[1].close()
        self._wav = None

    def _report(self, seen: Snapshot) -> None:
        if seen is self._seen:
            return
        self._seen = seen
        moving = seen.phase == "running" and not seen.paused and seen.speed == 1.0
        self._standing.tell(self._clock(), seen.position_s or 0.0, moving and seen.position_s is not None)

    def _due(self, position: float) -> tuple[Sound, WavFile] | None:
        """The wav that is heard at a position: the last that has begun, while it lasts."""
        begun = [sound for sound in (self._seen.sounds if self._seen else ()) if sound.start <= position]
        if not begun:
            return None
        sound = max(begun, key=lambda one: one.start)
        found = self._opened(sound)
        return found if found and position - sound.start < found[1].seconds else None

    def _opened(self, sound: Sound) -> tuple[Sound, WavFile] | None:
        if self._wav is not None and self._wav[0] == sound:
            return self._wav
        if sound.file in self._unread:
            return None
        if self._wav is not None:
            self._wav[1].close()
            self._wav = None
        try:
            self._wav = sound, WavFile(Path(sound.file))
        except (OSError, ValueError) as error:
            self._unread.add(sound.file)
            self._say(f"The story's sound is not heard: {error}.")
        return self._wav

    def _ready(self, rate: float) -> Steering | None:
        if self._steering is None and not self._silent:
            try:
                self._steering = Steering(self._loudspeaker(rate))
            except OSError as error:
                self._hush(error)
        return self._steering

    def _hush(self, error: OSError) -> None:
        """No sound from now on; nothing else is touched by it."""
        self._silent = True
        self._say(f"The story's sound is not heard: {error}.")
