"""Two banks on one timeline: the second engine keeps in step, and the first goes on whatever becomes of it."""

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
from PyQt6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

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
from rtalign.streams.replay import ReplaySource
from rtalign_monitor.engines.link import EngineLink
from rtalign_monitor.engines.second_engine import TOLERANCE_S, ReplaySync
from rtalign_monitor.engines.two_banks import SecondBank, map_snapshot, mismatches, peak_differences_ms
from rtalign_monitor.main_window import MonitorWindow
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.lag_map import LagMapPanel
from tests.helpers import snapshots
from tests.helpers.small_world import world
from tests.helpers.two_engines import Both, FakeReplay
from tests.helpers.view_pixels import pixels

END_S = 500.0

# In step


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Player:
    """A replay as an engine runs it: at its speed, at no more than its own pace, and told where to wait."""

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
                raise AssertionError(f"{command} is not sent to a replay that is kept in step")

    def seen(self) -> Snapshot:
        at = dataclasses.replace(empty_snapshot("running"), position_s=self.position, end_s=END_S)
        return dataclasses.replace(at, speed=self.speed, paused=self.paused)


class Pair:
    def __init__(self, pace_a: float = 50.0, pace_b: float = 50.0) -> None:
        self.sync, self.a, self.b = ReplaySync(), Player(pace_a), Player(pace_b)

    def go(self, seconds: float, step_s: float = 0.1) -> list[float]:
        """How far A is ahead of B, look by look."""
        ahead = []
        for _ in range(round(seconds / step_s)):
            for player in (self.a, self.b):
                player.go(step_s)
            for who, command in self.sync.update(self.a.seen(), self.b.seen()):
                (self.a if who == "A" else self.b).execute(command)
            ahead.append(self.a.position - self.b.position)
        return ahead


def test_the_second_catches_up_from_the_start_and_then_stays() -> None:
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
def test_whatever_is_done_both_stay_within_a_second_or_so(pace: tuple[float, float], done: list[Command]) -> None:
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


def test_the_faster_one_really_waits() -> None:
    """Without the synchronisation A would be seconds ahead."""
    free, held = Pair(50.0, 0.5), Pair(50.0, 0.5)
    free.sync.update = lambda a, b: []  # type: ignore[method-assign]
    assert free.go(20)[-1] == pytest.approx(10)
    assert held.go(20)[-1] < TOLERANCE_S + 0.5


def test_what_was_waited_is_not_made_up_for_by_haste() -> None:
    clock = Clock()
    source = ReplaySource(world(n_words=200, seed=8)[0], 1.0, 0.02, clock)
    source.wait_at(2.0)
    for _ in range(100):
        clock.now += 0.1
        source.poll(0)
    assert source.position == pytest.approx(2.0, abs=0.021)
    source.wait_at(None)
    clock.now += 0.5
    source.poll(0)
    assert source.position == pytest.approx(2.5, abs=0.12)


def test_nothing_is_asked_twice() -> None:
    seen = dataclasses.replace(empty_snapshot("running"), position_s=5.0, end_s=9.0, speed=1.0)
    sync = ReplaySync()
    assert sync.update(seen, seen)
    assert sync.update(seen, seen) == []


# What is compared


def two(n_layers: int = 31, other: int = 31) -> tuple[Snapshot, Snapshot]:
    return snapshots.sight(300, n_layers), snapshots.sight(300, other, seed=1)


def test_the_difference_is_a_minus_b_on_the_layers_that_both_have() -> None:
    a, b = two(9, 6)
    found = map_snapshot(a, SecondBank(b, ("one", "two")), "A − B")
    assert found.r is not None
    assert a.r is not None
    assert b.r is not None
    assert found.layers == a.layers
    assert np.array_equal(found.r[:6], a.r[:6] - b.r)
    assert np.isnan(found.r[6:]).all()
    assert found.null_hi is None
    assert map_snapshot(a, None, "A − B") is a
    assert map_snapshot(a, SecondBank(b, ("one", "two")), "A") is a


