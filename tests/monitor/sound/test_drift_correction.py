"""A sound keeps in step with its replay, on any clock and with reports that come late."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtalign_monitor.sound.drift_correction import SKIP_S, DriftCorrection, PositionEstimate
from tests.helpers.audio import FakeClock, FakeOutput

CLOSE_S = 0.020


class Ramp:
    """A sound in which every sample is its own time, in seconds."""

    rate = 200.0

    def read(self, first: int, n: int) -> np.ndarray:
        return (first + np.arange(n)) / self.rate


class Room:
    """A replay, its late reports, the loudspeaker, and a listener."""

    def __init__(self, ppm: float, seed: int, late_s: float = 0.05) -> None:
        self.clock, self._rng, self._late_s = FakeClock(), np.random.default_rng(seed), late_s
        self.output = FakeOutput(self.clock, ppm=ppm)
        self.estimate, self.correction, self.sound = PositionEstimate(), DriftCorrection(self.output), Ramp()
        self.position, self.paused = 0.0, False
        self._next_report = self.clock.now
        self._on_its_way: list[tuple[float, float, bool]] = []

    def play(self, seconds: float) -> list[float]:
        """How far what is audible is from the replay's position, tick by tick."""
        deviations, end = [], self.clock.now + seconds
        while self.clock.now < end:
            tick_s = self._rng.uniform(0.02, 0.04)
            self.clock.now += tick_s
            self.position += 0 if self.paused else tick_s
            self._report()
            self.output.run()
            at = self.estimate.at(self.clock.now)
            self.correction.update(self.clock.now, None if at is None else self.sound, at or 0.0)
            if (audible := self.output.audible()) is not None:
                deviations.append(audible - self.position)
        return deviations

    def _report(self) -> None:
        """Every tenth of a second, in whole chunks of 20 ms, late by chance, now and then by a lot."""
        now = self.clock.now
        if now >= self._next_report:
            self._next_report += 0.1 + self._rng.uniform(0, 0.01)
            late = self._rng.uniform(0, self._late_s) + (0.4 if self._rng.random() < 0.02 else 0)
            ago = self._rng.uniform(0, 0.02)
            sent = np.ceil((self.position - (0 if self.paused else ago)) / 0.02) * 0.02
            self._on_its_way.append((now - ago + late, sent, not self.paused))
        while self._on_its_way and self._on_its_way[0][0] <= now:
            _, position, moving = self._on_its_way.pop(0)
            self.estimate.add_report(now, position, moving)


@pytest.mark.parametrize("ppm", [200])
def test_twenty_minutes_on_another_clock_stay_in_step(ppm: float) -> None:
    room = Room(ppm, 0)
    room.play(10)
    skipped = room.correction.n_skips
    assert np.abs(room.play(1200)).max() < CLOSE_S
    assert room.correction.n_skips == skipped


@settings(max_examples=8, deadline=None)
@given(ppm=st.floats(-200, 200), seed=st.integers(0, 99), late_s=st.floats(0, 0.1))
def test_any_clock_and_any_lateness_stay_in_step(ppm: float, seed: int, late_s: float) -> None:
    room = Room(ppm, seed, late_s)
    room.play(20)
    assert np.abs(room.play(10)).max() < CLOSE_S


def test_without_correction_the_same_clock_runs_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtalign_monitor.sound.drift_correction.MAX_SPEED_CHANGE", 0.0)
    monkeypatch.setattr("rtalign_monitor.sound.drift_correction.SKIP_S", 9.0)
    room = Room(200, 1)
    assert np.ptp(room.play(300)) > 0.05


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["pause", "seek", "go"]), st.floats(0, 90)), max_size=6), st.integers(0, 99))
def test_after_whatever_was_done_it_is_in_step_again(done: list[tuple[str, float]], seed: int) -> None:
    room = Room(150, seed)
    for action, to in done:
        if action == "pause":
            room.paused = not room.paused
        if action == "seek":
            room.position = to
        room.play(1 + to / 30)
    room.paused = False
    room.play(2.0)
    assert np.abs(room.play(14)).max() < SKIP_S + CLOSE_S
    assert np.abs(room.play(3)).max() < CLOSE_S


def test_a_pause_is_silence_at_once() -> None:
    room = Room(0, 3)
    room.play(5)
    room.paused = True
    room.play(0.3)
    assert room.output.queued_frames() == 0


def test_a_replay_that_is_too_slow_is_silent() -> None:
    estimate = PositionEstimate()
    audible = []
    for i in range(100):
        now = 0.1 * i
        estimate.add_report(now, 0.7 * now, True)
        audible.append(estimate.at(now) is not None)
    assert not any(audible[20:])


def test_what_leads_up_to_a_seek_is_silent() -> None:
    """The twenty seconds before the wanted position are read in one."""
    estimate = PositionEstimate()
    for i in range(20):
        estimate.add_report(0.1 * i, 0.1 * i, True)
    for i in range(10):
        estimate.add_report(2.0 + 0.1 * i, 40.0 + 2.0 * i, True)
        assert estimate.at(2.0 + 0.1 * i) is None
    for i in range(10):
        estimate.add_report(3.0 + 0.1 * i, 60.0 + 0.1 * i, True)
    assert estimate.at(4.0) == pytest.approx(61.0, abs=0.021)


def test_a_small_deviation_is_corrected_and_a_large_one_skipped() -> None:
    for deviation, skips in ((0.9 * SKIP_S, 0), (1.5 * SKIP_S, 1)):
        clock = FakeClock()
        output = FakeOutput(clock)
        correction, sound = DriftCorrection(output), Ramp()
        for i in range(1000):
            clock.now += 0.05
            output.run()
            correction.update(clock.now, sound, 0.05 * i + (deviation if i > 100 else 0))
        assert correction.n_skips == skips
        assert correction.audible_position() - 0.05 * 999 - deviation == pytest.approx(0, abs=0.02)
