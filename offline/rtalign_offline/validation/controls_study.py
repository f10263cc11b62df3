"""How often controls tell rivals from ladders: `python -m` this module writes docs/controls.md."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits

from rtalign.core.machine import cpu_count
from rtalign.core.progress import Progress
from rtalign.core.recipe import FitRecipe
from rtalign.core.storage.files import write_atomically
from rtalign.report.read import ControlResult, Summary
from rtalign.report.verdict import TWIN, UNIQUE, WHOLE, rivals
from rtalign.scoring.headline import headline
from rtalign_offline.validation.rivals import draw_rival, summary_of

Record = Mapping[str, Any]

N_WORDS = 1500
LAGS_S = np.round(np.arange(-0.3, 0.9001, 0.05), 3)
RECIPE = FitRecipe(null_draws=500, alphas=tuple(np.logspace(-2, 6, 9)))
CONDITIONS = {
    "same response to every word": ("onsets", 1.0),
    "static vectors, deeper layers know the next word": ("next word", 1.0),
    "slow drift shared with late layers": ("shared drift", 1.0),
    "nothing but noise": ("nothing", 0.0),
    "true ladder, answers of 0.10": ("true ladder", 0.10),
    "true ladder, answers of 0.04": ("true ladder", 0.04),
    "true ladder, answers of 0.025": ("true ladder", 0.025),
    "true ladder, answers of 0.015": ("true ladder", 0.015),
    "ladder of SmolLM2, answers of 0.05": ("model ladder", 0.05),
    "ladder of SmolLM2, answers of 0.025": ("model ladder", 0.025),
}
"""What the brain answers, by name: its kind, and the size of answers beside the noise."""
TRUE = 300.0
"""Milliseconds from the first to the last planted latency of a true ladder."""

HEAD = """# What else could this be: controls on brains whose truth is known

Written by `python -m rtalign_offline.validation.controls_study` from recordings drawn at random: 1,500 words, thirty
sensors, five layers of ten components, static vectors of ten dimensions. The program's own code does the rest:
`train --controls nuisances` on these words, with timing, position and static vectors of five words as nuisances (72
columns). Rates are followed by their 95 % binomial interval (Wilson) and the number of recordings; rates over layers
have the interval of as many recordings.

The brains:

- *Same response to every word*: all words have one response at 100 and 200 ms; targets hold the intervals around them.
- *Static vectors, deeper layers know the next word*: static vectors of each word are answered at 200 ms; the deeper a
  layer, the more it holds of the next word's.
- *Slow drift shared with late layers*: drifts of half a minute's memory are in all sensors and in late layers.
- *Nothing but noise*.
- *True ladder*: each layer's own content is answered at 150 to 450 ms, and static vectors, which all layers hold, at
  200 ms; at four strengths.
- *Ladder of SmolLM2*: what each of nine layers of the packaged model adds to the one below, ten components a layer, is
  answered at 150 to 450 ms, in forty minutes of the packaged story (4,995 words); static vectors are twenty components
  of the model's state 0, and nothing answers them by themselves.
"""


def record(condition: str, seed: int) -> dict[str, Any]:
    """What training with controls says of one recording; in a process of its own, so on one thread."""
    kind, strength = CONDITIONS[condition]
    with threadpool_limits(1):
        summary = summary_of(draw_rival(kind, seed, N_WORDS, strength), RECIPE, LAGS_S)
    unique, twin = summary.controls[UNIQUE], summary.controls[TWIN]
    r = np.array(summary.r, float)
    at = r.max(0).argmax()
    return {
        "key": f"{condition}|{seed}",
        "plain": _ladder(summary, summary),
        "unique": _ladder(summary, unique),
        "twin": _ladder(summary, twin),
        "share": {name: float(np.mean(np.array(part, float)[:, at]) / r[:, at].mean())
                  for name, part in twin.explained.items()},
        "baseline": max(float(np.max(np.array(own, float))) for own in summary.baselines.values()),
        "flagged": [rival.name for rival in rivals(summary) if rival.explains],
    }  # fmt: skip


def _ladder(summary: Summary, ladder: Summary | ControlResult) -> dict[str, Any]:
    score = ladder.temporal_score
    found = headline(score, ladder.layers, summary.lags_s, ladder.temporal_score_reason, final=True)
    return {
        "status": [layer.status for layer in ladder.layers],
        "r": float(np.nanmax(np.array(ladder.r, float))),
        "slope_ms": score.slope_ms if score else None,
        "score": score.r if score else None,
        "holds": found.holds,
    }


def write_page(path: Path, records: Sequence[Record]) -> None:
    """Write docs/controls.md."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for one in records:
        groups[str(one["key"]).split("|")[0]].append(one)
    found = {name: groups[name] for name in CONDITIONS if name in groups}
    write_atomically(path, "\n".join([HEAD, *_fooled(found), *_kept(found), *_shares(found)]).rstrip() + "\n")


