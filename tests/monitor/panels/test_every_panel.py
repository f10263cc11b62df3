"""Every panel and bar draws every moment, whole and readable at every size, and by key as by mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QVBoxLayout, QWidget

from rtalign_monitor.panels.curves import CurvesPanel
from rtalign_monitor.panels.head import HeadPanel
from rtalign_monitor.panels.inspector import InspectorPanel
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.lag_map import LagMapPanel
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.panels.traces import TracesPanel
from rtalign_monitor.widgets.theme import THEMES, Theme
from tests.helpers import snapshots
from tests.helpers.view_pixels import VIEWS, View, WrittenText, pixels, show_view

SIZES = {
    "1280": {"ladder": (516, 342), "map": (722, 342), "curves": (512, 178), "traces": (409, 178), "head": (307, 178),
             "transcript": (1248, 94), "trust": (1248, 26), "status": (1248, 44), "inspector": (308, 642),
             "sensors": (400, 642), "heads": (1248, 120)},
    "1920": {"ladder": (783, 498), "map": (1095, 498), "curves": (778, 259), "traces": (623, 259), "head": (467, 259),
             "transcript": (1888, 137), "trust": (1888, 26), "status": (1888, 44), "inspector": (460, 900),
             "sensors": (653, 900), "heads": (1888, 150)},
    "far": {"ladder": (939, 719), "map": (939, 719), "transcript": (1888, 228)},
}  # fmt: skip
"""Sizes that the window gives its panels at 1280 x 800 and 1920 x 1080, and in demo view."""
NAMES = ("ladder", "map", "curves", "transcript", "traces", "head", "trust", "status", "inspector", "sensors", "heads")
BY_NAME = dict(zip(NAMES, VIEWS, strict=True))
MOMENTS = {
    "start": snapshots.empty_snapshot("loading", "reading the bank"),
    "no word": snapshots.snapshot_after(0),
    "50 words": snapshots.snapshot_after(50),
    "300 words": snapshots.with_inspected_word(snapshots.snapshot_after(300)),
    "5,000 words": snapshots.with_inspected_word(snapshots.snapshot_after(5000)),
    "sensors": snapshots.snapshot_after(300, sensors=snapshots.sensors_view()),
    "lost": snapshots.snapshot_after(300, health=snapshots.health("lost", 7.4)),
}


@pytest.mark.parametrize("make", VIEWS)
@pytest.mark.parametrize("theme", sorted(THEMES))
def test_every_view_draws_every_moment(qtbot: QtBot, make: Callable[[], View], theme: str) -> None:
    view = show_view(qtbot, make())
    view.set_theme(Theme.of(theme))
    empty = pixels(view)
    for snapshot in (
        snapshots.snapshot_after(0),
        snapshots.snapshot_after(50),
        snapshots.with_inspected_word(snapshots.snapshot_after(300)),
    ):
        view.draw(snapshot)
        if isinstance(view, Panel):
            view.point_layer(12)
        pixels(view)
    if not isinstance(view, HeadPanel):
        assert (pixels(view) != empty).any()


@pytest.mark.parametrize("layout", SIZES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_no_text_is_cut_or_overlaps_another(qtbot: QtBot, written: list[WrittenText], layout: str, moment: str) -> None:
    for name, size in SIZES[layout].items():
        view = show_view(qtbot, BY_NAME[name](), *size)
        view.set_scale(1.6 if layout == "far" else 1.0)
        if isinstance(view, HeadPanel):
            view.set_bank(snapshots.helmet(), snapshots.patterns(snapshots.helmet()), snapshots.LAGS)
        view.draw(MOMENTS[moment])
        written.clear()
        view.invalidate()
        pixels(view)
        assert written
        room = QRectF(view.rect()).adjusted(-1, -1, 1, 1)
        assert [w.text for w in written if not w.whole or not room.contains(w.box)] == []
        boxes = [w.box.adjusted(1, -1, -1, 1) for w in written]
        overlaps = [(a.text, b.text) for i, a in enumerate(written) for j, b in enumerate(written)
                    if i < j and boxes[i].intersects(boxes[j]) and not {a.text, b.text} & {"+", "−"}]  # fmt: skip
        assert overlaps == []


def test_one_word_is_one_word(qtbot: QtBot, written: list[WrittenText]) -> None:
    for view in (LadderPanel(), LagMapPanel()):
        show_view(qtbot, view)
        view.draw(snapshots.snapshot_after(1))
        pixels(view)
    assert "n = 1 word" in [w.text for w in written]
    assert not [w.text for w in written if "1 words" in w.text]


def test_nothing_is_painted_again_when_nothing_changed(qtbot: QtBot) -> None:
    for view in (LadderPanel(), LagMapPanel(), CurvesPanel(), InspectorPanel()):
        show_view(qtbot, view)
        for _ in range(2):
            view.draw(snapshots.snapshot_after(300))
        pixels(view)
        content = view._content
        view.draw(snapshots.snapshot_after(300))
        assert view._content is content


def test_new_scores_leave_titles_and_axes_as_they_are(qtbot: QtBot) -> None:
    for view in (LadderPanel(), LagMapPanel(), CurvesPanel(), TracesPanel(), HeadPanel()):
        show_view(qtbot, view)
        view.draw(snapshots.snapshot_after(300))
        pixels(view)
        background, content = view._background, view._content
        view.draw(snapshots.snapshot_after(301))
        pixels(view)
        assert view._background is background
        assert isinstance(view, HeadPanel) or view._content is not content


def test_a_panel_reached_by_key_shows_it(qtbot: QtBot) -> None:
    body = QWidget()
    column, views = QVBoxLayout(body), [make() for make in VIEWS]
    for view in views:
        column.addWidget(view)
    qtbot.addWidget(body)
    body.resize(700, 1400)
    with qtbot.waitActive(body):
        body.show()
    accent = QColor(Theme.of("dark").accent).rgb()
    views[-1].setFocus(Qt.FocusReason.MouseFocusReason)
    assert [v for v in views if (pixels(v)[1, 40:-40] == accent).all()] == []
    for view in views:
        qtbot.keyClick(body.focusWidget(), Qt.Key.Key_Tab)
        assert [v for v in views if (pixels(v)[1, 40:-40] == accent).all()] == [view]


def test_every_view_has_a_name_and_a_description(qtbot: QtBot) -> None:
    for view in [make() for make in VIEWS]:
        qtbot.addWidget(view)
        assert view.accessibleName()
        assert view.accessibleDescription()
        assert view.toolTip()
