"""Faults for rehearsal: what a plan asks to go wrong, done to samples and markers on their way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtalign.streams.player.fault_plan import (
    Channels,
    Delay,
    Disconnect,
    Drift,
    Drop,
    Duplicate,
    Gap,
    Jitter,
    Nan,
    Plan,
)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Samples on their way out.  data : (sample, sensor); time, stamps : (sample,) in the stream, on its clock, s."""

    data: np.ndarray
    time: np.ndarray
    stamps: np.ndarray
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Marker:
    """A word on its way out.  time : in the stream; stamp : on its clock; both s."""

    text: str
    time: float
    stamp: float
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Offered:
    """Which outlets are open at a time, and which sensors the MEG lacks."""

    meg: bool = True
    words: bool = True
    without: frozenset[str] = frozenset()


class Faults:
    """Does to a stream what a plan says; the same every time, however the stream is cut.

    Time in the stream counts seconds of the recording from its first sample on, whatever the speed.
    """

    def __init__(self, plan: Plan, names: Sequence[str], sfreq: float, speed: float = 1.0) -> None:
        self._plan, self._names, self._sfreq, self._speed = plan, tuple(names), sfreq, speed
        for fault in plan.fault:
            asked = fault.names if isinstance(fault, Nan) else fault.without if isinstance(fault, Channels) else ()
            if missing := [name for name in asked if name not in self._names]:
                raise ValueError(f"the faults file names sensor {missing[0]}, which the recording does not have")
            if isinstance(fault, Channels) and not set(self._names) - self._lacking(fault):
                raise ValueError(f"the faults file takes away all {len(self._names)} sensors; leave at least one")

    def push(self, piece: Piece) -> Piece:
        """What is left of a piece of MEG, and what it looks like; perhaps without a sample."""
        kept = np.ones(len(piece.time), bool)
        data, stamps, delay = piece.data, piece.stamps, piece.delay_s
        for place, fault in enumerate(self._plan.fault):
            if fault.stream == "words":
                continue
            struck = fault.covers(piece.time)
            if isinstance(fault, Drift):
                stamps = stamps + self._drifted(fault, piece.time)
            elif not struck.any():
                continue
            elif isinstance(fault, Gap):
                kept &= ~struck
            elif isinstance(fault, Drop):
                kept &= ~(struck & self._lost(fault, place, piece.time))
            elif isinstance(fault, Jitter):
                wobble = 2 * self._chance(place, self._numbers(piece.time)) - 1
                stamps = stamps + np.where(struck, wobble * fault.ms / 1000, 0.0)
            elif isinstance(fault, Delay):
                delay += fault.ms / 1000
            elif isinstance(fault, Nan):
                columns = [not fault.names or name in fault.names for name in self._names]
                data = np.where(struck[:, None] & np.array(columns), np.float32(np.nan), data)
        return Piece(data[kept], piece.time[kept], stamps[kept], delay)

    def push_word(self, marker: Marker) -> list[Marker]:
        """What becomes of a word marker: nothing, itself, or several."""
        found = [marker]
        for place, fault in enumerate(self._plan.fault):
            if fault.stream == "meg":
                continue
            time = np.array([marker.time])
            if isinstance(fault, Drift):
                shift = float(self._drifted(fault, time)[0])
                found = [replace(one, stamp=one.stamp + shift) for one in found]
            elif not fault.strikes("words", marker.time):
                continue
            elif isinstance(fault, Gap) or (isinstance(fault, Drop) and self._lost(fault, place, time)[0]):
                return []
            elif isinstance(fault, Jitter):
                wobble = float(2 * self._chance(place, self._numbers(time))[0] - 1)
                found = [replace(one, stamp=one.stamp + wobble * fault.ms / 1000) for one in found]
            elif isinstance(fault, Delay):
                found = [replace(one, delay_s=one.delay_s + fault.ms / 1000) for one in found]
            elif isinstance(fault, Duplicate):
                late = fault.ms / 1000
                found += [
                    replace(one, delay_s=one.delay_s + n * late) for n in range(1, fault.times + 1) for one in found
                ]
        return found

    def offered(self, time: float) -> Offered:
        """What the sender offers at a time in the stream."""
        meg = words = True
        without: set[str] = set()
        for fault in self._plan.fault:
            if isinstance(fault, Disconnect):
                meg, words = meg and not fault.strikes("meg", time), words and not fault.strikes("words", time)
            elif isinstance(fault, Channels):
                back = fault.at + fault.seconds
                meg = meg and not any(start <= time < start + fault.away_s for start in (fault.at, back))
                without |= self._lacking(fault) if fault.at <= time < back else set()
        return Offered(meg, words, frozenset(without))

    def happening(self, time: float) -> list[str]:
        """The kinds of fault that strike at a time in the stream."""
        return [fault.kind for fault in self._plan.fault if fault.at <= time < fault.at + fault.seconds]

    def _lacking(self, fault: Channels) -> set[str]:
        return set(fault.without) if fault.keep is None else set(self._names[fault.keep :])

    def _drifted(self, fault: Drift, time: np.ndarray) -> np.ndarray:
        """How far the clock is off at each time, s."""
        return np.clip(time - fault.at, 0.0, fault.seconds) * fault.ppm * 1e-6 / self._speed

    def _lost(self, fault: Drop, place: int, time: np.ndarray) -> np.ndarray:
        packets = np.floor((time - fault.at) / (fault.packet_ms / 1000) + 1e-9).astype(np.int64)
        return self._chance(place, packets) < fault.share

    def _numbers(self, time: np.ndarray) -> np.ndarray:
        return np.round(time * self._sfreq).astype(np.int64)

    def _chance(self, place: int, numbers: np.ndarray) -> np.ndarray:
        """A random number in [0, 1) for each number: hashed (splitmix64), so that it depends on no chunk size."""
        mixed = numbers.astype(np.uint64) + np.uint64((self._plan.seed * 1001 + place + 1) * 0x9E3779B97F4A7C15 % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 0x9E3779B97F4A7C15)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        return (mixed >> np.uint64(11)) * 2.0**-53
