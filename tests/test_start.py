"""The start dialog finds, judges, explains and hands over, by mouse and by keyboard, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import banks
import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QApplication, QCheckBox, QLabel, QLineEdit, QPushButton, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from apps import fitting, start
from apps.cards import CardList
from apps.discovery import Discovery
from apps.remember import Memory
from apps.sessionfile import save
from apps.start import LIVE, RECENT, RECORDING, StartDialog
from apps.theme import THEMES, Theme
from rtalign.chain import Design
from rtalign.data import Sensor
from rtalign.datasets import open_recordings
from rtalign.recipe import ChainRecipe, Recipe
from rtalign.session import Session
from rtalign.sources import lsl
from rtalign.sources.link import Layer
from rtalign.sources.simulate import simulate
from rtalign.sources.simulated import Plan

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_MS = 30_000
SENDER = """
import os, sys, time
import numpy as np
sys.path.insert(0, sys.argv[2])
import banks
from rtalign.sources import lsl
name, speaks = sys.argv[1], sys.argv[3] == "speaks"
meg = lsl.SignalOutlet(name, banks.helmet(4), 500.0, name)
start, k, parent = lsl.local_clock(), 0, os.getppid()
while os.getppid() == parent:
    k += 10
    time.sleep(max(start + k / 500 - lsl.local_clock(), 0))
    if speaks:
        meg.push(np.zeros((10, 4), np.float32), start + (k - 1) / 500)
