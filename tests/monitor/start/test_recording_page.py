"""Recordings are previewed, narrowed where they are data sets, and unique_name what they lack."""

from __future__ import annotations

import json
import re
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject, Qt

from rtalign.core.session import Session
from rtalign.recordings import open_recordings
from rtalign.simulation import SimulationPlan, simulate
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.dialog import RECORDING
from rtalign_monitor.start.processes import background_process
from rtalign_monitor.start.recording_page import RecordingPreview
from tests.helpers import bank_folders
from tests.helpers.fake_network import PATIENCE_MS, FakeNetwork, press, show_dialog, wait_for_status, wait_until_ready
from tests.helpers.multi_box import click_label, open_list


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listener")
    information = np.random.default_rng(0).standard_normal((40, 3, 4)).astype(np.float32)
    simulate(
        folder, SimulationPlan(n_words=40, run_words=20, sfreq=250.0, sensors="neuromag306"), information=information
    )
    return folder


def test_a_recording_is_previewed_and_filtered(
    qtbot: QtBot, network: FakeNetwork, listener: Path, tmp_path: Path
) -> None:
    first, second = open_recordings(listener)
    bank = bank_folders.write(tmp_path / "bank", first.sensors)
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    dialog.tabs.setCurrentIndex(RECORDING)
    wait_for_status(qtbot, dialog, "No recording is chosen")
    dialog.recording.path.edit.setFocus()
    qtbot.keyClicks(dialog.recording.path.edit, str(listener))
    wait_until_ready(qtbot, dialog)
    (entry,) = dialog.recording.cards.cards
    assert entry.verdict == "fits"
    assert "2 recordings" in entry.detail
    assert f"{len(first.words) + len(second.words)} words" in entry.detail
    assert "102 mag + 204 planar sensors" in entry.detail
    box = dialog.recording.filters["run"]
    assert box.isVisible()
    assert not dialog.recording.filters["subject"].isVisible()
    box.setFocus()
    qtbot.keyClicks(box, "02")
    qtbot.waitUntil(lambda: f"{len(second.words)} words" in dialog.recording.cards.cards[0].detail, timeout=PATIENCE_MS)
    wait_until_ready(qtbot, dialog)
    with qtbot.waitSignal(dialog.session_chosen) as caught:
        press(qtbot, Qt.Key.Key_Return)
    session = caught.args[0]
    assert (session.recording, session.run, session.bank, session.meg) == (listener, "02", bank, None)


def test_another_process_inherits_no_connection(qtbot: QtBot) -> None:
    """Neither a preview nor the demo keeps a stream connected that the window has closed."""
    parent = QObject()
    process = background_process(parent)
    with socket.socket() as connection:
        connection.set_inheritable(True)  # as those of liblsl are
        process.start(sys.executable, ["-S", "-c", f"import os; os.fstat({connection.fileno()})"])
        qtbot.waitUntil(lambda: process.state() == process.ProcessState.NotRunning, timeout=PATIENCE_MS)
    assert b"Bad file descriptor" in process.readAllStandardError().data()


def test_a_bank_that_was_trained_on_the_recording_is_named_and_may_still_be_used(
    qtbot: QtBot, network: FakeNetwork, listener: Path, tmp_path: Path
) -> None:
    first, _ = open_recordings(listener)
    bank = bank_folders.write(tmp_path / "bank", first.sensors)
    passport = json.loads((bank / "passport.json").read_text())
    entry = {"name": first.name, "signal": first.signal_fingerprint(), "fingerprint": "of other words"}
    passport["recordings"] = [entry]
    (bank / "passport.json").write_text(json.dumps(passport))
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    dialog.tabs.setCurrentIndex(RECORDING)
    dialog.recording.path.edit.setFocus()
    qtbot.keyClicks(dialog.recording.path.edit, str(listener))
    text = f"this bank was trained on 1 of these 2 recordings ({first.name}): R flatters"
    wait_for_status(qtbot, dialog, re.escape(text))
    (card,) = dialog.recording.cards.cards
    assert card.verdict == "trained"
    assert dialog.start.isEnabled()
    dialog.close()


