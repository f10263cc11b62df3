"""The grid of panels: the list of them, borders that can be dragged, panels that can be hidden, and its two views."""

from __future__ import annotations

import base64
from collections import Counter, deque
from collections.abc import Sequence
from typing import TypeVar, cast, get_args

from qtpy.QtCore import QByteArray, Qt
from qtpy.QtGui import QScreen
from qtpy.QtWidgets import QHBoxLayout, QSplitter, QSplitterHandle, QWidget

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot, seen_through
from rtalign_monitor.memory import ViewName, WindowMemory
from rtalign_monitor.panels.curves import CurvesPanel
from rtalign_monitor.panels.head import HeadPanel
from rtalign_monitor.panels.head_strip import HeadStripPanel
from rtalign_monitor.panels.inspector import InspectorPanel
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.lag_map import LagMapPanel
from rtalign_monitor.panels.panel import Panel, PanelSpec, Place
from rtalign_monitor.panels.plot import CONTROLS, PlotPanel
from rtalign_monitor.panels.sensors import SensorsPanel
from rtalign_monitor.panels.traces import TracesPanel
from rtalign_monitor.panels.transcript import MINIMUM_PX, TranscriptPanel
from rtalign_monitor.widgets.theme import Theme

PANELS: tuple[type[Panel], ...] = (
    LadderPanel, LagMapPanel, CurvesPanel, TracesPanel, HeadPanel, TranscriptPanel, SensorsPanel, HeadStripPanel,
    InspectorPanel,
)  # fmt: skip
"""All panels, in the order of the View menu and of each row of the grid; a new panel is one line here."""

DEMO_SCALE, DEMO_HEIGHT = 1.6, 480
"""Of the type in the demo view, and of the screen that has room for all panels at scale 1."""
UNIT_PX = 100
"""Of one of the twelve columns, before the splitter fits them to the window."""
P = TypeVar("P", bound=Panel)


def specs() -> tuple[PanelSpec, ...]:
    """The specs of all panels, in order; refused where two claim one name or one shortcut."""
    found = tuple(panel.spec for panel in PANELS)
    claims = Counter([spec.name for spec in found] + [spec.shortcut for spec in found if spec.shortcut])
    twice = [claim for claim, n in claims.items() if n > 1]
    if twice:
        raise ValueError(tr("two panels have the same name or shortcut: {join}", join=", ".join(twice)))
    return found


SPECS = specs()
IN_MENU = tuple(spec for spec in SPECS if spec.shortcut)
"""Panels that the View menu shows and hides; the others are shown while a word is picked."""


