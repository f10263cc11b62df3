"""Pictures, tables and the report of what is shown, to where the user says."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PyQt6.QtCore import QTimer, QUrl
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QWidget

from rtalign.engine.commands import WriteReport
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor import memory as remember
from rtalign_monitor.bars.message_bar import Message, MessageBar
from rtalign_monitor.engines.link import EngineLink
from rtalign_monitor.export import files
from rtalign_monitor.export.background_save import Writing
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.widgets.fields import Asking

PICTURES = "PNG (*.png);;SVG (*.svg)"
TABLES = "CSV (*.csv)"
PATIENCE_S = 0.5
"""From here on it is said that a report or a picture is being written."""


class Outgoing:
    """Says in the message bar what was written and where, or why it could not be."""

    def __init__(self, link: EngineLink, message_bar: MessageBar, asking: Asking, memory: WindowMemory) -> None:
        self._link, self._message_bar, self._asking, self._memory = link, message_bar, asking, memory
        self._asked: tuple[float, int] | None = None
        self._writing: Writing | None = None

    def picture(self, widget: QWidget, name: str) -> None:
        """A large one takes seconds to pack, by a thread meanwhile."""
        path = self._where(f"Picture of the {name}", f"rtalign-{name}.png", PICTURES)
        if path is None:
            return
        try:
            pack = files.painted(widget, path)
        except (ValueError, OSError) as error:
            self._refuse(error)
            return
        self._call_off()
        self._writing = Writing(path, pack, self._message_bar)
        self._writing.ended.connect(self._written)
        self._writing.begin()
        QTimer.singleShot(round(1000 * PATIENCE_S), self._say_writing)

    def copy(self, widget: QWidget, name: str) -> None:
        files.copy_picture(widget)
        self._message_bar.post_briefly(Message("notice", f"A picture of the {name} is on the clipboard.", "live"), 4)

    def scores(self, seen: Snapshot) -> None:
        self._save("CSV of R(layer, lag)", "rtalign-scores.csv", TABLES, lambda p: files.save_scores(seen, p))

    def ladder(self, seen: Snapshot) -> None:
        self._save("CSV of the ladder", "rtalign-ladder.csv", TABLES, lambda p: files.save_ladder(seen, p))

    def report(self) -> None:
        """Have it written as things stand; one of an engine that is gone is opened as it is."""
        report = self._link.newest.report
        if self._link.state == "running":
            self._asked = time.monotonic(), report.n_written if report else 0
            self._link.send(WriteReport(remember.output_folder() / f"report-{datetime.now():%Y%m%d-%H%M%S}"))
        elif report:
            show(Path(report.path))

    def look(self, seen: Snapshot) -> None:
        """Open the report that was asked for, once it is there."""
        if self._asked is None:
            return
        since, before = self._asked
        if seen.report is not None and seen.report.n_written > before:
            self.forget()
            show(Path(seen.report.path))
            self._say(Path(seen.report.path))
        elif time.monotonic() - since > PATIENCE_S:
            self._message_bar.post(
                Message("report", "The report is being written.", "quiet", (("Cancel", self.forget),), True)
            )

    def forget(self) -> None:
        """No report is waited for."""
        self._asked = None
        self._message_bar.dismiss("report")

    def _say_writing(self) -> None:
        if self._writing is not None:
            text = f"The picture is being written: {self._writing.path}"
            self._message_bar.post(Message("writing", text, "quiet", (("Cancel", self._call_off),), True))

    def _call_off(self) -> None:
        """Nothing is left of a picture that is not whole."""
        if self._writing is not None:
            self._writing.call_off()
        self._writing = None
        self._message_bar.dismiss("writing")

    def _written(self, error: Exception | None) -> None:
        done, self._writing = self._writing, None
        self._message_bar.dismiss("writing")
        if error is not None:
            self._refuse(error)
        elif done is not None:
            self._say(done.path)

    def _where(self, title: str, name: str, kinds: str) -> Path | None:
        path = self._asking.new_file(title, (self._memory.folder or Path.home()) / name, kinds)
        if path is not None:
            self._memory.folder = path.parent
        return path

    def _save(self, title: str, name: str, kinds: str, write: Callable[[Path], None]) -> None:
        if (path := self._where(title, name, kinds)) is None:
            return
        try:
            write(path)
        except (ValueError, OSError) as error:
            self._refuse(error)
        else:
            self._say(path)

    def _refuse(self, error: Exception) -> None:
        self._message_bar.post_briefly(Message("notice", f"{error}", "lost"), 12)

    def _say(self, path: Path) -> None:
        cures = (("Open", lambda: show(path)), ("Open folder", lambda: show(path.parent)))
        self._message_bar.post_briefly(Message("notice", f"Written: {path}", "live", cures))


def show(path: Path) -> None:
    """With whatever the desktop opens such files with."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
