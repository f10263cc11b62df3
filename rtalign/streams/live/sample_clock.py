"""The clock of a sampled stream: noisy stamps become times counted at the nominal rate, and gaps show."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

BLOCK_S = 0.1
"""The line through the stamps is fitted anew this often, counted in samples, so that chunks do not matter."""
MEMORY_S = 120.0
"""Older stamps fade from the fit with this time constant: a quartz clock changes by less than 1 ppm in such a time."""
JITTER_MEMORY_S = 5.0
"""The same for the jitter."""
GAP_DEVIATIONS = 7.0
"""A stamp that is off the line by more than so many times the jitter is a gap."""
LEARN_S = 1.0
"""So much signal is needed to know the jitter."""
MIN_GAP_UNLEARNT_S = 0.05
"""The shortest gap that is accepted before the jitter is known."""
RATE_PRIOR = 300e-6
"""How far a true rate lies off the nominal one before anything is known (standard deviation)."""
CONFIRM_S = 0.5
"""A jump is believed when the stamps of so much signal behind it agree with it; it waits for them."""
N_FOLLOW, SHARE_FOLLOW = 3, 0.1
"""A jump is confirmed by the stamps right behind it, or by so many of all that were waited for."""
SET_S = 1.0
"""A jump further than this that is not in the times of arrival either is no gap: the sender's clock was set."""
STUCK_S = 5.0
SET_BACK_S = 150.0
"""Samples that are further back than any buffer reaches, for so long: the sender's clock was set; they are used."""
LARGEST_STAMP_S = 1e10
"""A stamp beyond it is none: it cannot tell samples apart, and no clock has counted so far."""
EXACT_S = 1e-7


class SampleSpan(NamedTuple):
    """Samples of a pushed block that are contiguous.

    Attributes
    ----------
    first : int
        Index of the first sample in the pushed block.
    n : int
        Number of samples.
    start : float
        Signal time of the first sample, s.
    """

    first: int
    n: int
    start: float


@dataclass(slots=True)
class SampleSegment:
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


class ClockFit:
    """Least squares of the stamps' deviation on time, with fading memory; the slope outlives gaps, the level does not.

    Why sums centred on each segment: they add over gaps, whatever the level behind each gap is.
    """

    def __init__(self) -> None:
        self._old_tt = self._old_tr = 0.0
        self._w = self._t = self._r = self._tt = self._tr = 0.0

    def add(self, t: float, r: float, fade: float) -> None:
        """Add a deviation r at a time t since the segment's start; what was added before fades."""
        self._old_tt, self._old_tr = fade * self._old_tt, fade * self._old_tr
        w = fade * self._w + 1
        dt, dr = t - self._t, r - self._r
        self._tt = fade * self._tt + dt * dt * (w - 1) / w
        self._tr = fade * self._tr + dt * dr * (w - 1) / w
        self._w, self._t, self._r = w, self._t + dt / w, self._r + dr / w

    def solve(self, noise: float) -> tuple[float, float]:
        """alpha and beta; the slope is shrunk to zero while the noise (variance) could explain the one observed."""
        beta = (self._old_tr + self._tr) / (self._old_tt + self._tt + noise / RATE_PRIOR**2)
        return self._r - beta * self._t, beta

    def begin_segment(self) -> None:
        """After a gap the level is unknown again."""
        self._old_tt += self._tt
        self._old_tr += self._tr
        self._w = self._t = self._r = self._tt = self._tr = 0.0


