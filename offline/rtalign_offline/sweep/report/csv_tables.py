"""The tables of a study as CSV, and as Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rtalign.core.storage.files import atomic_file, write_atomically
from rtalign.report.summary import DIGITS
from rtalign_offline.sweep.report.mean_peaks import average_peaks
from rtalign_offline.sweep.report.study import (
    N_QUARTILES,
    Growth,
    Score,
    Study,
    StudyEntry,
    growth_with_context,
    growth_with_size,
    mean_curve,
)

Row = Mapping[str, Any]


def write_tables(study: Study, folder: Path) -> list[Path]:
    """Write the scores, layers, mean peaks, quartiles with their curves, and growth.

    Parameters
    ----------
    study : Study
        The results of a sweep.
    folder : Path
        Made where it is missing.

    Returns
    -------
    list of Path
        The files that were written; a table without rows has none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "scores": score_rows(study),
        "layers": layer_rows(study),
        "mean_peaks": mean_peak_rows(study),
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


def all_entries(study: Study) -> list[StudyEntry]:
    """The jobs, then the conditions pooled over several people."""
    return [*study.jobs, *(e for e in study.pooled if len(study.people(e.condition)) > 1)]


def score_rows(study: Study) -> list[Row]:
    return [_about(entry) | _scores(entry) for entry in all_entries(study)]


def _about(entry: StudyEntry) -> dict[str, Any]:
    c = entry.condition
    return {
        "model": c.model, "family": c.family, "architecture": c.architecture, "n_parameters": c.n_parameters,
        "trained": c.trained, "context": c.context, "context_words": c.words, "person": entry.person, "seed": c.seed,
    }  # fmt: skip


def _scores(entry: StudyEntry) -> dict[str, Any]:
    temporal, alignment = entry.findings.temporal, entry.findings.alignment
    low, high = entry.interval("temporal")
    alignment_low, alignment_high = entry.interval("alignment")
    return {
        "n_words": entry.n_words or None,
        "temporal_r": temporal.r if temporal else None,
        "temporal_low": low,
        "temporal_high": high,
        "p_permutation": temporal.p_permutation if temporal else None,
        "slope_ms": temporal.slope_ms if temporal else None,
        "temporal_score_reason": entry.findings.reason,
        "peaks": entry.n_peaks,
        "layers": len(entry.findings.peaks),
        "alignment": alignment.best,
        "alignment_low": alignment_low,
        "alignment_high": alignment_high,
        "best_layer": alignment.best_layer,
        "mean_of_max": alignment.mean_of_max,
    }


def layer_rows(study: Study) -> list[Row]:
    return [_about(entry) | peak.row() for entry in all_entries(study) for peak in entry.findings.peaks]


def mean_peak_rows(study: Study) -> list[Row]:
    """Peaks averaged over models and people, and those of R that is averaged over people first."""
    peaks = average_peaks(study)
    if peaks is None:
        return []
    columns = (peaks.depth, peaks.peak_s, *peaks.ci_s.T, peaks.n, peaks.pooled_s)
    names = ("depth", "peak_s", "low_s", "high_s", "curves", "peak_of_mean_r_s")
    return [dict(zip(names, row, strict=True)) for row in zip(*(column.tolist() for column in columns), strict=True)]


def quartile_rows(study: Study) -> list[Row]:
    return [
        _about(entry) | {"quartile": q + 1} | _scores(entry.quartiles[q])
        for entry in all_entries(study)
        if entry.quartiles
        for q in range(N_QUARTILES)
    ]


def quartile_curve_rows(study: Study) -> list[Row]:
    """R over lag of each quarter, the mean of all layers, pooled over people."""
    rows: list[Row] = []
    for entry in study.pooled:
        for q, quarter in enumerate(entry.quartiles):
            curve = mean_curve(quarter.curves)
            points = zip(curve.lags_s, curve.r, curve.null_low, curve.null_high, strict=True)
            names = ("lag_s", "r", "null_low", "null_high")
            values = [dict(zip(names, map(float, point), strict=True)) for point in points]
            rows += [_about(entry) | {"quartile": q + 1} | point for point in values]
    return rows


def growth_rows(study: Study) -> list[Row]:
    """With model size in each context, with context in each model; pooled over people."""
    rows: list[Row] = []
    scores: tuple[Score, Score] = ("temporal", "alignment")
    for context in study.plan.every_context():
        for score in scores:
            _add(rows, score, "log10 parameters", context, growth_with_size(study.at(context), score))
    for model in study.plan.models:
        entries = [e for e in study.pooled if e.condition.model == model.title]
        for score in scores:
            for kind in dict.fromkeys(e.condition.context_kind for e in entries):
                same_kind = [e for e in entries if e.condition.context_kind == kind]
                _add(rows, score, f"log10 words ({kind})", model.title, growth_with_context(same_kind, score))
    return rows


def _add(rows: list[Row], score: Score, over: str, within: str, growth: Growth | None) -> None:
    if growth is not None:
        numbers = {"per_tenfold": growth.rate, "low": growth.low, "high": growth.high, "points": growth.n}
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
    with atomic_file(path) as partial:
        parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows]), partial)
    return [path]
