"""The start dialog explains and hands over, by mouse and by keyboard, and remembers what was."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QApplication, QCheckBox, QLabel, QLineEdit, QPushButton, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from rtalign.core.recipe import ChainRecipe, Recipe
from rtalign.core.session import Session
from rtalign.signal.chain import ChainDesign
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import bank_fit
from rtalign_monitor.start import dialog as start
from rtalign_monitor.start.dialog import LIVE, RECENT, RECORDING, StartDialog
from rtalign_monitor.start.sessions import save
from rtalign_monitor.widgets.cards import CardList
from rtalign_monitor.widgets.theme import THEMES
from tests.helpers import bank_folders
from tests.helpers.fake_network import Network, card, named, press, ready, says, shown
from tests.helpers.paths import PYTHONPATH

# Banks


def test_a_passport_says_all_that_is_needed_to_choose(bank: Path) -> None:
    line = bank_fit.passport(bank_fit.read(bank))
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
    assert "best R" not in bank_fit.passport(bank_fit.read(bank))


@pytest.mark.parametrize("sfreq", [40.0, 50.0, 75.0, 99.9, 100.0, 101.0, 160.0, 250.0, 600.0, 1200.0])
@pytest.mark.parametrize("least", [50.0, 100.0, 200.0])
@pytest.mark.parametrize("edge", [10.0, 20.0, 40.0])
def test_a_rate_is_too_low_exactly_where_the_signal_chain_refuses_it(sfreq: float, least: float, edge: float) -> None:
    recipe = ChainRecipe(min_rate_hz=least, lowpass_hz=edge)
    try:
        ChainDesign(recipe, sfreq)
        refused = False
    except ValueError:
        refused = True
    assert bool(bank_fit.too_slow(recipe, sfreq)) == refused


def test_differences_are_told_in_words(bank: Path) -> None:
    made = bank_fit.read(bank)
    assert bank_fit.misfits(made, bank_folders.helmet(4), 1200.0) == []
    assert bank_fit.misfits(made, bank_folders.helmet(9), 1200.0) == []
    assert bank_fit.misfits(made, bank_folders.helmet(3), 1200.0) == ["the bank expects 4 sensors; MLC14 is not there"]
    (other,) = bank_fit.misfits(made, bank_folders.helmet(4, "mag"), 1200.0)
    assert other == "MLC11 is mag here and axial in the bank"
    (slow,) = bank_fit.misfits(made, bank_folders.helmet(4), 60.0)
    assert "100 Hz or more; this comes at 60 Hz" in slow


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
    four = bank_folders.helmet(4)
    zero = bank_folders.write(tmp_path / "zero", four, Recipe().with_settings("chain", phase="zero"))
    foreign = bank_folders.write(tmp_path / "foreign", four, model="no-such-model")
    dialog = shown(qtbot, WindowMemory(banks=[zero, foreign, tmp_path / "gone"]))
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
    monkeypatch.setattr("rtalign_monitor.start.bank_box.ask_for", lambda *_, **__: bank)
    dialog = shown(qtbot)
    qtbot.mouseClick(dialog.bank.browse, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "2 of 31 layers" in dialog.bank.passport.text())
    assert dialog.session().bank == bank


# What was, and what can be loaded


def test_recent_sessions_begin_again_and_what_is_gone_says_so(
    qtbot: QtBot, network: Network, bank: Path, tmp_path: Path
) -> None:
    gone = Session(bank=bank, recording=tmp_path / "deleted", subject="02")
    live = Session(bank=bank, meg="ctf", words="story", record=tmp_path, chunk_s=0.5)
    memory = WindowMemory(recent=[gone, live], banks=[bank])
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
    memory = WindowMemory(recent=[gone, live], banks=[bank])
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
    memory = WindowMemory()
    memory.add_recent(was)
    dialog = shown(qtbot, memory)
    says(qtbot, dialog, "Ready")
    assert dialog.session() == was


def test_a_trigger_channel_is_remembered(qtbot: QtBot, network: Network, bank: Path, tmp_path: Path) -> None:
    network.others = ("STI101",)
    network.offer("ctf")
    table = tmp_path / "codes.tsv"
    table.write_text("code\tword\n1\tonce\n")
    was = Session(bank=bank, meg="ctf", trigger="STI101", word_table=table)
    dialog = shown(qtbot, WindowMemory(recent=[was], banks=[bank]))
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
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
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
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
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
    memory = WindowMemory(recent=[Session(adapt=True, meg="ctf")])
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
    dialog = shown(qtbot, WindowMemory(banks=[bank]))
    ready(qtbot, dialog)
    with qtbot.assertNotEmitted(dialog.chosen):
        press(qtbot, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_a_state_has_a_shape_and_a_word_beside_its_colour(
    qtbot: QtBot, network: Network, theme: str, bank: Path
) -> None:
    network.offer("ctf")
    dialog = shown(qtbot, WindowMemory(banks=[bank]), theme)
    ready(qtbot, dialog)
    (seen,) = dialog.live.meg.cards
    assert seen.spoken.startswith("ctf, flowing, ")
    assert seen.spoken.endswith("fits the bank")
    item = dialog.live.meg.item(0)
    assert item is not None
    assert item.data(Qt.ItemDataRole.AccessibleTextRole) == seen.spoken


def test_the_windows_process_stays_light(tmp_path: Path) -> None:
    """Nothing heavy is loaded, neither at once nor when a stream is opened; LSL is loaded after the first paint."""
    name, bank = named("light"), bank_folders.write(tmp_path / "bank", bank_folders.helmet(4))
    probe = f"""
import sys, time
from pathlib import Path
from PyQt6.QtWidgets import QApplication
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


def test_the_numbers_of_axial_coils_are_mnes() -> None:
    from mne.io.constants import FIFF

    from rtalign.core.records import AXIAL_COILS

    names = ("AXIAL_GRAD_5CM", "MAGNES_GRAD", "CTF_GRAD", "KIT_GRAD", "BABY_GRAD", "ARTEMIS123_GRAD", "KRISS_GRAD",
             "COMPUMEDICS_ADULT_GRAD", "COMPUMEDICS_PEDIATRIC_GRAD")  # fmt: skip
    assert {int(FIFF[f"FIFFV_COIL_{name}"]) for name in names} == AXIAL_COILS
