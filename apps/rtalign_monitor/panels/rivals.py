"""What else a live result could be: what the controls of a session leave of it, and what was not controlled."""

from __future__ import annotations

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import ControlView, Snapshot
from rtalign.report.verdict import NOT_CONTROLLED, NOTHING_DONE
from rtalign.scoring.findings import TWIN, UNIQUE
from rtalign.scoring.headline import headline


def short_note(snapshot: Snapshot) -> str:
    """Behind the headline: what is left in unique R, or what was not controlled; empty before there are peaks."""
    n_plain = sum(peak.peak_s is not None for peak in snapshot.peaks)
    if snapshot.control or not n_plain:
        return ""
    unique = snapshot.controls.get(UNIQUE)
    if unique is None:
        return tr("timing and next word not controlled")
    if not unique.peaks:
        return ""
    return tr("unique R: {kept} of {n_plain} peaks left", kept=_kept(snapshot, unique), n_plain=n_plain)


def long_note(snapshot: Snapshot) -> str:
    """Each rival explanation, what was done about it, and what is left; the sentences of a tooltip."""
    unique, twin = (snapshot.controls.get(name) for name in (UNIQUE, TWIN))
    lines = [tr("What else could this be?")]
    if unique is not None:
        left = _left(snapshot, unique)
        lines.append(tr("Timing, word form and static neighbours taken out: {left}.", left=left))
    if twin is not None:
        lines.append(tr("A brain that answers nothing but these: {order}.", order=_order(snapshot, twin)))
    missing = NOT_CONTROLLED if unique is not None else NOTHING_DONE
    lines.append(tr("Not controlled: {missing}.", missing="; ".join(missing)))
    if unique is None:
        lines.append(tr("Train the bank with --controls nuisances to see what is left without them."))
    return "\n".join(lines)


def _left(snapshot: Snapshot, unique: ControlView) -> str:
    if not unique.peaks:
        return unique.reason or tr("nothing is known yet")
    n_plain = sum(peak.peak_s is not None for peak in snapshot.peaks)
    return tr(
        "{kept} of {n_plain} layers with a peak keep one; {order}",
        kept=_kept(snapshot, unique), n_plain=n_plain, order=_order(snapshot, unique),
    )  # fmt: skip


def _kept(snapshot: Snapshot, unique: ControlView) -> int:
    """How many layers have a peak with and without nuisances."""
    plain, left = (
        {peak.layer for peak in peaks if peak.peak_s is not None} for peaks in (snapshot.peaks, unique.peaks)
    )
    return len(plain & left)


def _order(snapshot: Snapshot, view: ControlView) -> str:
    if not view.peaks:
        return view.reason or tr("nothing is known yet")
    found = headline(view.temporal, view.peaks, snapshot.lags_s, view.reason, snapshot.phase == "ended")
    return f"{found.claim[0].lower()}{found.claim[1:]}"
