"""The clock of an XDF stream: offsets applied to its stamps, breaks found, samples counted within each segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rtalign.core.robust_line import LATE_DEVIATIONS, LATE_S, trimmed_line
from rtalign.recordings.xdf.reader import XdfFile, XdfStream

PERSIST_S = 5.0
"""A jump of the stamps is a break when it lasts this long; jitter comes back."""
STALL_S = 10.0
"""Stamps that are late for less than this, and no longer late afterwards, were given after a stall of the transfer."""
TAIL_DEVIATIONS = 3.0
"""So far a stall is followed to its end, where its last stamps are hardly late any more."""
BIN_S = 0.25
EVEN_S = 0.5
"""How close knots are at least, and those by which rate and jitter are judged: a stall has more than a quiet time."""
SPAN_S, MIN_PAIRS = 2.0, 20
"""Over which the rate is measured for a first estimate, and how often at least."""
SHORT_S = 10.0
"""Shorter segments say nothing on the sender's true rate."""
WINSOR_S = 1e-4
RESET_S, RESET_OFFSET_S, RESET_STDS, RESET_OFFSET_STDS = 5.0, 1.0, 5.0, 10.0
"""What makes a clock reset, as in pyxdf: a late measurement whose offset jumped as well."""
RATE_TOLERANCE = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class XdfSegment:
    """Samples without a break.

    Attributes
    ----------
    first, n : int
        The number of the first sample, and how many there are.
    start : float
        The signal time of the first sample, s.
    indices, times : ndarray, shape (point,)
        Points of the line from sample number to common time.
    """

    first: int
    n: int
    start: float
    indices: np.ndarray
    times: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class CountedClock:
    """The signal time of each sample, counted at one rate, and the signal time of any common time.

    Attributes
    ----------
    sfreq : float
        Samples a second of signal time.
    segments : tuple of XdfSegment
        In order of time.
    """

    sfreq: float
    segments: tuple[XdfSegment, ...]

    def to_signal_time(self, times: np.ndarray) -> np.ndarray:
        """Convert common times to signal time, through the samples' numbers, so that drift never adds up.

        Parameters
        ----------
        times : ndarray, shape (time,)
            On the common clock, s.

        Returns
        -------
        ndarray, shape (time,)
            In signal time, s.
        """
        times = np.asarray(times, float)
        owner = np.searchsorted([segment.times[0] for segment in self.segments], times, side="right") - 1
        placed = np.empty(len(times))
        for k, segment in enumerate(self.segments):
            own = np.maximum(owner, 0) == k
            outside = np.maximum(times[own] - segment.times[-1], 0) - np.maximum(segment.times[0] - times[own], 0)
            index = np.interp(times[own], segment.times, segment.indices) + outside * self.sfreq
            placed[own] = segment.start + (index - segment.first) / self.sfreq
        return placed

    def shifted(self, seconds: float) -> CountedClock:
        """Return the same clock with another zero."""
        moved = [XdfSegment(s.first, s.n, s.start + seconds, s.indices, s.times) for s in self.segments]
        return CountedClock(self.sfreq, tuple(moved))


def count_clock(file: XdfFile, stream: XdfStream, dejitter: bool) -> tuple[CountedClock, list[str]]:
    """Make the clock of a stream of numbers.

    Parameters
    ----------
    file : XdfFile
        Where the stream is.
    stream : XdfStream
        A stream with a sampling rate.
    dejitter : bool
        Whether a segment's samples lie on the straight line through its stamps; else the stamps are used as they are.

    Returns
    -------
    clock : CountedClock
        The first sample is at its common time.
    notes : list of str
        What a user should know of it.
    """
    sfreq, notes = stream.header.sfreq, []
    indices, stamps = _knots(file, stream, sfreq)
    times = to_common_clock(stamps, stream.offsets)
    late = _late(indices, times, sfreq)
    if late.any():
        notes.append(_stall_note(indices, late, stream.n_samples, sfreq))
    kept = np.flatnonzero(~late)
    starts = _breaks(indices, times, kept, sfreq)
    stops = [*starts[1:], stream.n_samples]
    own = [kept[(indices[kept] >= a) & (indices[kept] < b)] for a, b in zip(starts, stops, strict=True)]
    measured = _rate([(indices[k], times[k]) for k in own], sfreq)
    if measured and abs(measured / sfreq - 1) > RATE_TOLERANCE:
        notes.append(f"{stream.header.name} says {sfreq:g} Hz and came at {measured:.6g} Hz, which is used")
        sfreq = float(f"{measured:.6g}")
    segments: list[XdfSegment] = []
    gaps = []
    for first, stop, k in zip(starts, stops, own, strict=True):
        if dejitter:
            xs, ys = _line(indices[k], times[k], first, stop, sfreq)
        else:
            inside = (indices >= first) & (indices < stop)
            xs, ys = indices[inside].astype(float), np.maximum.accumulate(times[inside])
        start = float(ys[0])
        if segments:
            before = segments[-1]
            gaps.append(_gap(before, start, sfreq))
            start = before.start + before.n / sfreq + gaps[-1]
        segments.append(XdfSegment(first, stop - first, start, xs, ys))
    if gaps:
        notes.append(f"breaks in the signal: {len(gaps)} ({sum(gaps):.3g} s in all)")
    return CountedClock(sfreq, tuple(segments)), notes


