"""RecordingPage: a recording to replay, previewed by another process, narrowed where it is a data set."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from qtpy.QtCore import QObject, QProcess, QTimer, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from rtalign.core.records import RecordingIdentity, Sensor, sensor_from_dict
from rtalign.core.session import Session
from rtalign.core.text.time_format import position_time
from rtalign.core.text.translation import tr
from rtalign.recordings.bids import ENTITIES, plain_label
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.bank_fit import BankInfo, count_sensors, verdict
from rtalign_monitor.start.live_page import TABLES
from rtalign_monitor.start.processes import background_process
from rtalign_monitor.widgets.cards import Card, CardList
from rtalign_monitor.widgets.controls import MultiComboBox
from rtalign_monitor.widgets.fields import PathField, choose_path, heading, label_for, secondary_button

FILTERS = {"subject": tr("S&ubject"), "session": tr("Sessio&n"), "task": tr("Tas&k"), "run": tr("&Run")}
KINDS = tr("Recordings (*.fif *.fif.gz *.xdf *.xdfz *.con *.sqd *.h5);;All files (*)")
TYPING_MS = 250
"""A path that is being typed is not previewed letter by letter."""
SHOW_TIME_AFTER_S = 0.5
"""After this time the card says how long the preview has taken, and it can be skipped."""
SKIPPED = tr("No preview: whether it fits is known when the session starts.")
EMPTY = (tr("No recording is chosen"), (
    tr("A BIDS folder, a FIF, CTF, KIT, BTi or XDF recording, or a session that rtalign recorded.\n"
       "A file that comes without words needs a word table: TSV, CSV, TextGrid or CTM.")
))  # fmt: skip
DIALOG_TERMS = (
    ("name a table with --word-table FILE", tr("name it as Word table below")), ("--word-table", tr("the word table")),
)  # fmt: skip
"""Options of the command line in messages, and the dialog's terms for them."""


