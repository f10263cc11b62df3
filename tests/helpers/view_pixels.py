"""Painted widgets off screen: their pixels, and the texts that they write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QImage, QPainter

from rtalign_monitor.bars.status import StatusBar
from rtalign_monitor.bars.trust import TrustBar
from rtalign_monitor.panels.curves import CurvesPanel
from rtalign_monitor.panels.head import HeadPanel
from rtalign_monitor.panels.head_strip import HeadStripPanel
from rtalign_monitor.panels.inspector import InspectorPanel
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.lag_map import LagMapPanel
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.panels.sensors import SensorsPanel
from rtalign_monitor.panels.traces import TracesPanel
from rtalign_monitor.panels.transcript import TranscriptPanel
from rtalign_monitor.widgets.painted import PaintedWidget
from tests.helpers import snapshots

View = Panel | StatusBar | TrustBar
VIEWS: tuple[Callable[[], View], ...] = (
    LadderPanel, LagMapPanel, CurvesPanel, TranscriptPanel, TracesPanel, HeadPanel, TrustBar, StatusBar,
    InspectorPanel, SensorsPanel, HeadStripPanel,
)  # fmt: skip
"""Everything that draws a snapshot: the panels of the grid and the two bars."""


def show_view(qtbot: QtBot, view: View, width: int = 640, height: int = 400) -> View:
    qtbot.addWidget(view)
    view.resize(width, height)
    view.show()
    qtbot.waitExposed(view)
    return view


def head_with_bank(qtbot: QtBot) -> HeadPanel:
    """With patterns of a made-up bank."""
    view = HeadPanel()
    show_view(qtbot, view)
    view.set_bank(snapshots.helmet(), snapshots.patterns(snapshots.helmet()), snapshots.LAGS)
    return view


def pixels(view: PaintedWidget) -> np.ndarray:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(_bytes(image), np.uint32).reshape(image.height(), image.width()).copy()


def grey(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(_bytes(image), np.uint8).reshape(image.height(), -1)
    return rows[:, : image.width()].astype(np.int16)


def _bytes(image: QImage) -> bytes:
    """All of an image; PyQt hands out a pointer, PySide a view."""
    bits: Any = image.constBits()
    return bytes(bits) if isinstance(bits, memoryview) else bits.asstring(image.sizeInBytes())


@dataclass(frozen=True)
class WrittenText:
    """One text and where it stands on its widget; `whole`: it was not cut."""

    text: str
    box: QRectF
    whole: bool


def note_texts(monkeypatch: pytest.MonkeyPatch) -> list[WrittenText]:
    """Every text that painted widgets write from here on."""
    texts: list[WrittenText] = []
    write = PaintedWidget.write

    def noting(
        view: PaintedWidget, painter: QPainter, box: QRectF, text: str, *args: object, **options: object
    ) -> float:
        width = write(view, painter, box, text, *args, **options)  # type: ignore[arg-type]
        metrics = painter.fontMetrics()
        flags = {"right": Qt.AlignmentFlag.AlignRight, "centre": Qt.AlignmentFlag.AlignHCenter}
        align = flags.get(str(options.get("align", args[3] if len(args) > 3 else "left")), Qt.AlignmentFlag.AlignLeft)
        tight = metrics.tightBoundingRect(text or " ")
        full = metrics.boundingRect(box.toRect(), align | Qt.AlignmentFlag.AlignVCenter, text)
        place = QRectF(full.x(), full.center().y() - tight.height() / 2, full.width(), tight.height())
        ratio = painter.deviceTransform().m11() or 1.0
        if text:
            whole = metrics.horizontalAdvance(text) <= box.width() + 1.5
            texts.append(WrittenText(text, painter.worldTransform().mapRect(place), whole or ratio == 0))
        return width

    monkeypatch.setattr(PaintedWidget, "write", noting)
    return texts