"""


def named(what: str) -> str:
    """A name that no other test run on this machine uses."""
    return f"start-{what}-{os.getpid()}"


@pytest.fixture
def sender() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []

    def run(name: str, how: str = "speaks") -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", SENDER, name, str(ROOT / "tests"), how]
        running.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return banks.write(tmp_path / "banks" / "four", banks.helmet(4))


# A network of our own making, for what real streams would show only by chance.


@dataclass
class Network:
    """What a scripted network offers; every signal that is opened flows, unless it is refused."""

    found: list[lsl.Found] = field(default_factory=list)
    sensors: tuple[Sensor, ...] = banks.helmet(4)
    others: tuple[str, ...] = ()
    refusal: str = ""
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def offer(self, name: str, type: str = "MEG", sfreq: float = 500.0, form: str = "float32", n: int = 4) -> None:
        self.found.append(lsl.Found(name, type, name, f"{name}-{len(self.found)}", "lab", n, sfreq, form))

    def words(self, name: str, form: str = "string") -> None:
        self.offer(name, "Markers", 0.0, form, 1)

    def layer(self) -> Layer:
        pool = ThreadPoolExecutor(1, thread_name_prefix="lsl")
        return Layer(
            found=lambda: list(self.found), signal=self._open, text=self._open, clock=time.monotonic, sleep=time.sleep,
            run=pool.submit, host="lab", close=lambda: pool.shutdown(wait=False),
        )  # fmt: skip

    def _open(self, found: lsl.Found) -> Any:
        self.opened.append(found.name)
        names = (*(sensor.name for sensor in self.sensors), *self.others)
        if self.refusal:
            raise ValueError(self.refusal)
        return SimpleNamespace(
            found=found, channels=SimpleNamespace(sensors=self.sensors, names=names),
            close=lambda: self.closed.append(found.name),
            pull=lambda: (np.zeros((50, 4)), np.zeros(50)), offset=lambda timeout_s=2.0: (0.0, 1e-4),
        )  # fmt: skip


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    made = Network()
    monkeypatch.setattr(start, "Discovery", lambda: Discovery(made.layer))
    return made


def shown(qtbot: QtBot, memory: Memory | None = None, theme: str = "dark") -> StartDialog:
    dialog = StartDialog(memory or Memory(), Theme.of(theme))
    qtbot.addWidget(dialog)
    with qtbot.waitActive(dialog):
        dialog.show()
        dialog.activateWindow()
    return dialog


def ready(qtbot: QtBot, dialog: StartDialog) -> None:
    qtbot.waitUntil(dialog.begin.isEnabled, timeout=PATIENCE_MS)


def says(qtbot: QtBot, dialog: StartDialog, what: str) -> None:
    def check() -> None:
        assert re.search(what, dialog.said.text()), dialog.said.text()

    qtbot.waitUntil(check, timeout=PATIENCE_MS)


def card(cards: CardList, title: str) -> Any:
    return next((one for one in cards.cards if one.title == title), None)


def click_card(qtbot: QtBot, cards: CardList, title: str) -> None:
    row = next(i for i, one in enumerate(cards.cards) if one.title == title)
    item = cards.item(row)
    assert item is not None
    qtbot.mouseClick(cards.viewport(), Qt.MouseButton.LeftButton, pos=cards.visualItemRect(item).center())


def press(qtbot: QtBot, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
    """Wherever the focus is."""
    held = modifiers[0] if modifiers else Qt.KeyboardModifier.NoModifier
    qtbot.keyClick(QApplication.focusWidget(), key, held)


def threads_of_ours() -> list[str]:
    names = ("discovery", "errands", "lsl")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(names)]


# Banks


def test_a_passport_says_all_that_is_needed_to_choose(bank: Path) -> None:
    line = fitting.passport(fitting.read(bank))
    for part in (
        "smollm2",
        "growing to 1,000",
        "2 of 31 layers",
        "4 axial sensors",
        "3,109 words",
        "R 0.062",
        "layer 9",
    ):
        assert part in line


def test_a_bank_without_a_readable_summary_is_still_a_bank(bank: Path) -> None:
    (bank / "summary.json").write_text("{")
    assert "best R" not in fitting.passport(fitting.read(bank))


@pytest.mark.parametrize("sfreq", [40.0, 50.0, 75.0, 99.9, 100.0, 101.0, 160.0, 250.0, 600.0, 1200.0])
@pytest.mark.parametrize("least", [50.0, 100.0, 200.0])
@pytest.mark.parametrize("edge", [10.0, 20.0, 40.0])
def test_a_rate_is_too_low_exactly_where_the_signal_chain_refuses_it(sfreq: float, least: float, edge: float) -> None:
    recipe = ChainRecipe(min_rate_hz=least, lowpass_hz=edge)
    try:
        Design(recipe, sfreq)
        refused = False
    except ValueError:
        refused = True
    assert bool(fitting.too_slow(recipe, sfreq)) == refused


def test_differences_are_told_in_words(bank: Path) -> None:
    made = fitting.read(bank)
    assert fitting.misfits(made, banks.helmet(4), 1200.0) == []
    assert fitting.misfits(made, banks.helmet(9), 1200.0) == []
    assert fitting.misfits(made, banks.helmet(3), 1200.0) == ["the bank expects 4 sensors; MLC14 is not there"]
    (other,) = fitting.misfits(made, banks.helmet(4, "mag"), 1200.0)
    assert other == "MLC11 is mag here and axial in the bank"
    (slow,) = fitting.misfits(made, banks.helmet(4), 60.0)
    assert "100 Hz or more; this comes at 60 Hz" in slow


# Streams


def test_a_real_stream_flows_and_words_are_found_but_not_listened_to(
    qtbot: QtBot, bank: Path, sender: Callable[..., subprocess.Popen[bytes]]
) -> None:
    name = named("meg")
    words = lsl.TextOutlet(f"{name}-words", f"{name}-words")
    sender(name)
    session = Session(bank=bank, meg=name, words=f"{name}-words")
    dialog = shown(qtbot, Memory(recent=[session], banks=[bank]))
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
    name, before = named("closed"), threads_of_ours()
    outlet = lsl.SignalOutlet(name, banks.helmet(4), 500.0, name)
    dialog = shown(qtbot)
    try:
        qtbot.waitUntil(lambda: outlet.n_consumers == 1, timeout=PATIENCE_MS)
        assert len(threads_of_ours()) > len(before)
        press(qtbot, Qt.Key.Key_Escape)
        assert not dialog.isVisible()
        qtbot.waitUntil(lambda: not set(threads_of_ours()) - set(before), timeout=PATIENCE_MS)
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
    monkeypatch.setattr("apps.streamcards.PATIENCE_S", 0.3)
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: "firewall" in dialog.live.meg.accessibleDescription())
    assert "rtalign doctor" in dialog.live.meg.accessibleDescription()
    assert dialog.said.text() == "No MEG stream is found yet."
    assert not dialog.begin.isEnabled()


def test_a_network_that_cannot_be_searched_says_so(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Layer:
        raise RuntimeError("liblsl is missing")

    monkeypatch.setattr(start, "Discovery", lambda: Discovery(broken))
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: "liblsl is missing" in dialog.live.meg.accessibleDescription())


def test_a_bank_of_another_machine_is_refused_with_the_difference(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.sensors = tuple(Sensor(f"MEG {i:04d}", "mag", (0, 0, 0), (0, 0, 0)) for i in range(4))
    network.offer("neuromag")
    dialog = shown(qtbot, Memory(banks=[bank]))
    says(qtbot, dialog, "does not fit the bank: .*MLC11, MLC12, MLC13, MLC14 are not there - choose the bank of this")
    assert card(dialog.live.meg, "neuromag").verdict == "differs"
    assert not dialog.begin.isEnabled()
    assert dialog.bank.without.isHidden()
    with qtbot.assertNotEmitted(dialog.chosen):
        press(qtbot, Qt.Key.Key_Return)
        dialog.accept()
    assert dialog.isVisible()


def test_missing_sensors_can_be_done_without_by_one_click(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.sensors = banks.helmet(3)
    network.offer("ctf")
    dialog = shown(qtbot, Memory(banks=[bank]))
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
    dialog = shown(qtbot, Memory(banks=[bank]))
    says(qtbot, dialog, "without a label - have the sender")
    seen = card(dialog.live.meg, "ctf")
    assert (seen.lamp, seen.state, seen.verdict) == ("lost", "cannot be used", "differs")
    assert not dialog.begin.isEnabled()


def test_twins_are_told_once_both_have_stayed(qtbot: QtBot, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.discovery.GHOST_S", 1000.0)
    network.offer("ctf")
    network.offer("ctf")
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: (seen := card(dialog.live.meg, "ctf")) is not None and seen.state == "flowing")
    assert card(dialog.live.meg, "ctf").trouble == ""
    monkeypatch.setattr("apps.discovery.GHOST_S", 0.1)
    qtbot.waitUntil(lambda: "2 streams bear this name" in card(dialog.live.meg, "ctf").trouble)


def test_what_was_not_there_is_asked_for_again(
    qtbot: QtBot, network: Network, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.errands.AGAIN_S", 0.1)
    network.offer("ctf")
    bank.rename(tmp_path / "unmounted")
    dialog = shown(qtbot, Memory(banks=[bank]))
    says(qtbot, dialog, "is gone")
    (tmp_path / "unmounted").rename(bank)
    ready(qtbot, dialog)


def test_a_recent_session_whose_recording_comes_back_is_no_longer_gone(
    qtbot: QtBot, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.errands.AGAIN_S", 0.1)
    dialog = shown(qtbot, Memory(recent=[Session(adapt=True, recording=tmp_path / "disk")]))
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
    network.found.append(lsl.Found("ctf", "MEG", "backup", "u", "other-lab", 4, 500.0, "float32"))
    dialog = shown(qtbot)
    qtbot.waitUntil(lambda: len(dialog.live.meg.cards) == 2)
    dialog.live.meg.setCurrentRow(1)
    qtbot.wait(3 * start.LOOK_MS)
    assert dialog.session().meg == "backup"


def test_a_session_may_begin_before_its_words_and_says_so(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.offer("ctf")
    dialog = shown(qtbot, Memory(banks=[bank]))
    says(qtbot, dialog, "No words are found yet; the session begins and waits")
    assert dialog.begin.isEnabled()


# How words arrive


def test_numbers_without_a_table_are_no_words(qtbot: QtBot, network: Network, bank: Path, tmp_path: Path) -> None:
    network.offer("ctf")
    network.words("port", "int32")
    dialog = shown(qtbot, Memory(banks=[bank]))
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
    dialog = shown(qtbot, Memory(banks=[bank], recent=[Session(bank=bank, encoding="codes", word_table=table)]))
    says(qtbot, dialog, "codes.tsv has codes and no column called word")
    assert not dialog.begin.isEnabled()


def test_words_from_a_trigger_channel(qtbot: QtBot, network: Network, bank: Path, tmp_path: Path) -> None:
    network.others = ("EOG", "UPPT001")
    network.offer("ctf")
    network.words("ignored")
    table = tmp_path / "codes.tsv"
    table.write_text("code\tword\n1\tonce\n")
    dialog = shown(qtbot, Memory(banks=[bank]))
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


# Banks in the dialog


def test_learning_from_nothing_needs_no_bank(qtbot: QtBot, network: Network) -> None:
    network.offer("ctf")
    network.words("words")
    dialog = shown(qtbot)
    says(qtbot, dialog, "Choose a bank, or “Without a bank")
    dialog.bank.bank.setFocus()
    qtbot.keyClicks(dialog.bank.bank, "Without")
    says(qtbot, dialog, "Ready")
    assert card(dialog.live.meg, "ctf").told == "4 axial sensors to learn from"
    dialog.bank.model.setFocus()
    qtbot.keyClicks(dialog.bank.model.lineEdit(), "openai-community/gpt2")
    session = dialog.session()
    assert (session.bank, session.adapt, session.model) == (None, True, "openai-community/gpt2")


def test_what_keeps_a_bank_from_being_used_is_said(qtbot: QtBot, network: Network, tmp_path: Path) -> None:
    network.offer("ctf")
    four = banks.helmet(4)
    zero = banks.write(tmp_path / "zero", four, Recipe().with_("chain", phase="zero"))
    foreign = banks.write(tmp_path / "foreign", four, model="no-such-model")
    dialog = shown(qtbot, Memory(banks=[zero, foreign, tmp_path / "gone"]))
    for folder, why in (
        (zero, "cannot run live"),
        (tmp_path / "gone", "is gone"),
        (foreign, "language model no-such-model is not on this machine"),
    ):
        dialog.bank.choose(folder)
        says(qtbot, dialog, why)
        assert not dialog.begin.isEnabled()
    dialog.bank.model.setEditText("/models/no-such-model")
    ready(qtbot, dialog)


def test_a_bank_that_is_looked_for_is_chosen_and_read(
    qtbot: QtBot, network: Network, bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.bankbox.ask_for", lambda *_, **__: bank)
    dialog = shown(qtbot)
    qtbot.mouseClick(dialog.bank.browse, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "2 of 31 layers" in dialog.bank.passport.text())
    assert dialog.session().bank == bank


# Recordings


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listener")
    information = np.random.default_rng(0).standard_normal((40, 3, 4)).astype(np.float32)
    simulate(folder, Plan(n_words=40, run_words=20, sfreq=250.0, sensors="neuromag306"), information=information)
    return folder


def test_a_recording_is_looked_at_and_narrowed(qtbot: QtBot, network: Network, listener: Path, tmp_path: Path) -> None:
    first, second = open_recordings(listener)
    bank = banks.write(tmp_path / "bank", first.sensors)
    dialog = shown(qtbot, Memory(banks=[bank]))
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
    dialog = shown(qtbot, Memory(recent=[Session(adapt=True, recording=alone)]))
    says(qtbot, dialog, "alone_meg.fif comes without words: .*name it as Word table")
    assert "--word-table" not in dialog.said.text()
    (table,) = sorted(listener.glob("sub-*/meg/*run-01*_events.tsv"))
    dialog.recording.table.edit.setFocus()
    qtbot.keyClicks(dialog.recording.table.edit, str(table))
    ready(qtbot, dialog)
    assert dialog.session().word_table == table


def test_a_recording_that_is_none_says_so(qtbot: QtBot, network: Network, tmp_path: Path) -> None:
    dialog = shown(qtbot, Memory(recent=[Session(adapt=True, recording=tmp_path)]))
    says(qtbot, dialog, "is no BIDS data set")
    dialog.recording.path.put(tmp_path / "nowhere")
    says(qtbot, dialog, "there is no recording")


# What was, and what can be loaded


def test_recent_sessions_begin_again_and_what_is_gone_says_so(
    qtbot: QtBot, network: Network, bank: Path, tmp_path: Path
) -> None:
    gone = Session(bank=bank, recording=tmp_path / "deleted", subject="02")
    live = Session(bank=bank, meg="ctf", words="story", record=tmp_path, chunk_s=0.5)
    memory = Memory(recent=[gone, live], banks=[bank])
    dialog = shown(qtbot, memory)
    dialog.tabs.setCurrentIndex(RECENT)
    dialog.recent.cards.setFocus()
    qtbot.waitUntil(lambda: dialog.recent.cards.cards[0].state == "gone")
    says(qtbot, dialog, "deleted is gone")
    assert not dialog.begin.isEnabled()
    press(qtbot, Qt.Key.Key_Down)
    assert dialog.begin.isEnabled()
    with qtbot.waitSignal(dialog.chosen) as caught:
        press(qtbot, Qt.Key.Key_Return)
    assert caught.args[0] == live


def test_a_recent_session_can_be_forgotten_or_changed_first(
    qtbot: QtBot, network: Network, bank: Path, tmp_path: Path
) -> None:
    gone = Session(bank=bank, recording=tmp_path / "deleted")
    live = Session(bank=bank, meg="ctf", words="story", record=tmp_path, publish=True)
    memory = Memory(recent=[gone, live], banks=[bank])
    dialog = shown(qtbot, memory)
    dialog.tabs.setCurrentIndex(RECENT)
    dialog.recent.cards.setFocus()
    press(qtbot, Qt.Key.Key_Delete)
    assert memory.recent == [live]
    qtbot.mouseClick(dialog.recent.change, Qt.MouseButton.LeftButton)
    assert dialog.tabs.currentIndex() == LIVE
    assert dialog.session() == live


def test_everything_is_as_it_was_last_time(qtbot: QtBot, network: Network, bank: Path, tmp_path: Path) -> None:
    network.offer("other")
    network.offer("ctf")
    network.words("story")
    was = Session(bank=bank, meg="ctf", words="story", record=tmp_path / "kept", publish=True, audio_delay_s=0.012,
                  adapt=True, device="cuda")  # fmt: skip
    memory = Memory()
    memory.met(was)
    dialog = shown(qtbot, memory)
    says(qtbot, dialog, "Ready")
    assert dialog.session() == was


def test_a_trigger_channel_is_remembered(qtbot: QtBot, network: Network, bank: Path, tmp_path: Path) -> None:
    network.others = ("STI101",)
    network.offer("ctf")
    table = tmp_path / "codes.tsv"
    table.write_text("code\tword\n1\tonce\n")
    was = Session(bank=bank, meg="ctf", trigger="STI101", word_table=table)
    dialog = shown(qtbot, Memory(recent=[was], banks=[bank]))
    says(qtbot, dialog, "Ready")
    assert dialog.session() == was


def test_a_session_file_fills_the_form_or_says_what_is_wrong(
    qtbot: QtBot, network: Network, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.offer("ctf")
    network.words("story")
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    save(Session(bank=bank, meg="ctf", words="story", allow_missing=False, publish=True), good)
    bad.write_text("bank = 3\n")
    asked = iter([bad, good])
    monkeypatch.setattr(start, "ask_for", lambda *_, **__: next(asked))
    dialog = shown(qtbot)
    qtbot.mouseClick(dialog.file, Qt.MouseButton.LeftButton)
    assert "session, bank" in dialog.told.text()
    qtbot.mouseClick(dialog.file, Qt.MouseButton.LeftButton)
    assert dialog.told.text() == "From good.toml"
    says(qtbot, dialog, "Ready")
    assert dialog.session() == Session.load(good)


def test_recording_needs_a_folder(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.offer("ctf")
    dialog = shown(qtbot, Memory(banks=[bank]))
    ready(qtbot, dialog)
    qtbot.mouseClick(dialog.keep.record, Qt.MouseButton.LeftButton, pos=QPoint(8, dialog.keep.record.height() // 2))
    assert dialog.session().record is not None
    dialog.keep.folder.edit.clear()
    says(qtbot, dialog, "Name the folder to record to")


def test_the_demo_is_one_key_away_and_hidden_where_it_cannot_be(
    qtbot: QtBot, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "packaged_gguf", lambda: Path("smollm2.gguf"))
    dialog = shown(qtbot)
    with qtbot.waitSignal(dialog.demo_wanted):
        press(qtbot, Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
    assert not dialog.isVisible()
    monkeypatch.setattr(start, "packaged_gguf", lambda: None)
    assert shown(qtbot).demo.isHidden()


# Keys, and what the window's process may load


def letters(dialog: StartDialog) -> list[str]:
    """Every letter that Alt leads somewhere with, on the page that is shown."""
    texts = [dialog.tabs.tabText(i) for i in range(dialog.tabs.count())]
    for kind in (QLabel, QPushButton, QCheckBox):
        texts += [one.text() for one in dialog.findChildren(kind) if not one.isHidden() and one.isVisibleTo(dialog)]
    return [found[1].lower() for text in texts if (found := re.search(r"&(\w)", text))]


@pytest.mark.parametrize("page", [LIVE, RECORDING, RECENT])
def test_every_letter_means_one_thing(qtbot: QtBot, network: Network, bank: Path, page: int) -> None:
    dialog = shown(qtbot, Memory(banks=[bank]))
    dialog.live.encoding.setCurrentIndex(dialog.live.encoding.findData("trigger"))
    dialog.bank.offer_without(True)
    dialog.tabs.setCurrentIndex(page)
    for box, label in zip(dialog.recording.filters.values(), dialog.recording._labels.values(), strict=True):
        box.show()
        label.show()
    dialog.bank.without.show()
    found = letters(dialog)
    assert len(found) == len(set(found)), sorted(found)


@pytest.mark.parametrize("page", [LIVE, RECORDING, RECENT])
def test_tab_visits_everything_in_the_order_of_reading(qtbot: QtBot, network: Network, page: int) -> None:
    memory = Memory(recent=[Session(adapt=True, meg="ctf")])
    network.offer("ctf")
    dialog = shown(qtbot, memory)
    dialog.tabs.setCurrentIndex(page)
    qtbot.wait(300)
    dialog.tabs.setFocus()
    visited: list[QWidget] = []
    while (here := QApplication.focusWidget()) is not None and here not in visited:
        visited.append(here)
        qtbot.keyClick(here, Qt.Key.Key_Tab)
    kinds = (QPushButton, QCheckBox, QLineEdit, CardList, QTabBar)
    there = [one for kind in kinds for one in dialog.findChildren(kind) if one.isVisibleTo(dialog) and one.isEnabled()]
    wanted = {one for one in there if one.focusPolicy() & Qt.FocusPolicy.TabFocus}
    inside = {dialog.bank.model.lineEdit(), dialog.live.trigger.lineEdit(), dialog.live.delay.lineEdit()}
    assert wanted - inside <= set(visited)
    tops = [one.mapTo(dialog, one.rect().topLeft()).y() // 40 for one in visited]
    assert tops == sorted(tops)


def test_letters_lead_to_their_fields(qtbot: QtBot, network: Network) -> None:
    dialog = shown(qtbot)
    dialog.tabs.setFocus()
    for key, field_ in ((Qt.Key.Key_B, dialog.bank.bank), (Qt.Key.Key_W, dialog.live.words),
                        (Qt.Key.Key_E, dialog.live.meg), (Qt.Key.Key_I, dialog.live.encoding)):  # fmt: skip
        press(qtbot, key, Qt.KeyboardModifier.AltModifier)
        assert field_.hasFocus()


def test_escape_leaves_without_a_word(qtbot: QtBot, network: Network, bank: Path) -> None:
    network.offer("ctf")
    dialog = shown(qtbot, Memory(banks=[bank]))
    ready(qtbot, dialog)
    with qtbot.assertNotEmitted(dialog.chosen):
        press(qtbot, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_a_state_has_a_shape_and_a_word_beside_its_colour(
    qtbot: QtBot, network: Network, theme: str, bank: Path
) -> None:
    network.offer("ctf")
    dialog = shown(qtbot, Memory(banks=[bank]), theme)
    ready(qtbot, dialog)
    (seen,) = dialog.live.meg.cards
    assert seen.spoken.startswith("ctf, flowing, ")
    assert seen.spoken.endswith("fits the bank")
    item = dialog.live.meg.item(0)
    assert item is not None
    assert item.data(Qt.ItemDataRole.AccessibleTextRole) == seen.spoken


def test_the_windows_process_stays_light(tmp_path: Path) -> None:
    """Nothing heavy is loaded, neither at once nor when a stream is opened; LSL is loaded after the first paint."""
    name, bank = named("light"), banks.write(tmp_path / "bank", banks.helmet(4))
    probe = f"""
