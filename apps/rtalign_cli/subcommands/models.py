"""models: lists the language models that can be used here, with the memory and time they need."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rtalign.core.progress import Progress
from rtalign.core.text.time_format import rough_duration
from rtalign.language.loading import CatalogueEntry
from rtalign_cli.text import print_lines

if TYPE_CHECKING:  # importing it would import torch
    from rtalign.language.loading import Precision

STORY_PACE = 3
"""Words a second of a quick speaker."""

STORY_WORDS = 10_000
"""Words for which the time is given: about an hour of speech."""


def models(args: argparse.Namespace, progress: Progress) -> Any:
    """List the language models, or convert one of them."""
    from rtalign.core.machine import measure_flops
    from rtalign.language import load
    from rtalign.language.loading import free_bytes, list_models, measure_live_speed

    if args.prepare:
        load(args.prepare, report=progress.say)
        return {"prepared": args.prepare}
    rows, free = list_models(), free_bytes("cpu")
    speed, live = measure_flops(args.precision), measure_live_speed(args.precision)
    if not args.json:
        print_lines(model_lines(rows, speed, live, free, args.precision))
    return [model_entry(row, speed, live, free, args.precision) for row in rows]


def model_lines(
    rows: Sequence[CatalogueEntry], speed: float, live: float, free: float, precision: Precision = "float32"
) -> list[str]:
    """One line a model; those that are here are marked, and those of the paper.

    speed : operations a second of this machine; live : weights a second and token; free : bytes of memory.
    """
    lines = [f"{'':2}{'model':<40} {'parameters':>10} {precision:>9} {'10k words':>9} {'live':>7}  family"]
    for row in rows:
        size = f"{row.millions / 1000:.1f} B" if row.millions >= 1000 else f"{row.millions} M" if row.millions else ""
        needed = row.memory_gb(precision)
        memory = f"{needed:.1f} GB" + ("!" if needed * 1e9 > free else " ") if row.millions else ""
        time = rough_duration(3600 * row.hours(STORY_WORDS, speed)) if row.millions else ""
        mark = "●" if row.folder and row.readable else " "
        paper = " *" if row.paper else ""
        pace = _pace(_live_words(row, live, precision))
        line = f"{mark} {row.id + paper:<40} {size:>10} {memory:>9} {time:>9} {pace:>7}  {row.family:<14} {row.fix}"
        lines.append(line.rstrip())
    smaller = ": --precision bfloat16 takes half, int8 a quarter and the whole vocabulary" * (precision == "float32")
    return [
        *lines,
        "",
        "● ready to use   * analysed in arXiv 2512.01591   any other local folder or GGUF: name its path",
        f"! more than the {free / 1e9:.1f} GB that are free here{smaller}",
        f"10k words: an hour of speech in growing contexts, at the {speed / 1e9:.3g} GFLOP/s measured here just now;",
        f"live: words a second as they come, by a matrix measured here; ! slower than a story of {STORY_PACE} words/s",
        "recurrent models take longer without kernels of their own, bfloat16 on processors that do not support it",
        "controls: NAME:untrained, NAME:static, random:DIM (rtalign models --help)",
    ]


def _live_words(row: CatalogueEntry, live: float, precision: Precision) -> float | None:
    """Words a second; None where the size is not known."""
    from rtalign.language.loading import live_words_per_second

    return live_words_per_second(row.millions * 1e6, precision, live) if row.millions else None


def _pace(words: float | None) -> str:
    """Words a second, marked where a story is quicker."""
    if words is None:
        return ""
    return (f"{words:.0f}" if words >= 10 else f"{words:.2g}") + ("/s " if words >= STORY_PACE else "/s!")


def model_entry(
    row: CatalogueEntry, speed: float, live: float, free: float, precision: Precision = "float32"
) -> dict[str, Any]:
    """One model as JSON has it."""
    return {
        "id": row.id,
        "family": row.model_type,
        "parameters_millions": row.millions or None,
        "paper": row.paper,
        "present": row.folder is not None,
        "usable": row.folder is not None and row.readable,
        "fix": row.fix,
        "precision": precision,
        "memory_gb": round(row.memory_gb(precision), 2) or None,
        "fits": row.memory_gb(precision) * 1e9 < free if row.millions else None,
        "live_words_per_s": round(words, 2) if (words := _live_words(row, live, precision)) else None,
        "hours_for_10k_words": round(row.hours(STORY_WORDS, speed), 3) if row.millions else None,
    }
