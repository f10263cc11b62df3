"""Streams as cards: what is there, whether it flows and whether it fits, each in words."""

from __future__ import annotations

from collections.abc import Sequence

from rtalign.core.records import Sensor
from rtalign.core.time_format import clock_time
from rtalign.streams.live.connection import FIREWALL
from rtalign_monitor.start import bank_fit
from rtalign_monitor.start.discovery import Stream
from rtalign_monitor.widgets.cards import Card, Verdict

PATIENCE_S = 4.0
"""Senders answer within a second or two; whoever sees nothing after this is told what to check."""
OPENING_S = 2.0
SILENT = f"no sample yet - does its sender wait until a session listens to its words, or {FIREWALL}"

CHECKS = (
    "•  Is the sender running, and has it begun to send?\n"
    "•  Are both machines on one network? Switch a VPN off.\n"
    "•  Does a firewall let LSL through? UDP 16571, TCP and UDP 16572 to 16604.\n"
    "•  rtalign doctor tests what it can of this and says the cure."
)


def meg(stream: Stream, card: bank_fit.Card | None, learns: bool) -> Card:
    lamp, state = _state(stream)
    channels = f"{stream.n_channels:,} channel{'s' * (stream.n_channels != 1)}"
    rate = f"{stream.nominal_hz:,.6g} Hz"
    rate += f", {stream.rate_hz:,.1f} Hz measured" if stream.state == "flowing" else ""
    detail = "  ·  ".join((stream.type or "no type", channels, rate, stream.host))
    verdict, told = _fit(stream, card, learns)
    trouble = "" if stream.refused else SILENT if stream.why and stream.state == "found" else stream.why
    if stream.n_twins:
        trouble = f"{stream.n_twins + 1} streams bear this name: the newest is taken - stop the others"
    return Card(stream.key, stream.name, lamp, state, detail, verdict, told, trouble)


def words(stream: Stream, encoding: str) -> Card:
    lamp, state = _state(stream)
    numbers = stream.format != "string"
    what = f"{stream.n_channels} channels of numbers" if numbers and stream.n_channels > 1 else \
        "numbers" if numbers else "text"  # fmt: skip
    detail = "  ·  ".join((stream.type or "no type", what, stream.host))
    if stream.state == "lost":
        return Card(stream.key, stream.name, lamp, state, detail, "gone", "its sender is gone - is it still running?")
    if numbers and stream.n_channels == 1 and encoding in ("auto", "plain", "json"):
        told = "sends numbers, which are no words by themselves - choose “codes + word table”"
        return Card(stream.key, stream.name, lamp, state, detail, "differs", told)
    return Card(stream.key, stream.name, lamp, state, detail, "fits", "is opened when the session starts")


def no_meg(waited: bool, trouble: str) -> tuple[str, str]:
    """What stands in the place of the MEG streams."""
    if trouble:
        return "Streams cannot be looked for", trouble
    return ("No MEG stream is found", CHECKS) if waited else ("Looking for streams…", "")


def no_words(waited: bool) -> tuple[str, str]:
    if not waited:
        return "Looking for streams…", ""
    return "No stream of words is found", (
        "•  Is the program that marks the words running?\n"
        "•  Where words come as codes on a trigger channel of the MEG, say so below.\n"
        "•  A session may begin without: it waits for the words."
    )


def from_trigger(channel: str) -> tuple[str, str]:
    return f"Words come from {channel or 'a channel'} of the MEG", "Its codes are looked up in the word table."


def _state(stream: Stream) -> tuple[str, str]:
    """The lamp and its word."""
    if stream.state == "lost":
        return "lost", f"lost {clock_time(stream.since_s)}"
    if stream.state == "stale":
        return "stale", "stale"
    if stream.state == "found" and stream.looked_at:
        if stream.refused:
            return "lost", "cannot be used"
        return ("found", "found, sends nothing") if stream.since_s > OPENING_S else ("searching", "opening")
    return ("flowing", "flowing") if stream.state == "flowing" else ("ended", "found")


def _fit(stream: Stream, card: bank_fit.Card | None, learns: bool) -> tuple[Verdict, str]:
    if stream.refused:
        return "differs", stream.why
    if not stream.looked_at:
        return "unknown", f"of type {stream.type or 'none'}, not MEG or EEG: choose it to have it looked at"
    if not stream.sensors:
        return "unknown", ""
    return fit(card, learns, stream.sensors, stream.nominal_hz)


def fit(card: bank_fit.Card | None, learns: bool, there: Sequence[Sensor], sfreq: float) -> tuple[Verdict, str]:
    """Whether a signal goes with the decoders that were chosen."""
    if card is None:
        counted = bank_fit.sensors(there)
        return ("fits", f"{counted} to learn from") if learns else ("unknown", counted)
    said = bank_fit.misfits(card, there, sfreq)
    return ("differs", "does not fit the bank: " + "; ".join(said)) if said else ("fits", "fits the bank")