class RecordingPreview(QObject):
    """What is in a recording, read by another process, as the readers are too heavy for the window's own.

    Attributes
    ----------
    labels : dict of str to list of str
        By what a BIDS folder can be narrowed; known early.
    content : dict or None
        What is in the recording; see rtalign.engine.process.preview.
    error : str
        Why it cannot be opened.
    skipped : bool
        The user does not want to wait for it.
    changed : signal
        Something of it has changed.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MS)
        self._timer.timeout.connect(self._start)
        self._process: QProcess | None = None
        self._session: Session | None = None
        self.labels: dict[str, list[str]] = {}
        self.content: dict[str, Any] | None = None
        self.error = ""
        self.skipped = False
        self._started = 0.0

    @property
    def busy(self) -> bool:
        return self._timer.isActive() or self._process is not None

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return time.monotonic() - self._started if self.busy else 0.0

    def show(self, session: Session | None) -> None:
        """Preview the recording of a session, or none."""
        if session == self._session:
            return
        same = session and self._session and session.recording == self._session.recording
        self._session = session
        self._end()
        self.labels, self.content, self.error = self.labels if same else {}, None, ""
        self.skipped, self._started = False, time.monotonic()
        if session is not None:
            self._timer.start()
        self.changed.emit()

    def skip(self) -> None:
        """Stop, and do without a preview."""
        self._end()
        self.skipped = True
        self.changed.emit()

    def retry(self) -> None:
        """Try again to open what could not be opened, as it may have been repaired."""
        if self.error and not self.busy:
            self._timer.start()

    def close(self) -> None:
        self._timer.stop()
        self._end()

    def _start(self) -> None:
        assert self._session is not None
        self.error = ""
        process = background_process(self)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._finished)
        self._process = process
        process.start(sys.executable, ["-m", "rtalign.engine.process.preview"])
        process.write(self._session.model_dump_json().encode())
        process.closeWriteChannel()

    def _read(self) -> None:
        process = self._process
        while process is not None and process.canReadLine():
            line = json.loads(bytes(process.readLine().data()))
            self.labels = line.get("labels", self.labels)
            self.content = line.get("preview", self.content)
            self.error = line.get("error", self.error)
        self.changed.emit()

    def _finished(self) -> None:
        process = self._process
        if process is None:
            return
        self._read()
        if self.content is None and not self.error:
            output = bytes(process.readAllStandardError().data()).decode("utf-8", "replace").strip()
            self.error = tr(
                "it could not be previewed: {reason}",
                reason=output.splitlines()[-1] if output else process.errorString(),
            )
        self._end()
        self.changed.emit()

    def _end(self) -> None:
        self._timer.stop()
        process, self._process = self._process, None
        if process is not None:
            process.blockSignals(True)
            if process.state() != QProcess.ProcessState.NotRunning:
                process.kill()
                process.waitForFinished(1000)
            process.deleteLater()


class RecordingPage(QWidget):
    """A path, a word table, filters for data sets, and a card of what is in the recording.

    Parameters
    ----------
    memory : WindowMemory
        Remembers folders.

    Attributes
    ----------
    sensors : tuple of Sensor
        Of the recording, as far as they are known.
    preview : RecordingPreview
        What is in the recording.
    changed : signal
        The user, or the preview, has changed something.
    """

    changed = Signal()

    def __init__(self, memory: WindowMemory) -> None:
        super().__init__()
        self._memory = memory
        self.path = PathField(tr("Recording"), memory, folder=True, hint=tr("a folder or a file"))
        self.file = secondary_button(tr("File…"), tr("One file: FIF, KIT, XDF, HDF5"))
        self.skip = secondary_button(tr("Skip preview"), tr("Start without a preview of what is in it."))
        self.skip.hide()
        self.table = PathField(
            tr("Word table"), memory, folder=False, hint=tr("only where words are missing"), kinds=TABLES
        )
        self.filters = {name: MultiComboBox(text.replace("&", "")) for name, text in FILTERS.items()}
        self._filter_labels = {name: label_for(text, self.filters[name]) for name, text in FILTERS.items()}
        self.cards, self.preview = CardList(tr("Recording")), RecordingPreview(self)
        self.sensors: tuple[Sensor, ...] = ()
        self._origin: tuple[RecordingIdentity, ...] = ()
        self._overlap = ""
        self._wanted: dict[str, tuple[str, ...]] = dict.fromkeys(FILTERS, ())
        self._build()
        self._connect()

    @property
    def sfreq(self) -> float:
        """Sampling rate of the recording in Hz; 0 where it is unknown."""
        return float(self.preview.content["sfreq"][0]) if self.preview.content else 0.0

    def settings(self) -> dict[str, Any]:
        """Settings of the session."""
        return {"recording": self.path.path, "word_table": self.table.path, **self._filter_settings(), "meg": None,
                "words": None, "trigger": None, "encoding": "auto"}  # fmt: skip

    def fill(self, session: Session) -> None:
        """Show a session's settings."""
        settings = session.model_dump(include=set(FILTERS))
        self._wanted = {name: tuple(settings[name].split(",")) if settings[name] else () for name in FILTERS}
        self._show_filters()
        self.table.set_path(session.word_table)
        self.path.set_path(session.recording)
        self._update_preview()

    def refresh(self, bank: BankInfo | None, without_bank: bool) -> None:
        """Show what is known of the recording now."""
        content = self.preview.content
        waiting = content is None and not self.preview.error and not self.preview.skipped
        self.skip.setVisible(waiting and self.preview.seconds > SHOW_TIME_AFTER_S)
        self.sensors = tuple(sensor_from_dict(entry) for entry in content["sensors"]) if content else ()
        entries = content["origin"] if content else ()
        self._origin = tuple(RecordingIdentity(n, whole, signal, tuple(p)) for n, whole, signal, p in entries)
        self._overlap = ""
        self.cards.show_cards([self._card(bank, without_bank)] if self.path.path else [], EMPTY)
        if self.path.path:
            self.cards.select(str(self.path.path))

    def problem(self) -> str:
        """Why no session can start; empty where one can."""
        content = self.preview.content
        if self.path.path is None:
            return tr("No recording is chosen.")
        if self.preview.error:
            return in_dialog_terms(self.preview.error)
        if content is None:
            return "" if self.preview.skipped else tr("The recording is being read.")
        if len(content["sfreq"]) > 1:
            return tr("Its runs are at different rates: choose runs of one rate.")
        return "" if content["n_words"] else tr("There are no words in this recording.")

    def warning(self) -> str:
        """What should be known but does not keep a session from starting."""
        if self.path.path is None:
            return ""
        return SKIPPED if self.preview.skipped else self._overlap

    def stop(self) -> None:
        """End the preview, as the dialog is closed."""
        self.preview.close()

    def _card(self, bank: BankInfo | None, without_bank: bool) -> Card:
        path, content = self.path.path, self.preview.content
        assert path is not None
        if self.preview.error:
            text = in_dialog_terms(self.preview.error)
            return Card(str(path), path.name, "lost", tr("cannot be opened"), str(path), "differs", text)
        if content is None and self.preview.skipped:
            return Card(str(path), path.name, "found", tr("no preview"), str(path), verdict_text=SKIPPED)
        if content is None:
            seconds = self.preview.seconds
            time_text = tr(", {seconds:.0f} s", seconds=seconds) if seconds > SHOW_TIME_AFTER_S else ""
            return Card(str(path), path.name, "searching", tr("being read{time_text}", time_text=time_text), str(path))
        runs = (
            tr("{content} recordings", content=content["n_recordings"])
            if content["n_recordings"] > 1
            else content["name"]
        )
        rates = tr(" and ").join(f"{rate:,.6g}" for rate in content["sfreq"])
        parts = (runs, position_time(content["seconds"]), tr("{n:,} words", n=content["n_words"]),
                 f"{rates} Hz", count_sensors(self.sensors))  # fmt: skip
        fit, text = verdict(bank, without_bank, self.sensors, self.sfreq, self._origin)
        self._overlap = f"{text[:1].upper()}{text[1:]}." if fit == "trained" else ""
        text = "\n".join(part for part in (text, *content["notes"]) if part)
        return Card(str(path), path.name, "flowing", tr("can be replayed"), "  ·  ".join(parts), fit, text)

    def _filter_settings(self) -> dict[str, str | None]:
        """The filters as the command line takes them: several labels with commas between."""
        return {name: ",".join(box.checked) or None for name, box in self.filters.items()}

    def _update_preview(self) -> None:
        path = self.path.path
        if path is None:
            self.preview.show(None)
        else:
            self.preview.show(Session(recording=path, word_table=self.table.path, **self._filter_settings()))
        self.changed.emit()

    def _show_filters(self) -> None:
        """Offer the labels of the data set, and those of the last session even before the data set is known."""
        for name, box in self.filters.items():
            labels = self.preview.labels.get(name, [])
            known = {plain_label(text, ENTITIES[name]): text for text in labels}
            wanted = [known.get(plain_label(text, ENTITIES[name]), text.strip()) for text in self._wanted[name]]
            offered = [*labels, *(text for text in wanted if text not in labels)]
            needed = len(labels) > 1 or bool(wanted)
            self._filter_labels[name].setVisible(needed)
            box.setVisible(needed)
            box.set_labels(offered, [text for text in offered if text in wanted])

    def _preview_changed(self) -> None:
        self._show_filters()
        self.changed.emit()

    def _path_changed(self) -> None:
        """Clear the filters, as another recording has other labels."""
        self._wanted = dict.fromkeys(FILTERS, ())
        for box in self.filters.values():
            box.set_labels(box.labels, ())
        self._update_preview()

    def _filter_changed(self, name: str) -> None:
        self._wanted[name] = self.filters[name].checked
        self._update_preview()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        grid.addWidget(label_for(tr("Re&cording"), self.path), 0, 0)
        grid.addWidget(self.path, 0, 1)
        grid.addWidget(self.file, 0, 2)
        grid.addWidget(label_for(tr("Word &table"), self.table), 1, 0)
        grid.addWidget(self.table, 1, 1, 1, 2)
        column.addLayout(grid)
        row = QHBoxLayout()
        row.setSpacing(10)
        for name, box in self.filters.items():
            row.addWidget(self._filter_labels[name])
            box.setMaximumWidth(200)
            row.addWidget(box, 1)
        row.addStretch(1)
        column.addLayout(row)
        title: QLabel = heading(tr("What is in it"), self.cards)
        above = QHBoxLayout()
        above.addWidget(title, 1)
        above.addWidget(self.skip)
        column.addLayout(above)
        column.addWidget(self.cards, 1)
        self.path.button.setText(tr("Folder…"))

    def _connect(self) -> None:
        self.path.changed.connect(self._path_changed)
        self.table.changed.connect(self._update_preview)
        self.file.clicked.connect(lambda _=False: self._browse())
        for name, box in self.filters.items():
            box.edited.connect(lambda name=name: self._filter_changed(name))
        self.skip.clicked.connect(lambda _=False: self.preview.skip())
        self.preview.changed.connect(self._preview_changed)
        self._show_filters()

    def _browse(self) -> None:
        path = choose_path(self, tr("Recording"), self._memory, folder=False, kinds=KINDS)
        if path:
            self.path.set_path(path)


def in_dialog_terms(error: str) -> str:
    """A message that names an option of the command line, with the dialog's term for it instead."""
    for option, field in DIALOG_TERMS:
        error = error.replace(option, field)
    return error
