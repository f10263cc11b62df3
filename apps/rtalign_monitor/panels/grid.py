"""The grid of panels: borders that can be dragged, panels that can be hidden, and the two views of it."""

from __future__ import annotations

import base64
from collections import deque

from PyQt6.QtCore import QByteArray, Qt
from PyQt6.QtWidgets import QHBoxLayout, QSplitter, QWidget

from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.memory import ViewName, WindowMemory
from rtalign_monitor.panels.curves import CurvesView
from rtalign_monitor.panels.head import HeadView
from rtalign_monitor.panels.inspector import InspectorView
from rtalign_monitor.panels.ladder import LadderView
from rtalign_monitor.panels.lag_map import MapView
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.panels.traces import TracesView
from rtalign_monitor.panels.transcript import TranscriptView
from rtalign_monitor.widgets.theme import Theme

VIEWS: dict[str, type[Panel]] = {
    "ladder": LadderView, "map": MapView, "curves": CurvesView, "traces": TracesView, "head": HeadView,
    "transcript": TranscriptView, "inspector": InspectorView,
}  # fmt: skip
TITLES = {
    "ladder": "Ladder", "map": "Layer × lag map", "curves": "Curves", "traces": "MEG traces", "head": "Head",
    "transcript": "Transcript", "inspector": "Word inspector",
}  # fmt: skip
IN_TURNS = ("ladder", "map", "curves", "head")
IN_DEMO = ("ladder", "map", "transcript")
DEMO_SCALE = 1.6
TRANSCRIPT_PX = 132
"""Two lines of words over their ruler."""


class Grid(QWidget):
    """Twelve columns: ladder 5 and map 7 above; curves 5, traces 4, head 3 below; the transcript under all.

    under : the panel that the pointer was over last.  shown : what was drawn last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.panels: dict[str, Panel] = {name: view() for name, view in VIEWS.items()}
        self.upper, self.below = QSplitter(Qt.Orientation.Horizontal), QSplitter(Qt.Orientation.Horizontal)
        self.rows, self.columns = QSplitter(Qt.Orientation.Vertical), QSplitter(Qt.Orientation.Horizontal)
        for splitter, names in ((self.upper, ("ladder", "map")), (self.below, ("curves", "traces", "head"))):
            for name in names:
                splitter.addWidget(self.panels[name])
        for widget in (self.upper, self.below, self.panels["transcript"]):
            self.rows.addWidget(widget)
        self.columns.addWidget(self.rows)
        self.columns.addWidget(self.panels["inspector"])
        for splitter in self._splitters().values():
            splitter.setHandleWidth(10)
            splitter.setChildrenCollapsible(False)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        self.hidden: set[str] = set()
        self.under: str | None = None
        self.shown: Snapshot | None = None
        self._turns, self._due = deque(IN_TURNS), 0
        for name, panel in self.panels.items():
            panel.entered.connect(lambda name=name: self._enter(name))
        self.picked = False
        self.view: ViewName = "operator"

    def arrange(self, view: ViewName, memory: WindowMemory) -> None:
        """The borders as this view was left, or as it was made."""
        self.view, self.hidden = view, set(memory.hidden)
        self.show_panels()
        self.set_scale(memory.scale * (DEMO_SCALE if view == "demo" else 1.0))
        for name, splitter in self._splitters().items():
            kept = memory.layouts.get(f"{view}/{name}")
            if not kept or not splitter.restoreState(QByteArray(base64.b64decode(kept))):
                splitter.setSizes(_as_made(view)[name])

    def _enter(self, name: str) -> None:
        self.under = name

    @property
    def panel_under(self) -> Panel | None:
        return self.panels[self.under] if self.under and self.panels[self.under].isVisible() else None

    def layouts(self) -> dict[str, str]:
        return {
            f"{self.view}/{name}": base64.b64encode(splitter.saveState().data()).decode()
            for name, splitter in self._splitters().items()
        }

    def show_panels(self) -> None:
        for name, panel in self.panels.items():
            wanted = name not in self.hidden and (self.view == "operator" or name in IN_DEMO)
            panel.setVisible(wanted if name != "inspector" else self.picked)
        self.below.setVisible(any(self.below.widget(i).isVisibleTo(self.below) for i in range(3)))  # type: ignore[union-attr]

    def draw(self, seen: Snapshot, by_turns: bool = False) -> None:
        """Hidden panels are not drawn.

        by_turns : at once what moves all the time; of the others one now, or with the next tick where a new word
        makes the transcript anew.
        """
        self.shown = seen
        for name, panel in self.panels.items():
            if panel.isVisible() and not (by_turns and name in self._turns):
                panel.draw(seen)
        self._due = len(self._turns) if by_turns else 0
        if not self.panels["transcript"].stale:
            self.draw_next()

    def draw_next(self) -> None:
        """The turn of one panel, so that an assessment, which changes them all, does not hold up everything at once."""
        if self._due and self.shown is not None:
            self._due -= 1
            self._turns.rotate(-1)
            panel = self.panels[self._turns[-1]]
            if panel.isVisible():
                panel.draw(self.shown)

    def set_theme(self, theme: Theme) -> None:
        for panel in self.panels.values():
            panel.set_theme(theme)

    def set_scale(self, factor: float) -> None:
        for panel in self.panels.values():
            panel.set_scale(factor)
        self.panels["transcript"].setMinimumHeight(round(TRANSCRIPT_PX * factor))

    def _splitters(self) -> dict[str, QSplitter]:
        return {"upper": self.upper, "lower": self.below, "rows": self.rows, "columns": self.columns}


def _as_made(view: ViewName) -> dict[str, list[int]]:
    if view == "demo":
        return {"upper": [600, 600], "lower": [500, 400, 300], "rows": [700, 0, 220], "columns": [900, 300]}
    return {"upper": [500, 700], "lower": [500, 400, 300], "rows": [480, 250, 132], "columns": [900, 300]}
