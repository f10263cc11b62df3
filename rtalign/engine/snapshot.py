"""Snapshot: everything that a viewer may show of a session at one moment, and its form on the pipe."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, TypeAdapter

from rtalign.core.records import Annotation, BadMark
from rtalign.engine.ledger import WordEntry
from rtalign.recordings.wav_file import Sound
from rtalign.scoring.findings import TemporalScore
from rtalign.scoring.outlook import Outlook
from rtalign.scoring.peaks import Peak
from rtalign.streams.events import Health, Notice, StreamHealth

NO_SESSION = "no session yet"
Phase = Literal["loading", "running", "refused", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class Work:
    """How hard the engine's process works.

    Attributes
    ----------
    load : float
        Processor cores in use.
    rss_mb : float
        Memory in use.
    language_ms : float or None
        Median time to read a word, of the newest.
    language_backlog : int
        Words that wait for the language model.
    latency_median_s, latency_p99_s : float or None
        From the last sample that a word needed to its score: median and 99th percentile of the newest words.
    n_solved : int
        How often decoders were solved from this session's words.
    shedding : str or None
        What is put off for lack of time.
    """

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
    """State of the recording to disk, as the recorder tells it.

    Attributes
    ----------
    folder : str
        The session folder; empty before the first sample or marker.
    megabytes : float
        Written so far.
    hours_left : float or None
        How long the free disk space lasts at the present rate.
    n_dropped : int
        Samples that came and were not written.
    problem : str or None
        What is wrong, and how to fix it.
    n_samples, n_markers : int
        Written so far.
    n_markers_dropped : int
        Markers that came and were not written.
    silent_s : float or None
        Since the newest sample or marker; None before the first.
    meg : str
        Name of the MEG stream that is recorded; empty while there is none.
    """

    folder: str
    megabytes: float
    hours_left: float | None
    n_dropped: int
    problem: str | None
    n_samples: int = 0
    n_markers: int = 0
    n_markers_dropped: int = 0
    silent_s: float | None = None
    meg: str = ""


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """The newest report.

    Attributes
    ----------
    path : str
        The HTML file.
    n_words : int
        Words that it rests on.
    n_written : int
        Reports written so far in this session.
    """

    path: str
    n_words: int
    n_written: int


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """The newest seconds of some sensors.

    Attributes
    ----------
    start : float
        Signal time of the first sample, in seconds.
    rate : float
        Samples a second.
    names, units : tuple of str
        Of each sensor.
    data : ndarray, shape (sample, sensor)
        The filtered signal in those units.
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    start: float
    rate: float
    names: tuple[str, ...]
    units: tuple[str, ...]
    data: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class SensorsView:
    """Every sensor of the bank that the stream has, as far as a picture needs it.

    Attributes
    ----------
    names, kinds, regions : tuple of str
        Of each sensor; a region is empty where it is not known.
    faults : tuple of str
        What is wrong with each, beside its kind; empty where it is fit.
    left_out : tuple of str
        Why each is left out of the scores now; empty where it is used.
    seconds : float
        How much signal the check rests on.
    density : ndarray, shape (sensor,)
        Noise density from 30 to 100 Hz, in display units per square root of a hertz.
    hz : ndarray, shape (bin,)
        Frequencies of the spectra.
    spectra : ndarray, shape (bin, sensor)
        Amplitude spectral densities.
    start, column_s : float
        Signal time of the first column of the envelope, and the time that a column covers.
    low, high : ndarray, shape (column, sensor)
        Lowest and highest value of the unfiltered signal in each column, in display units about the sensor's middle;
        NaN where samples are missing.
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    regions: tuple[str, ...]
    faults: tuple[str, ...]
    left_out: tuple[str, ...]
    seconds: float
    density: np.ndarray
    hz: np.ndarray
    spectra: np.ndarray
    start: float
    column_s: float
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class InspectedWord:
    """One word in detail.

    Attributes
    ----------
    entry : WordEntry
        The word and what became of it.
    scores : ndarray, shape (layer, lag), or None
        What the word adds to R.
    power : ndarray, shape (lag,), or None
        How strong the field was.
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    entry: WordEntry
    scores: np.ndarray | None
    power: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class ControlView:
    """What a control shows in the place of plain scores: each field as that of `Snapshot`."""

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    r: np.ndarray | None = None
    n_words: int = 0
    n_assessed: int = 0
    null_lo: np.ndarray | None = None
    null_hi: np.ndarray | None = None
    map_hi: np.ndarray | None = None
    peaks: tuple[Peak, ...] = ()
    temporal: TemporalScore | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A session at one moment, immutable.

    Attributes
    ----------
    sequence : int
        Counts the snapshots of a session.
    phase : {"loading", "running", "refused", "ended", "failed"}
        Refused: the stream does not fit the bank; the session waits for another stream, bank or permission.
    time_s : float
        Signal time up to which samples have come.
    health : Health
        State of the two streams.
    n_received, n_scored, n_waiting : int
        Words: all that came, those scored, those under way.
    skipped : dict of str to int
        Words without a score, by reason.
    words : tuple of WordEntry
        The newest, finished and waiting; of a replay, those before its position.
    notices : tuple of Notice
        What the user should know, the newest last.
    model, context : str
        Name of the language model; what it reads with each word.
    layers : tuple of int
        Layers that are decoded.
    lags_s : ndarray, shape (lag,), or None
        In seconds after a word's onset.
    r : ndarray, shape (layer, lag), or None
        Scores over the newest `n_words` words.
    n_words, n_assessed : int
        Words that `r` rests on; words that peaks, bands and `temporal` rest on.
    null_lo, null_hi : ndarray, shape (layer, lag), or None
        Pointwise 95 % band of mismatched words.
    map_hi : ndarray, shape (layer, lag), or None
        What at most 5 % of whole maps of mismatched words exceed anywhere: above it, a cell is above chance.
    statistics : dict of str to ndarray, shape (layer, lag)
        Further statistics beside `r`, by name, over the words assessed.
    peaks : tuple of Peak
        One for each layer; empty where `reason` says why.
    temporal : TemporalScore or None
        How peak latency changes with depth; None where `reason` says why.
    reason : str or None
        Why something is missing: the curves, the temporal score, or of a failed session everything.
    outlook : Outlook or None
        How many more words layers below their limit need; None where none is below, or nothing is assessed yet.
    controls : dict of str to ControlView
        Unique R and the static twin, by the names that a summary gives them; empty without.
    nuisances : dict of str to int
        How many columns each group of nuisances has that unique R takes out; empty without controls.
    control : str
        Which of these is shown in the place of plain scores; empty for plain ones.
    refused : tuple of str
        How the stream differs from the bank, where that is too much.
    n_sensors : int
        How many of the bank's sensors the stream has.
    bank : str
        Folder of the bank in use; empty where there is none.
    training_overlap : str
        In words, that the bank was trained on what it is scored on; empty where that is not so, or cannot be known.
    annotations : tuple of Annotation
        What the operator wrote, of a session folder also before.
    work : Work
        How hard the engine works.
    recording : RecordingStatus or None
        None where nothing is recorded.
    publishing : bool
        Whether scores are sent out over LSL.
    report : ReportStatus or None
        None before the first report.
    position_s, end_s, speed, paused
        Of a replay; None, None, None and False of live streams.  A speed of None is as fast as the machine can.
    sounds : tuple of Sound
        Sound files of the recording.
    traces : Traces or None
        Some sensors' newest signal.
    inspected : InspectedWord or None
        The word whose details were asked for.
    marks : tuple of BadMark
        What the operator has called bad.
    left_out : tuple of str
        The bank's sensors that are left out now.
    head_mm : float or None
        How far the head is from where it was in training; None where that is not known.
    sensors : SensorsView or None
        Every sensor, where they were asked for.
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    sequence: int
    phase: Phase
    time_s: float
    health: Health
    n_received: int = 0
    n_scored: int = 0
    n_waiting: int = 0
    skipped: dict[str, int] = dataclasses.field(default_factory=dict)
    words: tuple[WordEntry, ...] = ()
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
    map_hi: np.ndarray | None = None
    statistics: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    peaks: tuple[Peak, ...] = ()
    temporal: TemporalScore | None = None
    reason: str | None = None
    outlook: Outlook | None = None
    controls: dict[str, ControlView] = dataclasses.field(default_factory=dict)
    nuisances: dict[str, int] = dataclasses.field(default_factory=dict)
    control: str = ""
    refused: tuple[str, ...] = ()
    n_sensors: int = 0
    bank: str = ""
    training_overlap: str = ""
    annotations: tuple[Annotation, ...] = ()
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
    marks: tuple[BadMark, ...] = ()
    left_out: tuple[str, ...] = ()
    head_mm: float | None = None
    sensors: SensorsView | None = None


