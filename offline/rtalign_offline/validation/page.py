"""docs/validation.md: every statement of the program beside how often it was true, from the records of the study."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.storage.files import write_atomically
from rtalign.scoring.latency import TITLES
from rtalign_offline.validation.drawn import DrawnKind
from rtalign_offline.validation.study import (
    ANSWER_S,
    HEADLINES,
    NULL_KINDS,
    OTHER_NULLS,
    OTHERS,
    SHOWN,
    STRENGTHS,
    TRUTH_RECORDINGS,
    TRUTH_WORDS,
    noise_free,
    truths,
    whole,
)

ROUTES = ("train", "evaluate", "live")
Record = Mapping[str, Any]

CONTROLS = "## What else it could be"
"""Title of the section that `controls_study` writes."""
HEAD = """# How often the statements are true

Written by `make validate` from recordings drawn at random, whose truth is known. Targets are drawn in the place of a
language model's: five layers of ten components, each layer a mixture of the one below and something of its own. The
brain is thirty sensors of noise that neighbours share. Everything after that is the program's own code: folds,
penalties, decoders, null, blocks left out, peaks, headline. Rates are followed by their 95 % binomial interval
(Wilson), with the number of recordings in brackets; layers of one recording go together, so rates over layers have the
interval of as many recordings. Rates over cells and spreads are followed by the 95 % interval of a bootstrap over
recordings: lags and layers of one recording go together, and where signals are slow nearly all of them do. What misses
its goal, and why, is in [040](decisions/040-slopes-of-layers-that-span-the-depth.md).
"""


def write_page(path: Path, records: Sequence[Record]) -> None:
    """Write the page."""
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        study, condition, _ = record["key"].split("|")
        groups[study, condition].append(record)
    parts = [HEAD, *_null(groups), *_signal(groups), *_others(groups), *_headline(groups)]
    _, kept, _ = _around_controls(path)
    write_atomically(path, "\n".join([*parts, kept]).rstrip() + "\n")


def write_controls(path: Path, lines: Iterable[str]) -> None:
    """Write the section on controls, whose records are a study of their own, into the page; the rest stays."""
    before, _, after = _around_controls(path)
    section = "\n".join([CONTROLS, "", *lines]).rstrip()
    write_atomically(path, "\n\n".join(part for part in (before.rstrip(), section, after.rstrip()) if part) + "\n")


def _around_controls(path: Path) -> tuple[str, str, str]:
    """What stands before the section on controls, the section, and what follows it."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, title, rest = text.partition(f"{CONTROLS}\n")
    section, following, after = rest.partition("\n## ")
    return before, title + section, following.lstrip("\n") + after


def _null(groups: Mapping[tuple[str, str], Sequence[Record]]) -> Iterable[str]:
    yield "## Brains that answer to nothing\n"
    yield (
        "A layer should pass its threshold in at most 1 % (goal: 1.5 %), a map have any cell above chance in at most "
        "5 % (goal: 6 %), a cell lie above its band in 2.5 % (goal: 2 to 3 %), a temporal score be shown in at most "
        "1 %. The SD ratio is the spread of R over recordings beside the one that the band is made of (goal: 0.95 to "
        "1.05). Evaluation and live sessions use the decoders of the recording before.\n"
    )
    head = (
        "brain",
        "route",
        "layers with a peak",
        "maps with a cell",
        "cells above the band",
        "temporal score",
        "SD ratio",
    )
    kinds = {name: groups.get(("null", name), []) for name in (*NULL_KINDS, *OTHER_NULLS)}
    kinds["all of these"] = [record for found in kinds.values() for record in found]
    yield table(head, [_null_row(name, route, found) for name, found in kinds.items() if found for route in ROUTES])


def _null_row(name: str, route: str, found: Sequence[Record]) -> tuple[str, ...]:
    one, n = [record[route] for record in found], len(found)
    peaks, layers = (sum(r[key] for r in one) for key in ("peaks", "layers"))
    above, squares = [100 * r["above"] / r["cells"] for r in one], [r["squares"] for r in one]
    return (
        f"{name} ({n})", route, rate(n * peaks / layers, n), rate(sum(r["map"] for r in one), n),
        mean_of(above, "{:.1f} %", "{:.1f}"), rate(sum(r["temporal"] for r in one), n),
        mean_of(squares, "{:.2f}", "{:.2f}", np.sqrt),
    )  # fmt: skip