def test_what_cannot_be_compared_is_said() -> None:
    a, b = two(9, 6)
    assert mismatches(a, a) == []
    assert mismatches(a, b) == ["6 layers are in both; 3 are in only one and are not compared"]
    assert b.lags_s is not None
    other = dataclasses.replace(b, layers=(40, 41), lags_s=b.lags_s[::2], model="gpt2")
    said = " ".join(mismatches(a, other))
    assert "models differ (smollm2 and gpt2)" in said
    assert "no layer in common" in said
    assert "(−200 to +800 ms by 10 and −200 to +800 ms by 20)" in said
    assert map_snapshot(a, SecondBank(other, ("one", "two")), "A − B").r is None


def test_later_is_the_first_less_the_second() -> None:
    a, b = two()
    by = peak_differences_ms(a.peaks, b.peaks)
    peaks = [{rung.layer: rung.peak_s for rung in seen.peaks} for seen in (a, b)]
    assert by
    for layer, value in by.items():
        assert value == pytest.approx(1000 * (peaks[0][layer] - peaks[1][layer]))  # type: ignore[operator]
    assert 3 not in by


# In the views


@pytest.mark.parametrize("kind", [LadderPanel, LagMapPanel])
def test_a_second_bank_is_drawn_and_goes_again(qtbot: QtBot, kind: type[LadderPanel] | type[LagMapPanel]) -> None:
    view, (a, b) = kind(), two()
    qtbot.addWidget(view)
    view.resize(640, 420)
    view.draw(a)
    alone = pixels(view)
    view.set_second_bank(SecondBank(b, ("one", "two")))
    assert (pixels(view) != alone).any()
    view.set_second_bank(None)
    np.testing.assert_array_equal(pixels(view), alone)


def test_a_second_bank_that_is_as_it_was_is_not_painted_anew(qtbot: QtBot) -> None:
    for view in (LadderPanel(), LagMapPanel()):
        qtbot.addWidget(view)
        view.draw(snapshots.sight(300))
        for _ in range(2):
            view.set_second_bank(SecondBank(snapshots.sight(300, seed=1), ("one", "two")))
        pixels(view)
        plate = view._content
        view.set_second_bank(SecondBank(snapshots.sight(300, seed=1), ("one", "two")))
        assert view._content is plate


def test_the_map_turns_from_a_to_b_to_the_difference(qtbot: QtBot) -> None:
    view, (a, b) = LagMapPanel(), two()
    qtbot.addWidget(view)
    view.draw(a)
    view.show_next()
    assert view.shows == "A"
    view.set_second_bank(SecondBank(b, ("one", "two")))
    for wanted, r in (("B", b.r), ("A − B", a.r - b.r), ("A", a.r)):  # type: ignore[operator]
        view.show_next()
        assert view.shows == wanted
        assert view.snapshot is not None
        assert np.array_equal(view.snapshot.r, r)  # type: ignore[arg-type]
    view.show_next()
    view.show_next()
    assert view.signed
    view.set_second_bank(None)
    assert view.shows == "A"
    assert not view.signed


def test_the_pointer_tells_both_peaks(qtbot: QtBot) -> None:
    view, (a, b) = LadderPanel(), two()
    qtbot.addWidget(view)
    view.resize(640, 420)
    view.show()
    view.draw(a)
    view.set_second_bank(SecondBank(b, ("one", "two")))
    qtbot.mouseMove(view, QPoint(300, round(view.rows().centre(20))))
    assert "B: peak at" in view.toolTip()
    assert "A − B" in view.toolTip()


# The second engine


def test_the_second_engine_neither_records_nor_publishes(desk: Path) -> None:
    both = Both(desk)
    both.comparison.begin(desk / "bank")
    second = both.engines[1].session
    assert (second.record, second.publish, second.out) == (None, False, None)
    assert (second.recording, second.bank, second.model) == (
        both.session.recording, both.session.bank, both.session.model,
    )  # fmt: skip


def test_what_moves_the_first_moves_the_second(desk: Path) -> None:
    both = Both(desk)
    both.comparison.begin(desk / "bank")
    shared: list[Command] = [Seek(3.0), Step(1), Reset(), ScoreLastWords(200)]
    for command in [*shared, Inspect(4)]:
        both.link.send(command)
    assert both.engines[1].sent == shared


