"""The summary of one training, evaluation or session, as summary.json and curves.csv."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.storage.files import write_atomically
from rtalign.core.storage.json_toml import read_json
from rtalign.core.text.plain_text import in_a_line
from rtalign.scoring.findings import Findings
from rtalign.scoring.peaks import Peak

FORMAT, VERSION = "rtalign-summary", 2
READABLE = (1, 2)
"""Version 2 adds estimators, thresholds and half_words; the keys of version 1 are all there."""
KINDS = ("train", "evaluate", "session")
EXTRAS = (
    *("pca_variance", "null", "planted", "notes", "training_overlap", "annotations", "replay"),
    *("controls", "baselines", "not_controlled", "dimension", "stretches", "breakdown"),
)
MODEL_TWINS = ("untrained", "static", "random")
"""Controls that are models: the architecture with random weights, embeddings alone, a random vector for each word."""
COLUMNS = ("layer", "depth", "lag_s", "r", "null_lo", "null_hi")
NAMES = ("subject", "model")
"""Columns of text behind them; tables of before lack these."""
DIGITS = 6
"""Significant digits kept: finer than any score is known, and short enough to read."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class CurveTable:
    """curves.csv in memory.  layers, depth : (layer,); lags_s : (lag,); r, null_lo, null_hi : (layer, lag)."""

    layers: np.ndarray
    depth: np.ndarray
    lags_s: np.ndarray
    r: np.ndarray
    null_lo: np.ndarray
    null_hi: np.ndarray


def summary(
    kind: str,
    model: Mapping[str, Any],
    context: str,
    n_words: int,
    skipped: Mapping[str, int],
    curves: Findings,
    seconds: Mapping[str, float],
    peak_rss_mb: float,
    **extra: Any,
) -> dict[str, Any]:
    """The contents of summary.json; numbers rounded, and null in the place of what is not finite."""
    if kind not in KINDS:
        raise ValueError(f"a summary of kind {kind!r} does not exist; there are {', '.join(KINDS)}")
    if unknown := set(extra) - set(EXTRAS):
        raise ValueError(f"a summary has no place for {', '.join(sorted(unknown))}; it takes {', '.join(EXTRAS)}")
    data = curves.curves
    contents: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "model": dict(model),
        "context": context,
        "n_words": n_words,
        "skipped": dict(skipped),
        "lags_s": data.lags_s,
        **ladder(curves),
        "alignment_score": dataclasses.asdict(curves.alignment),
        "peak_rule": curves.rule,
        "estimators": {name: dataclasses.asdict(estimate) for name, estimate in curves.estimators.items()},
        "half_words": curves.half_words and dataclasses.asdict(curves.half_words),
        "outlook": (found := curves.outlook) and dataclasses.asdict(found),
        "threshold": {"layers": curves.threshold, "map": curves.map_hi},
        "intervals": curves.intervals,
        "statistics": data.statistics,
        "seconds": dict(seconds),
        "peak_rss_mb": peak_rss_mb,
        "training_overlap": {"status": "none", "recordings": [], "text": ""},
        "annotations": [],
        "replay": False,
        "controls": {},
        "baselines": {},
        "not_controlled": [],
        **extra,
    }
    return dict(as_json(contents))


def ladder(findings: Findings) -> dict[str, Any]:
    """R with its peaks and their temporal score, as a summary and each of its controls hold them."""
    return {
        "layers": [_peak(peak) for peak in findings.peaks],
        "r": findings.curves.r,
        "temporal_score": findings.temporal and dataclasses.asdict(findings.temporal),
        "temporal_score_reason": findings.reason,
    }


def as_json(value: Any) -> Any:
    """Anything made of arrays, tuples and mappings as JSON knows it, floats rounded, not finite ones None."""
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, np.generic):
        return as_json(value.item())
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def write_summary(path: Path, contents: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(contents, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_summary(path: Path) -> dict[str, Any]:
    """summary.json of this version, or one line that says why not."""
    contents = read_json(path, "write the folder again")
    found = contents.get("format"), contents.get("version")
    if found[0] != FORMAT or found[1] not in READABLE:
        raise ValueError(
            f"{path} is of format {in_a_line(str(found[0]))}, version {in_a_line(str(found[1]))}; "
            f"this program reads {FORMAT}, versions {READABLE[0]} to {VERSION}"
        )
    return contents


def write_curves_csv(path: Path, curves: Findings, subject: str = "", model: str = "") -> None:
    """One row a layer and lag, layers in order, lags in order within each; whose brain and which model on each."""
    data = curves.curves
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS + NAMES)
    for layer, index in enumerate(data.layers):
        for lag, seconds in enumerate(data.lags_s):
            values = (data.r[layer, lag], curves.null_lo[layer, lag], curves.null_hi[layer, lag])
            numbers = (f"{v:.{DIGITS}g}" for v in (data.depth[layer], seconds, *values))
            writer.writerow([int(index), *numbers, subject, model])
    write_atomically(path, text.getvalue())


def read_curves_csv(path: Path) -> CurveTable:
    """The table that write_curves_csv wrote, or one line that says what is wrong with it."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if tuple(header) not in (COLUMNS, COLUMNS + NAMES):
        found = f"has the columns {in_a_line(', '.join(header))}" if header else "is empty"
        raise ValueError(f"{path} {found}; curves have {', '.join(COLUMNS)}")
    try:
        values = np.array([row[: len(COLUMNS)] for row in rows], float).reshape(-1, len(COLUMNS))
    except ValueError:
        raise ValueError(f"{path} holds a field that is not a number; write it again from the bank") from None
    n_layers = len(np.unique(values[:, 0]))
    if not n_layers or len(values) % n_layers:
        raise ValueError(f"{path} has {len(values)} rows for {n_layers} layers; write it again from the bank")
    layer, depth, lag, r, low, high = values.reshape(n_layers, -1, len(COLUMNS)).transpose(2, 0, 1)
    return CurveTable(layer[:, 0].astype(int), depth[:, 0], lag[0], r, low, high)


def _peak(peak: Peak) -> dict[str, Any]:
    """The file calls a layer's number its index."""
    values = dataclasses.asdict(peak)
    return {"index": values.pop("layer"), **values}
