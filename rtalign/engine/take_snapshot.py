"""Takes a snapshot of an engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtalign.core.records import DISPLAY_UNITS
from rtalign.engine.engine import Engine
from rtalign.engine.ledger import WordEntry
from rtalign.engine.snapshot import ControlView, InspectedWord, Snapshot, Traces, Work
from rtalign.scoring.assessor import Assessment
from rtalign.scoring.findings import TWIN, UNIQUE

N_WORDS = 60
TRACE_S = 6.0
MAX_TRACES = 12
N_MARKS = 500
TOO_OLD = "received too long ago to be shown"


def snapshot_of(engine: Engine, sequence: int, work: Work) -> Snapshot:
    """The engine's present state; what others than the engine know (bank, recording, report, sounds) is left empty.

    Parameters
    ----------
    engine : Engine
        Seen between two of its steps.
    sequence : int
        Number of the snapshot.
    work : Work
        How hard the engine's process works.

    Returns
    -------
    Snapshot
        Valid until the engine's next step; what is sent is a copy.
    """
    decoding, ledger = engine.decoding, engine.ledger
    return Snapshot(
        sequence=sequence,
        phase="refused" if engine.intake.refused else "ended" if engine.ended else "running",
        time_s=engine.intake.time_s,
        health=engine.source.health(),
        n_received=ledger.n_received,
        n_scored=ledger.n_scored,
        n_waiting=ledger.n_waiting,
        skipped=dict(ledger.skipped),
        words=tuple(newest_words(engine, N_WORDS)),
        notices=tuple(engine.notices)[-20:],
        model=str(decoding.model["id"]),
        context=decoding.recipe.language.context,
        layers=decoding.layers,
        lags_s=decoding.lags_s,
        r=engine.r,
        n_words=min(engine.scoreboard.n, engine.last_words or engine.scoreboard.n),
        refused=engine.intake.refused,
        n_sensors=engine.intake.n_sensors,
        publishing=engine.publish is not None,
        training_overlap=engine.training_overlap.warning,
        annotations=engine.annotations,
        work=work,
        traces=newest_traces(engine),
        inspected=inspected_word(engine),
        marks=engine.intake.marks.all[-N_MARKS:],
        head_mm=engine.head.distance_mm,
        left_out=engine.intake.left_out,
        sensors=engine.intake.sensors_view(),
        **_assessment(engine.assessment),
        outlook=engine.assessment.outlook,
        controls=_controls(engine),
        nuisances=engine.decoding.nuisances.sizes if engine.decoding.nuisances else {},
        **_transport(engine),
    )


def newest_words(engine: Engine, n: int) -> list[WordEntry]:
    """The newest n words; of a replay, which may have gone back, those before its position."""
    entries, transport = engine.ledger.entries, engine.source.transport
    if transport is None:
        return entries[-n:]
    known = {entry.word.index: entry for entry in entries}
    oldest = min(known, default=0)
    return [
        known.get(word.index)
        or (WordEntry(word, "skipped", TOO_OLD) if word.index < oldest else WordEntry(word, "waiting"))
        for word in transport.recent_words(n)
    ]


def newest_traces(engine: Engine) -> Traces | None:
    """Some sensors, evenly spaced in the list of sensors, which goes round the head."""
    newest, fitting = engine.intake.newest(TRACE_S), engine.intake.fitting
    if newest is None or fitting is None or not len(newest.data):
        return None
    n = len(fitting.sensors)
    chosen = sorted({round(i) for i in np.linspace(0, n - 1, min(MAX_TRACES, n))})
    sensors = [fitting.sensors[i] for i in chosen]
    names, units = tuple(s.name for s in sensors), tuple(DISPLAY_UNITS[s.kind] for s in sensors)
    return Traces(newest.start, newest.sfreq, names, units, newest.data[:, chosen])


def inspected_word(engine: Engine) -> InspectedWord | None:
    """The word that a viewer asked for; None where its entry is no longer kept."""
    index = engine.inspected
    entry = next((entry for entry in engine.ledger.entries if entry.word.index == index), None)
    if index is None or entry is None:
        return None
    return InspectedWord(entry, engine.scoreboard.word_map(index), engine.epoch_power.get(index))


def _assessment(assessment: Assessment) -> dict[str, Any]:
    """Peaks, bands and scores of the newest assessment, or the reason why there are none."""
    findings = assessment.findings
    if findings is None:
        return {"n_assessed": assessment.n_words, "reason": assessment.reason}
    return {
        "n_assessed": assessment.n_words,
        "null_lo": findings.null_lo,
        "null_hi": findings.null_hi,
        "map_hi": findings.map_hi if np.isfinite(findings.map_hi).any() else None,
        "statistics": dict(findings.curves.statistics),
        "peaks": findings.peaks,
        "temporal": findings.temporal,
        "reason": findings.reason,
    }


def _controls(engine: Engine) -> dict[str, ControlView]:
    """Unique R and the static twin, where the bank was trained with them; before the first assessment they wait."""
    if engine.controls is None:
        return {}
    waiting = Assessment(0, None, engine.assessment.reason)
    return {name: _control(engine.assessment.controls.get(name, waiting)) for name in (UNIQUE, TWIN)}


def _control(assessment: Assessment) -> ControlView:
    """What a control shows; its R is that of its assessment, as it takes all words together."""
    shown = _assessment(assessment)
    shown.pop("statistics", None)
    r = assessment.findings.curves.r if assessment.findings else None
    return ControlView(r=r, n_words=assessment.n_words, **shown)


def _transport(engine: Engine) -> dict[str, Any]:
    """Position and speed of a replay; nothing for a live source."""
    transport = engine.source.transport
    if transport is None:
        return {}
    return {
        "position_s": transport.position,
        "end_s": transport.end,
        "speed": transport.speed,
        "paused": transport.paused,
    }
