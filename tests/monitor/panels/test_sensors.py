"""Every sensor is drawn at a fixed cost, and a click means the sensor that is pointed at."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest

from rtalign_monitor.panels.axes import log_ticks
from rtalign_monitor.panels.coverage import FULL, cover
from rtalign_monitor.panels.sensors import TABS, SensorsPanel
from rtalign_monitor.panels.sensors.noise import NoisePlot
from rtalign_monitor.panels.sensors.spectrum import SpectrumPlot
from rtalign_monitor.widgets.theme import Theme
from tests.helpers import snapshots
from tests.helpers.view_pixels import WrittenText, pixels, show_view


@pytest.fixture
def panel(qtbot: QtBot) -> SensorsPanel:
    view = SensorsPanel()
    show_view(qtbot, view, 461, 606)
    view.draw(snapshots.snapshot_after(300, sensors=snapshots.sensors_view()))
    pixels(view)
    return view


def place(panel: SensorsPanel, name: str) -> QPoint:
    """Where a sensor's dot is in the view of noise, in pixels of the plot."""
    assert panel.sensors is not None
    plot, i = panel.plots["noise"], panel.sensors.names.index(name)
    assert isinstance(plot, NoisePlot)
    at = QPointF(plot.x(panel.sensors)[i], plot.centres()[0][i])
    return (at - QPointF(panel.view.pos())).toPoint()


def turn_wheel(panel: SensorsPanel, steps: int, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    at = QPointF(panel.view.rect().center())
    turned = QWheelEvent(at, at, QPoint(), QPoint(0, 120 * steps), Qt.MouseButton.NoButton, keys,
                         Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
    assert panel.eventFilter(panel.view.viewport(), turned)


def test_coverage_counts_the_lines_on_each_pixel() -> None:
    rng = np.random.default_rng(0)
    middle, half = rng.uniform(-5, 45, (30, 20)), rng.uniform(0, 6, (30, 20))
    top, bottom = middle - half, middle + half
    top[4, 3] = bottom[4, 3] = np.nan
    expected = np.zeros((30, 40), int)
    for column in range(30):
        for line in range(20):
            low, high = top[column, line], bottom[column, line]
            if np.isnan(low):
                continue
            if column and not np.isnan(top[column - 1, line]):
                low, high = min(low, bottom[column - 1, line]), max(high, top[column - 1, line])
            if high >= 0 and low < 40:
                expected[column, max(int(low), 0) : min(int(high), 39) + 1] += 1
    assert (cover(top, bottom, 40) == np.minimum(expected, FULL)).all()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_view_is_drawn_and_no_text_is_cut(panel: SensorsPanel, written: list[WrittenText], theme: str) -> None:
    panel.set_theme(Theme.of(theme))
    drawn = []
    for view in TABS:
        panel.show_view(view)
        written.clear()
        drawn.append(pixels(panel))
        assert [text.text for text in written if not text.whole] == []
    assert all((a != b).any() for a, b in pairwise(drawn))
    assert any(text.text == "272 of 275 fit by 8 s of signal   1 left out" for text in written)


def test_a_click_names_the_sensor_that_is_pointed_at(panel: SensorsPanel, qtbot: QtBot) -> None:
    panel.show_view("noise")
    viewport = panel.view.viewport()
    assert viewport is not None
    for name in ("MRT25", "MLF34"):
        with qtbot.waitSignal(panel.sensor_clicked) as clicked:
            QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=place(panel, name))
        assert clicked.args == [name]


def test_in_the_row_of_a_sensor_it_is_pointed_at(panel: SensorsPanel) -> None:
    panel.show_view("all")
    assert panel._rows is not None
    for row in (0, 100, 274):
        y = panel.up().to_pixel(274 - row)
        panel.point_at(QPointF(panel.field().center().x(), y))
        assert panel.pointed is not None
        assert panel._rows.row_of[panel.pointed] == row
    panel.point_at(QPointF(2, 2))
    assert panel.pointed is None


def test_the_wheel_shows_few_rows_scrolls_and_changes_the_gain(panel: SensorsPanel) -> None:
    panel.show_view("all")
    assert panel.box.viewRange()[1] == [-0.5, 274.5]
    turn_wheel(panel, 1)
    low, high = panel.box.viewRange()[1]
    assert high - low == pytest.approx(24)
    turn_wheel(panel, 1)
    assert panel.box.viewRange()[1][0] == pytest.approx(low + 0.15 * 24)
    for _ in range(200):
        turn_wheel(panel, -1)
    assert panel.box.viewRange()[1] == [pytest.approx(-0.5), pytest.approx(23.5)]
    turn_wheel(panel, 1, Qt.KeyboardModifier.ShiftModifier)
    assert np.diff(panel.box.viewRange()[1])[0] == pytest.approx(24 / 1.25)
    turn_wheel(panel, 2, Qt.KeyboardModifier.ControlModifier)
    assert panel.gain == pytest.approx(1.25**2)
    panel.view_all()
    assert panel.box.viewRange()[1] == [-0.5, 274.5]


def test_sensors_of_another_stream_replace_those_before(panel: SensorsPanel) -> None:
    view = snapshots.sensors_view()
    some = slice(100, 140)
    fewer = dataclasses.replace(
        view, density=view.density[some], spectra=view.spectra[:, some], low=view.low[:, some], high=view.high[:, some],
        **{name: getattr(view, name)[some] for name in ("names", "kinds", "regions", "faults", "left_out")},
    )  # fmt: skip
    panel.show_view("all")
    panel.point_at(panel.field().center())
    panel.draw(snapshots.snapshot_after(301, sensors=fewer))
    pixels(panel)
    assert panel.pointed is None
    assert panel.box.viewRange()[1] == [-0.5, 39.5]
    panel.draw(snapshots.snapshot_after(302))
    pixels(panel)
    table = panel.table()
    assert table is None


def test_each_kind_of_sensors_has_a_spectrum_of_its_own(panel: SensorsPanel, written: list[WrittenText]) -> None:
    view = snapshots.sensors_view()
    kinds = tuple("planar" if i % 3 else "mag" for i in range(len(view.kinds)))
    panel.draw(snapshots.snapshot_after(301, sensors=dataclasses.replace(view, kinds=kinds)))
    shown, spectrum = [], panel.plots["spectrum"]
    assert isinstance(spectrum, SpectrumPlot)
    for _ in range(6):
        pixels(panel)
        assert panel.sensors is not None
        shown.append((panel.shown, spectrum.kind(panel.sensors)))
        panel.show_next()
    assert shown[3:] == [("spectrum", "mag"), ("spectrum", "planar"), ("butterfly", "mag")]
    panel.show_view("spectrum")
    written.clear()
    pixels(panel)
    assert any("fT/rHz over Hz" in text.text for text in written)


def test_logarithmic_ticks_are_round_and_few() -> None:
    assert [round(10**t, 6) for t in log_ticks(-1.3, 1.3, 6)] == [0.1, 0.3, 1, 3, 10]
    assert len(log_ticks(-3, 9, 5)) <= 5
