"""LivePage: the MEG and the words of a live session, side by side, as they are on the network now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from rtalign.core.session import Session, WordEncoding
from rtalign.core.site import Site
from rtalign.core.text.time_format import clock_time
from rtalign.core.text.translation import tr
from rtalign.recordings.stream_channels.kinds import signal_type
from rtalign.streams.fieldtrip.client import PORT, SCHEME
from rtalign.streams.live.connection import FIREWALL
from rtalign.streams.live.source import is_head_positions
from rtalign.streams.markers.decoders import DECODERS, MarkerDecoder
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.bank_fit import BankInfo, verdict
from rtalign_monitor.start.discovery import Discovery, FoundStream, affinity, mixed_pair, session_name
from rtalign_monitor.start.disk_queries import DiskQueries
from rtalign_monitor.widgets.cards import Card, CardList, Verdict
from rtalign_monitor.widgets.controls import ComboBox
from rtalign_monitor.widgets.fields import PathField, add_clear_button, heading, label_for

TABLES = tr("Word tables (*.tsv *.csv *.TextGrid *.ctm *.json *.txt);;All files (*)")
ADVISE_AFTER_S = 4.0
"""Senders answer within a second or two; after this time without any, the dialog says what to check."""
OPENING_S = 2.0
NO_SAMPLES = tr("no sample yet - does its sender wait until a session listens to its words, or {cause}", cause=FIREWALL)
CHECKS = tr(
    "•  Is the sender running, and has it begun to send?\n"
    "•  Are both machines on one network? Switch a VPN off.\n"
    "•  Does a firewall let LSL through? UDP 16571, TCP and UDP 16572 to 16604.\n"
    "•  rtalign doctor tests what it can of this and names the fix."
)
Role = Literal["meg", "words"]


class LivePage(QWidget):
    """Chooses the streams that fit best, until the user chooses others.

    Parameters
    ----------
    memory : WindowMemory
        Remembers folders.
    queries : DiskQueries
        Reads the word table in the background.
    discovery : Discovery
        Finds streams.

    Attributes
    ----------
    streams : tuple of FoundStream
        What is shown.
    changed : signal
        The user has changed something.
    """

    changed = Signal()

    def __init__(self, memory: WindowMemory, queries: DiskQueries, discovery: Discovery) -> None:
        super().__init__()
        self._queries, self._discovery = queries, discovery
        self.streams: tuple[FoundStream, ...] = ()
        self.meg, self.words = CardList(tr("MEG streams"), fixed=True), CardList(tr("Word streams"), fixed=True)
        self.encoding, self.trigger = ComboBox(tr("Words arrive as")), ComboBox(tr("Trigger channel"), editable=True)
        for name in get_args(WordEncoding):
            self.encoding.addItem(DECODERS[name].label, name)
        self.buffer = QLineEdit()
        self.buffer.setAccessibleName(tr("FieldTrip buffer"))
        self.buffer.setPlaceholderText(f"{SCHEME}HOST:{PORT}")
        add_clear_button(self.buffer)
        self.buffer.setToolTip(
            tr("Where the acquisition of a CTF, MEGIN or FieldLine system puts its samples, if it does.")
        )
        self.delay = QDoubleSpinBox()
        self.delay.setRange(-1000, 1000)
        self.delay.setDecimals(1)
        self.delay.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.delay.setFixedWidth(84)
        self.delay.setSuffix(tr(" ms"))
        self.delay.setAccessibleName(tr("Sound delay after marker"))
        self.delay.setToolTip(tr("From a word's marker to its sound at the ear: a constant of the site."))
        self._show_site_delay()
        self.head = ComboBox(tr("Head stream"), editable=True)
        self.head.setToolTip(
            tr(
                "A stream of head positions, as neuromag2lsl sends them: it says how far the head is from training. "
                "A CTF's head coils and the localisation in a FieldTrip buffer are read without it."
            )
        )
        line = self.head.lineEdit()
        assert line is not None
        line.setPlaceholderText(tr("none"))
        self.table = PathField(
            tr("Word table"), memory, folder=False, hint=tr("TSV, CSV, TextGrid or CTM"), kinds=TABLES
        )
        self._buffer_problem = ""
        self._wanted: dict[Role, str | None] = {"meg": None, "words": None}
        self._chosen_by_user: set[Role] = set()
        self._build()
        self._connect()

    def _show_site_delay(self) -> None:
        """The delay that was measured here, or why it cannot be read."""
        try:
            self.delay.setValue(1000 * Site.load().audio_delay_s)
        except (ValueError, OSError) as error:
            self.delay.setToolTip(str(error))

    @property
    def decoder(self) -> type[MarkerDecoder]:
        """The class of the encoding that is chosen."""
        return DECODERS[self.encoding.currentData()]

    def chosen(self, role: Role) -> FoundStream | None:
        """The stream that is chosen for a role."""
        key = (self.meg if role == "meg" else self.words).key
        return next((stream for stream in self.streams if stream.role == role and stream.key == key), None)

    def settings(self) -> dict[str, Any]:
        """Settings of the session."""
        meg, words, trigger = self.chosen("meg"), self.chosen("words"), self.decoder.needs_channel
        return {
            "meg": session_name(meg, self.streams) if meg else self._wanted["meg"],
            "words": None if trigger else session_name(words, self.streams) if words else self._wanted["words"],
            "encoding": "auto" if trigger else self.decoder.name,
            "trigger": self.trigger.currentText().strip() if trigger else None,
            "word_table": self.table.path if self.decoder.needs_table else None,
            "head": self.head.currentText().strip() or None,
            "audio_delay_s": self.delay.value() / 1000,
            "recording": None, "subject": None, "session": None, "task": None, "run": None,
        }  # fmt: skip

    def fill(self, session: Session) -> None:
        """Show a session's settings."""
        self._wanted = {"meg": session.meg, "words": session.words}
        self._chosen_by_user.clear()
        self.encoding.setCurrentIndex(self.encoding.findData("trigger" if session.trigger else session.encoding))
        self.trigger.setEditText(session.trigger or "")
        self.table.set_path(session.word_table)
        self.head.setEditText(session.head or "")
        self.delay.setValue(1000 * session.audio_delay_s)
        buffers = [name for name in (session.meg, session.words) if name and name.startswith(SCHEME)]
        self.buffer.setText(buffers[0] if buffers else "")
        self._watch_buffer()

    def refresh(self, bank: BankInfo | None, without_bank: bool) -> None:
        """Show the streams that exist now, and choose where the user has not."""
        self.streams, trigger = self._discovery.newest, self.decoder.needs_channel
        meg = [stream for stream in self.streams if stream.role == "meg"]
        words = [] if trigger else [stream for stream in self.streams if stream.role == "words"]
        advise = self._discovery.seconds > ADVISE_AFTER_S
        self.meg.show_cards(
            [meg_card(stream, bank, without_bank) for stream in meg], no_meg_text(advise, self._discovery.problem)
        )
        empty = trigger_text(self.trigger.currentText()) if trigger else no_words_text(advise)
        self.words.show_cards([words_card(stream, self.decoder.name) for stream in words], empty)
        self._choose_best("meg", self.meg, meg)
        self._choose_best("words", self.words, words)
        self._offer_channels()

    def problem(self) -> str:
        """Why no session can start; empty where one can."""
        buffer = self.buffer.text().strip()
        if buffer and self._buffer_problem:
            return self._buffer_problem
        if buffer and not any(stream.name == buffer for stream in self.streams):
            return tr("{buffer} is being asked.", buffer=buffer)
        if self.chosen("meg") is None:
            return tr("No MEG stream is chosen.") if self.meg.cards else tr("No MEG stream is found yet.")
        stream = self.chosen("meg")
        if stream is not None and stream.refused:
            return stream.problem
        if not self.decoder.needs_table:
            return ""
        if self.table.path is None:
            return tr("Name the word table that says what the markers mean.")
        needs_channel, channel = self.decoder.needs_channel, self.trigger.currentText()
        if needs_channel and not channel.strip():
            return tr("Name the trigger channel.")
        if needs_channel and stream and stream.others and channel not in stream.others:
            return tr("{name} has no channel {channel} beside its sensors.", name=stream.name, channel=channel)
        result = self._queries.get(("table", self.decoder.name, self.table.path), self._reader(self.table.path))
        return str(result) if isinstance(result, Exception) else ""

    def warning(self) -> str:
        """What should be known but does not keep a session from starting."""
        stream, words = self.chosen("meg"), self.chosen("words")
        if stream is not None and words is not None and (mixed := mixed_pair(stream, words, self.streams)):
            return mixed
        if stream is not None and stream.is_open and stream.state != "flowing":
            return tr("{name} does not flow now; the session starts and waits for it.", name=stream.name)
        if not self.decoder.needs_channel and words is None:
            return tr("No words are found yet; the session starts and waits for them.")
        return ""

    def _reader(self, path: Path) -> Callable[[], bool]:
        """What reads the table as a session would, to be run in a thread."""
        decoder, channel = self.decoder, self.trigger.currentText().strip()

        def read() -> bool:
            decoder.open(path, channel)
            return True

        return read

    def _choose_best(self, role: Role, cards: CardList, streams: list[FoundStream]) -> None:
        """Choose the stream that fits best, unless the user's choice is still there."""
        if role in self._chosen_by_user and any(stream.key == cards.key for stream in streams):
            return
        verdicts = {card.key: card.verdict for card in cards.cards}
        wanted, meg = self._wanted[role], self.chosen("meg") if role == "words" else None

        def rank(stream: FoundStream) -> tuple[bool, bool, bool, int, bool, bool]:
            named = wanted is not None and wanted in (stream.name, stream.source_id)
            mixed = meg is not None and bool(mixed_pair(meg, stream, self.streams))
            paired = affinity(meg, stream) if meg is not None else 0
            fits, flows = verdicts.get(stream.key) == "fits", stream.state == "flowing"
            return named, stream.state != "lost", not mixed, paired, fits, flows

        best = max(streams, key=rank, default=None)  # of equals the one that was found first
        if best is not None and best.key != cards.key:
            cards.select(best.key)

    def _offer_channels(self) -> None:
        """List channels of the MEG that are no sensors, triggers first; and streams of head positions."""
        stream = self.chosen("meg")
        names = stream.others if stream else ()
        channels = sorted(names, key=lambda name: not name.upper().startswith(("STI", "UPPT", "TRIG")))[:200]
        _offer(self.trigger, channels, channels[0] if channels else "")
        found = [stream.name for stream in self.streams if stream.state != "lost" and _may_be_head(stream)]
        _offer(self.head, list(dict.fromkeys(found)), "")

    def _use_buffer(self) -> None:
        """The user has typed the address of a buffer, or removed it: what is typed is wanted."""
        address = self.buffer.text().strip()
        if self._watch_buffer() and address:
            self._wanted = {"meg": address, "words": address}
            self._chosen_by_user.clear()
        self.changed.emit()

    def _watch_buffer(self) -> bool:
        """Have the buffer listed; whether what is typed is an address."""
        try:
            self._discovery.watch_buffer(self.buffer.text().strip())
            self._buffer_problem = ""
        except ValueError as error:
            self._buffer_problem = f"{error}."
        return not self._buffer_problem

    def _picked(self, role: Role, key: Any) -> None:
        self._chosen_by_user.add(role)
        stream = self.chosen(role)
        if stream is not None:
            self._wanted[role] = stream.name
            if role == "meg" and not stream.is_open:
                self._discovery.open(key)
        self.changed.emit()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        lists = QHBoxLayout()
        lists.setSpacing(12)
        for title, cards in (("M&EG", self.meg), (tr("&Words"), self.words)):
            side = QVBoxLayout()
            side.setSpacing(6)
            side.addWidget(heading(title, cards))
            side.addWidget(cards, 1)
            lists.addLayout(side, 1)
        column.addLayout(lists, 1)
        row = QHBoxLayout()
        row.setSpacing(10)
        self._trigger_label = label_for(tr("C&hannel"), self.trigger)
        self._table_label: QLabel = label_for(tr("&Table"), self.table)
        row.addWidget(label_for(tr("Words arr&ive as"), self.encoding))
        row.addWidget(self.encoding, 2)
        row.addWidget(self._trigger_label)
        row.addWidget(self.trigger, 1)
        row.addWidget(label_for(tr("FieldTrip buffer"), self.buffer))
        row.addWidget(self.buffer, 1)
        row.addWidget(label_for(tr("Sound delay afte&r marker"), self.delay))
        row.addWidget(self.delay)
        column.addLayout(row)
        below = QHBoxLayout()
        below.setSpacing(10)
        below.addWidget(label_for(tr("Head strea&m"), self.head))
        below.addWidget(self.head, 1)
        below.addWidget(self._table_label)
        below.addWidget(self.table, 3)
        column.addLayout(below)

    def _connect(self) -> None:
        self.meg.picked.connect(lambda key: self._picked("meg", key))
        self.words.picked.connect(lambda key: self._picked("words", key))
        self.encoding.currentIndexChanged.connect(lambda _: self._show_needed())
        self.trigger.editTextChanged.connect(lambda _: self.changed.emit())
        self.table.changed.connect(self.changed)
        self.buffer.editingFinished.connect(self._use_buffer)
        self._show_needed()

    def _show_needed(self) -> None:
        """Show the fields that the encoding needs."""
        table, channel = self.decoder.needs_table, self.decoder.needs_channel
        self._table_label.setVisible(table)
        self.table.setVisible(table)
        self._trigger_label.setVisible(channel)
        self.trigger.setVisible(channel)
        self.changed.emit()


