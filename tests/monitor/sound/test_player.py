"""The story's sound keeps in step with its replay, and what keeps it from playing is said once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from rtalign.core.session import Session
from rtalign.engine.snapshot import Snapshot, from_message, to_message
from rtalign.recordings.concatenated import Joined
from rtalign.recordings.datasets.sounds import sounds_of
from rtalign.recordings.wav_file import Sound
from rtalign_monitor.actions.registry import ACTIONS
from rtalign_monitor.main_window import MonitorWindow
from rtalign_monitor.sound.drift_correction import SKIP_S, Steering
from rtalign_monitor.sound.player import Sounding
from rtalign_monitor.sound.position import Standing
from tests.helpers import snapshots
from tests.helpers.small_world import MemoryRecording, world
from tests.helpers.wav_files import write_wav

CLOSE_S = 0.020


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Line:
    """A tape on which every sample says where it stands, in seconds."""

    rate = 200.0

    def read(self, first: int, n: int) -> np.ndarray:
        return (first + np.arange(n)) / self.rate


class Device:
    """A loudspeaker with a clock of its own that takes what is queued in pieces; remembers what is heard."""

    def __init__(self, clock: Clock, rate: float = 200.0, ppm: float = 0.0, piece_s: float = 0.02) -> None:
        self.rate, self._clock, self._true = rate, clock, rate * (1 + 1e-6 * ppm)
        self._piece, self._queue, self._began = max(round(piece_s * rate), 1), np.zeros(0), clock.now
        self._taken = 0

    def run(self) -> None:
        """Take what is due by now, in whole pieces."""
        due = int((self._clock.now - self._began) * self._true)
        while self._taken + self._piece <= due:
            self._taken += self._piece
            self._queue = self._queue[self._piece :]

    def heard(self) -> float | None:
        """What sounds at this moment: from within the piece that was taken last."""
        into = (self._clock.now - self._began) * self._true - self._taken
        return float(self._queue[int(into)]) if len(self._queue) > into >= 0 else None

    def room(self) -> int:
        return int(self.rate * 0.5) - len(self._queue)

    def queued(self) -> int:
        return len(self._queue)

    def write(self, frames: np.ndarray) -> None:
        if not len(self._queue):
            self._began, self._taken = self._clock.now, 0
        self._queue = np.concatenate([self._queue, frames])

    def stop(self) -> None:
        self._queue = np.zeros(0)


class Room:
    """A replay, its late reports, the loudspeaker, and somebody who listens."""

    def __init__(self, ppm: float, seed: int, late_s: float = 0.05) -> None:
        self.clock, self._rng, self._late_s = Clock(), np.random.default_rng(seed), late_s
        self.device = Device(self.clock, ppm=ppm)
        self.standing, self.steering, self.tape = Standing(), Steering(self.device), Line()
        self.position, self.paused = 0.0, False
        self._next_report = self.clock.now
        self._on_its_way: list[tuple[float, float, bool]] = []

    def go(self, seconds: float) -> list[float]:
        """How far what is heard is from where the replay stands, look by look."""
        offs, end = [], self.clock.now + seconds
        while self.clock.now < end:
            look_s = self._rng.uniform(0.02, 0.04)
            self.clock.now += look_s
            self.position += 0 if self.paused else look_s
            self._report()
            self.device.run()
            at = self.standing.at(self.clock.now)
            self.steering.steer(self.clock.now, None if at is None else self.tape, at or 0.0)
            if (heard := self.device.heard()) is not None:
                offs.append(heard - self.position)
        return offs

    def _report(self) -> None:
        """Every tenth of a second, in whole chunks of 20 ms, late by chance, now and then by a lot."""
        now = self.clock.now
        if now >= self._next_report:
            self._next_report += 0.1 + self._rng.uniform(0, 0.01)
            late = self._rng.uniform(0, self._late_s) + (0.4 if self._rng.random() < 0.02 else 0)
            ago = self._rng.uniform(0, 0.02)
            handed_out = np.ceil((self.position - (0 if self.paused else ago)) / 0.02) * 0.02
            self._on_its_way.append((now - ago + late, handed_out, not self.paused))
        while self._on_its_way and self._on_its_way[0][0] <= now:
            _, position, moving = self._on_its_way.pop(0)
            self.standing.tell(now, position, moving)


@pytest.mark.parametrize("ppm", [200])
def test_twenty_minutes_on_another_clock_stay_in_step(ppm: float) -> None:
    room = Room(ppm, 0)
    room.go(10)
    skipped = room.steering.n_skips
    assert np.abs(room.go(1200)).max() < CLOSE_S
    assert room.steering.n_skips == skipped


@settings(max_examples=8, deadline=None)
@given(ppm=st.floats(-200, 200), seed=st.integers(0, 99), late_s=st.floats(0, 0.1))
def test_any_clock_and_any_lateness_stay_in_step(ppm: float, seed: int, late_s: float) -> None:
    room = Room(ppm, seed, late_s)
    room.go(20)
    assert np.abs(room.go(10)).max() < CLOSE_S


def test_without_correction_the_same_clock_runs_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtalign_monitor.sound.drift_correction.MOST", 0.0)
    monkeypatch.setattr("rtalign_monitor.sound.drift_correction.SKIP_S", 9.0)
    room = Room(200, 1)
    assert np.ptp(room.go(300)) > 0.05


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["pause", "seek", "go"]), st.floats(0, 90)), max_size=6), st.integers(0, 99))
def test_after_whatever_was_done_it_is_in_step_again(done: list[tuple[str, float]], seed: int) -> None:
    room = Room(150, seed)
    for what, to in done:
        if what == "pause":
            room.paused = not room.paused
        if what == "seek":
            room.position = to
        room.go(1 + to / 30)
    room.paused = False
    room.go(2.0)
    assert np.abs(room.go(14)).max() < SKIP_S + CLOSE_S
    assert np.abs(room.go(3)).max() < CLOSE_S


def test_a_pause_is_silence_at_once() -> None:
    room = Room(0, 3)
    room.go(5)
    room.paused = True
    room.go(0.3)
    assert room.device.queued() == 0


def test_a_replay_that_cannot_keep_pace_is_silent_instead_of_stuttering() -> None:
    standing = Standing()
    heard = []
    for i in range(100):
        now = 0.1 * i
        standing.tell(now, 0.7 * now, True)
        heard.append(standing.at(now) is not None)
    assert not any(heard[20:])


def test_what_leads_up_to_a_seek_is_not_heard() -> None:
    """The twenty seconds before the wanted place rush by in one."""
    standing = Standing()
    for i in range(20):
        standing.tell(0.1 * i, 0.1 * i, True)
    for i in range(10):
        standing.tell(2.0 + 0.1 * i, 40.0 + 2.0 * i, True)
        assert standing.at(2.0 + 0.1 * i) is None
    for i in range(10):
        standing.tell(3.0 + 0.1 * i, 60.0 + 0.1 * i, True)
    assert standing.at(4.0) == pytest.approx(61.0, abs=0.021)


def test_a_small_deviation_is_pulled_in_and_a_large_one_skipped() -> None:
    for off, skips in ((0.9 * SKIP_S, 0), (1.5 * SKIP_S, 1)):
        clock = Clock()
        device = Device(clock)
        steering, tape = Steering(device), Line()
        for i in range(1000):
            clock.now += 0.05
            device.run()
            steering.steer(clock.now, tape, 0.05 * i + (off if i > 100 else 0))
        assert steering.n_skips == skips
        assert steering.heard() - 0.05 * 999 - off == pytest.approx(0, abs=0.02)


# Which sound when


def test_every_run_has_its_own_sound_and_offset(tmp_path: Path) -> None:
    parts = [world(n_words=20, seed=seed, prefix=f"p{seed}-")[0] for seed in (1, 2)]
    for part, name in zip(parts, ("one", "two"), strict=True):
        part.name = name
        write_wav(tmp_path / f"{name}.wav", np.zeros(10))
    parts[1].sound_s = parts[1].start + 3.0  # type: ignore[attr-defined]
    both = Joined(parts)
    first, second = sounds_of(both, tmp_path)
    assert (Path(first.file).name, Path(second.file).name) == ("one.wav", "two.wav")
    assert first.start == 0.0
    assert second.start == pytest.approx(both.stories[1][0].onset - parts[1].words[0].onset + 3.0 + parts[1].start)


def test_one_wav_for_two_runs_is_refused_with_its_cure(tmp_path: Path) -> None:
    parts = [world(n_words=20, seed=seed, prefix=f"p{seed}-")[0] for seed in (1, 2)]
    with pytest.raises(ValueError, match="2 runs; choose one with --run"):
        sounds_of(Joined(parts), tmp_path / "a.wav")
    assert sounds_of(Joined(parts[:1]), tmp_path / "a.wav") == (Sound(str(tmp_path / "a.wav"), 0.0),)
    assert sounds_of(Joined(parts)) == ()


def test_a_wav_of_the_recordings_name_beside_it_is_found(tmp_path: Path) -> None:
    part: MemoryRecording = world(n_words=20, seed=1)[0]
    part.path, part.name = tmp_path / "story_meg.fif", "story_meg"  # type: ignore[attr-defined]
    assert sounds_of(Joined([part])) == ()
    write_wav(tmp_path / "story.wav", np.zeros(10))
    assert [Path(sound.file).name for sound in sounds_of(Joined([part]))] == ["story.wav"]


def test_sounds_travel_with_a_snapshot_and_a_session() -> None:
    seen = dataclasses.replace(snapshots.sight(0), sounds=(Sound("a.wav", 1.5),))
    assert from_message(to_message(seen)).sounds == seen.sounds
    assert Session(audio=Path("a.wav")).model_dump(mode="json")["audio"] == "a.wav"


# In the window


class Stage:
    """Sounding over made-up snapshots, with a loudspeaker that can be missing."""

    def __init__(self, qtbot: QtBot, *sounds: Sound, missing: bool = False) -> None:
        self.clock, self.said = Clock(), list[str]()
        self.device, self.missing, self.asked = Device(self.clock, 8000.0), missing, 0
        self.seen = dataclasses.replace(snapshots.sight(0), position_s=0.0, end_s=99.0, speed=1.0, sounds=sounds)
        self.sounding = Sounding(lambda: self.seen, self.said.append, self._loudspeaker, self.clock)
        self.sounding.hear(self.seen)

    def _loudspeaker(self, rate: float) -> Device:
        self.asked += 1
        if self.missing:
            raise OSError("this machine has no sound device")
        return self.device

    def go(self, seconds: float, **changed: object) -> None:
        for _ in range(round(seconds / 0.02)):
            self.clock.now += 0.02
            position = (self.seen.position_s or 0.0) + (0 if changed.get("paused") else 0.02)
            self.seen = dataclasses.replace(self.seen, position_s=position, **changed)  # type: ignore[arg-type]
            self.device.run()
            self.sounding.hear(self.seen)
            self.sounding.tick()

    @property
    def loud(self) -> bool:
        return self.device.queued() > 0


@pytest.fixture
def stage(qtbot: QtBot, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    tone = 0.5 * np.ones(8000 * 5)
    files = [Sound(str(write_wav(tmp_path / f"{k}.wav", tone)), start) for k, start in enumerate((2.0, 10.0))]
    made: list[Stage] = []

    def make(*sounds: Sound, missing: bool = False) -> Stage:
        made.append(Stage(qtbot, *(sounds or files), missing=missing))
        return made[-1]

    yield make
    for one in made:
        one.sounding.stop()


def test_each_sound_plays_where_it_belongs(stage: Callable[..., Stage]) -> None:
    one = stage()
    one.go(0.5)
    loud = []
    for _ in range(16):
        loud.append(one.loud)
        one.go(1.0)
    assert loud == [second in (2, 3, 4, 5, 6, 10, 11, 12, 13, 14) for second in range(16)]
    assert one.said == []


def test_other_speeds_pauses_and_mute_are_silent(stage: Callable[..., Stage]) -> None:
    one = stage()
    one.go(3.0)
    assert one.loud
    for changed in ({"paused": True}, {"speed": 2.0}, {"speed": None}, {"phase": "ended"}):
        one.go(0.1, **changed)
        assert not one.loud, changed
        one.go(0.4, paused=False, speed=1.0, phase="running")
        assert one.loud
    one.sounding.mute = True
    one.go(0.1)
    assert not one.loud
    one.sounding.mute = False
    one.go(0.1)
    assert one.loud


def test_no_sound_device_is_said_once(stage: Callable[..., Stage]) -> None:
    one = stage(missing=True)
    one.go(5.0)
    assert one.said == ["The story's sound is not heard: this machine has no sound device."]
    assert one.asked == 1


def test_a_wav_that_cannot_be_read_is_said_once_and_the_others_play(
    stage: Callable[..., Stage], tmp_path: Path
) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    good = Sound(str(write_wav(tmp_path / "good.wav", np.ones(40000))), 4.0)
    one = stage(Sound(str(tmp_path / "gone.wav"), 0.0), Sound(str(tmp_path / "bad.wav"), 2.0), good)
    one.go(5.0)
    assert len(one.said) == 2
    assert "gone.wav" in one.said[0]
    assert "bad.wav is no wav" in one.said[1]
    assert one.loud


def test_a_loudspeaker_that_is_lost_is_said_once(stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    one = stage()
    one.go(3.0)

    def gone() -> int:
        raise OSError("the sound device is gone")

    monkeypatch.setattr(one.device, "room", gone)
    one.go(3.0)
    assert one.said == ["The story's sound is not heard: the sound device is gone."]


def test_a_replay_without_sound_looks_for_none(stage: Callable[..., Stage], qtbot: QtBot) -> None:
    one = Stage(qtbot)
    one.go(1.0)
    assert one.asked == 0
    assert not one.sounding.at_hand


def test_no_key_does_two_things() -> None:
    keys = [key for deed in ACTIONS for key in deed.keys]
    assert len(keys) == len(set(keys))


def test_the_mute_key_is_there_where_there_is_sound(qtbot: QtBot, tmp_path: Path, stage: Callable[..., Stage]) -> None:
    engine = SimpleNamespace(newest=stage().seen, word_list=None, alive=True, send=lambda *_: None)
    window = MonitorWindow(lambda _: engine, tmp_path / "settings.json")
    qtbot.addWidget(window)
    window._timer.stop()
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    window.tick()
    assert not window.action_registry["mute"].isEnabled()
    assert "No sound is at hand" in window.action_registry["mute"].toolTip()
    window.start(Session(recording=Path("story")))
    window.tick()
    for mute in (True, False):
        qtbot.keyClick(window, Qt.Key.Key_S)
        assert window.replay_extras.sounding.mute == mute
    window._leave = True
    window.close()


def test_a_machine_without_sound_says_so_in_words() -> None:
    """Here as on a machine with a loudspeaker: either it plays or it gives its reason."""
    from rtalign_monitor.sound.output import Loudspeaker

    said = ""
    try:
        speaker = Loudspeaker(8000)
        speaker.write(np.zeros(100))
        assert speaker.queued() <= 100
        speaker.stop()
    except OSError as error:
        said = str(error)
    assert not said or "sound" in said


def test_a_snapshot_without_sounds_is_what_it_was() -> None:
    assert isinstance(from_message(to_message(snapshots.sight(50))), Snapshot)