@pytest.mark.parametrize("phase", ["running", "failed"])
def test_the_death_of_the_second_is_said_and_the_first_goes_on(desk: Path, phase: str) -> None:
    both = Both(desk)
    shutil.copytree(desk / "bank", desk / "twin", dirs_exist_ok=True)
    both.comparison.begin(desk / "twin")
    both.comparison.poll()
    assert WaitAt(5.8) in both.engines[0].sent
    both.engines[1].alive = False
    both.engines[1].newest = dataclasses.replace(both.engines[1].newest, phase=phase, reason="no memory")  # type: ignore[arg-type]
    both.comparison.poll()
    assert both.said[-1][0].startswith("Comparison ended: the engine of bank twin stopped")
    assert both.said[-1][0].endswith("Bank A continues.")
    assert both.engines[0].sent[-1] == WaitAt(None)
    assert both.engines[0].alive
    assert not both.comparison.active
    assert both.comparison.second_bank is None
    n = len(both.said)
    both.comparison.poll()
    assert len(both.said) == n
    assert len(both.engines) == 2


def together(desk: Path) -> Both:
    """The second bank has caught up and is on show."""
    both = Both(desk)
    both.comparison.begin(desk / "bank")
    both.comparison.poll()
    assert both.comparison.second_bank is not None
    return both


def test_a_first_engine_that_begins_anew_ends_comparing(desk: Path) -> None:
    """However quickly: one look finds the old engine, the next one its successor."""
    both = together(desk)
    both.link.restart()
    both.link.poll()
    assert both.link.engine is both.engines[2]
    both.comparison.poll()
    assert both.comparison.second_bank is None
    assert not both.comparison.active
    assert both.said[-1] == ("Comparison ended: the engine of bank A was restarted.", False)
    assert Stop() in both.engines[1].sent


def test_a_first_bank_that_changes_while_compared_ends_comparing(desk: Path) -> None:
    both = Both(desk)
    both.engines[0].newest = dataclasses.replace(both.engines[0].newest, phase="loading")
    both.comparison.begin(desk / "bank")
    both.comparison.poll()
    for bank in (str(desk / "bank"), str(desk / "bank"), str(desk / "other")):
        assert both.comparison.active
        both.engines[0].newest = dataclasses.replace(both.engines[0].newest, phase="running", bank=bank)
        both.comparison.poll()
    assert both.comparison.second_bank is None
    assert both.said[-1] == ("Comparison ended: bank A was changed to other.", False)


@pytest.mark.parametrize(("phase", "status"), [("ended", 0), ("failed", 1), ("running", -9)])
def test_the_end_of_the_first_engine_ends_comparing(desk: Path, phase: str, status: int) -> None:
    both = together(desk)
    first = both.engines[0]
    first.newest = dataclasses.replace(first.newest, phase=phase)  # type: ignore[arg-type]
    first.alive, first.status = False, status
    both.link.poll()
    both.comparison.poll()
    assert both.comparison.second_bank is None
    assert both.said[-1] == ("Comparison ended: the engine of bank A stopped.", False)
    assert not both.engines[1].alive
    assert both.comparison.restartable == (desk / "bank" if status == -9 else None), (
        "one that was lost begins again by itself"
    )


def test_a_first_bank_that_is_refused_ends_comparing(desk: Path) -> None:
    both = together(desk)
    both.engines[0].newest = dataclasses.replace(both.engines[0].newest, refused=("MLC11 is not there",))
    both.comparison.poll()
    assert both.comparison.second_bank is None
    assert both.said[-1] == ("Comparison ended: bank A does not fit: MLC11 is not there.", False)


def test_another_second_bank_is_not_shown_by_what_the_one_before_found(desk: Path, tmp_path: Path) -> None:
    both = together(desk)
    both.engines[1].stops = False
    other = shutil.copytree(desk / "bank", tmp_path / "other")
    both.comparison.begin(other)
    for _ in range(3):
        both.comparison.poll()
        assert both.comparison.second_bank is None
    both.engines[1].alive = False
    both.comparison.poll()
    both.comparison.poll()
    assert both.comparison.second_bank is not None
    assert both.comparison.second_bank.names == ("bank", "other")


