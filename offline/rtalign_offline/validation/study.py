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

ANSWER_S = 0.28
"""The lag at which intervals of R are counted: about the middle of the ladder."""

MORE = {"slow drifts": 2, "40 minutes": 3}
"""Conditions with so many times the recordings: their rates could not be told from what is asked for with fewer."""

TRUTH_WORDS, TRUTH_RECORDINGS = 24_000, 6
"""Of each brain; the truth is the mean of its recordings."""


def whole(kind: DrawnKind) -> DrawnKind:
    """A brain with as many words as its truth is known from: the same answers beside the same noise.

    Not stronger answers: how decoders weigh the sensors depends on what they meet there, so that a brain whose answers
    are larger beside its noise has other latencies, by up to 5 ms (docs/decisions/020, 040).
    """
    return replace(kind, n_words=TRUTH_WORDS, n_runs=1, latencies_s=LADDER, scored=1.0, broken=0)


def truths() -> dict[DrawnKind, str]:
    """The name of each brain whose truth is asked for: that of the first condition in which it is recorded."""
    conditions = {str(level): DrawnKind(strength=strength) for level, strength in STRENGTHS.items()} | OTHERS
    found: dict[DrawnKind, str] = {}
    for name, kind in conditions.items():
        found.setdefault(whole(kind), name)
    return found


def study(
    n_null: int, n_signal: int, n_headline: int, n_other: int, first: int = 0
) -> dict[str, Callable[[], dict[str, Any]]]:
    """Every recording of the study by its key; the key is what a record is found by when the study goes on.

    first : number of the first recording of each kind, which all its random numbers hang on.
    """
    jobs: dict[str, Callable[[], dict[str, Any]]] = {}
    for name, kind in NULL_KINDS.items():
        for seed in range(first, first + n_null * MORE.get(name, 1)):
            jobs[f"null|{name}|{seed}"] = partial(null_record, kind, seed)
    for level, strength in STRENGTHS.items():
        for seed in range(first, first + n_signal):
            jobs[f"signal|{level}|{seed}"] = partial(signal_record, DrawnKind(strength=strength), seed)
    for name, kind in OTHER_NULLS.items():
        for seed in range(first, first + n_other):
            jobs[f"null|{name}|{seed}"] = partial(null_record, kind, seed)
    for name, kind in OTHERS.items():
        for seed in range(first, first + n_other * MORE.get(name, 1)):
            jobs[f"signal|{name}|{seed}"] = partial(signal_record, kind, seed)
    for kind, name in truths().items() if n_signal or n_other else ():
        for seed in range(TRUTH_RECORDINGS):
            jobs[f"truth|{name}|{seed}"] = partial(truth_record, kind, seed)
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
    # The spread that the band says: of a layer, over all its lags (rtalign.scoring.nulls).
    spread = (found.null_hi - found.null_lo) / (2 * 1.96)
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
    at = int(np.argmin(np.abs(curves.lags_s - ANSWER_S)))
    r, reach = curves.r[:, at], curves.left_out.reach_of_r(curves.r)[:, at]
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
        "r": r.tolist(),
        "r_ci": np.stack([r - reach, r + reach], axis=-1).tolist(),
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


def truth_record(kind: DrawnKind, seed: int = 0) -> dict[str, Any]:
    """What a recording of many words says: latencies by rule."""
    curves = train_drawn(draw(kind, [seed, 0, 0x3])).curves
    return {"s": {rule: latency(rule, curves.lags_s, curves.r, curves.noise).tolist() for rule in RULES}}


@lru_cache(maxsize=2)
def noise_free(kind: DrawnKind = DrawnKind()) -> dict[str, Any]:  # noqa: B008 - frozen
    """The same where answers are so large that there is hardly any noise."""
    with threadpool_limits(1):
        return truth_record(replace(whole(kind), n_words=6_000, strength=3.0))
