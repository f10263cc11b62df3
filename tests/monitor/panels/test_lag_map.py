"""The lag map: its colour limit and its readout."""

from __future__ import annotations

import dataclasses

from PyQt6.QtCore import QPoint
from pytestqt.qtbot import QtBot

from rtalign.scoring.statistics import STATISTICS
from rtalign_monitor.panels.lag_map import LagMapPanel
from tests.helpers import snapshots
from tests.helpers.view_pixels import show_view


def test_frozen_colours_stand_still(qtbot: QtBot) -> None:
    view = LagMapPanel()
    show_view(qtbot, view)
    snapshot = snapshots.snapshot_after(300)
    assert snapshot.r is not None
    view.draw(snapshot)
    limit = view.limit
    view.freeze(True)
    view.draw(dataclasses.replace(snapshot, r=snapshot.r * 5))
    assert view.limit == limit
    view.freeze(False)
    view.draw(dataclasses.replace(snapshot, r=snapshot.r * 5))
    assert limit < view.limit


def test_the_map_reads_out_the_cell_under_the_crosshair(qtbot: QtBot) -> None:
    view, snapshot = LagMapPanel(), snapshots.snapshot_after(300)
    show_view(qtbot, view)
    view.draw(snapshot)
    assert snapshot.r is not None
    qtbot.mouseMove(view, QPoint(round(view.axis().to_pixel(0.40)), round(view.rows().centre(20))))
    assert "layer 20" in view.readout()
    assert f"{snapshot.r[20, 60]:.4f}" in view.readout()


def test_a_statistic_is_shown_in_place_of_r_and_back(qtbot: QtBot) -> None:
    view, snapshot = LagMapPanel(), snapshots.snapshot_after(300)
    show_view(qtbot, view)
    assert snapshot.r is not None
    shown = {statistic.name: snapshot.r**2 + k for k, statistic in enumerate(STATISTICS)}
    view.draw(dataclasses.replace(snapshot, statistics=shown))
    view.point_layer(20)
    view.point_lag(0.40)
    for statistic in STATISTICS:
        view.show_next_statistic()
        assert f"{statistic.title.lower()} {shown[statistic.name][20, 60]:.4f}" in view.readout()
        assert "null" not in view.readout()
    view.show_next_statistic()
    assert f"r {snapshot.r[20, 60]:.4f}" in view.readout()