def _offer(box: ComboBox, names: list[str], default: str) -> None:
    """List names in a box that may be typed into; what is typed stays."""
    if names == [box.itemText(i) for i in range(box.count())]:
        return
    typed = box.currentText()
    box.blockSignals(True)
    box.clear()
    box.addItems(names)
    box.setEditText(typed or default)
    box.blockSignals(False)


# Streams as cards


def meg_card(stream: FoundStream, bank: BankInfo | None, without_bank: bool) -> Card:
    """A stream of MEG: its rate, whether it flows, and whether it fits the bank."""
    lamp, state = _state(stream)
    channels = tr("1 channel") if stream.n_channels == 1 else tr("{n:,} channels", n=stream.n_channels)
    rate = f"{stream.nominal_hz:,.6g} Hz"
    rate += tr(", {rate_hz:,.1f} Hz measured", rate_hz=stream.rate_hz) if stream.state == "flowing" else ""
    described = (channels, rate) if stream.n_channels else (tr("does not answer yet"),)
    detail = "  ·  ".join((stream.type or tr("no type"), *described, stream.host))
    fit, text = _fit(stream, bank, without_bank)
    problem = "" if stream.refused else NO_SAMPLES if stream.problem and stream.state == "found" else stream.problem
    if stream.n_twins:
        problem = tr(
            "{n_twins} streams have this name: the newest is used - stop the others", n_twins=stream.n_twins + 1
        )
    return Card(stream.key, stream.name, lamp, state, detail, fit, text, problem)


