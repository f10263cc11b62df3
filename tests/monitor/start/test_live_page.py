"""The start dialog finds streams, judges them, says how they do, and leaves none of them open."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from rtalign.core.records import Sensor
from rtalign.core.session import Session
from rtalign.streams import lsl
from rtalign.streams.live.connection import LslBackend
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import dialog as start
from rtalign_monitor.start.dialog import RECENT, StartDialog
from rtalign_monitor.start.discovery import Discovery
from tests.helpers import bank_folders
from tests.helpers.fake_network import PATIENCE_MS, Network, card, click_card, named, press, ready, says, shown
from tests.helpers.paths import PYTHONPATH

SENDER = """
import os, sys, time
import numpy as np
from rtalign.streams import lsl
from tests.helpers import bank_folders
name, speaks = sys.argv[1], sys.argv[2] == "speaks"
meg = lsl.SignalOutlet(name, bank_folders.helmet(4), 500.0, name)
start, k, parent = lsl.local_clock(), 0, os.getppid()
while os.getppid() == parent:
    k += 10
    time.sleep(max(start + k / 500 - lsl.local_clock(), 0))
    if speaks:
        meg.push(np.zeros((10, 4), np.float32), start + (k - 1) / 500)
"""


@pytest.fixture
def sender() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []

    def run(name: str, how: str = "speaks") -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", SENDER, name, how]
        running.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()


def threads_of_ours() -> list[str]:
    names = ("discovery", "errands", "lsl")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(names)]


def test_a_real_stream_flows_and_words_are_found_but_not_listened_to(
    qtbot: QtBot, bank: Path, sender: Callable[..., subprocess.Popen[bytes]]
) -> None:
    name = named("meg")
    words = lsl.TextOutlet(f"{name}-words", f"{name}-words")
    sender(name)
    session = Session(bank=bank, meg=name, words=f"{name}-words")
    dialog = shown(qtbot, WindowMemory(recent=[session], banks=[bank]))
    try:
        says(qtbot, dialog, r"Ready")
        flowing = card(dialog.live.meg, name)
        assert (flowing.lamp, flowing.state, flowing.verdict, flowing.told) == (
            "flowing", "flowing", "fits", "fits the bank")  # fmt: skip
        assert card(dialog.live.words, f"{name}-words").state == "found"
        qtbot.waitUntil(lambda: measured(dialog, name) == pytest.approx(500, rel=0.2), timeout=PATIENCE_MS)
        assert words.n_consumers == 0
        with qtbot.waitSignal(dialog.chosen) as caught:
            press(qtbot, Qt.Key.Key_Return)
        assert caught.args[0] == session
    finally:
        words.close()


def measured(dialog: StartDialog, name: str) -> float:
    found = re.search(r"Hz, ([\d.,]+) Hz measured", card(dialog.live.meg, name).detail)
    return float(found[1].replace(",", "")) if found else 0.0


def test_a_real_stream_that_is_killed_is_lost_and_comes_back(
    qtbot: QtBot, sender: Callable[..., subprocess.Popen[bytes]]
) -> None:
    name = named("killed")
    process = sender(name)
    dialog = shown(qtbot)

    def state(wanted: str) -> Callable[[], bool]:
        return lambda: (seen := card(dialog.live.meg, name)) is not None and seen.state.startswith(wanted)

    qtbot.waitUntil(state("flowing"), timeout=PATIENCE_MS)
    process.kill()
    process.wait()
    qtbot.waitUntil(state("lost"), timeout=PATIENCE_MS)
    assert card(dialog.live.meg, name).lamp == "lost"
    assert "lost" in card(dialog.live.meg, name).trouble
    sender(name)
    qtbot.waitUntil(state("flowing"), timeout=PATIENCE_MS)
    assert card(dialog.live.meg, name).trouble == ""


def test_a_real_stream_that_sends_nothing_is_found_and_says_so(
    qtbot: QtBot, sender: Callable[..., subprocess.Popen[bytes]]
) -> None:
    name = named("silent")
    sender(name, "is silent")
    dialog = shown(qtbot)

    def check() -> None:
        seen = card(dialog.live.meg, name)
        assert seen is not None
        assert seen.state == "found, sends nothing"
        assert "firewall" in seen.trouble
        assert "listens to its words" in seen.trouble

    qtbot.waitUntil(check, timeout=PATIENCE_MS)
    assert card(dialog.live.meg, name).lamp == "found"


def test_closing_ends_the_threads_and_lets_go_of_the_streams(qtbot: QtBot) -> None:
    name = named("closed")
    qtbot.waitUntil(lambda: not threads_of_ours(), timeout=PATIENCE_MS)  # those of the test before
    outlet = lsl.SignalOutlet(name, bank_folders.helmet(4), 500.0, name)
    dialog = shown(qtbot)
    try:
        qtbot.waitUntil(lambda: outlet.n_consumers == 1, timeout=PATIENCE_MS)
        assert threads_of_ours()
        press(qtbot, Qt.Key.Key_Escape)
        assert not dialog.isVisible()
        qtbot.waitUntil(lambda: not threads_of_ours(), timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: outlet.n_consumers == 0, timeout=PATIENCE_MS)
    finally:
        outlet.close()


def test_a_dialog_that_is_shown_again_looks_again(qtbot: QtBot, network: Network) -> None:
    network.offer("ctf")
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: card(dialog.live.meg, "ctf") is not None)
    qtbot.waitUntil(lambda: network.opened == ["ctf"])
    dialog.reject()
    qtbot.waitUntil(lambda: network.closed == ["ctf"])
    network.offer("other")
    dialog.show()
    qtbot.waitUntil(lambda: card(dialog.live.meg, "other") is not None)


def test_nothing_found_says_what_to_check(qtbot: QtBot, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtalign_monitor.start.stream_cards.PATIENCE_S", 0.3)
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: "firewall" in dialog.live.meg.accessibleDescription())
    assert "rtalign doctor" in dialog.live.meg.accessibleDescription()
    assert dialog.said.text() == "No MEG stream is found yet."
    assert not dialog.begin.isEnabled()


def test_a_network_that_cannot_be_searched_says_so(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> LslBackend:
        raise RuntimeError("liblsl is missing")

    monkeypatch.setattr(start, "Discovery", lambda: Discovery(broken))
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: "liblsl is missing" in dialog.live.meg.accessibleDescription())


def test_a_bank_of_another_machine_is_refused_with_the_difference(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.sensors = tuple(Sensor(f"MEG {i:04d}", "mag", (0, 0, 0), (0, 0, 0)) for i in range(4))
    network.offer("neuromag")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    says(qtbot, dialog, "does not fit the bank: .*MLC11, MLC12, MLC13, MLC14 are not there - choose the bank of this")
    assert card(dialog.live.meg, "neuromag").verdict == "differs"
    assert not dialog.begin.isEnabled()
    assert dialog.bank.without.isHidden()
    with qtbot.assertNotEmitted(dialog.chosen):
        press(qtbot, Qt.Key.Key_Return)
        dialog.accept()
    assert dialog.isVisible()


def test_missing_sensors_can_be_done_without_by_one_click(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.sensors = bank_folders.helmet(3)
    network.offer("ctf")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    says(qtbot, dialog, "MLC14 is not there - go on without them")
    qtbot.waitUntil(dialog.bank.without.isVisible)
    qtbot.mouseClick(dialog.bank.without, Qt.MouseButton.LeftButton)
    ready(qtbot, dialog)
    with qtbot.waitSignal(dialog.chosen) as caught:
        qtbot.mouseClick(dialog.begin, Qt.MouseButton.LeftButton)
    assert caught.args[0].allow_missing
    assert caught.args[0].meg == "ctf"


def test_a_stream_that_cannot_be_used_says_why(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.refusal = "stream ctf leaves 4 of its 4 channels without a label - have the sender describe its channels"
    network.offer("ctf")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    says(qtbot, dialog, "without a label - have the sender")
    seen = card(dialog.live.meg, "ctf")
    assert (seen.lamp, seen.state, seen.verdict) == ("lost", "cannot be used", "differs")
    assert not dialog.begin.isEnabled()


def test_twins_are_told_once_both_have_stayed(qtbot: QtBot, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtalign_monitor.start.discovery.STILL_LISTED_S", 1000.0)
    network.offer("ctf")
    network.offer("ctf")
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: (seen := card(dialog.live.meg, "ctf")) is not None and seen.state == "flowing")
    assert card(dialog.live.meg, "ctf").trouble == ""
    monkeypatch.setattr("rtalign_monitor.start.discovery.STILL_LISTED_S", 0.1)
    qtbot.waitUntil(lambda: "2 streams bear this name" in card(dialog.live.meg, "ctf").trouble)


def test_what_was_not_there_is_asked_for_again(
    qtbot: QtBot, network: Network, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtalign_monitor.start.disk_queries.AGAIN_S", 0.1)
    network.offer("ctf")
    bank.rename(tmp_path / "unmounted")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    says(qtbot, dialog, "is gone")
    (tmp_path / "unmounted").rename(bank)
    ready(qtbot, dialog)


def test_a_recent_session_whose_recording_comes_back_is_no_longer_gone(
    qtbot: QtBot, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtalign_monitor.start.disk_queries.AGAIN_S", 0.1)
    dialog = shown(qtbot, WindowMemory(recent=[Session(adapt=True, recording=tmp_path / "disk")]))
    dialog.tabs.setCurrentIndex(RECENT)
    says(qtbot, dialog, "is gone")
    (tmp_path / "disk").mkdir()
    ready(qtbot, dialog)


def test_a_choice_by_hand_stays(qtbot: QtBot, network: Network) -> None:
    for name in ("first", "second"):
        network.offer(name)
        network.words(f"{name}-words")
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 2 and len(dialog.live.words.cards) == 2)
    dialog.bank.bank.setCurrentIndex(dialog.bank.bank.findData("nothing"))
    click_card(qtbot, dialog.live.meg, "second")
    click_card(qtbot, dialog.live.words, "second-words")
    network.offer("third")
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 3)
    ready(qtbot, dialog)
    assert (dialog.session().meg, dialog.session().words) == ("second", "second-words")


def test_a_signal_of_no_known_type_is_opened_when_it_is_chosen(qtbot: QtBot, network: Network) -> None:
    network.offer("ctf")
    network.offer("custom", type="Signal")
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: card(dialog.live.meg, "custom") is not None and bool(network.opened))
    assert network.opened == ["ctf"]
    assert "not MEG or EEG" in card(dialog.live.meg, "custom").told
    click_card(qtbot, dialog.live.meg, "custom")
    qtbot.waitUntil(lambda: card(dialog.live.meg, "custom").state == "flowing")


def test_of_two_streams_of_one_name_the_source_id_is_said(qtbot: QtBot, network: Network) -> None:
    network.offer("ctf")
    network.found.append(lsl.StreamInfo("ctf", "MEG", "backup", "u", "other-lab", 4, 500.0, "float32"))
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 2)
    dialog.live.meg.setCurrentRow(1)
    qtbot.wait(3 * start.LOOK_MS)
    assert dialog.session().meg == "backup"


def test_a_session_may_begin_before_its_words_and_says_so(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.offer("ctf")
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    says(qtbot, dialog, "No words are found yet; the session begins and waits")
    assert dialog.begin.isEnabled()


# How words arrive


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
    assert not dialog.begin.isEnabled()


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
