"""Unique R: what signal and layers share beyond the nuisances, with its own null, intervals and ladder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rtalign.core.machine import worker_count
from rtalign.core.parallel import run_ordered
from rtalign.core.progress import Progress
from rtalign.core.recipe import FitRecipe
from rtalign.decoding import ridge
from rtalign.decoding.moments import Moments, Precision
from rtalign.decoding.partialling import carry, nuisance_axes, partialled_bases, partialled_rotations
from rtalign.scoring.curves import Curves
from rtalign.scoring.latency import noise_of_decoders
from rtalign.scoring.left_out import LeftOut
from rtalign.training.lag_fit import LagTargets, LagWords, fit_words, search_penalties, searched_lags


@dataclass(frozen=True, slots=True, eq=False)
class UniqueInputs:
    """What the fit of unique R needs.

    Attributes
    ----------
    read : callable
        From the index of a lag to the signal (word of the fold, sensor) of each fold.
    lags_s : ndarray, shape (lag,)
        The lags.
    nuisances : sequence of ndarray, shape (word of the fold, nuisance)
        One a fold.
    targets : LagTargets
        With the nuisances partialled out; see `partialled_targets`.
    recipe : FitRecipe
        As in the plain fit.
    lag_bytes : float
        Memory that one lag takes.
    """

    read: Callable[[int], Sequence[np.ndarray]]
    lags_s: np.ndarray
    nuisances: Sequence[np.ndarray]
    targets: LagTargets
    recipe: FitRecipe
    lag_bytes: float = 0.0


def partialled_targets(
    values: Sequence[np.ndarray],
    nuisances: Sequence[np.ndarray],
    n_layers: int,
    components: int,
    blocks: Sequence[Sequence[slice]],
    recipe: FitRecipe,
) -> LagTargets:
    """Targets that carry the nuisances; each fold's components are those of residuals, from the other folds' words."""
    carried = [carry(y, z, n_layers) for y, z in zip(values, nuisances, strict=True)]
    find = partial(partialled_rotations, n=nuisances[0].shape[1])
    return LagTargets.of(carried, n_layers, components, blocks, recipe, find_rotations=find)


def fit_unique(inputs: UniqueInputs, layers: Sequence[int], n_layers: int, progress: Progress) -> Curves:
    """Curves of unique R, by the same route as plain R.

    Parameters
    ----------
    inputs : UniqueInputs
        Signal, nuisances and targets.
    layers : sequence of int
        Hidden states decoded.
    n_layers : int
        Hidden states of the model.
    progress : Progress
        Shows the lags.

    Returns
    -------
    Curves
    """
    lags, workers = range(len(inputs.lags_s)), worker_count(inputs.lag_bytes)
    axes = nuisance_axes([_moments(z, "float64") for z in inputs.nuisances])
    penalties = None
    if inputs.recipe.penalties == "shared":
        chosen = searched_lags(len(lags))
        with progress.stage("control penalties", len(chosen), "lags") as stage:
            tested = _each(partial(_at_lag, inputs, axes, search_penalties), chosen, workers, stage.advance)
        penalties = ridge.shared_penalties(tested, inputs.recipe.alphas)
    with progress.stage("control decoders", len(lags), "lags") as stage:
        fit = partial(_scores, penalties=penalties)
        scores = _each(partial(_at_lag, inputs, axes, fit), lags, workers, stage.advance)
    return _curves(inputs, scores, layers, n_layers)


def _each(step: Callable[[int], Any], lags: Sequence[int], workers: int, advance: Callable[[], None]) -> list[Any]:
    found = []
    for result in run_ordered([partial(step, index) for index in lags], workers):
        found.append(result)
        advance()
    return found


def _at_lag(
    inputs: UniqueInputs, axes: Mapping[tuple[int, ...], np.ndarray], step: Callable[[LagWords], Any], index: int
) -> Any:
    """Do a step with the signal of one lag and the nuisances in front of it."""
    signals = [carry(x, z) for x, z in zip(inputs.read(index), inputs.nuisances, strict=True)]
    precision = inputs.recipe.precision
    sensors = [_moments(x, precision) for x in signals]
    bases = partialled_bases(sensors, axes, precision)
    return step(LagWords(signals, inputs.targets, inputs.recipe, sensors, bases))


def _moments(values: np.ndarray, precision: Precision) -> Moments:
    return Moments.from_data(values, np.empty((len(values), 0), np.float32), precision)


def _scores(words: LagWords, penalties: np.ndarray | None) -> dict[str, np.ndarray]:
    """What is kept of `fit_words` at one lag: all of it would fill the memory."""
    found = fit_words(words, penalties)
    return {name: getattr(found, name) for name in ("r", "null", "left_out", "excess", "halves")}


def _curves(
    inputs: UniqueInputs, scores: Sequence[Mapping[str, np.ndarray]], layers: Sequence[int], n_layers: int
) -> Curves:
    r, null, without, excess, halves = (
        np.stack([score[name] for score in scores], axis=-1) for name in ("r", "null", "left_out", "excess", "halves")
    )
    left_out = LeftOut.of(without, inputs.targets.block_words, excess)
    index, noise = np.asarray(layers), noise_of_decoders(r, halves)
    return Curves(inputs.lags_s, index, index / max(n_layers - 1, 1), r, null, left_out, noise, halves)
