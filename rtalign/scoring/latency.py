"""Where a curve over lags peaks: several rules, each a way to read one number off it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np

LEVEL = 0.95
"""Share of the maximum from which a lag belongs to the peak (arXiv 2512.01591)."""

FINE_STEP_S = 0.005
"""Curves are read between their lags, to this."""

Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]


def region(r: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """First and last index of the contiguous lags around the maximum that reach level of it.

    r : (..., lag).  Where the maximum is negative, as on a null draw, they come as near to it as they would if
    it were positive.
    """
    n = r.shape[-1]
    top = r.max(-1, keepdims=True)
    below = r < top - (1 - level) * np.abs(top)
    at = r.argmax(-1)[..., None]
    index = np.arange(n)
    first = np.where(below & (index < at), index, -1).max(-1) + 1
    last = np.where(below & (index > at), index, n).min(-1) - 1
    return first, last


def contiguous(lags_s: np.ndarray, r: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """The mean of the contiguous lags around the maximum of r (..., lag) that reach level of it; (...) in s."""
    first, last = region(r, level)
    running = np.concatenate([[0.0], np.cumsum(lags_s)])
    return (running[last + 1] - running[first]) / (last + 1 - first)


def published(lags_s: np.ndarray, r: np.ndarray) -> np.ndarray:
    """The mean of ALL lags that reach LEVEL of the maximum, wherever they are (arXiv 2512.01591)."""
    top = r.max(-1, keepdims=True)
    reached = r >= top - (1 - LEVEL) * np.abs(top)
    return (reached * lags_s).sum(-1) / reached.sum(-1)


def highest(lags_s: np.ndarray, r: np.ndarray) -> np.ndarray:
    """The lag of the maximum."""
    return lags_s[r.argmax(-1)]


def centroid(lags_s: np.ndarray, r: np.ndarray) -> np.ndarray:
    """The centre of gravity of what stands above half the maximum, contiguous with it; r (..., lag) -> (...) in s."""
    weight = _upper_half(r)
    return (weight * lags_s).sum(-1) / weight.sum(-1)


def half_area(lags_s: np.ndarray, r: np.ndarray) -> np.ndarray:
    """The lag that halves the area of what stands above half the maximum (Kiesel 2008); r (..., lag) -> (...) in s."""
    area = _upper_half(r).cumsum(-1)
    half = 0.5 * area[..., -1:]
    at = (area < half).sum(-1, keepdims=True)
    over = np.take_along_axis(area, at, -1)
    before = np.where(at > 0, np.take_along_axis(area, np.maximum(at - 1, 0), -1), 0)
    share = (half - before) / (over - before)
    step = lags_s[1] - lags_s[0]
    return np.asarray((lags_s[at] + (share - 0.5) * step)[..., 0])


def _upper_half(r: np.ndarray) -> np.ndarray:
    first, last = (edge[..., None] for edge in region(r, 0.5))
    index = np.arange(r.shape[-1])
    top = r.max(-1, keepdims=True)
    weight = np.where((index >= first) & (index <= last), r - top + 0.5 * np.abs(top), 0)
    # A maximum of exactly 0 leaves no weight anywhere; the maximum itself is then all there is.
    return np.where(weight.sum(-1, keepdims=True) > 0, weight, index == r.argmax(-1)[..., None])


RULES: dict[str, Rule] = {
    "centroid": centroid,
    "half area": half_area,
    "published": published,
    "contiguous": contiguous,
    "contiguous 0.90": partial(contiguous, level=0.90),
    "contiguous 0.98": partial(contiguous, level=0.98),
    "maximum": highest,
}
"""By name.  What each is worth is measured in docs/validation.md."""

TITLES = {
    "centroid": "centroid of the upper half",
    "half area": "half of the upper area",
    "published": "all lags at 95 % (T_max)",
    "contiguous": "lags around the maximum at 95 %",
    "contiguous 0.90": "the same at 90 %",
    "contiguous 0.98": "the same at 98 %",
    "maximum": "highest lag",
}
"""What a person reads."""

SMOOTH = ("centroid", "half area")
"""Rules that change little when the curve does, so that leaving out blocks of words tells their error.  They are read
off curves without the noise of the decoders; see `without_noise`."""


def latency(rule: str, lags_s: np.ndarray, r: np.ndarray, noise: np.ndarray | None = None) -> np.ndarray:
    """Read latencies off curves.

    Parameters
    ----------
    rule : str
        One of RULES.
    lags_s : array, shape (lag,)
    r : array, shape (..., layer, lag)
    noise : array, shape (layer,), optional
        Noise of the decoders; smooth rules take it out of the curves.

    Returns
    -------
    array, shape (..., layer)
        Seconds: between the lags, save for the published rule, which knows lags alone.
    """
    if rule == "published":
        return published(lags_s, r)
    if rule in SMOOTH and noise is not None:
        r = without_noise(r, noise)
    fine, matrix = _spline(tuple(lags_s.tolist()))
    return RULES[rule](fine, r @ matrix)


def noise_of_decoders(r: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """How much noise decoders hold, from what R loses where they are fitted to half of the words.

    A decoder of n words is a decoder of endless words plus noise of variance c in proportion to 1 / n, so that
    R(n) = R^2 / sqrt(R^2 + c) for the R of endless words.  The ratio of R at n and n / 2 words, over the upper halves
    of all layers' curves together, gives c / R^2; with it the R at each layer's maximum gives its c.

    Parameters
    ----------
    r : array, shape (layer, lag)
    halves : array, shape (half, layer, lag)

    Returns
    -------
    array, shape (layer,)
        c, in units of squared R.
    """
    top = np.maximum(r.max(-1, keepdims=True), 0)
    upper = (r >= 0.5 * top) & (top > 0)
    if not upper.any():
        return np.zeros(len(r))
    kept = np.clip((halves.mean(0)[upper].sum() / r[upper].sum()) ** 2, 0.5 + 1e-3, 1)
    share = (1 - kept) / (2 * kept - 1)
    return np.asarray(share * (1 + share) * top[:, 0] ** 2)


def without_noise(r: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """R (..., layer, lag) as decoders of endless words would give it; see `noise_of_decoders`.

    R of noisy decoders falls with the square of a weak answer, so that curves are too narrow: what is read off their
    middle then exaggerates differences between layers.
    """
    size, c = np.abs(r), noise[:, None]
    return np.sign(r) * np.sqrt((size**2 + size * np.sqrt(size**2 + 4 * c)) / 2)


@lru_cache(maxsize=8)
def _spline(lags_s: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Finer lags, and the matrix (lag, fine lag) of a cubic spline to them."""
    from scipy.interpolate import CubicSpline  # takes a third of a second to import

    steps = max(round((lags_s[1] - lags_s[0]) / FINE_STEP_S), 1)
    fine = np.interp(np.arange((len(lags_s) - 1) * steps + 1) / steps, np.arange(len(lags_s)), lags_s)
    return fine, np.ascontiguousarray(CubicSpline(lags_s, np.eye(len(lags_s)))(fine).T)
