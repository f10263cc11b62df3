"""The bank and the outputs of a session in the start dialog."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt

from rtalign.core.recipe import Recipe
from rtalign_monitor.memory import WindowMemory
from tests.helpers import bank_folders
from tests.helpers.fake_network import FakeNetwork, card_of, show_dialog, wait_for_status, wait_until_ready


def test_learning_from_nothing_needs_no_bank(qtbot: QtBot, network: FakeNetwork) -> None:
    network.offer_signal("ctf")
    network.offer_words("words")
    dialog = show_dialog(qtbot)
    wait_for_status(qtbot, dialog, "Choose a bank, or “Without a bank")
    dialog.bank.bank.setFocus()
    qtbot.keyClicks(dialog.bank.bank, "Without")
    wait_for_status(qtbot, dialog, "Ready")
    assert card_of(dialog.live.meg, "ctf").verdict_text == "4 axial sensors to learn from"
    dialog.bank.model.setFocus()
    qtbot.keyClicks(dialog.bank.model.lineEdit(), "openai-community/gpt2")
    session = dialog.session()
    assert (session.bank, session.adapt, session.model) == (None, True, "openai-community/gpt2")


def test_what_keeps_a_bank_from_being_used_is_said(qtbot: QtBot, network: FakeNetwork, tmp_path: Path) -> None:
    network.offer_signal("ctf")
    four = bank_folders.helmet(4)
    zero = bank_folders.write(tmp_path / "zero", four, Recipe().with_settings("chain", phase="zero"))
    foreign = bank_folders.write(tmp_path / "foreign", four, model="no-such-model")
    dialog = show_dialog(qtbot, WindowMemory(banks=[zero, foreign, tmp_path / "gone"]))
    for folder, reason in (
        (zero, "cannot run live"),
        (tmp_path / "gone", "is gone"),
        (foreign, "language model no-such-model is not on this machine"),
    ):
        dialog.bank.choose(folder)
        wait_for_status(qtbot, dialog, reason)
        assert not dialog.start.isEnabled()
    dialog.bank.model.setEditText("/models/no-such-model")
    wait_until_ready(qtbot, dialog)


def test_a_bank_that_is_browsed_for_is_chosen_and_read(
    qtbot: QtBot, network: FakeNetwork, bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtalign_monitor.start.boxes.choose_path", lambda *_, **__: bank)
    dialog = show_dialog(qtbot)
    qtbot.mouseClick(dialog.bank.browse, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "2 of 31 layers" in dialog.bank.summary.text())
    assert dialog.session().bank == bank


def test_recording_needs_a_folder(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    network.offer_signal("ctf")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    wait_until_ready(qtbot, dialog)
    record = dialog.outputs.record
    qtbot.mouseClick(record, Qt.MouseButton.LeftButton, pos=QPoint(8, record.height() // 2))
    assert dialog.session().record is not None
    dialog.outputs.folder.edit.clear()
    wait_for_status(qtbot, dialog, "Name the folder to record to")
