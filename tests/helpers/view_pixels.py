"""Screens: every view, put on a screen that nobody sees, and its pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PyQt6.QtGui import QImage
from pytestqt.qtbot import QtBot

from rtalign_monitor.bars.status import StatusView
from rtalign_monitor.bars.trust import TrustView
from rtalign_monitor.panels.curves import CurvesView
from rtalign_monitor.panels.head import HeadView
from rtalign_monitor.panels.inspector import InspectorView
from rtalign_monitor.panels.ladder import LadderView
from rtalign_monitor.panels.lag_map import MapView
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.panels.traces import TracesView
from rtalign_monitor.panels.transcript import TranscriptView

VIEWS: tuple[Callable[[], Panel], ...] = (
    LadderView, MapView, CurvesView, TranscriptView, TracesView, HeadView, TrustView, StatusView, InspectorView,
)  # fmt: skip


def shown(qtbot: QtBot, view: Panel, width: int = 640, height: int = 400) -> Panel:
    qtbot.addWidget(view)
    view.resize(width, height)
    view.show()
    qtbot.waitExposed(view)
    return view


def pixels(view: Panel) -> np.ndarray:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    bits = image.constBits()
    assert bits is not None
    return np.frombuffer(bits.asstring(image.sizeInBytes()), np.uint32).reshape(image.height(), image.width()).copy()


def grey(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_Grayscale8)
    bits = image.constBits()
    assert bits is not None
    rows = np.frombuffer(bits.asstring(image.sizeInBytes()), np.uint8).reshape(image.height(), -1)
    return rows[:, : image.width()].astype(np.int16)
