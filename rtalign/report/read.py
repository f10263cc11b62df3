"""What a bank or evaluation folder holds, read and checked for showing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)

from rtalign.core.recipe import validation_text
from rtalign.core.storage.json_toml import read_json
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.report.summary import MODEL_TWINS, read_curves_csv, read_summary
from rtalign.scoring.findings import AlignmentScore, Estimate, HalfWords, TemporalScore
from rtalign.scoring.outlook import Outlook
from rtalign.scoring.peaks import Peak

PATTERNS = "patterns.safetensors"
"""The patterns of the bank in use, in the folder of a session."""


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_finite)]
"""A number, or nothing where the writer had none (null, NaN, infinity)."""


def _interval(value: Any) -> Any:
    """An interval of which an end is missing is no interval."""
    whole = isinstance(value, (list, tuple)) and len(value) == 2 and all(_finite(end) is not None for end in value)
    return value if whole else None


Interval = Annotated[tuple[float, float] | None, BeforeValidator(_interval)]


class FilePart(BaseModel):
    """A part of a file; what it says beyond this is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


def _as_written(kind: type) -> BeforeValidator:
    """Read a record of rtalign.scoring from a file: a number that the writer did not have is NaN, or None where the
    record allows it, and an interval of which an end is missing is no interval."""
    convert = {
        "float": lambda value: math.nan if value is None else value,
        "float | None": _finite,
        "tuple[float, float] | None": _interval,
    }

    def values(raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        named = {"layer": raw.get("index")} | dict(raw)
        found = {field.name: named.get(field.name) for field in dataclasses.fields(kind)}
        return {f.name: convert.get(str(f.type), lambda value: value)(found[f.name]) for f in dataclasses.fields(kind)}

    return BeforeValidator(values)


LayerPeak = Annotated[Peak, _as_written(Peak)]
Temporal = Annotated[TemporalScore, _as_written(TemporalScore)]
Alignment = Annotated[AlignmentScore, _as_written(AlignmentScore)]
RuleEstimate = Annotated[Estimate, _as_written(Estimate)]
Halves = Annotated[HalfWords, _as_written(HalfWords)]
LayersOutlook = Annotated[Outlook, _as_written(Outlook)]


def _rising(lags: list[float]) -> list[float]:
    if any(b <= a for a, b in pairwise(lags)):
        raise ValueError("lags are not in rising order")
    return lags


def _deepening(layers: list[Peak]) -> list[Peak]:
    if any(b.depth <= a.depth or b.layer <= a.layer for a, b in pairwise(layers)):
        raise ValueError("layers are not in order of depth")
    if not (layers[0].depth >= 0 and layers[-1].depth <= 1):
        raise ValueError("the depth of a layer lies between 0 and 1")
    return layers


class ControlResult(FilePart):
    """The same analysis with a rival explanation taken out."""

    layers: Annotated[list[LayerPeak], AfterValidator(_deepening)] = Field(min_length=1)
    r: list[list[Number]]
    temporal_score: Temporal | None = None
    temporal_score_reason: str | None = None
    groups: dict[str, int] = {}
    explained: dict[str, list[list[Number]]] = {}
    without: dict[str, list[list[Number]]] = {}


class StretchScores(FilePart):
    """R of a part of the session, at the lag where R of all is highest."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    begin: tuple[str, float] = Field(alias="from")
    end: tuple[str, float] = Field(alias="to")
    n_words: int
    r: list[Number]


class KindScores(FilePart):
    """R of words of one kind, (layer, lag), with its standard error over folds."""

    name: str
    n_words: int
    r: list[list[Number]]
    error: list[list[Number]]


class Breakdown(FilePart):
    """Where a result comes from: kinds of words, and decoders of one lag at another, at a coarse grid of lags."""

    lags_s: Annotated[list[FiniteFloat], AfterValidator(_rising)] = Field(min_length=2)
    across: list[list[list[Number]]]
    kinds: list[KindScores] = []


class WrittenAnnotation(FilePart):
    """What an operator wrote, and when."""

    time: FiniteFloat
    text: str = ""
    clock: str = ""


class Summary(FilePart):
    """summary.json; version 1 lacks some of its keys."""

    kind: str = "train"
    model: dict[str, Any] = {}
    context: str = ""
    n_words: int = 0
    skipped: dict[str, int] = {}
    lags_s: Annotated[list[FiniteFloat], AfterValidator(_rising)] = Field(min_length=2)
    layers: Annotated[list[LayerPeak], AfterValidator(_deepening)] = Field(min_length=1)
    r: list[list[Number]]
    temporal_score: Temporal | None = None
    temporal_score_reason: str | None = None
    alignment_score: Alignment | None = None
    seconds: dict[str, Number] = {}
    peak_rss_mb: Number = None
    pca_variance: list[Number] = []
    null: dict[str, Any] = {}
    planted: dict[str, Number] = {}
    notes: list[str] = []
    peak_rule: str = "contiguous"
    estimators: dict[str, RuleEstimate] = {}
    half_words: Halves | None = None
    statistics: dict[str, list[list[Number]]] = {}
    outlook: LayersOutlook | None = None
    threshold: dict[str, Any] = {}
    intervals: str = ""
    recordings: list[Any] = []
    training_overlap: dict[str, Any] = {}
    annotations: list[WrittenAnnotation] = []
    replay: bool = False
    controls: dict[str, ControlResult] = {}
    baselines: dict[str, list[Number]] = {}
    not_controlled: list[str] = []
    dimension: dict[str, Any] = {}
    stretches: list[StretchScores] = []
    breakdown: Breakdown | None = None

    @property
    def overlap_warning(self) -> str:
        """That the bank was trained on what is scored here; empty where it was not, or where that is unknown."""
        found = self.training_overlap.get("status") == "overlap"
        return str(self.training_overlap.get("text", "")) if found else ""


class PassportSensor(FilePart):
    """One sensor of the passport."""

    name: str
    kind: str
    unit: str = ""
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    normal: tuple[float, float, float] = (0.0, 0.0, 0.0)


class SensorFault(FilePart):
    """A sensor that was left out, or has a fault and was used."""

    name: str
    left_out: bool
    reason: str


class Passport(FilePart):
    """What signal and which model the decoders belong to."""

    sensors: list[PassportSensor] = []
    chain: dict[str, Any] = {}
    model: dict[str, Any] = {}
    reading: dict[str, Any] = {}
    recordings: list[dict[str, Any]] = []
    versions: dict[str, Any] = {}
    created: str = ""
    sensor_faults: list[SensorFault] = []


class PersonCeiling(FilePart):
    """The noise ceiling of one person: one value a sensor."""

    subject: str = ""
    n_repeats: int = Field(ge=2)
    n_broken: int = 0
    seconds: float = Field(ge=0)
    sensors: list[str] = Field(min_length=1)
    r: list[Number]
    error: list[Number] = []

    @model_validator(mode="after")
    def _whole(self) -> PersonCeiling:
        if len(self.r) != len(self.sensors) or len(self.error) not in (0, len(self.sensors)):
            raise ValueError(f"{len(self.r)} correlations for {len(self.sensors)} sensors")
        return self


class Ceilings(FilePart):
    """ceiling.json: how well a sensor's answer to a repeated sound predicts its answer to the same sound."""

    people: list[PersonCeiling] = []


@dataclass(frozen=True, eq=False)
class Results:
    """All there is to show.  What a folder does not hold is None or empty.

    r, null_lo, null_hi, map_hi : (layer, lag); statistics : name -> (layer, lag);
    patterns : (layer, lag, sensor); alphas : (lag, layer, component).
    """

    summary: Summary
    r: np.ndarray
    statistics: dict[str, np.ndarray]
    null_lo: np.ndarray | None = None
    null_hi: np.ndarray | None = None
    map_hi: np.ndarray | None = None
    recipe: str = ""
    passport: Passport | None = None
    patterns: np.ndarray | None = None
    alphas: np.ndarray | None = None
    ceilings: Ceilings | None = None

    @property
    def lags(self) -> np.ndarray:
        return np.asarray(self.summary.lags_s)

    @property
    def depths(self) -> np.ndarray:
        return np.array([layer.depth for layer in self.summary.layers])

    @property
    def recordings(self) -> list[dict[str, Any]]:
        """What was decoded, as the passport or a session's summary has it."""
        entries = (self.passport.recordings if self.passport else []) or self.summary.recordings
        return [entry for entry in entries if isinstance(entry, dict)]

    @property
    def minutes(self) -> float | None:
        """How long the recordings are; None where that is not known."""
        seconds = [entry.get("seconds") for entry in self.recordings]
        known = [float(one) for one in seconds if isinstance(one, (int, float)) and math.isfinite(one) and one > 0]
        return sum(known) / 60 if known and len(known) == len(seconds) else None

    @property
    def subjects(self) -> list[str]:
        """Whose recordings they are, each person once."""
        return list(dict.fromkeys(str(entry["subject"]) for entry in self.recordings if entry.get("subject")))

    @property
    def peaked(self) -> list[Peak]:
        """The layers with a peak that stands, shallow first."""
        return [layer for layer in self.summary.layers if layer.ok]


def read_results(folder: Path) -> Results:
    """Everything a folder holds; only summary.json must be there."""
    summary = _summary(folder / "summary.json")
    shape = (len(summary.layers), len(summary.lags_s))
    r = _map("r", summary.r, shape)
    statistics = {name: _map(name, rows, shape) for name, rows in summary.statistics.items()}
    null_lo, null_hi = _null(folder / "curves.csv", summary)
    limits = summary.threshold.get("map")
    map_hi = None if limits is None else _map("threshold", limits, shape)
    for name, control in summary.controls.items():
        own = [layer.layer for layer in control.layers]
        if name not in MODEL_TWINS and own != [layer.layer for layer in summary.layers]:
            raise ValueError(f"summary.json: the layers of controls, {name} are not those of R; write the folder again")
        for part, rows in {"r": control.r, **control.explained, **control.without}.items():
            _map(f"controls, {name}, {part}", rows, (len(own), shape[1]))
    if summary.breakdown:
        _check_breakdown(summary.breakdown, shape[0])
    for name, values in summary.baselines.items():
        _map(f"baselines, {name}", [values], (1, shape[0]))
    passport = _read(folder / "passport.json", Passport)
    recipe = folder / "recipe.toml"
    n_sensors = len(passport.sensors) if passport else 0
    patterns, alphas = _tensors(folder / "bank.safetensors", shape, n_sensors)
    if patterns is None:
        patterns, _ = _tensors(folder / PATTERNS, shape, n_sensors)
    text = recipe.read_text(encoding="utf-8", errors="replace") if recipe.is_file() else ""
    ceilings = _read(folder / "ceiling.json", Ceilings)
    return Results(summary, r, statistics, null_lo, null_hi, map_hi, text, passport, patterns, alphas, ceilings)


def _summary(path: Path) -> Summary:
    if not path.is_file():
        raise ValueError(f"{path.parent} holds no summary.json; a report needs a folder that train or evaluate wrote")
    return _checked(path, read_summary(path), Summary)


Kind = TypeVar("Kind", bound=FilePart)


def _read(path: Path, kind: type[Kind]) -> Kind | None:
    return _checked(path, _json(path), kind) if path.is_file() else None


def _checked(path: Path, raw: dict[str, Any], kind: type[Kind]) -> Kind:
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise ValueError(f"{path}: {validation_text(error, '')}; write the folder again") from None


def _json(path: Path) -> dict[str, Any]:
    return read_json(path, "write the folder again")


def _map(name: str, rows: list[list[float | None]], shape: tuple[int, int]) -> np.ndarray:
    """(layer, lag) of a table in summary.json; NaN where a number is missing."""
    if len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
        raise ValueError(f"summary.json: {name} is not {shape[0]} layers x {shape[1]} lags; write the folder again")
    return np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=float)


