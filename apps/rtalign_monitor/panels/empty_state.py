"""Texts in place of data that is not there yet: what a panel waits for, and a hint when that comes."""

from __future__ import annotations

from rtalign.core.session import MIN_CURVE_WORDS
from rtalign.core.text.time_format import rounded_duration
from rtalign.engine.snapshot import Snapshot

NO_WORD_YET = "no word received yet"
ALL_SHOWN = "U goes on to the next: all, unique, static twin"


def scores(snapshot: Snapshot | None) -> tuple[str, str]:
    """(text, hint) in place of R."""
    if snapshot is None or snapshot.phase == "loading":
        return "R by layer and lag", "comes with the second word"
    if snapshot.refused:
        return "refused: nothing is decoded", "the ladder panel gives the reason"
    if snapshot.phase in ("ended", "failed"):
        return "no word was scored", ""
    if snapshot.control and snapshot.reason:
        return snapshot.reason, ALL_SHOWN
    if snapshot.n_scored:
        return "one word is scored", "the second word gives the first R"
    if snapshot.n_received:
        return "the first words are being processed", "each is scored about a second after its onset"
    text, hint = words(snapshot)
    return text, "the second word gives the first R" if text == NO_WORD_YET else hint


def words(snapshot: Snapshot | None) -> tuple[str, str]:
    """(text, hint) in place of words."""
    if snapshot is None or snapshot.phase == "loading":
        return "The words", "appear here as they are received"
    if (missing := _no_signal(snapshot)) is not None:
        return missing
    if snapshot.phase in ("ended", "failed"):
        return "no word was received", ""
    if snapshot.health.words.state in ("searching", "lost"):
        return "no stream of words yet", "is its sender running? The search goes on"
    return NO_WORD_YET, "each appears as soon as it is received"


def signal(snapshot: Snapshot | None) -> tuple[str, str]:
    """(text, hint) in place of samples."""
    if snapshot is None or snapshot.phase == "loading":
        return "the signal of some sensors", "comes with the stream"
    return _no_signal(snapshot) or ("no signal yet", "the filters need a moment to settle")


def peaks(snapshot: Snapshot | None) -> tuple[str, str]:
    """(text, hint) in place of peaks."""
    running = snapshot is not None and snapshot.phase == "running"
    if snapshot is None or snapshot.phase == "loading":
        return "a dot for each layer of the language model", "the further right, the later the brain answers it"
    if snapshot.control and snapshot.r is None and snapshot.reason:
        return snapshot.reason, ALL_SHOWN
    if not snapshot.n_scored:
        text, hint = scores(snapshot)
        return text, f"{MIN_CURVE_WORDS} words give the first peaks" if text == NO_WORD_YET else hint
    if snapshot.n_assessed < MIN_CURVE_WORDS and running:
        return f"the first peaks come with {MIN_CURVE_WORDS} words", first_peaks_in(snapshot)
    return "no layer has a peak above chance", "more words show whether there is one" if running else ""


def first_peaks_in(snapshot: Snapshot) -> str:
    """How long the first peaks will take."""
    return time_left(MIN_CURVE_WORDS - snapshot.n_words, snapshot)


def time_left(n_words: int, snapshot: Snapshot) -> str:
    """How long so many more words take at the rate of the newest."""
    onsets = [entry.word.onset for entry in snapshot.words]
    span = onsets[-1] - onsets[0] if len(onsets) > 10 else 0.0
    if n_words <= 0:
        return "in a moment"
    if span <= 0 or snapshot.paused:
        return f"{n_words:,} to go"
    left = n_words * span / (len(onsets) - 1) / (snapshot.speed or 1.0)
    return f"in about {rounded_duration(left)}"


def _no_signal(snapshot: Snapshot) -> tuple[str, str] | None:
    """(text, hint) of a signal that does not flow; None where it does."""
    meg = snapshot.health.meg
    if meg.state == "searching":
        return "no MEG stream yet", "is its sender running? The search goes on"
    if meg.state == "found":
        return f"{meg.name or 'the MEG stream'} is there but sends nothing", "check firewall, VPN and network card"
    if meg.state == "lost":
        return "the MEG stream is lost", "it comes back by itself when its sender does"
    if snapshot.paused:
        return "paused", "Space continues"
    return None
