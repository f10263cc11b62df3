"""The window does what its keys, mouse and buttons say, with an engine that is made up and with the real one."""

from __future__ import annotations

import csv
import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sights
from PyQt6.QtCore import QObject, QPoint, Qt, pyqtSignal
from PyQt6.QtGui import QGuiApplication, QImage, QKeySequence
from PyQt6.QtSvg import QSvgRenderer
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QDialog, QWidget
from pytestqt.qtbot import QtBot
from test_rehearsal import Stage

from apps import outgoing, remember
from apps.actions import DEEDS
from apps.asking import ending
from apps.linking import RESTART_S
from apps.theme import THEMES
from apps.window import MonitorWindow
from rtalign.bank import DecoderBank
from rtalign.client import Client
from rtalign.script import Script
from rtalign.session import Session
from rtalign.snapshot import Snapshot, Written, empty
from rtalign.sources.events import Notice

ONSETS = np.arange(1.0, 249.0, 0.5)
SCRIPT = Script(ONSETS, tuple(sights.STORY[i % len(sights.STORY)] for i in range(len(ONSETS))))
HERE_S = 41.2
PATIENCE_MS = 60_000


class MadeUp:
    """An engine that remembers what it was asked, and says what a test gives it to say."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.newest = empty("loading", "loading the language model")
        self.script: Script | None = None
        self.alive, self.pid, self.status = True, 1, 0
        self.asked: list[tuple[str, Any]] = []
        self.stops = True

    def ask(self, do: str, to: Any = None) -> None:
        self.asked.append((do, to))
        if do == "stop" and self.stops:
            self.newest, self.alive = dataclasses.replace(self.newest, phase="ended"), False

    def wait(self, timeout_s: float | None = None) -> int:
        return self.status

    def die(self) -> None:
        self.alive, self.status = False, -9


class Answers:
    """In place of dialogs: always the same answer."""

    path: Path | None = None

    def file(self, title: str, at: Path | None, kinds: str) -> Path | None:
        return self.path

    def folder(self, title: str, at: Path | None) -> Path | None:
        return self.path

    def new_file(self, title: str, at: Path, kinds: str) -> Path | None:
        return self.path and self.path.with_suffix(ending(kinds.split(";;")[0]))


class Scene:
    """A window with made-up engines, one after the other."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot, self.folder = qtbot, folder
        self.begun: list[MadeUp] = []
        self.opened: list[Path] = []
        self.answers = Answers()
        self.now = 0.0
        self.window = self.open()

    def open(self) -> MonitorWindow:
        window = MonitorWindow(self._begin, self.folder / "window.json")
        window.link._clock = lambda: self.now
        window.sessions._asking = window.outgoing._asking = self.answers  # type: ignore[assignment]
        self.qtbot.addWidget(window, before_close_func=lambda w: w.leave_now())
        window.resize(1280, 800)
        window.show()
        self.qtbot.waitActive(window).__enter__()
        window.activateWindow()
        self.qtbot.waitUntil(window.isActiveWindow)
        return window

    def _begin(self, session: Session) -> MadeUp:
        self.begun.append(MadeUp(session))
        return self.begun[-1]

    @property
    def engine(self) -> MadeUp:
        return self.begun[-1]

    def replay(self, n: int = 300, **changed: Any) -> None:
        self.window.start(Session(recording=self.folder / "story", bank=self.folder / "bank"))
        self.window.tick()
        self.engine.script = SCRIPT
        self.say(position_s=HERE_S, end_s=250.0, speed=1.0, keeping=None, n=n, **changed)

    def live(self, **changed: Any) -> None:
        self.window.start(Session(bank=self.folder / "bank"))
        self.window.tick()
        self.say(**changed)

    def say(self, n: int = 300, **changed: Any) -> Snapshot:
        self.engine.newest = sights.sight(n, **changed)
        self.window.tick()
        return self.engine.newest

    def more(self, **changed: Any) -> Snapshot:
        """The same, but for."""
        self.engine.newest = dataclasses.replace(self.engine.newest, **changed)
        self.window.tick()
        return self.engine.newest

    def press(self, key: str, on: QWidget | None = None) -> None:
        QTest.keySequence(on or self.window, QKeySequence(key))
        self.window.tick()

    def cure(self, label: str) -> None:
        (button,) = (b for b in self.window.strip.buttons if b.text() == label)
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        self.window.tick()

    @property
    def said(self) -> str:
        message = self.window.strip.message
        return message.text if message else ""

    @property
    def asked(self) -> tuple[str, Any] | None:
        return self.engine.asked[-1] if self.engine.asked else None

    def panel(self, name: str) -> Any:
        return self.window.grid.panels[name]


