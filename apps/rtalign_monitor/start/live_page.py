"""LivePage: the MEG and the words of a live session, side by side, as they are on the network now."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from rtalign.core.session import Session, WordEncoding
from rtalign.streams.markers.decoders import DECODERS, MarkerDecoder
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import stream_cards
from rtalign_monitor.start.bank_fit import Card
from rtalign_monitor.start.discovery import Discovery, Stream, name_for
from rtalign_monitor.start.disk_queries import Errands
from rtalign_monitor.widgets.cards import CardList
from rtalign_monitor.widgets.controls import Choice
from rtalign_monitor.widgets.fields import PathField, heading, label_for

TABLES = "Word tables (*.tsv *.csv *.TextGrid *.ctm *.txt);;All files (*)"


class LivePage(QWidget):
    """The program chooses the likeliest streams until a person does."""

    changed = pyqtSignal()

    def __init__(self, memory: WindowMemory, errands: Errands, discovery: Discovery) -> None:
        super().__init__()
        self._errands, self._discovery = errands, discovery
        self.streams: tuple[Stream, ...] = ()
        self.meg, self.words = CardList("MEG streams"), CardList("Word streams")
        self.encoding, self.trigger = Choice("Words arrive as"), Choice("Trigger channel", editable=True)
        for name in get_args(WordEncoding):
            self.encoding.addItem(DECODERS[name].label, name)
        self.table = PathField("Word table", memory, folder=False, hint="TSV, CSV, TextGrid or CTM", kinds=TABLES)
        self.delay = QDoubleSpinBox()
        self.delay.setRange(-1000, 1000)
        self.delay.setDecimals(0)
        self.delay.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.delay.setFixedWidth(84)
        self.delay.setSuffix(" ms")
        self.delay.setAccessibleName("From marker to ear")
        self.delay.setToolTip("From a word's marker to its sound at the ear: a constant of the site.")
        self._wanted: dict[str, str | None] = {"meg": None, "words": None}
        self._by_hand: set[str] = set()
        self._build()
        self._connect()

    @property
    def decoder(self) -> type[MarkerDecoder]:
        """The class of the encoding that is chosen."""
        return DECODERS[self.encoding.currentData()]

    def chosen(self, role: str) -> Stream | None:
        key = (self.meg if role == "meg" else self.words).key
        return next((stream for stream in self.streams if stream.role == role and stream.key == key), None)

    def settings(self) -> dict[str, Any]:
        meg, words, trigger = self.chosen("meg"), self.chosen("words"), self.decoder.needs_channel
        return {
            "meg": name_for(meg, self.streams) if meg else self._wanted["meg"],
            "words": None if trigger else name_for(words, self.streams) if words else self._wanted["words"],
            "encoding": "auto" if trigger else self.decoder.name,
            "trigger": self.trigger.currentText().strip() if trigger else None,
            "word_table": self.table.path if self.decoder.needs_table else None,
            "audio_delay_s": self.delay.value() / 1000,
            "recording": None, "subject": None, "session": None, "task": None, "run": None,
        }  # fmt: skip

    def fill(self, session: Session) -> None:
        self._wanted = {"meg": session.meg, "words": session.words}
        self._by_hand.clear()
        self.encoding.setCurrentIndex(self.encoding.findData("trigger" if session.trigger else session.encoding))
        self.trigger.setEditText(session.trigger or "")
        self.table.put(session.word_table)
        self.delay.setValue(1000 * session.audio_delay_s)

    def look(self, card: Card | None, learns: bool) -> None:
        """Show the streams that are there now, and choose for whoever has not chosen."""
        self.streams, trigger = self._discovery.newest, self.decoder.needs_channel
        meg = [stream for stream in self.streams if stream.role == "meg"]
        words = [] if trigger else [stream for stream in self.streams if stream.role == "words"]
        patience = self._discovery.seconds > stream_cards.PATIENCE_S
        self.meg.show_cards(
            [stream_cards.meg(stream, card, learns) for stream in meg],
            stream_cards.no_meg(patience, self._discovery.trouble),
        )
        empty = stream_cards.from_trigger(self.trigger.currentText()) if trigger else stream_cards.no_words(patience)
        self.words.show_cards([stream_cards.words(stream, self.decoder.name) for stream in words], empty)
        self._choose("meg", self.meg, meg)
        self._choose("words", self.words, words)
        self._offer_channels()

    def why_not(self) -> str:
        if self.chosen("meg") is None:
            return "No MEG stream is chosen." if self.meg.cards else "No MEG stream is found yet."
        stream = self.chosen("meg")
        if stream is not None and stream.refused:
            return stream.why
        if not self.decoder.needs_table:
            return ""
        if self.table.path is None:
            return "Name the word table that says what the markers mean."
        needed = self.decoder.needs_channel
        if needed and not self.trigger.currentText().strip():
            return "Name the trigger channel."
        if needed and stream and stream.others and self.trigger.currentText() not in stream.others:
            return f"{stream.name} has no channel {self.trigger.currentText()} beside its sensors."
        answer = self._errands.answer(("table", self.decoder.name, self.table.path), self._reader(self.table.path))
        return str(answer) if isinstance(answer, Exception) else ""

    def warning(self) -> str:
        """What does not keep a session from beginning."""
        stream = self.chosen("meg")
        if stream is not None and stream.looked_at and stream.state != "flowing":
            return f"{stream.name} does not flow now; the session begins and waits for it."
        if not self.decoder.needs_channel and self.chosen("words") is None:
            return "No words are found yet; the session begins and waits for them."
        return ""

    def _reader(self, path: Path) -> Any:
        """What reads the table as a session would, on a thread of its own."""
        decoder, channel = self.decoder, self.trigger.currentText().strip()

        def read() -> bool:
            decoder.open(path, channel)
            return True

        return read

    def _choose(self, role: str, cards: CardList, streams: list[Stream]) -> None:
        if role in self._by_hand and any(stream.key == cards.key for stream in streams):
            return
        verdicts = {card.key: card.verdict for card in cards.cards}
        wanted = self._wanted[role]

        def likely(stream: Stream) -> tuple[bool, bool, bool, bool]:
            named = wanted is not None and wanted in (stream.name, stream.source_id)
            return named, stream.state != "lost", verdicts.get(stream.key) == "fits", stream.state == "flowing"

        best = max(streams, key=likely, default=None)  # the first of equals, which is the one met first
        if best is not None and best.key != cards.key:
            cards.choose(best.key)

    def _offer_channels(self) -> None:
        """Likely trigger channels first."""
        stream = self.chosen("meg")
        there = sorted(stream.others, key=lambda name: not name.upper().startswith(("STI", "UPPT", "TRIG")))[:200] \
            if stream else []  # fmt: skip
        if there != [self.trigger.itemText(i) for i in range(self.trigger.count())]:
            typed = self.trigger.currentText()
            self.trigger.blockSignals(True)
            self.trigger.clear()
            self.trigger.addItems(there)
            self.trigger.setEditText(typed or (there[0] if there else ""))
            self.trigger.blockSignals(False)

    def _picked(self, role: str, key: Any) -> None:
        self._by_hand.add(role)
        stream = self.chosen(role)
        if stream is not None:
            self._wanted[role] = stream.name
            if role == "meg" and not stream.looked_at:
                self._discovery.look_at(key)
        self.changed.emit()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        lists = QHBoxLayout()
        lists.setSpacing(12)
        for title, cards in (("M&EG", self.meg), ("&Words", self.words)):
            side = QVBoxLayout()
            side.setSpacing(6)
            side.addWidget(heading(title, cards))
            side.addWidget(cards, 1)
            lists.addLayout(side, 1)
        column.addLayout(lists, 1)
        row = QHBoxLayout()
        row.setSpacing(10)
        self._with_trigger = label_for("C&hannel", self.trigger)
        self._with_table: QLabel = label_for("&Table", self.table)
        row.addWidget(label_for("Words arr&ive as", self.encoding))
        row.addWidget(self.encoding, 2)
        row.addWidget(self._with_trigger)
        row.addWidget(self.trigger, 1)
        row.addWidget(label_for("Marker to ea&r", self.delay))
        row.addWidget(self.delay)
        column.addLayout(row)
        below = QHBoxLayout()
        below.setSpacing(10)
        below.addWidget(self._with_table)
        below.addWidget(self.table, 1)
        column.addLayout(below)

    def _connect(self) -> None:
        self.meg.picked.connect(lambda key: self._picked("meg", key))
        self.words.picked.connect(lambda key: self._picked("words", key))
        self.encoding.currentIndexChanged.connect(lambda _: self._show_needed())
        self.trigger.editTextChanged.connect(lambda _: self.changed.emit())
        self.table.changed.connect(self.changed)
        self._show_needed()

    def _show_needed(self) -> None:
        with_table, with_trigger = self.decoder.needs_table, self.decoder.needs_channel
        self._with_table.setVisible(with_table)
        self.table.setVisible(with_table)
        self._with_trigger.setVisible(with_trigger)
        self.trigger.setVisible(with_trigger)
        self.changed.emit()
