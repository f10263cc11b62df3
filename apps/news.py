"""News: what is wrong, in plain words and with the cure, worst first."""

from __future__ import annotations

from rtalign.minutes import clock
from rtalign.snapshot import Snapshot
from rtalign.sources.events import StreamHealth


def bad_news(seen: Snapshot) -> list[tuple[str, str]]:
    """(role, text) of everything an operator should act on."""
    found: list[tuple[str, str]] = []
    if seen.phase == "failed":
        found.append(("lost", f"the engine stopped: {seen.why}"))
    if seen.refused:
        found.append(("lost", "the bank does not fit: nothing is decoded"))
    found += _stream_news("MEG", seen.health.meg, "check the sender and its network; it comes back by itself")
    found += _stream_news("words", seen.health.words, "check the sender of the words; it comes back by itself")
    if seen.keeping and seen.keeping.trouble:
        found.append(("lost", f"recording: {seen.keeping.trouble}"))
    if seen.keeping and seen.keeping.n_dropped:
        found.append(("lost", f"recording lost {seen.keeping.n_dropped:,} pieces: the disk is too slow"))
    if seen.keeping and seen.keeping.hours_left is not None and seen.keeping.hours_left < 1:
        found.append(("stale", f"disk full in {60 * seen.keeping.hours_left:.0f} min: free some space"))
    if seen.work.shedding:
        found.append(("stale", f"overload: {seen.work.shedding}"))
    return sorted(found, key=lambda item: item[0] != "lost")


def _stream_news(name: str, stream: StreamHealth, cure: str) -> list[tuple[str, str]]:
    if stream.state == "lost":
        return [("lost", f"{name} LOST {clock(stream.since_s)}: {cure}")]
    if stream.state == "stale":
        return [("stale", f"{name} stale for {clock(stream.since_s)}: {cure}")] if name == "MEG" else []
    if stream.state == "found" and stream.since_s > 3 and name == "MEG":
        return [("stale", f"{name} found but sends nothing: check firewall, VPN, network card")]
    if stream.state == "searching" and stream.since_s > 5:
        return [("stale", f"no stream of {name} found yet: is its sender running?")]
    return []