def _fooled(groups: Mapping[str, Sequence[Record]]) -> Iterable[str]:
    yield "## Who is fooled\n"
    yield (
        "Layers with a peak and recordings whose headline claims an order of depth, by the plain analysis, in unique R "
        "and by the static twin. *Flagged*: the verdict names an explanation; where there is no plain peak, none is "
        "needed.\n"
    )
    head = ("brain", "layers with a peak: plain", "unique", "order claimed: plain", "unique", "twin", "flagged")
    rows = []
    for name, records in groups.items():
        n = len(records)
        layers = [_rate(n * _share_of_layers(records, which), n) for which in ("plain", "unique")]
        orders = [_rate(sum(one[which]["holds"] for one in records), n) for which in ("plain", "unique", "twin")]
        flagged = _rate(sum(bool(one["flagged"]) for one in records), n)
        rows.append([f"{name} ({n})", *layers, *orders, flagged])
    yield _table(head, rows)


def _kept(groups: Mapping[str, Sequence[Record]]) -> Iterable[str]:
    yield "## What a control costs a true ladder\n"
    yield f"Slope from the first layer to the last; {TRUE:.0f} ms are planted, in what each layer adds.\n"
    head = ("ladder", "R: plain", "unique", "peaks: plain", "unique", "order claimed: plain", "unique",
            "slope (ms): plain", "unique")  # fmt: skip
    rows = []
    for name, records in groups.items():
        if "ladder" not in name:
            continue
        n, both = len(records), ("plain", "unique")
        r = [f"{np.mean([one[which]['r'] for one in records]):.3f}" for which in both]
        peaks = [f"{100 * _share_of_layers(records, which):.0f} %" for which in both]
        orders = [_rate(sum(one[which]["holds"] for one in records), n) for which in both]
        rows.append([f"{name} ({n})", *r, *peaks, *orders, *(_slope(records, which) for which in both)])
    yield _table(head, rows)


def _shares(groups: Mapping[str, Sequence[Record]]) -> Iterable[str]:
    yield "## What the nuisances carry\n"
    yield (
        "Share of R, over all layers at the highest lag, that each group of nuisances carries alone, and all together; "
        "and the best R of a baseline that knows no brain. Means over recordings.\n"
    )
    names = ("timing", "position", "neighbours", WHOLE)
    rows = []
    for name, records in groups.items():
        if name == "nothing but noise":
            continue
        shares = [f"{100 * np.mean([one['share'][group] for one in records]):.0f} %" for group in names]
        rows.append([name, f"{np.mean([one['plain']['r'] for one in records]):.3f}", *shares,
                     f"{np.mean([one['baseline'] for one in records]):.3f}"])  # fmt: skip
    yield _table(("brain", "plain R", *names, "best baseline"), rows)


def _rate(count: float, n: int) -> str:
    """A share with its Wilson interval."""
    low, high = binomtest(round(count), n).proportion_ci(method="wilson")
    return f"{100 * count / n:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def _share_of_layers(records: Sequence[Record], which: str) -> float:
    return float(np.mean([[status == "ok" for status in one[which]["status"]] for one in records]))


def _slope(records: Sequence[Record], which: str) -> str:
    slopes = [one[which]["slope_ms"] for one in records if one[which]["slope_ms"] is not None]
    return f"{np.mean(slopes):.0f} +- {np.std(slopes, ddof=1):.0f} ({len(slopes)})" if len(slopes) > 1 else "-"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    """Run the study, or go on with it, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, default=Path("benchmarks/results/controls.jsonl"))
    parser.add_argument("--page", type=Path, default=Path("docs/controls.md"))
    parser.add_argument("--seeds", type=int, default=30, help="recordings of each brain")
    parser.add_argument("--workers", type=int, default=cpu_count())
    args = parser.parse_args()
    args.records.parent.mkdir(parents=True, exist_ok=True)
    lines = args.records.read_text(encoding="utf-8").splitlines() if args.records.exists() else []
    done = {one["key"]: one for one in map(json.loads, lines)}
    keys = [(name, seed) for seed in range(args.seeds) for name in CONDITIONS]
    todo = [key for key in keys if "|".join(map(str, key)) not in done]
    with (
        args.records.open("a", encoding="utf-8") as file,
        ProcessPoolExecutor(args.workers) as pool,
        Progress().stage("recordings", len(todo), "recordings") as stage,
    ):
        for future in as_completed([pool.submit(record, *key) for key in todo]):
            found = future.result()
            done[found["key"]] = found
            file.write(json.dumps(found) + "\n")
            file.flush()
            stage.advance()
    write_page(args.page, [done["|".join(map(str, key))] for key in keys])


if __name__ == "__main__":
    main()
