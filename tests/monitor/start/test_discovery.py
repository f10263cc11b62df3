"""Streams are found, opened, lost and closed again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from rtalign.core.session import Session
from rtalign.streams import lsl
from rtalign.streams.live.connection import LslBackend
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import dialog as start
from rtalign_monitor.start.dialog import StartDialog
from rtalign_monitor.start.discovery import Discovery
from tests.helpers import bank_folders
from tests.helpers.fake_network import (
    PATIENCE_MS,
    FakeNetwork,
    card_of,
    click_card,
    press,
    show_dialog,
    unique_name,
    wait_for_status,
)
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
    names = ("discovery", "disk queries", "lsl")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(names)]


def test_a_real_stream_flows_and_words_are_not_opened(
    qtbot: QtBot, bank: Path, sender: Callable[..., subprocess.Popen[bytes]]
) -> None:
    name = unique_name("meg")
    words = lsl.TextOutlet(f"{name}-words", f"{name}-words")
    sender(name)
    session = Session(bank=bank, meg=name, words=f"{name}-words")
    dialog = show_dialog(qtbot, WindowMemory(recent=[session], banks=[bank]))
    try:
        wait_for_status(qtbot, dialog, r"Ready")
        flowing = card_of(dialog.live.meg, name)
        assert (flowing.lamp, flowing.state, flowing.verdict, flowing.verdict_text) == (
            "flowing", "flowing", "fits", "fits the bank")  # fmt: skip
        assert card_of(dialog.live.words, f"{name}-words").state == "found"
        qtbot.waitUntil(lambda: measured(dialog, name) == pytest.approx(500, rel=0.2), timeout=PATIENCE_MS)
        assert words.n_consumers == 0
        with qtbot.waitSignal(dialog.session_chosen) as caught:
            press(qtbot, Qt.Key.Key_Return)
        assert caught.args[0] == session
    finally:
        words.close()


def measured(dialog: StartDialog, name: str) -> float:
    found = re.search(r"Hz, ([\d.,]+) Hz measured", card_of(dialog.live.meg, name).detail)
    return float(found[1].replace(",", "")) if found else 0.0


def test_a_killed_stream_is_lost_and_comes_back(qtbot: QtBot, sender: Callable[..., subprocess.Popen[bytes]]) -> None:
    name = unique_name("killed")
    process = sender(name)
    dialog = show_dialog(qtbot)

    def state(wanted: str) -> Callable[[], bool]:
        return lambda: (entry := card_of(dialog.live.meg, name)) is not None and entry.state.startswith(wanted)

    qtbot.waitUntil(state("flowing"), timeout=PATIENCE_MS)
    process.kill()
    process.wait()
    qtbot.waitUntil(state("lost"), timeout=PATIENCE_MS)
    assert card_of(dialog.live.meg, name).lamp == "lost"
    assert "lost" in card_of(dialog.live.meg, name).problem
    sender(name)
    qtbot.waitUntil(state("flowing"), timeout=PATIENCE_MS)
    assert card_of(dialog.live.meg, name).problem == ""


def test_a_silent_stream_is_found_and_says_so(qtbot: QtBot, sender: Callable[..., subprocess.Popen[bytes]]) -> None:
    name = unique_name("silent")
    sender(name, "is silent")
    dialog = show_dialog(qtbot)

    def check() -> None:
        entry = card_of(dialog.live.meg, name)
        assert entry is not None
        assert entry.state == "found, sends nothing"
        assert "firewall" in entry.problem
        assert "listens to its words" in entry.problem

    qtbot.waitUntil(check, timeout=PATIENCE_MS)
    assert card_of(dialog.live.meg, name).lamp == "found"


def test_closing_ends_the_threads_and_closes_the_streams(qtbot: QtBot) -> None:
    name = unique_name("closed")
    qtbot.waitUntil(lambda: not threads_of_ours(), timeout=PATIENCE_MS)  # those of the test before
    outlet = lsl.SignalOutlet(name, bank_folders.helmet(4), 500.0, name)
    dialog = show_dialog(qtbot)
    try:
        qtbot.waitUntil(lambda: outlet.n_consumers == 1, timeout=PATIENCE_MS)
        assert threads_of_ours()
        press(qtbot, Qt.Key.Key_Escape)
        assert not dialog.isVisible()
        qtbot.waitUntil(lambda: not threads_of_ours(), timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: outlet.n_consumers == 0, timeout=PATIENCE_MS)
    finally:
        outlet.close()


def test_a_dialog_that_is_shown_again_searches_again(qtbot: QtBot, network: FakeNetwork) -> None:
    network.offer_signal("ctf")
    dialog = show_dialog(qtbot)
    qtbot.waitUntil(lambda: card_of(dialog.live.meg, "ctf") is not None)
    qtbot.waitUntil(lambda: network.opened == ["ctf"])
    dialog.reject()
    qtbot.waitUntil(lambda: network.closed == ["ctf"])
    network.offer_signal("other")
    dialog.show()
    qtbot.waitUntil(lambda: card_of(dialog.live.meg, "other") is not None)


def test_a_network_that_cannot_be_searched_says_so(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> LslBackend:
        raise RuntimeError("liblsl is missing")

    monkeypatch.setattr(start, "Discovery", lambda: Discovery(broken))
    dialog = show_dialog(qtbot)
    qtbot.waitUntil(lambda: "liblsl is missing" in dialog.live.meg.accessibleDescription())


def test_twins_are_reported_when_both_stay(qtbot: QtBot, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtalign_monitor.start.discovery.STILL_LISTED_S", 1000.0)
    network.offer_signal("ctf")
    network.offer_signal("ctf")
    dialog = show_dialog(qtbot)
    qtbot.waitUntil(lambda: (entry := card_of(dialog.live.meg, "ctf")) is not None and entry.state == "flowing")
    assert card_of(dialog.live.meg, "ctf").problem == ""
    monkeypatch.setattr("rtalign_monitor.start.discovery.STILL_LISTED_S", 0.1)
    qtbot.waitUntil(lambda: "2 streams have this name" in card_of(dialog.live.meg, "ctf").problem)


def test_a_signal_of_another_type_is_opened_when_chosen(qtbot: QtBot, network: FakeNetwork) -> None:
    network.offer_signal("ctf")
    network.offer_signal("custom", type="Signal")
    dialog = show_dialog(qtbot)
    qtbot.waitUntil(lambda: card_of(dialog.live.meg, "custom") is not None and bool(network.opened))
    assert network.opened == ["ctf"]
    assert "not MEG or EEG" in card_of(dialog.live.meg, "custom").verdict_text
    click_card(qtbot, dialog.live.meg, "custom")
    qtbot.waitUntil(lambda: card_of(dialog.live.meg, "custom").state == "flowing")
