"""The window by keyboard and for screen readers: everything has a name, can be reached, and shows the focus."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QRect, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QMenuBar,
    QScrollArea,
    QTabBar,
    QWidget,
)

from rtalign.core.records import Annotation
from rtalign_monitor.panels.panel import Panel
from tests.helpers.fake_network import FakeNetwork, show_dialog
from tests.helpers.view_pixels import grey
from tests.helpers.window import Scene

CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QMenuBar, QTabBar,
    Panel,
)  # fmt: skip
IN_OTHERS = ("qt_spinbox_lineedit",)
"""Parts of Qt's own controls, which speak for them."""


def name_of(widget: QWidget) -> str:
    """What a screen reader says first: the name that was given, the text on it, or that of its label."""
    named = widget.accessibleName() or getattr(widget, "text", str)() if not isinstance(widget, QLineEdit) else ""
    labels = [label.text() for label in widget.window().findChildren(QLabel) if label.buddy() is widget]
    return widget.accessibleName() or named or next(iter(labels), "")


def nameless(root: QWidget) -> list[str]:
    """Controls, panels and whatever takes the focus, that have no name."""
    seen = [widget for widget in root.findChildren(QWidget) if widget.isVisible()]
    takes = [w for w in seen if isinstance(w, CONTROLS) or w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    inner = [w for w in takes if w.objectName() in IN_OTHERS or isinstance(w.parent(), QComboBox | QMenu)]
    return [f"{type(w).__name__} in {type(w.parent()).__name__}" for w in takes if w not in inner and not name_of(w)]


def undescribed(root: QWidget) -> list[str]:
    """Panels and buttons that say no more than their name."""
    seen = [widget for widget in root.findChildren(QWidget) if widget.isVisible()]
    wanted = [w for w in seen if isinstance(w, Panel | QAbstractButton) and not isinstance(w.parent(), QLineEdit)]
    return [name_of(w) for w in wanted if not (w.accessibleDescription() or w.toolTip())]


def test_every_control_and_panel_has_a_name_and_a_description(scene: Scene) -> None:
    for show in (scene.live, lambda: scene.replay(annotations=(Annotation(20.0, ""),)), lambda: scene.press("W")):
        show()
        scene.window.tick()
        assert nameless(scene.window) == []
        assert undescribed(scene.window.grid) == undescribed(scene.window.transport) == []
    for key in ("Ctrl+M", "N", "?", "H"):
        scene.press(key)
        for dialog in scene.window.findChildren(QDialog):
            assert nameless(dialog) == []
            assert dialog.windowTitle()
        assert nameless(scene.window) == []


def test_a_control_without_a_name_is_found(scene: Scene) -> None:
    """The walk itself can fail."""
    line = QLineEdit(scene.window.transport)
    line.show()
    assert nameless(scene.window) == ["QLineEdit in TransportBar"]


def test_every_control_of_the_start_dialog_has_a_name(qtbot: QtBot, network: FakeNetwork) -> None:
    network.offer_signal("ctf")
    dialog = show_dialog(qtbot)
    for page in range(dialog.tabs.count()):
        dialog.tabs.setCurrentIndex(page)
        assert nameless(dialog) == []


def focus_path(scene: Scene, backwards: bool = False) -> list[str]:
    """Names of what Tab leads to, until it comes round."""
    path: list[str] = []
    modifier = Qt.KeyboardModifier.ShiftModifier if backwards else Qt.KeyboardModifier.NoModifier
    for _ in range(60):
        QTest.keyClick(scene.window.focusWidget() or scene.window, Qt.Key.Key_Tab, modifier)
        focused = QApplication.focusWidget()
        assert focused is not None
        if name_of(focused) in path:
            return path
        path.append(name_of(focused))
    raise AssertionError(f"Tab never comes round: {path}")


def test_tab_leads_through_everything_in_the_order_of_reading(scene: Scene) -> None:
    scene.replay()
    panels = ["Peak latency by layer", "Layer × lag", "Decoding over time", "MEG", "Pattern", "Words"]
    bar = ["Pause", "Speed", "Timeline of the recording", "Jump to a word", "Score: all words", "Freeze", "Reset"]
    path = focus_path(scene)
    start = path.index("rtalign")
    assert [*path[start:], *path[:start]] == ["rtalign", *bar, *panels, "Trust"]
    back = focus_path(scene, backwards=True)
    assert set(back) == set(path)


def test_the_focus_can_be_seen_wherever_it_is(scene: Scene) -> None:
    """A picture with the focus differs from that without it, at the thing that has it."""
    scene.replay()
    scene.press("W")
    body = scene.window.centralWidget()
    assert body is not None
    for _ in range(16):
        QTest.keyClick(scene.window.focusWidget() or scene.window, Qt.Key.Key_Tab)
        focused = QApplication.focusWidget()
        assert focused is not None
        with_focus = grey(focused.grab().toImage()).astype(int)
        body.setFocus()
        without = grey(focused.grab().toImage()).astype(int)
        focused.setFocus(Qt.FocusReason.TabFocusReason)
        assert np.abs(with_focus - without).max() > 40, name_of(focused)


def test_what_has_the_focus_is_the_panel_that_is_meant(scene: Scene) -> None:
    """Without a pointer: its picture can be saved, its plot zoomed, and all shown again."""
    scene.replay()
    scene.window.grid.hovered = None
    panel = scene.panel("curves")
    panel.setFocus(Qt.FocusReason.TabFocusReason)
    assert scene.window.grid.hovered == "curves"
    (low, high), _ = panel.box.viewRange()
    QTest.keyClick(panel, Qt.Key.Key_Plus)
    (near, far), _ = panel.box.viewRange()
    assert far - near == pytest.approx(0.8 * (high - low))
    assert scene.panel("map").box.viewRange()[0] == pytest.approx([near, far]), "linked as with the wheel"
    QTest.keyClick(panel, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert panel.box.viewRange()[0][0] > near
    scene.press("A")
    assert panel.box.viewRange()[0] == pytest.approx([low, high])


def test_on_a_small_screen_at_200_percent_nothing_is_cut_off(scene: Scene) -> None:
    """1366 x 768 halved: the bars are whole, and Tab brings every panel into view."""
    scene.replay()
    scene.window.resize(683, 384)
    scene.qtbot.waitUntil(lambda: scene.window.width() == 683 and scene.window.height() == 384)
    for bar in (scene.window.status, scene.window.trust):
        at = bar.mapTo(scene.window, bar.rect().topLeft())
        assert scene.window.rect().contains(QRect(at, bar.size()))
    (area,) = scene.window.findChildren(QScrollArea)
    viewport = area.viewport()
    assert viewport is not None
    for panel in scene.window.grid.panels.values():
        if panel.isVisible():
            while QApplication.focusWidget() is not panel:
                QTest.keyClick(scene.window.focusWidget() or scene.window, Qt.Key.Key_Tab)
            corner = panel.mapTo(viewport, panel.rect().topLeft())
            assert viewport.rect().intersects(QRect(corner, panel.size()))
            assert panel.width() >= panel.minimum_size.width()
            assert panel.height() >= panel.minimum_size.height()
