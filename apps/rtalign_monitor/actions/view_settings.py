"""How the window looks: theme, view, size of type, panels and the borders between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication

from rtalign_monitor import memory as remember
from rtalign_monitor.bars.message_bar import Message
from rtalign_monitor.panels.grid import DEMO_SCALE, IN_MENU
from rtalign_monitor.widgets.theme import FAMILIES, Theme

if TYPE_CHECKING:
    from rtalign_monitor.main_window import MonitorWindow

THEMES: dict[remember.ThemeName, str] = {
    "system": "The theme follows the system.", "dark": "Dark theme.", "light": "Light theme.",
}  # fmt: skip
SCALES = (0.7, 2.0)
UNDO_S = 15.0
SHEET = """
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
QLabel#mark[tone="live"] {{ color: {live}; }}
QLabel#mark[tone="stale"] {{ color: {stale}; }}
QLabel#mark[tone="lost"] {{ color: {lost}; }}
QLabel#mark {{ font-size: {mark}px; }}
"""


class ViewSettings:
    """Changes the window's parts, and remembers.

    fills_screen : the demo view takes the whole screen; not where there is none.
    """

    def __init__(self, window: MonitorWindow) -> None:
        self._window, self._memory = window, window.memory
        self.fills_screen = QGuiApplication.platformName() != "offscreen"

    def begin(self) -> None:
        """As it was left."""
        self.set_view(self._memory.view)

    def set_theme(self, name: remember.ThemeName) -> None:
        self._memory.theme = name
        window, theme = self._window, Theme.of(name)
        colours = {role: getattr(theme, role) for role in ("window", "panel", "edge", "faint", "live", "stale", "lost")}
        size = round(13 * self._factor())
        sheet = SHEET.format(size=size, mark=size + 3, families=", ".join(FAMILIES), **colours)
        window.setPalette(theme.qt_palette())
        window.setStyleSheet(theme.stylesheet() + sheet)
        for part in (window.status, window.trust, window.grid, window.transport):
            part.set_theme(theme)

    def next_theme(self) -> None:
        names = list(THEMES)
        self.set_theme(names[(names.index(self._memory.theme) + 1) % len(names)])
        self._window.message_bar.post_briefly(Message("notice", THEMES[self._memory.theme]), 3)

    def set_view(self, view: remember.ViewName) -> None:
        window = self._window
        self._memory.layouts |= window.grid.layouts() if window.isVisible() else {}
        self._memory.view = view
        window.grid.arrange(view, self._memory)
        window.transport.setVisible(view == "operator")
        window.action_registry["operator"].setChecked(view == "operator")
        window.action_registry["demo"].setChecked(view == "demo")
        self._set_scale()
        self._show_which()
        self.fill_screen(view == "demo")

    def fill_screen(self, wanted: bool) -> None:
        window, full = self._window, wanted and self.fills_screen
        state, flag = window.windowState(), Qt.WindowState.WindowFullScreen
        if full != bool(state & flag):
            window.setWindowState(state | flag if full else state & ~flag)
        window.action_registry["fullscreen"].setChecked(full)
        bar = window.menuBar()
        if bar is not None:
            bar.setVisible(not full)

    def scale_type(self, by: float) -> None:
        self._memory.scale = min(max(round(self._memory.scale + by, 1), SCALES[0]), SCALES[1])
        self._set_scale()

    def show_panel(self, name: str) -> None:
        """Show it, or hide it."""
        hidden = set(self._memory.hidden) ^ {name}
        self._memory.hidden = sorted(hidden)
        self._window.grid.hidden = hidden
        self._window.grid.show_panels()
        self._show_which()

    def layout_as_made(self) -> None:
        """What it was like before can be had back for a while."""
        memory, grid = self._memory, self._window.grid
        before = {**memory.layouts, **grid.layouts()}, memory.hidden, memory.scale
        self._lay_out({}, [], 1.0)
        undo = (("Undo", lambda: self._lay_out(*before)),)
        message = Message("notice", "All panels are back where they belong.", "quiet", undo)
        self._window.message_bar.post_briefly(message, UNDO_S)

    def _lay_out(self, layouts: dict[str, str], hidden: list[str], scale: float) -> None:
        self._window.message_bar.dismiss("notice")
        self._memory.layouts, self._memory.hidden, self._memory.scale = layouts, hidden, scale
        self._window.grid.arrange(self._memory.view, self._memory)
        self._set_scale()
        self._show_which()

    def _factor(self) -> float:
        return self._memory.scale * (DEMO_SCALE if self._memory.view == "demo" else 1.0)

    def _set_scale(self) -> None:
        factor, window = self._factor(), self._window
        window.grid.set_scale(factor)
        for part in (window.status, window.trust):
            part.set_scale(factor)
        self.set_theme(self._memory.theme)

    def _show_which(self) -> None:
        for spec in IN_MENU:
            self._window.action_registry[f"show-{spec.name}"].setChecked(spec.name not in self._memory.hidden)
