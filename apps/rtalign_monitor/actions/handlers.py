"""What every action of the window does, by the part of the window that it concerns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QLabel, QMainWindow, QVBoxLayout, QWidget

from rtalign.core.text.translation import tr
from rtalign.engine.commands import Inspect, Play, Publish, Reset, Seek
from rtalign.engine.snapshot import Snapshot, empty_snapshot
from rtalign_monitor.actions.registry import ActionRegistry, Handler, table_of_keys
from rtalign_monitor.actions.view_settings import ViewSettings, WindowWidgets
from rtalign_monitor.bars.message_bar import QUESTION, Message
from rtalign_monitor.bars.transport import SKIP_S, TransportBar
from rtalign_monitor.engines.link import EngineLink
from rtalign_monitor.export.exporter import Exporter
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.panels.grid import IN_MENU, Grid
from rtalign_monitor.panels.lag_map import LagMapPanel
from rtalign_monitor.panels.transcript import TranscriptPanel
from rtalign_monitor.start.sessions import SessionActions
from rtalign_monitor.widgets.theme import Theme

Handlers = dict[str, Handler]
"""Handlers by the name of their action."""


class SessionHandlers:
    """Start, open, save, record and publish sessions; quit; the table of keys.

    Parameters
    ----------
    window : QMainWindow
        The window, which "quit" closes.
    start_dialog : callable
        Opens the dialog in which a session is chosen.
    start_demo : callable
        Plays the packaged session.
    sessions : SessionActions
        Opens, saves and records sessions.
    link : EngineLink
        Link to the engine.
    actions : ActionRegistry
        Actions of the window.
    """

    def __init__(
        self,
        window: QMainWindow,
        start_dialog: Callable[[], object],
        start_demo: Callable[[], object],
        sessions: SessionActions,
        link: EngineLink,
        actions: ActionRegistry,
    ) -> None:
        self._window, self._start_dialog, self._start_demo = window, start_dialog, start_demo
        self._sessions, self._link, self._actions = sessions, link, actions

    def handlers(self) -> Handlers:
        """The handlers by action."""
        sessions, actions = self._sessions, self._actions
        return {
            "start": self._start_dialog,
            "instant": self._start_demo,
            "open": lambda: sessions.open(False),
            "folder": lambda: sessions.open(True),
            "bank": sessions.choose_bank,
            "load": sessions.load,
            "save": sessions.save,
            "record": lambda: sessions.record(actions["record"].isChecked()),
            "publish": lambda: self._link.send(Publish(actions["publish"].isChecked())),
            "restart": self._link.restart,
            "quit": self._window.close,
            "keys": self._show_keys,
        }

    def _show_keys(self) -> None:
        dialog = QDialog(self._window)
        dialog.setWindowTitle(tr("Keys"))
        dialog.setObjectName("keys")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        QVBoxLayout(dialog).addWidget(QLabel(table_of_keys()))
        dialog.show()


class PanelPointer:
    """Points at one layer and one lag in all panels, and picks the word that is inspected.

    Parameters
    ----------
    grid : Grid
        The panels.
    link : EngineLink
        Link to the engine, which scores the picked word.

    Attributes
    ----------
    layer : int or None
        The layer that is pointed at.
    lag : float or None
        The lag that is pointed at, in seconds.
    """

    def __init__(self, grid: Grid, link: EngineLink) -> None:
        self._grid, self._link = grid, link
        self.layer: int | None = None
        self.lag: float | None = None
        for panel in grid.panels.values():
            panel.layer_pointed.connect(self.point_layer)
            panel.lag_pointed.connect(self.point_lag)
        grid.panel(TranscriptPanel).word_picked.connect(self.pick_word)

    def point_layer(self, layer: int | None) -> None:
        """Highlight a layer in all panels."""
        if layer != self.layer:
            self.layer = layer
            for panel in self._grid.panels.values():
                panel.point_layer(layer)

    def point_lag(self, lag_s: float | None) -> None:
        """Mark a lag, in seconds, in all panels."""
        self.lag = lag_s
        for panel in self._grid.panels.values():
            panel.point_lag(lag_s)

    def step_layer(self, step: int) -> None:
        """Point at the layer above (1) or below (-1), or at the first one."""
        layers = self._link.newest.layers
        if layers:
            row = layers.index(self.layer) + step if self.layer in layers else 0
            self.point_layer(layers[min(max(row, 0), len(layers) - 1)])

    def step_lag(self, step: int) -> None:
        """Mark the lag after (1) or before (-1), or the one nearest to the word's onset."""
        lags = self._link.newest.lags_s
        if lags is not None and len(lags):
            at = int(np.abs(lags - (self.lag or 0.0)).argmin()) + (step if self.lag is not None else 0)
            self.point_lag(float(lags[min(max(at, 0), len(lags) - 1)]))

    def step_word(self, step: int) -> None:
        """Inspect the word after (1) or before (-1) the one that is inspected, or the newest one that is finished."""
        words = [entry.word.index for entry in self._link.newest.words if entry.status != "waiting"]
        picked = self._grid.panel(TranscriptPanel).picked
        if words:
            at = words.index(picked) + step if picked in words and self._grid.word_picked else len(words) - 1
            self._grid.panel(TranscriptPanel).picked = words[min(max(at, 0), len(words) - 1)]
            self.pick_word(words[min(max(at, 0), len(words) - 1)])

    def pick_word(self, index: int | None) -> None:
        """Show a word in the inspector; None closes the inspector."""
        self._link.send(Inspect(index))
        self._grid.word_picked = index is not None
        self._grid.show_panels()


