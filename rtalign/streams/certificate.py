"""The timing of streams as a session receives them: loss, drift, latency and clocks, measured and held to limits."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rtalign.core.records import Sensor
from rtalign.streams.events import OffsetMeasurement, RawMarker, RawSamples, SignalChanged
from rtalign.streams.live.raw_source import RawSource
from rtalign.streams.lsl import SignalOutlet, TextOutlet, local_clock

WARM_S = 1.0
"""Latencies count from then on: what came while the streams were opened has waited for that."""
FIND_S = 20.0
"""How long the streams are searched for."""
SFREQ, N_CHANNELS, CHUNK_S, MARKER_S = 1200.0, 275, 0.02, 0.25
"""The streams of the test sender: a helmet, and four markers a second."""
DRIFT_AFTER_S = 30.0
"""Before that, noise would make a steeper slope than any quartz clock has."""
MAX_LATENCY_S, MAX_UNCERTAINTY_S, MAX_PPM = 0.05, 1e-3, 200.0
"""What is asked of streams: 99 % within 50 ms, clocks known to 1 ms, no quartz further off than this."""


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One measured value and its limit.

    Attributes
    ----------
    name, unit : str
        What was measured, and in which unit.
    value : float or None
        None where it could not be measured.
    limit : float or None
        What its size may be at most; None where there is no limit.
    """

    name: str
    unit: str
    value: float | None
    limit: float | None = None

    @property
    def passed(self) -> bool:
        """Whether it was measured and is within its limit."""
        return self.limit is None or (self.value is not None and abs(self.value) <= self.limit)


@dataclass(slots=True)
class Arrivals:
    """What came of the two streams.

    Attributes
    ----------
    stamps, latencies_s : list of ndarray
        Of each chunk of MEG: the stamps of its samples, and how long after its newest sample it was there.
    marker_latencies_s : list of float
        The same of markers.
    n_markers : int
        Markers received.
    offsets : dict of str to list of (float, float, float)
        Of each stream: local time, offset and uncertainty of its clock.
    sfreq : float
        The rate that the MEG declares.
    """

    stamps: list[np.ndarray] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    marker_latencies_s: list[float] = field(default_factory=list)
    n_markers: int = 0
    offsets: dict[str, list[tuple[float, float, float]]] = field(default_factory=lambda: {"meg": [], "words": []})
    sfreq: float = 0.0


def measure(source: RawSource, seconds: float, tick: Callable[[float], None] | None = None) -> Arrivals:
    """Receive for a time, which begins with the first sample.

    Parameters
    ----------
    source : RawSource
        The streams.
    seconds : float
        How long.
    tick : callable, optional
        Told how many seconds have passed.

    Returns
    -------
    Arrivals

    Raises
    ------
    ValueError
        Where no MEG comes.
    """
    found, begin = Arrivals(), local_clock()
    until, is_warm = begin + FIND_S, False
    while (now := local_clock()) < until:
        had_any = bool(found.stamps)
        for event in source.poll(0.05):
            _take(found, event, local_clock())
        if found.stamps and not had_any:
            begin, until = now, now + seconds
        if found.stamps and not is_warm and now - begin > WARM_S:
            is_warm = True
            found.latencies_s.clear()
            found.marker_latencies_s.clear()
        if tick is not None and found.stamps:
            tick(now - begin)
    if not found.stamps:
        raise ValueError(f"no sample of MEG came within {FIND_S:g} s - is its sender running? Name it with --meg")
    return found


def _take(found: Arrivals, event: object, now: float) -> None:
    match event:
        case SignalChanged():
            found.sfreq = event.sfreq
        case OffsetMeasurement():
            found.offsets[event.stream].append((event.time, event.offset_s, event.uncertainty_s))
        case RawSamples():
            found.stamps.append(event.stamps)
            found.latencies_s.append(now - event.stamps[-1] - _offset(found, "meg"))
        case RawMarker():
            found.n_markers += 1
            found.marker_latencies_s.append(now - event.stamp - _offset(found, "words"))


def _offset(found: Arrivals, stream: str) -> float:
    return found.offsets[stream][-1][1] if found.offsets[stream] else 0.0


