"""The start dialog remembers what was, reads session files, and can be used by keyboard alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QCheckBox, QLabel, QLineEdit, QPushButton, QTabBar, QWidget

from rtalign.core.session import Session
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import dialog as start
from rtalign_monitor.start.dialog import LIVE, RECENT, RECORDING, StartDialog
from rtalign_monitor.start.sessions import save_session
from rtalign_monitor.widgets.cards import CardList
from rtalign_monitor.widgets.theme import THEMES
from tests.helpers import bank_folders
from tests.helpers.fake_network import FakeNetwork, press, show_dialog, unique_name, wait_for_status, wait_until_ready
from tests.helpers.paths import PYTHONPATH


def test_everything_is_as_it_was_last_time(qtbot: QtBot, network: FakeNetwork, bank: Path, tmp_path: Path) -> None:
    network.offer_signal("other")
    network.offer_signal("ctf")
    network.offer_words("story")
    was = Session(bank=bank, meg="ctf", words="story", record=tmp_path / "kept", publish=True, audio_delay_s=0.012,
                  adapt=True, device="cuda")  # fmt: skip
    memory = WindowMemory()
    memory.add_recent(was)
    dialog = show_dialog(qtbot, memory)
    wait_for_status(qtbot, dialog, "Ready")
    assert dialog.session() == was


def test_a_trigger_channel_is_remembered(qtbot: QtBot, network: FakeNetwork, bank: Path, tmp_path: Path) -> None:
    network.others = ("STI101",)
    network.offer_signal("ctf")
    table = tmp_path / "codes.tsv"
    table.write_text("code\tword\n1\tonce\n")
    was = Session(bank=bank, meg="ctf", trigger="STI101", word_table=table)
    dialog = show_dialog(qtbot, WindowMemory(recent=[was], banks=[bank]))
    wait_for_status(qtbot, dialog, "Ready")
    assert dialog.session() == was


def test_a_session_file_fills_the_form_or_gives_the_reason(
    qtbot: QtBot, network: FakeNetwork, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.offer_signal("ctf")
    network.offer_words("story")
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    save_session(Session(bank=bank, meg="ctf", words="story", allow_missing=False, publish=True), good)
    bad.write_text("bank = 3\n")
    asked = iter([bad, good])
    monkeypatch.setattr(start, "choose_path", lambda *_, **__: next(asked))
    dialog = show_dialog(qtbot)
    qtbot.mouseClick(dialog.file, Qt.MouseButton.LeftButton)
    assert "session, bank" in dialog.file_note.text()
    qtbot.mouseClick(dialog.file, Qt.MouseButton.LeftButton)
    assert dialog.file_note.text() == "From good.toml"
    wait_for_status(qtbot, dialog, "Ready")
    assert dialog.session() == Session.load(good)


def test_the_demo_is_one_key_away(qtbot: QtBot, network: FakeNetwork) -> None:
    dialog = show_dialog(qtbot)
    with qtbot.waitSignal(dialog.demo_requested):
        press(qtbot, Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
    assert not dialog.isVisible()


def letters(dialog: StartDialog) -> list[str]:
    """Every letter that Alt leads somewhere with, on the page that is show_dialog."""
    texts = [dialog.tabs.tabText(i) for i in range(dialog.tabs.count())]
    for kind in (QLabel, QPushButton, QCheckBox):
        texts += [one.text() for one in dialog.findChildren(kind) if not one.isHidden() and one.isVisibleTo(dialog)]
    return [found[1].lower() for text in texts if (found := re.search(r"&(\w)", text))]


@pytest.mark.parametrize("page", [LIVE, RECORDING, RECENT])
def test_every_letter_means_one_thing(qtbot: QtBot, network: FakeNetwork, bank: Path, page: int) -> None:
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    dialog.live.encoding.setCurrentIndex(dialog.live.encoding.findData("trigger"))
    dialog.bank.offer_to_ignore_missing(True)
    dialog.tabs.setCurrentIndex(page)
    for box, label in zip(dialog.recording.filters.values(), dialog.recording._filter_labels.values(), strict=True):
        box.show()
        label.show()
    dialog.bank.ignore_missing.show()
    found = letters(dialog)
    assert len(found) == len(set(found)), sorted(found)


@pytest.mark.parametrize("page", [LIVE, RECORDING, RECENT])
def test_tab_visits_everything_in_the_order_of_reading(qtbot: QtBot, network: FakeNetwork, page: int) -> None:
    memory = WindowMemory(recent=[Session(adapt=True, meg="ctf")])
    network.offer_signal("ctf")
    dialog = show_dialog(qtbot, memory)
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
    inside = {box.lineEdit() for box in (dialog.bank.model, dialog.live.trigger, dialog.live.head, dialog.live.delay)}
    assert wanted - inside <= set(visited)
    tops = [one.mapTo(dialog, one.rect().topLeft()).y() // 40 for one in visited]
    assert tops == sorted(tops)


def test_letters_lead_to_their_fields(qtbot: QtBot, network: FakeNetwork) -> None:
    dialog = show_dialog(qtbot)
    dialog.tabs.setFocus()
    for key, field_ in ((Qt.Key.Key_B, dialog.bank.bank), (Qt.Key.Key_W, dialog.live.words),
                        (Qt.Key.Key_E, dialog.live.meg), (Qt.Key.Key_I, dialog.live.encoding)):  # fmt: skip
        press(qtbot, key, Qt.KeyboardModifier.AltModifier)
        assert field_.hasFocus()


def test_escape_chooses_nothing(qtbot: QtBot, network: FakeNetwork, bank: Path) -> None:
    network.offer_signal("ctf")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]))
    wait_until_ready(qtbot, dialog)
    with qtbot.assertNotEmitted(dialog.session_chosen):
        press(qtbot, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_a_state_has_a_shape_and_a_word_beside_its_colour(
    qtbot: QtBot, network: FakeNetwork, theme: str, bank: Path
) -> None:
    network.offer_signal("ctf")
    dialog = show_dialog(qtbot, WindowMemory(banks=[bank]), theme)
    wait_until_ready(qtbot, dialog)
    qtbot.waitUntil(lambda: dialog.live.meg.cards[0].accessible_text.startswith("ctf, flowing, "))
    (entry,) = dialog.live.meg.cards
    assert entry.accessible_text.endswith("fits the bank")
    item = dialog.live.meg.item(0)
    assert item is not None
    assert item.data(Qt.ItemDataRole.AccessibleTextRole) == entry.accessible_text


def test_the_windows_process_stays_light(tmp_path: Path) -> None:
    """Nothing heavy is loaded, neither at once nor when a stream is opened; LSL is loaded after the first paint."""
    name, bank = unique_name("light"), bank_folders.write(tmp_path / "bank", bank_folders.helmet(4))
    probe = f"""
