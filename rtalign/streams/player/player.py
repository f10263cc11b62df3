"""Recordings played as LSL streams of MEG and word markers, in real time, with exact stamps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtalign.core.records import Recording, RecordingIdentity, Sensor, compensation_grade
from rtalign.recordings.stream_channels.projectors import Projector, projectors_of
from rtalign.streams.lsl import local_clock
from rtalign.streams.player.fault_plan import FaultPlan
from rtalign.streams.player.faults import FaultInjector
from rtalign.streams.player.outlets import Outlets, PlayerSettings
from rtalign.streams.player.playback import Playback, ReadAhead

REPORT_S = 0.25
LEAD_S = 0.1
OTHERS_S = 2.0
"""From the first receiver of both streams to the first sample: an engine and its recorder find them independently."""
"""Between the decision to begin and the first sample, so that it does not leave late."""


@dataclass(frozen=True, slots=True)
class PlayerStatus:
    """How far a player got.

    Attributes
    ----------
    recording : str
        The name of the one that is played.
    began_at : float
        LSL time of its first sample, s.
    position_s, total_s : float
        Of all recordings, s.
    n_samples, n_words : int
        Sent so far.
    n_withheld, n_words_withheld : int
        Samples and words that were not sent because of faults.
    meg_received, words_received : bool
        Whether the stream has a receiver.
    faults : tuple of str
        The kinds of fault that happen now.
    """

    recording: str = ""
    began_at: float = 0.0
    position_s: float = 0.0
    total_s: float = 0.0
    n_samples: int = 0
    n_words: int = 0
    n_withheld: int = 0
    n_words_withheld: int = 0
    meg_received: bool = False
    words_received: bool = False
    faults: tuple[str, ...] = ()


class Streamer:
    """Plays recordings one after another; sample k of one that began at t0 is stamped t0 + k / sfreq / speed.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one.
    settings : PlayerSettings, optional
        How they are played.
    plan : FaultPlan, optional
        What goes wrong.
    report : callable, optional
        PlayerStatus -> None, called several times a second.

    Attributes
    ----------
    status : PlayerStatus
        How far it got.

    Raises
    ------
    ValueError
        If there is no recording, or the plan cannot be applied to one.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        settings: PlayerSettings | None = None,
        plan: FaultPlan | None = None,
        report: Callable[[PlayerStatus], None] | None = None,
    ) -> None:
        if not recordings:
            raise ValueError("there is no recording to stream; name at least one")
        self._recordings, self._plan = tuple(recordings), plan or FaultPlan()
        self._settings = settings or PlayerSettings()
        self._report, self._next_report = report, 0.0
        for recording in recordings:  # a plan that cannot be applied is refused before anything is played
            self._faults_of(recording)
        self._starts = np.cumsum([0.0, *(_seconds(recording) for recording in recordings)])
        self._outlets: Outlets | None = None
        self._shape: object = None
        self._first: float | None = None
        self.status = PlayerStatus(total_s=float(self._starts[-1]))

    def run(self, stop: threading.Event | None = None) -> PlayerStatus:
        """Play to the end, or until stop is set.

        Parameters
        ----------
        stop : threading.Event, optional
            Ends it early.

        Returns
        -------
        PlayerStatus
            What was sent.
        """
        stop, begin = stop or threading.Event(), 0.0
        try:
            for i, recording in enumerate(self._recordings):
                outlets = self._outlets_for(recording)
                if i == 0:
                    self._wait(outlets, stop)
                t0 = self._play(i, outlets, begin, stop)
                if stop.is_set():
                    break
                begin = t0 + _seconds(recording) / self._settings.speed + self._settings.pause_s
            stop.wait(self._settings.linger_s)  # what was sent last is still on its way
        finally:
            if self._outlets is not None:
                self._outlets.close()
        return self.status

    def _outlets_for(self, recording: Recording) -> Outlets:
        """The open outlets, or new ones where this recording has other sensors or another rate."""
        shape = _shape_of(recording)
        if self._outlets is None or shape != self._shape:
            if self._outlets is not None:
                self._outlets.close()
            same = [one for one in self._recordings if _shape_of(one) == shape]
            origin = [RecordingIdentity.of(one) for one in same]
            sensors, sfreq, grade, projectors = shape
            self._outlets = Outlets(self._settings, sensors, sfreq, origin, grade, projectors)
            self._shape = shape
        return self._outlets

    def _wait(self, outlets: Outlets, stop: threading.Event) -> None:
        """Wait until both streams have a receiver, at most wait_s; then a moment for others that search for them."""
        until = local_clock() + self._settings.wait_s
        while not all(outlets.received) and local_clock() < until and not stop.wait(0.05):
            self._update(self.status)
        if all(outlets.received) and self._settings.wait_s:
            stop.wait(OTHERS_S)

    def _play(self, i: int, outlets: Outlets, begin: float, stop: threading.Event) -> float:
        """Play one recording, from `begin` on or as soon as its first samples are read; returns when it began."""
        recording, speed = self._recordings[i], self._settings.speed
        parts = ReadAhead(recording, max(round(self._settings.chunk_s * recording.sfreq * speed), 1))
        try:
            playback = Playback(recording, iter(parts), self._settings, self._faults_of(recording), outlets)
            t0 = max(begin, local_clock() + LEAD_S)
            self._first = t0 if self._first is None else self._first
            playback.begin(t0, (t0 - self._first) * speed)
            self._send_all(playback, i, t0, stop)
        finally:
            parts.close()
        return t0

    def _send_all(self, playback: Playback, i: int, t0: float, stop: threading.Event) -> None:
        """Until all is sent or stop is set; the last status is exact, also after Ctrl-C."""
        recording, speed = self._recordings[i], self._settings.speed
        before = replace(self.status, recording=recording.name, began_at=t0)

        def update() -> None:
            position = min(max((local_clock() - t0) * speed, 0.0), _seconds(recording))
            self._update(_status(before, playback, float(self._starts[i]) + position))

        try:
            due: float | None = t0
            while due is not None and not stop.is_set():
                due = playback.step(local_clock())
                if local_clock() >= self._next_report:
                    update()
                if due is not None:
                    stop.wait(min(max(due - local_clock(), 0.0), REPORT_S))
        finally:
            update()

    def _update(self, status: PlayerStatus) -> None:
        self.status, self._next_report = status, local_clock() + REPORT_S
        if self._report:
            self._report(status)

    def _faults_of(self, recording: Recording) -> FaultInjector:
        names = [sensor.name for sensor in recording.sensors]
        return FaultInjector(self._plan, names, recording.sfreq, self._settings.speed)


def _shape_of(recording: Recording) -> tuple[tuple[Sensor, ...], float, int | None, list[Projector]]:
    """What recordings must have in common to be played into one stream."""
    return recording.sensors, recording.sfreq, compensation_grade(recording), projectors_of(recording)


def _seconds(recording: Recording) -> float:
    return recording.n_samples / recording.sfreq


def _status(before: PlayerStatus, playback: Playback, position_s: float) -> PlayerStatus:
    """The status before a recording plus what was sent of it."""
    meg, words = playback.received
    return replace(
        before,
        position_s=position_s,
        n_samples=before.n_samples + playback.n_samples,
        n_words=before.n_words + playback.n_words,
        n_withheld=before.n_withheld + playback.n_withheld,
        n_words_withheld=before.n_words_withheld + playback.n_words_withheld,
        meg_received=meg,
        words_received=words,
        faults=playback.active_faults(local_clock()),
    )