import sys, time
sys.path.insert(0, {str(ROOT / "tests")!r})
from pathlib import Path
from PyQt6.QtWidgets import QApplication
app = QApplication([])
from apps.remember import Memory
from apps.start import StartDialog
from apps.theme import Theme
heavy = {{"torch", "mne", "scipy", "transformers", "sklearn", "matplotlib"}}
dialog = StartDialog(Memory(banks=[Path({str(bank)!r})]), Theme.of("dark"))
dialog.show()
assert not (heavy | {{"pylsl"}}) & set(sys.modules)
import banks
from rtalign.sources import lsl
import numpy as np
trees = [{{"label": f"MLC{{i + 11}}", "type": "mag", "unit": "T", "coil_type": "5001"}} for i in range(4)]
outlet = lsl.LabelledOutlet.__new__(lsl.LabelledOutlet)
lsl._Outlet.__init__(outlet, lsl._described({name!r}, "MEG", trees, 500.0, {name!r}), 0)
until = time.monotonic() + 30
while not any(card.title == {name!r} and card.verdict == "fits" for card in dialog.live.meg.cards):
    assert time.monotonic() < until
    outlet.push(np.zeros((10, 4), np.float32))
    app.processEvents()
    time.sleep(0.02)
assert not heavy & set(sys.modules), heavy & set(sys.modules)
dialog.close()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", probe], check=True, env=environment, timeout=60)


def test_the_numbers_of_axial_coils_are_mnes() -> None:
    from mne.io.constants import FIFF

    from rtalign.datasets.coils import AXIAL

    names = ("AXIAL_GRAD_5CM", "MAGNES_GRAD", "CTF_GRAD", "KIT_GRAD", "BABY_GRAD", "ARTEMIS123_GRAD", "KRISS_GRAD",
             "COMPUMEDICS_ADULT_GRAD", "COMPUMEDICS_PEDIATRIC_GRAD")  # fmt: skip
    assert {int(FIFF[f"FIFFV_COIL_{name}"]) for name in names} == AXIAL