class ViewHandlers:
    """Views, themes, size of the type and panels; the layer that is pointed at.

    Parameters
    ----------
    view_settings : ViewSettings
        Changes how the window looks.
    pointer : PanelPointer
        Points at layers and words.
    widgets : WindowWidgets
        Widgets of the window.
    actions : ActionRegistry
        Actions of the window.
    """

    def __init__(
        self, view_settings: ViewSettings, pointer: PanelPointer, widgets: WindowWidgets, actions: ActionRegistry
    ) -> None:
        self._view_settings, self._pointer = view_settings, pointer
        self._transport, self._grid, self._actions = widgets.transport, widgets.grid, actions
        self._message_bar = widgets.message_bar

    def handlers(self) -> Handlers:
        """The handlers by action."""
        settings = self._view_settings
        panels: Handlers = {f"show-{spec.name}": partial(settings.toggle_panel, spec.name) for spec in IN_MENU}
        return panels | {
            "operator": lambda: settings.set_view("operator"),
            "demo": lambda: settings.set_view("demo"),
            "fullscreen": lambda: settings.fill_screen(self._actions["fullscreen"].isChecked()),
            "theme": settings.next_theme,
            "larger": lambda: settings.change_scale(0.1),
            "smaller": lambda: settings.change_scale(-0.1),
            "view-all": self._grid.view_all,
            "reset-layout": settings.reset_layout,
            "layer-up": lambda: self._pointer.step_layer(1),
            "layer-down": lambda: self._pointer.step_layer(-1),
            "lag-up": lambda: self._pointer.step_lag(1),
            "lag-down": lambda: self._pointer.step_lag(-1),
            "word-back": lambda: self._pointer.step_word(-1),
            "word-on": lambda: self._pointer.step_word(1),
            "escape": self._escape,
        }

    def _escape(self) -> None:
        """Answer a question with no, or leave the word search, the inspector, or a layer that is pointed at."""
        word = self._transport.word
        if self._message_bar.message is not None and self._message_bar.message.key == QUESTION:
            self._message_bar.dismiss(QUESTION)
        elif word.hasFocus():
            word.clear()
            word.clearFocus()
        elif self._grid.word_picked:
            self._pointer.pick_word(None)
        else:
            self._pointer.point_layer(None)
            self._pointer.point_lag(None)
            self._view_settings.fill_screen(False)