def _check_breakdown(found: Breakdown, n_layers: int) -> None:
    n = len(found.lags_s)
    if len(found.across) != n_layers:
        raise ValueError("summary.json: the breakdown is not of the layers of R; write the folder again")
    for table in found.across:
        _map("breakdown", table, (n, n))
    for kind in found.kinds:
        for rows in (kind.r, kind.error):
            _map(f"breakdown, {kind.name}", rows, (n_layers, n))


def _null(path: Path, summary: Summary) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The null band, (layer, lag) twice, in the order of the summary."""
    if not path.is_file():
        return None, None
    try:
        table = read_curves_csv(path)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read ({error}); write the folder again") from None
    layers = [layer.layer for layer in summary.layers]
    if table.layers.tolist() != layers or not np.array_equal(np.round(table.lags_s, 4), np.round(summary.lags_s, 4)):
        raise ValueError(f"{path} has other layers or lags than summary.json beside it; write the folder again")
    return table.null_lo, table.null_hi


def _tensors(path: Path, shape: tuple[int, int], n_sensors: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Patterns (layer, lag, sensor), still on the disk, and alphas (lag, layer, component), where they fit."""
    if not path.is_file():
        return None, None
    bank = TensorFile(path)
    there = set(bank.names())
    patterns = bank["patterns"] if "patterns" in there else None
    alphas = np.array(bank["alphas"]) if "alphas" in there else None
    if patterns is not None and patterns.shape != (*shape, n_sensors):
        patterns = None
    if alphas is not None and (
        not np.isfinite(alphas).all() or alphas.ndim != 2 or len(alphas) != shape[1] or alphas.shape[1] % shape[0]
    ):
        alphas = None
    return patterns, None if alphas is None else alphas.reshape(shape[1], shape[0], -1)