def to_common_clock(stamps: np.ndarray, offsets: Sequence[tuple[float, float]]) -> np.ndarray:
    """Convert a sender's stamps to the recorder's clock.

    Parameters
    ----------
    stamps : ndarray, shape (stamp,)
        On the sender's clock, in order.
    offsets : sequence of (float, float)
        When each clock offset was measured, on the sender's clock, and what to add there.

    Returns
    -------
    ndarray, shape (stamp,)
        On the recorder's clock.
    """
    stamps = np.array(stamps, float)
    if not offsets:
        return stamps
    collected, values = np.array(offsets, float).T
    resets = [0, *(_resets(collected, values) + 1), len(collected)]
    at = 0
    for a, b in pairwise(resets):
        until = len(stamps)
        if b < len(collected):
            nearer = np.abs(stamps[at:] - collected[b - 1]) < np.abs(stamps[at:] - collected[b])
            until = at + (len(nearer) if nearer.all() else int(np.argmin(nearer)))
        level, slope, centre = _robust_line(collected[a:b], values[a:b])
        stamps[at:until] += level + slope * (stamps[at:until] - centre)
        at = until
    return stamps


def _resets(collected: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which offsets are the last before the sender's clock was reset."""
    if len(collected) < 2:
        return np.zeros(0, int)
    late = _outlying(np.diff(collected), RESET_STDS, RESET_S)
    jumped = _outlying(np.diff(values), RESET_OFFSET_STDS, RESET_OFFSET_S)
    return np.flatnonzero((np.diff(collected) < 0) | (late & jumped))


def _outlying(steps: np.ndarray, stds: float, seconds: float) -> np.ndarray:
    off = np.abs(steps - np.median(steps))
    return (off / (np.median(off) + np.finfo(float).eps) > stds) & (off > seconds)


def _robust_line(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """level, slope, centre of the line that minimises Huber's loss, as pyxdf fits clock offsets."""
    centre = float(x.mean())
    if len(x) < 2 or np.ptp(x) == 0:
        return float(np.median(y)), 0.0, centre
    design = np.stack([np.ones(len(x)), x - centre], axis=1)
    weights = np.ones(len(x))
    for _ in range(200):
        fit = np.linalg.lstsq(design * np.sqrt(weights)[:, None], y * np.sqrt(weights), rcond=None)[0]
        weights = np.minimum(1.0, WINSOR_S / np.maximum(np.abs(y - design @ fit), 1e-12))
    return float(fit[0]), float(fit[1]), centre


def _knots(file: XdfFile, stream: XdfStream, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Sample numbers and stamps at both ends of every chunk, and between where there is nothing else for a while; of
    all samples where the time between does not fit.

    Why not all: ten hours of stamps are scattered over 40 GB, and a chunk that lasts as long as its samples has no gap.
    """
    first, n = np.array(stream.first, int), np.array(stream.n, int)
    since, until = np.array(stream.since, float), np.array(stream.until, float)
    odd = np.flatnonzero(np.abs(until - since - (n - 1) / sfreq) > 1.5 / sfreq + 1e-3 * (n - 1) / sfreq)
    indices, stamps = [np.stack([first, first + n - 1], 1)[n > 0].ravel()], [np.stack([since, until], 1).ravel()]
    for i in odd:
        inside = file.stamps(stream, int(i))
        steps = np.flatnonzero(np.abs(np.diff(inside) - 1 / sfreq) > 0.5 / sfreq)
        kept = np.unique(np.concatenate([steps, steps + 1]))
        kept = kept[(kept > 0) & (kept < len(inside) - 1)]
        indices.append(first[i] + kept)
        stamps.append(inside[kept])
    numbers, places = np.unique(np.concatenate(indices), return_index=True)
    known = np.concatenate(stamps)[places]
    dense = np.union1d(numbers, np.arange(0, stream.n_samples, max(round(EVEN_S * sfreq), 1)))
    return dense, np.interp(dense, numbers, known)


def _late(indices: np.ndarray, times: np.ndarray, sfreq: float) -> np.ndarray:
    """Which knots were stamped after a stall of the transfer: earlier and later ones both lie lower on the line.

    Why both: samples that were lost leave all later stamps late, and a clock that was set back all earlier ones.  What
    was stamped in a stall that lasted when the recording began is late as well.
    """
    step = max(round(EVEN_S * sfreq), 1)
    even = np.unique(np.searchsorted(indices, np.arange(indices[0], indices[-1] + 1, step)))
    off = times - indices * _first_slope(indices[even], times[even], sfreq)
    earlier = _lowest_before(indices, off, sfreq)
    later = _lowest_before(indices[-1] - indices[::-1], off[::-1], sfreq)[::-1]
    above = off - np.where(indices < STALL_S * sfreq, later, np.maximum(earlier, later))
    jitter = float(np.median(above[even]))
    stalled = above > max(LATE_S, LATE_DEVIATIONS * jitter)
    late = above > max(1.5 / sfreq, TAIL_DEVIATIONS * jitter)
    runs = np.cumsum(np.diff(late, prepend=False)) * late  # each run of late knots has a number of its own
    return late & np.isin(runs, np.unique(runs[stalled]))


def _first_slope(indices: np.ndarray, times: np.ndarray, sfreq: float) -> float:
    """Seconds a sample, as most pairs of knots some seconds apart have it."""
    partner = np.searchsorted(indices, indices + int(SPAN_S * sfreq))
    pairs = np.flatnonzero(partner < len(indices))
    if len(pairs) < MIN_PAIRS:
        return 1 / sfreq
    slopes = (times[partner[pairs]] - times[pairs]) / (indices[partner[pairs]] - indices[pairs])
    slope = float(np.median(slopes))
    return slope if slope > 0 else 1 / sfreq


def _lowest_before(indices: np.ndarray, off: np.ndarray, sfreq: float) -> np.ndarray:
    """The lowest value up to each knot, itself included, over the time that a stall may last."""
    bins = (indices / (BIN_S * sfreq)).astype(int)
    edges = np.flatnonzero(np.diff(bins, prepend=-1))
    within, lowest = off.copy(), np.full(bins[-1] + 1, np.inf)
    for a, b in pairwise([*edges.tolist(), len(off)]):
        np.minimum.accumulate(off[a:b], out=within[a:b])
        lowest[bins[a]] = within[b - 1]
    before = np.full(len(lowest), np.inf)
    for shift in range(1, min(int(STALL_S / BIN_S) + 1, len(lowest))):
        np.minimum(before[shift:], lowest[:-shift], out=before[shift:])
    return np.minimum(within, before[bins])


def _stall_note(indices: np.ndarray, late: np.ndarray, n_samples: int, sfreq: float) -> str:
    begins = np.flatnonzero(late & ~np.concatenate([[False], late[:-1]]))
    ends = np.flatnonzero(late & ~np.concatenate([late[1:], [False]]))
    following = np.append(indices, n_samples)[ends + 1]
    seconds = float((following - indices[begins]).sum() / sfreq)
    return (
        f"the stamps of {seconds:.3g} s came late, after {len(begins)} stalls of the transfer: "
        "their samples are dated by all the others"
    )


def _breaks(indices: np.ndarray, times: np.ndarray, kept: np.ndarray, sfreq: float) -> list[int]:
    """Samples with which segments begin: 0, and where time jumps between neighbouring knots and the jump persists."""
    is_next = (np.diff(kept) > 1) | (np.diff(indices[kept]) == 1)
    indices, times = indices[kept], times[kept]
    late = times - indices / sfreq
    jumps = np.diff(late)
    at = np.flatnonzero((np.abs(jumps) > 1.5 / sfreq) & is_next)
    reach = int(PERSIST_S * sfreq)
    since = np.searchsorted(indices, indices[at] - reach)
    until = np.searchsorted(indices, indices[at + 1] + reach, side="right")
    breaks = [0]
    for i, a, b in zip(at.tolist(), since.tolist(), until.tolist(), strict=True):
        before, after = late[a : i + 1], late[i + 1 : b]
        step = after.min() - before.max() if jumps[i] > 0 else before.min() - after.max()
        if step > 1.5 / sfreq or abs(jumps[i]) > PERSIST_S:
            breaks.append(int(indices[i + 1]))
    return breaks


def _rate(knots: Sequence[tuple[np.ndarray, np.ndarray]], sfreq: float) -> float:
    """Samples a second of common time over the long segments; 0 where there is none."""
    n = seconds = 0.0
    for indices, times in knots:
        length = float(indices[-1] - indices[0])
        if length / sfreq >= SHORT_S:
            n, seconds = n + length, seconds + length * trimmed_line(indices - indices[0], times)[1]
    return n / seconds if seconds > 0 else 0.0


def _line(indices: np.ndarray, times: np.ndarray, first: int, stop: int, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Points from sample number to common time, at the first and the last sample of a segment."""
    x = indices - first
    is_long = len(x) > 2 and (x[-1] - x[0]) / sfreq >= SHORT_S
    level, slope = trimmed_line(x, times, None if is_long else 1 / sfreq)
    last = max(stop - 1 - first, 0)
    return first + np.array([0.0, last]), level + slope * np.array([0.0, last])


def _gap(before: XdfSegment, start: float, sfreq: float) -> float:
    """The pause between two segments; unknown where the clock was set back, and taken as one second."""
    gap = start - (float(before.times[-1]) + (before.first + before.n - float(before.indices[-1])) / sfreq)
    return 1.0 if gap < -0.5 else max(gap, 0.0)
