"""KeepBox: what is kept of a session, and whether its scores are sent out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QWidget

from rtalign.core.session import Session
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.widgets.controls import Tick
from rtalign_monitor.widgets.fields import PathField, label_for

RECORDINGS = Path.home() / "rtalign-sessions"


class KeepBox(QWidget):
    """A live session can be recorded; a replay is on disk already and has results alone."""

    changed = pyqtSignal()

    def __init__(self, memory: WindowMemory) -> None:
        super().__init__()
        self.live = True
        self.record = Tick("Re&cord to", "Keep everything that comes in on disk, as it came.")
        self.folder = PathField("Folder to record to", memory, folder=True)
        self.out = PathField("Folder for the results", memory, folder=True, hint="none: nothing is written")
        self.publish = Tick("&Publish scores over LSL", "Send the scores out as stream rtalign-scores.")
        self._results = label_for("Results &into", self.out)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        for widget in (self.record, self.folder, self._results, self.out, self.publish):
            row.addWidget(widget, 1 if isinstance(widget, PathField) else 0)
        self.folder.put(next((session.record for session in memory.recent if session.record), RECORDINGS))
        self.folder.setEnabled(False)
        self.record.toggled.connect(self.folder.setEnabled)
        self.record.toggled.connect(lambda _: self.changed.emit())
        for field in (self.folder, self.out):
            field.changed.connect(self.changed)

    def show_for(self, live: bool) -> None:
        self.live = live
        self.record.setVisible(live)
        self.folder.setVisible(live)
        self._results.setVisible(not live)
        self.out.setVisible(not live)

    def settings(self) -> dict[str, Any]:
        record = self.folder.path if self.live and self.record.isChecked() else None
        return {"record": record, "out": None if self.live else self.out.path, "publish": self.publish.isChecked()}

    def fill(self, session: Session) -> None:
        """A folder that was recorded to once is kept at hand."""
        self.record.setChecked(session.record is not None)
        if session.record is not None:
            self.folder.put(session.record)
        self.out.put(session.out)
        self.publish.setChecked(session.publish)

    def why_not(self) -> str:
        lacks = self.live and self.record.isChecked() and self.folder.path is None
        return "Name the folder to record to." if lacks else ""
