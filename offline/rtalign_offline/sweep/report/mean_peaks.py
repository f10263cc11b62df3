"""Peak latencies averaged over models and people, beside those of R that is averaged first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.scoring.findings import correlation
from rtalign.scoring.latency import latency
from rtalign_offline.sweep.report.study import Study, StudyEntry

DRAWS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class MeanPeaks:
    """Peaks of the trained models in the reference context, averaged layer by layer.

    Attributes
    ----------
    depth : ndarray, shape (layer,)
        Mean over models.
    peak_s : ndarray, shape (layer,)
        Mean over models and people of the peak latency; NaN where no curve has a peak.
    ci_s : ndarray, shape (layer, 2)
        95 % interval.
    n : ndarray of int, shape (layer,)
        Curves with a peak.
    pooled_s : ndarray, shape (layer,)
        The same of peaks of R that is averaged over people first, mean over models.
    r, pooled_r : float
        Correlation of depth and mean latency; NaN where it is not known.
    r_ci : tuple of float
        95 % interval of r.
    n_models, n_people : int
        How many are averaged.
    """

    depth: np.ndarray
    peak_s: np.ndarray
    ci_s: np.ndarray
    n: np.ndarray
    pooled_s: np.ndarray
    r: float
    r_ci: tuple[float, float]
    pooled_r: float
    n_models: int
    n_people: int


def average_peaks(study: Study, seed: int = 0) -> MeanPeaks | None:
    """Average peak latencies, with intervals from a bootstrap over people and words.

    People are drawn with replacement; with each goes a draw of words that all models share: the change of a latency
    by each block that is left out, with a normal weight (the multiplier bootstrap of a jackknife).  A single person is
    not drawn, and intervals are then of words alone.

    Parameters
    ----------
    study : Study
        The results of a sweep.
    seed : int
        Of the draws.

    Returns
    -------
    MeanPeaks or None
        None where models have different numbers of layers, or no curve has a peak.
    """
    pooled = [entry for entry in study.at(study.reference) if entry.condition.trained]
    people: dict[str, list[StudyEntry]] = {job.person: [] for job in study.jobs}
    for entry in pooled:
        for job in study.people(entry.condition):
            people[job.person].append(job)
    jobs = [job for own in people.values() for job in own]
    if len({len(job.curves.depth) for job in jobs}) != 1 or not np.isfinite(_peaks(jobs)).any():
        return None
    depth = np.mean([entry.curves.depth for entry in pooled], axis=0)
    peak_s, draws = _mean(_peaks(jobs)), _draws([own for own in people.values() if own], np.random.default_rng(seed))
    rs = _with_depth(depth, draws)
    return MeanPeaks(
        depth=depth,
        peak_s=peak_s,
        ci_s=np.stack(_interval(draws), axis=-1),
        n=np.isfinite(_peaks(jobs)).sum(0),
        pooled_s=_mean(_peaks(pooled)),
        r=float(_with_depth(depth, peak_s)),
        r_ci=(float(_interval(rs)[0]), float(_interval(rs)[1])),
        pooled_r=float(_with_depth(depth, _mean(_peaks(pooled)))),
        n_models=len(pooled),
        n_people=sum(bool(own) for own in people.values()),
    )


def _peaks(entries: Sequence[StudyEntry]) -> np.ndarray:
    """(entry, layer): latencies in seconds, NaN where there is no peak."""
    return np.array([[np.nan if p.peak_s is None else p.peak_s for p in e.findings.peaks] for e in entries], float)


def _draws(people: Sequence[Sequence[StudyEntry]], rng: np.random.Generator) -> np.ndarray:
    """(draw, layer): mean latencies of people and words drawn anew."""
    chosen = rng.integers(len(people), size=(DRAWS, len(people)))
    total, n = (np.zeros((DRAWS, len(people[0][0].curves.depth))) for _ in range(2))
    for number, own in enumerate(people):
        times = (chosen == number).sum(1)[:, None]
        normal = rng.standard_normal((DRAWS, max(len(job.curves.left_out.weight) for job in own)))
        for job in own:
            at, changes = _peaks([job])[0], _changes(job)
            there = np.isfinite(at)
            # A person who is drawn twice counts with two draws of words, whose sum has twice the variance.
            total += times * np.where(there, at, 0)
            total += np.sqrt(times) * (normal[:, : len(changes)] @ np.where(there, changes, 0))
            n += times * there
    return np.divide(total, n, out=np.full_like(total, np.nan), where=n > 0)


def _changes(entry: StudyEntry) -> np.ndarray:
    """(block, layer): what one standard normal weight of each block adds to the latencies."""
    curves, rule = entry.curves, entry.findings.rule
    whole, without = (latency(rule, curves.lags_s, r, curves.noise) for r in (curves.r, curves.left_out.curves))
    return np.sqrt(curves.left_out.weight)[:, None] * (without - whole)


def _mean(peaks: np.ndarray) -> np.ndarray:
    """(layer,) over entries that have a peak."""
    n = np.isfinite(peaks).sum(0)
    return np.divide(np.nansum(peaks, 0), n, out=np.full(peaks.shape[1], np.nan), where=n > 0)


def _interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles over draws, of draws without a value none; NaN where none has one."""
    known = np.isfinite(draws).any(0)
    low, high = np.nanpercentile(np.where(known, draws, 0), (2.5, 97.5), axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _with_depth(depth: np.ndarray, peak_s: np.ndarray) -> np.ndarray:
    """(...): correlation of depth with latencies (..., layer), over layers that always have one; NaN under three."""
    known = np.isfinite(peak_s).all(axis=tuple(range(peak_s.ndim - 1)))
    if known.sum() < 3:
        return np.full(peak_s.shape[:-1], np.nan)
    return correlation(depth[known], peak_s[..., known])