def judge(found: Arrivals) -> list[MeasuredValue]:
    """The measured values beside their limits.

    Parameters
    ----------
    found : Arrivals
        What came.

    Returns
    -------
    list of MeasuredValue
    """
    stamps = np.concatenate(found.stamps)
    index = np.arange(len(stamps))
    expected = round((stamps[-1] - stamps[0]) * found.sfreq) + 1
    rate = 1 / np.polyfit(index, stamps - stamps[0], 1)[0]
    checks = [
        MeasuredValue("samples received", "", float(len(stamps))),
        MeasuredValue("samples lost", "", float(max(expected - len(stamps), 0)), 0.0),
        MeasuredValue("stamps that go back", "", float((np.diff(stamps) < 0).sum()), 0.0),
        MeasuredValue("MEG rate beside the declared one", "ppm", 1e6 * (rate / found.sfreq - 1), MAX_PPM),
        *_latency("MEG latency", found.latencies_s),
        MeasuredValue("markers received", "", float(found.n_markers)),
    ]
    if found.marker_latencies_s:
        checks += _latency("marker latency", found.marker_latencies_s)
    for stream, name in (("meg", "MEG"), ("words", "markers")):
        checks += _clock(name, found.offsets[stream]) if stream == "meg" or found.offsets[stream] else []
    return checks


def _latency(name: str, latencies_s: list[float]) -> list[MeasuredValue]:
    middle, high = np.percentile(latencies_s, [50, 99])
    return [
        MeasuredValue(f"{name}, median", "ms", 1e3 * float(middle)),
        MeasuredValue(f"{name}, 99 %", "ms", 1e3 * float(high), 1e3 * MAX_LATENCY_S),
        MeasuredValue(f"{name}, highest", "ms", 1e3 * max(latencies_s)),
    ]


def _clock(name: str, offsets: list[tuple[float, float, float]]) -> list[MeasuredValue]:
    """Of a stream's clock; its drift only where it was measured for long enough."""
    limit = 1e3 * MAX_UNCERTAINTY_S
    if not offsets:
        return [MeasuredValue(f"clock of the {name}, uncertainty", "ms", None, limit)]
    times, values, uncertainties = np.array(offsets).T
    checks = [
        MeasuredValue(f"clock of the {name}, offset", "ms", 1e3 * float(np.median(values))),
        MeasuredValue(f"clock of the {name}, uncertainty", "ms", 1e3 * float(np.median(uncertainties)), limit),
    ]
    if times[-1] - times[0] >= DRIFT_AFTER_S:
        slope = float(np.polyfit(times - times[0], values, 1)[0])
        checks.append(MeasuredValue(f"clock of the {name}, drift", "ppm", 1e6 * slope, MAX_PPM))
    return checks


def start_sender(name: str) -> subprocess.Popen[bytes]:
    """A sender of test streams, NAME-meg and NAME-words, in a process of its own; it ends when it is terminated."""
    return subprocess.Popen([sys.executable, "-m", "rtalign.streams.certificate", name])


def send(name: str) -> None:
    """Noise of a helmet and markers, without end, in real time."""
    sensors = [Sensor(f"M{k:03d}", "axial", (0.0, 0.0, 0.1), (0.0, 0.0, 1.0)) for k in range(N_CHANNELS)]
    meg, words = (
        SignalOutlet(f"{name}-meg", sensors, SFREQ, f"{name}-meg"),
        TextOutlet(f"{name}-words", f"{name}-words"),
    )
    size = round(CHUNK_S * SFREQ)
    noise = np.random.default_rng(0).standard_normal((size, N_CHANNELS)).astype(np.float32) * 1e-13
    begin, n, next_marker = local_clock(), 0, 0.0
    while True:
        n += size
        time.sleep(max(begin + n / SFREQ - local_clock(), 0.0))
        meg.push(noise, begin + (n - size + 1 + np.arange(size)) / SFREQ)
        if n / SFREQ >= next_marker:
            words.push("marker", local_clock())
            next_marker += MARKER_S


if __name__ == "__main__":
    send(sys.argv[1])
