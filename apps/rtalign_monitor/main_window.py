"""The main window: composes bars, panels and handlers, and draws the newest snapshot of the engine."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from qtpy.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QCloseEvent, QGuiApplication, QScreen
from qtpy.QtWidgets import QFrame, QMainWindow, QScrollArea, QVBoxLayout, QWidget

from rtalign.core.records import Sensor
from rtalign.core.session import Session
from rtalign.core.text.translation import tr
from rtalign.decoding.bank import DecoderBank
from rtalign.engine.snapshot import Snapshot
from rtalign.streams.events import Notice
from rtalign_monitor import memory
from rtalign_monitor.actions.bad_marks import BadMarkActions
from rtalign_monitor.actions.handlers import (
    DisplayHandlers,
    ExportHandlers,
    PanelPointer,
    ReplayHandlers,
    SessionHandlers,
    ViewHandlers,
)
from rtalign_monitor.actions.pen import Pen
from rtalign_monitor.actions.registry import ActionRegistry, WindowState, unavailable_reasons
from rtalign_monitor.actions.replay_extras import ReplayExtras
from rtalign_monitor.actions.rivals import Rivals
from rtalign_monitor.actions.view_settings import ViewSettings, WindowWidgets, first_scale
from rtalign_monitor.bars import messages
from rtalign_monitor.bars.message_bar import Message, MessageBar
from rtalign_monitor.bars.messages import Fixes, SessionStatus, messages_for
from rtalign_monitor.bars.status import StatusBar
from rtalign_monitor.bars.transport import TransportActions, TransportBar
from rtalign_monitor.bars.trust import TrustBar
from rtalign_monitor.engines import recorded
from rtalign_monitor.engines.link import EngineClient, EngineLink, EngineState, without_engine, without_streams
from rtalign_monitor.engines.recorded import RecordedEngine
from rtalign_monitor.export.exporter import Exporter
from rtalign_monitor.export.film import LadderHistory
from rtalign_monitor.memory import AnnotationList
from rtalign_monitor.panels.grid import Grid
from rtalign_monitor.panels.head import HeadPanel
from rtalign_monitor.panels.head_strip import HeadStripPanel
from rtalign_monitor.panels.sensors import SensorsPanel
from rtalign_monitor.start.sessions import SessionActions, describe_session, source_of
from rtalign_monitor.visitors import VisitorsWindow
from rtalign_monitor.widgets.fields import FileDialogs
from rtalign_monitor.widgets.theme import Theme

TICK_MS = 50
SIZE, FRAME_PX = QSize(1280, 800), 40
"""Of the window at its first start; height of the frame that a desktop puts around it."""
SMALLEST = QSize(320, 160)
"""Of what is seen of controls and panels."""
SHARE = 0.85
"""Of a large screen."""
DEMO_SPEED, DEMO_MESSAGE_S = 2.0, 15.0
WARNING_S = 12.0
"""How long a warning of the engine stays in the message bar."""


class MonitorWindow(QMainWindow):
    """Draws what has changed, 20 times a second; the engine does everything else.

    The signal `listener_requested` is emitted when the user asks for a demo that is trained here.

    Parameters
    ----------
    connect : callable
        Starts an engine for a session and returns its client.
    memory_file : Path
        Where the window remembers its settings.

    Attributes
    ----------
    link : EngineLink
        Link to the engine.
    action_registry : ActionRegistry
        All actions.
    status, message_bar, transport, grid, trust : QWidget
        The widgets, from top to bottom; the message bar stands over the status bar.
    drawn : Snapshot or None
        The newest snapshot that status, trust and transport show; also the panels, unless the display is frozen.
    closing : bool
        Whether the window closes as soon as the engine has stopped.
    """

    listener_requested = Signal()

    def __init__(self, connect: Callable[[Session], EngineClient], memory_file: Path) -> None:
        super().__init__()
        self.setWindowTitle("rtalign")
        self.memory_file, self.memory = memory_file, memory.load(memory_file)
        self.annotations = AnnotationList(self.memory)
        self.link, self.action_registry = EngineLink(connect), ActionRegistry(self)
        self.drawn: Snapshot | None = None
        self.closing = self._without_waiting = False
        self._last_notice: Notice | None = None
        self._patterns_of: RecordedEngine | str = ""
        self._drawn_state: tuple[EngineState, bool] = "none", False
        self._make_widgets()
        self._make_handlers(connect)
        self._fixes = self._make_fixes()
        self.view_settings.restore()
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(lambda: self.tick(by_turns=True))
        self._timer.start()

    def _make_widgets(self) -> None:
        actions = self.action_registry
        self.status, self.trust, self.grid = StatusBar(), TrustBar(), Grid()
        transport_actions = TransportActions(
            actions["play"], actions["record"], actions["last-words"], actions["freeze"], actions["reset"]
        )
        self.transport = TransportBar(transport_actions, self.memory.last_words)
        body = QWidget()
        body.setObjectName("body")
        body.setAccessibleName(tr("Session"))
        body.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(8)
        for widget in (self.status, self._scrolled(self.transport, self.grid), self.trust):
            column.addWidget(widget, 1 if isinstance(widget, QScrollArea) else 0)
        self.message_bar = MessageBar(messages.ORDER, self.status)
        self.visitors = VisitorsWindow(self._for_visitors, lambda: self._frozen, lambda: self.pointer.layer)
        self.visitors.closed.connect(lambda: self.action_registry["visitors"].setChecked(False))
        self.setCentralWidget(body)
        body.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        body.setFocus()
        if self.memory.geometry:
            self.restoreGeometry(QByteArray(base64.b64decode(self.memory.geometry)))
        else:
            self.memory.scale = first_scale(self.screen())
            self.resize(first_size(self.screen()))

    @staticmethod
    def _scrolled(transport: QWidget, grid: QWidget) -> QScrollArea:
        """Controls and panels, which are scrolled where a screen is too small for them, as one at 200 % may be."""
        inner, area = QWidget(), QScrollArea()
        inner.setObjectName("body")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(transport)
        column.addWidget(grid, 1)
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setMinimumSize(SMALLEST)
        return area

    def _make_handlers(self, connect: Callable[[Session], EngineClient]) -> None:
        link, actions = self.link, self.action_registry
        widgets = WindowWidgets(self.status, self.message_bar, self.transport, self.grid, self.trust)
        self.file_dialogs = FileDialogs(self)
        self.exporter = Exporter(link, self.message_bar, self.file_dialogs, self.memory)
        self.sessions = SessionActions(self.start, link, self.message_bar, self.file_dialogs, self.memory)
        self.view_settings = ViewSettings(self, widgets, actions, self.memory)
        self.pointer = PanelPointer(self.grid, link)
        self.replay = ReplayHandlers(link, widgets)
        self.pen = Pen(link, widgets, self.annotations, self)
        actions.connect({"visitors": lambda: self.show_visitors(actions["visitors"].isChecked())})
        self.rivals = Rivals(lambda: link.newest, lambda: Theme.of(self.memory.theme), self)
        self.bad_marks = BadMarkActions(link, self.grid.panel(SensorsPanel), self.message_bar, actions)
        for group in (
            self.bad_marks,
            self.rivals,
            SessionHandlers(self, self.start_dialog, self.start_demo, self.sessions, link, actions),
            ViewHandlers(self.view_settings, self.pointer, widgets, actions),
            DisplayHandlers(link, widgets, actions),
            self.replay,
            self.pen,
            ExportHandlers(self.exporter, self.grid, self, self.memory),
        ):
            actions.connect(group.handlers())
        for panel in self.grid.panels.values():
            panel.window_actions = [actions["copy"], actions["panel"], actions["print"]]
        self.replay_extras = ReplayExtras(connect, link, widgets, actions, self.file_dialogs)

    def _make_fixes(self) -> Fixes:
        link, sessions = self.link, self.sessions
        return Fixes(
            start=self.start_dialog, open=self.action_registry["open"].trigger, restart=link.restart, stop=link.stop,
            kill=self._kill_engine, cancel_restart=link.cancel_restart, close_now=self.close_now,
            choose_bank=sessions.choose_bank, ignore_missing_sensors=sessions.ignore_missing_sensors,
            report=self.exporter.open_report, demo=self.start_demo,
            play_again=self.replay.play_again, dismiss_loss=link.dismiss_loss,
        )  # fmt: skip

    def start(self, session: Session) -> None:
        """Start a session, in place of the current one."""
        self.transport.timeline.clear()
        if session.recording != recorded.DEMO:
            self.memory.add_recent(session)
        self.annotations.open(session)
        self.pen.close()
        self.exporter.cancel_report()
        self.message_bar.dismiss("notice")
        self.drawn = self._last_notice = None
        self.transport.set_last_words(session.last_words)
        self.status.label, self.status.source = session.label, source_of(session)
        self.visitors.source = self.exporter.source = self.status.source
        self.exporter.history = LadderHistory()
        self.setWindowTitle(f"{describe_session(session)} - rtalign")
        self.replay_extras.end(session)
        self.link.start(session)

    def start_dialog(self) -> None:
        """Open the dialog in which a session is chosen."""
        self.sessions.start_dialog(Theme.of(self.memory.theme), self, self.start_demo)

    def start_demo(self) -> None:
        """Play the packaged session, and offer to make one like it here."""
        self.start(Session(recording=recorded.DEMO, speed=DEMO_SPEED))
        fixes = ((tr("Train one here…"), self.listener_requested.emit), (tr("Start…"), self.start_dialog))
        text = tr("This is a recorded session of a simulated listener; one trained here takes some minutes.")
        self.message_bar.post_briefly(Message("notice", text, "quiet", fixes), DEMO_MESSAGE_S)

    def set_theme(self, name: memory.ThemeName) -> None:
        self.view_settings.set_theme(name)

    def set_view(self, view: memory.ViewName) -> None:
        self.view_settings.set_view(view)

    def tick(self, by_turns: bool = False) -> None:
        """Show what has changed.

        Status and trust are drawn also while the display is frozen, so that a frozen display does not look live.

        Parameters
        ----------
        by_turns : bool
            Draw the panels by turns, one at each tick, as `Grid.draw` does.
        """
        state, snapshot = self.link.poll(), self.link.newest
        if self.closing and state == "ended":
            self.close()
            return
        self._post_messages(snapshot)
        self.message_bar.place()  # its buttons and the label of the lamp change their width when they are painted
        self.replay_extras.update(snapshot)
        self.action_registry.set_available(unavailable_reasons(self._state(snapshot)))
        drawn_state, frozen = (state, self.link.silent), self._frozen
        if snapshot is self.drawn and drawn_state == self._drawn_state:
            if not frozen:
                self.grid.draw_next()
            return
        self.drawn, self._drawn_state = snapshot, drawn_state
        self._follow(snapshot)
        known = self._known(snapshot)
        self.status.draw(known)
        self.trust.draw(known)
        shown = without_streams(snapshot) if state in ("ended", "stopping") else snapshot
        self.transport.draw(shown)
        if not frozen:
            self.grid.draw(shown, by_turns)
            self.rivals.follow(shown)

    def _known(self, snapshot: Snapshot) -> Snapshot:
        """A snapshot, corrected where its engine or its streams are gone."""
        if self.link.state == "lost":
            return without_engine(snapshot)
        if self.link.state in ("ended", "stopping"):
            return without_streams(snapshot)
        return without_streams(snapshot, "unknown") if self.link.silent else snapshot

    def _for_visitors(self) -> Snapshot | None:
        """What visitors see: the session while one runs, with its end, or None."""
        newest = self.link.newest
        over = self.link.state in ("none", "failed") or newest.phase == "loading"
        return None if over else self._known(newest)

    def show_visitors(self, on: bool) -> None:
        """Open or close the visitors' window."""
        if not on:
            self.visitors.close()
            return
        self.visitors.set_theme(Theme.of(self.memory.theme))
        self.visitors.open_on(QGuiApplication.screens(), self.screen())

    @property
    def _frozen(self) -> bool:
        return self.action_registry["freeze"].isChecked()

    def _state(self, snapshot: Snapshot) -> WindowState:
        return WindowState(
            snapshot,
            self.link.state,
            self.link.session is not None,
            self.grid.hovered_panel is not None,
            self.action_registry["last-words"].isChecked(),
            len(self.annotations.entries),
            self.grid.view,
        )

    def _post_messages(self, snapshot: Snapshot) -> None:
        """Post the messages on the session that apply, and dismiss the others."""
        status = SessionStatus.of(self.link, snapshot, self.closing, self._frozen)
        for key, message in messages_for(status, self._fixes).items():
            if message is not None:
                self.message_bar.post(message)
            else:
                self.message_bar.dismiss(key)

    def _follow(self, snapshot: Snapshot) -> None:
        """Follow a new snapshot in everything but the widgets that draw it."""
        self.transport.timeline.set_words(self.link.word_list)
        self.pen.follow(snapshot)
        record = self.action_registry["record"]
        record.setChecked(snapshot.recording is not None)
        record.setIconText(tr("Recording") if snapshot.recording is not None else tr("Record"))
        self.action_registry["publish"].setChecked(snapshot.publishing)
        self.exporter.update(snapshot)
        self.sessions.update()
        self.bad_marks.update(snapshot)
        engine = self.link.engine
        source = engine if isinstance(engine, RecordedEngine) else snapshot.bank
        if snapshot.phase not in ("loading", "failed") and source != self._patterns_of:
            self._show_patterns(source)
        for notice in _newer(snapshot.notices, self._last_notice):
            self._last_notice = notice
            if notice.kind in ("command", "language"):
                self._post_notice(notice)

    def _post_notice(self, notice: Notice) -> None:
        text, severe = notice.text[:1].upper() + notice.text[1:], notice.level == "error"
        fixes = (("OK", lambda: self.message_bar.dismiss("notice")),)
        message = Message("notice", text, "lost" if severe else "stale", fixes)
        self.exporter.cancel_report()
        if severe:
            self.message_bar.post(message)
        else:
            self.message_bar.post_briefly(message, WARNING_S)

    def _show_patterns(self, source: RecordedEngine | str) -> None:
        """Show the patterns of a recorded session, or of the bank that the engine uses ("": none), and remember it.

        A bank that cannot be read is no error here: the engine refuses it, and says why.
        """
        self._patterns_of = source
        if isinstance(source, RecordedEngine):
            found = source.session.patterns
            self._set_patterns(found.sensors, found.values, found.lags_s)
            return
        if not source:
            self._set_patterns((), None, np.zeros(0))
            return
        if self.link.session is not None:
            self.link.session = self.link.session.model_copy(update={"bank": Path(source)})
            self.memory.add_recent(self.link.session)
        with contextlib.suppress(ValueError, OSError):
            loaded = DecoderBank.load(Path(source))
            patterns = loaded.tensors["patterns"] if "patterns" in loaded.tensors else None  # noqa: SIM401
            self._set_patterns(loaded.sensors, patterns, loaded.lags_s)

    def _set_patterns(self, sensors: Sequence[Sensor], patterns: np.ndarray | None, lags: np.ndarray) -> None:
        for shown in (self.grid.panel(HeadPanel), self.grid.panel(HeadStripPanel), self.visitors):
            shown.set_bank(sensors, patterns, lags)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Close only when the engine has written its results, unless the user does not want to wait."""
        if event is None:
            return
        engine = self.link.engine
        self.replay_extras.end()
        if engine is not None and engine.alive and not self._without_waiting:
            self.closing = True
            self.link.stop()
            event.ignore()
            return
        self.memory.layouts |= self.grid.layouts()
        self.memory.last_words = self.transport.last_words.value()
        if not self.isFullScreen():
            self.memory.geometry = base64.b64encode(self.saveGeometry().data()).decode()
        memory.save(self.memory, self.memory_file)
        self._timer.stop()
        self.visitors.close()
        self.rivals.close()

    def close_now(self) -> None:
        """Close without waiting for the engine, which continues to write."""
        self._without_waiting = True
        self.close()

    def _kill_engine(self) -> None:
        """Kill an engine that does not stop; if the window waited for it to close, it closes now."""
        self.link.kill()
        if self.closing:
            self.close_now()


def first_size(screen: QScreen | None) -> QSize:
    """The window's size at its first start: what a small screen leaves beside its bars, and most of a large one.

    Without a screen (platform "offscreen") nobody needs to see all of it, and pictures have the usual size.
    """
    if screen is None or QGuiApplication.platformName() == "offscreen":
        return SIZE
    return SIZE.expandedTo(screen.availableSize() * SHARE).boundedTo(screen.availableSize() - QSize(2, FRAME_PX))


def _newer(notices: tuple[Notice, ...], last: Notice | None) -> tuple[Notice, ...]:
    """The notices after the last one that was handled; all of them where that one is no longer among them."""
    handled = [i for i, notice in enumerate(notices) if notice == last]
    return notices[handled[-1] + 1 :] if handled else notices
