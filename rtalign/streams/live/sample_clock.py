"""The clock of a sampled stream: stamps that wander become times counted at the nominal rate, and gaps show."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

BLOCK_S = 0.1
"""The line through the stamps is fitted anew this often, counted in samples, so that chunks do not matter."""
MEMORY_S = 120.0
"""Older stamps fade from the fit with this time constant: quartz wanders by less than 1 ppm in such a time."""
JITTER_S = 5.0
"""The same for the jitter."""
WANDER = 7.0
"""A stamp that is off the line by more than so many times the jitter is a gap."""
LEARN_S = 1.0
"""So much signal tells what the jitter is."""
UNLEARNT_S = 0.05
"""The least gap that is believed before."""
RATE_PRIOR = 300e-6
"""How far a true rate lies off the nominal one, as far as anybody knows beforehand (standard deviation)."""
STUCK_S = 5.0
SET_BACK_S = 150.0
"""Samples that are further back than any buffer reaches, for so long: the sender's clock was set; they are taken."""
EXACT_S = 1e-7


class Span(NamedTuple):
    """n samples of a pushed block, from sample `first` on, that are contiguous; start : signal time of the first."""

    first: int
    n: int
    start: float


@dataclass(slots=True)
class Piece:
    """A stretch without gaps: stamp = stamp0 + alpha + (1 + beta) * (signal - signal0)."""

    stamp0: float
    signal0: float
    n: int = 0
    alpha: float = 0.0
    beta: float = 0.0

    def signal(self, stamp: float) -> float:
        return self.signal0 + (stamp - self.stamp0 - self.alpha) / (1 + self.beta)

    def stamp(self, signal: float) -> float:
        return self.stamp0 + self.alpha + (1 + self.beta) * (signal - self.signal0)


class Line:
    """Least squares of the stamps' deviation on time, with fading memory; the slope outlives gaps, the level does not.

    Why sums centred on each piece: they add over gaps, whatever the level behind each gap is.
    """

    def __init__(self) -> None:
        self._old_tt = self._old_tr = 0.0
        self._w = self._t = self._r = self._tt = self._tr = 0.0

    def add(self, t: float, r: float, fade: float) -> None:
        self._old_tt, self._old_tr = fade * self._old_tt, fade * self._old_tr
        w = fade * self._w + 1
        dt, dr = t - self._t, r - self._r
        self._tt = fade * self._tt + dt * dt * (w - 1) / w
        self._tr = fade * self._tr + dt * dr * (w - 1) / w
        self._w, self._t, self._r = w, self._t + dt / w, self._r + dr / w

    def fit(self, noise: float) -> tuple[float, float]:
        """alpha and beta; the slope is drawn to zero while the noise (variance) could make up the one seen."""
        beta = (self._old_tr + self._tr) / (self._old_tt + self._tt + noise / RATE_PRIOR**2)
        return self._r - beta * self._t, beta

    def begin(self) -> None:
        """Behind a gap the level is unknown again."""
        self._old_tt += self._tt
        self._old_tr += self._tr
        self._w = self._t = self._r = self._tt = self._tr = 0.0


