"""Results as a terminal shows them: one line a layer, and the findings in words."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtalign.core.text.plain_text import plain
from rtalign.scoring.findings import INTERVALS, THESE_DECODERS
from rtalign.scoring.headline import headline, p_text, slope_text
from rtalign.scoring.peaks import Peak

if TYPE_CHECKING:
    from rtalign.report.read import Summary

WIDTH = 40
"""Characters across the ladder."""


def print_lines(lines: Iterable[str]) -> None:
    """Print lines as they are, but for what would make a terminal do anything else than show them."""
    print(plain("\n".join(lines)))


def print_result(result: Mapping[str, Any], out: Path, args: argparse.Namespace) -> None:
    """Print the summary, unless JSON or nothing was asked for."""
    if not (args.quiet or args.json):
        ladder = ladder_lines(peaks_of(result))
        print_lines(["", *ladder, "", *headline_lines(result), "", f"report: {out / 'report.html'}"])


def peaks_of(summary: Mapping[str, Any]) -> list[Peak]:
    """The peaks in the contents of a summary.json."""
    return summary_of(summary).layers


def summary_of(summary: Mapping[str, Any]) -> Summary:
    """The contents of a summary.json as a record."""
    from rtalign.report.read import Summary

    return Summary.model_validate(summary)


def ladder_lines(peaks: Sequence[Peak], planted: Mapping[str, float] | None = None) -> list[str]:
    """One line a layer, first layer at the top: depth, peak, its interval, R, and its place in time.

    planted : latencies of a simulated listener by layer, s.
    """
    planted = planted or {}
    times = [v for peak in peaks for v in (peak.peak_s, *(peak.ci_s or ())) if v is not None]
    times += planted.values()
    low, high = (min(times) - 0.03, max(times) + 0.03) if times else (0.0, 1.0)
    scale = f"{1000 * low:.0f} ms".ljust(WIDTH - 8) + f"{1000 * high:.0f} ms".rjust(8)
    lines = [f" layer  depth   peak (95 %)             R   {scale}"]
    lines += [_layer_line(peak, planted.get(str(peak.layer)), low, high) for peak in peaks]
    if planted:
        lines.append(" " * 43 + "● found   ─ its 95 % interval   ○ planted")
    return lines


def _layer_line(peak: Peak, planted: float | None, low: float, high: float) -> str:
    row = [" "] * WIDTH

    def column(seconds: float) -> int:
        return min(max(int((seconds - low) / (high - low) * WIDTH), 0), WIDTH - 1)

    if peak.peak_s is None:
        text = f"no peak: {peak.status}"
    else:
        text = f"{1000 * peak.peak_s:4.0f} ms"
        if peak.ci_s:
            first, last = peak.ci_s
            text += f" [{1000 * first:.0f}, {1000 * last:.0f}]"
            row[column(first) : column(last) + 1] = "─" * (column(last) - column(first) + 1)
    if planted is not None:
        row[column(planted)] = "○"
    if peak.peak_s is not None:
        row[column(peak.peak_s)] = "●"
    return f"  {peak.layer:4d}   {peak.depth:.2f}   {text:<20} {peak.peak_r:6.3f}   {''.join(row)}".rstrip()


def headline_lines(result: Mapping[str, Any]) -> list[str]:
    """What was found, in words, with every caution that belongs to it."""
    model = result["model"]
    shape = f"{len(result['layers'])} layers x {len(result['lags_s'])} lags"
    cost = f"{result['seconds']['total']:.0f} s, peak memory {result['peak_rss_mb'] / 1024:.1f} GiB"
    lines = [f"{result['n_words']:,} words, {model['id']}, {result['context']}, {shape}, {cost}"]
    if result["skipped"]:
        lines.append("skipped: " + ", ".join(f"{n} {reason}" for reason, n in result["skipped"].items()))
    best = result["alignment_score"]
    lines.append(
        f"decoding: R = {best['best']:.3f} at layer {best['best_layer']} (mean of maxima {best['mean_of_max']:.3f})"
    )
    from rtalign.report.verdict import verdict

    summary = summary_of(result)
    found, reason = summary.temporal_score, summary.temporal_score_reason
    lines.append(headline(found, summary.layers, summary.lags_s, reason, final=True).sentence)
    if found is not None:
        lines.append(
            f"{slope_text(found)}; {p_text(found)} against its null, {found.p:.1g} by t-test, which "
            f"takes {found.n_layers} layers that share their content to be independent"
        )
    if summary.intervals == INTERVALS[1]:
        lines.append(THESE_DECODERS)
    return [*lines, verdict(summary)]
