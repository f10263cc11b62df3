"""What leaves the window is what it shows: pictures, tables, reports."""

from __future__ import annotations

import csv
import dataclasses
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication, QImage
from qtpy.QtSvg import QSvgRenderer
from qtpy.QtWidgets import QWidget

from rtalign.core.session import Session
from rtalign.engine.commands import Reset, WriteReport
from rtalign.engine.snapshot import ReportStatus, empty_snapshot
from rtalign_monitor.bars.message_bar import MessageBar
from rtalign_monitor.bars.messages import ORDER
from rtalign_monitor.bars.status import StatusBar
from rtalign_monitor.export import exporter, files
from rtalign_monitor.export.exporter import Exporter
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.widgets.theme import THEMES
from tests.helpers.view_pixels import grey
from tests.helpers.window import FakeDialogs, Scene, delete


def test_a_frozen_picture_stands_while_status_and_trust_go_on(scene: Scene) -> None:
    scene.replay()
    frozen = scene.engine.newest
    scene.press("F")
    scene.change(n_scored=301, work=dataclasses.replace(frozen.work, load=0.77))
    assert scene.panel("ladder").snapshot is frozen
    assert any("77 %" in item.text for item in scene.window.trust.facts)
    scene.press("F")
    assert scene.panel("ladder").snapshot is scene.engine.newest


def test_reset_asks_first(scene: Scene) -> None:
    scene.replay()
    scene.press("Ctrl+Backspace")
    scene.click("Keep them")
    assert Reset() not in scene.engine.sent
    scene.press("Ctrl+Backspace")
    scene.click("Reset")
    assert scene.last_command == Reset()


