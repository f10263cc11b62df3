"""Keeping a sound in step with a replay: where the replay is now, and how fast the sound must be played."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np

REPORTS_S, RECENT_S = 5.0, 0.6
JUMP_S = 0.15
"""Further ahead than earlier reports said: the replay was moved.  Further behind in all recent ones: it is too slow."""
SETTLE_S = 0.25
"""Silence after a move, as the samples before the wanted position are read as fast as possible."""
STALE_S = 1.5
CHUNK_LEAD_S = 0.01
"""A replay sends whole chunks, half of which is ahead of its time on average."""

QUEUE_S = 0.3
"""How much is written ahead: a window that is busy for less than this does not interrupt the sound."""
SKIP_S = 0.08
"""A larger deviation is corrected by a skip, a smaller one by the speed."""
CORRECT_S = 4.0
"""Time in which a small deviation is taken back."""
MAX_SPEED_CHANGE = 0.005
"""A twelfth of a semitone, which nobody hears in speech."""
AVERAGE_S = 0.5
BLIND_S = 0.4
"""A device takes time to start, and plays what was queued before a skip: measurements mean nothing until then."""
FADE_S = 0.004


class PositionEstimate:
    """Position of a replay at this moment, from reports of it that arrive late.

    A report can be late by any time, but never early: of the recent ones, the one furthest ahead is the most accurate.
    """

    def __init__(self) -> None:
        self._reports: deque[tuple[float, float]] = deque()
        self._position = 0.0
        self._settled = -float("inf")

    def add_report(self, now: float, position: float, moving: bool) -> None:
        """Take a report.

        Parameters
        ----------
        now : float
            When it arrived, in seconds.
        position : float
            Position in the recording, in seconds.
        moving : bool
            Whether the replay plays at real time.
        """
        before, self._position = self._position, position
        if not moving:
            self._reports.clear()
            return
        ahead = position - now
        if self._reports and (position < before or ahead > self._furthest() + JUMP_S):
            self._reports.clear()
            self._settled = now + SETTLE_S
        self._reports.append((now, ahead))
        while now - self._reports[0][0] > REPORTS_S:
            self._reports.popleft()

    def at(self, now: float) -> float | None:
        """The position in seconds; None where nothing should be played."""
        if not self._reports or now < self._settled:
            return None
        newest, furthest = self._reports[-1][0], self._furthest()
        recent = max(ahead for time, ahead in self._reports if newest - time <= RECENT_S)
        if now - newest > STALE_S or furthest - recent > JUMP_S:
            return None
        return now + furthest - CHUNK_LEAD_S

    def _furthest(self) -> float:
        return max(ahead for _, ahead in self._reports)


class SampleReader(Protocol):
    """What is played, such as a WavFile."""

    @property
    def rate(self) -> float: ...

    def read(self, first: int, n: int) -> np.ndarray: ...


class AudioOutput(Protocol):
    """What plays.  A frame is one sample for all loudspeakers."""

    @property
    def rate(self) -> float: ...

    def free_frames(self) -> int:
        """Frames that it can take now."""
        ...

    def queued_frames(self) -> int:
        """Frames that it has taken and not begun to play."""
        ...

    def write(self, frames: np.ndarray) -> None: ...

    def stop(self) -> None:
        """Be silent at once and drop what is queued."""
        ...


class DriftCorrection:
    """Plays one sound through one output, in step with a wanted position.  Call `update` a few times per QUEUE_S.

    Parameters
    ----------
    output : AudioOutput
        Where to play.

    Attributes
    ----------
    n_skips : int
        How often a deviation was corrected by a skip.
    """

    def __init__(self, output: AudioOutput) -> None:
        self._output = output
        self._sound: SampleReader | None = None
        self._next = 0.0
        self._deviations: deque[tuple[float, float]] = deque()
        self.n_skips = 0

    @property
    def playing(self) -> bool:
        return self._sound is not None

    def update(self, now: float, sound: SampleReader | None, position: float) -> None:
        """Write on, so that this position of the sound is audible now.

        Parameters
        ----------
        now : float
            In seconds.
        sound : SampleReader or None
            What to play; None for silence.
        position : float
            In the sound, in seconds.
        """
        if sound is None:
            self.stop()
            return
        if sound is not self._sound:
            self._start(now, sound, position)
        deviation = self._average(now, self.audible_position() - position)
        if abs(deviation) > SKIP_S:
            self._skip(now, -deviation)
            deviation = 0.0
        self._fill(sound, 1.0 - min(max(deviation / CORRECT_S, -MAX_SPEED_CHANGE), MAX_SPEED_CHANGE))

    def audible_position(self) -> float:
        """The position in the sound that is audible now, as far as the output knows."""
        return self._next - self._output.queued_frames() / self._output.rate

    def stop(self) -> None:
        if self._sound is not None:
            self._sound = None
            self._output.stop()

    def _start(self, now: float, sound: SampleReader, position: float) -> None:
        if self._sound is not None:
            self._output.stop()
        self._sound, self._next, self._fade_in = sound, position, True
        self._deviations.clear()
        self._blind_until = now + BLIND_S

    def _skip(self, now: float, by: float) -> None:
        """Skip in what is written next, not in what is queued: a device that was stopped takes long to start again."""
        self.n_skips += 1
        self._next += by
        self._fade_in = True
        self._deviations.clear()
        self._blind_until = now + BLIND_S

    def _average(self, now: float, deviation: float) -> float:
        """The median deviation of the last moments, as a device takes what is queued in pieces."""
        if now < self._blind_until:
            return 0.0
        self._deviations.append((now, deviation))
        while now - self._deviations[0][0] > AVERAGE_S:
            self._deviations.popleft()
        return float(np.median([deviation for _, deviation in self._deviations]))

    def _fill(self, sound: SampleReader, speed: float) -> None:
        rate = self._output.rate
        n = min(self._output.free_frames(), int(QUEUE_S * rate) - self._output.queued_frames())
        if n <= 0:
            return
        at = (self._next + np.arange(n) * (speed / rate)) * sound.rate
        first = int(np.floor(at[0]))
        samples = sound.read(first, int(np.floor(at[-1])) - first + 2)
        frames = np.interp(at - first, np.arange(len(samples)), samples)
        if self._fade_in:  # a sound that starts in its middle clicks
            fade = min(int(FADE_S * rate), n)
            frames[:fade] *= np.linspace(0, 1, fade, endpoint=False)
            self._fade_in = False
        self._output.write(frames)
        self._next += n * speed / rate
