"""Conditions of the study, and what one drawn recording of each says: a record that adds up over recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import Findings, assess
from rtalign.scoring.headline import headline
from rtalign.scoring.latency import RULES, latency
from rtalign_offline.validation.drawn import DrawnKind, draw
from rtalign_offline.validation.drawn_fit import evaluate_drawn, score_live, train_drawn

NULL_KINDS = {
    "one run": DrawnKind(),
    "three runs": DrawnKind(n_runs=3),
    "few words": DrawnKind(n_words=700),
    "slow drifts": DrawnKind(drift=1.5, memory=0.6),
}
"""Brains that answer to nothing."""

CONTENT = DrawnKind(n_words=3300, scored=0.45)
BROKEN = DrawnKind(broken=3)
QUICK = DrawnKind(gap_s=0.2)
OTHER_NULLS = {
    "content words": CONTENT,
    "broken sensors": BROKEN,
    "quick speech": QUICK,
    "SmolLM2": DrawnKind(model="smollm2"),
}
"""The same, fewer of each."""

LADDER = tuple(np.linspace(0.18, 0.38, 5))
STRENGTHS = {0.05: 0.0155, 0.10: 0.022, 0.16: 0.032, 0.30: 0.06}
"""Size of the answers that gives about this R at the peak of 1,500 words."""

OTHERS = {
    "strong": DrawnKind(strength=0.17),
    "10 minutes": DrawnKind(n_words=2000, strength=0.022),
    "20 minutes": DrawnKind(n_words=4000, strength=0.022),
    "40 minutes": DrawnKind(n_words=8000, strength=0.022),
    "content words": replace(CONTENT, strength=0.022),
    "broken sensors": replace(BROKEN, strength=0.022),
    "quick speech": replace(QUICK, strength=0.022),
    "SmolLM2": DrawnKind(model="smollm2", strength=0.03),
}
"""Other planted ladders, fewer of each."""

LONG = DrawnKind(n_words=8000)
"""Forty minutes of story."""
HEADLINES = {
    "one latency for all layers": replace(LONG, latencies_s=(0.3,) * 5, strength=0.0125),
    "a ladder of 150 ms": replace(LONG, latencies_s=tuple(np.linspace(0.22, 0.37, 5)), strength=0.0125),
}
SHOWN = ("centroid", "half area", "published", "contiguous", "maximum")


def study(
    n_null: int, n_signal: int, n_headline: int, n_other: int, first: int = 0
) -> dict[str, Callable[[], dict[str, Any]]]:
    """Every recording of the study by its key; the key is what a record is found by when the study goes on.

    first : number of the first recording of each kind, which all its random numbers hang on.
    """
    jobs: dict[str, Callable[[], dict[str, Any]]] = {}
    for name, kind in NULL_KINDS.items():
        for seed in range(first, first + n_null):
            jobs[f"null|{name}|{seed}"] = partial(null_record, kind, seed)
    for level, strength in STRENGTHS.items():
        for seed in range(first, first + n_signal):
            jobs[f"signal|{level}|{seed}"] = partial(signal_record, DrawnKind(strength=strength), seed)
    for seed in range(first, first + n_other):
        for name, kind in OTHER_NULLS.items():
            jobs[f"null|{name}|{seed}"] = partial(null_record, kind, seed)
        for name, kind in OTHERS.items():
            jobs[f"signal|{name}|{seed}"] = partial(signal_record, kind, seed)
    for name, kind in HEADLINES.items():
        for seed in range(first, first + n_headline):
            jobs[f"headline|{name}|{seed}"] = partial(headline_record, kind, seed)
    return jobs


def run_job(key: str, sizes: tuple[int, int, int, int, int]) -> dict[str, Any]:
    """One record; in a process of its own, so on one thread."""
    with threadpool_limits(1):
        return {"key": key} | study(*sizes)[key]()


def null_record(kind: DrawnKind, seed: int) -> dict[str, Any]:
    """What training, evaluation and a live session show of brains that answer to nothing."""
    recording, fresh = (draw(kind, [seed, part, 0x0]) for part in (0, 1))
    bank = train_drawn(recording)
    routes = {"train": bank.curves, "evaluate": evaluate_drawn(bank, fresh), "live": score_live(bank, fresh)}
    return {route: _shown(curves, assess(curves)) for route, curves in routes.items()}


def _shown(curves: Curves, found: Findings) -> dict[str, Any]:
    spread = curves.null.std(0, ddof=1, dtype=float)
    return {
        "peaks": int(sum(peak.peak_r > peak.null_r for peak in found.peaks)),
        "layers": len(found.peaks),
        "map": bool((curves.r > found.map_hi).any()),
        "above": int((curves.r > found.null_hi).sum()),
        "cells": int(curves.r.size),
        "squares": float(((curves.r / spread) ** 2).mean()),
        "temporal": found.temporal is not None,
    }


def signal_record(kind: DrawnKind, seed: int) -> dict[str, Any]:
    """Estimates and intervals of a planted ladder, by training and by evaluation of new words."""
    kind = replace(kind, latencies_s=LADDER)
    recording, fresh = (draw(kind, [seed, part, 0x1]) for part in (0, 1))
    bank = train_drawn(recording)
    return {"train": _estimates(bank.curves), "evaluate": _estimates(evaluate_drawn(bank, fresh))}


def _estimates(curves: Curves) -> dict[str, Any]:
    found = assess(curves)
    cell = len(LADDER) // 2, int(np.argmin(np.abs(curves.lags_s - 0.28)))
    r, reach = float(curves.r[cell]), float(curves.left_out.reach_of_r(curves.r)[cell])
    rules = {}
    for rule in SHOWN:
        values, without = (latency(rule, curves.lags_s, v, curves.noise) for v in (curves.r, curves.left_out.curves))
        rules[rule] = {
            "s": values.tolist(),
            "ci": [curves.left_out.interval(v, w) for v, w in zip(values, without.T, strict=True)],
        }
    return {
        "peak_r": float(curves.r.max()),
        "status": [peak.status for peak in found.peaks],
        "r": r,
        "r_ci": (r - reach, r + reach),
        "rules": rules,
        "slope": {rule: (e.slope_ms, e.slope_ci_ms) for rule, e in found.estimators.items() if rule in SHOWN},
        "temporal": found.temporal and (found.temporal.r, found.temporal.ci),
        "p": found.temporal and found.temporal.p_permutation,
        "half": found.half_words and found.half_words.slope_ms,
        "plain": _plain_slope(curves),
    }


def _plain_slope(curves: Curves) -> float:
    """Slope of the centroid of R as it is, noise of decoders and all, in ms."""
    peaks = latency("centroid", curves.lags_s, curves.r)
    return float(1e3 * np.polyfit(curves.depth, peaks, 1)[0] * np.ptp(curves.depth))


def headline_record(kind: DrawnKind, seed: int) -> dict[str, Any]:
    """Whether the headline claims an order."""
    found = assess(train_drawn(draw(kind, [seed, 0, 0x2])).curves)
    said = headline(found.temporal, found.peaks, kind.lags_s, found.reason)
    return {"holds": said.holds, "sentence": said.sentence, "peak_r": float(found.curves.r.max())}


def truth(kind: DrawnKind = DrawnKind()) -> dict[str, Any]:  # noqa: B008 - frozen
    """What endless words of a brain say: latencies by rule, slopes and temporal scores.

    Its answers are at least as large beside the noise as those that give an R of .3: weaker ones need more words to say
    the same, and much stronger ones say something else, as decoders that meet no noise weigh the sensors otherwise.
    """
    return _truth(_whole(kind, 24_000, max(kind.strength, STRENGTHS[0.30])))


def noise_free(kind: DrawnKind = DrawnKind()) -> dict[str, Any]:  # noqa: B008 - frozen
    """The same where answers are so large that there is hardly any noise."""
    return _truth(_whole(kind, 6_000, 3.0))


def _whole(kind: DrawnKind, n_words: int, strength: float) -> DrawnKind:
    return replace(kind, n_words=n_words, n_runs=1, latencies_s=LADDER, strength=strength, scored=1.0, broken=0)


@lru_cache(maxsize=8)
def _truth(kind: DrawnKind) -> dict[str, Any]:
    with threadpool_limits(1):
        curves = train_drawn(draw(kind, [0, 0, 0x3])).curves
    found = {}
    for rule in RULES:
        peaks = latency(rule, curves.lags_s, curves.r, curves.noise)
        slope = 1e3 * np.polyfit(curves.depth, peaks, 1)[0] * np.ptp(curves.depth)
        found[rule] = {"s": peaks.tolist(), "slope": float(slope), "r": float(np.corrcoef(curves.depth, peaks)[0, 1])}
    return found