import sys, time
from pathlib import Path
from qtpy.QtWidgets import QApplication
app = QApplication([])
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.dialog import StartDialog
from rtalign_monitor.widgets.theme import Theme
heavy = {{"torch", "mne", "scipy", "transformers", "sklearn", "matplotlib"}}
dialog = StartDialog(WindowMemory(banks=[Path({str(bank)!r})]), Theme.of("dark"))
dialog.show()
assert not (heavy | {{"pylsl"}}) & set(sys.modules)
from rtalign.streams import lsl
import numpy as np
trees = [{{"label": f"MLC{{i + 11}}", "type": "mag", "unit": "T", "coil_type": "5001"}} for i in range(4)]
outlet = lsl.LabelledOutlet.__new__(lsl.LabelledOutlet)
lsl._Outlet.__init__(outlet, lsl._described({name!r}, "MEG", trees, 500.0, {name!r}))
until = time.monotonic() + 30
while not any(card.title == {name!r} and card.verdict == "fits" for card in dialog.live.meg.cards):
    assert time.monotonic() < until
    outlet.push(np.zeros((10, 4), np.float32))
    app.processEvents()
    time.sleep(0.02)
assert not heavy & set(sys.modules), heavy & set(sys.modules)
dialog.close()
"""
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH}
    subprocess.run([sys.executable, "-c", probe], check=True, env=environment, timeout=60)
