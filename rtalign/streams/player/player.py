"""Streamer: plays recordings as LSL streams of MEG and word markers, in real time, with exact stamps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtalign.core.records import Recording
from rtalign.streams.lsl import local_clock
from rtalign.streams.player.fault_plan import Plan
from rtalign.streams.player.faults import Faults
from rtalign.streams.player.outlets import Outlets, Setup
from rtalign.streams.player.playback import Performance
from rtalign.streams.player.read_ahead import ReadAhead

REPORT_S = 0.25
LEAD_S = 0.1
"""Between the decision to begin and the first sample, so that it does not leave late."""


@dataclass(frozen=True, slots=True)
class Status:
    """How far it got.  began_at : LSL time of the recording's first sample, s; position_s, total_s : of all recordings.

    n_withheld : samples, and words, that faults kept from being sent.
    """

    recording: str = ""
    began_at: float = 0.0
    position_s: float = 0.0
    total_s: float = 0.0
    n_samples: int = 0
    n_words: int = 0
    n_withheld: int = 0
    n_words_withheld: int = 0
    meg_heard: bool = False
    words_heard: bool = False
    faults: tuple[str, ...] = ()


class Streamer:
    """Plays recordings one after another; sample k of one that began at t0 is stamped t0 + k / sfreq / speed."""

    def __init__(
        self,
        recordings: Sequence[Recording],
        setup: Setup | None = None,
        plan: Plan | None = None,
        report: Callable[[Status], None] | None = None,
    ) -> None:
        """report is told now and then how it goes."""
        if not recordings:
            raise ValueError("there is no recording to stream; name at least one")
        self._recordings, self._setup, self._plan = tuple(recordings), setup or Setup(), plan or Plan()
        self._report, self._next_report = report, 0.0
        for recording in recordings:  # a fault that cannot be done is told before anything is played
            self._faults_of(recording)
        self._starts = np.cumsum([0.0, *(_seconds(recording) for recording in recordings)])
        self._outlets: Outlets | None = None
        self._shape: object = None
        self._first: float | None = None
        self.status = Status(total_s=float(self._starts[-1]))

    def run(self, stop: threading.Event | None = None) -> Status:
        """Play to the end, or until stop is set."""
        stop, begin = stop or threading.Event(), 0.0
        try:
            for place, recording in enumerate(self._recordings):
                outlets = self._outlets_for(recording)
                if place == 0:
                    self._wait(outlets, stop)
                t0 = self._play(place, outlets, begin, stop)
                if stop.is_set():
                    break
                begin = t0 + _seconds(recording) / self._setup.speed + self._setup.pause_s
            stop.wait(self._setup.linger_s)  # what was sent last is still on its way
        finally:
            if self._outlets is not None:
                self._outlets.close()
        return self.status

    def _outlets_for(self, recording: Recording) -> Outlets:
        """The open ones, or others where this recording needs others."""
        shape = recording.sensors, recording.sfreq
        if self._outlets is None or shape != self._shape:
            if self._outlets is not None:
                self._outlets.close()
            self._outlets, self._shape = Outlets(self._setup, *shape), shape
        return self._outlets

    def _wait(self, outlets: Outlets, stop: threading.Event) -> None:
        """Until somebody listens to both streams, or patience ends."""
        until = local_clock() + self._setup.wait_s
        while not all(outlets.heard) and local_clock() < until and not stop.wait(0.05):
            self._tell(self.status)

    def _play(self, place: int, outlets: Outlets, begin: float, stop: threading.Event) -> float:
        """Play one recording, from `begin` on or as soon as its first samples are read; returns when it began."""
        recording, speed = self._recordings[place], self._setup.speed
        reading = ReadAhead(recording, max(round(self._setup.chunk_s * recording.sfreq * speed), 1))
        try:
            run = Performance(recording, iter(reading), self._setup, self._faults_of(recording), outlets)
            t0 = max(begin, local_clock() + LEAD_S)
            self._first = t0 if self._first is None else self._first
            run.begin(t0, (t0 - self._first) * speed)
            self._perform(run, place, t0, stop)
        finally:
            reading.close()
        return t0

    def _perform(self, run: Performance, place: int, t0: float, stop: threading.Event) -> None:
        """Until all is sent or stop is set; what is told last is exact, also after Ctrl-C."""
        recording, speed = self._recordings[place], self._setup.speed
        before = replace(self.status, recording=recording.name, began_at=t0)

        def tell() -> None:
            position = min(max((local_clock() - t0) * speed, 0.0), _seconds(recording))
            self._tell(_seen(before, run, float(self._starts[place]) + position))

        try:
            due: float | None = t0
            while due is not None and not stop.is_set():
                due = run.step(local_clock())
                if local_clock() >= self._next_report:
                    tell()
                if due is not None:
                    stop.wait(min(max(due - local_clock(), 0.0), REPORT_S))
        finally:
            tell()

    def _tell(self, status: Status) -> None:
        self.status, self._next_report = status, local_clock() + REPORT_S
        if self._report:
            self._report(status)

    def _faults_of(self, recording: Recording) -> Faults:
        names = [sensor.name for sensor in recording.sensors]
        return Faults(self._plan, names, recording.sfreq, self._setup.speed)


def _seconds(recording: Recording) -> float:
    return recording.n_samples / recording.sfreq


def _seen(before: Status, run: Performance, position_s: float) -> Status:
    meg, words = run.heard
    return replace(
        before,
        position_s=position_s,
        n_samples=before.n_samples + run.n_samples,
        n_words=before.n_words + run.n_words,
        n_withheld=before.n_withheld + run.n_withheld,
        n_words_withheld=before.n_words_withheld + run.n_words_withheld,
        meg_heard=meg,
        words_heard=words,
        faults=run.happening(local_clock()),
    )
