"""Outlook: how many more words an effect that is below its limit needs, from the data's own scaling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from rtalign.core.text.translation import tr
from rtalign.scoring.curves import Curves
from rtalign.scoring.latency import without_noise
from rtalign.scoring.nulls import layer_threshold

AROUND_S = 0.15
"""How far an answer is taken to reach to either side of its peak."""
DRAWS = 300
"""Null draws that are used at most."""
TAIL = 0.025
"""Of the 95 % interval, on either side."""
MOST = 1e4
"""A strength beyond which no limit is looked for, in units of the limit; and words that say no more than "endless"."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """How many times the words scored now, under the same conditions, layers below their limit need.

    Attributes
    ----------
    n_layers : int
        How many layers are below their limit.
    times : float or None
        With so many times the words a layer passes its limit as likely as not; None where what is seen is no more than
        chance shows, so that nothing can be foretold.
    low, high : float or None
        Ends of the 95 % interval of `times`; a high end of None is open.
    """

    n_layers: int
    times: float | None
    low: float | None
    high: float | None


def outlook(curves: Curves) -> Outlook | None:
    """Extrapolate the layers that are below their limit; None where there are none.

    The highest R of a curve holds the highest of its noise.  What strength of an answer shows such maxima, on average
    over these layers, is read off the null draws with an answer of each strength added to them where the curve is
    highest: the strength whose mean is what is seen, and those of which it is in either tail.  With m times the words
    the limit is 1 / sqrt(m) of what it is.  Decoders that are fitted to the words improve with them, by
    R(n) = R^2 / sqrt(R^2 + c); those of a bank stay as they are.

    Parameters
    ----------
    curves : Curves
        Without draws there is no outlook.

    Returns
    -------
    Outlook or None
    """
    if not len(curves.null):
        return None
    threshold, maxima = layer_threshold(curves.null), curves.r.max(-1)
    below = ~(maxima > threshold)
    if not below.any():
        return None
    shown = partial(_shown, *_noise(curves, below))
    n, seen, limit = int(below.sum()), float(maxima[below].mean()), float(threshold[below].mean())
    needed = _strength(shown, _mean, limit, MOST * limit)
    noise = None if curves.halves is None or curves.noise is None else float(np.mean(curves.noise[below]))
    times = [_times(_strength(shown, read, seen, MOST * limit), needed, noise) for read in (_mean, _low, _high)]
    return Outlook(n, *times) if times[0] is not None else Outlook(n, None, times[1], None)


def _noise(curves: Curves, below: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Null draws where the curves are highest (draw, layer, near lag), the shape of an answer there (layer, near lag),
    and the maxima of the draws elsewhere (draw, layer)."""
    lags_s, at = curves.lags_s, curves.r[below].argmax(-1)
    away = (lags_s - lags_s[at][:, None]) / AROUND_S
    near = np.abs(away) < 1
    # As many lags for each layer; those beyond an answer's reach have none of it.
    order = np.argsort(np.abs(away), axis=-1, kind="stable")[:, : int(near.sum(-1).max())]
    shape = np.cos(np.clip(np.take_along_axis(away, order, -1), -1, 1) * np.pi / 2) ** 2
    null = curves.null[:: -(-len(curves.null) // DRAWS), below].astype(float)
    return np.take_along_axis(null, order[None], -1), shape, np.where(near, -np.inf, null).max(-1)


def _shown(null: np.ndarray, shape: np.ndarray, elsewhere: np.ndarray, strength: float) -> np.ndarray:
    """(draw,): the mean over layers of the maxima that an answer of this strength shows."""
    return np.asarray(np.maximum((null + strength * shape).max(-1), elsewhere).mean(-1))


def _mean(shown: np.ndarray) -> float:
    return float(shown.mean())


def _high(shown: np.ndarray) -> float:
    return float(np.quantile(shown, 1 - TAIL))


def _low(shown: np.ndarray) -> float:
    return float(np.quantile(shown, TAIL))


def _strength(
    shown: Callable[[float], np.ndarray], read: Callable[[np.ndarray], float], seen: float, reach: float
) -> float:
    """The strength of which `read` of what is shown is what was seen; 0 where even none shows more."""
    low, high = 0.0, reach
    if read(shown(0.0)) >= seen:
        return 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if read(shown(middle)) < seen else (low, middle)
    return (low + high) / 2


def _times(strength: float, needed: float, noise: float | None) -> float | None:
    """How many times the words make an answer of this strength as strong, beside the limit, as is needed now.

    noise : c of decoders fitted to as many words; None where decoders stay as they are.
    """
    if strength <= 0:
        return None
    if noise is None:
        found = (needed / strength) ** 2
    else:
        endless = float(without_noise(np.array([[strength]]), np.array([noise]))[0, 0])
        # m R^4 / (R^2 + c / m) = needed^2, a quadratic in m.
        square, goal = endless**2, needed**2
        found = (goal * square + np.sqrt((goal * square) ** 2 + 4 * square**2 * goal * noise)) / (2 * square**2)
    return float(found) if found < MOST else None


def outlook_text(found: Outlook, n_words: int, minutes: float | None) -> str:
    """What an outlook says, as a sentence: how many more words, or minutes where it is known how many there were.

    n_words, minutes : scored now, and how long these took.
    """
    layers = (
        tr("1 layer is not above chance")
        if found.n_layers == 1
        else tr("{n:,} layers are not above chance", n=found.n_layers)
    )
    if found.times is None:
        return tr(
            "{layers}, and what is seen there is no more than chance shows: how much more is needed cannot be told.",
            layers=layers,
        )

    def more(times: float) -> str:
        grown = max(times - 1, 0)
        return f"{grown * minutes:,.0f}" if minutes else f"{round(grown * n_words, -2):,.0f}"

    low, high = more(found.low or 1), None if found.high is None else more(found.high)
    end = tr("{low} or more", low=low) if high is None else tr("{low} to {high}", low=low, high=high)
    amount = more(found.times)
    about = tr("about {n} more minutes of the same kind", n=amount) if minutes else tr("about {n} more words", n=amount)
    return tr(
        "{layers}; at the data\u2019s own scaling {about} (95 % interval {end}) give an even chance of passing the "
        "limit.",
        layers=layers, about=about, end=end,
    )  # fmt: skip
