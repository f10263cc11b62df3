"""Snapshot: everything a view may show of a session at one moment, immutable, ready to be sent."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, TypeAdapter

from rtalign.curves import Findings
from rtalign.data import UNITS
from rtalign.engine import Engine
from rtalign.ledger import Entry
from rtalign.sources.events import Health, Notice, StreamHealth

TRACE_S = 6.0
MOST_TRACES = 12
Phase = Literal["loading", "running", "refused", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One layer's peak as it stands; seconds, None where there is no peak."""

    layer: int
    depth: float
    status: str
    peak_s: float | None
    low_s: float | None
    high_s: float | None
    peak_r: float
    null_r: float


@dataclass(frozen=True, slots=True)
class Trend:
    """How peak latency goes with depth."""

    r: float
    low: float
    high: float
    slope_ms: float
    p: float
    p_permutation: float
    n_layers: int


@dataclass(frozen=True, slots=True)
class Work:
    """How hard the engine works.  latency_* : from the last sample a word needed to its score, s."""

    load: float = 0.0
    rss_mb: float = 0.0
    language_ms: float | None = None
    language_backlog: int = 0
    latency_median_s: float | None = None
    latency_p99_s: float | None = None
    n_solved: int = 0
    shedding: str | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the recording does."""

    folder: str
    megabytes: float
    hours_left: float | None
    n_dropped: int
    trouble: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """The newest seconds of some sensors.  data : (sample, sensor) in units; start : time of the first sample, s."""

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    start: float
    rate: float
    names: tuple[str, ...]
    units: tuple[str, ...]
    data: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Inspected:
    """One word looked at.  scores : (layer, lag), its share in R; power : (lag,), how strong the field was."""

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    entry: Entry
    scores: np.ndarray | None
    power: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """words : the newest, done and waiting.  r, null_lo, null_hi : (layer, lag), over n_words.  notices : the newest
    last.  At most one of findings' parts is ever missing: rungs are empty and trend is None while why says why."""

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    sequence: int
    phase: Phase
    time_s: float
    health: Health
    n_heard: int = 0
    n_scored: int = 0
    n_waiting: int = 0
    skipped: dict[str, int] = dataclasses.field(default_factory=dict)
    words: tuple[Entry, ...] = ()
    notices: tuple[Notice, ...] = ()
    model: str = ""
    context: str = ""
    layers: tuple[int, ...] = ()
    lags_s: np.ndarray | None = None
    r: np.ndarray | None = None
    n_words: int = 0
    n_assessed: int = 0
    null_lo: np.ndarray | None = None
    null_hi: np.ndarray | None = None
    rungs: tuple[Rung, ...] = ()
    trend: Trend | None = None
    why: str | None = None
    refused: tuple[str, ...] = ()
    work: Work = Work()
    keeping: Keeping | None = None
    position_s: float | None = None
    end_s: float | None = None
    speed: float | None = None
    paused: bool = False
    traces: Traces | None = None
    inspected: Inspected | None = None


_ADAPTER: TypeAdapter[Snapshot] = TypeAdapter(Snapshot)


def empty(phase: Phase = "loading", why: str | None = None) -> Snapshot:
    health = Health(StreamHealth("", "searching"), StreamHealth("", "searching"))
    return Snapshot(0, phase, 0.0, health, why=why)


def to_message(snapshot: Snapshot) -> dict[str, Any]:
    """For wire.pack."""
    return {field.name: _plain(getattr(snapshot, field.name)) for field in dataclasses.fields(snapshot)}


def from_message(message: Any) -> Snapshot:
    """A snapshot as it was sent, refused where it is none."""
    return _ADAPTER.validate_python(message)


def of(engine: Engine, sequence: int, work: Work, keeping: Keeping | None = None, newest: int = 60) -> Snapshot:
    """How an engine stands now."""
    decoding, ledger, findings = engine.decoding, engine.ledger, engine.assessment.findings
    return Snapshot(
        sequence=sequence,
        phase="refused" if engine.refused else "ended" if engine.ended else "running",
        time_s=engine.time_s,
        health=engine.source.health(),
        n_heard=ledger.n_heard,
        n_scored=ledger.n_scored,
        n_waiting=ledger.n_waiting,
        skipped=dict(ledger.skipped),
        words=tuple(ledger.entries[-newest:]),
        notices=tuple(engine.notices)[-20:],
        model=str(decoding.model["id"]),
        context=decoding.recipe.language.context,
        layers=decoding.layers,
        lags_s=decoding.lags_s,
        r=engine.r,
        n_words=engine.scoreboard.n,
        n_assessed=engine.assessment.n_words,
        null_lo=findings.null_lo if findings else None,
        null_hi=findings.null_hi if findings else None,
        rungs=rungs(findings) if findings else (),
        trend=trend(findings) if findings else None,
        why=engine.assessment.why if findings is None else findings.reason,
        refused=engine.refused,
        work=work,
        keeping=keeping,
        traces=traces(engine),
        inspected=inspected(engine),
        **_transport(engine),
    )


def rungs(findings: Findings) -> tuple[Rung, ...]:
    curves = findings.curves
    found = []
    for layer, depth, peak in zip(curves.layers, curves.depth, findings.peaks, strict=True):
        low, high = peak.ci_s or (None, None)
        found.append(Rung(int(layer), float(depth), peak.status, peak.peak_s, low, high, peak.peak_r, peak.null_r))
    return tuple(found)


def trend(findings: Findings) -> Trend | None:
    score = findings.temporal
    if score is None:
        return None
    return Trend(score.r, *score.ci, score.slope_ms, score.p, score.p_permutation, score.n_layers)


def traces(engine: Engine) -> Traces | None:
    """Sensors spread evenly over the list, which goes round the head."""
    tail, fitting = engine.tail(TRACE_S), engine.fitting
    if tail is None or fitting is None or not len(tail.data):
        return None
    n = len(fitting.sensors)
    chosen = sorted({round(i) for i in np.linspace(0, n - 1, min(MOST_TRACES, n))})
    sensors = [fitting.sensors[i] for i in chosen]
    names, units = tuple(s.name for s in sensors), tuple(UNITS[s.kind] for s in sensors)
    return Traces(tail.start, tail.sfreq, names, units, tail.data[:, chosen])


def inspected(engine: Engine) -> Inspected | None:
    """The word that a viewer asked for, while it is remembered."""
    index = engine.inspected
    found = [entry for entry in engine.ledger.entries if entry.word.index == index]
    if index is None or not found:
        return None
    return Inspected(found[0], engine.scoreboard.word_map(index), engine.power.get(index))


def _transport(engine: Engine) -> dict[str, Any]:
    """Where a replay stands; nothing of a live source."""
    source: Any = engine.source
    if not hasattr(source, "position"):
        return {}
    return {
        "position_s": source.position, "end_s": source.end, "speed": source.speed, "paused": source.paused,
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """Records become mappings, tuples lists; arrays stay."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
