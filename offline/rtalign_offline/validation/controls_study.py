"""How often controls tell rivals from ladders: `python -m` this module writes docs/controls.md and what sums it up."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from rtalign.core.machine import cpu_count
from rtalign.core.progress import Progress
from rtalign.core.recipe import FitRecipe
from rtalign.core.storage.files import write_atomically
from rtalign.report.read import ControlResult, Summary
from rtalign.report.verdict import BEFORE_S, INNOVATION, LASTING, TWIN, UNIQUE, WHOLE, rivals, share_before
from rtalign.scoring.headline import headline
from rtalign_offline.validation.page import mean_of, rate, table, write_controls
from rtalign_offline.validation.rivals import draw_rival, summary_of

Record = Mapping[str, Any]

N_WORDS = 1500
LAGS_S = np.round(np.arange(-0.3, 0.9001, 0.05), 3)
RECIPE = FitRecipe(null_draws=500, alphas=tuple(np.logspace(-2, 6, 9)))
CONDITIONS = {
    "same response to every word": ("onsets", 1.0),
    "static vectors, deeper layers know the next word": ("next word", 1.0),
    "slow drift shared with late layers": ("shared drift", 1.0),
    "drift of two seconds shared with late layers": ("followed drift", 1.0),
    **{
        f"early answers, drift of {memory_s} s shared with late layers": (f"late drift of {memory_s} s", 0.05)
        for memory_s in (1, 2, 4)
    },
    "nothing but noise": ("nothing", 0.0),
    "true ladder, answers of 0.10": ("true ladder", 0.10),
    "true ladder, answers of 0.04": ("true ladder", 0.04),
    "true ladder, answers of 0.025": ("true ladder", 0.025),
    "true ladder, answers of 0.015": ("true ladder", 0.015),
    "ladder of SmolLM2, answers of 0.05": ("model ladder", 0.05),
    "ladder of SmolLM2, answers of 0.025": ("model ladder", 0.025),
}
"""What the brain answers, by name: its kind, and the size of answers beside the noise."""
PLANTED_MS = (150.0, 450.0)
"""First and last planted latency of a true ladder."""
LADDERS = ("plain", "unique", "twin", "adds")
Groups = Mapping[str, Sequence[Record]]

HEAD = """# What else could this be: controls on brains whose truth is known

Written by `python -m rtalign_offline.validation.controls_study` from recordings drawn at random: 1,500 words, thirty
sensors, five layers of ten components, static vectors of ten dimensions. The program's own code does the rest:
`train --controls nuisances innovation` on these words, with timing, position and static vectors of five words as
nuisances (72 columns). Rates are followed by their 95 % binomial interval (Wilson), names of brains by the number of
recordings; rates over layers have the interval of as many recordings.

The brains:

- *Same response to every word*: all words have one response at 100 and 200 ms; targets hold the intervals around them.
- *Static vectors, deeper layers know the next word*: static vectors of each word are answered at 200 ms; the deeper a
  layer, the more it holds of the next word's.
- *Slow drift shared with late layers*: drifts of half a minute's memory are in all sensors and in late layers.
- *Drift of two seconds shared with late layers*: the same with a memory of two seconds, as attention or a topic may
  have; the brain follows the story 300 ms later.
- *Early answers, drift of N s shared with late layers*: the brain answers what the first layer holds at 150 ms, and
  follows such a drift 400 ms later; nothing else of the late layers is answered.
- *Nothing but noise*.
- *True ladder*: each layer's own content is answered at 150 to 450 ms, and static vectors, which all layers hold, at
  200 ms; at four strengths.
- *Ladder of SmolLM2*: what each of nine layers of the packaged model adds to the one below, ten components a layer, is
  answered at 150 to 450 ms, in forty minutes of the packaged story (4,995 words); static vectors are twenty components
  of the model's state 0, and nothing answers them by themselves.