def test_a_file_without_words_asks_for_its_table(
    qtbot: QtBot, network: FakeNetwork, listener: Path, tmp_path: Path
) -> None:
    (run,) = sorted(listener.glob("sub-*/meg/*run-01*_meg.fif"))
    alone = tmp_path / "alone_meg.fif"
    alone.write_bytes(run.read_bytes())
    dialog = show_dialog(qtbot, WindowMemory(recent=[Session(adapt=True, recording=alone)]))
    wait_for_status(qtbot, dialog, "alone_meg.fif comes without words: .*name it as Word table")
    assert "--word-table" not in dialog.status.text()
    (table,) = sorted(listener.glob("sub-*/meg/*run-01*_events.tsv"))
    dialog.recording.table.edit.setFocus()
    qtbot.keyClicks(dialog.recording.table.edit, str(table))
    wait_until_ready(qtbot, dialog)
    assert dialog.session().word_table == table


def test_a_recording_that_is_none_says_so(qtbot: QtBot, network: FakeNetwork, tmp_path: Path) -> None:
    dialog = show_dialog(qtbot, WindowMemory(recent=[Session(adapt=True, recording=tmp_path)]))
    wait_for_status(qtbot, dialog, "is no BIDS data set")
    dialog.recording.path.set_path(tmp_path / "nowhere")
    wait_for_status(qtbot, dialog, "there is no recording")


def test_several_labels_go_to_the_session_with_commas(
    qtbot: QtBot, network: FakeNetwork, listener: Path, tmp_path: Path
) -> None:
    """And come back from one that is remembered, in whatever way its labels were written."""
    first = open_recordings(listener)[0]
    bank = bank_folders.write(tmp_path / "bank", first.sensors)
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank], recent=[Session(bank=bank, recording=listener, run="1")]))
    wait_until_ready(qtbot, dialog)
    box = dialog.recording.filters["run"]
    assert box.checked == ("01",)
    qtbot.waitUntil(lambda: f"{len(first.words)} words" in dialog.recording.cards.cards[0].detail, timeout=PATIENCE_MS)
    wanted = dialog.recording.settings()["run"]
    assert wanted == "01"
    assert [r.name for r in open_recordings(listener, run="01,02")] == [r.name for r in open_recordings(listener)]
    open_list(qtbot, box)
    click_label(qtbot, box, "02")
    assert box.summary() == "all"
    box.hidePopup()
    qtbot.waitUntil(lambda: "2 recordings" in dialog.recording.cards.cards[0].detail, timeout=PATIENCE_MS)
    again = show_dialog(qtbot, WindowMemory(banks=[bank], recent=[Session(bank=bank, recording=listener, run="02,07")]))
    assert again.recording.settings()["run"] == "02,07", "labels that were asked for stay"


def test_the_preview_of_a_large_data_set_can_be_skipped(
    qtbot: QtBot, network: FakeNetwork, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine reads it anyway; a user who knows what is in it can start at once."""
    monkeypatch.setattr(RecordingPreview, "_start", lambda self: None)
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank], recent=[Session(bank=bank, recording=tmp_path)]))
    page = dialog.recording
    monkeypatch.setattr(type(page.preview), "busy", property(lambda self: True))
    assert page.skip.isHidden()
    qtbot.waitUntil(lambda: not page.skip.isHidden(), timeout=PATIENCE_MS)
    wait_for_status(qtbot, dialog, "The recording is being read")
    assert re.search(r"being read, \d+ s", page.cards.cards[0].state)
    qtbot.mouseClick(page.skip, Qt.MouseButton.LeftButton)
    wait_for_status(qtbot, dialog, "No preview: whether it fits is known when the session starts")
    assert page.skip.isHidden()
    assert page.cards.cards[0].state == "no preview"
    with qtbot.waitSignal(dialog.session_chosen) as caught:
        press(qtbot, Qt.Key.Key_Return)
    assert caught.args[0].recording == tmp_path