class Grid(QWidget):
    """Rows of panels: upper and lower in twelve columns, two across the bottom, one beside all of them.

    Attributes
    ----------
    panels : dict of str to Panel
        The panels by name.
    hidden : set of str
        Names of the panels that the user has hidden.
    hovered : str or None
        Name of the panel that the pointer was over last.
    drawn : Snapshot or None
        What was drawn last.
    control : str
        Which control's scores are shown in the place of all; empty for all.
    word_picked : bool
        Whether a word is picked, so that the inspector is shown.
    view : {"operator", "demo"}
        The view that is shown.
    """

    def __init__(self) -> None:
        super().__init__()
        self.panels: dict[str, Panel] = {panel.spec.name: panel() for panel in PANELS}
        self.upper_row, self.lower_row = QSplitter(Qt.Orientation.Horizontal), QSplitter(Qt.Orientation.Horizontal)
        self.rows, self.columns = QSplitter(Qt.Orientation.Vertical), QSplitter(Qt.Orientation.Horizontal)
        self.rows.addWidget(self.upper_row)
        self.rows.addWidget(self.lower_row)
        self.columns.addWidget(self.rows)
        into = {"upper": self.upper_row, "lower": self.lower_row, "strip": self.rows, "bottom": self.rows,
                "side": self.columns}  # fmt: skip
        for panel in sorted(self.panels.values(), key=lambda panel: get_args(Place).index(panel.spec.place)):
            into[panel.spec.place].addWidget(panel)
            panel.entered.connect(lambda name=panel.spec.name: self._enter(name))
        lag_map = self.panel(LagMapPanel)
        lag_map.link(self.panel(LadderPanel), "y")
        lag_map.link(self.panel(CurvesPanel), "x")
        for splitter in self._splitters().values():
            splitter.setHandleWidth(10)
            splitter.setChildrenCollapsible(False)
            for handle in splitter.findChildren(QSplitterHandle):
                handle.setAccessibleName(tr("Border between panels"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.columns)
        self.hidden: set[str] = set()
        self.hovered: str | None = None
        self._newest: Snapshot | None = None
        self.drawn: Snapshot | None = None
        self.control = ""
        self.word_picked = False
        self.view: ViewName = "operator"
        self._turns, self._due = deque(spec.name for spec in SPECS if spec.in_turns), 0

    def panel(self, kind: type[P]) -> P:
        """The panel of a class."""
        return cast(P, self.panels[kind.spec.name])

    @property
    def hovered_panel(self) -> Panel | None:
        return self.panels[self.hovered] if self.hovered and self.panels[self.hovered].isVisible() else None

    def arrange(self, view: ViewName, memory: WindowMemory) -> None:
        """Show a view with its borders as the user left them, or as they are by default."""
        self.view, self.hidden = view, set(memory.hidden)
        self.show_panels()
        self.set_scale(memory.scale * (demo_scale(self.screen()) if view == "demo" else 1.0))
        for name, splitter in self._splitters().items():
            saved = memory.layouts.get(_layout_key(view, name, splitter))
            if not saved or not splitter.restoreState(QByteArray(base64.b64decode(saved))):
                splitter.setSizes(default_sizes(view)[name])

    def layouts(self) -> dict[str, str]:
        """The borders of this view, as Qt saves them, in base64."""
        return {
            _layout_key(self.view, name, splitter): base64.b64encode(splitter.saveState().data()).decode()
            for name, splitter in self._splitters().items()
        }

    def show_panels(self) -> None:
        """Show and hide panels by view, by what the user has hidden, and by whether a word is picked."""
        for name, panel in self.panels.items():
            wanted = name not in self.hidden and (self.view == "operator" or panel.spec.in_demo)
            wanted = wanted if panel.spec.shortcut else self.word_picked
            if wanted and panel.isHidden() and self.drawn is not None:  # no new snapshot may come: it may be paused
                panel.draw(self.drawn)
            panel.setVisible(wanted)
        children = (self.lower_row.widget(i) for i in range(self.lower_row.count()))
        self.lower_row.setVisible(any(child is not None and child.isVisibleTo(self.lower_row) for child in children))

    def draw(self, snapshot: Snapshot, by_turns: bool = False) -> None:
        """Draw a snapshot in the panels that are visible.

        Parameters
        ----------
        snapshot : Snapshot
            What to draw.
        by_turns : bool
            Draw at once only what changes all the time, and one of the panels that are drawn in turns; that one waits
            for the next tick where a new word has made the transcript paint everything again.
        """
        compared = self.panel(LadderPanel).second is not None  # of the second bank there are the scores of all
        self._newest, self.drawn = snapshot, seen_through(snapshot, "" if compared else self.control)
        for panel in self.panels.values():
            if panel.isVisible() and not (by_turns and panel.spec.in_turns):
                panel.draw(self.drawn)
        self._due = len(self._turns) if by_turns else 0
        if not self.panel(TranscriptPanel).is_stale:
            self.draw_next()

    def show_next_control(self) -> None:
        """Go from the scores of all to unique R, to the static twin, and back."""
        choices = tuple(CONTROLS)
        self.control = choices[(choices.index(self.control) + 1) % len(choices)]
        if self._newest is not None:
            self.draw(self._newest)

    def draw_next(self) -> None:
        """Draw the next panel whose turn it is: an assessment changes them all, and must not hold up the window."""
        while self._due and self.drawn is not None:
            self._due -= 1
            self._turns.rotate(-1)
            panel = self.panels[self._turns[-1]]
            if panel.isVisible():
                panel.draw(self.drawn)
                return

    def view_all(self) -> None:
        """Show everything again in the panels that were zoomed."""
        for panel in self.panels.values():
            if isinstance(panel, PlotPanel):
                panel.view_all()

    def set_theme(self, theme: Theme) -> None:
        for panel in self.panels.values():
            panel.set_theme(theme)

    def set_scale(self, factor: float) -> None:
        for panel in self.panels.values():
            panel.set_scale(factor)
        self.panel(TranscriptPanel).setMinimumHeight(round(MINIMUM_PX * factor))

    def _enter(self, name: str) -> None:
        self.hovered = name

    def _splitters(self) -> dict[str, QSplitter]:
        return {"upper": self.upper_row, "lower": self.lower_row, "rows": self.rows, "columns": self.columns}


def demo_scale(screen: QScreen | None) -> float:
    """How much larger the type of the demo view is: on a small screen, as one at 200 %, only as far as panels fit."""
    room = screen.size().height() / DEMO_HEIGHT if screen is not None else DEMO_SCALE
    return min(max(room, 1.0), DEMO_SCALE)


def _layout_key(view: ViewName, name: str, splitter: QSplitter) -> str:
    """Under which borders are remembered: those of fewer or more panels do not fit."""
    return f"{view}/{name}/{splitter.count()}"


def default_sizes(view: ViewName) -> dict[str, Sequence[int]]:
    """By splitter: the sizes of its parts before the user drags a border."""
    rows = [700, 0, 0, 220] if view == "demo" else [480, 250, 150, MINIMUM_PX]
    return {"upper": _widths("upper", view), "lower": _widths("lower", view), "rows": rows, "columns": [900, 480, 300]}


def _widths(place: str, view: ViewName) -> list[int]:
    """Of the panels in a row; those of the demo view share it evenly there."""
    in_row = [spec for spec in SPECS if spec.place == place]
    even = sum(spec.columns for spec in in_row) * UNIT_PX // len(in_row)
    return [even if view == "demo" and spec.in_demo else spec.columns * UNIT_PX for spec in in_row]