@pytest.fixture
def scene(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(qtbot, tmp_path)
    monkeypatch.setattr(remember, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(outgoing, "show", made.opened.append)
    return made


# ---- every action, by its keys


@dataclasses.dataclass
class Effect:
    """see : something of the scene, which a key press makes what it becomes."""

    see: Callable[[Scene], Any]
    becomes: Any = True
    before: Callable[[Scene], Any] = lambda scene: None


def asks(do: str, to: Any = None, before: Callable[[Scene], Any] = lambda scene: None) -> Effect:
    return Effect(lambda scene: scene.asked, (do, to), before)


def is_shown(name: str) -> Effect:
    return Effect(lambda scene: scene.panel(name).isVisible(), False)


def written(suffix: str) -> Effect:
    return Effect(lambda scene: (scene.folder / f"it{suffix}").exists())


def alone(scene: Scene) -> None:
    scene.press("W")


def session_file(scene: Scene) -> None:
    scene.answers.path = scene.folder / "it.toml"
    scene.answers.path.write_text("speed = 2.0\nadapt = true\n")


def begun(setting: str) -> Effect:
    return Effect(lambda scene: getattr(scene.begun[-1].session, setting).name, "it")


def fill(scene: Scene) -> None:
    scene.window.looks.fills_screen = True


def hide(scene: Scene) -> None:
    scene.press("Ctrl+3")


EFFECTS: dict[str, Effect] = {
    "start": Effect(lambda s: s.window.findChild(Chooser) is not None, True, lambda s: None),
    "open": begun("recording"),
    "folder": begun("recording"),
    "bank": begun("bank"),
    "load": Effect(lambda s: s.begun[-1].session.speed, 2.0, session_file),
    "save": Effect(lambda s: saved(s) == s.window.link.session),
    "record": Effect(lambda s: s.asked and s.asked[0], "record", lambda s: s.live(keeping=None)),
    "publish": asks("publish", True),
    "restart": Effect(lambda s: len(s.begun), 2),
    "quit": Effect(lambda s: s.window.isVisible(), False),
    "operator": Effect(lambda s: s.window.grid.view, "operator", lambda s: s.press("D")),
    "demo": Effect(lambda s: s.window.grid.view, "demo"),
    "fullscreen": Effect(lambda s: s.window.isFullScreen(), True, fill),
    "theme": Effect(lambda s: s.window.memory.theme, "dark"),
    "larger": Effect(lambda s: s.panel("ladder").scale, 1.1),
    "smaller": Effect(lambda s: s.panel("ladder").scale, 0.9),
    "layout": Effect(lambda s: s.panel("curves").isVisible(), True, hide),
    **{f"show-{name}": is_shown(name) for name in ("ladder", "map", "curves", "traces", "head", "transcript")},
    "freeze": Effect(lambda s: s.said.startswith("The picture is frozen")),
    "window": asks("last words", 300),
    "fewer": asks("last words", 200, alone),
    "more": asks("last words", 400, alone),
    "reset": Effect(lambda s: s.said, "The scores of 300 words will begin anew."),
    "up": Effect(lambda s: s.panel("map").layer, 0),
    "down": Effect(lambda s: s.panel("map").layer, 4, lambda s: s.window.point(5)),
    "nothing": Effect(lambda s: s.panel("map").layer, None, lambda s: s.window.point(5)),
    "play": asks("pause"),
    "slower": asks("speed", 0.5),
    "faster": asks("speed", 2.0),
    "previous": asks("step", -1),
    "next": asks("step", 1),
    "back": asks("seek", HERE_S - 10),
    "on": asks("seek", HERE_S + 10),
    "begin": asks("seek", 0.0),
    "jump": Effect(lambda s: s.window.transport.word.hasFocus()),
    "bookmark": Effect(lambda s: s.window.marks.times, [20.0, HERE_S, 60.0]),
    "mark-before": asks("seek", 20.0),
    "mark-next": asks("seek", 60.0),
    "picture": written(".png"),
    "panel": written(".png"),
    "copy": Effect(lambda s: clipboard().width(), 2 * 1280),
    "scores": written(".csv"),
    "ladder": written(".csv"),
    "report": Effect(lambda s: s.asked and s.asked[0], "report"),
    "keys": Effect(lambda s: s.window.findChild(QDialog) is not None),
}  # fmt: skip


def saved(scene: Scene) -> Session | None:
    path = scene.folder / "it.toml"
    return Session.load(path) if path.exists() else None


class Chooser(QObject):
    """In place of the start dialog."""

    chosen = pyqtSignal(object)
    demo_wanted = pyqtSignal()

    def __init__(self, memory: Any, theme: Any, parent: QObject) -> None:
        super().__init__(parent)

    def open(self) -> None:
        pass


def clipboard() -> QImage:
    found = QGuiApplication.clipboard()
    assert found is not None
    return found.image()


def test_the_head_is_that_of_the_bank_in_use(scene: Scene, desk: Path) -> None:
    """Its patterns come with the bank that the engine names, and go with it."""
    head, bank = scene.panel("head"), DecoderBank.load(desk / "bank")
    scene.live(bank=str(desk / "bank"))
    assert head._patterns.shape == (*bank.tensors["patterns"].shape[:2], len(bank.sensors))
    assert scene.window.link.session is not None
    assert scene.window.link.session.bank == desk / "bank"
    scene.more(bank="")
    assert head._patterns is None


ACCOMPANYING = {"mute", "compare", "turn"}
"""What test_sounding and test_comparing try by key."""


def test_every_action_is_claimed() -> None:
    assert set(EFFECTS) | ACCOMPANYING == {deed.name for deed in DEEDS}


@pytest.mark.parametrize(
    ("name", "key"), [(deed.name, key) for deed in DEEDS for key in deed.keys if deed.name not in ACCOMPANYING]
)
def test_every_key_does_what_it_says(name: str, key: str, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    effect = EFFECTS[name]
    monkeypatch.setitem(sys.modules, "apps.start", SimpleNamespace(StartDialog=Chooser))  # type: ignore[arg-type]
    clipboard_was = QGuiApplication.clipboard()
    assert clipboard_was is not None
    clipboard_was.clear()
    scene.answers.path = scene.folder / "it"
    monkeypatch.chdir(scene.folder)
    scene.replay()
    scene.window.marks.turn(20.0)
    scene.window.marks.turn(60.0)
    effect.before(scene)
    scene.window.grid.under = "ladder" if name == "panel" else None  # wherever a pointer may really be
    scene.window.tick()
    assert effect.see(scene) != effect.becomes
    scene.press(key)
    scene.qtbot.waitUntil(lambda: effect.see(scene) == effect.becomes, timeout=2000)


# ---- what cannot be done now


def test_what_cannot_be_done_is_off_and_says_why(scene: Scene) -> None:
    deeds = scene.window.deeds
    scene.window.tick()
    assert not deeds["play"].isEnabled()
    assert "No session runs" in deeds["play"].toolTip()
    scene.live()
    for name in ("play", "next", "jump", "slower", "begin", "bookmark"):
        assert not deeds[name].isEnabled()
        assert "This is live" in deeds[name].toolTip()
    assert deeds["record"].isEnabled()
    scene.replay()
    assert deeds["play"].isEnabled()
    assert "This is live" not in deeds["play"].toolTip()
    assert "on disk already" in deeds["record"].toolTip()
    scene.say(n=0, position_s=0.0, end_s=250.0, r=None)
    for name in ("scores", "ladder", "report", "reset"):
        assert not deeds[name].isEnabled()
    assert "no word has been scored yet" in deeds["report"].toolTip()


def test_a_key_of_what_cannot_be_done_does_nothing(scene: Scene) -> None:
    scene.live()
    before = list(scene.engine.asked)
    for key in ("Space", "Left", "Right", "Home", "M"):
        scene.press(key)
    assert scene.engine.asked == before
    assert scene.window.marks.times == []


def test_the_menus_hold_every_action_once(scene: Scene) -> None:
    deeds = scene.window.deeds
    held = [action for menu in deeds.menus.values() for action in menu.actions() if not action.isSeparator()]
    assert len(held) == len(DEEDS)
    assert all(deeds[deed.name] in deeds.menus[deed.menu].actions() for deed in DEEDS)
    keys = [key for deed in DEEDS for key in deed.keys]
    assert len(keys) == len(set(keys))


# ---- the pointer


def test_a_layer_under_the_pointer_lights_up_everywhere(scene: Scene) -> None:
    scene.replay()
    ladder = scene.panel("ladder")
    scene.qtbot.mouseMove(ladder, QPoint(ladder.width() // 2, round(ladder.rows().middle(12))))
    scene.qtbot.waitUntil(lambda: scene.window.pointed == 12)
    assert {scene.panel(name).layer for name in ("ladder", "map", "curves", "head", "traces")} == {12}
    lagmap = scene.panel("map")
    scene.qtbot.mouseMove(lagmap, QPoint(round(lagmap.axis().at(0.3)), round(lagmap.rows().middle(4))))
    scene.qtbot.waitUntil(lambda: ladder.layer == 4)


def test_a_click_on_a_word_opens_the_inspector_and_esc_closes_it(scene: Scene) -> None:
    scene.replay()
    transcript = scene.panel("transcript")
    transcript.grab()
    word = transcript.placed[3]
    scene.qtbot.mouseClick(transcript, Qt.MouseButton.LeftButton, pos=word.box.center().toPoint())
    assert scene.asked == ("inspect", word.entry.word.index)
    assert scene.panel("inspector").isVisible()
    scene.engine.newest = sights.inspected(scene.engine.newest)
    scene.window.tick()
    assert scene.panel("inspector").seen.entry.word == scene.engine.newest.words[-8].word
    scene.press("Esc")
    assert not scene.panel("inspector").isVisible()
    assert scene.asked == ("inspect", None)


def test_dragging_on_the_timeline_seeks_once(scene: Scene) -> None:
    scene.replay()
    line, ask = scene.window.transport.timeline, scene.engine.asked
    middle = line.height() // 2
    scene.qtbot.mousePress(line, Qt.MouseButton.LeftButton, pos=QPoint(line.width() // 4, middle))
    for part in (0.3, 0.5, 0.75):
        scene.qtbot.mouseMove(line, QPoint(round(part * line.width()), middle))
    assert all(do != "seek" for do, _ in ask)
    scene.qtbot.mouseRelease(line, Qt.MouseButton.LeftButton, pos=QPoint(round(0.75 * line.width()), middle))
    (to,) = (to for do, to in ask if do == "seek")
    assert to == pytest.approx(0.75 * 250, abs=1)


def test_a_click_near_a_bookmark_goes_to_it(scene: Scene) -> None:
    scene.replay()
    scene.press("M")
    line = scene.window.transport.timeline
    scene.qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=QPoint(round(line._at(HERE_S)) + 4, 10))
    assert scene.asked == ("seek", HERE_S)
    scene.press("M")
    assert scene.window.marks.times == []
    scene.cure("Undo")
    assert scene.window.marks.times == [HERE_S]


def test_the_timeline_shows_where_words_are(scene: Scene) -> None:
    """All words, heard or not; a bar where they are, none where they are not."""
    scene.replay()
    line = scene.window.transport.timeline
    line.tell(Script(ONSETS[(ONSETS < 100) | (ONSETS > 150)], tuple("w" for o in ONSETS if not 100 <= o <= 150)))
    picture = grey(line.grab().toImage())[10:-8]
    column = picture.std(axis=0) + picture.max(axis=0) - np.median(picture)
    spoken = column[round(line._at(190)) : round(line._at(240))]
    silent = column[round(line._at(105)) : round(line._at(145))]
    assert spoken.max() > silent.max() + 20


def test_starting_can_be_called_off(scene: Scene) -> None:
    scene.window.start(Session(bank=scene.folder / "bank"))
    scene.window.tick()
    assert scene.said == "Loading the language model…"
    scene.cure("Cancel")
    assert scene.asked == ("stop", None)
    scene.window.tick()
    assert scene.window.link.state == "ended"
    scene.cure("Begin again")
    assert len(scene.begun) == 2


def test_typing_a_word_jumps_to_where_it_is_next_said(scene: Scene) -> None:
    scene.replay()
    scene.press("/")
    box = scene.window.transport.word
    QTest.keyClicks(box, "MENTION")
    assert not scene.window.deeds["freeze"].isChecked()
    QTest.keyClick(box, Qt.Key.Key_Return)
    later = [float(o) for o, text in zip(ONSETS, SCRIPT.texts, strict=True) if text == "mention" and o > HERE_S]
    assert scene.asked == ("seek", later[0])
    assert not box.hasFocus()
    scene.press("/")
    QTest.keyClicks(box, "zebra")
    QTest.keyClick(box, Qt.Key.Key_Return)
    scene.window.tick()
    assert "zebra" in scene.said
    assert scene.asked == ("seek", later[0])


def test_the_speed_that_is_shown_is_the_speed(scene: Scene) -> None:
    scene.replay()
    box = scene.window.transport.speed
    for speed, text in ((3.0, "3×"), (None, "max"), (0.25, "0.25×"), (1.0, "1×")):
        scene.more(speed=speed)
        assert box.currentText() == text
    assert box.count() == 7


# ---- what it remembers


def test_a_window_opens_as_it_was_left(scene: Scene) -> None:
    scene.replay()
    for key in ("T", "Ctrl+4", "Ctrl++", "M", "W", "Ctrl+W"):
        scene.press(key)
    handle = scene.window.grid.upper.handle(1)
    assert handle is not None
    scene.qtbot.mousePress(handle, Qt.MouseButton.LeftButton, pos=QPoint(3, 50))
    scene.qtbot.mouseMove(handle, QPoint(103, 50))
    scene.qtbot.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=QPoint(103, 50))
    sizes = scene.window.grid.upper.sizes()
    scene.press("D")
    scene.window.close()
    scene.window.tick()
    assert not scene.window.isVisible()

    scene.window = scene.open()
    memory = scene.window.memory
    assert (memory.theme, memory.view, memory.scale, memory.hidden) == ("dark", "demo", 1.1, ["traces"])
    assert memory.recent[0].recording == scene.folder / "story"
    assert memory.last_words == 400
    scene.press("O")
    assert scene.window.grid.upper.sizes() == pytest.approx(sizes, abs=3)
    assert not scene.panel("traces").isVisible()
    scene.replay()
    assert scene.window.marks.times == [HERE_S]


def test_a_layout_that_was_put_back_can_be_had_again(scene: Scene) -> None:
    scene.replay()
    as_made = scene.window.grid.upper.sizes()
    scene.window.grid.upper.setSizes([800, 400])
    scene.press("Ctrl+3")
    mine = scene.window.grid.upper.sizes()
    scene.press("Ctrl+0")
    assert scene.panel("curves").isVisible()
    assert scene.window.grid.upper.sizes() == pytest.approx(as_made, abs=2)
    scene.cure("Undo")
    assert not scene.panel("curves").isVisible()
    assert scene.window.grid.upper.sizes() == pytest.approx(mine, abs=2)


def test_what_was_set_outlives_the_engine(scene: Scene) -> None:
    """A window of words, a speed and a recording that were asked for are asked of the engine that comes after too."""
    scene.live(keeping=None)
    for key in ("W", "R", "P"):
        scene.press(key)
    scene.press("Ctrl+R")
    session = scene.engine.session
    assert len(scene.begun) == 2
    assert (session.last_words, session.record, session.publish) == (300, scene.folder / "home", True)


# ---- the picture and what leaves it


def test_a_frozen_picture_stands_while_status_and_trust_go_on(scene: Scene) -> None:
    scene.replay()
    frozen = scene.engine.newest
    scene.press("F")
    scene.more(n_scored=301, work=dataclasses.replace(frozen.work, load=0.77))
    assert scene.panel("ladder").seen is frozen
    assert any("77 %" in item.text for item in scene.window.trust.items)
    scene.press("F")
    assert scene.panel("ladder").seen is scene.engine.newest


def test_reset_asks_first(scene: Scene) -> None:
    scene.replay()
    scene.press("Ctrl+Backspace")
    scene.cure("Keep them")
    assert ("reset", None) not in scene.engine.asked
    scene.press("Ctrl+Backspace")
    scene.cure("Reset")
    assert scene.asked == ("reset", None)


@pytest.mark.parametrize("key", ["Ctrl+P", "Ctrl+E"])
def test_a_picture_opens_again(key: str, scene: Scene) -> None:
    """In twice the sharpness, or in lines and letters."""
    scene.replay()
    scene.window.grid.under = "ladder"
    scene.window.tick()
    scene.answers.path = scene.folder / "it"
    widget = scene.window.centralWidget() if key == "Ctrl+P" else scene.panel("ladder")
    assert widget is not None
    scene.window.set_theme("dark")
    size, plain = widget.size(), widget.grab().toImage()
    scene.press(key)
    image = QImage(str(scene.folder / "it.png"))
    assert image.size() == size * 2
    assert image.pixelColor(0, 0) == THEMES["dark"].colour("window")
    again = image.scaled(size, transformMode=Qt.TransformationMode.SmoothTransformation)
    assert np.abs(grey(again) - grey(plain)).mean() < 4
    blown_up = plain.scaled(size * 2, transformMode=Qt.TransformationMode.SmoothTransformation)
    assert edges(image) > 1.2 * edges(blown_up)

    scene.window.strip.unsay("said")
    scene.qtbot.waitUntil(lambda: widget.size() == size)
    scene.answers.new_file = lambda title, at, kinds: scene.folder / "it.svg"  # type: ignore[method-assign]
    scene.press(key)
    drawing = QSvgRenderer(str(scene.folder / "it.svg"))
    assert drawing.isValid()
    assert drawing.viewBox().size() == size
    assert "Peak latency by layer" in (scene.folder / "it.svg").read_text(encoding="utf-8")


def grey(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_Grayscale8)
    bits = image.constBits()
    assert bits is not None
    raw = np.frombuffer(bits.asstring(image.sizeInBytes()), np.uint8)
    return raw.reshape(image.height(), image.bytesPerLine())[:, : image.width()].astype(float)


def edges(image: QImage) -> float:
    return float(np.abs(np.diff(grey(image), axis=1)).mean())


def test_the_scores_that_leave_are_those_of_the_frozen_picture(scene: Scene) -> None:
    scene.replay()
    seen = scene.engine.newest
    assert seen.r is not None
    assert seen.lags_s is not None
    scene.press("F")
    scene.more(r=seen.r * 0)
    scene.answers.path = scene.folder / "it"
    scene.press("Ctrl+D")
    with (scene.folder / "it.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == seen.r.size
    assert np.array([float(row["r"]) for row in rows]) == pytest.approx(seen.r.ravel(), abs=1e-6)
    assert [float(row["lag_s"]) for row in rows[: len(seen.lags_s)]] == pytest.approx(seen.lags_s, abs=1e-4)
    assert {row["n_words"] for row in rows} == {"300"}


def test_the_ladder_that_leaves_is_the_one_that_is_shown(scene: Scene) -> None:
    scene.replay()
    scene.answers.path = scene.folder / "it"
    scene.press("Ctrl+Shift+D")
    with (scene.folder / "it.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, rung in zip(rows, scene.engine.newest.rungs, strict=True):
        assert (int(row["layer"]), row["status"]) == (rung.layer, rung.status)
        assert row["peak_s"] == ("" if rung.peak_s is None else str(rung.peak_s))


def test_where_nothing_can_be_written_the_strip_says_so(scene: Scene) -> None:
    scene.replay()
    scene.answers.path = scene.folder / "nowhere" / "it"
    for key in ("Ctrl+P", "Ctrl+D", "Ctrl+S"):
        scene.window.strip.unsay("said")
        scene.press(key)
        assert "nowhere" in scene.said


def test_the_report_is_opened_when_it_has_been_written(scene: Scene) -> None:
    scene.replay()
    scene.press("Ctrl+T")
    assert scene.asked == ("report", scene.asked and scene.asked[1])
    scene.more()
    assert scene.opened == []
    scene.more(written=Written(str(scene.folder / "report.html"), 300, 1))
    assert scene.opened == [scene.folder / "report.html"]
    scene.more(n_scored=301)
    assert len(scene.opened) == 1


def test_waiting_for_a_report_can_be_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "PATIENCE_S", -1.0)
    scene.replay()
    scene.press("Ctrl+T")
    scene.more()
    assert scene.said == "The report is being written."
    scene.cure("Cancel")
    scene.more(written=Written("report.html", 300, 1))
    assert scene.opened == []


# ---- bad news


def test_an_engine_that_dies_is_begun_again_where_it_stood(scene: Scene) -> None:
    scene.replay()
    scene.engine.die()
    scene.window.tick()
    assert "stopped unexpectedly" in scene.said
    assert "goes on from where it stood" in scene.said
    assert scene.window.status.said[:2] == ("lost", "Failed")
    assert not any(item.state == "flowing" for item in scene.window.trust.items)
    assert scene.window.isVisible()
    scene.now += RESTART_S + 0.1
    scene.window.tick()
    assert len(scene.begun) == 2
    scene.say(position_s=0.0, end_s=250.0)
    assert ("seek", HERE_S) in scene.engine.asked


def test_an_engine_that_dies_twice_stays_down_until_asked(scene: Scene) -> None:
    scene.live()
    for _ in range(2):
        scene.engine.die()
        scene.window.tick()
        scene.now += RESTART_S + 0.1
        scene.window.tick()
        if len(scene.begun) == 2:
            scene.say()
    assert len(scene.begun) == 2
    assert "on disk in /data/session-1" in scene.said
    scene.cure("Restart now")
    assert len(scene.begun) == 3


def test_not_now_is_heard(scene: Scene) -> None:
    scene.live()
    scene.engine.die()
    scene.window.tick()
    scene.cure("Not now")
    scene.now += 100
    scene.window.tick()
    assert len(scene.begun) == 1


def test_closing_waits_for_the_engine_to_write(scene: Scene) -> None:
    scene.live()
    scene.engine.stops = False
    scene.window.close()
    scene.window.tick()
    assert scene.window.isVisible()
    assert scene.said == "The engine is writing what it found."
    scene.engine.newest = dataclasses.replace(scene.engine.newest, phase="ended")
    scene.engine.alive = False
    scene.window.tick()
    assert not scene.window.isVisible()


@pytest.mark.parametrize("at_its_end", [False, True])
def test_an_engine_that_dies_while_it_writes_is_lost(scene: Scene, at_its_end: bool) -> None:
    """Also where the recording had ended before, whose snapshots say so all the time."""
    scene.live()
    scene.more(phase="ended" if at_its_end else "running")
    scene.engine.stops = False
    scene.window.close()
    scene.engine.die()
    scene.window.tick()
    assert scene.window.link.state == "lost"
    assert "while it was writing" in scene.said
    assert "on disk in /data/session-1" in scene.said
    scene.cure("Close")
    assert not scene.window.isVisible()


def test_a_loss_is_told_in_the_session_after(scene: Scene) -> None:
    scene.live()
    scene.engine.stops = False
    scene.window.start(Session(bank=scene.folder / "other"))
    scene.engine.die()
    scene.window.tick()
    scene.say(keeping=None)
    assert "session before stopped while it was writing" in scene.said
    assert "/data/session-1" in scene.said
    scene.cure("OK")
    assert "session before" not in scene.said


def test_closing_puts_off_the_session_that_was_to_come(scene: Scene) -> None:
    scene.live()
    scene.engine.stops = False
    scene.window.start(Session(bank=scene.folder / "other"))
    scene.window.tick()
    assert scene.said == "The engine is writing what it found."
    assert not scene.window.strip.buttons
    scene.window.close()
    scene.more(phase="ended")
    scene.engine.alive = False
    scene.window.tick()
    assert not scene.window.isVisible()
    assert len(scene.begun) == 1


def test_whoever_cannot_wait_may_leave(scene: Scene) -> None:
    scene.live()
    scene.engine.stops = False
    scene.window.close()
    scene.window.tick()
    scene.cure("Leave it to it")
    assert not scene.window.isVisible()


REFUSED = ("the bank expects 306 sensors; MEG 0112 is not there",)


def test_a_refused_bank_can_be_changed_or_done_without(scene: Scene) -> None:
    scene.live()
    scene.more(phase="refused", refused=REFUSED, n_sensors=305)
    assert REFUSED[0] in scene.said
    scene.cure("Go on with these")
    assert scene.asked == ("allow missing", None)
    assert scene.window.link.session is not None
    assert scene.window.link.session.allow_missing
    scene.answers.path = scene.folder / "other"
    scene.cure("Choose bank…")
    assert scene.asked == ("bank", str(scene.folder / "other"))
    scene.more(n_sensors=0)
    assert [button.text() for button in scene.window.strip.buttons] == ["Choose bank…"]


def test_a_refused_replay_begins_anew(scene: Scene) -> None:
    scene.replay()
    scene.more(phase="refused", refused=REFUSED, n_sensors=305)
    scene.cure("Go on with these")
    assert len(scene.begun) == 2
    assert scene.engine.session.allow_missing


def test_a_session_that_fails_says_why_and_what_can_be_done(scene: Scene) -> None:
    scene.live()
    scene.engine.newest = empty("failed", "there is no such bank")
    scene.engine.die()
    scene.window.tick()
    assert "there is no such bank" in scene.said
    scene.answers.path = scene.folder / "other"
    scene.cure("Choose bank…")
    assert scene.engine.session.bank == scene.folder / "other"


def test_a_lost_stream_is_told_in_the_strip(scene: Scene) -> None:
    scene.live()
    scene.more(health=sights.health("lost", 7.4))
    assert scene.said == "MEG LOST 00:07: check the sender and its network; it comes back by itself."
    scene.more(health=sights.health())
    assert "LOST" not in scene.said


def test_the_end_of_a_recording_is_told(scene: Scene) -> None:
    scene.replay()
    scene.more(phase="ended")
    heard = scene.window.link.newest.n_heard
    assert scene.said == f"The recording has ended: {heard} words heard, 300 scored."
    scene.cure("Open report")
    assert scene.asked is not None
    assert scene.asked[0] == "report"
    scene.cure("Play again")
    assert scene.engine.asked[-3:] == [("reset", None), ("seek", 0.0), ("play", None)]


def test_what_the_engine_refuses_is_told(scene: Scene) -> None:
    scene.replay()
    notice = Notice("warning", "command", "step: there is no word behind this one", 1.0)
    scene.more(notices=(notice,))
    assert scene.said == "Step: there is no word behind this one"
    scene.cure("OK")
    scene.more(n_scored=301)
    assert scene.said == ""


def test_without_a_start_dialog_it_says_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apps.start", None)  # type: ignore[arg-type]
    scene.replay()
    scene.press("Ctrl+N")
    assert "start dialog is not part of this installation" in scene.said


def test_a_recording_that_begins_and_ends_says_where_it_is(scene: Scene) -> None:
    scene.live(keeping=None)
    assert not scene.window.deeds["record"].isChecked()
    scene.press("R")
    assert scene.asked == ("record", str(scene.folder / "home"))
    scene.more(keeping=sights.sight(1).keeping)
    assert scene.said == "Recording to /data/session-1."
    assert scene.window.deeds["record"].isChecked()
    scene.press("R")
    assert scene.asked == ("record", None)
    scene.more(keeping=None)
    assert scene.said == "The recording is whole: /data/session-1."


def test_the_demo_view_fills_the_screen_until_esc(scene: Scene) -> None:
    scene.replay()
    scene.window.looks.fills_screen = True
    scene.press("D")
    assert scene.window.isFullScreen()
    assert not scene.panel("curves").isVisible()
    scene.window.point(3)
    scene.press("Esc")
    assert not scene.window.isFullScreen()
    scene.press("D")
    scene.press("O")
    assert not scene.window.isFullScreen()
    assert scene.panel("curves").isVisible()


# ---- with the real engine, in its own process


class Sitting:
    """A window over real engines."""

    def __init__(self, qtbot: QtBot, desk: Path, folder: Path) -> None:
        self.qtbot, self.desk = qtbot, desk
        self.window = MonitorWindow(Client, folder / "window.json")
        qtbot.addWidget(self.window)
        self.window.resize(1280, 800)
        self.window.show()
        qtbot.waitExposed(self.window).__enter__()
        self.window.activateWindow()
        qtbot.waitUntil(self.window.isActiveWindow)

    def start(self, **settings: object) -> None:
        bank = {"bank": self.desk / "bank", "model": str(self.desk / "model")}
        self.window.start(Session.model_validate(bank | settings))

    def replay(self, speed: float) -> None:
        self.start(recording=self.desk / "listener", run="02", speed=speed)

    def until(self, wanted: Callable[[Snapshot], object]) -> Snapshot:
        self.qtbot.waitUntil(lambda: bool(wanted(self.window.link.newest)), timeout=PATIENCE_MS)
        self.window.tick()
        return self.window.link.newest

    def press(self, key: str) -> None:
        QTest.keySequence(self.window, QKeySequence(key))

    @property
    def pid(self) -> int:
        assert self.window.link.engine is not None
        return self.window.link.engine.pid

    def close(self) -> None:
        """As a user does; whoever cannot be waited for is ended."""
        engine = self.window.link.engine
        self.window.leave_now()
        if engine is not None and engine.alive:
            engine.ask("stop")
            engine.wait(30)


@pytest.fixture
def sitting(qtbot: QtBot, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sitting]:
    monkeypatch.setattr(remember, "home", lambda: tmp_path / "home")
    made = Sitting(qtbot, desk, tmp_path)
    yield made
    made.close()


def test_a_real_replay_obeys_keys_and_mouse(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(outgoing, "show", opened.append)
    sitting.replay(speed=4.0)
    sitting.until(lambda seen: seen.n_scored > 20)
    script = sitting.window.link.script
    assert script is not None

    sitting.press("Space")
    stood = sitting.until(lambda seen: seen.paused).position_s
    at = int(np.searchsorted(script.onsets, stood, side="right")) - 1
    for by in (1, 1, -1):
        sitting.press("Right" if by > 0 else "Left")
        at += by
        seen = sitting.until(lambda seen, at=at: 0 <= seen.position_s - script.onsets[at] < 0.1)
        assert seen.words[-1].word.text.startswith(script.texts[at])
        assert seen.paused

    told = len(script.texts) - 8
    sitting.press("/")
    QTest.keyClicks(sitting.window.transport.word, script.texts[told])
    there = sitting.window.transport.timeline.said(script.texts[told])
    QTest.keyClick(sitting.window.transport.word, Qt.Key.Key_Return)
    sitting.until(lambda seen: seen.position_s == pytest.approx(there, abs=0.05))

    line = sitting.window.transport.timeline
    sitting.qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=QPoint(line.width() // 5, 10))
    sitting.until(lambda seen: seen.position_s == pytest.approx(seen.end_s / 5, abs=0.2))

    transcript = sitting.window.grid.panels["transcript"]
    transcript.grab()
    word = transcript.placed[0]  # type: ignore[attr-defined]
    sitting.qtbot.mouseClick(transcript, Qt.MouseButton.LeftButton, pos=word.box.center().toPoint())
    seen = sitting.until(lambda seen: seen.inspected is not None)
    assert seen.inspected is not None
    assert seen.inspected.entry.word.text == word.entry.word.text

    for _ in range(4):
        sitting.press("]")
        sitting.qtbot.wait(120)
    sitting.press("Space")
    seen = sitting.until(lambda seen: seen.phase == "ended" and seen.speed is None and not seen.n_waiting)
    assert seen.n_heard == seen.n_scored + sum(seen.skipped.values())
    assert sitting.window.strip.message is not None
    assert sitting.window.strip.message.text.startswith(f"The recording has ended: {seen.n_heard} words heard")
    sitting.until(lambda seen: sitting.window.deeds["report"].isEnabled())
    sitting.press("Ctrl+T")
    sitting.qtbot.waitUntil(lambda: len(opened) == 1, timeout=PATIENCE_MS)
    assert "<html" in opened[0].read_text(encoding="utf-8")
    assert opened[0].name == "report.html"

    sitting.window.close()
    sitting.qtbot.waitUntil(lambda: not sitting.window.isVisible(), timeout=PATIENCE_MS)
    assert sitting.window.link.state == "ended"
    written = sitting.window.link.newest.written
    assert written is not None
    assert (written.report, written.times) == (str(opened[0]), 2)


def test_an_engine_that_is_killed_is_begun_again(sitting: Sitting) -> None:
    sitting.replay(speed=8.0)
    stood = sitting.until(lambda seen: seen.n_scored > 10).position_s
    assert stood is not None
    first = sitting.pid
    os.kill(first, signal.SIGKILL)
    sitting.qtbot.waitUntil(lambda: sitting.window.link.state == "lost", timeout=PATIENCE_MS)
    sitting.window.tick()
    assert sitting.window.isVisible()
    message = sitting.window.strip.message
    assert message is not None
    assert "stopped unexpectedly" in message.text
    (button,) = (b for b in sitting.window.strip.buttons if b.text() == "Restart now")
    sitting.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    seen = sitting.until(lambda seen: seen.phase == "running" and (seen.position_s or 0) >= stood)
    assert sitting.pid != first
    assert seen.n_heard < 60
    sitting.until(lambda seen: seen.n_scored > 0)


def test_from_streams_to_scores_and_closed_while_recording(sitting: Sitting, desk: Path, tmp_path: Path) -> None:
    """Discovery, first score, recording by key, and the window closed over it: the recording is whole."""
    pyxdf = pytest.importorskip("pyxdf")
    stage = Stage(desk, tmp_path)
    try:
        meg, words = stage.names
        sitting.start(meg=meg, words=words)
        stage.play()
        sitting.until(lambda seen: seen.health.meg.state == "flowing" and seen.n_scored > 0)
        began = sitting.until(lambda seen: sitting.window.deeds["record"].isEnabled()).health.meg.n_samples
        for wanted in (True, False):
            sitting.press("P")
            sitting.until(lambda seen, wanted=wanted: seen.publishing == wanted)
        sitting.press("R")
        sitting.until(lambda seen: seen.keeping is not None and seen.health.meg.n_samples > began + 3 * 250)
        ended = sitting.window.link.newest.health.meg.n_samples
        sitting.window.close()
        sitting.qtbot.waitUntil(lambda: not sitting.window.isVisible(), timeout=PATIENCE_MS)
    finally:
        stage.close()
    (folder,) = (tmp_path / "home").iterdir()
    streams, _ = pyxdf.load_xdf(folder / "raw.xdf")
    found = {stream["info"]["type"][0]: stream for stream in streams}
    stamps = found["MEG"]["time_stamps"]
    assert int(found["MEG"]["footer"]["info"]["sample_count"][0]) == len(stamps)
    assert len(stamps) >= ended - began - 250
    assert np.diff(stamps).max() < 0.05
    assert len(found["Markers"]["time_series"]) > 3
    assert (folder / "words.tsv").read_text(encoding="utf-8").count("\n") > 3
