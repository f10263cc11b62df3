"""The message catalogue: what the window says about a session, with the fix, given the state of its engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rtalign.core.text.time_format import clock_time
from rtalign.core.text.translation import tr
from rtalign.engine.head_watch import AMBER_MM, RED_MM
from rtalign.engine.snapshot import Snapshot
from rtalign.scoring.headline import waiting_for
from rtalign.streams.events import StreamHealth
from rtalign_monitor.bars.message_bar import Fix, Message
from rtalign_monitor.engines.link import EngineLink, EngineState

ORDER = (
    *("closing", "lost", "failed", "silent", "refused", "stream", "reset", "demo", "report", "writing"),
    *("previous_loss", "notice", "bad", "loading", "frozen", "compare", "sound", "ended", "no_session"),
)  # fmt: skip
"""Keys of all messages of the window, the most important first."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the operator should act on.

    Attributes
    ----------
    severity : {"lost", "stale"}
        Colour role: data or results are being lost, or a warning.
    text : str
        The fact and the fix, without a full stop.
    """

    severity: Literal["lost", "stale"]
    text: str


def problems(snapshot: Snapshot) -> list[Problem]:
    """Everything in a snapshot that the operator should act on.

    Parameters
    ----------
    snapshot : Snapshot
        The newest snapshot.

    Returns
    -------
    list of Problem
        The most severe first.
    """
    found: list[Problem] = []
    if snapshot.phase == "failed":
        found.append(Problem("lost", tr("the engine stopped: {reason}", reason=snapshot.reason)))
    if snapshot.refused:
        found.append(Problem("lost", tr("the bank does not fit, nothing is decoded: choose another (Ctrl+B)")))
    found += _stream_problems(
        "MEG", snapshot.health.meg, tr("check the sender and its network; it reconnects by itself")
    )
    found += _stream_problems("words", snapshot.health.words, tr("check the sender of words; it reconnects by itself"))
    if (recording := snapshot.recording) is not None:
        if recording.problem:
            found.append(Problem("lost", tr("recording: {problem}", problem=recording.problem)))
        if recording.n_dropped:
            found.append(
                Problem(
                    "lost",
                    tr("recording lost {n_dropped:,} samples: record to a faster disk", n_dropped=recording.n_dropped),
                )
            )
        if recording.n_markers_dropped:
            found.append(
                Problem(
                    "lost",
                    tr(
                        "recording lost {n_markers_dropped:,} markers: make room there",
                        n_markers_dropped=recording.n_markers_dropped,
                    ),
                )
            )
        if recording.hours_left is not None and recording.hours_left < 1:
            found.append(
                Problem(
                    "stale",
                    tr("disk full in {hours_left:.0f} min: free some space", hours_left=60 * recording.hours_left),
                )
            )
    if snapshot.head_mm is not None and snapshot.head_mm >= AMBER_MM:
        fix = tr("have the participant move back, or train anew") if snapshot.head_mm >= RED_MM else tr("watch it")
        severity: Literal["lost", "stale"] = "lost" if snapshot.head_mm >= RED_MM else "stale"
        found.append(
            Problem(severity, tr("head {head_mm:.1f} mm from training: {fix}", head_mm=snapshot.head_mm, fix=fix))
        )
    if snapshot.work.shedding:
        found.append(Problem("stale", tr("overload: {shedding}", shedding=snapshot.work.shedding)))
    return sorted(found, key=lambda problem: problem.severity != "lost")


def _stream_problems(name: str, stream: StreamHealth, fix: str) -> list[Problem]:
    match stream.state:
        case "lost":
            return [
                Problem(
                    "lost", tr("{name} LOST {since_s}: {fix}", name=name, since_s=clock_time(stream.since_s), fix=fix)
                )
            ]
        case "stale" if name == "MEG":
            return [
                Problem(
                    "stale",
                    tr("{name} stale for {since_s}: {fix}", name=name, since_s=clock_time(stream.since_s), fix=fix),
                )
            ]
        case "found" if stream.since_s > 3 and name == "MEG":
            return [
                Problem("stale", tr("{name} found but sends no data: check firewall, VPN, network card", name=name))
            ]
        case "searching" if stream.since_s > 5:
            return [Problem("stale", tr("no stream of {name} found yet: check that its sender is running", name=name))]
        case _:
            return []


Handler = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Fixes:
    """What the buttons of the messages do.

    Attributes
    ----------
    start, open, demo : callable
        Choose another session; open a recording; play the packaged session.
    restart, stop, kill : callable
        Start the session again; ask the engine to stop; kill an engine that does not stop.
    cancel_restart : callable
        Do not restart a lost engine.
    close_now : callable
        Close the window without waiting for the engine.
    choose_bank, ignore_missing_sensors : callable
        Use another bank; use the bank with the sensors that the stream has.
    report, play_again : callable
        Open the report; replay from the start.
    dismiss_loss : callable
        Withdraw the message on the engine before.
    """

    start: Handler
    open: Handler
    demo: Handler
    restart: Handler
    stop: Handler
    kill: Handler
    cancel_restart: Handler
    close_now: Handler
    choose_bank: Handler
    ignore_missing_sensors: Handler
    report: Handler
    play_again: Handler
    dismiss_loss: Handler


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """What the messages on a session depend on.

    Attributes
    ----------
    snapshot : Snapshot
        The newest snapshot.
    state : {"none", "running", "stopping", "ended", "failed", "lost"}
        State of the engine.
    closing, frozen : bool
        Whether the window closes as soon as the engine has stopped; whether the display is frozen.
    restarts_in_s, stopping_s, silent_s : float or None
        Seconds until a lost engine is restarted; since it was asked to stop; since the last snapshot of an engine that
        sends none any more.
    hangs, killed : bool
        Whether the engine should have stopped long ago; whether it was killed.
    previous_loss : Snapshot or None
        Last snapshot of an engine before that was lost.
    goes_on : bool
        Whether the present engine goes on with the session of that one.
    """

    snapshot: Snapshot
    state: EngineState
    closing: bool
    frozen: bool
    restarts_in_s: float | None
    stopping_s: float | None
    silent_s: float | None
    hangs: bool
    killed: bool
    previous_loss: Snapshot | None
    goes_on: bool

    @classmethod
    def of(cls, link: EngineLink, snapshot: Snapshot, closing: bool, frozen: bool) -> SessionStatus:
        """The status of the session of an engine link, as of a snapshot."""
        return cls(
            snapshot, link.state, closing, frozen, link.restarts_in_s, link.stopping_s,
            link.silent_s if link.silent else None, link.hangs, link.killed, link.previous_loss,
            link.goes_on,
        )  # fmt: skip


def messages_for(status: SessionStatus, fixes: Fixes) -> dict[str, Message | None]:
    """The messages on a session.

    Parameters
    ----------
    status : SessionStatus
        State of the session.
    fixes : Fixes
        What the buttons do.

    Returns
    -------
    dict of str to Message or None
        The message of each key; None where it does not apply.
    """
    snapshot, state = status.snapshot, status.state
    running, phase = state == "running", snapshot.phase
    applies = {
        "closing": state == "stopping",
        "lost": state == "lost",
        "failed": state == "failed" or (running and phase == "failed"),
        "silent": status.silent_s is not None,
        "refused": running and bool(snapshot.refused),
        "stream": running and phase == "running",
        "previous_loss": status.previous_loss is not None,
        "loading": running and phase == "loading",
        "frozen": status.frozen,
        "ended": phase == "ended" and state in ("running", "ended"),
        "no_session": state == "none",
    }
    return {key: MESSAGES[key](status, fixes) if true else None for key, true in applies.items()}


def _closing(status: SessionStatus, fixes: Fixes) -> Message:
    close: tuple[Fix, ...] = ((tr("Close without waiting"), fixes.close_now),) if status.closing else ()
    kill: tuple[Fix, ...] = ((tr("End it now"), fixes.kill),)
    if status.snapshot.phase == "loading":
        text = tr("The engine stops when it has loaded; ending it now loses nothing.")
        return Message("closing", text, "quiet", kill, busy=True)
    if not status.hangs:
        return Message("closing", tr("The engine is writing its results."), "quiet", close, busy=True)
    recording = status.snapshot.recording
    safe = (
        tr("the recording in {folder} is safe up to its last second", folder=recording.folder)
        if recording
        else _NOT_RECORDED
    )
    text = tr(
        "The engine has not stopped for {seconds:.0f} s: it may still be writing, or it hangs. "
        "Ending it now loses the results that it has not written yet; {safe}.",
        seconds=status.stopping_s or 0,
        safe=safe,
    )
    return Message("closing", text, "stale", (*close, *kill), busy=True)


def _lost(status: SessionStatus, fixes: Fixes) -> Message:
    recorded = _recorded(status.snapshot)
    if status.killed:
        text = tr("The engine was ended before it had written its results; {recorded}.", recorded=recorded)
        return Message("lost", text, "stale", ((tr("Restart"), fixes.restart),))
    if status.closing:
        text = tr("The engine stopped unexpectedly while writing its results; {recorded}.", recorded=recorded)
        return Message("lost", text, "lost", ((tr("Close"), fixes.close_now), (tr("Restart"), fixes.restart)))
    text = tr("The engine stopped unexpectedly; {recorded}.", recorded=recorded)
    if status.restarts_in_s is None:
        return Message("lost", text, "lost", ((tr("Restart now"), fixes.restart),))
    replay = status.snapshot.position_s is not None
    then = tr("the replay continues from its last position") if replay else tr("the scores start from zero")
    text += tr(" It restarts in {restarts_in_s:.0f} s; {then}.", restarts_in_s=status.restarts_in_s, then=then)
    return Message(
        "lost", text, "lost", ((tr("Restart now"), fixes.restart), (tr("Do not restart"), fixes.cancel_restart))
    )


def _failed(status: SessionStatus, fixes: Fixes) -> Message:
    text = tr("This session cannot continue: {reason}.", reason=status.snapshot.reason or tr("the engine failed"))
    buttons = ((tr("Try again"), fixes.restart), (tr("Choose bank…"), fixes.choose_bank), (tr("Start…"), fixes.start))
    return Message("failed", text, "lost", buttons)


def _silent(status: SessionStatus, fixes: Fixes) -> Message:
    text = tr(
        "The engine has not answered for {seconds:.0f} s; the display is that old. It is busy, or it hangs.",
        seconds=status.silent_s or 0,
    )
    return Message("silent", text, "stale", ((tr("Restart the engine"), fixes.restart),))


def _refused(status: SessionStatus, fixes: Fixes) -> Message:
    snapshot = status.snapshot
    text = tr("The bank does not fit this stream: {join}.", join="; ".join(snapshot.refused))
    buttons: tuple[Fix, ...] = ((tr("Choose bank…"), fixes.choose_bank),)
    if snapshot.n_sensors:
        text += tr(" {n_sensors:,} of its sensors are present.", n_sensors=snapshot.n_sensors)
        buttons += ((tr("Continue with these"), fixes.ignore_missing_sensors),)
    return Message("refused", text, "lost", buttons)


def _stream(status: SessionStatus, _: Fixes) -> Message | None:
    severe = [_capitalised(problem.text) for problem in problems(status.snapshot) if problem.severity == "lost"]
    return Message("stream", "   ".join(severe) + ".", "lost") if severe else None


def _previous_loss(status: SessionStatus, fixes: Fixes) -> Message:
    recorded = _recorded(status.previous_loss or status.snapshot)
    text = tr(
        "The engine of the previous session stopped unexpectedly while writing its results; {recorded}.",
        recorded=recorded,
    )
    if status.goes_on:
        text = tr(
            "The engine stopped unexpectedly and another goes on: its scores start from zero; {recorded}.",
            recorded=recorded,
        )
    return Message("previous_loss", text, "lost", (("OK", fixes.dismiss_loss),))


def _loading(status: SessionStatus, fixes: Fixes) -> Message:
    text = f"{_capitalised(status.snapshot.reason or 'starting')}…"
    return Message("loading", text, "quiet", ((tr("Cancel"), fixes.stop),), busy=True)


def _frozen(_status: SessionStatus, _fixes: Fixes) -> Message:
    return Message(
        "frozen", tr("The display is frozen; the engine continues. Press F to continue the display."), "stale"
    )


def _ended(status: SessionStatus, fixes: Fixes) -> Message:
    snapshot = status.snapshot
    replay = snapshot.position_s is not None
    text = tr("The recording has ended: ") if replay else tr("The session has ended: ")
    text += tr(
        "{n_received:,} words received, {n_scored:,} scored.",
        n_received=snapshot.n_received,
        n_scored=snapshot.n_scored,
    )
    buttons: tuple[Fix, ...] = ()
    if snapshot.report is not None:
        text += tr(" The report is {path}.", path=snapshot.report.path)
    if snapshot.report is not None or snapshot.peaks:
        buttons = ((tr("Open report"), fixes.report),)
    elif missing := waiting_for(snapshot.n_words, snapshot.n_assessed, snapshot.reason):
        text += tr(" There is nothing to report: {missing}.", missing=missing)
    return Message(
        "ended", text, "quiet", (*buttons, (tr("Play again") if replay else tr("Start again"), fixes.play_again))
    )


def _no_session(_: SessionStatus, fixes: Fixes) -> Message:
    buttons = ((tr("Try the demo"), fixes.demo), (tr("Start…"), fixes.start), (tr("Open recording…"), fixes.open))
    return Message("no_session", tr("No session is running."), "quiet", buttons)


MESSAGES: dict[str, Callable[[SessionStatus, Fixes], Message | None]] = {
    "closing": _closing, "lost": _lost, "failed": _failed, "silent": _silent, "refused": _refused, "stream": _stream,
    "previous_loss": _previous_loss, "loading": _loading, "frozen": _frozen, "ended": _ended, "no_session": _no_session,
}  # fmt: skip

_NOT_RECORDED = tr("nothing was being recorded")


def _recorded(snapshot: Snapshot) -> str:
    folder = snapshot.recording.folder if snapshot.recording else ""
    return tr("the recording is on disk in {folder}", folder=folder) if folder else _NOT_RECORDED


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
