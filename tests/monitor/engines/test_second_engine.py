"""The second engine: it stays in step with the first, and the first continues whatever happens to it."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from rtalign.core.session import Session
from rtalign.engine.commands import (
    Command,
    Inspect,
    Pause,
    Play,
    Reset,
    ScoreLastWords,
    Seek,
    SetSpeed,
    Step,
    Stop,
    WaitAt,
)
from rtalign.engine.process.client import Client
from rtalign.engine.snapshot import Snapshot, empty_snapshot
from rtalign.recordings.wav_file import Sound
from rtalign_monitor.engines.link import EngineLink
from rtalign_monitor.engines.second_engine import TOLERANCE_S, ReplaySync
from rtalign_monitor.main_window import MonitorWindow
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.lag_map import LagMapPanel
from tests.helpers.two_engines import ComparedEngines, FakeReplay

END_S = 500.0

# Synchronisation


class PacedReplay:
    """A replay that runs at its speed, but not faster than `pace`, and waits where it is told to."""

    def __init__(self, pace: float) -> None:
        self.pace, self.position, self.speed, self.paused = pace, 0.0, 1.0, False
        self.until: float | None = None

    def go(self, seconds: float) -> None:
        reach = self.position + (0 if self.paused else seconds * min(self.speed, self.pace))
        self.position = max(self.position, min(reach, END_S, END_S if self.until is None else self.until))

    def execute(self, command: Command) -> None:
        match command:
            case Seek(to_s):
                self.position = to_s
            case Play() | Pause():
                self.paused = command == Pause()
            case SetSpeed(factor):
                assert factor is not None
                self.speed = factor
            case WaitAt(time_s):
                self.until = time_s
            case _:
                raise AssertionError(f"{command} is no command of ReplaySync")

    def snapshot(self) -> Snapshot:
        at = dataclasses.replace(empty_snapshot("running"), position_s=self.position, end_s=END_S)
        return dataclasses.replace(at, speed=self.speed, paused=self.paused)


class Pair:
    def __init__(self, pace_a: float = 50.0, pace_b: float = 50.0) -> None:
        self.sync, self.a, self.b = ReplaySync(), PacedReplay(pace_a), PacedReplay(pace_b)

    def go(self, seconds: float, step_s: float = 0.1) -> list[float]:
        """By how much A is ahead of B after each step."""
        ahead = []
        for _ in range(round(seconds / step_s)):
            for replay in (self.a, self.b):
                replay.go(step_s)
            for who, command in self.sync.update(self.a.snapshot(), self.b.snapshot()):
                (self.a if who == "A" else self.b).execute(command)
            ahead.append(self.a.position - self.b.position)
        return ahead


def test_b_catches_up_and_stays_in_step() -> None:
    pair = Pair()
    pair.a.go(30)
    pair.b.execute(SetSpeed(1000.0))
    pair.go(5)
    assert pair.sync.in_step
    assert np.abs(pair.go(20)).max() < 1.1
    assert pair.b.speed == 1.0


@settings(max_examples=15, deadline=None)
@given(
    pace=st.sampled_from([(50.0, 0.6), (0.6, 50.0), (50.0, 50.0)]),
    done=st.lists(st.one_of(st.sampled_from([Pause(), Play(), SetSpeed(2.0)]), st.floats(0, 60).map(Seek)), max_size=5),
)
def test_both_stay_in_step_whatever_the_user_does(pace: tuple[float, float], done: list[Command]) -> None:
    pair = Pair(*pace)
    pair.go(2)
    for command in done:
        pair.a.execute(command)
        if isinstance(command, Seek):
            pair.b.execute(command)
        pair.go(3)
    pair.a.execute(Play())
    pair.a.execute(SetSpeed(1.0))
    pair.go(60)
    before = pair.a.position
    assert np.abs(pair.go(4)).max() < TOLERANCE_S + 0.5
    assert pair.a.position > before


def test_the_faster_replay_waits() -> None:
    """Without the synchronisation A would be seconds ahead."""
    free, held = Pair(50.0, 0.5), Pair(50.0, 0.5)
    free.sync.update = lambda a, b: []  # type: ignore[method-assign]
    assert free.go(20)[-1] == pytest.approx(10)
    assert held.go(20)[-1] < TOLERANCE_S + 0.5


def test_no_command_is_sent_twice() -> None:
    seen = dataclasses.replace(empty_snapshot("running"), position_s=5.0, end_s=9.0, speed=1.0)
    sync = ReplaySync()
    assert sync.update(seen, seen)
    assert sync.update(seen, seen) == []


# The second engine


def test_the_second_engine_neither_records_nor_publishes(live_setup: Path) -> None:
    both = ComparedEngines(live_setup)
    both.comparison.begin(live_setup / "bank")
    second = both.engines[1].session
    assert (second.record, second.publish, second.out) == (None, False, None)
    assert (second.recording, second.bank, second.model) == (
        both.session.recording, both.session.bank, both.session.model,
    )  # fmt: skip


def test_shared_commands_reach_both_engines(live_setup: Path) -> None:
    both = ComparedEngines(live_setup)
    both.comparison.begin(live_setup / "bank")
    shared: list[Command] = [Seek(3.0), Step(1), Reset(), ScoreLastWords(200)]
    for command in [*shared, Inspect(4)]:
        both.link.send(command)
    assert both.engines[1].sent == shared


@pytest.mark.parametrize("phase", ["running", "failed"])
def test_the_first_engine_survives_the_loss_of_the_second(live_setup: Path, phase: str) -> None:
    both = ComparedEngines(live_setup)
    shutil.copytree(live_setup / "bank", live_setup / "twin", dirs_exist_ok=True)
    both.comparison.begin(live_setup / "twin")
    both.comparison.poll()
    assert WaitAt(5.8) in both.engines[0].sent
    both.engines[1].alive = False
    both.engines[1].newest = dataclasses.replace(both.engines[1].newest, phase=phase, reason="no memory")  # type: ignore[arg-type]
    both.comparison.poll()
    assert both.notices[-1][0].startswith("Comparison ended: the engine of bank twin stopped")
    assert both.notices[-1][0].endswith("Bank A continues.")
    assert both.engines[0].sent[-1] == WaitAt(None)
    assert both.engines[0].alive
    assert not both.comparison.active
    assert both.comparison.second_bank is None
    n = len(both.notices)
    both.comparison.poll()
    assert len(both.notices) == n
    assert len(both.engines) == 2


def together(live_setup: Path) -> ComparedEngines:
    """Two fake engines whose second bank is shown."""
    both = ComparedEngines(live_setup)
    both.comparison.begin(live_setup / "bank")
    both.comparison.poll()
    assert both.comparison.second_bank is not None
    return both


def test_a_restart_of_the_first_engine_ends_the_comparison(live_setup: Path) -> None:
    """Even if no poll finds the link without a running engine."""
    both = together(live_setup)
    both.link.restart()
    both.link.poll()
    assert both.link.engine is both.engines[2]
    both.comparison.poll()
    assert both.comparison.second_bank is None
    assert not both.comparison.active
    assert both.notices[-1] == ("Comparison ended: the engine of bank A was restarted.", False)
    assert Stop() in both.engines[1].sent


def test_a_change_of_the_first_bank_ends_the_comparison(live_setup: Path) -> None:
    both = ComparedEngines(live_setup)
    both.engines[0].newest = dataclasses.replace(both.engines[0].newest, phase="loading")
    both.comparison.begin(live_setup / "bank")
    both.comparison.poll()
    for bank in (str(live_setup / "bank"), str(live_setup / "bank"), str(live_setup / "other")):
        assert both.comparison.active
        both.engines[0].newest = dataclasses.replace(both.engines[0].newest, phase="running", bank=bank)
        both.comparison.poll()
    assert both.comparison.second_bank is None
    assert both.notices[-1] == ("Comparison ended: bank A was changed to other.", False)


@pytest.mark.parametrize(("phase", "status"), [("ended", 0), ("failed", 1), ("running", -9)])
def test_the_end_of_the_first_engine_ends_the_comparison(live_setup: Path, phase: str, status: int) -> None:
    both = together(live_setup)
    first = both.engines[0]
    first.newest = dataclasses.replace(first.newest, phase=phase)  # type: ignore[arg-type]
    first.alive, first.status = False, status
    both.link.poll()
    both.comparison.poll()
    assert both.comparison.second_bank is None
    assert both.notices[-1] == ("Comparison ended: the engine of bank A stopped.", False)
    assert not both.engines[1].alive
    assert both.comparison.restartable == (live_setup / "bank" if status == -9 else None), (
        "one that was lost begins again by itself"
    )


def test_a_refused_first_bank_ends_the_comparison(live_setup: Path) -> None:
    both = together(live_setup)
    both.engines[0].newest = dataclasses.replace(both.engines[0].newest, refused=("MLC11 is not there",))
    both.comparison.poll()
    assert both.comparison.second_bank is None
    assert both.notices[-1] == ("Comparison ended: bank A does not fit: MLC11 is not there.", False)


def test_a_new_second_bank_never_shows_scores_of_the_old_one(live_setup: Path, tmp_path: Path) -> None:
    both = together(live_setup)
    both.engines[1].obeys_stop = False
    other = shutil.copytree(live_setup / "bank", tmp_path / "other")
    both.comparison.begin(other)
    for _ in range(3):
        both.comparison.poll()
        assert both.comparison.second_bank is None
    both.engines[1].alive = False
    both.comparison.poll()
    both.comparison.poll()
    assert both.comparison.second_bank is not None
    assert both.comparison.second_bank.names == ("bank", "other")


def test_a_stopping_engine_is_not_compared(live_setup: Path) -> None:
    both = ComparedEngines(live_setup)
    both.engines[0].obeys_stop = False
    both.link.stop()
    both.comparison.begin(live_setup / "bank")
    assert len(both.engines) == 1
    assert both.notices == [("No comparison: no engine is running. Start a session first (Ctrl+N).", False)]


def test_a_folder_without_a_bank_starts_no_engine(live_setup: Path, tmp_path: Path) -> None:
    both = ComparedEngines(live_setup)
    both.comparison.begin(tmp_path)
    assert "is not a decoder bank" in both.notices[-1][0]
    assert len(both.engines) == 1


def test_live_streams_cannot_be_compared(live_setup: Path) -> None:
    both = ComparedEngines(live_setup)
    both.link.session = Session(bank=live_setup / "bank")
    both.comparison.begin(live_setup / "bank")
    assert "Only a replay" in both.notices[-1][0]


@dataclasses.dataclass
class ComparisonScene:
    """A window with fake engines, whose user chooses one folder after the other."""

    window: MonitorWindow
    engines: list[FakeReplay]
    answers: list[Path | None]

    def press(self, qtbot: QtBot, key: Qt.Key) -> None:
        qtbot.keyClick(self.window, key)
        self.window.tick()

    @property
    def map(self) -> LagMapPanel:
        found = self.window.grid.panels["map"]
        assert isinstance(found, LagMapPanel)
        return found

    @property
    def said(self) -> str:
        return self.window.message_bar.message.text if self.window.message_bar.message else ""


@pytest.fixture
def scene(live_setup: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[ComparisonScene]:
    engines: list[FakeReplay] = []

    def begin(session: Session) -> FakeReplay:
        engines.append(FakeReplay(session))
        return engines[-1]

    window = MonitorWindow(begin, tmp_path / "settings.json")
    qtbot.addWidget(window)
    window._timer.stop()
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    made = ComparisonScene(window, engines, [])
    monkeypatch.setattr(window.file_dialogs, "folder", lambda *_: made.answers.pop(0))
    window.start(Session(bank=live_setup / "bank", recording=live_setup / "listener"))
    window.tick()
    yield made
    window._without_waiting = True
    window.close()


def test_one_key_begins_and_ends_a_comparison(live_setup: Path, scene: ComparisonScene, qtbot: QtBot) -> None:
    scene.answers = [None, live_setup / "bank"]
    assert not scene.window.action_registry["map-content"].isEnabled()
    for n in (1, 2):
        scene.press(qtbot, Qt.Key.Key_B)
        assert len(scene.engines) == n
        assert scene.window.action_registry["compare"].isChecked() == (n == 2)
    scene.press(qtbot, Qt.Key.Key_X)
    assert scene.map.shows == "B"
    scene.press(qtbot, Qt.Key.Key_B)
    assert not scene.engines[1].alive
    assert scene.engines[0].alive
    assert scene.map.shows == "A"


def test_a_changed_first_bank_can_be_compared_again(
    live_setup: Path, tmp_path: Path, scene: ComparisonScene, qtbot: QtBot
) -> None:
    other = shutil.copytree(live_setup / "bank", tmp_path / "other")
    scene.answers = [live_setup / "bank", other]
    scene.press(qtbot, Qt.Key.Key_B)
    scene.window.action_registry["bank"].trigger()
    scene.window.tick()
    assert scene.said == "Comparison ended: bank A was changed to other."
    assert not scene.engines[1].alive
    assert scene.engines[2].session.bank == other
    (again,) = (button for button in scene.window.message_bar.buttons if button.text() == "Compare again")
    qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
    scene.window.tick()
    assert scene.engines[3].session.bank == live_setup / "bank"
    assert scene.window.replay_extras.comparison.second_bank is not None
    assert scene.window.replay_extras.comparison.second_bank.names == ("other", "bank")


# Two real engines


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MonitorWindow]:
    made = MonitorWindow(Client, tmp_path / "settings.json")
    made.resize(1280, 800)
    made.show()
    yield made
    engines = [link.engine for link in (made.link, made.replay_extras.comparison._second) if link.engine]
    made.replay_extras.end()
    made.link.stop()
    for engine in engines:
        engine.wait(20)
    made._without_waiting = True
    made.close()


def compared(live_setup: Path, window: MonitorWindow, qtbot: QtBot) -> tuple[EngineLink, EngineLink]:
    """The links to both engines, in step, with copies of the same bank."""
    shutil.copytree(live_setup / "bank", live_setup / "twin", dirs_exist_ok=True)
    session = Session(
        bank=live_setup / "bank", model=str(live_setup / "model"), recording=live_setup / "listener", run="02",
        speed=4.0, audio=live_setup / "story.wav",
    )  # fmt: skip
    window.start(session)
    qtbot.waitUntil(lambda: window.link.newest.n_scored > 5, timeout=60_000)
    comparing = window.replay_extras.comparison
    comparing.begin(live_setup / "twin")
    qtbot.waitUntil(lambda: bool(comparing._sync and comparing._sync.in_step), timeout=60_000)
    return window.link, comparing._second


def play_out(window: MonitorWindow, qtbot: QtBot) -> None:
    """Let both replay to the end of the recording at full speed."""
    comparing, a = window.replay_extras.comparison, window.link
    b = comparing._second
    a.send(WaitAt(None))
    for engine in (a, b):
        engine.send(SetSpeed(None))
        engine.send(Play())
    comparing._sync = ReplaySync()
    qtbot.waitUntil(lambda: a.newest.phase == b.newest.phase == "ended" and not b.newest.n_waiting, timeout=60_000)
    qtbot.waitUntil(lambda: a.newest.n_words == b.newest.n_words, timeout=20_000)


@pytest.mark.slow
def test_two_real_engines_stay_in_step(live_setup: Path, window: MonitorWindow, qtbot: QtBot) -> None:
    """With copies of the same bank both have the same scores."""
    a, b = compared(live_setup, window, qtbot)
    assert a.newest.sounds == (Sound(str(live_setup / "story.wav"), 0.0),)
    for _ in range(2):
        window.action_registry["map-content"].trigger()
    end = time.monotonic() + 3
    while time.monotonic() < end:
        qtbot.wait(50)
        assert abs((a.newest.position_s or 0) - (b.newest.position_s or 0)) < 4 * (TOLERANCE_S + 1)
    a.send(Pause())
    qtbot.waitUntil(lambda: b.newest.paused and b.newest.n_waiting + a.newest.n_waiting < 12, timeout=20_000)
    lagmap, ladder = window.grid.panels["map"], window.grid.panels["ladder"]
    assert isinstance(lagmap, LagMapPanel)
    assert isinstance(ladder, LadderPanel)
    assert lagmap.shows == "A − B"
    assert ladder.second is not None
    assert ladder.second.names == ("bank", "twin")
    play_out(window, qtbot)
    assert a.newest.r is not None
    assert b.newest.r is not None
    assert np.allclose(a.newest.r, b.newest.r)
    assert b.engine is not None
    b.engine.kill()
    qtbot.waitUntil(lambda: not window.replay_extras.comparison.active, timeout=10_000)
    qtbot.waitUntil(lambda: ladder.second is None)
    assert window.message_bar.message is not None
    assert "Bank A continues" in window.message_bar.message.text
    assert a.state == "running"
