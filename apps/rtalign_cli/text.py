"""Results as a terminal shows them: a headline, and one line a layer."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtalign.core.time_format import rough_duration
from rtalign.language.loading import CatalogueEntry
from rtalign.scoring.peaks import Peak

if TYPE_CHECKING:  # torch comes with it
    from rtalign.language.loading import Precision

WIDTH = 40
"""Characters across the ladder."""


def say_result(result: Mapping[str, Any], out: Path, args: argparse.Namespace) -> None:
    """The summary for a person; JSON and quiet runs have their own ways."""
    if not (args.quiet or args.json):
        print("\n".join(["", *ladder(peaks_of(result)), "", *headline(result), "", f"report: {out / 'report.html'}"]))


def peaks_of(summary: Mapping[str, Any]) -> list[Peak]:
    """The peaks in the contents of a summary.json."""
    from rtalign.report.read import Summary

    return Summary.model_validate(summary).layers


def ladder(peaks: Sequence[Peak], planted: Mapping[str, float] | None = None) -> list[str]:
    """One line a layer, early at the top: depth, peak, its interval, R, and where it stands in time."""
    planted = planted or {}
    times = [v for peak in peaks for v in (peak.peak_s, *(peak.ci_s or ())) if v is not None]
    times += planted.values()
    low, high = (min(times) - 0.03, max(times) + 0.03) if times else (0.0, 1.0)
    scale = f"{1000 * low:.0f} ms".ljust(WIDTH - 8) + f"{1000 * high:.0f} ms".rjust(8)
    lines = [f" layer  depth   peak (95 %)             R   {scale}"]
    for peak in peaks:
        lines.append(_rung(peak, planted.get(str(peak.layer)), low, high))
    if planted:
        lines.append(" " * 43 + "● found   ─ its 95 % interval   ○ planted")
    return lines


def _rung(peak: Peak, planted: float | None, low: float, high: float) -> str:
    row = [" "] * WIDTH

    def place(seconds: float) -> int:
        return min(max(int((seconds - low) / (high - low) * WIDTH), 0), WIDTH - 1)

    if peak.peak_s is None:
        text = f"no peak: {peak.status}"
    else:
        text = f"{1000 * peak.peak_s:4.0f} ms"
        if peak.ci_s:
            first, last = peak.ci_s
            text += f" [{1000 * first:.0f}, {1000 * last:.0f}]"
            row[place(first) : place(last) + 1] = "─" * (place(last) - place(first) + 1)
    if planted is not None:
        row[place(planted)] = "○"
    if peak.peak_s is not None:
        row[place(peak.peak_s)] = "●"
    return f"  {peak.layer:4d}   {peak.depth:.2f}   {text:<20} {peak.peak_r:6.3f}   {''.join(row)}".rstrip()


def headline(result: Mapping[str, Any]) -> list[str]:
    """What was found, in plain words, with every caution that belongs to it."""
    model, score = result["model"], result["temporal_score"]
    shape = f"{len(result['layers'])} layers x {len(result['lags_s'])} lags"
    cost = f"{result['seconds']['total']:.0f} s, peak memory {result['peak_rss_mb'] / 1024:.1f} GiB"
    lines = [f"{result['n_words']:,} words, {model['id']}, {result['context']}, {shape}, {cost}"]
    if result["skipped"]:
        lines.append("skipped: " + ", ".join(f"{n} {reason}" for reason, n in result["skipped"].items()))
    best = result["alignment_score"]
    lines.append(
        f"alignment: R = {best['best']:.3f} at layer {best['best_layer']} (mean of maxima {best['mean_of_max']:.3f})"
    )
    if score is None:
        lines.append(f"temporal score: none - {result['temporal_score_reason']}")
        return lines
    direction = "rises" if score["slope_ms"] > 0 else "falls"
    low, high = score["ci"]
    lines.append(
        f"peak latency {direction} with depth: r = {score['r']:.2f} [{low:.2f}, {high:.2f}], "
        f"{score['slope_ms']:+.0f} ms from the first layer to the last"
    )
    lines.append(
        f"p = {score['p_permutation']:.2g} against shifted words; {score['p']:.1g} by t-test, which takes "
        f"{score['n_layers']} layers that share their content for independent"
    )
    return lines


STORY_WORDS = 10_000
"""Words that the times of `rtalign models` are for: about an hour of speech."""


def models_table(
    rows: Sequence[CatalogueEntry], flops: float, free: float, precision: Precision = "float32"
) -> list[str]:
    """The models that can be used, those that are here marked; * those of the paper."""
    lines = [f"{'':2}{'model':<40} {'parameters':>10} {precision:>9} {'10k words':>9}  family"]
    for row in rows:
        size = f"{row.millions / 1000:.1f} B" if row.millions >= 1000 else f"{row.millions} M" if row.millions else ""
        held = row.memory_gb(precision)
        memory = f"{held:.1f} GB" + ("!" if held * 1e9 > free else " ") if row.millions else ""
        spent = rough_duration(3600 * row.hours(STORY_WORDS, flops)) if row.millions else ""
        mark = "●" if row.folder and row.readable else " "
        paper = " *" if row.paper else ""
        lines.append(
            f"{mark} {row.id + paper:<40} {size:>10} {memory:>9} {spent:>9}  {row.family:<14} {row.fix}".rstrip()
        )
    return [
        *lines,
        "",
        "● ready to use   * analysed in arXiv 2512.01591   any other local folder or GGUF: name its path",
        f"! more than the {free / 1e9:.1f} GB that are free here"
        + (": --precision bfloat16 takes half, int8 a quarter and the whole vocabulary" * (precision == "float32")),
        f"10k words: an hour of speech in growing contexts, at the {flops / 1e9:.3g} GFLOP/s measured here just now;",
        "recurrent models take longer without kernels of their own, bfloat16 on processors that do not know it",
        "controls: NAME:untrained, NAME:static, random:DIM (rtalign models --help)",
    ]


def models_json(
    rows: Sequence[CatalogueEntry], flops: float, free: float, precision: Precision = "float32"
) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "family": row.model_type,
            "parameters_millions": row.millions or None,
            "paper": row.paper,
            "present": row.folder is not None,
            "usable": row.folder is not None and row.readable,
            "cure": row.fix,
            "precision": precision,
            "memory_gb": round(row.memory_gb(precision), 2) or None,
            "fits": row.memory_gb(precision) * 1e9 < free if row.millions else None,
            "hours_for_10k_words": round(row.hours(STORY_WORDS, flops), 3) if row.millions else None,
        }
        for row in rows
    ]
