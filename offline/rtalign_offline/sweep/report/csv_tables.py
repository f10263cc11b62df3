"""The tables of a study as CSV, and as Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rtalign.core.files import write_atomically
from rtalign.report.summary import DIGITS
from rtalign_offline.sweep.report.study import QUARTILES, Study, StudyEntry, course, with_context, with_size

Row = Mapping[str, Any]


def write_tables(study: Study, folder: Path) -> list[Path]:
    """scores, layers, quartiles with their curves, and growth; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "scores": score_rows(study),
        "layers": layer_rows(study),
        "quartiles": quartile_rows(study),
        "quartile_curves": quartile_curve_rows(study),
        "growth": growth_rows(study),
    }
    written = []
    for name, rows in tables.items():
        if rows:
            write_atomically(folder / f"{name}.csv", _csv(rows))
            written += [folder / f"{name}.csv", *_parquet(rows, folder / f"{name}.parquet")]
    return written


def every(study: Study) -> list[StudyEntry]:
    """The jobs, then what is pooled over several people."""
    return [*study.jobs, *(e for e in study.pooled if len(study.people(e.subject)) > 1)]


def score_rows(study: Study) -> list[Row]:
    return [_about(entry) | _scores(entry) for entry in every(study)]


def _about(entry: StudyEntry) -> dict[str, Any]:
    s = entry.subject
    return {
        "model": s.model, "family": s.family, "architecture": s.architecture, "n_parameters": s.n_parameters,
        "trained": s.trained, "context": s.context, "context_words": s.words, "person": entry.person, "seed": s.seed,
    }  # fmt: skip


def _scores(entry: StudyEntry) -> dict[str, Any]:
    temporal, alignment = entry.findings.temporal, entry.findings.alignment
    low, high = (temporal.ci if temporal else None) or (None, None)
    return {
        "n_words": entry.n_words or None,
        "temporal_r": temporal.r if temporal else None,
        "temporal_low": low,
        "temporal_high": high,
        "p_permutation": temporal.p_permutation if temporal else None,
        "slope_ms": temporal.slope_ms if temporal else None,
        "why_no_score": entry.findings.reason,
        "peaks": entry.peaked,
        "layers": len(entry.findings.peaks),
        "alignment": alignment.best,
        "alignment_low": entry.alignment_ci[0],
        "alignment_high": entry.alignment_ci[1],
        "best_layer": alignment.best_layer,
        "mean_of_max": alignment.mean_of_max,
    }


def layer_rows(study: Study) -> list[Row]:
    return [_about(entry) | peak.row() for entry in every(study) for peak in entry.findings.peaks]


def quartile_rows(study: Study) -> list[Row]:
    return [
        _about(entry) | {"quartile": q + 1} | _scores(entry.quartiles[q])
        for entry in every(study)
        if entry.quartiles
        for q in range(QUARTILES)
    ]


def quartile_curve_rows(study: Study) -> list[Row]:
    """R over lag of each quarter, the mean of all layers, pooled over people."""
    rows: list[Row] = []
    for entry in study.pooled:
        for q, quarter in enumerate(entry.quartiles):
            found = course(quarter.curves)
            points = zip(found.lags_s, found.r, found.null_low, found.null_high, strict=True)
            names = ("lag_s", "r", "null_low", "null_high")
            told = [dict(zip(names, map(float, point), strict=True)) for point in points]
            rows += [_about(entry) | {"quartile": q + 1} | point for point in told]
    return rows


def growth_rows(study: Study) -> list[Row]:
    """With model size in each context, with context in each model; pooled over people."""
    rows: list[Row] = []
    for context in study.plan.every_context():
        for score in ("temporal", "alignment"):
            _add(rows, score, "log10 parameters", context, with_size(study.at(context), score))
    for model in study.plan.models:
        entries = [e for e in study.pooled if e.subject.model == model.title]
        for score in ("temporal", "alignment"):
            for kind in dict.fromkeys(e.subject.kind for e in entries):
                some = [e for e in entries if e.subject.kind == kind]
                _add(rows, score, f"log10 words ({kind})", model.title, with_context(some, score))
    return rows


def _add(rows: list[Row], score: str, over: str, within: str, found: Any) -> None:
    if found is not None:
        numbers = {"per_tenfold": found.rate, "low": found.low, "high": found.high, "points": found.n}
        rows.append({"score": score, "over": over, "within": within} | numbers)


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.{DIGITS}g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    return text.getvalue()


def _parquet(rows: Sequence[Row], path: Path) -> list[Path]:
    """The same rows; nothing where pyarrow is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return []
    partial = path.with_name(f"{path.name}.partial")
    parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows]), partial)
    partial.replace(path)
    return [path]