def words_card(stream: FoundStream, encoding: str) -> Card:
    """A stream of words: what it sends, and whether that goes with the encoding."""
    lamp, state = _state(stream)
    numbers = stream.format != "string"
    content = "text" if not numbers else "numbers"
    if numbers and stream.n_channels > 1:
        content = tr("{n_channels} channels of numbers", n_channels=stream.n_channels)
    detail = "  ·  ".join((stream.type or tr("no type"), content, stream.host))
    fit: Verdict = "fits"
    text = tr("is opened when the session starts")
    if stream.state == "lost":
        fit, text = "gone", tr("its sender is gone - is it still running?")
    elif numbers and stream.n_channels == 1 and encoding in ("auto", "plain", "json"):
        fit, text = "differs", tr("sends numbers, which are no words by themselves - choose “codes + word table”")
    return Card(stream.key, stream.name, lamp, state, detail, fit, text)


def no_meg_text(advise: bool, problem: str) -> tuple[str, str]:
    """Headline and text in place of MEG streams."""
    if problem:
        return tr("Streams cannot be searched for"), problem
    return (tr("No MEG stream is found"), CHECKS) if advise else (tr("Searching for streams…"), "")


def no_words_text(advise: bool) -> tuple[str, str]:
    """Headline and text in place of word streams."""
    if not advise:
        return tr("Searching for streams…"), ""
    return tr("No stream of words is found"), (
        tr(
            "•  Is the program that marks the words running?\n"
            "•  Where words come as codes on a trigger channel of the MEG, choose that below.\n"
            "•  A session may start without: it waits for the words."
        )
    )


