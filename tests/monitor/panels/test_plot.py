"""Plots zoom, pan and share axes, keep what they say true while zoomed, and have a menu."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.panels.curves import CurvesPanel
from rtalign_monitor.panels.grid import Grid
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.lag_map import LagMapPanel
from rtalign_monitor.panels.plot import PlotPanel
from rtalign_monitor.panels.traces import TracesPanel
from tests.helpers import snapshots
from tests.helpers.view_pixels import head_with_bank, pixels, show_view

KINDS: list[type[PlotPanel]] = [LadderPanel, LagMapPanel, CurvesPanel, TracesPanel]


def wheel(panel: PlotPanel, at: QPointF, steps: int = 4) -> None:
    """Turn the wheel over a point of the panel."""
    from qtpy.QtCore import QPoint
    from qtpy.QtGui import QWheelEvent

    viewport = panel.view.viewport()
    position = at - QPointF(panel.view.pos())
    event = QWheelEvent(
        position, viewport.mapToGlobal(position), QPoint(), QPoint(0, 120 * steps), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


@pytest.fixture
def grid(qtbot: QtBot) -> Grid:
    grid = Grid()
    qtbot.addWidget(grid)
    grid.resize(1248, 620)
    grid.arrange("operator", WindowMemory())
    grid.show()
    grid.draw(snapshots.snapshot_after(300))
    return grid


@pytest.mark.parametrize("kind", KINDS)
def test_the_wheel_zooms_and_a_double_click_shows_all_again(qtbot: QtBot, kind: type[PlotPanel]) -> None:
    panel = kind()
    show_view(qtbot, panel)
    panel.draw(snapshots.snapshot_after(300))
    whole, picture = panel.box.viewRange(), pixels(panel)
    centre = panel.field().center()
    wheel(panel, centre)
    (left, right), (low, high) = panel.box.viewRange()
    assert right - left < 0.9 * (whole[0][1] - whole[0][0])
    assert high - low < 0.9 * (whole[1][1] - whole[1][0])
    assert (pixels(panel) != picture).any()
    assert panel.zoom_note()
    panel.draw(snapshots.snapshot_after(301))
    assert panel.box.viewRange()[0] == pytest.approx([left, right])
    at = (centre - QPointF(panel.view.pos())).toPoint()
    QTest.mouseDClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseRelease(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=at)  # as a mouse does, and QTest does not
    assert panel.follows
    assert panel.box.viewRange()[0] == pytest.approx(whole[0], abs=0.2)


def test_ladder_and_map_share_layers_and_map_and_curves_share_lags(grid: Grid) -> None:
    ladder, lag_map, curves = grid.panel(LadderPanel), grid.panel(LagMapPanel), grid.panel(CurvesPanel)
    before = ladder.box.viewRange()[0]
    wheel(lag_map, lag_map.field().center())
    assert ladder.box.viewRange()[1] == lag_map.box.viewRange()[1]
    assert curves.box.viewRange()[0] == lag_map.box.viewRange()[0]
    assert ladder.box.viewRange()[0] == before
    assert [ladder.rows().centre(i) for i in range(31)] == [lag_map.rows().centre(i) for i in range(31)]
    grid.view_all()
    assert all(panel.follows for panel in (ladder, lag_map, curves))
    assert ladder.box.viewRange()[1] == [-0.5, 30.5]


def test_the_pointer_names_the_same_cell_when_zoomed(grid: Grid) -> None:
    lag_map = grid.panel(LagMapPanel)
    wheel(lag_map, lag_map.field().center(), 6)
    snapshot = lag_map.snapshot
    assert snapshot is not None
    assert snapshot.r is not None
    layer = lag_map.rows().layer_at(lag_map.field().center().y())
    assert layer is not None
    at = QPointF(lag_map.axis().to_pixel(0.31), lag_map.rows().centre(layer))
    lag_map.point_at(at)
    col = int(np.argmin(np.abs(snapshots.LAGS - 0.31)))
    assert f"layer {layer} " in lag_map.readout()
    assert f"{snapshot.r[layer, col]:.4f}".replace("-", "−") in lag_map.readout()


def test_the_map_has_each_cell_at_its_layer_and_lag_when_zoomed(grid: Grid) -> None:
    """Independent of the painting: the colour in the middle of two cells, against the palette."""
    import dataclasses

    lag_map = grid.panel(LagMapPanel)
    r = np.zeros((31, 101))
    r[20, 60] = 1.0
    lag_map.draw(dataclasses.replace(snapshots.snapshot_after(300), r=r, map_hi=np.full(r.shape, -1.0), peaks=()))
    lag_map.box.setRange(xRange=(0.2, 0.6), yRange=(10, 28), padding=0)
    picture = pixels(lag_map)
    lit, dark = (
        picture[round(lag_map.rows().centre(row)), round(lag_map.axis().to_pixel(snapshots.LAGS[col]))]
        for row, col in ((20, 60), (20, 63))
    )
    brightness = [sum((int(colour) >> shift) & 255 for shift in (0, 8, 16)) for colour in (lit, dark)]
    assert brightness[0] > 2 * brightness[1]


def test_a_head_stays_round_when_zoomed(qtbot: QtBot) -> None:
    """A pattern that is stretched would be another pattern."""
    panel = head_with_bank(qtbot)
    panel.draw(snapshots.snapshot_after(300))
    for steps in (0, 3, -6):
        wheel(panel, panel.field().center(), steps)
        (left, right), (low, high) = panel.box.viewRange()
        field = panel.field()
        assert (right - left) / field.width() == pytest.approx((high - low) / field.height(), rel=0.01)


@pytest.mark.parametrize(
    ("kind", "first", "n_rows"),
    [(LadderPanel, "layer", 31), (LagMapPanel, "layer", 31 * 101), (CurvesPanel, "layer", 31 * 101),
     (TracesPanel, "time_s", 600)],
)  # fmt: skip
def test_the_menu_copies_the_data_as_a_table(qtbot: QtBot, kind: type[PlotPanel], first: str, n_rows: int) -> None:
    panel = kind()
    show_view(qtbot, panel)
    assert "Copy data" not in panel.menu_entries()
    panel.draw(snapshots.snapshot_after(300))
    labels = [action.text() for action in panel.make_menu().actions()]
    assert labels[:2] == ["View all", "Copy data"]
    panel.menu_entries()["Copy data"]()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    lines = clipboard.text().splitlines()
    assert lines[0].split("\t")[0] == first
    assert len(lines) == n_rows + 1
