"""Panels with rows share them, and name the layer and the lag under the pointer."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint

from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.lag_map import LagMapPanel
from tests.helpers import snapshots
from tests.helpers.view_pixels import show_view


@pytest.mark.parametrize("n_layers", [9, 31])
def test_ladder_and_map_share_their_rows(qtbot: QtBot, n_layers: int) -> None:
    ladder, lag_map = LadderPanel(), LagMapPanel()
    show_view(qtbot, ladder)
    show_view(qtbot, lag_map, 800)
    for view in (ladder, lag_map):
        view.draw(snapshots.snapshot_after(300, n_layers))
    assert [ladder.rows().centre(i) for i in range(n_layers)] == [lag_map.rows().centre(i) for i in range(n_layers)]
    assert ladder.rows().centre(0) > ladder.rows().centre(n_layers - 1)


@pytest.mark.parametrize("kind", [LadderPanel, LagMapPanel])
def test_the_pointer_names_the_layer_and_lag_under_it(
    qtbot: QtBot, kind: type[LadderPanel] | type[LagMapPanel]
) -> None:
    view = kind()
    show_view(qtbot, view)
    view.draw(snapshots.snapshot_after(300))
    lag = 0.25
    point = QPoint(round(view.axis().to_pixel(lag)), round(view.rows().centre(7)))
    layers: list[object] = []
    lags: list[object] = []
    view.layer_pointed.connect(layers.append)
    view.lag_pointed.connect(lags.append)
    with qtbot.waitSignals([view.layer_pointed, view.lag_pointed]):
        qtbot.mouseMove(view, point)
    assert layers[0] == 7
    assert lags[0] == pytest.approx(lag, abs=0.003)