def _signal(groups: Mapping[tuple[str, str], Sequence[Record]]) -> Iterable[str]:
    if not any(("signal", str(level)) in groups for level in STRENGTHS):
        return
    free = noise_free()["s"]["centroid"]
    yield "## Intervals of a planted ladder\n"
    yield (
        "1,500 words; answers of 180 to 380 ms to what each layer adds. Coverage is against what the same brain says "
        f"by the same rule in {TRUTH_RECORDINGS} recordings of {TRUTH_WORDS:,} words, over the layers whose peak is "
        f"shown; the goal is 93 to 97 %. A brain without noise says something else ({_ms(free)} ms by the centroid): "
        "decoders that meet no noise weigh sensors otherwise. That is the last column. Latencies by the centroid and "
        "the half of the area are read off curves without the noise of the decoders. R is that of all layers at "
        f"{1000 * ANSWER_S:.0f} ms, against its own mean over recordings.\n"
    )
    rows, slopes = [], []
    for level in STRENGTHS:
        found = groups.get(("signal", str(level)), [])
        known = _truth(groups, DrawnKind(strength=STRENGTHS[level])) if found else {}
        for route in ROUTES[:2] if found else ():
            one = [record[route] for record in found]
            n = len(one)
            at = f"{np.mean([r['peak_r'] for r in one]):.2f}"
            shown = np.array([[status == "ok" for status in r["status"]] for r in one])
            row = [f"{at} ({n})", route, f"{100 * shown.mean():.0f} %", _covered_r(one)]
            for rule in SHOWN:
                row.append(_coverage([r["rules"][rule]["ci"] for r in one], known[rule]["s"], shown, n))
            row.append(_coverage([r["rules"]["centroid"]["ci"] for r in one], free, shown, n))
            rows.append(row)
            slopes += _slopes(at, route, one, known)
    rules = [TITLES[rule] for rule in SHOWN]
    yield table(("peak R", "route", "peaks shown", "R (its own mean)", *rules, "centroid, without noise"), rows)
    yield (
        "Intervals of peaks are printed for the first two rules alone. Slope from the first layer to the last, in ms, "
        "and the coverage of its interval and of that of r, over the recordings with a temporal score (shown):\n"
    )
    head = ("peak R", "route", "shown", "rule", "true", "mean", "SD", "bias", "slope covered", "r covered")
    yield table(head, slopes)


def _others(groups: Mapping[tuple[str, str], Sequence[Record]]) -> Iterable[str]:
    if not any(("signal", name) in groups for name in OTHERS):
        return
    yield "## Other ladders\n"
    yield (
        "The same ladder as above, for 1,500 words where nothing else is said: strong answers; 10, 20 and 40 minutes "
        "of words; content words, 45 % of those heard, the brain answering to all; three sensors of thirty that step "
        "about; 200 ms from word to word in place of 300; and SmolLM2's own components of the packaged story in place "
        "of drawn ones. Latencies are centroids. The p is that of the temporal score against the null.\n"
    )
    rows = []
    for name, kind in OTHERS.items():
        found = groups.get(("signal", name), [])
        for route in ROUTES[:2] if found else ():
            one, known = [record[route] for record in found], _truth(groups, kind)["centroid"]
            n, r = len(one), np.mean([r["peak_r"] for r in one])
            shown = np.array([[status == "ok" for status in r["status"]] for r in one])
            slopes = [r["slope"]["centroid"] for r in one if "centroid" in r["slope"]]
            bias = np.mean([value for value, _ in slopes]) / known["slope"] - 1 if slopes else np.nan
            covered = sum(low <= known["slope"] <= high for _, (low, high) in slopes)
            p = [r["p"] for r in one if r["p"] is not None]
            rows.append((
                f"{name} ({n})", route, f"{r:.2f}", f"{100 * shown.mean():.0f} %", _covered_r(one),
                _coverage([r["rules"]["centroid"]["ci"] for r in one], known["s"], shown, n),
                f"{known['slope']:.0f}", f"{100 * bias:+.0f} %" if slopes else "-", rate(covered, len(slopes)),
                f"{np.median(p):.3f}, {100 * np.mean(np.less(p, 0.05)):.0f} % below .05" if p else "-",
            ))  # fmt: skip
    head = ("brain", "route", "peak R", "peaks shown", "R covered", "latencies covered")
    yield table((*head, "true slope", "bias", "slope covered", "median p"), rows)


def _ms(seconds: Sequence[float]) -> str:
    return ", ".join(f"{1000 * s:.0f}" for s in seconds)


