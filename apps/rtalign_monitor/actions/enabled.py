"""What can be done now: for every action None, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass

from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.engines.link import State
from rtalign_monitor.memory import ViewName
from rtalign_monitor.panels.grid import IN_MENU

NO_SESSION = "No session runs; Ctrl+N begins one."
LIVE = "This is live: only a recording can be paused, slowed or moved."
OF_REPLAY = (
    *("play", "slower", "faster", "previous", "next", "back", "on", "begin", "jump"),
    *("bookmark", "mark-before", "mark-next"),
)


@dataclass(frozen=True, slots=True)
class Now:
    """What it depends on.  known : there is a session to begin again.  panel : one has been pointed at."""

    seen: Snapshot
    state: State
    known: bool
    panel: bool
    alone: bool
    marks: int
    view: ViewName


def reasons(now: Now) -> dict[str, str | None]:
    seen, on = now.seen, now.state == "running" and now.seen.phase != "loading"
    replay = seen.position_s is not None
    none = None if on else "It is still starting." if now.state == "running" else NO_SESSION
    moved = none or (None if replay else LIVE)
    ended = "The recording is at its end; Home goes back to its start." if seen.phase == "ended" else None
    marks = None if now.marks else "There is no bookmark yet; M sets one."
    known = None if now.known else NO_SESSION
    demo = "The demo view shows few panels; O shows all." if now.view == "demo" else None
    return {
        **dict.fromkeys(OF_REPLAY, moved),
        "play": moved or ended,
        "next": moved or ended,
        "mark-before": moved or marks,
        "mark-next": moved or marks,
        "record": none or ("A replay is on disk already; only live streams are recorded." if replay else None),
        "publish": none,
        "restart": known,
        "save": known,
        **dict.fromkeys(
            ("fewer", "more"), None if now.alone else "All words are scored; W scores the last ones alone."
        ),
        "reset": none or (None if seen.n_scored else "No word has been scored yet."),
        **dict.fromkeys(("up", "down"), None if seen.layers else "There is no layer yet."),
        "panel": None if now.panel else "Move the pointer over a panel first.",
        "scores": None if seen.r is not None else "There are no scores yet.",
        "ladder": None if seen.peaks else f"There is no ladder yet: {seen.reason or 'no word has been scored'}.",
        "report": _report(now, none),
        **{f"show-{spec.name}": demo for spec in IN_MENU if not spec.in_demo},
    }


def _report(now: Now, none: str | None) -> str | None:
    if now.seen.report is not None:
        return None
    return none or (None if now.seen.peaks else f"There is nothing to report yet: {now.seen.reason or 'no scores'}.")
