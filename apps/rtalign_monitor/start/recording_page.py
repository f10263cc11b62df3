"""RecordingPage: a recording to replay, narrowed where it is a data set, with a word table where it needs one."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from rtalign.core.records import Sensor, sensor_from_dict
from rtalign.core.session import Session
from rtalign.core.time_format import position_time
from rtalign.recordings.bids import ENTITIES, plain_label
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import bank_fit, stream_cards
from rtalign_monitor.start.live_page import TABLES
from rtalign_monitor.start.preview import Glancing
from rtalign_monitor.widgets.cards import Card, CardList
from rtalign_monitor.widgets.controls import Several
from rtalign_monitor.widgets.fields import PathField, ask_for, heading, label_for, quiet_button

FILTERS = {"subject": "S&ubject", "session": "Sessio&n", "task": "Tas&k", "run": "&Run"}
KINDS = "Recordings (*.fif *.fif.gz *.xdf *.xdfz *.con *.sqd *.h5);;All files (*)"
PATIENCE_S = 0.5
"""From here on it is said how long a look takes, and it can be given up."""
NOT_SEEN = "It was not looked at: whether it fits is seen when the session begins."
EMPTY = ("No recording is chosen", (
    "A BIDS folder, a FIF, CTF, KIT, BTi or XDF recording, or a session that rtalign recorded.\n"
    "A file that comes without words needs a word table: TSV, CSV, TextGrid or CTM."
))  # fmt: skip
CURES = (("name a table with --word-table FILE", "name it as Word table below"), ("--word-table", "the word table"))
"""What the command line would be told, as the dialog has it."""


class RecordingPage(QWidget):
    """What another process sees in the recording stands as a card, with its fit to the bank."""

    changed = pyqtSignal()

    def __init__(self, memory: WindowMemory) -> None:
        super().__init__()
        self._memory = memory
        self.path = PathField("Recording", memory, folder=True, hint="a folder or a file")
        self.file = quiet_button("File…", "One file: FIF, KIT, XDF, HDF5")
        self.stop = quiet_button("Do not wait", "Begin without a look at what is in it.")
        self.stop.hide()
        self.table = PathField("Word table", memory, folder=False, hint="only where words are missing", kinds=TABLES)
        self.filters = {name: Several(name.title()) for name in FILTERS}
        self._labels = {name: label_for(text, self.filters[name]) for name, text in FILTERS.items()}
        self.cards, self.glancing = CardList("Recording"), Glancing(self)
        self.sensors: tuple[Sensor, ...] = ()
        self._wanted: dict[str, tuple[str, ...]] = dict.fromkeys(FILTERS, ())
        self._build()
        self._connect()

    def settings(self) -> dict[str, Any]:
        return {"recording": self.path.path, "word_table": self.table.path, **self._asked(), "meg": None, "words": None,
                "trigger": None, "encoding": "auto"}  # fmt: skip

    def fill(self, session: Session) -> None:
        given = {name: getattr(session, name) for name in FILTERS}
        self._wanted = {name: tuple(labels.split(",")) if labels else () for name, labels in given.items()}
        self._offer_filters()
        self.table.put(session.word_table)
        self.path.put(session.recording)
        self._glance()

    def look(self, card: bank_fit.Card | None, learns: bool) -> None:
        seen = self.glancing.seen
        waiting = seen is None and not self.glancing.error and not self.glancing.given_up
        self.stop.setVisible(waiting and self.glancing.seconds > PATIENCE_S)
        self.sensors = tuple(sensor_from_dict(entry) for entry in seen["sensors"]) if seen else ()
        self.cards.show_cards([self._card(card, learns)] if self.path.path else [], EMPTY)
        if self.path.path:
            self.cards.choose(str(self.path.path))

    @property
    def sfreq(self) -> float:
        return float(self.glancing.seen["sfreq"][0]) if self.glancing.seen else 0.0

    def why_not(self) -> str:
        seen = self.glancing.seen
        if self.path.path is None:
            return "No recording is chosen."
        if self.glancing.error:
            return plainly(self.glancing.error)
        if seen is None:
            return "" if self.glancing.given_up else "The recording is being looked at."
        if len(seen["sfreq"]) > 1:
            return "Its runs are at different rates: choose runs of one rate."
        return "" if seen["n_words"] else "There are no words in this recording."

    def warning(self) -> str:
        """What does not keep a session from beginning."""
        return NOT_SEEN if self.glancing.given_up and self.path.path is not None else ""

    def close_down(self) -> None:
        self.glancing.close()

    def _card(self, card: bank_fit.Card | None, learns: bool) -> Card:
        path, seen = self.path.path, self.glancing.seen
        assert path is not None
        if self.glancing.error:
            return Card(str(path), path.name, "lost", "cannot be opened", str(path), "differs",
                        plainly(self.glancing.error))  # fmt: skip
        if seen is None and self.glancing.given_up:
            return Card(str(path), path.name, "found", "not looked at", str(path), told=NOT_SEEN)
        if seen is None:
            seconds = self.glancing.seconds
            for_long = f", {seconds:.0f} s" if seconds > PATIENCE_S else ""
            return Card(str(path), path.name, "searching", f"being looked at{for_long}", str(path))
        runs = f"{seen['n_recordings']} recordings" if seen["n_recordings"] > 1 else seen["name"]
        rates = " and ".join(f"{rate:,.6g}" for rate in seen["sfreq"])
        parts = (runs, position_time(seen["seconds"]), f"{seen['n_words']:,} words", f"{rates} Hz",
                 bank_fit.sensors(self.sensors))  # fmt: skip
        verdict, told = stream_cards.fit(card, learns, self.sensors, self.sfreq)
        told = "\n".join(part for part in (told, *seen["notes"]) if part)
        return Card(str(path), path.name, "flowing", "can be replayed", "  ·  ".join(parts), verdict, told)

    def _asked(self) -> dict[str, str | None]:
        """As the command line takes them: several with commas between."""
        return {name: ",".join(box.ticked) or None for name, box in self.filters.items()}

    def _glance(self) -> None:
        path = self.path.path
        if path is None:
            self.glancing.look(None)
        else:
            self.glancing.look(Session(recording=path, word_table=self.table.path, **self._asked()))
        self.changed.emit()

    def _offer_filters(self) -> None:
        """The labels that are there; those wanted from last time even before they are known."""
        for name, box in self.filters.items():
            there = self.glancing.labels.get(name, [])
            known = {plain_label(text, ENTITIES[name]): text for text in there}
            wanted = [known.get(plain_label(text, ENTITIES[name]), text.strip()) for text in self._wanted[name]]
            strange = [text for text in wanted if text not in there]
            shown = len(there) > 1 or bool(wanted)
            self._labels[name].setVisible(shown)
            box.setVisible(shown)
            box.offer([*there, *strange], [text for text in [*there, *strange] if text in wanted])

    def _told(self) -> None:
        self._offer_filters()
        self.changed.emit()

    def _moved(self) -> None:
        """Another recording has other labels."""
        self._wanted = dict.fromkeys(FILTERS, ())
        for box in self.filters.values():
            box.offer(box.labels, ())
        self._glance()

    def _narrowed(self, name: str) -> None:
        self._wanted[name] = self.filters[name].ticked
        self._glance()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        grid.addWidget(label_for("Re&cording", self.path), 0, 0)
        grid.addWidget(self.path, 0, 1)
        grid.addWidget(self.file, 0, 2)
        grid.addWidget(label_for("Word &table", self.table), 1, 0)
        grid.addWidget(self.table, 1, 1, 1, 2)
        column.addLayout(grid)
        row = QHBoxLayout()
        row.setSpacing(10)
        for name, box in self.filters.items():
            row.addWidget(self._labels[name])
            box.setMaximumWidth(200)
            row.addWidget(box, 1)
        row.addStretch(1)
        column.addLayout(row)
        self._head: QLabel = heading("What is in it", self.cards)
        above = QHBoxLayout()
        above.addWidget(self._head, 1)
        above.addWidget(self.stop)
        column.addLayout(above)
        column.addWidget(self.cards, 1)
        self.path.button.setText("Folder…")

    def _connect(self) -> None:
        self.path.changed.connect(self._moved)
        self.table.changed.connect(self._glance)
        self.file.clicked.connect(lambda _=False: self._browse())
        for name, box in self.filters.items():
            box.ticked_anew.connect(lambda name=name: self._narrowed(name))
        self.stop.clicked.connect(lambda _=False: self.glancing.stop())
        self.glancing.changed.connect(self._told)
        self._offer_filters()

    def _browse(self) -> None:
        found = ask_for(self, "Recording", self._memory, folder=False, kinds=KINDS)
        if found:
            self.path.put(found)


def plainly(error: str) -> str:
    """A refusal that names an option of the command line names the dialog's field instead."""
    for option, field in CURES:
        error = error.replace(option, field)
    return error