def seen_through(snapshot: Snapshot, control: str) -> Snapshot:
    """The snapshot with a control's scores in the place of the plain ones; the same where it has no such control."""
    view = snapshot.controls.get(control)
    if view is None:
        return snapshot
    own = {field.name: getattr(view, field.name) for field in dataclasses.fields(view)}
    return dataclasses.replace(snapshot, control=control, statistics={}, **own)


def assessed_words(snapshot: Snapshot) -> int:
    """How many words peaks and outlook rest on: those assessed, of which a window takes the newest alone."""
    return min(snapshot.n_words or snapshot.n_assessed, snapshot.n_assessed)


def minutes_of(snapshot: Snapshot) -> float | None:
    """How long these words take at the rate of the newest; None before there are two."""
    onsets = [entry.word.onset for entry in snapshot.words]
    seconds = max(onsets) - min(onsets) if len(onsets) > 1 else 0.0
    return assessed_words(snapshot) * seconds / (len(onsets) - 1) / 60 if seconds > 0 else None


_ADAPTER: TypeAdapter[Snapshot] = TypeAdapter(Snapshot)


def empty_snapshot(phase: Phase = "loading", reason: str | None = None) -> Snapshot:
    """A snapshot of a session of which nothing is known but its phase.

    Parameters
    ----------
    phase : {"loading", "running", "refused", "ended", "failed"}
        The phase.
    reason : str, optional
        What is being done, or why nothing is known.
    """
    health = Health(StreamHealth("", "searching"), StreamHealth("", "searching"))
    return Snapshot(0, phase, 0.0, health, reason=reason)


def with_recording(snapshot: Snapshot, recording: RecordingStatus | None) -> Snapshot:
    """The snapshot of an engine, with how the recorder does, which no engine knows; the same where there is none."""
    return snapshot if recording is None else dataclasses.replace(snapshot, recording=recording)


def to_message(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as plain values and arrays, for the pipe."""
    return {field.name: _plain(getattr(snapshot, field.name)) for field in dataclasses.fields(snapshot)}


def from_message(message: Any) -> Snapshot:
    """The snapshot that a message from the pipe holds; ValueError where it holds none."""
    return _ADAPTER.validate_python(message)


def _plain(value: Any) -> Any:
    """Records become mappings, tuples lists; arrays stay."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
