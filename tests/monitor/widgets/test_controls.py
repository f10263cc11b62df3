"""Controls: labels that are checked one by one."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from rtalign_monitor.widgets.controls import MultiComboBox
from tests.helpers.multi_box import click_label, open_list


@pytest.fixture
def multi_box(qtbot: QtBot) -> MultiComboBox:
    box = MultiComboBox("Run")
    qtbot.addWidget(box)
    box.set_labels(("01", "02", "03", "04", "05", "06"), ())
    box.show()
    return box


def test_labels_can_be_checked_by_mouse_and_by_key(qtbot: QtBot, multi_box: MultiComboBox) -> None:
    open_list(qtbot, multi_box)
    for label in ("04", "02"):
        with qtbot.waitSignal(multi_box.edited):
            click_label(qtbot, multi_box, label)
    assert multi_box.view().isVisible()  # type: ignore[union-attr]
    assert multi_box.checked == ("02", "04")
    assert multi_box.summary() == "02, 04"
    click_label(qtbot, multi_box, "04")
    assert multi_box.checked == ("02",)
    qtbot.keyClick(multi_box.view(), Qt.Key.Key_Down)
    qtbot.keyClick(multi_box.view(), Qt.Key.Key_Space)
    assert len(multi_box.checked) == 2
    click_label(qtbot, multi_box, "all")
    assert multi_box.checked == ()
    assert multi_box.summary() == "all"
    for label in multi_box.labels:
        click_label(qtbot, multi_box, label)
    assert multi_box.summary() == "all", "every one of them is all"
    qtbot.keyClick(multi_box.view(), Qt.Key.Key_Return)
    assert not multi_box.view().isVisible()  # type: ignore[union-attr]


def test_checked_labels_have_a_click_label(qtbot: QtBot, multi_box: MultiComboBox) -> None:
    multi_box.set_labels(multi_box.labels, ("02", "03"))
    open_list(qtbot, multi_box)
    view, model = multi_box.view(), multi_box.model()
    assert view is not None
    assert model is not None
    image, accent = view.viewport().grab().toImage(), multi_box.theme.colour("accent")  # type: ignore[union-attr]
    filled = []
    for row in range(multi_box.count()):
        box = view.visualRect(model.index(row, 0))
        around = [image.pixelColor(x, box.center().y() + 5) for x in range(box.left() + 8, box.left() + 24)]
        filled.append(sum(colour == accent for colour in around) > 8)
    assert [multi_box.itemText(row) for row, on in enumerate(filled) if on] == ["02", "03"]


def test_a_closed_list_shows_what_is_checked(qtbot: QtBot, multi_box: MultiComboBox) -> None:
    multi_box.set_labels(multi_box.labels, ("01", "02", "03", "04", "05"))
    assert multi_box.summary() == "5 of 6"
    assert multi_box.toolTip() == "01, 02, 03, 04, 05"
    multi_box.setFocus()
    qtbot.keyClicks(multi_box, "03")
    assert multi_box.checked == ("03",)
