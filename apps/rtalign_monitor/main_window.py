"""MonitorWindow: one workspace over the newest snapshot, in two views, with one pointed layer everywhere."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QByteArray, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import QDialog, QLabel, QMainWindow, QVBoxLayout, QWidget

from rtalign.core.session import Session
from rtalign.decoding.bank import DecoderBank
from rtalign.engine.commands import Inspect, Play, Reset, Seek
from rtalign.engine.snapshot import Snapshot
from rtalign.streams.events import Notice
from rtalign_monitor import memory
from rtalign_monitor.actions import enabled, handlers
from rtalign_monitor.actions.registry import ActionRegistry, sheet
from rtalign_monitor.actions.replay_extras import ReplayExtras
from rtalign_monitor.actions.view_settings import ViewSettings
from rtalign_monitor.bars import messages
from rtalign_monitor.bars.message_bar import Message, MessageBar
from rtalign_monitor.bars.status import StatusView
from rtalign_monitor.bars.transport import Transport
from rtalign_monitor.bars.trust import TrustView
from rtalign_monitor.engines.link import EngineClient, EngineLink, State, without_engine, without_streams
from rtalign_monitor.export.exporter import Outgoing
from rtalign_monitor.memory import Bookmarks
from rtalign_monitor.panels.grid import Grid
from rtalign_monitor.panels.head import HeadPanel
from rtalign_monitor.start.sessions import Sessions, name_of
from rtalign_monitor.widgets.fields import Asking
from rtalign_monitor.widgets.theme import Theme

TICK_MS = 50


class MonitorWindow(QMainWindow):
    """Draws what is new, 20 times a second; asks the engine for the rest."""

    demo_wanted = pyqtSignal()

    def __init__(self, begin: Callable[[Session], EngineClient], memory_file: Path) -> None:
        super().__init__()
        self.setWindowTitle("rtalign")
        self.memory_file, self.memory = memory_file, memory.load(memory_file)
        self.link, self.action_registry, self.message_bar = (
            EngineLink(begin),
            ActionRegistry(self),
            MessageBar(messages.ORDER),
        )
        self.status, self.trust, self.grid = StatusView(), TrustView(), Grid()
        self.transport = Transport(self.action_registry, self.memory.last_words)
        self.file_dialogs, self.bookmarks = Asking(self), Bookmarks(self.memory)
        self.exporter = Outgoing(self.link, self.message_bar, self.file_dialogs, self.memory)
        self.sessions = Sessions(self.start, self.link, self.message_bar, self.file_dialogs, self.memory)
        self.drawn: Snapshot | None = None
        self.pointed: int | None = None
        self.closing = self._leave = False
        self._notice: Notice | None = None
        self._bank = ""
        self._standing: tuple[State, bool] = "none", False
        self._build()
        self.view_settings = ViewSettings(self)
        handlers.connect(self)
        self.replay_extras = ReplayExtras(self, begin)
        self.view_settings.begin()
        link, sessions = self.link, self.sessions
        self._cures = messages.Cures(
            restart=link.restart, stop=link.stop, stay_stopped=link.stay_stopped, leave=self.leave_now,
            give_up=self._give_up, start=self.start_dialog, open=self.action_registry["open"].trigger,
            choose_bank=sessions.choose_bank, do_without=sessions.do_without, report=self.exporter.report,
            play_again=self.play_again, forgive=self._forgive,
        )  # fmt: skip
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(lambda: self.tick(by_turns=True))
        self._timer.start()

    def start(self, session: Session) -> None:
        self.transport.timeline.forget()
        self.memory.add_recent(session)
        self.bookmarks.open(session)
        self.exporter.forget()
        self.message_bar.dismiss("notice")
        self.drawn = self._notice = None
        self.transport.follow(session.last_words)
        self.setWindowTitle(f"{name_of(session)} - rtalign")
        self.replay_extras.end(session)
        self.link.start(session)

    def tick(self, by_turns: bool = False) -> None:
        """Status and trust go on while the picture is frozen: a frozen picture must not look alive."""
        state, seen = self.link.look(), self.link.newest
        if self.closing and state == "ended":
            self.close()
            return
        self.tell(seen)
        self.replay_extras.look(seen)
        self.action_registry.enable(self.possible(seen))
        standing = state, self.link.silent
        if seen is self.drawn and standing == self._standing:
            if not self.action_registry["freeze"].isChecked():
                self.grid.draw_next()
            return
        self.drawn, self._standing = seen, standing
        self._take(seen)
        if state in ("ended", "stopping"):
            seen = without_streams(seen)
        known = without_engine(seen) if state == "lost" else without_streams(seen, "unknown") if standing[1] else seen
        for part, what in ((self.status, known), (self.trust, known), (self.transport, seen)):
            part.draw(what)
        if not self.action_registry["freeze"].isChecked():
            self.grid.draw(seen, by_turns)

    def tell(self, seen: Snapshot) -> None:
        """The strip says what has to be said."""
        frozen, link = self.action_registry["freeze"].isChecked(), self.link
        for key, message in messages.told(messages.standing(link, seen, self.closing, frozen), self._cures).items():
            if message is not None:
                self.message_bar.post(message)
            else:
                self.message_bar.dismiss(key)

    def set_theme(self, name: memory.ThemeName) -> None:
        self.view_settings.set_theme(name)

    def set_view(self, view: memory.ViewName) -> None:
        self.view_settings.set_view(view)

    def possible(self, seen: Snapshot) -> dict[str, str | None]:
        alone, panel = self.action_registry["window"].isChecked(), self.grid.hovered_panel is not None
        link = self.link
        return enabled.reasons(
            enabled.Now(
                seen, link.state, link.session is not None, panel, alone, len(self.bookmarks.times), self.grid.view
            )
        )

    def _take(self, seen: Snapshot) -> None:
        """What a snapshot says beside what is drawn of it."""
        self.transport.timeline.tell(self.link.word_list)
        self.transport.timeline.mark(self.bookmarks.times)
        self.action_registry["record"].setChecked(seen.recording is not None)
        self.action_registry["record"].setIconText("Recording" if seen.recording is not None else "Record")
        self.action_registry["publish"].setChecked(seen.publishing)
        self.exporter.look(seen)
        self.sessions.look()
        if seen.phase not in ("loading", "failed") and seen.bank != self._bank:
            self._tell_head(seen.bank)
        for notice in _since(seen.notices, self._notice):
            self._notice = notice
            if notice.kind in ("command", "language"):
                self._say_notice(notice)

    def _say_notice(self, notice: Notice) -> None:
        tone, text = "lost" if notice.level == "error" else "stale", notice.text[:1].upper() + notice.text[1:]
        cures = (("OK", lambda: self.message_bar.dismiss("notice")),)
        message = Message("notice", text, tone, cures)  # type: ignore[arg-type]
        self.exporter.forget()
        if notice.level == "error":
            self.message_bar.post(message)
        else:
            self.message_bar.post_briefly(message, 12)

    def _tell_head(self, bank: str) -> None:
        """Another bank is in use, or none; one that cannot be read is refused by the engine, with the reason."""
        self._bank = bank
        head = self.grid.panel(HeadPanel)
        if not bank:
            head.set_bank((), None, np.zeros(0))
            return
        if self.link.session is not None:
            self.link.session = self.link.session.model_copy(update={"bank": Path(bank)})
            self.memory.add_recent(self.link.session)
        with contextlib.suppress(ValueError, OSError):
            found = DecoderBank.load(Path(bank))
            patterns = found.tensors["patterns"] if "patterns" in found.tensors else None  # noqa: SIM401
            head.set_bank(found.sensors, patterns, found.lags_s)

    def point(self, layer: int | None) -> None:
        if layer != self.pointed:
            self.pointed = layer
            for panel in self.grid.panels.values():
                panel.point_layer(layer)

    def point_lag(self, lag_s: float | None) -> None:
        for panel in self.grid.panels.values():
            panel.point_lag(lag_s)

    def step_layer(self, by: int) -> None:
        layers = self.drawn.layers if self.drawn else ()
        if layers:
            at = layers.index(self.pointed) + by if self.pointed in layers else 0
            self.point(layers[min(max(at, 0), len(layers) - 1)])

    def pick(self, index: int | None) -> None:
        self.link.send(Inspect(index))
        self.grid.word_picked = index is not None
        self.grid.show_panels()

    def nothing(self) -> None:
        """One step back out of whatever one is in."""
        if self.transport.word.hasFocus():
            self.transport.word.clear()
            self.transport.word.clearFocus()
        elif self.grid.word_picked:
            self.pick(None)
        else:
            self.point(None)
            self.view_settings.fill_screen(False)

    def ask_reset(self) -> None:
        n = self.drawn.n_scored if self.drawn else 0
        cures = (("Reset", self._reset), ("Keep them", lambda: self.message_bar.dismiss("reset")))
        self.message_bar.post(Message("reset", f"The scores of {n:,} words will begin anew.", "stale", cures))

    def _reset(self) -> None:
        self.message_bar.dismiss("reset")
        self.link.send(Reset())

    def missed(self, word: str) -> None:
        self.message_bar.post_briefly(Message("notice", f"“{word}” is not said in this recording.", "stale"), 5)

    def play_again(self) -> None:
        """From the start, with new scores."""
        if self.link.state != "running":
            self.link.restart()
            return
        for command in (Reset(), Seek(0.0), Play()):
            self.link.send(command)

    def start_dialog(self) -> None:
        self.sessions.start_dialog(Theme.of(self.memory.theme), self, self.demo_wanted.emit)

    def show_keys(self) -> None:
        dialog = QDialog(self)
        dialog.setWindowTitle("Keys")
        dialog.setObjectName("keys")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        QVBoxLayout(dialog).addWidget(QLabel(sheet()))
        dialog.show()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """The engine writes what it found before the window goes."""
        if event is None:
            return
        engine = self.link.engine
        self.replay_extras.end()
        if engine is not None and engine.alive and not self._leave:
            self.closing = True
            self.link.stop()
            event.ignore()
            return
        self.memory.layouts |= self.grid.layouts()
        self.memory.last_words = self.transport.last.value()
        if not self.isFullScreen():
            self.memory.geometry = base64.b64encode(self.saveGeometry().data()).decode()
        memory.save(self.memory, self.memory_file)
        self._timer.stop()

    def leave_now(self) -> None:
        self._leave = True
        self.close()

    def _give_up(self) -> None:
        """Whoever was closing the window does not wait for it any longer either."""
        self.link.give_up()
        if self.closing:
            self.leave_now()

    def _forgive(self) -> None:
        self.link.loss = None

    def _build(self) -> None:
        body = QWidget()
        body.setObjectName("body")
        body.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(8)
        for part in (self.status, self.message_bar, self.transport, self.grid, self.trust):
            column.addWidget(part, 1 if part is self.grid else 0)
        self.setCentralWidget(body)
        body.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        body.setFocus()
        self.resize(1280, 800)
        if self.memory.geometry:
            self.restoreGeometry(QByteArray(base64.b64decode(self.memory.geometry)))


def _since(notices: tuple[Notice, ...], last: Notice | None) -> tuple[Notice, ...]:
    """Those behind the last one seen; all, where that is no longer among them."""
    seen = [i for i, notice in enumerate(notices) if notice == last]
    return notices[seen[-1] + 1 :] if seen else notices
