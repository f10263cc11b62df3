"""An audio output and a clock that a test moves."""

from __future__ import annotations

import numpy as np


class FakeClock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeOutput:
    """A loudspeaker with a clock of its own that takes what is queued in pieces, and knows what is audible."""

    def __init__(self, clock: FakeClock, rate: float = 200.0, ppm: float = 0.0, piece_s: float = 0.02) -> None:
        self.rate, self._clock, self._true_rate = rate, clock, rate * (1 + 1e-6 * ppm)
        self._piece, self._queue, self._started = max(round(piece_s * rate), 1), np.zeros(0), clock.now
        self._taken = 0

    def run(self) -> None:
        """Take what is due by now, in whole pieces."""
        due = int((self._clock.now - self._started) * self._true_rate)
        while self._taken + self._piece <= due:
            self._taken += self._piece
            self._queue = self._queue[self._piece :]

    def audible(self) -> float | None:
        """The sample that sounds at this moment: from within the piece that was taken last."""
        into = (self._clock.now - self._started) * self._true_rate - self._taken
        return float(self._queue[int(into)]) if len(self._queue) > into >= 0 else None

    def free_frames(self) -> int:
        return int(self.rate * 0.5) - len(self._queue)

    def queued_frames(self) -> int:
        return len(self._queue)

    def write(self, frames: np.ndarray) -> None:
        if not len(self._queue):
            self._started, self._taken = self._clock.now, 0
        self._queue = np.concatenate([self._queue, frames])

    def stop(self) -> None:
        self._queue = np.zeros(0)
