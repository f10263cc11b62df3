"""What else a live result could be: what the controls of a session leave of it, and what was not controlled."""

from __future__ import annotations

from rtalign.engine.snapshot import ControlView, Snapshot
from rtalign.report.verdict import NOT_CONTROLLED, NOTHING_DONE
from rtalign.scoring.headline import headline
from rtalign.scoring.unique_board import TWIN, UNIQUE

QUESTION = "What else could this be?"
HOW = "Train the bank with --controls nuisances to see what is left without them."


def short_note(snapshot: Snapshot) -> str:
    """Behind the headline: what is left in unique R, or what was not controlled; empty before there are peaks."""
    n_plain = sum(peak.peak_s is not None for peak in snapshot.peaks)
    if snapshot.control or not n_plain:
        return ""
    unique = snapshot.controls.get(UNIQUE)
    if unique is None:
        return "timing and next word not controlled"
    return f"unique R: {_kept(snapshot, unique)} of {n_plain} peaks left" if unique.peaks else ""


def long_note(snapshot: Snapshot) -> str:
    """Each rival explanation, what was done about it, and what is left; the sentences of a tooltip."""
    unique, twin = (snapshot.controls.get(name) for name in (UNIQUE, TWIN))
    lines = [QUESTION]
    if unique is not None:
        lines.append(f"Timing, word form and static neighbours taken out: {_left(snapshot, unique)}.")
    if twin is not None:
        lines.append(f"A brain that answers nothing but these: {_order(snapshot, twin)}.")
    missing = NOT_CONTROLLED if unique is not None else NOTHING_DONE
    lines.append(f"Not controlled: {'; '.join(missing)}.")
    return "\n".join(lines if unique is not None else [*lines, HOW])


def _left(snapshot: Snapshot, unique: ControlView) -> str:
    if not unique.peaks:
        return unique.reason or "nothing is known yet"
    n_plain = sum(peak.peak_s is not None for peak in snapshot.peaks)
    return f"{_kept(snapshot, unique)} of {n_plain} layers with a peak keep one; {_order(snapshot, unique)}"


def _kept(snapshot: Snapshot, unique: ControlView) -> int:
    """How many layers have a peak with and without nuisances."""
    plain, left = (
        {peak.layer for peak in peaks if peak.peak_s is not None} for peaks in (snapshot.peaks, unique.peaks)
    )
    return len(plain & left)


def _order(snapshot: Snapshot, view: ControlView) -> str:
    if not view.peaks:
        return view.reason or "nothing is known yet"
    found = headline(view.temporal, view.peaks, snapshot.lags_s, view.reason, snapshot.phase == "ended")
    return f"{found.claim[0].lower()}{found.claim[1:]}"
