"""Snapshot: everything a view may show of a session at one moment, immutable, ready to be sent."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, TypeAdapter

from rtalign.engine.ledger import Entry
from rtalign.recordings.wav_file import Sound
from rtalign.scoring.findings import TemporalScore
from rtalign.scoring.peaks import Peak
from rtalign.streams.events import Health, Notice, StreamHealth

NO_SESSION = "no session yet"
Phase = Literal["loading", "running", "refused", "ended", "failed"]


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
class RecordingStatus:
    """How the recording does."""

    folder: str
    megabytes: float
    hours_left: float | None
    n_dropped: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """The newest report: its file, the words that it rests on, and how many were written so far."""

    path: str
    n_words: int
    n_written: int


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
class InspectedWord:
    """One word looked at.  scores : (layer, lag), its share in R; power : (lag,), how strong the field was."""

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    entry: Entry
    scores: np.ndarray | None
    power: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """words : the newest, done and waiting; of a replay, those before its position.  r, null_lo, null_hi : (layer,
    lag), over n_words.  notices : the newest last.  n_sensors : how many of the bank's sensors the stream has.  At most
    one of findings' parts is ever missing: peaks are empty and temporal is None while reason says why."""

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    sequence: int
    phase: Phase
    time_s: float
    health: Health
    n_received: int = 0
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
    statistics: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    peaks: tuple[Peak, ...] = ()
    temporal: TemporalScore | None = None
    reason: str | None = None
    refused: tuple[str, ...] = ()
    n_sensors: int = 0
    bank: str = ""
    work: Work = Work()
    recording: RecordingStatus | None = None
    publishing: bool = False
    report: ReportStatus | None = None
    position_s: float | None = None
    end_s: float | None = None
    speed: float | None = None
    paused: bool = False
    sounds: tuple[Sound, ...] = ()
    traces: Traces | None = None
    inspected: InspectedWord | None = None


_ADAPTER: TypeAdapter[Snapshot] = TypeAdapter(Snapshot)


def empty_snapshot(phase: Phase = "loading", reason: str | None = None) -> Snapshot:
    health = Health(StreamHealth("", "searching"), StreamHealth("", "searching"))
    return Snapshot(0, phase, 0.0, health, reason=reason)


def to_message(snapshot: Snapshot) -> dict[str, Any]:
    """For wire.pack."""
    return {field.name: _plain(getattr(snapshot, field.name)) for field in dataclasses.fields(snapshot)}


def from_message(message: Any) -> Snapshot:
    """A snapshot as it was sent, refused where it is none."""
    return _ADAPTER.validate_python(message)


def _plain(value: Any) -> Any:
    """Records become mappings, tuples lists; arrays stay."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
