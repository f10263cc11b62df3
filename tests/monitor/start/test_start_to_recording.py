"""From two streams to a recording, through the start dialog and the window, by keyboard alone and by mouse alone.

There are two pairs of streams; the second is not chosen by itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QToolButton, QWidget

from rtalign.core.session import Session
from rtalign.engine.commands import Record
from rtalign_monitor.start.dialog import StartDialog
from rtalign_monitor.widgets.cards import CardList
from tests.helpers.fake_network import FakeNetwork, card_of, click_card, wait_for_status
from tests.helpers.window import Scene


@pytest.fixture
def stage(scene: Scene, network: FakeNetwork, bank: Path) -> Scene:
    """The window of an operator who has used one pair of streams before; now there is another pair too."""
    for name in ("one-meg", "two-meg"):
        network.offer_signal(name)
    for name in ("one-words", "two-words"):
        network.offer_words(name)
    scene.window.memory.recent = [Session(bank=bank, model="smollm2", meg="one-meg", words="one-words")]
    scene.window.tick()
    return scene


def shown_dialog(scene: Scene) -> StartDialog:
    dialog = next(dialog for dialog in scene.window.findChildren(StartDialog) if dialog.isVisible())
    wait_for_status(scene.qtbot, dialog, "Ready")
    assert (dialog.session().meg, dialog.session().words) == ("one-meg", "one-words")
    return dialog


def press(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """A key wherever the focus is."""
    target = QApplication.focusWidget()
    assert target is not None
    QTest.keyClick(target, key, modifier)


def choose_by_arrows(cards: CardList, letter: Qt.Key, title: str) -> None:
    """Alt and a letter to a list of streams, arrows to the stream."""
    press(letter, Qt.KeyboardModifier.AltModifier)
    assert QApplication.focusWidget() is cards
    press(Qt.Key.Key_Home)
    for _ in cards.cards:
        if cards.key == card_of(cards, title).key:
            return
        press(Qt.Key.Key_Down)
    raise AssertionError(f"no arrow leads to {title}")


def click(scene: Scene, widget: QWidget) -> None:
    scene.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def check_session(scene: Scene, dialog: StartDialog) -> None:
    """It runs with the second pair."""
    assert not dialog.isVisible()
    scene.window.tick()
    assert (scene.engine.session.meg, scene.engine.session.words) == ("two-meg", "two-words")
    scene.send(recording=None)
    assert scene.window.action_registry["record"].isEnabled()


def check_recording(scene: Scene) -> None:
    """It was asked for, and is shown when it runs."""
    assert isinstance(scene.last_command, Record)
    assert scene.last_command.folder is not None
    scene.send()
    button = next(b for b in scene.window.transport.findChildren(QToolButton) if b.text() == "Recording")
    assert button.isChecked()


def test_by_keyboard_alone(stage: Scene) -> None:
    stage.press("Ctrl+N")
    dialog = shown_dialog(stage)
    choose_by_arrows(dialog.live.meg, Qt.Key.Key_E, "two-meg")
    choose_by_arrows(dialog.live.words, Qt.Key.Key_W, "two-words")
    wait_for_status(stage.qtbot, dialog, "Ready")
    press(Qt.Key.Key_Return)
    check_session(stage, dialog)
    stage.window.activateWindow()  # as a window manager does, which is lacking here
    stage.qtbot.waitUntil(stage.window.isActiveWindow)
    stage.press("R")
    check_recording(stage)


def test_by_mouse_alone(stage: Scene) -> None:
    stage.click("Start…")
    dialog = shown_dialog(stage)
    click_card(stage.qtbot, dialog.live.meg, "two-meg")
    click_card(stage.qtbot, dialog.live.words, "two-words")
    wait_for_status(stage.qtbot, dialog, "Ready")
    click(stage, dialog.start)
    check_session(stage, dialog)
    (record,) = (b for b in stage.window.transport.findChildren(QToolButton) if b.text() == "Record")
    click(stage, record)
    check_recording(stage)