"""


def record(condition: str, seed: int) -> dict[str, Any]:
    """The summary of training with controls on one recording; in a process of its own, so on one thread."""
    kind, strength = CONDITIONS[condition]
    with threadpool_limits(1):
        summary = summary_of(draw_rival(kind, seed, N_WORDS, strength), RECIPE, LAGS_S)
    return {"key": f"{condition}|{seed}", "summary": summary.model_dump(mode="json", exclude_defaults=True)}


def facts(record: Record) -> dict[str, Any]:
    """What the tables add up: plain ladder, those of the controls, and what the verdict says of them."""
    summary = Summary.model_validate(record["summary"])
    unique, twin, adds = (summary.controls[name] for name in (UNIQUE, TWIN, INNOVATION))
    r = np.array(summary.r, float)
    at = r.max(0).argmax()
    return {
        "plain": _ladder(summary, summary),
        "unique": _ladder(summary, unique),
        "twin": _ladder(summary, twin),
        "adds": _ladder(summary, adds),
        "share": {name: float(np.mean(np.array(part, float)[:, at]) / r[:, at].mean())
                  for name, part in twin.explained.items()},
        "baseline": max(float(np.max(np.array(own, float))) for own in summary.baselines.values()),
        "flagged": [rival.name for rival in rivals(summary) if rival.explains],
    }  # fmt: skip


def _ladder(summary: Summary, ladder: Summary | ControlResult) -> dict[str, Any]:
    score, peaks = ladder.temporal_score, ladder.layers
    found = headline(score, peaks, summary.lags_s, ladder.temporal_score_reason, final=True)
    planted = np.linspace(*PLANTED_MS, len(peaks))
    ok = [layer.ok for layer in peaks]
    before = share_before(ladder.r, summary.lags_s)[ok]
    return {
        "peaks": float(np.mean(ok)),
        "r": float(np.nanmax(np.array(ladder.r, float))),
        "slope_ms": score.slope_ms if score else None,
        "off_ms": [abs(1000 * p.peak_s - ms) for p, ms in zip(peaks, planted, strict=True) if p.peak_s is not None],
        "before": float(np.median(before)) if before.size else None,
        "holds": found.holds,
    }


def write_pages(path: Path, validation: Path, records: Sequence[Record]) -> None:
    """Write docs/controls.md, and the section of docs/validation.md that sums it up."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for one in records:
        groups[str(one["key"]).split("|")[0]].append(facts(one))
    found = {name: groups[name] for name in CONDITIONS if name in groups}
    tables = (_fooled, _named, _before, _kept, _adds, _shares)
    write_atomically(path, "\n".join([HEAD, *(line for part in tables for line in part(found))]).rstrip() + "\n")
    write_controls(validation, _summed_up(found))


def _fooled(groups: Groups) -> Iterable[str]:
    yield "## Who is fooled\n"
    yield (
        "Layers with a peak and recordings whose headline claims an order of depth, by the plain analysis, in unique "
        "R, by the static twin and in what each layer adds. *Flagged*: the verdict names an explanation.\n"
    )
    head = ("brain", "layers with a peak: plain", "unique", "order claimed: plain", "unique", "twin", "adds", "flagged")
    rows = []
    for name, records in groups.items():
        n = len(records)
        layers = [_percent(sum(one[which]["peaks"] for one in records), n) for which in ("plain", "unique")]
        orders = [_percent(sum(one[which]["holds"] for one in records), n) for which in LADDERS]
        rows.append([f"{name} ({n})", *layers, *orders, _percent(sum(bool(one["flagged"]) for one in records), n)])
    yield table(head, rows)


def _named(groups: Groups) -> Iterable[str]:
    yield "## Which explanation is named\n"
    yield "Recordings in which the verdict names each; a true ladder for which one is named is a false alarm.\n"
    names = sorted({name for records in groups.values() for one in records for name in one["flagged"]})
    rows = [
        [f"{name} ({len(records)})", *(_percent(sum(own in one["flagged"] for one in records), len(records))
                                       for own in names)]
        for name, records in groups.items()
    ]  # fmt: skip
    yield table(("brain", *names), rows)


def _before(groups: Groups) -> Iterable[str]:
    yield "## What is there before the word\n"
    yield (
        f"Mean R in the {1000 * BEFORE_S:.0f} ms before a word as a share of the highest R, the median over layers "
        "with a peak: median over recordings, and from the lowest 5 % to the highest. A layer is taken for a drift "
        f"from {100 * LASTING:.0f} % on.\n"
    )
    rows = []
    for name, records in groups.items():
        cells = []
        for which in ("plain", "unique"):
            values = [100 * one[which]["before"] for one in records if one[which]["before"] is not None]
            low, mid, high = np.quantile(values, [0.05, 0.5, 0.95]) if values else (np.nan,) * 3
            cells.append(f"{mid:.0f} % [{low:.0f}, {high:.0f}] ({len(values)})" if values else "-")
        rows.append([name, *cells])
    yield table(("brain", "plain", "unique"), rows)


def _kept(groups: Groups) -> Iterable[str]:
    yield "## What a control costs a true ladder\n"
    planted = PLANTED_MS[1] - PLANTED_MS[0]
    yield f"Slope from the first layer to the last; {planted:.0f} ms are planted, in what each layer adds.\n"
    head = ("ladder", "R: plain", "unique", "peaks: plain", "unique", "order claimed: plain", "unique",
            "slope (ms): plain", "unique")  # fmt: skip
    yield table(head, [_ladder_row(name, records, ("plain", "unique")) for name, records in _ladders(groups)])


