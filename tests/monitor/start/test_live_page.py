"""The live page judges streams, chooses those that fit, and asks for what the encoding needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from rtalign.core.records import Sensor
from rtalign.core.session import Session
from rtalign.streams import lsl
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import dialog as start
from rtalign_monitor.start.boxes import NO_BANK
from tests.helpers import bank_folders
from tests.helpers.fake_network import Network, card, click_card, press, ready, says, shown


def test_nothing_found_says_what_to_check(qtbot: QtBot, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtalign_monitor.start.live_page.ADVISE_AFTER_S", 0.3)
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: "firewall" in dialog.live.meg.accessibleDescription())
    assert "rtalign doctor" in dialog.live.meg.accessibleDescription()
    assert dialog.status.text() == "No MEG stream is found yet."
    assert not dialog.start.isEnabled()


def test_a_bank_of_another_machine_is_refused(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.sensors = tuple(Sensor(f"MEG {i:04d}", "mag", (0, 0, 0), (0, 0, 0)) for i in range(4))
    network.offer("neuromag")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    says(qtbot, dialog, "does not fit the bank: .*MLC11, MLC12, MLC13, MLC14 are not there - choose the bank of this")
    assert card(dialog.live.meg, "neuromag").verdict == "differs"
    assert not dialog.start.isEnabled()
    assert dialog.bank.ignore_missing.isHidden()
    with qtbot.assertNotEmitted(dialog.session_chosen):
        press(qtbot, Qt.Key.Key_Return)
        dialog.accept()
    assert dialog.isVisible()


def test_missing_sensors_can_be_ignored_by_one_click(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.sensors = bank_folders.helmet(3)
    network.offer("ctf")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    says(qtbot, dialog, "MLC14 is not there - ignore them")
    qtbot.waitUntil(dialog.bank.ignore_missing.isVisible)
    qtbot.mouseClick(dialog.bank.ignore_missing, Qt.MouseButton.LeftButton)
    ready(qtbot, dialog)
    with qtbot.waitSignal(dialog.session_chosen) as caught:
        qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    assert caught.args[0].allow_missing
    assert caught.args[0].meg == "ctf"


def test_a_stream_that_cannot_be_used_says_why(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.refusal = "stream ctf leaves 4 of its 4 channels without a label - have the sender describe its channels"
    network.offer("ctf")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    says(qtbot, dialog, "without a label - have the sender")
    seen = card(dialog.live.meg, "ctf")
    assert (seen.lamp, seen.state, seen.verdict) == ("lost", "cannot be used", "differs")
    assert not dialog.start.isEnabled()


def test_a_bank_that_was_missing_is_read_again(
    qtbot: QtBot, network: Network, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtalign_monitor.start.disk_queries.RETRY_S", 0.1)
    network.offer("ctf")
    bank.rename(tmp_path / "unmounted")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    says(qtbot, dialog, "is gone")
    (tmp_path / "unmounted").rename(bank)
    ready(qtbot, dialog)


def test_the_users_choice_stays(qtbot: QtBot, network: Network) -> None:
    for name in ("first", "second"):
        network.offer(name)
        network.words(f"{name}-words")
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 2 and len(dialog.live.words.cards) == 2)
    dialog.bank.bank.setCurrentIndex(dialog.bank.bank.findData(NO_BANK))
    click_card(qtbot, dialog.live.meg, "second")
    click_card(qtbot, dialog.live.words, "second-words")
    network.offer("third")
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 3)
    ready(qtbot, dialog)
    assert (dialog.session().meg, dialog.session().words) == ("second", "second-words")


def test_streams_of_one_name_are_named_by_source_id(qtbot: QtBot, network: Network) -> None:
    network.offer("ctf")
    network.found.append(lsl.StreamInfo("ctf", "MEG", "backup", "u", "other-lab", 4, 500.0, "float32"))
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 2)
    dialog.live.meg.setCurrentRow(1)
    qtbot.wait(3 * start.REFRESH_MS)
    assert dialog.session().meg == "backup"


def test_a_session_may_start_before_its_words(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.offer("ctf")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    says(qtbot, dialog, "No words are found yet; the session starts and waits")
    assert dialog.start.isEnabled()


def test_numbers_without_a_table_are_no_words(qtbot: QtBot, network: Network, bank: Path, tmp_path: Path) -> None:
    network.offer("ctf")
    network.words("port", "int32")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    qtbot.waitUntil(lambda: card(dialog.live.words, "port") is not None)
    assert card(dialog.live.words, "port").verdict == "differs"
    dialog.live.encoding.setFocus()
    qtbot.keyClicks(dialog.live.encoding, "codes")
    qtbot.waitUntil(lambda: card(dialog.live.words, "port").verdict == "fits")
    says(qtbot, dialog, "Name the word table")
    table = tmp_path / "codes.tsv"
    table.write_text("code\tword\n1\tonce\n2\tupon\n")
    dialog.live.table.edit.setFocus()
    qtbot.keyClicks(dialog.live.table.edit, str(table))
    ready(qtbot, dialog)
    assert (dialog.session().encoding, dialog.session().word_table) == ("codes", table)


def test_a_word_table_that_cannot_be_read_says_why(qtbot: QtBot, network: Network, bank: Path, tmp_path: Path) -> None:
    network.offer("ctf")
    table = tmp_path / "codes.tsv"
    table.write_text("code\tsound\n1\tx\n")
    dialog = shown(qtbot, WindowMemory(banks=[bank], recent=[Session(bank=bank, encoding="codes", word_table=table)]))
    says(qtbot, dialog, "codes.tsv has codes and no column called word")
    assert not dialog.start.isEnabled()


def test_words_from_a_trigger_channel(qtbot: QtBot, network: Network, bank: Path, tmp_path: Path) -> None:
    network.others = ("EOG", "UPPT001")
    network.offer("ctf")
    network.words("ignored")
    table = tmp_path / "codes.tsv"
    table.write_text("code\tword\n1\tonce\n")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    dialog.live.encoding.setFocus()
    qtbot.keyClicks(dialog.live.encoding, "trigger")
    qtbot.waitUntil(lambda: dialog.live.trigger.currentText() == "UPPT001")
    dialog.live.table.edit.setFocus()
    qtbot.keyClicks(dialog.live.table.edit, str(table))
    ready(qtbot, dialog)
    session = dialog.session()
    assert (session.trigger, session.word_table, session.words) == ("UPPT001", table, None)
    assert not dialog.live.words.cards
    dialog.live.trigger.setEditText("STI101")
    says(qtbot, dialog, "ctf has no channel STI101")
