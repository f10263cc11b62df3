"""MonitorWindow: one workspace over the newest snapshot, in two views, with one pointed layer everywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import QDialog, QLabel, QMainWindow, QVBoxLayout, QWidget

from apps import remember
from apps.accompanying import Accompanying
from apps.actions import Actions, sheet
from apps.grid import Grid
from apps.linking import Engine, Link
from apps.remember import ViewName
from apps.status import StatusView
from apps.strip import Message, Strip
from apps.theme import Theme
from apps.transport import SKIP_S, Transport
from apps.trust import TrustView
from rtalign.bank import DecoderBank
from rtalign.session import Session
from rtalign.snapshot import Snapshot

TICK_MS = 50
ORDER = ("closing", "lost", "failed", "refused", "reset", "loading", "frozen", "compare", "sound", "ended")
THEME_NAMES: tuple[remember.ThemeName, ...] = ("system", "dark", "light")


class MonitorWindow(QMainWindow):
    """Draws what is new, 20 times a second; asks the engine for the rest."""

    def __init__(self, begin: Callable[[Session], Engine], memory_file: Path) -> None:
        super().__init__()
        self.setWindowTitle("rtalign")
        self.memory_file, self.memory = memory_file, remember.recall(memory_file)
        self.link, self.actions_, self.strip = Link(begin), Actions(self), Strip(ORDER)
        self.status, self.trust, self.grid = StatusView(), TrustView(), Grid()
        self.transport = Transport(self.actions_, self.memory.last_words)
        self.drawn: Snapshot | None = None
        self.pointed: int | None = None
        self._build()
        self._connect()
        self.accompanying = Accompanying(self, begin)
        self.set_theme(self.memory.theme)
        self.set_view(self.memory.view)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)
        self._timer.start()

    def start(self, session: Session) -> None:
        self.transport.timeline.forget()
        self.memory.met(session)
        self.drawn = None
        self.accompanying.end()
        self.link.start(session)
        self._tell_head(session)

    def _tell_head(self, session: Session) -> None:
        """A bank that cannot be read is refused by the engine, with the reason."""
        with contextlib.suppress(ValueError, OSError):
            if session.bank is not None:
                bank = DecoderBank.load(session.bank)
                patterns = bank.tensors["patterns"] if "patterns" in bank.tensors else None  # noqa: SIM401
                head = self.grid.panels["head"]
                head.set_bank(bank.sensors, patterns, bank.lags_s)  # type: ignore[attr-defined]

    def tick(self) -> None:
        """Status and trust go on while the picture is frozen: a frozen picture must not look alive."""
        state, seen = self.link.look(), self.link.newest
        self._tell(state, seen)
        self.accompanying.look(seen)
        if state == "ended" and self._closing:
            self.close()
        if seen is self.drawn:
            return
        self.drawn = seen
        for part in (self.status, self.trust, self.transport):
            part.draw(seen)
        if not self.actions_["freeze"].isChecked():
            self.grid.draw(seen)

    def point(self, layer: int | None) -> None:
        if layer != self.pointed:
            self.pointed = layer
            for panel in self.grid.panels.values():
                panel.point(layer)

    def point_lag(self, lag_s: float | None) -> None:
        for panel in self.grid.panels.values():
            if hasattr(panel, "point_lag"):
                panel.point_lag(lag_s)

    def pick(self, index: int | None) -> None:
        self.link.ask("inspect", index)
        self.grid.picked = index is not None
        self.grid.show_panels()

    def set_theme(self, name: remember.ThemeName) -> None:
        self.memory.theme = name
        theme = Theme.of(name)
        self.setStyleSheet(theme.stylesheet())
        for part in (self.status, self.trust, self.grid, self.transport):
            part.set_theme(theme)

    def set_view(self, view: ViewName) -> None:
        self.memory.layouts |= self.grid.layouts() if self.isVisible() else {}
        self.memory.view = view
        self.grid.arrange(view, self.memory)
        self.transport.setVisible(view == "operator")
        self.actions_["operator"].setChecked(view == "operator")
        self.actions_["demo"].setChecked(view == "demo")

    def step_layer(self, by: int) -> None:
        layers = self.drawn.layers if self.drawn else ()
        if layers:
            at = layers.index(self.pointed) + by if self.pointed in layers else 0
            self.point(layers[min(max(at, 0), len(layers) - 1)])

    def show_keys(self) -> None:
        dialog = QDialog(self)
        dialog.setWindowTitle("Keys")
        QVBoxLayout(dialog).addWidget(QLabel(sheet()))
        dialog.show()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """The engine writes what it found before the window goes."""
        if event is None:
            return
        engine = self.link.engine
        self.accompanying.end()
        if engine is not None and engine.alive and not self._leave:
            self._closing = True
            self.link.stop()
            event.ignore()
            return
        self.memory.layouts |= self.grid.layouts()
        remember.keep(self.memory, self.memory_file)
        self._timer.stop()

    _closing = _leave = False

    def _leave_now(self) -> None:
        self._leave = True
        self.close()

    def _build(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(10)
        for part in (self.status, self.strip, self.transport, self.grid, self.trust):
            column.addWidget(part, 1 if part is self.grid else 0)
        self.status.setFixedHeight(44)
        self.trust.setFixedHeight(26)
        self.setCentralWidget(body)
        self.resize(1280, 800)

    def _connect(self) -> None:
        a, t = self.actions_, self.transport
        deeds: dict[str, Callable[[], object]] = {
            "play": t.switch, "slower": lambda: t.gear(-1), "faster": lambda: t.gear(1), "next": lambda: t.step(1),
            "previous": lambda: t.step(-1), "back": lambda: t.skip(-SKIP_S), "on": lambda: t.skip(SKIP_S),
            "begin": lambda: self.link.ask("seek", 0.0), "jump": t.word.setFocus, "window": t.scope_changed,
            "reset": self._ask_reset, "restart": self.link.restart, "quit": self.close, "keys": self.show_keys,
            "up": lambda: self.step_layer(1), "down": lambda: self.step_layer(-1), "nothing": self._nothing,
            "operator": lambda: self.set_view("operator"), "demo": lambda: self.set_view("demo"),
            "theme": self._next_theme,
        }  # fmt: skip
        for name, deed in deeds.items():
            a[name].triggered.connect(lambda _=False, deed=deed: deed())
        t.asked.connect(self.link.ask)
        for panel in self.grid.panels.values():
            panel.pointed.connect(self.point)
            panel.lag_pointed.connect(self.point_lag)
        self.grid.panels["transcript"].picked.connect(self.pick)  # type: ignore[attr-defined]
        undone = ("start", "open", "bank", "load", "save", "record", "publish", "fullscreen", "larger", "smaller",
                  "layout", "fewer", "more", "bookmark", "picture", "panel", "copy", "scores", "ladder",
                  "report")  # fmt: skip
        a.enable(dict.fromkeys(undone, "Not connected yet."))

    def _nothing(self) -> None:
        self.point(None)
        self.pick(None)

    def _next_theme(self) -> None:
        self.set_theme(THEME_NAMES[(THEME_NAMES.index(self.memory.theme) + 1) % 3])

    def _ask_reset(self) -> None:
        n = self.drawn.n_scored if self.drawn else 0
        cures = (("Reset", self._reset), ("Keep them", lambda: self.strip.unsay("reset")))
        self.strip.say(Message("reset", f"The scores of {n:,} words will begin anew.", "stale", cures))

    def _reset(self) -> None:
        self.strip.unsay("reset")
        self.link.ask("reset")

    def _tell(self, state: str, seen: Snapshot) -> None:
        left = self.link.restarts_in_s
        again = (("Restart now", self.link.restart),)
        soon = "" if left is None else f"  It starts again in {left:.0f} s."
        told = {
            "closing": self._closing and Message(
                "closing", "The engine is writing what it found.", "quiet", (("Leave it to finish", self._leave_now),),
                True),
            "lost": state == "lost" and Message(
                "lost", f"The engine stopped unexpectedly; what was recorded is on disk, scores begin anew.{soon}",
                "lost", (*again, ("Not now", self.link.stay_stopped)) if soon else again),
            "failed": state == "failed" and Message("failed", seen.why or "The engine failed.", "lost", again),
            "refused": bool(seen.refused) and Message("refused", "; ".join(seen.refused), "lost"),
            "loading": state == "running" and seen.phase == "loading" and Message(
                "loading", seen.why or "Starting", "quiet", (), True),
            "frozen": self.actions_["freeze"].isChecked() and Message(
                "frozen", "The picture is frozen; the engine goes on. F goes on.", "stale"),
        }  # fmt: skip
        for key, message in told.items():
            if isinstance(message, Message):
                self.strip.say(message)
            else:
                self.strip.unsay(key)
