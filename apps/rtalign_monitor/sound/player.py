"""SoundPlayer: the story's sound in step with a replay, through the machine's loudspeaker where it has one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from qtpy.QtCore import QObject, Qt, QTimer

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign.recordings.wav_file import Sound, WavFile
from rtalign_monitor.sound.drift_correction import AudioOutput, DriftCorrection, PositionEstimate

TICK_MS = 20


class Loudspeaker:
    """The default audio device.

    Why QtMultimedia is imported here alone: a machine without libraries for sound cannot load it.

    Parameters
    ----------
    rate : float
        Wanted frames a second.

    Attributes
    ----------
    rate : float
        Frames a second of the device.

    Raises
    ------
    OSError
        Where there is no device, with the reason.
    """

    def __init__(self, rate: float) -> None:
        try:
            from qtpy import QtMultimedia
        except ImportError as error:
            raise OSError(
                tr("Qt cannot play sound here: {error}; on Debian: sudo apt-get install libpulse0", error=error)
            ) from error
        device = QtMultimedia.QMediaDevices.defaultAudioOutput()
        if device.isNull():
            raise OSError(tr("this machine has no sound device, or no sound server that knows of one"))
        sample_format = QtMultimedia.QAudioFormat()
        sample_format.setSampleRate(round(rate))
        sample_format.setChannelCount(1)
        sample_format.setSampleFormat(QtMultimedia.QAudioFormat.SampleFormat.Int16)
        if not device.isFormatSupported(sample_format):
            preferred = device.preferredFormat()
            sample_format.setSampleRate(preferred.sampleRate())
            sample_format.setChannelCount(preferred.channelCount())
        if not device.isFormatSupported(sample_format):
            raise OSError(
                tr("the sound device {description} takes no samples of 16 bits", description=device.description())
            )
        self.rate = float(sample_format.sampleRate())
        self._n_channels, self._frame_bytes = sample_format.channelCount(), sample_format.bytesPerFrame()
        self._sink = QtMultimedia.QAudioSink(device, sample_format)
        self._buffer_frames = round(self.rate / 2)
        self._sink.setBufferSize(self._frame_bytes * self._buffer_frames)
        self._stream = self._sink.start()
        self._fatal = QtMultimedia.QAudio.Error.OpenError, QtMultimedia.QAudio.Error.FatalError
        if self._stream is None or self._sink.error() in self._fatal:
            raise OSError(
                tr(
                    "the sound device {description} cannot be opened; is another program using it?",
                    description=device.description(),
                )
            )

    def free_frames(self) -> int:
        if self._sink.error() in self._fatal:
            raise OSError(tr("the sound device is gone"))
        if self._stream is None:
            return self._buffer_frames
        return max(int(self._sink.bytesFree()), 0) // self._frame_bytes

    def queued_frames(self) -> int:
        if self._stream is None:  # a sink that is stopped says that it has no room
            return 0
        return max(int(self._sink.bufferSize() - self._sink.bytesFree()), 0) // self._frame_bytes

    def write(self, frames: np.ndarray) -> None:
        if self._stream is None:
            self._stream = self._sink.start()
        integers = np.round(np.clip(frames, -1, 1) * 32767).astype("<i2")
        if self._stream is not None:
            self._stream.write(np.repeat(integers, self._n_channels).tobytes())

    def stop(self) -> None:
        self._sink.reset()
        self._stream = None


class SoundPlayer(QObject):
    """Plays at speed 1; at other speeds, paused or muted it is silent.

    A wav that cannot be read is left out, and a machine without sound stays silent; both are reported once.

    Parameters
    ----------
    newest : callable
        Returns the newest snapshot.
    report : callable
        Takes the reason why a sound is not played.
    open_output : callable
        Opens the output for a rate; raises OSError where there is none.
    clock : callable
        Returns the time in seconds.

    Attributes
    ----------
    muted : bool
        Whether the user has muted it.
    """

    def __init__(
        self,
        newest: Callable[[], Snapshot],
        report: Callable[[str], None],
        open_output: Callable[[float], AudioOutput] = Loudspeaker,
        clock: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._newest, self._report, self._open_output, self._clock = newest, report, open_output, clock
        self._snapshot: Snapshot | None = None
        self._position = PositionEstimate()
        self._correction: DriftCorrection | None = None
        self._broken = self.muted = False
        self._wav: tuple[Sound, WavFile] | None = None
        self._unreadable: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def available(self) -> bool:
        """Whether the replay has sound that can be played."""
        return bool(self._snapshot and any(s.file not in self._unreadable for s in self._snapshot.sounds))

    @property
    def playing(self) -> bool:
        return bool(self._correction and self._correction.playing)

    def update(self, snapshot: Snapshot) -> None:
        """Take a snapshot; run the timer while there is something to play."""
        if snapshot.sounds and not self._broken and not self._timer.isActive():
            self._timer.start()
        elif (not snapshot.sounds or self._broken) and self._timer.isActive():
            self.stop()
        self._take(snapshot)

    def tick(self) -> None:
        """Write on to the output."""
        now = self._clock()
        self._take(self._newest())
        position = None if self.muted or self._broken else self._position.at(now)
        due = self._due(position) if position is not None else None
        correction = self._ready(due[1].rate) if due else self._correction
        if correction is None:
            return
        sound, wav = due if due else (None, None)
        try:
            correction.update(now, wav, (position or 0.0) - (sound.start if sound else 0.0))
        except OSError as error:
            self._give_up(error)

    def stop(self) -> None:
        self._timer.stop()
        if self._correction is not None:
            self._correction.stop()
        if self._wav is not None:
            self._wav[1].close()
        self._wav = None

    def _take(self, snapshot: Snapshot) -> None:
        if snapshot is self._snapshot:
            return
        self._snapshot = snapshot
        playing = snapshot.phase == "running" and not snapshot.paused and snapshot.speed == 1.0
        moving = playing and snapshot.position_s is not None
        self._position.add_report(self._clock(), snapshot.position_s or 0.0, moving)

    def _due(self, position: float) -> tuple[Sound, WavFile] | None:
        """The sound to be heard at a position: the last that has begun, unless it is over."""
        begun = [sound for sound in (self._snapshot.sounds if self._snapshot else ()) if sound.start <= position]
        if not begun:
            return None
        sound = max(begun, key=lambda s: s.start)
        opened = self._open(sound)
        return opened if opened and position - sound.start < opened[1].seconds else None

    def _open(self, sound: Sound) -> tuple[Sound, WavFile] | None:
        if self._wav is not None and self._wav[0] == sound:
            return self._wav
        if sound.file in self._unreadable:
            return None
        if self._wav is not None:
            self._wav[1].close()
            self._wav = None
        try:
            self._wav = sound, WavFile(Path(sound.file))
        except (OSError, ValueError) as error:
            self._unreadable.add(sound.file)
            self._report(tr("The story's sound is not played: {error}.", error=error))
        return self._wav

    def _ready(self, rate: float) -> DriftCorrection | None:
        if self._correction is None and not self._broken:
            try:
                self._correction = DriftCorrection(self._open_output(rate))
            except OSError as error:
                self._give_up(error)
        return self._correction

    def _give_up(self, error: OSError) -> None:
        """Play no sound from now on; nothing else is affected."""
        self._broken = True
        self._report(tr("The story's sound is not played: {error}.", error=error))
