"""Exporter: pictures, tables and the report of what is shown, written where the user says."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from rtalign.core.text.translation import tr
from rtalign.engine.commands import WriteReport
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor import memory as window_memory
from rtalign_monitor.bars.message_bar import Message, MessageBar
from rtalign_monitor.engines.link import EngineLink
from rtalign_monitor.export import files
from rtalign_monitor.export.film import LadderHistory, film
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.panels.tables import ladder_table, score_table
from rtalign_monitor.widgets.fields import FileDialogs, open_path
from rtalign_monitor.widgets.painted import PaintedWidget
from rtalign_monitor.widgets.theme import Theme

PICTURES = "PNG (*.png);;SVG (*.svg)"
PRINTS = tr("SVG, a column wide (*.svg);;PDF, a column wide (*.pdf);;PNG for a poster (*.png)")
FILMS = "GIF (*.gif)"
TABLES = "CSV (*.csv)"
MESSAGE_AFTER_S = 0.5
"""After this time a message says that a report or a picture is still being written."""


class BackgroundWriter(QObject):
    """Writes a file in a thread, which the program waits for, so that closing the window leaves a complete file.

    Parameters
    ----------
    path : Path
        The file; it has this name only once it is complete.
    write : callable
        Writes it to the path that it is given.
    parent : QObject or None
        The Qt parent.

    Attributes
    ----------
    ended : signal (Exception or None)
        It was written, or failed with an error; in the window's own thread, and not after `cancel`.
    """

    ended = Signal(object)

    def __init__(self, path: Path, write: Callable[[Path], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path, self._write = path, write
        self._partial = path.with_name(f".{path.stem}.partial{path.suffix}")
        self._cancelled, self._lock = False, threading.Lock()
        self._thread = threading.Thread(target=self._run, name="writing")

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Leave no file, unless it is complete already."""
        with self._lock:
            self._cancelled = True

    def _run(self) -> None:
        failure: Exception | None = None
        try:
            self._write(self._partial)
            with self._lock:
                if not self._cancelled:
                    self._partial.replace(self.path)
        except (ValueError, OSError) as error:
            failure = error
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)
        with self._lock, contextlib.suppress(RuntimeError):  # the window may have been deleted
            if not self._cancelled:
                self.ended.emit(failure)