def _truth(groups: Mapping[tuple[str, str], Sequence[Record]], kind: DrawnKind) -> dict[str, Any]:
    """By rule, what a brain says of itself: latencies, slope and temporal score, the mean over its recordings."""
    found, depth = groups["truth", truths()[whole(kind)]], np.linspace(0.1, 0.9, kind.n_layers)
    known = {}
    for rule in SHOWN:
        at = np.mean([record["s"][rule] for record in found], axis=0)
        slope = 1e3 * np.polyfit(depth, at, 1)[0] * np.ptp(depth)
        known[rule] = {"s": at.tolist(), "slope": float(slope), "r": float(np.corrcoef(depth, at)[0, 1])}
    return known


def _covered_r(one: Sequence[Record]) -> str:
    """Over all layers, at one lag."""
    mean_r, (low, high) = np.mean([r["r"] for r in one], axis=0), np.moveaxis(np.array([r["r_ci"] for r in one]), -1, 0)
    return rate(len(one) * np.mean((low <= mean_r) & (mean_r <= high)), len(one))


def _coverage(intervals: Sequence[Any], true: Sequence[float], shown: np.ndarray, n: int) -> str:
    held = [[low <= t <= high for (low, high), t in zip(row, true, strict=True)] for row in intervals]
    return rate(n * np.mean(np.array(held)[shown]), n) if shown.any() else "none shown"


def _slopes(at: str, route: str, one: Sequence[Record], known: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for rule in SHOWN:
        found = [r["slope"][rule] for r in one if rule in r["slope"]]
        if not found:
            continue
        values, true = np.array([value for value, _ in found]), known[rule]["slope"]
        covered = sum(low <= true <= high for _, (low, high) in found)
        r_covered = "-"
        if rule == "centroid":
            pairs = [r["temporal"] for r in one if r["temporal"]]
            r_covered = rate(sum(low <= known[rule]["r"] <= high for _, (low, high) in pairs), len(pairs))
        rows.append((
            at, route, f"{len(found)} of {len(one)}", TITLES[rule], f"{true:.0f}", f"{values.mean():.0f}",
            f"{values.std(ddof=1) if len(values) > 1 else np.nan:.0f}",
            f"{100 * (values.mean() / true - 1):+.0f} %", rate(covered, len(found)), r_covered,
        ))  # fmt: skip
    others = {
        "centroid of R as it is": [r["plain"] for r in one if r["temporal"]],
        "the same, half of the words": [r["half"] for r in one if r["half"] is not None],
    }
    true = known["centroid"]["slope"]
    for name, slopes in others.items():
        if slopes:
            mean, spread = np.mean(slopes), np.std(slopes, ddof=1) if len(slopes) > 1 else np.nan
            rows.append((
                at, route, f"{len(slopes)} of {len(one)}", name, f"{true:.0f}", f"{mean:.0f}", f"{spread:.0f}",
                f"{100 * (mean / true - 1):+.0f} %", "-", "-",
            ))  # fmt: skip
    return rows


def _headline(groups: Mapping[tuple[str, str], Sequence[Record]]) -> Iterable[str]:
    yield "## The headline\n"
    yield "Forty minutes of words. A brain of one latency should give no headline, a ladder one.\n"
    rows = []
    for name in HEADLINES:
        found = groups.get(("headline", name), [])
        if found:
            n, r = len(found), np.mean([record["peak_r"] for record in found])
            rows.append((f"{name} ({n})", f"{r:.2f}", rate(sum(record["holds"] for record in found), n)))
    yield table(("brain", "peak R", "an order is claimed"), rows)


def rate(count: float, n: int, digits: int = 1) -> str:
    """A share in percent with its Wilson interval."""
    if not n:
        return "-"
    p, z = count / n, 1.96
    centre, reach = (p + z * z / (2 * n)) / (1 + z * z / n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = centre - reach / (1 + z * z / n), centre + reach / (1 + z * z / n)
    share, low, high = (f"{100 * end:.{digits}f}" for end in (p, max(low, 0), min(high, 1)))
    return f"{share} % [{low}, {high}]"


def mean_of(
    values: Sequence[float], shape: str, end: str, read: Callable[[np.ndarray], np.ndarray] = np.asarray, n: int = 2000
) -> str:
    """What is read off the mean over recordings, with the 95 % interval of n means of recordings drawn anew."""
    rng, found = np.random.default_rng(0), np.asarray(values, float)
    low, high = np.quantile(read(found[rng.integers(len(found), size=(n, len(found)))].mean(1)), [0.025, 0.975])
    return f"{shape.format(float(read(found.mean())))} [{end.format(low)}, {end.format(high)}]"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows in the syntax of Markdown."""
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"
