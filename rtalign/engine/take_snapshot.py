"""How an engine stands, as a snapshot."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtalign.core.records import UNITS
from rtalign.engine.engine import Engine
from rtalign.engine.ledger import Entry
from rtalign.engine.snapshot import InspectedWord, RecordingStatus, Snapshot, Traces, Work

TRACE_S = 6.0
MOST_TRACES = 12
NO_LONGER_KEPT = "received too long ago to be shown"


def of(
    engine: Engine, sequence: int, work: Work, recording: RecordingStatus | None = None, newest: int = 60
) -> Snapshot:
    """How an engine stands now."""
    decoding, ledger, findings = engine.decoding, engine.ledger, engine.assessment.findings
    return Snapshot(
        sequence=sequence,
        phase="refused" if engine.intake.refused else "ended" if engine.ended else "running",
        time_s=engine.intake.time_s,
        health=engine.source.health(),
        n_received=ledger.n_received,
        n_scored=ledger.n_scored,
        n_waiting=ledger.n_waiting,
        skipped=dict(ledger.skipped),
        words=tuple(words(engine, newest)),
        notices=tuple(engine.notices)[-20:],
        model=str(decoding.model["id"]),
        context=decoding.recipe.language.context,
        layers=decoding.layers,
        lags_s=decoding.lags_s,
        r=engine.r,
        n_words=min(engine.scoreboard.n, engine.last_words or engine.scoreboard.n),
        n_assessed=engine.assessment.n_words,
        null_lo=findings.null_lo if findings else None,
        null_hi=findings.null_hi if findings else None,
        statistics=dict(findings.curves.statistics) if findings else {},
        peaks=findings.peaks if findings else (),
        temporal=findings.temporal if findings else None,
        reason=engine.assessment.reason if findings is None else findings.reason,
        refused=engine.intake.refused,
        n_sensors=engine.intake.n_sensors,
        publishing=engine.publish is not None,
        work=work,
        recording=recording,
        traces=traces(engine),
        inspected=inspected(engine),
        **_transport(engine),
    )


def words(engine: Engine, most: int) -> list[Entry]:
    """The newest; of a replay, which may have gone back, those before its position."""
    kept, transport = engine.ledger.entries, engine.source.transport
    if transport is None:
        return kept[-most:]
    known = {entry.word.index: entry for entry in kept}
    oldest = min(known, default=0)
    return [
        known.get(word.index)
        or (Entry(word, "skipped", NO_LONGER_KEPT) if word.index < oldest else Entry(word, "waiting"))
        for word in transport.recent_words(most)
    ]


def traces(engine: Engine) -> Traces | None:
    """Sensors spread evenly over the list, which goes round the head."""
    tail, fitting = engine.intake.tail(TRACE_S), engine.intake.fitting
    if tail is None or fitting is None or not len(tail.data):
        return None
    n = len(fitting.sensors)
    chosen = sorted({round(i) for i in np.linspace(0, n - 1, min(MOST_TRACES, n))})
    sensors = [fitting.sensors[i] for i in chosen]
    names, units = tuple(s.name for s in sensors), tuple(UNITS[s.kind] for s in sensors)
    return Traces(tail.start, tail.sfreq, names, units, tail.data[:, chosen])


def inspected(engine: Engine) -> InspectedWord | None:
    """The word that a viewer asked for, while it is remembered."""
    index = engine.inspected
    found = [entry for entry in engine.ledger.entries if entry.word.index == index]
    if index is None or not found:
        return None
    return InspectedWord(found[0], engine.scoreboard.word_map(index), engine.power.get(index))


def _transport(engine: Engine) -> dict[str, Any]:
    """Where a replay stands; nothing of a live source."""
    transport = engine.source.transport
    if transport is None:
        return {}
    return {
        "position_s": transport.position,
        "end_s": transport.end,
        "speed": transport.speed,
        "paused": transport.paused,
    }
