"""The dialog "What else could this be?" says what the report says, of a session and of its bank."""

from __future__ import annotations

import dataclasses
from html import unescape
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from rtalign.engine.snapshot import Snapshot
from rtalign.report.page import write_page
from rtalign.report.read import read_results
from rtalign.scoring.findings import TWIN, UNIQUE
from rtalign.scoring.outlook import Outlook
from rtalign_monitor.actions.rivals import BANK, SESSION, RivalsDialog
from rtalign_monitor.panels.rivals import bank_page
from tests.helpers import snapshots
from tests.helpers.report_folders import make_controlled_folder, make_folder
from tests.helpers.window import Scene


@pytest.fixture
def scene(qtbot: QtBot, tmp_path: Path) -> Scene:
    return Scene(qtbot, tmp_path)


def show(scene: Scene, snapshot: Snapshot, tab: int = SESSION) -> RivalsDialog:
    if not scene.engines:
        scene.live()
    scene.engine.newest = snapshot
    scene.window.tick()
    scene.window.action_registry["rivals"].trigger()
    dialog = scene.window.rivals.dialog
    assert dialog is not None
    dialog.tabs.setCurrentIndex(tab)
    return dialog


def text(dialog: RivalsDialog) -> str:
    return " ".join(dialog.text.toPlainText().replace("\u00a0", " ").split())


def test_a_session_without_controls_says_what_was_not_controlled(scene: Scene) -> None:
    shown = text(show(scene, snapshots.snapshot_after(1000)))
    assert shown.startswith("Not controlled: timing and length of words; static vectors")
    assert shown.count("not tested") == 3
    assert "To test it: a bank that was trained with --controls nuisances." in shown
    assert "The controls leave it standing" not in shown


def test_a_session_with_controls_says_what_they_leave(scene: Scene) -> None:
    controlled = snapshots.with_controls(snapshots.snapshot_after(3000), twin=True)
    shown = text(show(scene, controlled))
    assert shown.startswith("The controls leave it standing: 30 of 30 layers with a peak keep one; deeper layers ")
    assert "Not controlled: the sound itself (its envelope);" in shown
    assert "Taken out of signal and targets (135 columns): the intervals between words, " in shown
    assert "It carries 20 % of R at the peaks; alone it shows no order of depth." in shown
    lost = dataclasses.replace(controlled.controls[UNIQUE], peaks=controlled.controls[TWIN].peaks, temporal=None)
    gone = dataclasses.replace(controlled, sequence=9999, controls=controlled.controls | {UNIQUE: lost})
    assert "It could be something else: timing, word form and static neighbours (0 of 30 " in text(show(scene, gone))


def test_a_control_that_waits_for_words_is_not_said_to_be_missing(scene: Scene) -> None:
    waiting = snapshots.with_controls(snapshots.snapshot_after(300))
    none_yet = dataclasses.replace(waiting.controls[TWIN])
    shown = text(show(scene, dataclasses.replace(waiting, controls=dict.fromkeys((UNIQUE, TWIN), none_yet))))
    assert "This session tests it: 300 words so far; 300 nuisances need 900." in shown
    assert "Not controlled: timing and length of words" in shown


def test_before_there_is_a_result_nothing_is_said_to_explain_it(scene: Scene) -> None:
    shown = text(show(scene, snapshots.snapshot_after(20)))
    assert "nothing to explain yet" in shown
    assert "does not explain it" not in shown
    assert "Not known: 20 of the 100 words that tell a curve from chance." in shown


def test_the_minutes_that_are_needed_come_from_the_session(scene: Scene) -> None:
    """At 2.5 words a second 1,000 words take 6.7 minutes."""
    needs = snapshots.snapshot_after(1000, outlook=Outlook(2, 4.0, 2.0, None))
    assert "about 20 more minutes of the same kind (95 % interval 7 or more)" in text(show(scene, needs))
    newest = text(show(scene, dataclasses.replace(needs, sequence=9999, n_words=300)))
    assert "The newest 300 of 1,000 words of this session." in newest
    assert "about 6 more minutes" in newest


def test_evidence_that_is_none_is_said_first(scene: Scene) -> None:
    shown = text(show(scene, snapshots.snapshot_after(1000, training_overlap="the bank was trained on run 1")))
    assert shown.startswith("No evidence: the bank was trained on run 1.")


def test_a_bank_is_said_to_be_what_its_report_says(scene: Scene, tmp_path: Path) -> None:
    folder = make_controlled_folder(tmp_path / "bank")
    shown = text(show(scene, snapshots.snapshot_after(300, bank=str(folder)), BANK))
    report = unescape(write_page(folder).read_text()).replace("\u00a0", " ")
    said = bank_page(read_results(folder))
    parts = [said.claim, said.not_controlled, said.outlook]
    parts += [part for one in said.explanations for part in (one.name, one.done, one.left)]
    assert len(parts) > 15
    for part in (part.replace("\u00a0", " ") for part in parts):
        assert part[1:] in shown
        assert part in report
    assert "about 28 more minutes" in shown


@pytest.mark.parametrize("controlled", [False, True])
def test_a_bank_without_results_or_controls_is_said_to_be_one(scene: Scene, tmp_path: Path, controlled: bool) -> None:
    folder = make_folder(tmp_path / "bank", whole=False) if controlled else tmp_path / "none"
    shown = text(show(scene, snapshots.snapshot_after(300, bank=str(folder)), BANK))
    assert ("To test it: rtalign train --controls nuisances." in shown) == controlled
    assert ("The results of the bank cannot be read" in shown) != controlled


def test_it_follows_the_session_but_not_under_a_selection(scene: Scene) -> None:
    dialog = show(scene, snapshots.snapshot_after(1000))
    scene.send(n=1100)
    assert "1,100 words of this session" in text(dialog)
    dialog.text.selectAll()
    scene.send(n=1200)
    assert "1,100 words of this session" in text(dialog)
    scene.window.set_theme("light")
    assert "1,200 words of this session" in text(dialog)
    scene.window.close_now()
    assert not dialog.isVisible()