def _adds(groups: Groups) -> Iterable[str]:
    yield "## What each layer adds\n"
    yield (
        "The same with targets of each layer less those of all layers below (`--controls innovation`). Does it un-mix "
        "a planted ladder? *Off*: how far peaks lie from what is planted, the mean over layers with a peak and its "
        "95 % interval of a bootstrap over recordings.\n"
    )
    head = ("ladder", "R: plain", "adds", "peaks: plain", "adds", "order claimed: plain", "adds", "slope (ms): plain",
            "adds", "off (ms): plain", "unique", "adds")  # fmt: skip
    off = ("plain", "unique", "adds")
    rows = [
        [*_ladder_row(name, records, ("plain", "adds")), *(_off(records, which) for which in off)]
        for name, records in _ladders(groups)
    ]
    yield table(head, rows)
    yield "Brains without a ladder:\n"
    others = [(name, records) for name, records in groups.items() if "ladder" not in name]
    yield table(("brain", *head[1:9]), [_ladder_row(name, records, ("plain", "adds")) for name, records in others])


def _ladders(groups: Groups) -> list[tuple[str, Sequence[Record]]]:
    return [(name, records) for name, records in groups.items() if "ladder" in name]


def _ladder_row(name: str, records: Sequence[Record], both: tuple[str, str]) -> list[str]:
    """R, peaks, orders and slopes of two ladders."""
    n = len(records)
    r = [f"{np.mean([one[which]['r'] for one in records]):.3f}" for which in both]
    peaks = [f"{100 * np.mean([one[which]['peaks'] for one in records]):.0f} %" for which in both]
    orders = [_percent(sum(one[which]["holds"] for one in records), n) for which in both]
    return [f"{name} ({n})", *r, *peaks, *orders, *(_slope(records, which) for which in both)]


def _off(records: Sequence[Record], which: str) -> str:
    values = [float(np.mean(one[which]["off_ms"])) for one in records if one[which]["off_ms"]]
    return mean_of(values, "{:.0f}", "{:.0f}") if values else "-"


def _shares(groups: Groups) -> Iterable[str]:
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
    yield table(("brain", "plain R", *names, "best baseline"), rows)


def _summed_up(groups: Groups) -> Iterable[str]:
    """The section of docs/validation.md."""
    yield (
        "Brains that a plain analysis is fooled by, and true ladders, through `train --controls nuisances innovation`; "
        "what they are, and more of them, is in [controls](controls.md). *Fooled*: at least half of the layers have a "
        "peak, or an order of depth is claimed. *Flagged*: in the same recordings, the verdict names an explanation; "
        "for a true ladder that is a false alarm.\n"
    )
    head = ("brain", "fooled", "of these flagged", "order claimed: plain", "unique", "what a layer adds")
    rows = []
    for name, records in groups.items():
        n = len(records)
        fooled = [one for one in records if one["plain"]["peaks"] >= 0.5 or one["plain"]["holds"]]
        flagged = _percent(sum(bool(one["flagged"]) for one in fooled), len(fooled))
        orders = [_percent(sum(one[which]["holds"] for one in records), n) for which in ("plain", "unique", "adds")]
        rows.append(
            [f"{name} ({n})", _percent(len(fooled), n), f"{flagged} ({len(fooled)})" if fooled else "-", *orders]
        )
    yield table(head, rows)


def _percent(count: float, n: int) -> str:
    return rate(count, n, digits=0)


def _slope(records: Sequence[Record], which: str) -> str:
    slopes = [one[which]["slope_ms"] for one in records if one[which]["slope_ms"] is not None]
    return f"{np.mean(slopes):.0f} +- {np.std(slopes, ddof=1):.0f} ({len(slopes)})" if len(slopes) > 1 else "-"


def main() -> None:
    """Run the study, or go on with it, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, default=Path("benchmarks/results/controls.jsonl"))
    parser.add_argument("--page", type=Path, default=Path("docs/controls.md"))
    parser.add_argument("--validation", type=Path, default=Path("docs/validation.md"), help="page with a section on it")
    parser.add_argument("--seeds", type=int, default=30, help="recordings of each brain")
    parser.add_argument("--workers", type=int, default=cpu_count())
    args = parser.parse_args()
    args.records.parent.mkdir(parents=True, exist_ok=True)
    lines = args.records.read_text(encoding="utf-8").splitlines() if args.records.exists() else []
    done = {one["key"]: one for one in map(json.loads, lines)}
    # By their number, so that a study that is cut short knows all brains equally well; the model's take longest.
    keys = sorted(
        ((name, seed) for seed in range(args.seeds) for name in CONDITIONS), key=lambda key: "SmolLM2" in key[0]
    )
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
    write_pages(args.page, args.validation, [done["|".join(map(str, key))] for key in keys])


if __name__ == "__main__":
    main()