class SampleClock:
    """Counts samples at the nominal rate and maps stamps into that count.

    Signal time begins as the first stamp (plus lead_s), goes on by 1 / nominal_hz a sample, and jumps forward at a gap
    by the samples the sender would have taken in it.  A stamp is mapped along the line fitted to the stamps so far, so
    a rate that is not the nominal one never parts words from samples.
    """

    def __init__(self, nominal_hz: float, lead_s: float = 0.0) -> None:
        if not (np.isfinite(nominal_hz) and nominal_hz > 0):
            raise ValueError(f"a sample clock needs a rate above 0 Hz, not {nominal_hz}")
        self.nominal_hz, self._lead_s = float(nominal_hz), lead_s
        self.n_gaps = self.n_lost = self.n_repeated = 0
        self._block = max(round(BLOCK_S * nominal_hz), 1)
        self._fade = float(np.exp(-self._block / nominal_hz / MEMORY_S))
        self._line = Line()
        self._pieces: deque[Piece] = deque(maxlen=256)
        self._n_in = 0
        self._sums = np.zeros(4)  # of this block: n, t, r, r squared
        self._variance = self._weight = 0.0
        self._mean_before: float | None = None
        self._learnt_at = LEARN_S * nominal_hz
        self._jumps: deque[int] = deque(maxlen=4)
        self._dropped = 0

    @property
    def started(self) -> bool:
        return bool(self._pieces)

    @property
    def rate_hz(self) -> float:
        """The true rate, as far as the stamps tell."""
        return self.nominal_hz / (1 + self._pieces[-1].beta) if self._pieces else self.nominal_hz

    @property
    def jitter_s(self) -> float:
        """Standard deviation of the stamps around the line."""
        return float(np.sqrt(self._variance / self._weight)) if self._weight else 0.0

    @property
    def end(self) -> float:
        """Signal time at which the next sample would stand."""
        piece = self._pieces[-1]
        return piece.signal0 + piece.n / self.nominal_hz

    def to_signal(self, stamp: float) -> float:
        """The signal time of a stamp, also of one that lies a little in the future, in the past, or in a gap."""
        return self._piece(stamp).signal(stamp)

    def to_stamp(self, signal: float) -> float:
        """The way back."""
        for piece in reversed(self._pieces):
            if signal >= piece.signal0 - 0.5 / self.nominal_hz:
                return piece.stamp(signal)
        return self._pieces[0].stamp(signal)

    def push(self, stamps: np.ndarray) -> list[Span]:
        """stamps : (sample,), s.  The contiguous spans of it; samples in none of them came twice."""
        spans: list[Span] = []
        first = 0
        while first < len(stamps):
            room = self._block - self._n_in % self._block
            taken = self._take(np.asarray(stamps[first : first + room], float), first, spans)
            first += taken
            self._n_in += taken
            if self._n_in % self._block == 0:
                self._refit()
        return spans

    def _piece(self, stamp: float) -> Piece:
        if not self._pieces:
            raise ValueError("no sample has come yet, so no time can be mapped")
        for piece in reversed(self._pieces):
            if stamp >= piece.stamp0 + piece.alpha - 0.5 / self.nominal_hz:
                return piece
        return self._pieces[0]

    @property
    def _threshold(self) -> float:
        least = UNLEARNT_S if self._n_in < self._learnt_at else 0.0
        return max(1.5 / self.nominal_hz, WANDER * self.jitter_s, least)

    def _take(self, stamps: np.ndarray, first: int, spans: list[Span]) -> int:
        """Use up stamps that lie within one block, until something happens; how many were used."""
        if not self._pieces:
            known = stamps[np.isfinite(stamps)]
            if not len(known):
                self.n_repeated += len(stamps)
                return len(stamps)
            self._pieces.append(Piece(float(known[0]), float(known[0]) + self._lead_s))
        if self._dropped:
            used = self._drop(stamps, self._pieces[-1])
            if used:
                return used
        piece = self._pieces[-1]
        times = (piece.n + np.arange(len(stamps))) / self.nominal_hz
        deviations = stamps - piece.stamp0 - times
        np.copyto(deviations, piece.alpha + piece.beta * times, where=~np.isfinite(stamps))
        off = deviations - piece.alpha - piece.beta * times
        jumps = np.flatnonzero(np.abs(off) > self._threshold)
        if len(jumps) and jumps[0] == 0:
            return self._jump(float(stamps[0]), float(off[0]), piece)
        n = int(jumps[0]) if len(jumps) else len(stamps)
        r = deviations[:n]
        self._sums += np.array([n, times[:n].sum(), r.sum(), r @ r])
        start = piece.signal0 + piece.n / self.nominal_hz
        piece.n += n
        _extend(spans, Span(first, n, start), self.nominal_hz)
        return n

    def _jump(self, stamp: float, off: float, piece: Piece) -> int:
        """A sample stands where the line does not expect it: behind a gap, or for the second time."""
        self._jumps.append(self._n_in)
        if len(self._jumps) == 4 and self._n_in - self._jumps[0] < JITTER_S * self.nominal_hz and abs(off) < 0.5:
            self._learnt_at = self._n_in + LEARN_S * self.nominal_hz  # so many jumps are jitter, not gaps
        if off < 0:
            self._dropped = 1
            self.n_repeated += 1
            return 1
        self.n_gaps += 1
        self.n_lost += max(round(off * self.nominal_hz), 1)
        self._begin(stamp, piece.signal(stamp))
        return 0

    def _begin(self, stamp: float, signal: float) -> None:
        self._close_block()
        self._line.begin()
        self._mean_before = None
        _, beta = self._line.fit(self._noise)
        self._pieces.append(Piece(stamp, signal, beta=beta))

    def _drop(self, stamps: np.ndarray, piece: Piece) -> int:
        """Samples that came twice, up to the one that is due; how many."""
        due = piece.stamp0 + piece.alpha + (1 + piece.beta) * piece.n / self.nominal_hz
        late = stamps < due - max(0.5 / self.nominal_hz, 2 * self.jitter_s)
        n = len(stamps) if late.all() else int(np.argmin(late))
        left = max(round(STUCK_S * self.nominal_hz) - self._dropped, 0)
        if n > left and due - stamps[left] > SET_BACK_S:
            n = left
            self.n_gaps += 1
            self._begin(float(stamps[n]), self.end + (self._dropped + n) / self.nominal_hz)
        self.n_repeated += n
        self._dropped = self._dropped + n if n == len(stamps) else 0
        return n

    @property
    def _noise(self) -> float:
        return self.jitter_s**2 + EXACT_S**2

    def _close_block(self) -> None:
        """What the block told goes into the line and the jitter."""
        n, t, r, rr = self._sums.tolist()
        self._sums = np.zeros(4)
        if not n:
            return
        self._line.add(t / n, r / n, self._fade)
        piece = self._pieces[-1]
        level = r / n - piece.beta * t / n
        within = max(rr / n - (r / n) ** 2, 0.0)
        step = 0.0 if self._mean_before is None else (level - self._mean_before) ** 2 / 2
        self._mean_before = level
        fade = float(np.exp(-n / self.nominal_hz / JITTER_S))
        self._variance = fade * self._variance + (1 - fade) * (within + step)
        self._weight = fade * self._weight + (1 - fade)

    def _refit(self) -> None:
        fresh = self._sums[0] > 0
        self._close_block()
        if fresh:
            piece = self._pieces[-1]
            piece.alpha, piece.beta = self._line.fit(self._noise)


def _extend(spans: list[Span], new: Span, rate: float) -> None:
    """Join a span to the one before where both samples and time go on."""
    if spans:
        last = spans[-1]
        due = last.start + last.n / rate
        if last.first + last.n == new.first and abs(new.start - due) < 1e-3 / rate:
            spans[-1] = Span(last.first, last.n + new.n, last.start)
            return
    spans.append(new)
