"""The window with a fake engine: every key, the mouse, what is available, and what is remembered."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QObject, QPoint, Qt, Signal
from qtpy.QtGui import QGuiApplication, QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialog, QLineEdit

from rtalign.core.records import Annotation
from rtalign.core.session import Session
from rtalign.decoding.bank import DecoderBank
from rtalign.engine.commands import (
    Command,
    Inspect,
    MarkBad,
    Pause,
    Publish,
    Record,
    ScoreLastWords,
    Seek,
    SetAnnotations,
    SetSpeed,
    Step,
    Stop,
    WriteReport,
)
from rtalign.engine.process.word_list import WordList
from rtalign.engine.snapshot import ControlView
from rtalign.scoring.findings import UNIQUE
from rtalign.scoring.statistics import STATISTICS
from rtalign_monitor.actions.registry import ACTIONS, MENUS
from rtalign_monitor.engines import recorded
from tests.helpers import snapshots
from tests.helpers.view_pixels import grey
from tests.helpers.window import ONSETS, PATIENCE_MS, POSITION_S, WORD_LIST, Scene

# ---- every action, by its keys


@dataclasses.dataclass
class Effect:
    """A value of the scene, `see`, that a key press changes to `becomes`."""

    see: Callable[[Scene], Any]
    becomes: Any = True
    before: Callable[[Scene], Any] = lambda scene: None


def sends(command: Command, before: Callable[[Scene], Any] = lambda scene: None) -> Effect:
    return Effect(lambda scene: scene.last_command, command, before)


def is_shown(name: str) -> Effect:
    return Effect(lambda scene: scene.panel(name).isVisible(), False)


def written(suffix: str) -> Effect:
    return Effect(lambda scene: (scene.folder / f"it{suffix}").exists())


def alone(scene: Scene) -> None:
    scene.press("W")


def session_file(scene: Scene) -> None:
    scene.dialogs.path = scene.folder / "it.toml"
    scene.dialogs.path.write_text("speed = 2.0\nadapt = true\n")


def starts_with(setting: str) -> Effect:
    return Effect(lambda scene: getattr(scene.engines[-1].session, setting).name, "it")


def fill(scene: Scene) -> None:
    scene.window.view_settings.can_fill_screen = True


def hide(scene: Scene) -> None:
    scene.press("Ctrl+3")


def zoom(scene: Scene) -> None:
    lag_map = scene.panel("map")
    lag_map.box.scaleBy((0.5, 0.5))
    lag_map.box.sigRangeChangedManually.emit([True, True])


EFFECTS: dict[str, Effect] = {
    "instant": Effect(lambda s: s.engines[-1].session.recording, recorded.DEMO),
    "visitors": Effect(lambda s: s.window.visitors.isVisible(), True),
    "view-all": Effect(lambda s: (s.panel("map").follows, s.panel("curves").follows), (True, True), zoom),
    "start": Effect(lambda s: s.window.findChild(FakeStartDialog) is not None, True, lambda s: None),
    "open": starts_with("recording"),
    "folder": starts_with("recording"),
    "bank": starts_with("bank"),
    "load": Effect(lambda s: s.engines[-1].session.speed, 2.0, session_file),
    "save": Effect(lambda s: saved(s) == s.window.link.session),
    "record": Effect(lambda s: type(s.last_command), Record, lambda s: s.live(recording=None)),
    "publish": sends(Publish(True)),
    "restart": Effect(lambda s: len(s.engines), 2),
    "quit": Effect(lambda s: s.window.isVisible(), False),
    "operator": Effect(lambda s: s.window.grid.view, "operator", lambda s: s.press("D")),
    "demo": Effect(lambda s: s.window.grid.view, "demo"),
    "fullscreen": Effect(lambda s: s.window.isFullScreen(), True, fill),
    "theme": Effect(lambda s: s.window.memory.theme, "dark"),
    "larger": Effect(lambda s: s.panel("ladder").scale, 1.1),
    "smaller": Effect(lambda s: s.panel("ladder").scale, 0.9),
    "reset-layout": Effect(lambda s: s.panel("curves").isVisible(), True, hide),
    **{f"show-{name}": is_shown(name) for name in ("ladder", "map", "curves", "traces", "head", "transcript")},
    **{f"show-{name}": Effect(lambda s, name=name: s.panel(name).isVisible(), True) for name in ("sensors", "heads")},
    "sensor-view": Effect(lambda s: s.panel("sensors").shown, "all"),
    "bad": sends(MarkBad(130.0, None)),
    "bad-before": sends(MarkBad(125.0, 130.0)),
    "freeze": Effect(lambda s: s.message.startswith("The display is frozen")),
    "last-words": sends(ScoreLastWords(300)),
    "fewer": sends(ScoreLastWords(200), alone),
    "more": sends(ScoreLastWords(400), alone),
    "reset": Effect(lambda s: s.message, "The scores of 300 words will be reset."),
    "layer-up": Effect(lambda s: s.panel("map").layer, 0),
    "layer-down": Effect(lambda s: s.panel("map").layer, 4, lambda s: s.window.pointer.point_layer(5)),
    "escape": Effect(lambda s: s.panel("map").layer, None, lambda s: s.window.pointer.point_layer(5)),
    "lag-up": Effect(lambda s: s.panel("map").lag, pytest.approx(0.01), lambda s: s.window.pointer.point_lag(0.0)),
    "lag-down": Effect(lambda s: s.panel("map").lag, pytest.approx(0.0)),
    "word-back": sends(Inspect(299)),
    "word-on": sends(Inspect(295), lambda s: [s.press("J") for _ in range(6)]),
    "play": sends(Pause()),
    "slower": sends(SetSpeed(0.5)),
    "faster": sends(SetSpeed(2.0)),
    "previous": sends(Step(-1)),
    "next": sends(Step(1)),
    "back": sends(Seek(POSITION_S - 10)),
    "forward": sends(Seek(POSITION_S + 10)),
    "seek-start": sends(Seek(0.0)),
    "statistic": Effect(lambda s: s.panel("map").statistic, STATISTICS[0]),
    "control": Effect(lambda s: s.window.grid.control, UNIQUE, lambda s: s.change(controls={UNIQUE: ControlView()})),
    "rivals": Effect(lambda s: s.window.rivals.dialog is not None and s.window.rivals.dialog.isVisible()),
    "find-word": Effect(lambda s: s.window.transport.word.hasFocus()),
    "bookmark": Effect(lambda s: s.window.annotations.times, [20.0, POSITION_S, 60.0]),
    "note": Effect(lambda s: s.window.pen.line.text.hasFocus()),
    "notes": Effect(lambda s: s.window.pen.list is not None and s.window.pen.list.isVisible()),
    "previous-bookmark": sends(Seek(20.0)),
    "next-bookmark": sends(Seek(60.0)),
    "picture": written(".png"),
    "panel": written(".png"),
    "print": written(".svg"),
    "film": written(".gif"),
    "copy": Effect(lambda s: clipboard().width(), 2 * 1280),
    "scores": written(".csv"),
    "ladder": written(".csv"),
    "report": Effect(lambda s: type(s.last_command), WriteReport),
    "keys": Effect(lambda s: s.window.findChild(QDialog) is not None),
}  # fmt: skip


def saved(scene: Scene) -> Session | None:
    path = scene.folder / "it.toml"
    return Session.load(path) if path.exists() else None


class FakeStartDialog(QObject):
    """In place of the start dialog: opens nothing."""

    session_chosen = Signal(object)
    demo_requested = Signal()

    def __init__(self, memory: Any, theme: Any, parent: QObject) -> None:
        super().__init__(parent)

    def open(self) -> None:
        pass


def clipboard() -> QImage:
    found = QGuiApplication.clipboard()
    assert found is not None
    return found.image()


def test_the_head_shows_the_bank_in_use(scene: Scene, live_setup: Path) -> None:
    """Its patterns are those of the bank that the engine names."""
    head, bank = scene.panel("head"), DecoderBank.load(live_setup / "bank")
    scene.live(bank=str(live_setup / "bank"))
    assert head._patterns.shape == (*bank.tensors["patterns"].shape[:2], len(bank.sensors))
    assert scene.window.link.session is not None
    assert scene.window.link.session.bank == live_setup / "bank"
    scene.change(bank="")
    assert head._patterns is None


EXTRAS = {"mute", "compare", "map-content"}
"""Actions that sound/test_player.py and engines/test_second_engine.py try by key."""


def test_every_action_has_an_effect_here() -> None:
    assert set(EFFECTS) | EXTRAS == {action.name for action in ACTIONS}


@pytest.mark.parametrize(
    ("name", "key"), [(action.name, key) for action in ACTIONS for key in action.keys if action.name not in EXTRAS]
)
def test_every_key_triggers_its_action(name: str, key: str, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    effect = EFFECTS[name]
    monkeypatch.setitem(sys.modules, "rtalign_monitor.start.dialog", SimpleNamespace(StartDialog=FakeStartDialog))  # type: ignore[arg-type]
    clipboard_was = QGuiApplication.clipboard()
    assert clipboard_was is not None
    clipboard_was.clear()
    scene.dialogs.path = scene.folder / "it"
    monkeypatch.chdir(scene.folder)
    scene.replay()
    scene.window.annotations.write(20.0, "coughs")
    scene.window.annotations.write(60.0, "")
    effect.before(scene)
    scene.window.grid.hovered = "ladder" if name in ("panel", "print") else None  # wherever a pointer may really be
    scene.window.tick()
    assert effect.see(scene) != effect.becomes
    scene.press(key)
    scene.qtbot.waitUntil(lambda: effect.see(scene) == effect.becomes, timeout=PATIENCE_MS)


# ---- what cannot be done now


def test_an_unavailable_action_gives_the_reason(scene: Scene) -> None:
    actions = scene.window.action_registry
    scene.window.tick()
    assert not actions["play"].isEnabled()
    assert "No session is running" in actions["play"].toolTip()
    scene.live()
    for name in ("play", "next", "find-word", "slower", "seek-start", "next-bookmark"):
        assert not actions[name].isEnabled()
        assert "These are live streams" in actions[name].toolTip()
    assert actions["record"].isEnabled()
    scene.replay()
    assert actions["play"].isEnabled()
    assert "These are live streams" not in actions["play"].toolTip()
    assert "on disk already" in actions["record"].toolTip()
    scene.send(n=0, position_s=0.0, end_s=250.0, r=None)
    for name in ("scores", "ladder", "report", "reset"):
        assert not actions[name].isEnabled()
    assert "no word has been scored yet" in actions["report"].toolTip()


def test_the_key_of_an_unavailable_action_does_nothing(scene: Scene) -> None:
    scene.live()
    before = list(scene.engine.sent)
    for key in ("Space", "Left", "Right", "Home", "Ctrl+Left"):
        scene.press(key)
    assert scene.engine.sent == before
    assert scene.window.annotations.times == []


def test_every_action_is_in_one_menu(scene: Scene) -> None:
    registry = scene.window.action_registry
    held = [action for menu in registry.menus.values() for action in menu.actions() if not action.isSeparator()]
    assert len(held) == len(ACTIONS)
    for name, actions in MENUS.items():
        assert all(registry[action.name] in registry.menus[name].actions() for action in actions)
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))


# ---- the pointer


def test_the_layer_under_the_pointer_is_highlighted_everywhere(scene: Scene) -> None:
    scene.replay()
    ladder = scene.panel("ladder")
    scene.qtbot.mouseMove(ladder, QPoint(ladder.width() // 2, round(ladder.rows().centre(12))))
    scene.qtbot.waitUntil(lambda: scene.window.pointer.layer == 12)
    assert {scene.panel(name).layer for name in ("ladder", "map", "curves", "head", "traces")} == {12}
    lagmap = scene.panel("map")
    scene.qtbot.mouseMove(lagmap, QPoint(round(lagmap.axis().to_pixel(0.3)), round(lagmap.rows().centre(4))))
    scene.qtbot.waitUntil(lambda: ladder.layer == 4)


def test_a_click_on_a_word_opens_the_inspector(scene: Scene) -> None:
    scene.replay()
    transcript = scene.panel("transcript")
    transcript.grab()
    word = transcript.word_boxes[3]
    scene.qtbot.mouseClick(transcript, Qt.MouseButton.LeftButton, pos=word.box.center().toPoint())
    assert scene.last_command == Inspect(word.entry.word.index)
    assert scene.panel("inspector").isVisible()
    scene.engine.newest = snapshots.with_inspected_word(scene.engine.newest)
    scene.window.tick()
    assert scene.panel("inspector").inspected.entry.word == scene.engine.newest.words[-8].word
    scene.press("Esc")
    assert not scene.panel("inspector").isVisible()
    assert scene.last_command == Inspect(None)


def test_dragging_on_the_timeline_seeks_once(scene: Scene) -> None:
    scene.replay()
    line, sent = scene.window.transport.timeline, scene.engine.sent
    middle = line.height() // 2
    scene.qtbot.mousePress(line, Qt.MouseButton.LeftButton, pos=QPoint(line.width() // 4, middle))
    for part in (0.3, 0.5, 0.75):
        scene.qtbot.mouseMove(line, QPoint(round(part * line.width()), middle))
    assert not any(isinstance(command, Seek) for command in sent)
    scene.qtbot.mouseRelease(line, Qt.MouseButton.LeftButton, pos=QPoint(round(0.75 * line.width()), middle))
    (to,) = (command.to_s for command in sent if isinstance(command, Seek))
    assert to == pytest.approx(0.75 * 250, abs=1.5)


def test_a_click_near_a_bookmark_seeks_it(scene: Scene) -> None:
    scene.replay()
    scene.press("M")
    line = scene.window.transport.timeline
    scene.qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=QPoint(round(line._x_of(POSITION_S)) + 4, 10))
    assert scene.last_command == Seek(POSITION_S)
    scene.press("M")
    assert scene.window.annotations.times == []
    scene.click("Undo")
    assert scene.window.annotations.times == [POSITION_S]


# ---- the operator's pen


def test_a_note_belongs_to_the_moment_at_which_its_key_was_pressed(scene: Scene) -> None:
    scene.replay()
    scene.press("N")
    line = scene.window.pen.line
    scene.change(position_s=POSITION_S + 9)
    QTest.keyClicks(line.text, "coughs")
    assert not scene.window.action_registry["freeze"].isChecked(), "letters are text there"
    QTest.keyClick(line.text, Qt.Key.Key_Return)
    assert not line.isVisible()
    noted = (Annotation(POSITION_S, "coughs"),)
    assert scene.last_command == SetAnnotations(noted, POSITION_S + 9)
    assert scene.window.transport.timeline.annotations == noted
    scene.press("N")
    QTest.keyClicks(line.text, "slip")
    QTest.keyClick(line.text, Qt.Key.Key_Escape)
    assert scene.window.annotations.entries == noted


def test_notes_of_live_streams_have_the_time_of_the_stream_also_while_it_is_lost(scene: Scene) -> None:
    """The newest sample is so old as the snapshot says, and the snapshot itself is some seconds old."""
    scene.live()
    meg = dataclasses.replace(scene.engine.newest.health.meg, age_s=4.0)
    scene.change(health=dataclasses.replace(scene.engine.newest.health, meg=meg))
    scene.now += 2.0
    scene.press("M")
    assert scene.window.annotations.times == [pytest.approx(scene.engine.newest.time_s + 6.0)]
    scene.click("Name it…")
    QTest.keyClicks(scene.window.pen.line.text, "left the helmet")
    QTest.keyClick(scene.window.pen.line.text, Qt.Key.Key_Return)
    assert [note.text for note in scene.window.annotations.entries] == ["left the helmet"]


def test_an_engine_that_is_started_again_has_what_was_written_before(scene: Scene) -> None:
    """Also what was written while there was none; the recorder had it at once."""
    scene.live()
    scene.press("M")
    lost = scene.engine
    lost.crash()
    scene.window.tick()
    scene.now += 3.0
    scene.press("M")
    assert isinstance(lost.sent[-1], SetAnnotations)
    assert scene.engine is not lost
    written = scene.window.annotations.entries
    assert len(written) == 2
    scene.now += 10.0
    scene.send()
    assert scene.last_command.annotations == written  # type: ignore[union-attr]
    n_sent = len(scene.engine.sent)
    scene.change(annotations=written)
    scene.change(n_received=400)
    assert len(scene.engine.sent) == n_sent


def test_the_list_goes_to_a_note_renames_and_removes_it_by_key(scene: Scene) -> None:
    scene.replay(annotations=(Annotation(20.0, "coughs"), Annotation(60.0, "")))
    assert scene.window.annotations.times == [20.0, 60.0], "what was written while it was recorded"
    scene.window.tick()
    scene.press("Ctrl+M")
    listed = scene.window.pen.list
    assert listed is not None
    rows = [[listed.table.item(row, column).text() for column in (0, 1)] for row in (0, 1)]
    assert rows == [["0:20", "coughs"], ["1:00", ""]]
    QTest.keyClick(listed.table, Qt.Key.Key_Down)
    QTest.keyClick(listed.table, Qt.Key.Key_F2)
    (editor,) = listed.table.findChildren(QLineEdit)
    QTest.keyClicks(editor, "sneezes")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    renamed = (Annotation(20.0, "coughs"), Annotation(60.0, "sneezes"))
    scene.qtbot.waitUntil(lambda: scene.window.annotations.entries == renamed)
    QTest.keyClick(listed.table, Qt.Key.Key_Up)
    QTest.keyClick(listed.table, Qt.Key.Key_Delete)
    assert scene.window.annotations.times == [60.0]
    QTest.keyClick(listed.table, Qt.Key.Key_Return)
    assert scene.last_command == Seek(60.0)
    scene.replay(annotations=(Annotation(20.0, "coughs"),))
    assert scene.window.annotations.times == [60.0], "the user's own count from then on"
    assert SetAnnotations((Annotation(60.0, "sneezes"),), POSITION_S) in scene.engine.sent


def test_the_timeline_shows_where_words_are(scene: Scene) -> None:
    """All words of the recording, not only those received."""
    scene.replay()
    line = scene.window.transport.timeline
    line.set_words(WordList(ONSETS[(ONSETS < 100) | (ONSETS > 150)], tuple("w" for o in ONSETS if not 100 <= o <= 150)))
    picture = grey(line.grab().toImage())[10:-8]
    column = picture.std(axis=0) + picture.max(axis=0) - np.median(picture)
    spoken = column[round(line._x_of(190)) : round(line._x_of(240))]
    silent = column[round(line._x_of(105)) : round(line._x_of(145))]
    assert spoken.max() > silent.max() + 20


def test_a_start_can_be_cancelled(scene: Scene) -> None:
    scene.window.start(Session(bank=scene.folder / "bank"))
    scene.window.tick()
    assert scene.message == "Loading the language model…"
    scene.click("Cancel")
    assert scene.last_command == Stop()
    scene.window.tick()
    assert scene.window.link.state == "ended"
    scene.click("Start again")
    assert len(scene.engines) == 2


def test_typing_a_word_seeks_its_next_onset(scene: Scene) -> None:
    scene.replay()
    scene.press("/")
    box = scene.window.transport.word
    QTest.keyClicks(box, "MENTION")
    assert not scene.window.action_registry["freeze"].isChecked()
    QTest.keyClick(box, Qt.Key.Key_Return)
    later = [float(o) for o, text in zip(ONSETS, WORD_LIST.texts, strict=True) if text == "mention" and o > POSITION_S]
    assert scene.last_command == Seek(later[0])
    assert not box.hasFocus()
    scene.press("/")
    QTest.keyClicks(box, "zebra")
    QTest.keyClick(box, Qt.Key.Key_Return)
    scene.window.tick()
    assert "zebra" in scene.message
    assert scene.last_command == Seek(later[0])


def test_the_speed_of_the_snapshot_is_shown(scene: Scene) -> None:
    scene.replay()
    box = scene.window.transport.speed
    for speed, text in ((3.0, "3×"), (None, "max"), (0.25, "0.25×"), (1.0, "1×")):
        scene.change(speed=speed)
        assert box.currentText() == text
    assert box.count() == 7


# ---- what it remembers


def test_a_window_opens_as_it_was_left(scene: Scene) -> None:
    scene.replay()
    for key in ("T", "Ctrl+4", "Ctrl++", "M", "W", "Ctrl+W"):
        scene.press(key)
    handle = scene.window.grid.upper_row.handle(1)
    assert handle is not None
    scene.qtbot.mousePress(handle, Qt.MouseButton.LeftButton, pos=QPoint(3, 50))
    scene.qtbot.mouseMove(handle, QPoint(103, 50))
    scene.qtbot.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=QPoint(103, 50))
    sizes = scene.window.grid.upper_row.sizes()
    scene.press("D")
    scene.window.close()
    scene.window.tick()
    assert not scene.window.isVisible()

    scene.window = scene.open()
    memory = scene.window.memory
    assert (memory.theme, memory.view, memory.scale) == ("dark", "demo", 1.1)
    assert memory.hidden == ["heads", "sensors", "traces"]
    assert memory.recent[0].recording == scene.folder / "story"
    assert memory.last_words == 400
    scene.press("O")
    assert scene.window.grid.upper_row.sizes() == pytest.approx(sizes, abs=3)
    assert not scene.panel("traces").isVisible()
    scene.replay()
    assert scene.window.annotations.times == [POSITION_S]


def test_resetting_the_layout_can_be_undone(scene: Scene) -> None:
    scene.replay()
    as_made = scene.window.grid.upper_row.sizes()
    scene.window.grid.upper_row.setSizes([800, 400])
    scene.press("Ctrl+3")
    mine = scene.window.grid.upper_row.sizes()
    scene.press("Ctrl+0")
    assert scene.panel("curves").isVisible()
    assert scene.window.grid.upper_row.sizes() == pytest.approx(as_made, abs=2)
    scene.click("Undo")
    assert not scene.panel("curves").isVisible()
    assert scene.window.grid.upper_row.sizes() == pytest.approx(mine, abs=2)


def test_settings_outlive_the_engine(scene: Scene) -> None:
    """Last words, recording and publishing are set for the restarted engine too."""
    scene.live(recording=None)
    for key in ("W", "R", "P"):
        scene.press(key)
    scene.press("Ctrl+R")
    session = scene.engine.session
    assert len(scene.engines) == 2
    assert (session.last_words, session.record, session.publish) == (300, scene.folder / "home", True)


def test_panels_are_drawn_by_turns(scene: Scene) -> None:
    """While a new word repaints the transcript, no other panel is drawn in the same tick."""
    scene.replay()
    drawn: list[str] = []
    for name in ("ladder", "map", "curves", "head", "traces"):
        panel = scene.panel(name)
        panel.draw = lambda seen, name=name: drawn.append(name)  # type: ignore[method-assign,misc]
    seen = snapshots.snapshot_after(301)
    scene.window.grid.draw(seen, by_turns=True)
    assert drawn == ["traces"]
    scene.window.grid.grab()
    scene.window.grid.draw(dataclasses.replace(seen, time_s=seen.time_s + 0.05), by_turns=True)
    assert drawn[:2] == ["traces", "traces"]
    assert len(drawn) == 3
    drawn.remove("traces")
    for _ in range(3):
        scene.window.tick(by_turns=True)
    assert sorted(drawn) == ["curves", "head", "ladder", "map", "traces"]
