"""The start dialog looks at recordings, narrows data sets, and names what a recording lacks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from rtalign.core.session import Session
from rtalign.recordings import open_recordings
from rtalign.simulation import SimulationPlan, simulate
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import preview
from rtalign_monitor.start.dialog import RECORDING
from rtalign_monitor.widgets.controls import Several
from tests.helpers import bank_folders
from tests.helpers.fake_network import PATIENCE_MS, Network, press, ready, says, shown


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listener")
    information = np.random.default_rng(0).standard_normal((40, 3, 4)).astype(np.float32)
    simulate(
        folder, SimulationPlan(n_words=40, run_words=20, sfreq=250.0, sensors="neuromag306"), information=information
    )
    return folder


def test_a_recording_is_looked_at_and_narrowed(qtbot: QtBot, network: Network, listener: Path, tmp_path: Path) -> None:
    first, second = open_recordings(listener)
    bank = bank_folders.write(tmp_path / "bank", first.sensors)
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    dialog.tabs.setCurrentIndex(RECORDING)
    says(qtbot, dialog, "No recording is chosen")
    dialog.recording.path.edit.setFocus()
    qtbot.keyClicks(dialog.recording.path.edit, str(listener))
    ready(qtbot, dialog)
    (seen,) = dialog.recording.cards.cards
    assert seen.verdict == "fits"
    assert "2 recordings" in seen.detail
    assert f"{len(first.words) + len(second.words)} words" in seen.detail
    assert "102 mag + 204 planar sensors" in seen.detail
    box = dialog.recording.filters["run"]
    assert box.isVisible()
    assert not dialog.recording.filters["subject"].isVisible()
    box.setFocus()
    qtbot.keyClicks(box, "02")
    qtbot.waitUntil(lambda: f"{len(second.words)} words" in dialog.recording.cards.cards[0].detail, timeout=PATIENCE_MS)
    ready(qtbot, dialog)
    with qtbot.waitSignal(dialog.chosen) as caught:
        press(qtbot, Qt.Key.Key_Return)
    session = caught.args[0]
    assert (session.recording, session.run, session.bank, session.meg) == (listener, "02", bank, None)


def test_a_file_without_words_asks_for_its_table(
    qtbot: QtBot, network: Network, listener: Path, tmp_path: Path
) -> None:
    (run,) = sorted(listener.glob("sub-*/meg/*run-01*_meg.fif"))
    alone = tmp_path / "alone_meg.fif"
    alone.write_bytes(run.read_bytes())
    dialog = shown(qtbot, WindowMemory(recent=[Session(adapt=True, recording=alone)]))
    says(qtbot, dialog, "alone_meg.fif comes without words: .*name it as Word table")
    assert "--word-table" not in dialog.said.text()
    (table,) = sorted(listener.glob("sub-*/meg/*run-01*_events.tsv"))
    dialog.recording.table.edit.setFocus()
    qtbot.keyClicks(dialog.recording.table.edit, str(table))
    ready(qtbot, dialog)
    assert dialog.session().word_table == table


def test_a_recording_that_is_none_says_so(qtbot: QtBot, network: Network, tmp_path: Path) -> None:
    dialog = shown(qtbot, WindowMemory(recent=[Session(adapt=True, recording=tmp_path)]))
    says(qtbot, dialog, "is no BIDS data set")
    dialog.recording.path.put(tmp_path / "nowhere")
    says(qtbot, dialog, "there is no recording")


# Several labels of a data set at once


def open_list(qtbot: QtBot, box: Several) -> None:
    box.showPopup()
    qtbot.waitUntil(lambda: box.view() is not None and box.view().isVisible())  # type: ignore[union-attr]


def tick(qtbot: QtBot, box: Several, label: str) -> None:
    """By mouse, in the open list."""
    view, model = box.view(), box.model()
    assert view is not None
    assert model is not None
    place = view.visualRect(model.index(box.findText(label), 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)


@pytest.fixture
def several(qtbot: QtBot) -> Several:
    box = Several("Run")
    qtbot.addWidget(box)
    box.offer(("01", "02", "03", "04", "05", "06"), ())
    box.show()
    return box


def test_several_labels_can_be_ticked_by_mouse_and_by_keys(qtbot: QtBot, several: Several) -> None:
    open_list(qtbot, several)
    for label in ("04", "02"):
        with qtbot.waitSignal(several.ticked_anew):
            tick(qtbot, several, label)
    assert several.view().isVisible()  # type: ignore[union-attr]
    assert several.ticked == ("02", "04")
    assert several.said() == "02, 04"
    tick(qtbot, several, "04")
    assert several.ticked == ("02",)
    qtbot.keyClick(several.view(), Qt.Key.Key_Down)
    qtbot.keyClick(several.view(), Qt.Key.Key_Space)
    assert len(several.ticked) == 2
    tick(qtbot, several, "all")
    assert several.ticked == ()
    assert several.said() == "all"
    for label in several.labels:
        tick(qtbot, several, label)
    assert several.said() == "all", "every one of them is all"
    qtbot.keyClick(several.view(), Qt.Key.Key_Return)
    assert not several.view().isVisible()  # type: ignore[union-attr]


def test_what_is_ticked_is_seen_to_be(qtbot: QtBot, several: Several) -> None:
    several.offer(several.labels, ("02", "03"))
    open_list(qtbot, several)
    view, model = several.view(), several.model()
    assert view is not None
    assert model is not None
    image, accent = view.viewport().grab().toImage(), several.theme.colour("accent")  # type: ignore[union-attr]
    filled = []
    for row in range(several.count()):
        box = view.visualRect(model.index(row, 0))
        around = [image.pixelColor(x, box.center().y() + 5) for x in range(box.left() + 8, box.left() + 24)]
        filled.append(sum(colour == accent for colour in around) > 8)
    assert [several.itemText(row) for row, on in enumerate(filled) if on] == ["02", "03"]


def test_a_closed_list_says_what_is_ticked(qtbot: QtBot, several: Several) -> None:
    several.offer(several.labels, ("01", "02", "03", "04", "05"))
    assert several.said() == "5 of 6"
    assert several.toolTip() == "01, 02, 03, 04, 05"
    several.setFocus()
    qtbot.keyClicks(several, "03")
    assert several.ticked == ("03",)


def test_several_labels_go_to_the_session_as_the_command_line_takes_them(
    qtbot: QtBot, network: Network, listener: Path, tmp_path: Path
) -> None:
    """And come back from one that is remembered, in whatever way its labels were written."""
    first = open_recordings(listener)[0]
    bank = bank_folders.write(tmp_path / "bank", first.sensors)
    dialog = shown(qtbot, WindowMemory(banks=[bank], recent=[Session(bank=bank, recording=listener, run="1")]))
    ready(qtbot, dialog)
    box = dialog.recording.filters["run"]
    assert box.ticked == ("01",)
    qtbot.waitUntil(lambda: f"{len(first.words)} words" in dialog.recording.cards.cards[0].detail, timeout=PATIENCE_MS)
    wanted = dialog.recording.settings()["run"]
    assert wanted == "01"
    assert [r.name for r in open_recordings(listener, run="01,02")] == [r.name for r in open_recordings(listener)]
    open_list(qtbot, box)
    tick(qtbot, box, "02")
    assert box.said() == "all"
    box.hidePopup()
    qtbot.waitUntil(lambda: "2 recordings" in dialog.recording.cards.cards[0].detail, timeout=PATIENCE_MS)
    again = shown(qtbot, WindowMemory(banks=[bank], recent=[Session(bank=bank, recording=listener, run="02,07")]))
    assert again.recording.settings()["run"] == "02,07", "what is asked for stays, though nobody has it"


def test_looking_at_a_large_data_set_can_be_given_up(
    qtbot: QtBot, network: Network, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine looks at it anyway; whoever knows what is in it begins at once."""
    monkeypatch.setattr(preview.Glancing, "_start", lambda self: None)
    dialog = shown(qtbot, WindowMemory(banks=[bank], recent=[Session(bank=bank, recording=tmp_path)]))
    look = dialog.recording
    monkeypatch.setattr(type(look.glancing), "busy", property(lambda self: True))
    assert look.stop.isHidden()
    qtbot.waitUntil(lambda: not look.stop.isHidden(), timeout=PATIENCE_MS)
    says(qtbot, dialog, "The recording is being looked at")
    assert re.search(r"being looked at, \d+ s", look.cards.cards[0].state)
    qtbot.mouseClick(look.stop, Qt.MouseButton.LeftButton)
    says(qtbot, dialog, "It was not looked at: whether it fits is seen when the session begins")
    assert look.stop.isHidden()
    assert look.cards.cards[0].state == "not looked at"
    with qtbot.waitSignal(dialog.chosen) as caught:
        press(qtbot, Qt.Key.Key_Return)
    assert caught.args[0].recording == tmp_path
