"""A second bank in the panels that show it beside the first: ladder and map."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint

from rtalign_monitor.engines.two_banks import SecondBank, peak_differences
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.lag_map import LagMapPanel
from tests.helpers import snapshots
from tests.helpers.snapshots import two_snapshots
from tests.helpers.view_pixels import pixels


@pytest.mark.parametrize("kind", [LadderPanel, LagMapPanel])
def test_a_second_bank_is_drawn_and_removed(qtbot: QtBot, kind: type[LadderPanel] | type[LagMapPanel]) -> None:
    view, (a, b) = kind(), two_snapshots()
    qtbot.addWidget(view)
    view.resize(640, 420)
    view.draw(a)
    alone = pixels(view)
    view.set_second_bank(SecondBank(b, ("one", "two")))
    assert (pixels(view) != alone).any()
    view.set_second_bank(None)
    np.testing.assert_array_equal(pixels(view), alone)


def test_an_unchanged_second_bank_is_not_repainted(qtbot: QtBot) -> None:
    for view in (LadderPanel(), LagMapPanel()):
        qtbot.addWidget(view)
        view.draw(snapshots.snapshot_after(300))
        for _ in range(2):
            view.set_second_bank(SecondBank(snapshots.snapshot_after(300, seed=1), ("one", "two")))
        pixels(view)
        plate = view._content
        view.set_second_bank(SecondBank(snapshots.snapshot_after(300, seed=1), ("one", "two")))
        assert view._content is plate


def test_the_map_shows_a_then_b_then_the_difference(qtbot: QtBot) -> None:
    view, (a, b) = LagMapPanel(), two_snapshots()
    qtbot.addWidget(view)
    view.draw(a)
    view.show_next()
    assert view.shows == "A"
    view.set_second_bank(SecondBank(b, ("one", "two")))
    for wanted, r in (("B", b.r), ("A − B", a.r - b.r), ("A", a.r)):  # type: ignore[operator]
        view.show_next()
        assert view.shows == wanted
        assert view.snapshot is not None
        assert np.array_equal(view.snapshot.r, r)  # type: ignore[arg-type]
    view.show_next()
    view.show_next()
    assert view.signed
    view.set_second_bank(None)
    assert view.shows == "A"
    assert not view.signed


def test_both_banks_are_shown_in_one_scale(qtbot: QtBot) -> None:
    view, (a, b) = LagMapPanel(), two_snapshots()
    qtbot.addWidget(view)
    view.draw(a)
    assert b.r is not None
    stronger = dataclasses.replace(b, r=3 * b.r)
    view.set_second_bank(SecondBank(stronger, ("one", "two")))
    limits = [view.limit]
    view.show_next()
    limits.append(view.limit)
    assert limits[0] == limits[1] == pytest.approx(3 * b.r.max())


def test_the_tooltip_has_both_peaks(qtbot: QtBot) -> None:
    view, (a, b) = LadderPanel(), two_snapshots()
    qtbot.addWidget(view)
    view.resize(640, 420)
    view.show()
    view.draw(a)
    view.set_second_bank(SecondBank(b, ("one", "two")))
    qtbot.mouseMove(view, QPoint(300, round(view.rows().centre(20))))
    assert "B: peak at" in view.toolTip()
    assert "A − B" in view.toolTip()


def test_every_difference_is_drawn_with_its_interval_on_one_axis(qtbot: QtBot) -> None:
    """Differences lie within the strip, right of the field; what is sure is drawn in the colour of text."""
    view, (a, b) = LadderPanel(), two_snapshots()
    qtbot.addWidget(view)
    view.resize(700, 420)
    later = [
        dataclasses.replace(p, peak_s=p.peak_s + 0.2, ci_s=None) if p.layer < 9 and p.peak_s else p for p in b.peaks
    ]
    moved = [dataclasses.replace(p, ci_s=(p.peak_s - 0.05, p.peak_s + 0.05)) if p.peak_s else p for p in later]
    b = dataclasses.replace(b, peaks=tuple(moved))
    view.draw(a)
    view.set_second_bank(SecondBank(b, ("one", "two")))
    differences = peak_differences(a.peaks, b.peaks)
    axis = view._difference_axis(differences)
    assert view.field().right() < axis.start < axis.stop < view.width()
    assert axis.low == -axis.high
    picture = pixels(view)
    painted = {theme: view.theme.colour(theme).rgb() for theme in ("text", "muted")}
    assert {difference.is_sure for difference in differences.values()} == {True, False}
    for layer, difference in differences.items():
        x, y = round(axis.to_pixel(difference.ms)), round(view._centres()[layer])
        assert axis.start <= x <= axis.stop
        assert picture[y, x] == painted["text" if difference.is_sure else "muted"]
