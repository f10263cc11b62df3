"""Recent sessions can be started again, changed first, or removed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from rtalign.core.session import Session
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.dialog import LIVE, RECENT
from tests.helpers.fake_network import FakeNetwork, press, show_dialog, wait_for_status, wait_until_ready


def test_recent_sessions_start_again_unless_a_file_is_gone(
    qtbot: QtBot, network: FakeNetwork, bank: Path, tmp_path: Path
) -> None:
    gone = Session(bank=bank, recording=tmp_path / "deleted", subject="02")
    live = Session(bank=bank, meg="ctf", words="story", record=tmp_path, chunk_s=0.5)
    memory = WindowMemory(recent=[gone, live], banks=[bank])
    dialog = show_dialog(qtbot, memory)
    dialog.tabs.setCurrentIndex(RECENT)
    dialog.recent.cards.setFocus()
    qtbot.waitUntil(lambda: dialog.recent.cards.cards[0].state == "gone")
    wait_for_status(qtbot, dialog, "deleted is gone")
    assert not dialog.start.isEnabled()
    press(qtbot, Qt.Key.Key_Down)
    assert dialog.start.isEnabled()
    with qtbot.waitSignal(dialog.session_chosen) as caught:
        press(qtbot, Qt.Key.Key_Return)
    assert caught.args[0] == live


def test_a_recent_session_can_be_removed_or_changed_first(
    qtbot: QtBot, network: FakeNetwork, bank: Path, tmp_path: Path
) -> None:
    gone = Session(bank=bank, recording=tmp_path / "deleted")
    live = Session(bank=bank, meg="ctf", words="story", record=tmp_path, publish=True)
    memory = WindowMemory(recent=[gone, live], banks=[bank])
    dialog = show_dialog(qtbot, memory)
    dialog.tabs.setCurrentIndex(RECENT)
    dialog.recent.cards.setFocus()
    press(qtbot, Qt.Key.Key_Delete)
    assert memory.recent == [live]
    qtbot.mouseClick(dialog.recent.edit, Qt.MouseButton.LeftButton)
    assert dialog.tabs.currentIndex() == LIVE
    assert dialog.session() == live


def test_a_recording_that_comes_back_is_no_longer_gone(
    qtbot: QtBot, network: FakeNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtalign_monitor.start.disk_queries.RETRY_S", 0.1)
    dialog = show_dialog(qtbot, WindowMemory(recent=[Session(adapt=True, recording=tmp_path / "disk")]))
    dialog.tabs.setCurrentIndex(RECENT)
    wait_for_status(qtbot, dialog, "is gone")
    (tmp_path / "disk").mkdir()
    wait_until_ready(qtbot, dialog)


def test_recent_sessions_have_the_date_of_their_last_start(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    memory, session = WindowMemory(), Session(bank=bank, meg="ctf", subject="07", session="2")
    memory.add_recent(session)
    memory.started[session.model_dump_json()] = "2026-03-05T09:07"
    memory.add_recent(Session(bank=bank, meg="other"))
    dialog = show_dialog(qtbot, WindowMemory.model_validate_json(memory.model_dump_json()))
    dialog.tabs.setCurrentIndex(RECENT)
    newest, oldest = dialog.recent.cards.cards
    assert "05 Mar 2026, 09:07" in oldest.detail
    assert oldest.title.startswith("sub-07 ses-2")
    assert f"{datetime.now():%d %b %Y}" in newest.detail
