"""Sound held in step with a replay: what is written next, and how much faster or slower than it was recorded."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np

QUEUE_S = 0.3
"""So much is written ahead: a window that is busy for less does not break the sound off."""
SKIP_S = 0.08
PULL_S = 4.0
"""A small deviation is taken back at this pace."""
MOST = 0.005
"""Of the speed, to be added or taken: a twelfth of a semitone, which nobody hears in speech."""
WEIGHED_S = 0.5
BLIND_S = 0.4
"""A device that begins takes its time, and after a skip it still plays what was queued: looks at it say nothing yet."""
FADE_S = 0.004


class Tape(Protocol):
    """What is played."""

    @property
    def rate(self) -> float: ...

    def read(self, first: int, n: int) -> np.ndarray: ...


class Sink(Protocol):
    """What plays.  A frame is one sample for all loudspeakers."""

    @property
    def rate(self) -> float: ...

    def room(self) -> int:
        """Frames that it takes now."""
        ...

    def queued(self) -> int:
        """Frames that it has taken and not begun to play."""
        ...

    def write(self, frames: np.ndarray) -> None: ...

    def stop(self) -> None:
        """Silence at once; what is queued is gone."""
        ...


class Steering:
    """One tape through one sink.  Call `steer` some times while QUEUE_S goes by."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._tape: Tape | None = None
        self._next = 0.0
        self._offs: deque[tuple[float, float]] = deque()
        self.n_skips = 0

    @property
    def playing(self) -> bool:
        return self._tape is not None

    def steer(self, now: float, tape: Tape | None, wanted: float) -> None:
        """Go on so that this place of the tape is heard now, seconds; no tape: silence."""
        if tape is None:
            self.stop()
            return
        if tape is not self._tape:
            self._begin(now, tape, wanted)
        off = self._usual(now, self.heard() - wanted)
        if abs(off) > SKIP_S:
            self._skip(now, -off)
            off = 0.0
        self._fill(tape, 1.0 - min(max(off / PULL_S, -MOST), MOST))

    def heard(self) -> float:
        """The place of the tape that is heard, as far as the sink knows."""
        return self._next - self._sink.queued() / self._sink.rate

    def stop(self) -> None:
        if self._tape is not None:
            self._tape = None
            self._sink.stop()

    def _begin(self, now: float, tape: Tape, at: float) -> None:
        if self._tape is not None:
            self._sink.stop()
        self._tape, self._next, self._joint = tape, at, True
        self._offs.clear()
        self._blind = now + BLIND_S

    def _skip(self, now: float, by: float) -> None:
        """What is written next, not what is queued: a device that is stopped takes long to begin again."""
        self.n_skips += 1
        self._next += by
        self._joint = True
        self._offs.clear()
        self._blind = now + BLIND_S

    def _usual(self, now: float, off: float) -> float:
        """A device takes what is queued in pieces, so that a single look at it says little."""
        if now < self._blind:
            return 0.0
        self._offs.append((now, off))
        while now - self._offs[0][0] > WEIGHED_S:
            self._offs.popleft()
        return float(np.median([off for _, off in self._offs]))

    def _fill(self, tape: Tape, ratio: float) -> None:
        rate = self._sink.rate
        n = min(self._sink.room(), int(QUEUE_S * rate) - self._sink.queued())
        if n <= 0:
            return
        at = (self._next + np.arange(n) * (ratio / rate)) * tape.rate
        first = int(np.floor(at[0]))
        known = tape.read(first, int(np.floor(at[-1])) - first + 2)
        frames = np.interp(at - first, np.arange(len(known)), known)
        if self._joint:  # a sound that begins in its middle clicks
            rise = min(int(FADE_S * rate), n)
            frames[:rise] *= np.linspace(0, 1, rise, endpoint=False)
            self._joint = False
        self._sink.write(frames)
        self._next += n * ratio / rate