class Exporter(QObject):
    """Writes files that the user asks for; the message bar says what was written and where, or why it was not.

    Why a QObject: Qt calls no method of one that is gone, and a picture may be complete after its window was closed.

    Parameters
    ----------
    link : EngineLink
        Asks the engine for a report.
    message_bar : MessageBar
        Where results are posted; the Qt parent.
    dialogs : FileDialogs
        Asks for the name of a new file.
    memory : WindowMemory
        Remembers the folder of the last file.

    Attributes
    ----------
    source : str
        What nobody should take for a person, for captions.
    history : LadderHistory
        What a film of the ladder is made of.
    """

    def __init__(self, link: EngineLink, message_bar: MessageBar, dialogs: FileDialogs, memory: WindowMemory) -> None:
        super().__init__(message_bar)
        # A child, which goes with the window: PySide6 calls what QTimer.singleShot was given of a window that is gone.
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._post_picture)
        self._link, self._message_bar, self._dialogs, self._memory = link, message_bar, dialogs, memory
        self.source, self.history = "", LadderHistory()
        self._report_wanted: tuple[float, int] | None = None
        self._writer: BackgroundWriter | None = None

    def save_picture(self, widget: QWidget, name: str) -> None:
        """Save a picture of what is on the screen."""
        ask = tr("Picture of the {name}", name=name), f"rtalign-{name}.png", PICTURES
        self._write_later(*ask, lambda path: files.painted(widget, path, self._caption()))

    def save_for_print(self, panel: PaintedWidget, name: str) -> None:
        """Save a panel for a paper or a poster."""
        ask = tr("Picture of the {name} for print", name=name), f"rtalign-{name}.svg", PRINTS
        self._write_later(*ask, lambda path: files.for_print(panel, path, self._caption()))

    def save_film(self, theme: Theme) -> None:
        """Save a film of the ladder as it built up."""
        ask = tr("Film of the ladder"), "rtalign-ladder.gif", FILMS
        self._write_later(*ask, lambda _: film(self.history.states, theme, self._caption_of))

    def _write_later(self, title: str, name: str, kinds: str, paint: Callable[[Path], Callable[[Path], None]]) -> None:
        """Paint now, and compress in the background, as a large picture takes seconds."""
        path = self._ask(title, name, kinds)
        if path is None:
            return
        try:
            write = paint(path)
        except (ValueError, OSError) as error:
            self._post_error(error)
            return
        self._cancel_picture()
        self._writer = BackgroundWriter(path, write, self._message_bar)
        self._writer.ended.connect(self._picture_ended)
        self._writer.start()
        self._patience.start(round(1000 * MESSAGE_AFTER_S))

    def _caption(self) -> str:
        return self._caption_of(self._link.newest)

    def _caption_of(self, snapshot: Snapshot) -> str:
        return files.caption_of(self._link.session, snapshot, self.source, datetime.now())

    def copy_picture(self, widget: QWidget, name: str) -> None:
        files.copy_picture(widget, self._caption())
        self._message_bar.post_briefly(
            Message("notice", tr("A picture of the {name} is on the clipboard.", name=name), "live"), 4
        )

    def save_scores(self, snapshot: Snapshot) -> None:
        self._save(tr("CSV of R(layer, lag)"), "rtalign-scores.csv", lambda path: score_table(snapshot).write_csv(path))

    def save_ladder(self, snapshot: Snapshot) -> None:
        self._save(tr("CSV of the ladder"), "rtalign-ladder.csv", lambda path: ladder_table(snapshot).write_csv(path))

    def open_report(self) -> None:
        """Have the engine write a report and open it; of an engine that has ended, open the last one."""
        report = self._link.newest.report
        if self._link.state == "running":
            self._report_wanted = time.monotonic(), report.n_written if report else 0
            folder = window_memory.output_folder() / self._named(f"report-{datetime.now():%Y%m%d-%H%M%S}")
            self._link.send(WriteReport(folder))
        elif report:
            open_path(Path(report.path))

    def update(self, snapshot: Snapshot) -> None:
        """Follow a new snapshot: open the report that was asked for, once it has been written."""
        self.history.add(snapshot)
        if self._report_wanted is None:
            return
        asked_at, n_before = self._report_wanted
        if snapshot.report is not None and snapshot.report.n_written > n_before:
            self.cancel_report()
            open_path(Path(snapshot.report.path))
            self._post_written(Path(snapshot.report.path))
        elif time.monotonic() - asked_at > MESSAGE_AFTER_S:
            cancel = ((tr("Cancel"), self.cancel_report),)
            self._message_bar.post(Message("report", tr("The report is being written."), "quiet", cancel, True))

    def cancel_report(self) -> None:
        """Open no report that is still being written."""
        self._report_wanted = None
        self._message_bar.dismiss("report")

    def _post_picture(self) -> None:
        if self._writer is not None:
            text = tr("The picture is being written: {path}", path=self._writer.path)
            self._message_bar.post(Message("writing", text, "quiet", ((tr("Cancel"), self._cancel_picture),), True))

    def _cancel_picture(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
        self._writer = None
        self._message_bar.dismiss("writing")

    def _picture_ended(self, error: Exception | None) -> None:
        writer, self._writer = self._writer, None
        self._message_bar.dismiss("writing")
        if error is not None:
            self._post_error(error)
        elif writer is not None:
            self._post_written(writer.path)

    def _ask(self, title: str, name: str, kinds: str) -> Path | None:
        """Ask for the path of a new file, in the folder of the last one."""
        path = self._dialogs.new_file(title, (self._memory.folder or Path.home()) / self._named(name), kinds)
        if path is not None:
            self._memory.folder = path.parent
        return path

    def _named(self, name: str) -> str:
        """A name with participant and session before it, where the session has them."""
        label = self._link.session.label if self._link.session else ""
        return f"{label}_{name}" if label else name

    def _save(self, title: str, name: str, write: Callable[[Path], None]) -> None:
        """Save a table."""
        if (path := self._ask(title, name, TABLES)) is None:
            return
        try:
            write(path)
        except (ValueError, OSError) as error:
            self._post_error(error)
        else:
            self._post_written(path)

    def _post_error(self, error: Exception) -> None:
        self._message_bar.post_briefly(Message("notice", f"{error}", "lost"), 12)

    def _post_written(self, path: Path) -> None:
        buttons = ((tr("Open"), lambda: open_path(path)), (tr("Open folder"), lambda: open_path(path.parent)))
        self._message_bar.post_briefly(Message("notice", tr("Written: {path}", path=path), "live", buttons))
