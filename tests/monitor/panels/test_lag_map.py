"""The lag map: its colour limit and its readout."""

from __future__ import annotations

import dataclasses

import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint

from rtalign.scoring.statistics import STATISTICS
from rtalign_monitor.panels.lag_map import LagMapPanel, outline
from tests.helpers import snapshots
from tests.helpers.view_pixels import pixels, show_view


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


def test_a_cell_is_above_chance_by_the_limit_of_whole_maps_not_of_its_own_lag(qtbot: QtBot) -> None:
    """A cell between the two limits is faded, not outlined, and both limits are read out."""
    view, snapshot = LagMapPanel(), snapshots.snapshot_after(300)
    show_view(qtbot, view)
    r = np.zeros((31, 101))
    r[20, 60], r[10, 60] = 0.03, 0.05
    low, high, limit = (np.full(r.shape, value) for value in (-0.02, 0.02, 0.04))
    view.draw(dataclasses.replace(snapshot, r=r, null_lo=low, null_hi=high, map_hi=limit, peaks=()))
    for layer, verdict in ((20, "not above chance (corrected)"), (10, "above chance (corrected)")):
        view.point_layer(layer)
        view.point_lag(0.40)
        assert view.readout().split("   ")[-1] == verdict
        assert view.chance() == "chance: −0.0200 to 0.0200 at this lag (95 %), at most 0.0400 anywhere (corrected)"
    view.point_layer(None)
    view.point_lag(None)
    assert len(outline(view._above_chance(), view.field()).toSubpathPolygons()) == 4  # type: ignore[arg-type]


def test_cells_not_above_chance_are_faded_and_a_difference_is_not(qtbot: QtBot) -> None:
    """The same R on both sides of the limit has two colours; where chance has no limit, one."""
    view, snapshot = LagMapPanel(), snapshots.snapshot_after(300)
    show_view(qtbot, view)
    r = np.full((31, 101), 0.05)
    limit = np.where(np.arange(101) < 50, 0.04, 0.06) * np.ones((31, 1))
    colours = []
    for map_hi in (limit, None):
        view.draw(dataclasses.replace(snapshot, r=r, map_hi=map_hi, peaks=()))
        field, y = view.field(), round(view.rows().centre(15))
        colours.append([pixels(view)[y, round(field.left() + share * field.width())] for share in (0.4, 0.6)])
    (above, below), (unknown, other) = colours
    assert above != below
    assert unknown == other == below
    view.statistic = STATISTICS[0]
    shown = {STATISTICS[0].name: r}
    view.draw(dataclasses.replace(snapshot, statistics=shown, map_hi=limit))
    y, field = round(view.rows().centre(15)), view.field()
    assert pixels(view)[y, round(field.left() + 0.6 * field.width())] == above


def test_a_layer_pointed_at_elsewhere_is_read_out_at_its_peak(qtbot: QtBot) -> None:
    """Ladder and map then name one lag, not the peak here and the highest cell there."""
    view, snapshot = LagMapPanel(), snapshots.snapshot_after(300)
    show_view(qtbot, view)
    view.draw(snapshot)
    peak = next(peak for peak in snapshot.peaks if peak.layer == 12)
    view.point_layer(12)
    nearest = snapshots.LAGS[np.abs(snapshots.LAGS - peak.peak_s).argmin()]
    assert f"+{1000 * nearest:.0f} ms" in view.readout()


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
        assert "chance" not in view.readout()
        assert view.chance() == ""
    view.show_next_statistic()
    assert f"R {snapshot.r[20, 60]:.4f}" in view.readout()
