"""What the strip says of a session, from how it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rtalign.core.time_format import clock_time
from rtalign.engine.snapshot import Snapshot
from rtalign.streams.events import StreamHealth
from rtalign_monitor.bars.message_bar import Message
from rtalign_monitor.engines.link import EngineLink, State


def bad_news(seen: Snapshot) -> list[tuple[str, str]]:
    """(role, text) of everything an operator should act on."""
    found: list[tuple[str, str]] = []
    if seen.phase == "failed":
        found.append(("lost", f"the engine stopped: {seen.reason}"))
    if seen.refused:
        found.append(("lost", "the bank does not fit: nothing is decoded"))
    found += _stream_news("MEG", seen.health.meg, "check the sender and its network; it comes back by itself")
    found += _stream_news("words", seen.health.words, "check the sender of the words; it comes back by itself")
    if seen.recording and seen.recording.problem:
        found.append(("lost", f"recording: {seen.recording.problem}"))
    if seen.recording and seen.recording.n_dropped:
        found.append(("lost", f"recording lost {seen.recording.n_dropped:,} pieces: the disk is too slow"))
    if seen.recording and seen.recording.hours_left is not None and seen.recording.hours_left < 1:
        found.append(("stale", f"disk full in {60 * seen.recording.hours_left:.0f} min: free some space"))
    if seen.work.shedding:
        found.append(("stale", f"overload: {seen.work.shedding}"))
    return sorted(found, key=lambda item: item[0] != "lost")


def _stream_news(name: str, stream: StreamHealth, cure: str) -> list[tuple[str, str]]:
    if stream.state == "lost":
        return [("lost", f"{name} LOST {clock_time(stream.since_s)}: {cure}")]
    if stream.state == "stale":
        return [("stale", f"{name} stale for {clock_time(stream.since_s)}: {cure}")] if name == "MEG" else []
    if stream.state == "found" and stream.since_s > 3 and name == "MEG":
        return [("stale", f"{name} found but sends nothing: check firewall, VPN, network card")]
    if stream.state == "searching" and stream.since_s > 5:
        return [("stale", f"no stream of {name} found yet: is its sender running?")]
    return []


ORDER = (
    *(
        "closing",
        "lost",
        "failed",
        "silent",
        "refused",
        "stream",
        "reset",
        "demo",
        "report",
        "writing",
        "notice",
        "loss",
    ),
    *("loading", "frozen", "compare", "sound", "ended", "none"),
)
"""Keys of messages, what matters most first."""

Deed = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Cures:
    """What the buttons of the strip do."""

    restart: Deed
    stop: Deed
    stay_stopped: Deed
    leave: Deed
    give_up: Deed
    start: Deed
    open: Deed
    choose_bank: Deed
    do_without: Deed
    report: Deed
    play_again: Deed
    forgive: Deed


@dataclass(frozen=True, slots=True)
class Standing:
    """loss : the last of an engine before this one, which died while it was asked to end.

    stopping_s : since it was asked to end.  hangs : it takes longer than it should.  silent_s : it says nothing for so
    long, or None.    given_up : it was ended, as it did not end by itself.
    """

    seen: Snapshot
    state: State
    closing: bool
    frozen: bool
    restarts_in_s: float | None
    loss: Snapshot | None
    stopping_s: float | None = None
    hangs: bool = False
    silent_s: float | None = None
    given_up: bool = False


def standing(link: EngineLink, seen: Snapshot, closing: bool, frozen: bool) -> Standing:
    """How an engine stands, by its link."""
    return Standing(
        seen, link.state, closing, frozen, link.restarts_in_s, link.loss, link.stopping_s,
        link.hangs, link.silent_s if link.silent else None, link.given_up,
    )  # fmt: skip


def told(now: Standing, cures: Cures) -> dict[str, Message | None]:
    """A message by each key, or None where there is nothing to say about it."""
    seen, running = now.seen, now.state == "running"
    return {
        "closing": _closing(now, cures) if now.state == "stopping" else None,
        "lost": _lost(now, cures) if now.state == "lost" else None,
        "failed": _failed(seen, cures) if now.state == "failed" or (running and seen.phase == "failed") else None,
        "silent": _silent(now.silent_s, cures) if now.silent_s is not None else None,
        "refused": _refused(seen, cures) if running and seen.refused else None,
        "stream": _stream(seen) if running and seen.phase == "running" else None,
        "none": _none(cures) if now.state == "none" else None,
        "loss": _loss(now.loss, cures) if now.loss is not None else None,
        "loading": _loading(seen, cures) if running and seen.phase == "loading" else None,
        "frozen": Message("frozen", "The picture is frozen; the engine goes on. F goes on.", "stale")
        if now.frozen
        else None,
        "ended": _ended(seen, cures) if seen.phase == "ended" and now.state in ("running", "ended") else None,
    }


def _loading(seen: Snapshot, cures: Cures) -> Message:
    text = f"{_sentence(seen.reason or 'starting')}…"
    return Message("loading", text, "quiet", (("Cancel", cures.stop),), True)


def _none(cures: Cures) -> Message:
    choices = (("Start…", cures.start), ("Open recording…", cures.open))
    return Message("none", "No session runs.", "quiet", choices)


def _closing(now: Standing, cures: Cures) -> Message:
    leave, end = (("Leave it to it", cures.leave),) if now.closing else (), (("End it now", cures.give_up),)
    if now.seen.phase == "loading":
        text = "The engine ends when it has loaded; there is nothing to be lost by ending it now."
        return Message("closing", text, "quiet", end, True)
    if not now.hangs:
        return Message("closing", "The engine is writing what it found.", "quiet", leave, True)
    kept = now.seen.recording
    safe = f"the recording in {kept.folder} is safe up to its last second" if kept else "nothing was being recorded"
    text = (
        f"The engine has not ended for {now.stopping_s or 0:.0f} s: it may still be writing, or it hangs. "
        f"Ended now, it loses the results that it has not written yet; {safe}."
    )
    return Message("closing", text, "stale", (*leave, *end), True)


def _silent(seconds: float, cures: Cures) -> Message:
    text = f"The engine has not answered for {seconds:.0f} s: what is shown is as old as that. It is busy, or it hangs."
    return Message("silent", text, "stale", (("Restart the engine", cures.restart),))


def _lost(now: Standing, cures: Cures) -> Message:
    kept, left = _kept(now.seen), now.restarts_in_s
    if now.given_up:
        text = f"The engine was ended before it had written what it found; {kept}."
        return Message("lost", text, "stale", (("Restart", cures.restart),))
    if now.closing:
        text = f"The engine stopped while it was writing what it found; {kept}."
        return Message("lost", text, "lost", (("Close", cures.leave), ("Restart", cures.restart)))
    goes_on = "the replay goes on from where it stood" if now.seen.position_s is not None else "scores begin anew"
    text = f"The engine stopped unexpectedly; {kept}."
    if left is None:
        return Message("lost", text, "lost", (("Restart now", cures.restart),))
    soon = f"{text} It starts again in {left:.0f} s; {goes_on}."
    return Message("lost", soon, "lost", (("Restart now", cures.restart), ("Not now", cures.stay_stopped)))


def _loss(seen: Snapshot, cures: Cures) -> Message:
    text = f"The engine of the session before stopped while it was writing what it found; {_kept(seen)}."
    return Message("loss", text, "lost", (("OK", cures.forgive),))


def _failed(seen: Snapshot, cures: Cures) -> Message:
    text = f"This session cannot go on: {seen.reason or 'the engine failed'}."
    choices = (("Try again", cures.restart), ("Choose bank…", cures.choose_bank), ("Start…", cures.start))
    return Message("failed", text, "lost", choices)


def _refused(seen: Snapshot, cures: Cures) -> Message:
    text = f"The bank does not fit this stream: {'; '.join(seen.refused)}."
    choices: tuple[tuple[str, Deed], ...] = (("Choose bank…", cures.choose_bank),)
    if seen.n_sensors:
        text += f" {seen.n_sensors:,} of its sensors are there."
        choices += (("Go on with these", cures.do_without),)
    return Message("refused", text, "lost", choices)


def _stream(seen: Snapshot) -> Message | None:
    news = [text for role, text in bad_news(seen) if role == "lost"]
    return Message("stream", "   ".join(map(_sentence, news)) + ".", "lost") if news else None


def _ended(seen: Snapshot, cures: Cures) -> Message:
    """A recording at its end, or a session that has stopped."""
    text = f"The {'recording' if seen.position_s is not None else 'session'} has ended: "
    text += f"{seen.n_received:,} words heard, {seen.n_scored:,} scored."
    choices: tuple[tuple[str, Deed], ...] = ()
    if seen.report is not None:
        text += f" The report is {seen.report.path}."
    if seen.report is not None or seen.peaks:
        choices = (("Open report", cures.report),)
    elif seen.reason:
        text += f" There is nothing to report: {seen.reason}."
    again = "Play again" if seen.position_s is not None else "Begin again"
    return Message("ended", text, "quiet", (*choices, (again, cures.play_again)))


def _kept(seen: Snapshot) -> str:
    return (
        f"what was recorded is on disk in {seen.recording.folder}" if seen.recording else "nothing was being recorded"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
