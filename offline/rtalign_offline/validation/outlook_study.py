"""How well an outlook foretells the words that an effect needs: `python -m` this module prints the table.

Recordings of one strength and of more and more words show at how many words half of the layers pass their limit; the
shorter ones foretell it.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from rtalign.core.machine import cpu_count
from rtalign.scoring.nulls import layer_threshold
from rtalign.scoring.outlook import outlook
from rtalign_offline.validation.drawn import DrawnKind, draw
from rtalign_offline.validation.drawn_fit import FIT, train_drawn

Record = Mapping[str, Any]

LAGS_S = np.round(np.arange(-0.2, 0.8001, 0.04), 3)
LATENCIES_S = tuple(np.linspace(0.15, 0.45, 5).tolist())
GRID = ((0.02, (500, 700, 1000, 1500)), (0.012, (1000, 1500, 2000, 3000, 4000)), (0.0, (1500, 3000)))
"""Sizes of the answers beside the noise, and how many words recordings have."""


def record(strength: float, n_words: int, seed: int) -> dict[str, Any]:
    """What one recording shows and foretells; in a process of its own, so on one thread."""
    latencies = LATENCIES_S if strength else ()
    kind = DrawnKind(n_words=n_words, latencies_s=latencies, strength=strength, lags_s=LAGS_S)
    with threadpool_limits(1):
        curves = train_drawn(draw(kind, [seed, 7]), FIT.model_copy(update={"null_draws": 300})).curves
    found = outlook(curves)
    above = float((curves.r.max(-1) > layer_threshold(curves.null)).mean())
    return {"strength": strength, "n": n_words, "seed": seed, "above": above, "outlook": found and asdict(found)}


def words_needed(records: Sequence[Record]) -> float:
    """How many words half of the layers need to pass their limit, between the lengths that were drawn."""
    by_length = defaultdict(list)
    for one in records:
        by_length[one["n"]].append(one["above"])
    n, above = np.array([(length, np.mean(values)) for length, values in sorted(by_length.items())]).T
    return float(np.exp(np.interp(0.5, np.maximum.accumulate(above), np.log(n), left=np.nan, right=np.nan)))


def lines(records: Sequence[Record]) -> Iterable[str]:
    """The table, a line at a time."""
    head = (
        "answers",
        "words (recordings)",
        "layers above",
        "needed: seen",
        "foretold [quartiles]",
        "interval holds it",
        "none",
    )
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join(['---'] * len(head))} |"
    for strength, lengths in GRID:
        own = [one for one in records if one["strength"] == strength]
        seen = words_needed(own) if strength and own else np.nan
        for n in lengths:
            here = [one for one in own if one["n"] == n]
            if here:
                yield f"| {strength:g} | {n:,} ({len(here)}) | {_row(here, n, seen)} |"


def _row(here: Sequence[Record], n: int, seen: float) -> str:
    found = [one["outlook"] for one in here if one["outlook"]]
    above = f"{100 * np.mean([one['above'] for one in here]):.0f} %"
    known = f"{seen:,.0f}" if np.isfinite(seen) else "-"
    if not found:
        return f"{above} | {known} | - | - | -"
    ends = [[one[key] or none for one in found] for key, none in (("times", np.inf), ("low", 0.0), ("high", np.inf))]
    times, low, high = (n * np.array(part) for part in ends)
    first, middle, last = np.quantile(times, [0.25, 0.5, 0.75], method="nearest")
    held = f"{np.mean((low <= seen) & (seen <= high)):.2f} of {len(found)}" if np.isfinite(seen) else "-"
    none = f"{sum(one['times'] is None for one in found)} of {len(found)}"
    return f"{above} | {known} | {_words(middle)} [{_words(first)}, {_words(last)}] | {held} | {none}"


def _words(n: float) -> str:
    return f"{n:,.0f}" if np.isfinite(n) else "none"


def main() -> None:
    """Draw what is missing among the records, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, default=Path("benchmarks/results/outlook.jsonl"))
    parser.add_argument("--seeds", type=int, default=30, help="recordings of each strength and length")
    parser.add_argument("--workers", type=int, default=cpu_count())
    args = parser.parse_args()
    args.records.parent.mkdir(parents=True, exist_ok=True)
    text = args.records.read_text(encoding="utf-8") if args.records.exists() else ""
    records = [json.loads(line) for line in text.splitlines()]
    done = {(one["strength"], one["n"], one["seed"]) for one in records}
    keys = [(strength, n, seed) for seed in range(args.seeds) for strength, lengths in GRID for n in lengths]
    with args.records.open("a", encoding="utf-8") as file, ProcessPoolExecutor(args.workers) as pool:
        for future in as_completed([pool.submit(record, *key) for key in keys if key not in done]):
            records.append(future.result())
            file.write(json.dumps(records[-1]) + "\n")
            file.flush()
    print("\n".join(lines(records)))


if __name__ == "__main__":
    main()