def trigger_text(channel: str) -> tuple[str, str]:
    """Headline and text where words come from a trigger channel."""
    return tr("Words come from {channel} of the MEG", channel=channel or tr("a channel")), tr(
        "Its codes are looked up in the word table."
    )


def _may_be_head(stream: FoundStream) -> bool:
    """Whether a stream looks like one of head positions, and not like a signal of as many channels."""
    return is_head_positions(stream) and not signal_type(stream.type)


def _state(stream: FoundStream) -> tuple[str, str]:
    """The lamp and the word beside it."""
    if stream.state == "lost":
        return "lost", tr("lost {since_s}", since_s=clock_time(stream.since_s))
    if stream.state == "stale":
        return "stale", "stale"
    if stream.state == "found" and stream.is_open:
        if stream.refused:
            return "lost", tr("cannot be used")
        return ("found", tr("found, sends nothing")) if stream.since_s > OPENING_S else ("searching", "opening")
    return ("flowing", "flowing") if stream.state == "flowing" else ("ended", "found")


def _fit(stream: FoundStream, bank: BankInfo | None, without_bank: bool) -> tuple[Verdict, str]:
    if stream.refused:
        return "differs", stream.problem
    if not stream.is_open and _may_be_head(stream):
        return "unknown", tr("may be head positions: choose it below")
    if not stream.is_open:
        return "unknown", tr(
            "of type {type}, not MEG or EEG: choose it to have it opened", type=stream.type or tr("none")
        )
    if not stream.sensors:
        return "unknown", ""
    return verdict(bank, without_bank, stream.sensors, stream.nominal_hz)
