"""What a panel that is still empty waits for, and when it will come."""

from __future__ import annotations

from rtalign.core.session import MIN_CURVE_WORDS
from rtalign.core.time_format import about
from rtalign.engine.snapshot import Snapshot

SILENT = "no word has been heard yet"


def scores(seen: Snapshot | None) -> tuple[str, str]:
    """(what, when) of the first R."""
    if seen is None or seen.phase == "loading":
        return "r by layer and lag", "comes with the second word"
    if seen.refused:
        return "refused: nothing is decoded", "the first panel says why"
    if seen.phase in ("ended", "failed"):
        return "no word was scored", ""
    if seen.n_scored:
        return "one word is scored", "the second one brings the first r"
    if seen.n_received:
        return "the first words are on their way", "each is scored about a second after it was said"
    what, when = words(seen)
    return what, "the second one brings the first r" if what == SILENT else when


def words(seen: Snapshot | None) -> tuple[str, str]:
    """(what, when) of the first word."""
    if seen is None or seen.phase == "loading":
        return "The words", "appear here as they are said"
    if (missing := _no_signal(seen)) is not None:
        return missing
    if seen.phase in ("ended", "failed"):
        return "no word was heard", ""
    if seen.health.words.state in ("searching", "lost"):
        return "no stream of words yet", "is its sender running? It is looked for all the time"
    return SILENT, "each appears the moment it is said"


def signal(seen: Snapshot | None) -> tuple[str, str]:
    """(what, when) of the first sample."""
    if seen is None or seen.phase == "loading":
        return "the signal of some sensors", "comes with the stream"
    return _no_signal(seen) or ("no signal yet", "the filters need a moment to settle")


def peaks(seen: Snapshot | None) -> tuple[str, str]:
    """(what, when) of the first peak."""
    if seen is None or seen.phase == "loading":
        return "a rung a layer", f"comes with {MIN_CURVE_WORDS} words"
    if not seen.n_scored:
        what, when = scores(seen)
        return what, f"{MIN_CURVE_WORDS} of them bring the first peaks" if what == SILENT else when
    if seen.n_assessed < MIN_CURVE_WORDS and seen.phase == "running":
        return f"the first peaks come with {MIN_CURVE_WORDS} words", duration(MIN_CURVE_WORDS - seen.n_words, seen)
    return "no layer has a peak above chance", "more words show whether there is one" if seen.phase == "running" else ""


def duration(n_words: int, seen: Snapshot) -> str:
    """How long so many words take at the pace of the newest."""
    onsets = [entry.word.onset for entry in seen.words]
    span = onsets[-1] - onsets[0] if len(onsets) > 10 else 0.0
    if n_words <= 0:
        return "in a moment"
    if span <= 0 or seen.paused:
        return f"{n_words:,} to go"
    left = n_words * span / (len(onsets) - 1) / (seen.speed or 1.0)
    return f"in about {about(left)}"


def _no_signal(seen: Snapshot) -> tuple[str, str] | None:
    """Why no samples flow; None where they do."""
    meg = seen.health.meg
    if meg.state == "searching":
        return "no MEG stream yet", "is its sender running? It is looked for all the time"
    if meg.state == "found":
        return f"{meg.name or 'the MEG stream'} is there but sends nothing", "check firewall, VPN and network card"
    if meg.state == "lost":
        return "the MEG stream is lost", "it comes back by itself when its sender does"
    if seen.paused:
        return "paused", "Space goes on"
    return None
