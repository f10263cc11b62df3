"""RecentPage: the sessions of the last days, each as it was, and those whose recording is gone."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from rtalign.core.session import Session
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.bank_box import called
from rtalign_monitor.start.disk_queries import Errands
from rtalign_monitor.widgets.cards import Card, CardList
from rtalign_monitor.widgets.fields import quiet_button

EMPTY = ("No session yet", "Sessions that were started stand here, so that one key begins them again.")


class RecentPage(QWidget):
    """Enter begins the chosen session again; `changing` : it should be shown in its form, to be changed first."""

    changed = pyqtSignal()
    changing = pyqtSignal(object)

    def __init__(self, memory: WindowMemory, errands: Errands) -> None:
        super().__init__()
        self._memory, self._errands = memory, errands
        self.cards = CardList("Recent sessions")
        self.change = quiet_button("C&hange first…", "Show this session in its form.")
        self.remove = quiet_button("&Remove from list", "Forget this session; its files stay.  (Delete)")
        self._hint = QLabel("Enter begins the chosen session again")
        self._hint.setProperty("role", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.cards, 1)
        row = QHBoxLayout()
        row.addWidget(self._hint, 1)
        row.addWidget(self.remove)
        row.addWidget(self.change)
        column.addLayout(row)
        self.cards.picked.connect(lambda _: self.changed.emit())
        self.change.clicked.connect(lambda _=False: self.changing.emit(self.session))
        self.remove.clicked.connect(lambda _=False: self._remove())

    @property
    def session(self) -> Session | None:
        found = [session for session in self._memory.recent if key_of(session) == self.cards.key]
        return found[0] if found else None

    def look(self) -> None:
        self.cards.show_cards([self._card(session) for session in self._memory.recent], EMPTY)
        if self.cards.key is None and self.cards.cards:
            self.cards.choose(self.cards.cards[0].key)
        for button in (self.change, self.remove):
            button.setEnabled(self.session is not None)

    def why_not(self) -> str:
        session = self.session
        if session is None:
            return "No session is chosen."
        gone = self._gone(session)
        return f"{gone} is gone: it was moved or deleted." if gone else ""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is not None and event.key() == Qt.Key.Key_Delete:
            self._remove()
        else:
            super().keyPressEvent(event)

    def _card(self, session: Session) -> Card:
        gone = self._gone(session)
        with_ = f"bank {called(session.bank)}" if session.bank else "decoders learned on the way"
        more = [with_, *([session.model] if session.model else [])]
        more += [f"recorded under {session.record}"] if session.record else []
        lamp, state = ("lost", "gone") if gone else ("ended", "replay" if session.recording else "live")
        detail = "  ·  ".join([*([str(session.recording.parent)] if session.recording else []), *more])
        told = f"{gone} is gone: it was moved or deleted" if gone else ""
        return Card(key_of(session), title_of(session), lamp, state, detail, "gone" if gone else "unknown", told)

    def _gone(self, session: Session) -> Path | None:
        """The first file of a session that is no more; unknown until the disk has answered."""
        for path in (session.recording, session.bank, session.word_table):
            if path is not None and self._errands.answer(("there", path), path.exists) is False:
                return path
        return None

    def _remove(self) -> None:
        session = self.session
        if session is not None:
            at = self._memory.recent.index(session)
            self._memory.recent = [other for other in self._memory.recent if other != session]
            self.look()
            if self._memory.recent:
                self.cards.choose(key_of(self._memory.recent[min(at, len(self._memory.recent) - 1)]))
            self.changed.emit()


def title_of(session: Session) -> str:
    """A session in a few words."""
    if session.recording is None:
        words = f"channel {session.trigger}" if session.trigger else session.words or "the first words"
        return f"{session.meg or 'the first MEG'}  +  {words}"
    parts = [f"{name} {getattr(session, name)}" for name in ("subject", "session", "task", "run")
             if getattr(session, name)]  # fmt: skip
    return "  ".join([session.recording.name, ", ".join(parts)]).strip()


def key_of(session: Session) -> str:
    return session.model_dump_json()
