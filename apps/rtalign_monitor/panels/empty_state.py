"""Texts in place of data that is not there yet: what a panel waits for, and a hint when that comes."""

from __future__ import annotations

from rtalign.core.session import MIN_CURVE_WORDS
from rtalign.core.text.time_format import rounded_duration
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot

NO_WORD_YET = tr("no word received yet")
ALL_SHOWN = tr("U goes on to the next: all, unique, static twin")


def scores(snapshot: Snapshot | None) -> tuple[str, str]:
    """(text, hint) in place of R."""
    if snapshot is None or snapshot.phase == "loading":
        return tr("R by layer and lag"), tr("comes with the second word")
    if snapshot.refused:
        return tr("refused: nothing is decoded"), tr("the ladder panel gives the reason")
    if snapshot.phase in ("ended", "failed"):
        return tr("no word was scored"), ""
    if snapshot.control and snapshot.reason:
        return snapshot.reason, ALL_SHOWN
    if snapshot.n_scored:
        return tr("one word is scored"), tr("the second word gives the first R")
    if snapshot.n_received:
        return tr("the first words are being processed"), tr("each is scored about a second after its onset")
    text, hint = words(snapshot)
    return text, tr("the second word gives the first R") if text == NO_WORD_YET else hint


def words(snapshot: Snapshot | None) -> tuple[str, str]:
    """(text, hint) in place of words."""
    if snapshot is None or snapshot.phase == "loading":
        return tr("The words"), tr("appear here as they are received")
    if (missing := _no_signal(snapshot)) is not None:
        return missing
    if snapshot.phase in ("ended", "failed"):
        return tr("no word was received"), ""
    if snapshot.health.words.state in ("searching", "lost"):
        return tr("no stream of words yet"), tr("is its sender running? The search goes on")
    return NO_WORD_YET, tr("each appears as soon as it is received")


def signal(snapshot: Snapshot | None) -> tuple[str, str]:
    """(text, hint) in place of samples."""
    if snapshot is None or snapshot.phase == "loading":
        return tr("the signal of some sensors"), tr("comes with the stream")
    return _no_signal(snapshot) or (tr("no signal yet"), tr("the filters need a moment to settle"))


def peaks(snapshot: Snapshot | None) -> tuple[str, str]:
    """(text, hint) in place of peaks."""
    running = snapshot is not None and snapshot.phase == "running"
    if snapshot is None or snapshot.phase == "loading":
        return tr("a dot for each layer of the language model"), tr("the further right, the later the brain answers it")
    if snapshot.control and snapshot.r is None and snapshot.reason:
        return snapshot.reason, ALL_SHOWN
    if not snapshot.n_scored:
        text, hint = scores(snapshot)
        return text, tr("{n} words give the first peaks", n=MIN_CURVE_WORDS) if text == NO_WORD_YET else hint
    if snapshot.n_assessed < MIN_CURVE_WORDS and running:
        return tr("the first peaks come with {n} words", n=MIN_CURVE_WORDS), first_peaks_in(snapshot)
    return tr("no layer has a peak above chance"), tr("more words show whether there is one") if running else ""


def first_peaks_in(snapshot: Snapshot) -> str:
    """How long the first peaks will take."""
    return time_left(MIN_CURVE_WORDS - snapshot.n_words, snapshot)


def first_peaks_note(snapshot: Snapshot) -> str:
    """The same where nothing beside it says what is waited for, unless only the words that are missing are known."""
    wait = first_peaks_in(snapshot)
    known = _seconds_left(MIN_CURVE_WORDS - snapshot.n_words, snapshot) is not None
    return tr("first peaks {wait}", wait=wait) if known else wait


def time_left(n_words: int, snapshot: Snapshot) -> str:
    """How long so many more words take at the rate of the newest."""
    left = _seconds_left(n_words, snapshot)
    if left is None:
        return tr("{n_words:,} to go", n_words=n_words)
    return tr("in about {duration}", duration=rounded_duration(left)) if left else tr("in a moment")


def _seconds_left(n_words: int, snapshot: Snapshot) -> float | None:
    """None where the rate of the words is not known or says nothing; 0 where no word is missing."""
    onsets = [entry.word.onset for entry in snapshot.words]
    span = onsets[-1] - onsets[0] if len(onsets) > 10 else 0.0
    if n_words <= 0:
        return 0.0
    return None if span <= 0 or snapshot.paused else n_words * span / (len(onsets) - 1) / (snapshot.speed or 1.0)


def _no_signal(snapshot: Snapshot) -> tuple[str, str] | None:
    """(text, hint) of a signal that does not flow; None where it does."""
    meg = snapshot.health.meg
    if meg.state == "searching":
        return tr("no MEG stream yet"), tr("is its sender running? The search goes on")
    if meg.state == "found":
        return tr("{name} is there but sends nothing", name=meg.name or tr("the MEG stream")), tr(
            "check firewall, VPN and network card"
        )
    if meg.state == "lost":
        return tr("the MEG stream is lost"), tr("it comes back by itself when its sender does")
    if snapshot.paused:
        return "paused", tr("Space continues")
    return None
