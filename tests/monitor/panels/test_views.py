"""Every view shows what its snapshot says, and answers to the mouse."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QColor
from pytestqt.qtbot import QtBot

from rtalign_monitor.bars.status import headline
from rtalign_monitor.bars.trust import TrustView
from rtalign_monitor.panels import head
from rtalign_monitor.panels.axes import ticks
from rtalign_monitor.panels.curves import CurvesView
from rtalign_monitor.panels.head import HeadView
from rtalign_monitor.panels.inspector import InspectorView, facts
from rtalign_monitor.panels.ladder import LadderView
from rtalign_monitor.panels.lag_map import MapView
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.panels.traces import TracesView
from rtalign_monitor.panels.transcript import TranscriptView
from rtalign_monitor.widgets.theme import THEMES, Theme, contrast
from tests.helpers import snapshots
from tests.helpers.view_pixels import VIEWS, pixels, shown


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("theme", sorted(THEMES))
def test_every_view_draws_every_moment(qtbot: QtBot, view: Callable[[], Panel], theme: str) -> None:
    drawn = shown(qtbot, view())
    drawn.set_theme(Theme.of(theme))
    empty = pixels(drawn)
    for seen in (snapshots.sight(0), snapshots.sight(50), snapshots.inspected(snapshots.sight(300))):
        drawn.draw(seen)
        drawn.point(12)
        pixels(drawn)
    if not isinstance(drawn, HeadView):
        assert (pixels(drawn) != empty).any()


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_every_colour_can_be_read_on_its_panel(theme: str) -> None:
    made = Theme.of(theme)
    for role in ("text", "muted", "accent", "live", "stale", "lost"):
        assert contrast(made.colour(role), made.colour("panel")) >= 4.5
    for depth in np.linspace(0, 1, 31):
        assert contrast(made.depth(float(depth)), made.colour("panel")) >= 3


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_every_fourth_layer_of_31_differs_to_the_eye(theme: str) -> None:
    """By ten in CIE Lab, where two is what one just sees side by side."""
    colours = np.array([lab(Theme.of(theme).depth(float(depth))) for depth in np.linspace(0, 1, 31)[::4]])
    assert np.linalg.norm(np.diff(colours, axis=0), axis=1).min() > (11 if theme == "light" else 9)


def lab(colour: QColor) -> np.ndarray:
    parts = np.array(colour.getRgbF()[:3], float)
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ linear / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_contrast_agrees_with_black_on_white() -> None:
    assert contrast(QColor("black"), QColor("white")) == pytest.approx(21)


@pytest.mark.parametrize("n_layers", [9, 31])
def test_ladder_and_map_share_their_rows(qtbot: QtBot, n_layers: int) -> None:
    ladder, lagmap = shown(qtbot, LadderView()), shown(qtbot, MapView(), 800)
    for view in (ladder, lagmap):
        view.draw(snapshots.sight(300, n_layers))
    assert isinstance(ladder, LadderView)
    assert isinstance(lagmap, MapView)
    assert [ladder.rows().middle(i) for i in range(n_layers)] == [lagmap.rows().middle(i) for i in range(n_layers)]
    assert ladder.rows().middle(0) > ladder.rows().middle(n_layers - 1)


@pytest.mark.parametrize("view", [LadderView, MapView])
def test_the_pointer_names_the_layer_and_lag_under_it(qtbot: QtBot, view: type[LadderView] | type[MapView]) -> None:
    drawn = view()
    shown(qtbot, drawn)
    drawn.draw(snapshots.sight(300))
    lag = 0.25
    place = QPoint(round(drawn.axis().at(lag)), round(drawn.rows().middle(7)))
    with qtbot.waitSignals([drawn.pointed, drawn.lag_pointed]) as caught:
        qtbot.mouseMove(drawn, place)
    values = [found.args[0] for found in caught.all_signals_and_args]
    assert values[0] == 7
    assert values[1] == pytest.approx(lag, abs=0.003)


def test_a_rung_without_a_peak_says_why(qtbot: QtBot) -> None:
    ladder = LadderView()
    shown(qtbot, ladder)
    ladder.draw(snapshots.sight(300))
    qtbot.mouseMove(ladder, QPoint(300, round(ladder.rows().middle(3))))
    assert "edge of the lags" in ladder.toolTip()


def test_dots_end_where_the_snapshot_says(qtbot: QtBot) -> None:
    ladder = LadderView()
    shown(qtbot, ladder)
    ladder.draw(snapshots.sight(300, seed=1))
    last = snapshots.sight(301, seed=2)
    ladder.draw(last)
    wanted = {rung.layer: rung.peak_s for rung in last.peaks if rung.peak_s is not None}
    qtbot.waitUntil(lambda: ladder.easing.places() == pytest.approx(wanted))


def test_frozen_colours_stand_still(qtbot: QtBot) -> None:
    view = MapView()
    shown(qtbot, view)
    seen = snapshots.sight(300)
    assert seen.r is not None
    view.draw(seen)
    held = view.limit
    view.freeze(True)
    view.draw(dataclasses.replace(seen, r=seen.r * 5))
    assert view.limit == held
    view.freeze(False)
    view.draw(dataclasses.replace(seen, r=seen.r * 5))
    assert held < view.limit


def test_the_map_reads_out_the_cell_under_the_crosshair(qtbot: QtBot) -> None:
    view, seen = MapView(), snapshots.sight(300)
    shown(qtbot, view)
    view.draw(seen)
    assert seen.r is not None
    qtbot.mouseMove(view, QPoint(round(view.axis().at(0.40)), round(view.rows().middle(20))))
    assert "layer 20" in view.told()
    assert f"{seen.r[20, 60]:.4f}" in view.told()


def test_a_click_picks_the_word_under_it(qtbot: QtBot) -> None:
    view = TranscriptView()
    shown(qtbot, view, 1200, 132)
    view.draw(snapshots.sight(300))
    pixels(view)
    wanted = view.placed[4]
    with qtbot.waitSignal(view.picked) as caught:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=wanted.box.center().toPoint())
    assert caught.args == [wanted.entry.word.index]


def test_words_never_overlap_or_leave_the_panel(qtbot: QtBot) -> None:
    view = TranscriptView()
    shown(qtbot, view, 900, 132)
    for n in range(100, 160, 3):
        view.draw(snapshots.sight(n))
        pixels(view)
        boxes = [placed.box for placed in view.placed]
        assert view.placed[-1].entry == snapshots.sight(n).words[-1]
        assert all(box.left() >= 0 and box.right() <= 900 for box in boxes)
        assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_a_lost_stream_is_said_with_its_cure_whatever_the_width(qtbot: QtBot) -> None:
    seen, view = snapshots.sight(300, health=snapshots.health("lost", 7.4)), TrustView()
    assert headline(seen) == ("lost", "LOST 00:07")
    for width in (600, 1280):
        shown(qtbot, view, width, 26)
        view.draw(seen)
        pixels(view)
        assert "LOST 00:07: check the sender" in view._boxes[0][1].text
        assert view._boxes[-1][0].right() <= width


def test_a_refused_bank_leaves_room_for_the_recording(qtbot: QtBot) -> None:
    """The strip and the ladder say what does not fit; this line says what goes on meanwhile."""
    reasons = ("the bank expects 275 sensors; MLC11, MLC12, MLF25, MRT13 and 12 more are not there",) * 2
    view = TrustView()
    shown(qtbot, view, 1248, 26)
    view.draw(snapshots.sight(0, phase="refused", refused=reasons))
    pixels(view)
    said = [item.text for _, item in view._boxes]
    assert said[0] == "the bank does not fit: nothing is decoded"
    assert "MEG flowing" in said
    assert any(text.startswith("recording 212 MB") for text in said)


def test_nothing_is_painted_anew_when_nothing_changed(qtbot: QtBot) -> None:
    for view in (LadderView(), MapView(), CurvesView(), InspectorView()):
        shown(qtbot, view)
        for _ in range(2):
            view.draw(snapshots.sight(300))
        pixels(view)
        plate = view._plate
        view.draw(snapshots.sight(300))
        assert view._plate is plate


def test_new_scores_leave_titles_and_axes_as_they_are(qtbot: QtBot) -> None:
    for view in (LadderView(), MapView(), CurvesView(), TracesView(), HeadView()):
        shown(qtbot, view)
        view.draw(snapshots.sight(300))
        pixels(view)
        ground, plate = view._ground, view._plate
        view.draw(snapshots.sight(301))
        pixels(view)
        assert view._ground is ground
        assert isinstance(view, HeadView) or view._plate is not plate


def test_a_thin_plate_passes_through_the_sensors() -> None:
    flat = head.flatten(np.array([s.position for s in snapshots.helmet(60)]))
    values = np.cos(3 * flat[:, 0]) + flat[:, 1]
    weights, _ = head.spreading(flat, 129)
    at = np.linspace(-head.EDGE, head.EDGE, 129)
    field = (weights @ values).reshape(129, 129)[::-1]
    found = [field[np.argmin(np.abs(at - y)), np.argmin(np.abs(at - x))] for x, y in flat]
    assert np.abs(found - values).max() < 0.08


def test_two_kinds_of_sensors_never_share_a_head() -> None:
    sensors = (*snapshots.helmet(10, "planar"), *snapshots.helmet(5, "mag"))
    kind, members = head.chosen(sensors)
    assert kind == "mag"
    assert members.tolist() == [10, 11, 12, 13, 14]


def test_surprisal_is_told_in_bits() -> None:
    entry = dataclasses.replace(snapshots.sight(300).words[-8], surprisal=float(np.log(8)))
    assert any("surprisal 3.0 bits" in line for line in facts(entry))


@pytest.mark.parametrize(("lo", "hi"), [(-0.2, 0.8), (0.0, 0.071), (-3.0, 900.0)])
def test_ticks_lie_within_and_evenly(lo: float, hi: float) -> None:
    found = ticks(lo, hi, 6)
    assert 2 <= len(found) <= 8
    assert lo - 1e-9 <= found[0] <= found[-1] <= hi + 1e-9
    assert np.ptp(np.diff(found)) < 1e-9
