"""RecentPage: recent sessions, each as it was, and those whose recording is gone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from rtalign.core.session import Session
from rtalign.core.text.translation import tr
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.boxes import short_path
from rtalign_monitor.start.disk_queries import DiskQueries
from rtalign_monitor.widgets.cards import Card, CardList
from rtalign_monitor.widgets.fields import secondary_button

EMPTY = (tr("No session yet"), tr("Sessions that were started are listed here, so that one key starts them again."))


class RecentPage(QWidget):
    """A list of sessions; Enter starts the chosen one again.

    Parameters
    ----------
    memory : WindowMemory
        Holds the sessions.
    queries : DiskQueries
        Looks in the background whether their files exist.

    Attributes
    ----------
    changed : signal
        The user has chosen a session or removed one.
    edit_requested : signal (Session)
        The session should be shown in its form, to be changed first.
    """

    changed = Signal()
    edit_requested = Signal(object)

    def __init__(self, memory: WindowMemory, queries: DiskQueries) -> None:
        super().__init__()
        self._memory, self._queries = memory, queries
        self.cards = CardList(tr("Recent sessions"))
        self.edit = secondary_button(tr("C&hange first…"), tr("Show this session in its form."))
        self.remove = secondary_button(tr("&Remove from list"), tr("Forget this session; its files stay.  (Delete)"))
        hint = QLabel(tr("Enter starts the chosen session again"))
        hint.setProperty("role", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.cards, 1)
        row = QHBoxLayout()
        row.addWidget(hint, 1)
        row.addWidget(self.remove)
        row.addWidget(self.edit)
        column.addLayout(row)
        self.cards.picked.connect(lambda _: self.changed.emit())
        self.edit.clicked.connect(lambda _=False: self.edit_requested.emit(self.session))
        self.remove.clicked.connect(lambda _=False: self._remove())

    @property
    def session(self) -> Session | None:
        """The session that is chosen."""
        return next((session for session in self._memory.recent if key_of(session) == self.cards.key), None)

    def refresh(self) -> None:
        """Show the sessions, as far as the disk has answered."""
        self.cards.show_cards([self._card(session) for session in self._memory.recent], EMPTY)
        if self.cards.key is None and self.cards.cards:
            self.cards.select(self.cards.cards[0].key)
        for button in (self.edit, self.remove):
            button.setEnabled(self.session is not None)

    def problem(self) -> str:
        """Why no session can start; empty where one can."""
        session = self.session
        if session is None:
            return tr("No session is chosen.")
        missing = self._missing_file(session)
        return tr("{missing} is gone: it was moved or deleted.", missing=missing) if missing else ""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is not None and event.key() == Qt.Key.Key_Delete:
            self._remove()
        else:
            super().keyPressEvent(event)

    def _card(self, session: Session) -> Card:
        missing = self._missing_file(session)
        parts = [when] if (when := started_text(self._memory.started.get(key_of(session), ""))) else []
        parts += [str(session.recording.parent)] if session.recording else []
        parts += [
            tr("bank {short_path}", short_path=short_path(session.bank))
            if session.bank
            else tr("decoders learned during the session")
        ]
        parts += [session.model] if session.model else []
        parts += [tr("recorded under {record}", record=session.record)] if session.record else []
        lamp, state = ("lost", "gone") if missing else ("ended", "replay" if session.recording else "live")
        text = tr("{missing} is gone: it was moved or deleted", missing=missing) if missing else ""
        verdict = "gone" if missing else "unknown"
        return Card(key_of(session), title_of(session), lamp, state, "  ·  ".join(parts), verdict, text)  # type: ignore[arg-type]

    def _missing_file(self, session: Session) -> Path | None:
        """The first file of a session that does not exist; None also until the disk has answered."""
        for path in (session.recording, session.bank, session.word_table):
            if path is not None and self._queries.get(("exists", path), path.exists) is False:
                return path
        return None

    def _remove(self) -> None:
        session = self.session
        if session is not None:
            at = self._memory.recent.index(session)
            self._memory.recent = [other for other in self._memory.recent if other != session]
            self.refresh()
            if self._memory.recent:
                self.cards.select(key_of(self._memory.recent[min(at, len(self._memory.recent) - 1)]))
            self.changed.emit()


def started_text(when: str) -> str:
    """Date and time as a person reads them: Thu 26 Nov 2026, 14:02; empty where they are not known."""
    try:
        return f"{datetime.fromisoformat(when):%a %d %b %Y, %H:%M}"
    except ValueError:
        return ""


def title_of(session: Session) -> str:
    """A session in a few words."""
    if session.recording is None:
        words = (
            tr("channel {trigger}", trigger=session.trigger)
            if session.trigger
            else session.words or tr("the first words")
        )
        return f"{session.label.replace('_', ' ')}  {session.meg or tr('the first MEG')}  +  {words}".strip()
    labels = {"subject": session.subject, "session": session.session, "task": session.task, "run": session.run}
    filters = ", ".join(f"{name} {label}" for name, label in labels.items() if label)
    return f"{session.recording.name}  {filters}".strip()


def key_of(session: Session) -> str:
    return session.model_dump_json()