@pytest.mark.parametrize("key", ["Ctrl+P", "Ctrl+E"])
def test_a_picture_opens_again(key: str, scene: Scene) -> None:
    """In twice the sharpness, or in lines and letters."""
    scene.replay()
    scene.window.grid.hovered = "ladder"
    scene.window.tick()
    scene.dialogs.path = scene.folder / "it"
    widget = scene.window.centralWidget() if key == "Ctrl+P" else scene.panel("ladder")
    assert widget is not None
    scene.window.set_theme("dark")
    size, plain = widget.size(), widget.grab().toImage()
    scene.press(key)
    scene.qtbot.waitUntil((scene.folder / "it.png").exists)
    image = QImage(str(scene.folder / "it.png"))
    assert image.width() == 2 * size.width()
    assert image.height() > 2 * size.height()  # with its caption
    image = image.copy(0, 0, 2 * size.width(), 2 * size.height())
    assert image.pixelColor(0, 0) == THEMES["dark"].colour("window")
    again = image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    assert np.abs(grey(again) - grey(plain)).mean() < 4
    blown_up = plain.scaled(size * 2, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    assert edges(image) > 1.2 * edges(blown_up)

    scene.window.message_bar.dismiss("notice")
    scene.qtbot.waitUntil(lambda: widget.size() == size)
    scene.dialogs.new_file = lambda title, at, kinds: scene.folder / "it.svg"  # type: ignore[method-assign]
    scene.press(key)
    scene.qtbot.waitUntil((scene.folder / "it.svg").exists)
    drawing = QSvgRenderer(str(scene.folder / "it.svg"))
    assert drawing.isValid()
    assert drawing.viewBox().width() == size.width()
    assert "Peak latency by layer" in (scene.folder / "it.svg").read_text(encoding="utf-8")


def edges(image: QImage) -> float:
    return float(np.abs(np.diff(grey(image), axis=1)).mean())


def test_the_scores_that_leave_are_those_of_the_frozen_picture(scene: Scene) -> None:
    scene.replay()
    snapshot = scene.engine.newest
    assert snapshot.r is not None
    assert snapshot.lags_s is not None
    scene.press("F")
    scene.change(r=snapshot.r * 0)
    scene.dialogs.path = scene.folder / "it"
    scene.press("Ctrl+D")
    with (scene.folder / "it.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == snapshot.r.size
    assert np.array([float(row["R"]) for row in rows]) == pytest.approx(snapshot.r.ravel(), abs=1e-6)
    assert [float(row["lag_s"]) for row in rows[: len(snapshot.lags_s)]] == pytest.approx(snapshot.lags_s, abs=1e-4)
    assert {row["n_words"] for row in rows} == {"300"}


def test_the_ladder_that_leaves_is_the_one_that_is_shown(scene: Scene) -> None:
    scene.replay()
    scene.dialogs.path = scene.folder / "it"
    scene.press("Ctrl+Shift+D")
    with (scene.folder / "it.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, rung in zip(rows, scene.engine.newest.peaks, strict=True):
        assert (int(row["layer"]), row["status"]) == (rung.layer, rung.status)
        assert row["peak_s"] == ("" if rung.peak_s is None else str(rung.peak_s))


def test_a_file_that_cannot_be_written_is_reported(scene: Scene) -> None:
    scene.replay()
    scene.dialogs.path = scene.folder / "nowhere" / "it"
    for key in ("Ctrl+P", "Ctrl+D", "Ctrl+S"):
        scene.window.message_bar.dismiss("notice")
        scene.press(key)
        scene.qtbot.waitUntil(lambda: "nowhere" in scene.message)


def test_a_report_is_opened_once_it_is_written(scene: Scene) -> None:
    scene.replay()
    scene.press("Ctrl+T")
    assert isinstance(scene.last_command, WriteReport)
    scene.change()
    assert scene.opened == []
    scene.change(report=ReportStatus(str(scene.folder / "report.html"), 300, 1))
    assert scene.opened == [scene.folder / "report.html"]
    scene.change(n_scored=301)
    assert len(scene.opened) == 1


def test_waiting_for_a_report_can_be_cancelled(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "MESSAGE_AFTER_S", -1.0)
    scene.replay()
    scene.press("Ctrl+T")
    scene.change()
    assert scene.message == "The report is being written."
    scene.click("Cancel")
    scene.change(report=ReportStatus("report.html", 300, 1))
    assert scene.opened == []


class Packing:
    """A picture asked for by key, whose packing takes as long as a test wants."""

    def __init__(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        self.packed = files._write_png
        monkeypatch.setattr(files, "_write_png", self._pack)
        monkeypatch.setattr(exporter, "MESSAGE_AFTER_S", 0.0)
        scene.replay()
        scene.dialogs.path = scene.folder / "it"
        scene.press("Ctrl+P")
        scene.qtbot.waitUntil(lambda: scene.message.startswith("The picture is being written"))

    def _pack(self, image: QImage, to: Path, path: Path) -> None:
        assert self.go.wait(20)
        self.packed(image, to, path)


def test_the_window_goes_on_while_a_picture_is_written(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    packing = Packing(scene, monkeypatch)
    scene.press("F")
    assert scene.window.action_registry["freeze"].isChecked()
    assert not (scene.folder / "it.png").exists()
    packing.go.set()
    scene.qtbot.waitUntil(lambda: scene.message == f"Written: {scene.folder / 'it.png'}")
    assert not QImage(str(scene.folder / "it.png")).isNull()


def test_a_cancelled_picture_leaves_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    packing = Packing(scene, monkeypatch)
    (writing,) = (thread for thread in threading.enumerate() if thread.name == "writing")
    scene.click("Cancel")
    packing.go.set()
    writing.join(20)
    scene.qtbot.wait(100)
    assert list(scene.folder.glob("*it*")) == []
    assert scene.message == ""


def test_a_window_that_is_gone_hears_nothing_of_its_picture(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither that it is being written nor that it is written; an error in a slot would fail this test."""
    monkeypatch.setattr(exporter, "MESSAGE_AFTER_S", 0.0)
    window, dialogs = QWidget(), FakeDialogs()
    dialogs.path = tmp_path / "it"
    bar = MessageBar(ORDER, StatusBar(window))
    link = SimpleNamespace(newest=empty_snapshot("running"), session=None)
    exporting = Exporter(link, bar, dialogs, WindowMemory())  # type: ignore[arg-type]
    exporting.save_picture(window, "window")
    (writing,) = (thread for thread in threading.enumerate() if thread.name == "writing")
    writing.join(20)  # its signal waits for the event loop
    delete(window)
    qtbot.wait(50)
    assert not QImage(str(tmp_path / "it.png")).isNull()


def test_the_clipboard_gets_no_more_than_a_screen_needs(qtbot: QtBot) -> None:
    found = QGuiApplication.clipboard()
    assert found is not None
    for size, wanted in (((1280, 800), (2560, 1600)), ((3840, 2160), (3840, 2160)), ((5000, 3000), (5000, 3000))):
        widget = QWidget()
        qtbot.addWidget(widget)
        widget.resize(*size)
        files.copy_picture(widget)
        assert (found.image().width(), found.image().height()) == wanted


def test_files_are_named_by_subject_and_session(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.live()
    scene.window.link.session = Session(subject="07", session="2")
    offered = []
    monkeypatch.setattr(scene.dialogs, "new_file", lambda title, at, kinds: offered.append(at.name))
    for key in ("Ctrl+P", "Ctrl+D", "Ctrl+Shift+D"):
        scene.press(key)
    names = ["window.png", "scores.csv", "ladder.csv"]
    assert offered == [f"sub-07_ses-2_rtalign-{name}" for name in names]
    scene.press("Ctrl+T")
    assert isinstance(scene.last_command, WriteReport)
    assert scene.last_command.folder is not None
    assert scene.last_command.folder.name.startswith("sub-07_ses-2_report-")


def test_a_picture_of_the_window_shows_subject_and_session(scene: Scene) -> None:
    scene.window.start(Session(bank=scene.folder / "bank", subject="07", session="2"))
    scene.window.tick()
    scene.send()
    assert scene.window.status.parts[2].startswith("sub-07 ses-2   smollm2")
