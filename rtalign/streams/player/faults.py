"""Faults for rehearsal: what a plan asks for, applied to samples and markers on their way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtalign.streams.player.fault_plan import (
    ChannelChange,
    Delay,
    Disconnect,
    Drift,
    Drop,
    Duplicate,
    FaultPlan,
    Gap,
    Jitter,
    Nan,
)


@dataclass(frozen=True, slots=True, eq=False)
class OutgoingSamples:
    """Samples on their way out.

    Attributes
    ----------
    data : array, shape (sample, sensor)
        In SI units.
    time : array, shape (sample,)
        In the stream, s.
    stamps : array, shape (sample,)
        On the stream's clock, s.
    delay_s : float
        How long after their last stamp they are sent.
    """

    data: np.ndarray
    time: np.ndarray
    stamps: np.ndarray
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OutgoingMarker:
    """A word marker on its way out.

    Attributes
    ----------
    text : str
        What is sent.
    time : float
        In the stream, s.
    stamp : float
        On the stream's clock, s.
    delay_s : float
        How long after its stamp it is sent.
    """

    text: str
    time: float
    stamp: float
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OutletState:
    """Which outlets are open at a time, and which sensors the MEG lacks.

    Attributes
    ----------
    meg, words : bool
        Whether the outlet is open.
    without : frozenset of str
        Sensors that the MEG lacks.
    """

    meg: bool = True
    words: bool = True
    without: frozenset[str] = frozenset()


class FaultInjector:
    """Applies a plan of faults to a stream; the result is the same every time, however the stream is cut.

    Time in the stream counts seconds of the recording from its first sample on, whatever the speed.

    Parameters
    ----------
    plan : FaultPlan
        The faults.
    names : sequence of str
        The sensors of the recording.
    sfreq : float
        Its rate, Hz.
    speed : float
        Times real time.

    Raises
    ------
    ValueError
        If the plan names a sensor that is not there, or removes all of them.
    """

    def __init__(self, plan: FaultPlan, names: Sequence[str], sfreq: float, speed: float = 1.0) -> None:
        self._plan, self._names, self._sfreq, self._speed = plan, tuple(names), sfreq, speed
        for fault in plan.fault:
            if missing := [name for name in fault.named_sensors() if name not in self._names]:
                raise ValueError(f"the faults file names sensor {missing[0]}, which the recording does not have")
            match fault:
                case ChannelChange() if not set(self._names) - self._removed(fault):
                    raise ValueError(f"the faults file removes all {len(self._names)} sensors; leave at least one")

    def push(self, samples: OutgoingSamples) -> OutgoingSamples:
        """Apply the faults of the MEG.

        Parameters
        ----------
        samples : OutgoingSamples
            The next samples; they are not changed.

        Returns
        -------
        OutgoingSamples
            Those that are sent, perhaps none.
        """
        kept = np.ones(len(samples.time), bool)
        data, stamps, delay = samples.data, samples.stamps, samples.delay_s
        for i, fault in enumerate(self._plan.fault):
            if fault.stream == "words":
                continue
            active = fault.covers(samples.time)
            match fault:
                case Drift():
                    stamps = stamps + self._drift(fault, samples.time)
                case _ if not active.any():
                    continue
                case Gap():
                    kept &= ~active
                case Drop():
                    kept &= ~(active & self._lost(fault, i, samples.time))
                case Jitter():
                    jitter = 2 * self._random(i, self._sample_numbers(samples.time)) - 1
                    stamps = stamps + np.where(active, jitter * fault.ms / 1000, 0.0)
                case Delay():
                    delay += fault.ms / 1000
                case Nan():
                    columns = [not fault.names or name in fault.names for name in self._names]
                    data = np.where(active[:, None] & np.array(columns), np.float32(np.nan), data)
        return OutgoingSamples(data[kept], samples.time[kept], stamps[kept], delay)

    def push_marker(self, marker: OutgoingMarker) -> list[OutgoingMarker]:
        """Apply the faults of the words.

        Parameters
        ----------
        marker : OutgoingMarker
            The next marker.

        Returns
        -------
        list of OutgoingMarker
            What is sent: nothing, the marker, or several.
        """
        markers = [marker]
        for i, fault in enumerate(self._plan.fault):
            if fault.stream == "meg":
                continue
            time = np.array([marker.time])
            match fault:
                case Drift():
                    shift = float(self._drift(fault, time)[0])
                    markers = [replace(one, stamp=one.stamp + shift) for one in markers]
                case _ if not fault.affects("words", marker.time):
                    continue
                case Gap():
                    return []
                case Drop() if self._lost(fault, i, time)[0]:
                    return []
                case Jitter():
                    jitter = float(2 * self._random(i, self._sample_numbers(time))[0] - 1)
                    markers = [replace(one, stamp=one.stamp + jitter * fault.ms / 1000) for one in markers]
                case Delay():
                    markers = [replace(one, delay_s=one.delay_s + fault.ms / 1000) for one in markers]
                case Duplicate():
                    late = fault.ms / 1000
                    copies = range(1, fault.times + 1)
                    markers += [replace(one, delay_s=one.delay_s + n * late) for n in copies for one in markers]
        return markers

    def outlet_state(self, time: float) -> OutletState:
        """Which outlets are open at a time in the stream."""
        meg = words = True
        without: set[str] = set()
        for fault in self._plan.fault:
            match fault:
                case Disconnect():
                    meg, words = meg and not fault.affects("meg", time), words and not fault.affects("words", time)
                case ChannelChange():
                    back = fault.at + fault.seconds
                    meg = meg and not any(start <= time < start + fault.away_s for start in (fault.at, back))
                    without |= self._removed(fault) if fault.at <= time < back else set()
        return OutletState(meg, words, frozenset(without))

    def active(self, time: float) -> list[str]:
        """The kinds of fault that happen at a time in the stream."""
        return [fault.kind for fault in self._plan.fault if fault.at <= time < fault.at + fault.seconds]

    def _removed(self, fault: ChannelChange) -> set[str]:
        return set(fault.without) if fault.keep is None else set(self._names[fault.keep :])

    def _drift(self, fault: Drift, time: np.ndarray) -> np.ndarray:
        """The error of the clock at each time, s."""
        return np.clip(time - fault.at, 0.0, fault.seconds) * fault.ppm * 1e-6 / self._speed

    def _lost(self, fault: Drop, i: int, time: np.ndarray) -> np.ndarray:
        packets = np.floor((time - fault.at) / (fault.packet_ms / 1000) + 1e-9).astype(np.int64)
        return self._random(i, packets) < fault.share

    def _sample_numbers(self, time: np.ndarray) -> np.ndarray:
        return np.round(time * self._sfreq).astype(np.int64)

    def _random(self, i: int, numbers: np.ndarray) -> np.ndarray:
        """In [0, 1), one for each number and fault i: hashed (splitmix64), so that chunk sizes do not matter."""
        mixed = numbers.astype(np.uint64) + np.uint64((self._plan.seed * 1001 + i + 1) * 0x9E3779B97F4A7C15 % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 0x9E3779B97F4A7C15)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        return (mixed >> np.uint64(11)) * 2.0**-53
