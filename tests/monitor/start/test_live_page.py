"""The live page judges streams, chooses those that fit, and asks for what the encoding needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from rtalign.core.records import Sensor
from rtalign.core.session import Session
from rtalign.streams import lsl
from rtalign.streams.fieldtrip.protocol import NAMES
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import dialog as start
from rtalign_monitor.start.boxes import NO_BANK
from tests.helpers import bank_folders
from tests.helpers.fake_network import (
    FakeNetwork,
    card_of,
    click_card,
    press,
    show_dialog,
    wait_for_status,
    wait_until_ready,
)
from tests.helpers.fieldtrip_server import Buffer, serve


def test_nothing_found_says_what_to_check(qtbot: QtBot, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtalign_monitor.start.live_page.ADVISE_AFTER_S", 0.3)
    dialog = show_dialog(qtbot)
    qtbot.waitUntil(lambda: "firewall" in dialog.live.meg.accessibleDescription())
    assert "rtalign doctor" in dialog.live.meg.accessibleDescription()
    assert dialog.status.text() == "No MEG stream is found yet."
    assert not dialog.start.isEnabled()


def test_a_bank_of_another_machine_is_refused(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    network.sensors = tuple(Sensor(f"MEG {i:04d}", "mag", (0, 0, 0), (0, 0, 0)) for i in range(4))
    network.offer_signal("neuromag")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    wait_for_status(
        qtbot, dialog, "does not fit the bank: .*MLC11, MLC12, MLC13, MLC14 are not there - choose the bank of this"
    )
    assert card_of(dialog.live.meg, "neuromag").verdict == "differs"
    assert not dialog.start.isEnabled()
    assert dialog.bank.ignore_missing.isHidden()
    with qtbot.assertNotEmitted(dialog.session_chosen):
        press(qtbot, Qt.Key.Key_Return)
        dialog.accept()
    assert dialog.isVisible()


def test_missing_sensors_can_be_ignored_by_one_click(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    network.sensors = bank_folders.helmet(3)
    network.offer_signal("ctf")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    wait_for_status(qtbot, dialog, "MLC14 is not there - ignore them")
    qtbot.waitUntil(dialog.bank.ignore_missing.isVisible)
    qtbot.mouseClick(dialog.bank.ignore_missing, Qt.MouseButton.LeftButton)
    wait_until_ready(qtbot, dialog)
    with qtbot.waitSignal(dialog.session_chosen) as caught:
        qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    assert caught.args[0].allow_missing
    assert caught.args[0].meg == "ctf"


def test_a_stream_that_cannot_be_used_says_why(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    network.refusal = "stream ctf leaves 4 of its 4 channels without a label - have the sender describe its channels"
    network.offer_signal("ctf")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    wait_for_status(qtbot, dialog, "without a label - have the sender")
    entry = card_of(dialog.live.meg, "ctf")
    assert (entry.lamp, entry.state, entry.verdict) == ("lost", "cannot be used", "differs")
    assert not dialog.start.isEnabled()


def test_a_bank_that_was_missing_is_read_again(
    qtbot: QtBot, network: FakeNetwork, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtalign_monitor.start.disk_queries.RETRY_S", 0.1)
    network.offer_signal("ctf")
    bank.rename(tmp_path / "unmounted")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    wait_for_status(qtbot, dialog, "is gone")
    (tmp_path / "unmounted").rename(bank)
    wait_until_ready(qtbot, dialog)


def test_the_users_choice_stays(qtbot: QtBot, network: FakeNetwork) -> None:
    for name in ("first", "second"):
        network.offer_signal(name)
        network.offer_words(f"{name}-words")
    dialog = show_dialog(qtbot)
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 2 and len(dialog.live.words.cards) == 2)
    dialog.bank.bank.setCurrentIndex(dialog.bank.bank.findData(NO_BANK))
    click_card(qtbot, dialog.live.meg, "second")
    click_card(qtbot, dialog.live.words, "second-words")
    network.offer_signal("third")
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 3)
    wait_until_ready(qtbot, dialog)
    assert (dialog.session().meg, dialog.session().words) == ("second", "second-words")


def test_streams_of_one_name_are_named_by_source_id(qtbot: QtBot, network: FakeNetwork) -> None:
    network.offer_signal("ctf")
    network.streams.append(lsl.StreamInfo("ctf", "MEG", "backup", "u", "other-lab", 4, 500.0, "float32"))
    dialog = show_dialog(qtbot)
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 2)
    dialog.live.meg.setCurrentRow(1)
    qtbot.wait(3 * start.REFRESH_MS)
    assert dialog.session().meg == "backup"


def test_a_session_may_start_before_its_words(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    network.offer_signal("ctf")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    wait_for_status(qtbot, dialog, "No words are found yet; the session starts and waits")
    assert dialog.start.isEnabled()


def test_numbers_without_a_table_are_no_words(qtbot: QtBot, network: FakeNetwork, bank: Path, tmp_path: Path) -> None:
    network.offer_signal("ctf")
    network.offer_words("port", "int32")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    qtbot.waitUntil(lambda: card_of(dialog.live.words, "port") is not None)
    assert card_of(dialog.live.words, "port").verdict == "differs"
    dialog.live.encoding.setFocus()
    qtbot.keyClicks(dialog.live.encoding, "codes")
    qtbot.waitUntil(lambda: card_of(dialog.live.words, "port").verdict == "fits")
    wait_for_status(qtbot, dialog, "Name the word table")
    table = tmp_path / "codes.tsv"
    table.write_text("code\tword\n1\tonce\n2\tupon\n")
    dialog.live.table.edit.setFocus()
    qtbot.keyClicks(dialog.live.table.edit, str(table))
    wait_until_ready(qtbot, dialog)
    assert (dialog.session().encoding, dialog.session().word_table) == ("codes", table)


def test_a_word_table_that_cannot_be_read_says_why(
    qtbot: QtBot, network: FakeNetwork, bank: Path, tmp_path: Path
) -> None:
    network.offer_signal("ctf")
    table = tmp_path / "codes.tsv"
    table.write_text("code\tsound\n1\tx\n")
    dialog = show_dialog(
        qtbot, WindowMemory(banks=[bank], recent=[Session(bank=bank, encoding="codes", word_table=table)])
    )
    wait_for_status(qtbot, dialog, "codes.tsv has codes and no column called word")
    assert not dialog.start.isEnabled()


def test_words_from_a_trigger_channel(qtbot: QtBot, network: FakeNetwork, bank: Path, tmp_path: Path) -> None:
    network.others = ("EOG", "UPPT001")
    network.offer_signal("ctf")
    network.offer_words("ignored")
    table = tmp_path / "codes.tsv"
    table.write_text("code\tword\n1\tonce\n")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    dialog.live.encoding.setFocus()
    qtbot.keyClicks(dialog.live.encoding, "trigger")
    qtbot.waitUntil(lambda: dialog.live.trigger.currentText() == "UPPT001")
    dialog.live.table.edit.setFocus()
    qtbot.keyClicks(dialog.live.table.edit, str(table))
    wait_until_ready(qtbot, dialog)
    session = dialog.session()
    assert (session.trigger, session.word_table, session.words) == ("UPPT001", table, None)
    assert not dialog.live.words.cards
    dialog.live.trigger.setEditText("STI101")
    wait_for_status(qtbot, dialog, "ctf has no channel STI101")


def test_no_card_moves_whatever_becomes_of_the_streams(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    """A click that was aimed at one stream hits it, though verdicts and faults come and go meanwhile."""
    network.offer_words("one")
    network.offer_words("port", "int32")
    network.offer_words("three")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    cards = dialog.live.words
    qtbot.waitUntil(lambda: len(cards.cards) == 3)

    def places() -> list[tuple[int, int]]:
        boxes = [cards.visualItemRect(cards.item(i)) for i in range(3)]
        return [(box.top(), box.height()) for box in boxes]

    before = places()
    assert len({height for _, height in before}) == 1
    del network.streams[0]
    network.offer_words("four")
    qtbot.waitUntil(lambda: card_of(cards, "one").state.startswith("lost") and card_of(cards, "four") is not None)
    assert [card.title for card in cards.cards] == ["one", "port", "three", "four"]
    assert places() == before


def test_words_of_another_program_are_not_chosen_and_warned_of(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    """Two programs on one network: each MEG is paired with its own words, and no other pair is called ready."""
    network.streams += [
        lsl.StreamInfo("demo-words", "Markers", "d2", "u1", "laptop", 1, 0.0, "string"),
        lsl.StreamInfo("story", "Markers", "s", "u2", "stim-pc", 1, 0.0, "string"),
        lsl.StreamInfo("ctf", "MEG", "c", "u3", "scanner", 4, 500.0, "float32"),
        lsl.StreamInfo("demo-meg", "MEG", "d1", "u4", "laptop", 4, 500.0, "float32"),
    ]
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 2 and len(dialog.live.words.cards) == 2)
    for meg, words in (("ctf", "story"), ("demo-meg", "demo-words")):
        click_card(qtbot, dialog.live.meg, meg)
        dialog.refresh()
        assert dialog.session().words == words
        wait_for_status(qtbot, dialog, "Ready")
    click_card(qtbot, dialog.live.words, "story")
    wait_for_status(qtbot, dialog, "story may belong to another program: demo-words goes with demo-meg")
    click_card(qtbot, dialog.live.meg, "ctf")
    click_card(qtbot, dialog.live.words, "demo-words")
    wait_for_status(qtbot, dialog, "demo-words may belong to another program: it goes with demo-meg, not with ctf")
    assert dialog.start.isEnabled()


def test_words_of_a_computer_of_their_own_are_no_mixed_pair(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    network.streams += [
        lsl.StreamInfo("story", "Markers", "s", "u2", "stim-pc", 1, 0.0, "string"),
        lsl.StreamInfo("ctf", "MEG", "c", "u3", "scanner", 4, 500.0, "float32"),
    ]
    wait_for_status(qtbot, show_dialog(qtbot, WindowMemory(banks=[bank])), "Ready")


def test_the_subject_is_never_taken_over_from_the_last_session(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    network.offer_signal("ctf")
    memory = WindowMemory(banks=[bank], recent=[Session(bank=bank, meg="ctf", subject="07", session="2")])
    dialog = show_dialog(qtbot, memory)
    wait_until_ready(qtbot, dialog)
    assert (dialog.session().subject, dialog.session().session) == (None, None)
    qtbot.keyClicks(dialog.outputs.participant, "08")
    qtbot.keyClicks(dialog.outputs.session_id, "a/b ..")
    assert dialog.session().subject == "08"
    assert dialog.session().label == "sub-08_ses-a-b"


def test_a_stream_of_head_positions_is_offered_and_used_where_it_is_chosen(
    qtbot: QtBot, network: FakeNetwork, bank: Path
) -> None:
    network.offer_signal("ctf")
    network.offer_signal("hpi", "HPI", 10.0, n=12)
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    head = dialog.live.head
    qtbot.waitUntil(lambda: [head.itemText(i) for i in range(head.count())] == ["hpi"])
    assert dialog.live.settings()["head"] is None, "nothing is used that nobody chose"
    head.setCurrentIndex(0)
    head.activated.emit(0)
    wait_until_ready(qtbot, dialog)
    with qtbot.waitSignal(dialog.session_chosen) as caught:
        qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    assert (caught.args[0].meg, caught.args[0].head) == ("ctf", "hpi")
    dialog.live.fill(Session(meg="ctf", head="mine", bank=bank))
    assert dialog.live.settings()["head"] == "mine"


def test_a_fieldtrip_buffer_is_offered_by_its_address(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    network.offer_signal("ctf")
    with serve(Buffer()) as buffer:
        buffer.put_header(5, 500.0, chunks={NAMES: b"MLC11\0MLC12\0MLC13\0MLC14\0UPPT001\0"})
        dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
        wait_until_ready(qtbot, dialog)
        address = str(buffer.address)
        dialog.live.buffer.setText("ft:/scanner")
        dialog.live.buffer.editingFinished.emit()
        wait_for_status(qtbot, dialog, "'ft:/scanner' is no address of a FieldTrip buffer - write ft://HOST:1972")
        dialog.live.buffer.setText(address)
        dialog.live.buffer.editingFinished.emit()
        assert not dialog.start.isEnabled(), "Enter does not start a session with the stream chosen before"
        wait_until_ready(qtbot, dialog)
        qtbot.waitUntil(lambda: "5 channels" in card_of(dialog.live.meg, address).detail)
        session = dialog.session()
        assert (session.meg, session.words) == (address, address)
        assert dialog.live.chosen("meg").others == ("UPPT001",)
        dialog.reject()
    reopened = show_dialog(qtbot, WindowMemory(banks=[bank]))
    reopened.fill(session)
    assert reopened.live.buffer.text() == address
    wait_for_status(qtbot, reopened, "no FieldTrip buffer answers at|does not flow now")
    qtbot.waitUntil(lambda: "does not answer yet" in card_of(reopened.live.meg, address).detail)
