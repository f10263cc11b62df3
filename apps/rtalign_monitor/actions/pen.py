"""The operator's pen: bookmarks and notes, written at a moment of the session, found again, renamed and removed."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QRect, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from rtalign.core.records import Annotation
from rtalign.core.text.time_format import position_time
from rtalign.core.text.translation import tr
from rtalign.engine.commands import MAX_ANNOTATION_CHARACTERS, Seek, SetAnnotations
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.actions.registry import Handler
from rtalign_monitor.actions.view_settings import WindowWidgets
from rtalign_monitor.bars.message_bar import Message
from rtalign_monitor.engines.link import EngineClient, EngineLink
from rtalign_monitor.memory import AnnotationList

TIME, TEXT = 0, 1
LINE_PX = 34
"""Height of the line in which a note is written."""


class Pen:
    """What the operator writes goes to the engine, for the report, and to the recorder, for the recording.

    Parameters
    ----------
    link : EngineLink
        Link to the engine.
    widgets : WindowWidgets
        Widgets of the window.
    annotations : AnnotationList
        What has been written.
    window : QWidget
        The window, parent of the list.
    """

    def __init__(self, link: EngineLink, widgets: WindowWidgets, annotations: AnnotationList, window: QWidget) -> None:
        self._link, self._annotations, self._window = link, annotations, window
        self._transport, self._message_bar, self._status = widgets.transport, widgets.message_bar, widgets.status
        self.line = NoteLine(window)
        self.line.written.connect(self._write)
        self.list: AnnotationDialog | None = None
        self._start_s = 0.0
        self._told: EngineClient | None = None

    def handlers(self) -> dict[str, Handler]:
        """The handlers by action."""
        return {
            "bookmark": self._toggle_bookmark,
            "note": self._begin_note,
            "notes": self._show_list,
            "previous-bookmark": lambda: self._seek(-1),
            "next-bookmark": lambda: self._seek(1),
        }

    def close(self) -> None:
        """Put away what belongs to a session that ends."""
        self.line.hide()
        if self.list is not None:
            self.list.close()

    def follow(self, snapshot: Snapshot) -> None:
        """Show what was written, and tell an engine that is new of it."""
        if snapshot.phase != "loading":
            if not self._start_s and snapshot.position_s is None:
                self._start_s = snapshot.time_s
            if self._annotations.follow(snapshot.annotations) and self._told is not self._link.engine:
                self._send()
            self._told = self._link.engine
        self._transport.timeline.set_annotations(self._annotations.entries)

    def clock(self, time_s: float) -> str:
        """A time of the signal as the window shows it: the position in a recording, or since the session began."""
        return position_time(max(time_s - self._start_s, 0.0))

    def _send(self) -> None:
        self._link.send(SetAnnotations(self._annotations.entries, self._link.time_s or 0.0))

    def _changed(self) -> None:
        self._send()
        self._transport.timeline.set_annotations(self._annotations.entries)
        if self.list is not None and self.list.isVisible():
            self.list.fill(self._rows())

    def _toggle_bookmark(self) -> None:
        """Set a bookmark at this moment, or remove what is there; for some seconds this can be undone."""
        if (time_s := self._link.time_s) is None:
            return
        before = self._annotations.at(time_s)
        if before is None:
            self._write(time_s, "")
            self._say(tr("Bookmark set."), tr("Name it…"), lambda: self._open_line(Annotation(time_s, "")))
        else:
            self._annotations.remove(time_s)
            self._changed()
            self._say(tr("Bookmark removed."), tr("Undo"), lambda: self._restore(before))

    def _restore(self, annotation: Annotation) -> None:
        self._write(*annotation)
        self._message_bar.dismiss("notice")

    def _say(self, text: str, label: str, do: Handler) -> None:
        self._message_bar.post_briefly(Message("notice", text, "quiet", ((label, do),)), 6)

    def _begin_note(self) -> None:
        """Open the line; what is written belongs to the moment at which the key was pressed."""
        if (time_s := self._link.time_s) is not None:
            self._open_line(self._annotations.at(time_s) or Annotation(time_s, ""))

    def _open_line(self, annotation: Annotation) -> None:
        self._message_bar.dismiss("notice")
        room = self._status.message_room()
        room.moveTopLeft(self._status.mapTo(self._window, room.topLeft()))
        self.line.begin(annotation, tr("At {clock}", clock=self.clock(annotation.time)), room)

    def _write(self, time_s: float, text: str) -> None:
        self._annotations.write(time_s, text)
        self._changed()

    def _seek(self, step: int) -> None:
        if (time_s := self._annotations.neighbour(self._transport.timeline.position, step)) is not None:
            self._link.send(Seek(time_s))

    def _rows(self) -> list[tuple[str, Annotation]]:
        return [(self.clock(entry.time), entry) for entry in self._annotations.entries]

    def _show_list(self) -> None:
        if self.list is None:
            self.list = AnnotationDialog(self._window)
            self.list.chosen.connect(self._go_to)
            self.list.renamed.connect(self._write)
            self.list.removed.connect(self._remove)
        self.list.fill(self._rows())
        self.list.open()

    def _go_to(self, time_s: float) -> None:
        """In a replay; live streams cannot be moved."""
        if self._link.newest.position_s is not None:
            self._link.send(Seek(time_s))

    def _remove(self, time_s: float) -> None:
        self._annotations.remove(time_s)
        self._changed()


class NoteLine(QFrame):
    """A line to write in, over the place of messages: Enter keeps what was written, Esc does not.

    The signal `written` has the time and the text.
    """

    written = Signal(float, str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("message_bar")
        self._time, self.text = QLabel(), QLineEdit()
        self.text.setMaxLength(MAX_ANNOTATION_CHARACTERS)
        self.text.setPlaceholderText(tr("Write a note; Enter keeps it, Esc does not"))
        self.text.setAccessibleName(tr("Note"))
        self.text.setAccessibleDescription(tr("Enter keeps the note, Escape does not"))
        self._time.setBuddy(self.text)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 8, 2)
        row.setSpacing(10)
        row.addWidget(self._time)
        row.addWidget(self.text, 1)
        for label, do in ((tr("Keep"), self._keep), (tr("Cancel"), self.hide)):
            button = QPushButton(label)
            button.clicked.connect(do)
            row.addWidget(button)
        self.text.returnPressed.connect(self._keep)
        self.text.installEventFilter(self)
        self._of = Annotation(0.0, "")
        self.hide()

    def begin(self, annotation: Annotation, label: str, room: QRect) -> None:
        """Write at a time, or change what is written there.

        Parameters
        ----------
        annotation : Annotation
            The time and what is there.
        label : str
            The time, in words.
        room : QRect
            Where the line may stand, in the window.
        """
        self._of = annotation
        self._time.setText(label)
        self.text.setText(annotation.text)
        self.setGeometry(room)
        self.show()
        self.raise_()
        self.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.text.selectAll()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Esc puts the line away, before it means anything to the window."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() == QEvent.Type.KeyPress:
                self.hide()
            event.accept()
            return True
        return super().eventFilter(watched, event)

    def hideEvent(self, event: object) -> None:  # noqa: ARG002
        parent = self.parentWidget()
        if parent is not None:
            parent.setFocus()

    def _keep(self) -> None:
        self.hide()
        self.written.emit(self._of.time, self.text.text().strip())


class AnnotationDialog(QDialog):
    """All bookmarks and notes: Enter goes to one, F2 renames it, Delete removes it.

    Signals: `chosen` and `removed` with a time, `renamed` with a time and the new text.
    """

    chosen = Signal(float)
    renamed = Signal(float, str)
    removed = Signal(float)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setWindowTitle(tr("Bookmarks and notes"))
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels([tr("Time"), tr("Text")])
        self.table.setAccessibleName(tr("Bookmarks and notes"))
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QTableWidget.EditTrigger.EditKeyPressed)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.cellDoubleClicked.connect(lambda row, _: self.chosen.emit(self._times[row]))
        self.table.itemChanged.connect(self._rename)
        self.table.installEventFilter(self)
        header, rows = self.table.horizontalHeader(), self.table.verticalHeader()
        assert header is not None
        assert rows is not None
        header.setAccessibleName(tr("Columns"))
        header.setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        rows.hide()
        column = QVBoxLayout(self)
        column.addWidget(self.table)
        hint = QLabel(tr("Enter: go there    F2: rename    Delete: remove    Esc: close"))
        hint.setObjectName("hint")
        column.addWidget(hint)
        self.resize(520, 360)
        self._times: list[float] = []

    def fill(self, rows: list[tuple[str, Annotation]]) -> None:
        """Show these, each with its time in words."""
        self.table.blockSignals(True)
        at = max(self.table.currentRow(), 0)
        self._times = [annotation.time for _, annotation in rows]
        self.table.setRowCount(len(rows))
        for row, (clock, annotation) in enumerate(rows):
            time, text = QTableWidgetItem(clock), QTableWidgetItem(annotation.text)
            time.setFlags(time.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.table.setItem(row, TIME, time)
            self.table.setItem(row, TEXT, text)
        self.table.blockSignals(False)
        if rows:
            self.table.setCurrentCell(min(at, len(rows) - 1), TEXT)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """The table's keys; those of a text that is being changed are the editor's."""
        row, is_table = self.table.currentRow(), self.table.hasFocus()
        is_press = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if isinstance(event, QKeyEvent) and is_press and is_table and 0 <= row < len(self._times):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.accept()
                self.chosen.emit(self._times[row])
                return True
            if event.key() == Qt.Key.Key_Delete:
                self.removed.emit(self._times[row])
                return True
        return super().eventFilter(watched, event)

    def _rename(self, item: QTableWidgetItem) -> None:
        if item.column() == TEXT:
            self.renamed.emit(self._times[item.row()], item.text().strip()[:MAX_ANNOTATION_CHARACTERS])