def test_nothing_is_compared_with_an_engine_that_is_ending(desk: Path) -> None:
    both = Both(desk)
    both.engines[0].stops = False
    both.link.stop()
    both.comparison.begin(desk / "bank")
    assert len(both.engines) == 1
    assert both.said == [("No comparison: no engine is running. Start a session first (Ctrl+N).", False)]


def test_a_folder_that_is_no_bank_is_said_and_nothing_begins(desk: Path, tmp_path: Path) -> None:
    both = Both(desk)
    both.comparison.begin(tmp_path)
    assert "is not a decoder bank" in both.said[-1][0]
    assert len(both.engines) == 1


def test_live_streams_cannot_be_compared(desk: Path) -> None:
    both = Both(desk)
    both.link.session = Session(bank=desk / "bank")
    both.comparison.begin(desk / "bank")
    assert "Only a replay" in both.said[-1][0]


@dataclasses.dataclass
class Room:
    """A window over made-up engines, whose user answers with one folder after the other."""

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
def room(desk: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
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
    made = Room(window, engines, [])
    monkeypatch.setattr(window.file_dialogs, "folder", lambda *_: made.answers.pop(0))
    window.start(Session(bank=desk / "bank", recording=desk / "listener"))
    window.tick()
    yield made
    window._without_waiting = True
    window.close()


def test_one_key_begins_and_ends_comparing(desk: Path, room: Room, qtbot: QtBot) -> None:
    room.answers = [None, desk / "bank"]
    assert not room.window.action_registry["map-content"].isEnabled()
    for n in (1, 2):
        room.press(qtbot, Qt.Key.Key_B)
        assert len(room.engines) == n
        assert room.window.action_registry["compare"].isChecked() == (n == 2)
    room.press(qtbot, Qt.Key.Key_X)
    assert room.map.shows == "B"
    room.press(qtbot, Qt.Key.Key_B)
    assert not room.engines[1].alive
    assert room.engines[0].alive
    assert room.map.shows == "A"


def test_another_first_bank_is_told_in_the_strip_and_can_be_compared_again(
    desk: Path, tmp_path: Path, room: Room, qtbot: QtBot
) -> None:
    other = shutil.copytree(desk / "bank", tmp_path / "other")
    room.answers = [desk / "bank", other]
    room.press(qtbot, Qt.Key.Key_B)
    room.window.action_registry["bank"].trigger()
    room.window.tick()
    assert room.said == "Comparison ended: bank A was changed to other."
    assert not room.engines[1].alive
    assert room.engines[2].session.bank == other
    (again,) = (button for button in room.window.message_bar.buttons if button.text() == "Compare again")
    qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
    room.window.tick()
    assert room.engines[3].session.bank == desk / "bank"
    assert room.window.replay_extras.comparison.second_bank is not None
    assert room.window.replay_extras.comparison.second_bank.names == ("other", "bank")


# The real thing


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


def compared(desk: Path, window: MonitorWindow, qtbot: QtBot) -> tuple[EngineLink, EngineLink]:
    """Both engines, together, of one bank under two names."""
    shutil.copytree(desk / "bank", desk / "twin", dirs_exist_ok=True)
    session = Session(
        bank=desk / "bank", model=str(desk / "model"), recording=desk / "listener", run="02", speed=4.0,
        audio=desk / "story.wav",
    )  # fmt: skip
    window.start(session)
    qtbot.waitUntil(lambda: window.link.newest.n_scored > 5, timeout=60_000)
    comparing = window.replay_extras.comparison
    comparing.begin(desk / "twin")
    qtbot.waitUntil(lambda: bool(comparing._sync and comparing._sync.in_step), timeout=60_000)
    return window.link, comparing._second


def play_out(window: MonitorWindow, qtbot: QtBot) -> None:
    """Both to the recording's end, as fast as they can."""
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
def test_two_engines_replay_one_recording_in_step(desk: Path, window: MonitorWindow, qtbot: QtBot) -> None:
    """The same bank under another name: what both find of the same words is the same."""
    a, b = compared(desk, window, qtbot)
    assert a.newest.sounds == (Sound(str(desk / "story.wav"), 0.0),)
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
