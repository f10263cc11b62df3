"""Panel: one card of the window's grid, which states what the window must know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QAction, QContextMenuEvent, QEnterEvent, QFocusEvent, QGuiApplication
from qtpy.QtWidgets import QMenu, QWidget

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.engines.two_banks import SecondBank
from rtalign_monitor.panels.tables import ShownTable
from rtalign_monitor.widgets.painted import PaintedWidget

Place = Literal["upper", "lower", "strip", "bottom", "side"]


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """What the window must know of a panel.  Nothing has a default, so that nothing is forgotten.

    Attributes
    ----------
    name : str
        Key of the panel in settings and actions; "map" is shown and hidden by the action "show-map".
    menu_text : str
        Its entry in the View menu.
    shortcut : str or None
        The key that shows and hides it; None for a panel without a menu entry, which is shown while a word is picked.
    place : {"upper", "lower", "strip", "bottom", "side"}
        Row of the grid, from the top, in it by the order of the panels; "side" is the column at the right.
    columns : int
        Width in its row, of the twelve columns of the grid.
    in_turns : bool
        Whether only one such panel is drawn at a time, as new scores change all of them at once.
    in_demo : bool
        Whether the demo view shows it.
    """

    name: str
    menu_text: str
    shortcut: str | None
    place: Place
    columns: int
    in_turns: bool
    in_demo: bool


class Panel(PaintedWidget):
    """A panel of the grid: a class with a `spec`, listed in `grid.PANELS`.

    Attributes
    ----------
    spec : PanelSpec
        What the window must know of it; a panel class without one is refused when it is defined.
    abstract : bool
        Whether a class, but none derived from it, is only a base of panels and has no spec.
    snapshot : Snapshot or None
        The newest that was drawn.
    layer : int or None
        The layer that is pointed at, in whatever panel.
    lag : float or None
        The lag that is pointed at, in seconds.
    entered : signal
        The pointer or the focus came here: what concerns "the panel" concerns this one.
    window_actions : list of QAction
        Actions of the window that the panel's menu offers too.
    """

    spec: ClassVar[PanelSpec]
    abstract: ClassVar[bool] = True
    layer_pointed = Signal(object)
    lag_pointed = Signal(object)
    entered = Signal()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not vars(cls).get("abstract") and "spec" not in vars(cls):
            raise TypeError(f"{cls.__name__} has no spec: state a PanelSpec, as the other panels do")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.snapshot: Snapshot | None = None
        self.layer: int | None = None
        self.lag: float | None = None
        self.window_actions: list[QAction] = []

    def draw(self, snapshot: Snapshot) -> None:
        """Show a snapshot."""
        raise NotImplementedError

    def point_layer(self, layer: int | None) -> None:
        """Highlight a layer."""
        if layer != self.layer:
            self.layer = layer
            self.update()

    def point_lag(self, lag_s: float | None) -> None:
        """Mark a lag, in seconds."""
        if lag_s != self.lag:
            self.lag = lag_s
            self.update()

    def freeze(self, on: bool) -> None:
        """Hold what follows the data slowly, such as colour limits, while the picture is frozen."""

    def set_second_bank(self, second: SecondBank | None) -> None:
        """Show a second bank beside the first, or none."""

    def table(self) -> ShownTable | None:
        """What is shown, as a table to be copied; None where there is nothing."""
        return None

    def copy_data(self) -> None:
        """Put the table on the clipboard, as spreadsheets take it."""
        clipboard, table = QGuiApplication.clipboard(), self.table()
        if clipboard is not None and table is not None:
            clipboard.setText("\n".join("\t".join(map(str, row)) for row in (table.header, *table.rows)))

    def menu_entries(self) -> dict[str, Callable[[], object]]:
        """Entries of the panel's own menu, and what they do."""
        return {tr("Copy data"): self.copy_data} if self.table() is not None else {}

    def make_menu(self) -> QMenu:
        """The panel's own entries, and the window's for the panel under the pointer."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, do in self.menu_entries().items():
            entry = menu.addAction(text)
            assert entry is not None
            entry.triggered.connect(lambda _=False, do=do: do())
        menu.addActions(self.window_actions)
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        if event is not None:
            self.make_menu().popup(event.globalPos())

    def enterEvent(self, event: QEnterEvent | None) -> None:  # noqa: ARG002
        self.entered.emit()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        super().focusInEvent(event)
        self.entered.emit()


def same_values(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Whether two arrays hold the same numbers; each snapshot arrives with new arrays."""
    if a is None or b is None:
        return a is b
    return a is b or np.array_equal(a, b, equal_nan=True)