class DisplayHandlers:
    """Freeze the display, reset the scores, and choose how many of the last words are scored.

    Parameters
    ----------
    link : EngineLink
        Link to the engine.
    widgets : WindowWidgets
        Widgets of the window.
    actions : ActionRegistry
        Actions of the window.
    """

    def __init__(self, link: EngineLink, widgets: WindowWidgets, actions: ActionRegistry) -> None:
        self._link, self._actions = link, actions
        self._transport, self._grid, self._message_bar = widgets.transport, widgets.grid, widgets.message_bar

    def handlers(self) -> Handlers:
        """The handlers by action."""
        return {
            "freeze": self._freeze,
            "last-words": self._transport.apply_last_words,
            "fewer": lambda: self._transport.change_last_words(-1),
            "more": lambda: self._transport.change_last_words(1),
            "statistic": self._grid.panel(LagMapPanel).show_next_statistic,
            "control": self._grid.show_next_control,
            "reset": self._ask_reset,
        }

    def _freeze(self) -> None:
        """Freeze the panels, or draw the newest snapshot at once."""
        frozen = self._actions["freeze"].isChecked()
        for panel in self._grid.panels.values():
            panel.freeze(frozen)
        if not frozen:
            self._grid.draw(self._link.newest)

    def _ask_reset(self) -> None:
        n = self._link.newest.n_scored
        fixes = ((tr("Reset"), self._reset), (tr("Keep them"), lambda: self._message_bar.dismiss(QUESTION)))
        self._message_bar.post(Message(QUESTION, tr("The scores of {n:,} words will be reset.", n=n), "stale", fixes))

    def _reset(self) -> None:
        self._message_bar.dismiss(QUESTION)
        self._link.send(Reset())


class ReplayHandlers:
    """Play, speed, seeking and the word search of a replay.

    Parameters
    ----------
    link : EngineLink
        Link to the engine.
    widgets : WindowWidgets
        Widgets of the window.
    """

    def __init__(self, link: EngineLink, widgets: WindowWidgets) -> None:
        self._link = link
        self._transport, self._message_bar = widgets.transport, widgets.message_bar
        self._transport.command_requested.connect(link.send)
        self._transport.word_not_found.connect(self._report_missing_word)

    def handlers(self) -> Handlers:
        """The handlers by action."""
        transport: TransportBar = self._transport
        return {
            "play": transport.toggle_play,
            "slower": lambda: transport.change_speed(-1),
            "faster": lambda: transport.change_speed(1),
            "previous": lambda: transport.step(-1),
            "next": lambda: transport.step(1),
            "back": lambda: transport.skip(-SKIP_S),
            "forward": lambda: transport.skip(SKIP_S),
            "seek-start": lambda: self._link.send(Seek(0.0)),
            "find-word": transport.word.setFocus,
        }

    def play_again(self) -> None:
        """Replay from the start with scores from zero; without an engine, start the session again."""
        if self._link.state != "running":
            self._link.restart()
            return
        for command in (Reset(), Seek(0.0), Play()):
            self._link.send(command)

    def _report_missing_word(self, word: str) -> None:
        text = tr("“{word}” is not spoken in this recording.", word=word)
        self._message_bar.post_briefly(Message("notice", text, "stale"), 5)


class ExportHandlers:
    """Pictures, tables and the report.

    Parameters
    ----------
    exporter : Exporter
        Writes the files.
    grid : Grid
        The panels, and what they show.
    window : QMainWindow
        The window, for pictures of all of it.
    memory : WindowMemory
        The theme.
    """

    def __init__(self, exporter: Exporter, grid: Grid, window: QMainWindow, memory: WindowMemory) -> None:
        self._exporter, self._grid, self._window, self._memory = exporter, grid, window, memory

    def handlers(self) -> Handlers:
        """The handlers by action."""
        exporter = self._exporter
        return {
            "picture": lambda: exporter.save_picture(*self._whole()),
            "panel": lambda: exporter.save_picture(*self._hovered()),
            "print": self._print,
            "film": lambda: exporter.save_film(Theme.of(self._memory.theme)),
            "copy": lambda: exporter.copy_picture(*self._hovered()),
            "scores": lambda: exporter.save_scores(self._drawn()),
            "ladder": lambda: exporter.save_ladder(self._drawn()),
            "report": exporter.open_report,
        }

    def _print(self) -> None:
        if (panel := self._grid.hovered_panel) is not None:
            self._exporter.save_for_print(panel, panel.spec.name)

    def _whole(self) -> tuple[QWidget, str]:
        return self._window.centralWidget() or self._window, "window"

    def _hovered(self) -> tuple[QWidget, str]:
        """The panel that the pointer is over, or was over last, and its name; else the whole window."""
        panel = self._grid.hovered_panel
        return (panel, self._grid.hovered or "") if panel is not None else self._whole()

    def _drawn(self) -> Snapshot:
        return self._grid.drawn or empty_snapshot()
