"""A MultiComboBox, used by mouse."""

from __future__ import annotations

from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from rtalign_monitor.widgets.controls import MultiComboBox


def open_list(qtbot: QtBot, box: MultiComboBox) -> None:
    box.showPopup()
    qtbot.waitUntil(lambda: box.view() is not None and box.view().isVisible())  # type: ignore[union-attr]


def click_label(qtbot: QtBot, box: MultiComboBox, label: str) -> None:
    """By mouse, in the open list."""
    view, model = box.view(), box.model()
    assert view is not None
    assert model is not None
    place = view.visualRect(model.index(box.findText(label), 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
