"""What else a result could be, of a session and of a bank, in the report's own words and by its judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import ControlView, Snapshot, assessed_words, minutes_of
from rtalign.report.read import ControlResult, Results, Summary
from rtalign.report.verdict import (
    WHOLE,
    Explanation,
    claim,
    explanations,
    kept_peaks,
    left_uncontrolled,
    not_controlled,
    verdict,
)
from rtalign.scoring.findings import TWIN, UNIQUE
from rtalign.scoring.headline import waiting_for
from rtalign.scoring.outlook import Outlook, outlook_text
from rtalign.scoring.peaks import Peak

TITLE = tr("What else could this be?")


@dataclass(frozen=True, slots=True)
class RivalsPage:
    """All that is said of rival explanations of one result.

    Attributes
    ----------
    basis : str
        What it rests on.
    claim : str
        What the controls say of the headline; empty where there are none.
    not_controlled : str
        What was not controlled.
    explanations : tuple of Explanation
        Each rival explanation.
    has_peaks : bool
        Whether there is anything to explain.
    outlook : str
        How much more recording layers below chance need.
    """

    basis: str
    claim: str = ""
    not_controlled: str = ""
    explanations: tuple[Explanation, ...] = ()
    has_peaks: bool = False
    outlook: str = ""


def session_page(snapshot: Snapshot) -> RivalsPage:
    """Of a session so far."""
    summary, unique = summary_of(snapshot), snapshot.controls.get(UNIQUE)
    waits = unique.reason or "" if unique and UNIQUE not in summary.controls else ""
    n, n_assessed = assessed_words(snapshot), snapshot.n_assessed
    basis = tr("{n:,} words of this session", n=n) if n else tr("No word has been assessed yet")
    if n < n_assessed:
        basis = tr("The newest {n:,} of {n_assessed:,} words of this session", n=n, n_assessed=n_assessed)
    basis += "; " + tr("unique R of {n:,} words", n=unique.n_words) if unique and UNIQUE in summary.controls else ""
    warning = tr("No evidence: {warning}.", warning=snapshot.training_overlap) if snapshot.training_overlap else ""
    missing = waiting_for(snapshot.n_words, snapshot.n_assessed, snapshot.reason) if not snapshot.peaks else None
    return RivalsPage(
        basis=f"{basis}.",
        claim=warning or claim(summary),
        not_controlled=not_controlled(summary),
        explanations=tuple(explanations(summary, waits)),
        has_peaks=any(peak.ok for peak in snapshot.peaks),
        outlook=_not_known(missing or warning)
        if missing or warning
        else _outlook(snapshot.outlook, snapshot.peaks, n, minutes_of(snapshot)),
    )


def bank_page(results: Results) -> RivalsPage:
    """Of the words that a bank was trained on."""
    summary = results.summary
    return RivalsPage(
        basis=tr("{n:,} held-out words of the bank’s own recordings.", n=summary.n_words),
        claim=claim(summary),
        not_controlled=not_controlled(summary),
        explanations=tuple(explanations(summary)),
        has_peaks=bool(results.peaked),
        outlook=_outlook(summary.outlook, summary.layers, summary.n_words, results.minutes),
    )


def summary_of(snapshot: Snapshot) -> Summary:
    """What a summary of the session so far holds of its result and of its controls; not checked, as nothing is read."""
    unique, twin = (snapshot.controls.get(name) for name in (UNIQUE, TWIN))
    controls = {}
    if unique and unique.peaks:
        controls[UNIQUE] = ControlResult.model_construct(**_ladder(unique), groups=snapshot.nuisances)
    if controls and twin and twin.peaks:
        controls[TWIN] = ControlResult.model_construct(**_ladder(twin), explained={WHOLE: twin.r})  # type: ignore[dict-item]
    return Summary.model_construct(
        **_ladder(snapshot), kind="session", n_words=snapshot.n_assessed, lags_s=snapshot.lags_s, controls=controls,  # type: ignore[arg-type]
        not_controlled=left_uncontrolled(snapshot.nuisances) if controls else [],
    )  # fmt: skip


def _ladder(view: Snapshot | ControlView) -> Any:
    return {
        "layers": list(view.peaks),
        "r": view.r,
        "temporal_score": view.temporal,
        "temporal_score_reason": view.reason,
    }


def _outlook(found: Outlook | None, layers: Sequence[Peak], n_words: int, minutes: float | None) -> str:
    if found is not None:
        return outlook_text(found, n_words, minutes)
    if all(layer.peak_r > layer.null_r for layer in layers):
        return tr("Every layer is above chance: none needs more for that.")
    return _not_known(tr("chance was not drawn"))


def _not_known(missing: str) -> str:
    return tr("Not known: {missing}.", missing=missing.rstrip("."))


def short_note(snapshot: Snapshot) -> str:
    """Behind the headline: what is left in unique R, or what was not controlled; empty before there are peaks."""
    n_plain = sum(peak.peak_s is not None for peak in snapshot.peaks)
    if snapshot.control or not n_plain:
        return ""
    if UNIQUE not in snapshot.controls:
        return tr("timing and next word not controlled")
    summary = summary_of(snapshot)
    if UNIQUE not in summary.controls:
        return ""
    _, kept, _ = kept_peaks(summary, summary.controls[UNIQUE])
    return tr("unique R: {kept} of {n_plain} peaks left", kept=kept, n_plain=n_plain)


def long_note(snapshot: Snapshot) -> str:
    """The verdict, as a tooltip, with the key that lists each rival explanation."""
    hint = tr("H lists each rival explanation, and what was done about it.")
    return "\n".join((TITLE, verdict(summary_of(snapshot)), hint))