class SampleClock:
    """Counts samples at the nominal rate and maps stamps into that count.

    Signal time begins as the first stamp (plus lead_s), goes on by 1 / nominal_hz a sample, and jumps forward at a gap
    by the samples the sender would have taken in it.  A stamp is mapped along the line fitted to the stamps so far, so
    a rate that is not the nominal one never separates words from samples.

    A stamp that is off the line is believed when the stamps behind it follow it; until they have come, samples are held
    back.  One that stands alone is ignored, and its sample is counted as any other.  A jump that a clock made which was
    set, ahead or back, moves the line and neither loses nor repeats a sample.

    Parameters
    ----------
    nominal_hz : float
        The rate that the sender declares, above 0.
    lead_s : float
        What is added to the first stamp to make the first signal time, s.

    Attributes
    ----------
    n_gaps, n_lost, n_repeated : int
        Gaps so far, samples missing in them, and samples that came twice.
    n_wrong, n_set : int
        Stamps that were ignored, and how often the sender's clock was set.
    """

    def __init__(self, nominal_hz: float, lead_s: float = 0.0) -> None:
        if not (np.isfinite(nominal_hz) and nominal_hz > 0):
            raise ValueError(f"a sample clock needs a rate above 0 Hz, not {nominal_hz}")
        self.nominal_hz, self._lead_s = float(nominal_hz), lead_s
        self.n_gaps = self.n_lost = self.n_repeated = self.n_wrong = self.n_set = 0
        self._block = max(round(BLOCK_S * nominal_hz), 1)
        self._fade = float(np.exp(-self._block / nominal_hz / MEMORY_S))
        self._fit = ClockFit()
        self._segments: deque[SampleSegment] = deque(maxlen=256)
        self._n_in = 0
        self._sums = np.zeros(4)  # of this block: n, t, r, r squared
        self._variance = self._weight = 0.0
        self._previous_level: float | None = None
        self._learnt_at = LEARN_S * nominal_hz
        self._jumps: deque[int] = deque(maxlen=4)
        self._dropped = 0
        self._n_confirm = max(round(CONFIRM_S * nominal_hz), 8)
        self._held = np.empty(0)
        self._arrivals = self._arrived = self._jump_arrived = self._jump_since = 0.0
        self._rebase = False

    @property
    def started(self) -> bool:
        """Whether a sample has come."""
        return bool(self._segments)

    @property
    def rate_hz(self) -> float:
        """The true rate, as estimated from the stamps."""
        return self.nominal_hz / (1 + self._segments[-1].beta) if self._segments else self.nominal_hz

    @property
    def jitter_s(self) -> float:
        """Standard deviation of the stamps around the line, s."""
        return float(np.sqrt(self._variance / self._weight)) if self._weight else 0.0

    @property
    def end(self) -> float:
        """Signal time of the next sample, s."""
        segment = self._segments[-1]
        return segment.signal0 + segment.n / self.nominal_hz

    def to_signal(self, stamp: float) -> float:
        """Signal time of a stamp, also of one that lies a little in the future, in the past, or in a gap.

        Parameters
        ----------
        stamp : float
            A time on the clock of the pushed stamps, s.

        Returns
        -------
        float
            Signal time, s.

        Raises
        ------
        ValueError
            If no sample has come yet.
        """
        return self._segment(stamp).signal(stamp)

    def to_stamp(self, signal: float) -> float:
        """Stamp of a signal time, the inverse of `to_signal`."""
        for segment in reversed(self._segments):
            if signal >= segment.signal0 - 0.5 / self.nominal_hz:
                return segment.stamp(signal)
        return self._segments[0].stamp(signal)

    @property
    def n_held(self) -> int:
        """Samples of the last push, at its end, that wait for what comes behind them."""
        return len(self._held)

    def drop_held(self) -> None:
        """Another stream follows: the samples held back belong to none of its own."""
        self._held = self._held[:0]

    def continue_at_next(self) -> None:
        """What is added to the stamps has changed: the next sample follows the one before, whatever its stamp says."""
        self._rebase = self.started

    def push(self, stamps: np.ndarray, arrived: float | None = None) -> list[SampleSpan]:
        """Count the next samples.

        Parameters
        ----------
        stamps : array, shape (sample,)
            Their stamps, s; not finite where a stamp is unknown.
        arrived : float, optional
            When they arrived, s, on a clock that is never set; by it a clock that was set differs from a gap and from
            samples that came twice.

        Returns
        -------
        list of SampleSpan
            The contiguous spans among those that were held back before and these, counted from the first held back;
            samples in none of them came twice, or are held back (`n_held`).
        """
        new = np.array(stamps, float)
        is_none = np.abs(new) > LARGEST_STAMP_S
        self.n_wrong += int(is_none.sum())
        new[is_none] = np.nan
        was_held = len(self._held) > 0
        if arrived is not None:
            self._arrivals, self._arrived = self._arrived or arrived, arrived
        stamps, self._held = np.concatenate([self._held, new]), self._held[:0]
        spans: list[SampleSpan] = []
        first = 0
        while first < len(stamps):
            room = self._block - self._n_in % self._block
            n_used = self._use(stamps, first, room, spans, was_held and first == 0)
            if n_used is None:
                self._held = stamps[first:].copy()
                break
            first += n_used
            self._n_in += n_used
            if n_used and self._n_in % self._block == 0:
                self._refit()
        return spans

    def _segment(self, stamp: float) -> SampleSegment:
        if not self._segments:
            raise ValueError("no sample has come yet, so no time can be mapped")
        for segment in reversed(self._segments):
            if stamp >= segment.stamp0 + segment.alpha - 0.5 / self.nominal_hz:
                return segment
        return self._segments[0]

    @property
    def _threshold(self) -> float:
        """A deviation beyond it is a jump, s."""
        least = MIN_GAP_UNLEARNT_S if self._n_in < self._learnt_at else 0.0
        return max(1.5 / self.nominal_hz, GAP_DEVIATIONS * self.jitter_s, least)

    def _use(self, stamps: np.ndarray, first: int, room: int, spans: list[SampleSpan], was_held: bool) -> int | None:
        """Use stamps from `first` on that lie within one block, up to the first jump; how many, None to wait."""
        block = stamps[first : first + room]
        if not self._begin(block):
            self.n_repeated += len(block)
            return len(block)
        if self._dropped:
            n_dropped = self._drop(block, self._segments[-1])
            if n_dropped:
                return n_dropped
        segment = self._segments[-1]
        times = (segment.n + np.arange(len(block))) / self.nominal_hz
        deviations = block - segment.stamp0 - times
        np.copyto(deviations, segment.alpha + segment.beta * times, where=~np.isfinite(block))
        off = deviations - segment.alpha - segment.beta * times
        jumps = np.flatnonzero(np.abs(off) > self._threshold)
        if len(jumps) and jumps[0] == 0:
            return self._jump(stamps, first, float(off[0]), was_held)
        n = int(jumps[0]) if len(jumps) else len(block)
        r = deviations[:n]
        self._sums += np.array([n, times[:n].sum(), r.sum(), r @ r])
        start = segment.signal0 + segment.n / self.nominal_hz
        segment.n += n
        _extend(spans, SampleSpan(first, n, start), self.nominal_hz)
        return n

    def _begin(self, block: np.ndarray) -> bool:
        """Begin a segment where one is due; whether there is one."""
        if self._segments and not self._rebase:
            return True
        known = block[np.isfinite(block)]
        if not len(known):
            return bool(self._segments)
        if not self._segments:
            self._segments.append(SampleSegment(float(known[0]), float(known[0]) + self._lead_s))
        elif np.isfinite(block[0]):
            self._rebase, self._dropped = False, 0
            self._begin_segment(float(block[0]), self.end)
        return True

    def _jump(self, stamps: np.ndarray, first: int, off: float, was_held: bool) -> int | None:
        """A sample whose stamp is off the line: behind a gap, repeated, or wrong; how many were used, None to wait."""
        if not was_held:
            self._jump_since, self._jump_arrived = self._arrivals, self._arrived
        ahead = stamps[first + 1 : first + 1 + self._n_confirm]
        if len(ahead) < self._n_confirm:
            return None
        self._jumps.append(self._n_in)
        if len(self._jumps) == 4 and self._n_in - self._jumps[0] < JITTER_MEMORY_S * self.nominal_hz and abs(off) < 0.5:
            self._learnt_at = self._n_in + LEARN_S * self.nominal_hz  # so many jumps are jitter, not gaps
        stamp, segment = float(stamps[first]), self._segments[-1]
        if not self._is_confirmed(stamp, ahead, segment):
            stamps[first] = np.nan
            self.n_wrong += 1
        elif self._was_set(stamp, off, ahead):
            self.n_set += 1
            self._begin_segment(stamp, self.end)
        elif off < 0:
            self._dropped = 1
            self.n_repeated += 1
            return 1
        else:
            self.n_gaps += 1
            self.n_lost += max(round(off * self.nominal_hz), 1)
            self._begin_segment(stamp, segment.signal(stamp))
        return 0

    def _is_confirmed(self, stamp: float, ahead: np.ndarray, segment: SampleSegment) -> bool:
        """Whether the stamps behind one that is off the line follow it, rather than the line."""
        n_later = np.arange(1, len(ahead) + 1)
        jumped = stamp + (1 + segment.beta) * n_later / self.nominal_hz
        line = segment.stamp0 + segment.alpha + (1 + segment.beta) * (segment.n + n_later) / self.nominal_hz
        follows, on_line = (np.abs(ahead - there) <= self._threshold for there in (jumped, line))
        enough = follows[:N_FOLLOW].all() or follows.mean() >= SHARE_FOLLOW  # stamps at random agree now and then
        return bool(enough and follows.sum() >= on_line.sum())

    def _was_set(self, stamp: float, off: float, ahead: np.ndarray) -> bool:
        """Whether a confirmed jump is one of the sender's clock: samples went on arriving as if there were none."""
        if not self._arrived:
            return False
        if off > 0:
            return off > SET_S and self._jump_arrived - self._jump_since < off / 2
        catches_up = bool((ahead >= stamp - off - self._threshold).any())
        return not catches_up and self._arrived - self._jump_arrived >= len(ahead) / self.nominal_hz / 2

    def _begin_segment(self, stamp: float, signal: float) -> None:
        self._close_block()
        self._fit.begin_segment()
        self._previous_level = None
        _, beta = self._fit.solve(self._noise)
        self._segments.append(SampleSegment(stamp, signal, beta=beta))

    def _drop(self, stamps: np.ndarray, segment: SampleSegment) -> int:
        """Drop samples that came twice, up to the one that is due; how many."""
        due = segment.stamp0 + segment.alpha + (1 + segment.beta) * segment.n / self.nominal_hz
        late = stamps < due - max(0.5 / self.nominal_hz, 2 * self.jitter_s)
        n = len(stamps) if late.all() else int(np.argmin(late))
        left = max(round(STUCK_S * self.nominal_hz) - self._dropped, 0)
        is_stuck = n > left and due - stamps[left] > SET_BACK_S
        if is_stuck or (n and due - stamps[0] > SET_S and self._come_as_new()):
            n = left if is_stuck else 0
            self.n_gaps += 1
            self._begin_segment(float(stamps[n]), self.end + (self._dropped + n) / self.nominal_hz)
            self.n_repeated += n
            self._dropped = 0
            return n
        self.n_repeated += n
        self._dropped = self._dropped + n if n == len(stamps) else 0
        return n

    def _come_as_new(self) -> bool:
        """Whether the samples dropped so far came no faster than new ones do, and so are new: the clock was set."""
        dropped_s = self._dropped / self.nominal_hz
        return dropped_s >= 2 * SET_S and self._arrived - self._jump_arrived >= dropped_s / 2

    @property
    def _noise(self) -> float:
        return self.jitter_s**2 + EXACT_S**2

    def _close_block(self) -> None:
        """Add the block's sums to the line and the jitter."""
        n, t, r, rr = self._sums.tolist()
        self._sums = np.zeros(4)
        if not n:
            return
        self._fit.add(t / n, r / n, self._fade)
        segment = self._segments[-1]
        level = r / n - segment.beta * t / n
        within = max(rr / n - (r / n) ** 2, 0.0)
        step = 0.0 if self._previous_level is None else (level - self._previous_level) ** 2 / 2
        self._previous_level = level
        fade = float(np.exp(-n / self.nominal_hz / JITTER_MEMORY_S))
        self._variance = fade * self._variance + (1 - fade) * (within + step)
        self._weight = fade * self._weight + (1 - fade)

    def _refit(self) -> None:
        has_samples = self._sums[0] > 0
        self._close_block()
        if has_samples:
            segment = self._segments[-1]
            segment.alpha, segment.beta = self._fit.solve(self._noise)


def _extend(spans: list[SampleSpan], new: SampleSpan, rate: float) -> None:
    """Join a span to the one before where both samples and time go on."""
    if spans:
        last = spans[-1]
        due = last.start + last.n / rate
        if last.first + last.n == new.first and abs(new.start - due) < 1e-3 / rate:
            spans[-1] = SampleSpan(last.first, last.n + new.n, last.start)
            return
    spans.append(new)
