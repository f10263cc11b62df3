"""Painted widgets look alike on every screen."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPointF
from qtpy.QtGui import QColor, QImage, QPainter, QPolygonF

from rtalign_monitor.panels.curves import CurvesPanel
from tests.helpers.view_pixels import grey


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0])
def test_a_thin_line_is_as_wide_on_every_screen(qtbot: QtBot, ratio: float) -> None:
    image = QImage(round(60 * ratio), round(60 * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor("black"))
    view = CurvesPanel()
    qtbot.addWidget(view)
    view._pixel_ratio = ratio
    painter = QPainter(image)
    view.thin_line(painter, QPolygonF([QPointF(0, 30), QPointF(60, 30)]), QColor("white"))
    painter.end()
    lit = grey(image)[:, image.width() // 2].sum() / 255 / ratio
    assert lit == pytest.approx(1, abs=0.15)
