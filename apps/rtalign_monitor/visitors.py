"""The visitors' window: a large, quiet picture of the session on a second screen, driven by the operator's window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QCloseEvent, QKeyEvent, QResizeEvent, QScreen
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from rtalign.core.records import Sensor
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.bars.status import StatusBar
from rtalign_monitor.engines import recorded
from rtalign_monitor.engines.recorded import RecordedEngine
from rtalign_monitor.panels.head_strip import HeadStripPanel
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.lag_map import LagMapPanel
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.panels.transcript import TranscriptPanel
from rtalign_monitor.widgets.awake import KeepAwake
from rtalign_monitor.widgets.theme import Theme

TICK_MS = 100
DESIGN_HEIGHT, DESIGN_WIDTH = 480, 850
"""Of the window at scale 1: what fills a screen of this size can be read from four metres on any larger one."""
IDLE_SPEED = 2.0
IDLE = tr("Between participants: recorded demo, simulated listener")
Bank = tuple[Sequence[Sensor], np.ndarray | None, np.ndarray]


class VisitorsWindow(QWidget):
    """Ladder, map, heads over lags, and the words; between participants the packaged session, again and again.

    Parameters
    ----------
    known : callable
        The newest snapshot of the operator's window, corrected where its engine or streams are gone; None where no
        session runs.
    frozen : callable
        Whether the operator has frozen the display.
    pointed : callable
        The layer that the operator points at.

    Attributes
    ----------
    closed : signal
        The window was closed.
    panels : tuple of Panel
        What it shows.
    """

    closed = Signal()

    def __init__(
        self, known: Callable[[], Snapshot | None], frozen: Callable[[], bool], pointed: Callable[[], int | None]
    ) -> None:
        super().__init__()
        self.setWindowTitle("rtalign - visitors")
        self.setObjectName("body")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._known, self._frozen, self._pointed = known, frozen, pointed
        self._bank: Bank = (), None, np.zeros(0)
        self._idle: RecordedEngine | None = None
        self._drawn: Snapshot | None = None
        self._awake = KeepAwake(tr("the visitors' window is shown"))
        self.source = ""
        self.status, self.ladder, self.lag_map = StatusBar(), LadderPanel(), LagMapPanel()
        self.heads, self.words = HeadStripPanel(), TranscriptPanel()
        self.words.with_ruler = False
        self.panels: tuple[Panel, ...] = (self.ladder, self.lag_map, self.heads, self.words)
        self.lag_map.link(self.ladder, "y")
        for panel in self.panels:
            panel.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
            panel.setMinimumSize(1, 1)
        upper = QHBoxLayout()
        upper.addWidget(self.ladder, 1)
        upper.addWidget(self.lag_map, 1)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self.status)
        self._column.addLayout(upper, 54)
        self._column.addWidget(self.heads, 25)
        self._column.addWidget(self.words, 21)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)

    def set_theme(self, theme: Theme) -> None:
        self.setPalette(theme.qt_palette())
        self.setStyleSheet(f"QWidget#body {{ background: {theme.window}; }}" + theme.stylesheet())
        for widget in (self.status, *self.panels):
            widget.set_theme(theme)

    def set_bank(self, sensors: Sequence[Sensor], patterns: np.ndarray | None, lags: np.ndarray) -> None:
        """Take the patterns of the session's bank, as `HeadPanel.set_bank`."""
        self._bank = sensors, patterns, lags
        if self._idle is None:
            self.heads.set_bank(*self._bank)

    def open_on(self, screens: Sequence[QScreen], own: QScreen | None) -> None:
        """Fill the first screen that is not the operator's; on a single screen, be a window."""
        other = next((screen for screen in screens if screen is not own), None)
        if other is not None:
            self.setGeometry(other.geometry())
            self.showFullScreen()
        else:
            self.resize(DESIGN_WIDTH, DESIGN_HEIGHT)
            self.show()
        self._awake.begin()
        self._timer.start()
        self.tick()

    def tick(self) -> None:
        """Show what is new, or the packaged session where no session runs."""
        snapshot = self._known()
        self._set_idle(snapshot is None)
        if snapshot is None and self._idle is not None:
            snapshot = self._idle.newest
        elif self._frozen():
            return
        for pointed in (self.ladder, self.lag_map, self.heads):
            pointed.point_layer(self._pointed() if self._idle is None else None)
        if snapshot is None or snapshot is self._drawn:
            return
        self._drawn = snapshot
        self.status.source = IDLE if self._idle is not None else self.source
        self.status.draw(snapshot)
        for panel in self.panels:
            panel.draw(snapshot)

    def _set_idle(self, on: bool) -> None:
        if on == (self._idle is not None):
            return
        self._idle = RecordedEngine(recorded.RecordedSession(recorded.DEMO), IDLE_SPEED, loop=True) if on else None
        if self._idle is not None:
            patterns = self._idle.session.patterns
            self.heads.set_bank(patterns.sensors, patterns.values, patterns.lags_s)
        else:
            self.heads.set_bank(*self._bank)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Type and marks grow with the window."""
        super().resizeEvent(event)
        scale = round(max(min(self.height() / DESIGN_HEIGHT, self.width() / DESIGN_WIDTH), 0.7), 2)
        for widget in (self.status, *self.panels):
            widget.set_scale(scale)
        margin = round(8 * scale)
        self._column.setContentsMargins(margin, margin, margin, margin)
        self._column.setSpacing(round(6 * scale))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Esc leaves full screen, F11 enters it."""
        if event is not None and event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_F11):
            full = event.key() == Qt.Key.Key_F11 and not self.isFullScreen()
            self.showFullScreen() if full else self.showNormal()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self._timer.stop()
        self._awake.end()
        super().closeEvent(event)
        self.closed.emit()
