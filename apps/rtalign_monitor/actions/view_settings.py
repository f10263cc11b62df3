"""View settings: theme, view, size of the type, panels shown, and the layout of the panels."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication, QScreen
from qtpy.QtWidgets import QMainWindow

from rtalign.core.text.translation import tr
from rtalign_monitor.actions.registry import ActionRegistry
from rtalign_monitor.bars.message_bar import QUESTION, Message, MessageBar
from rtalign_monitor.bars.status import StatusBar
from rtalign_monitor.bars.transport import TransportBar
from rtalign_monitor.bars.trust import TrustBar
from rtalign_monitor.memory import HIDDEN_AT_FIRST, ThemeName, ViewName, WindowMemory
from rtalign_monitor.panels.grid import IN_MENU, Grid, demo_scale
from rtalign_monitor.widgets.theme import FAMILIES, Theme

THEME_MESSAGES: dict[ThemeName, str] = {
    "system": tr("The theme follows the system."), "dark": tr("Dark theme."), "light": tr("Light theme."),
}  # fmt: skip
MIN_SCALE, MAX_SCALE = 0.7, 2.0
USUAL_HEIGHT = 1080
"""Of a screen on which the type has its designed size."""
UNDO_S = 15.0
STYLESHEET = """
QWidget {{ font-size: {size}px; font-family: {families}; }}
QWidget#body {{ background: {window}; }}
QComboBox::drop-down {{ border: none; width: 20px; }}
QDialog#keys {{ border: 1px solid {faint}; }}
QFrame#message_bar {{ background: {panel}; border: 1px solid {edge}; border-radius: 6px; }}
QFrame#message_bar {{ border-left: 4px solid {faint}; }}
QFrame#message_bar[tone="live"] {{ border-left-color: {live}; }}
QFrame#message_bar[tone="stale"] {{ border-left-color: {stale}; }}
QFrame#message_bar[tone="lost"] {{ border-color: {lost}; }}
QFrame#message_bar QLabel {{ background: transparent; }}
QLabel#symbol[tone="live"] {{ color: {live}; }}
QLabel#symbol[tone="stale"] {{ color: {stale}; }}
QLabel#symbol[tone="lost"] {{ color: {lost}; }}
QLabel#symbol {{ font-size: {symbol}px; }}
"""


@dataclass(frozen=True, slots=True)
class WindowWidgets:
    """The widgets of the window, from top to bottom.

    Attributes
    ----------
    status : StatusBar
        What is running.
    message_bar : MessageBar
        The most important message.
    transport : TransportBar
        Controls of a replay, and how many words are scored.
    grid : Grid
        The panels.
    trust : TrustBar
        Whether what is shown is true and fresh.
    """

    status: StatusBar
    message_bar: MessageBar
    transport: TransportBar
    grid: Grid
    trust: TrustBar


def first_scale(screen: QScreen | None) -> float:
    """Size of the type before the user has chosen one: as designed, and larger where a screen has many pixels.

    A desktop that scales its windows has done so already: the pixels here are those that it leaves to a window.
    """
    if screen is None or QGuiApplication.platformName() == "offscreen":
        return 1.0
    return min(max(round(screen.availableSize().height() / USUAL_HEIGHT, 1), 1.0), MAX_SCALE)


class ViewSettings:
    """Changes how the window looks, and remembers it.

    Parameters
    ----------
    window : QMainWindow
        The window itself, for its palette, its stylesheet, its menu bar and full screen.
    widgets : WindowWidgets
        Its widgets.
    actions : ActionRegistry
        Its actions, which show what is on.
    memory : WindowMemory
        Where the settings are kept.

    Attributes
    ----------
    can_fill_screen : bool
        Whether the demo view takes the whole screen; False where there is no screen.
    """

    def __init__(
        self, window: QMainWindow, widgets: WindowWidgets, actions: ActionRegistry, memory: WindowMemory
    ) -> None:
        self._window, self._widgets, self._actions, self._memory = window, widgets, actions, memory
        self.can_fill_screen = QGuiApplication.platformName() != "offscreen"

    def restore(self) -> None:
        """Show the window as it was left."""
        self.set_view(self._memory.view)

    def set_theme(self, name: ThemeName) -> None:
        """Colour the window and all its widgets."""
        self._memory.theme = name
        theme, size = Theme.of(name), round(13 * self._factor())
        colours = {role: getattr(theme, role) for role in ("window", "panel", "edge", "faint", "live", "stale", "lost")}
        sheet = STYLESHEET.format(size=size, symbol=size + 3, families=", ".join(FAMILIES), **colours)
        self._window.setPalette(theme.qt_palette())
        self._window.setStyleSheet(theme.stylesheet() + sheet)
        widgets = self._widgets
        for widget in (widgets.status, widgets.trust, widgets.grid, widgets.transport):
            widget.set_theme(theme)

    def next_theme(self) -> None:
        """Turn to the next theme, and say which."""
        names = list(THEME_MESSAGES)
        self.set_theme(names[(names.index(self._memory.theme) + 1) % len(names)])
        self._widgets.message_bar.post_briefly(Message("notice", THEME_MESSAGES[self._memory.theme]), 3)

    def set_view(self, view: ViewName) -> None:
        """Show the operator view or the demo view."""
        grid = self._widgets.grid
        self._memory.layouts |= grid.layouts() if self._window.isVisible() else {}
        self._memory.view = view
        grid.arrange(view, self._memory)
        self._widgets.transport.setVisible(view == "operator")
        if view == "demo":
            self._widgets.message_bar.dismiss(QUESTION)
        self._actions["operator"].setChecked(view == "operator")
        self._actions["demo"].setChecked(view == "demo")
        self._apply_scale()
        self._check_panels()
        self.fill_screen(view == "demo")

    def fill_screen(self, wanted: bool) -> None:
        """Enter or leave full screen, where there is a screen."""
        window, full = self._window, wanted and self.can_fill_screen
        state, flag = window.windowState(), Qt.WindowState.WindowFullScreen
        if full != bool(state & flag):
            window.setWindowState(state | flag if full else state & ~flag)
        self._actions["fullscreen"].setChecked(full)
        bar = window.menuBar()
        if bar is not None:
            bar.setVisible(not full)

    def change_scale(self, step: float) -> None:
        """Make the type larger or smaller."""
        self._memory.scale = min(max(round(self._memory.scale + step, 1), MIN_SCALE), MAX_SCALE)
        self._apply_scale()

    def toggle_panel(self, name: str) -> None:
        """Show or hide a panel."""
        hidden = set(self._memory.hidden) ^ {name}
        self._memory.hidden = sorted(hidden)
        self._widgets.grid.hidden = hidden
        self._widgets.grid.show_panels()
        self._check_panels()

    def reset_layout(self) -> None:
        """Put all panels back to their default places; for some seconds this can be undone."""
        memory, grid = self._memory, self._widgets.grid
        before = {**memory.layouts, **grid.layouts()}, memory.hidden, memory.scale
        self._set_layout({}, list(HIDDEN_AT_FIRST), first_scale(self._window.screen()))
        undo = ((tr("Undo"), lambda: self._set_layout(*before)),)
        message = Message("notice", tr("All panels are back in their default places."), "quiet", undo)
        self._widgets.message_bar.post_briefly(message, UNDO_S)

    def _set_layout(self, layouts: dict[str, str], hidden: list[str], scale: float) -> None:
        self._widgets.message_bar.dismiss("notice")
        self._memory.layouts, self._memory.hidden, self._memory.scale = layouts, hidden, scale
        self._widgets.grid.arrange(self._memory.view, self._memory)
        self._apply_scale()
        self._check_panels()

    def _factor(self) -> float:
        return self._memory.scale * (demo_scale(self._window.screen()) if self._memory.view == "demo" else 1.0)

    def _apply_scale(self) -> None:
        factor, widgets = self._factor(), self._widgets
        for widget in (widgets.grid, widgets.status, widgets.trust):
            widget.set_scale(factor)
        self.set_theme(self._memory.theme)
        widgets.message_bar.place()

    def _check_panels(self) -> None:
        """Check the View menu's entries of the panels that are shown."""
        for spec in IN_MENU:
            self._actions[f"show-{spec.name}"].setChecked(spec.name not in self._memory.hidden)
