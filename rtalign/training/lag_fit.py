"""The fit of one lag: decoders, their cross-validated scores, what chance reaches, and how sure the scores are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from rtalign.core.recipe import FitRecipe
from rtalign.decoding import ridge
from rtalign.decoding.block_scores import BlockSums, FoldBlocks, block_scores
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.penalties import EigenBasis, HeldOut
from rtalign.decoding.projection import leading_rotation
from rtalign.scoring.cross_validated import Draws, Prepared, score
from rtalign.scoring.sign_flips import draw_signs, null_of_pairs

SEARCH_STEP = 4
"""Every so many lags are searched for penalties that all lags share; an answer lasts longer than that."""


@dataclass(frozen=True, slots=True, eq=False)
class LagTargets:
    """The targets of all words, fold by fold, with all that does not depend on the lag.

    Attributes
    ----------
    values : sequence of ndarray, shape (word of the fold, layer x wide)
        One a fold.
    moments : sequence of Moments
        Of the targets alone, one a fold.
    rotations : FoldRotations
        Of the wide basis, per fold and final.
    blocks : sequence of sequence of slice
        Stretches of neighbouring words of each fold.
    components : sequence of BlockSums
        Of the targets of each fold's decoders, by block.
    shifts : tuple of Draws and Prepared, or None
        For the null of shuffled folds alone.
    """

    values: Sequence[np.ndarray]
    moments: Sequence[Moments]
    rotations: ridge.FoldRotations
    blocks: Sequence[Sequence[slice]]
    components: Sequence[BlockSums]
    shifts: tuple[Draws, Prepared] | None

    @classmethod
    def of(
        cls,
        values: Sequence[np.ndarray],
        n_layers: int,
        n_components: int,
        blocks: Sequence[Sequence[slice]],
        recipe: FitRecipe,
        earlier: Sequence[Moments] = (),
        find_rotations: Callable[[Sequence[Moments], int], ridge.FoldRotations] | None = None,
    ) -> LagTargets:
        """Compute the rest from the values; `earlier` holds the sums of words fitted before, one a fold.

        `find_rotations` finds each fold's components where these are not principal ones of the values themselves.
        """
        own = [Moments.from_data(np.empty((len(y), 0), np.float32), y, "float64", groups=n_layers) for y in values]
        total = [m + before for m, before in zip(own, earlier, strict=True)] if earlier else own
        rotations = (find_rotations or _rotations)(total, n_components)
        turned = [rotate(y, r.astype(np.float32)) for y, r in zip(values, rotations.outer, strict=True)]
        sums = [BlockSums.of(y, of_fold) for y, of_fold in zip(turned, blocks, strict=True)]
        shifts = None
        if recipe.fold_kind == "legacy":
            draws = Draws.plan(np.repeat(np.arange(len(values)), [len(y) for y in values]), n_layers, recipe)
            shifts = draws, draws.prepare(turned)
        return cls(values, own, rotations, blocks, sums, shifts)

    @property
    def n_layers(self) -> int:
        """How many layers are decoded."""
        return len(self.rotations.final)

    @property
    def block_words(self) -> list[int]:
        """Number of words of each block, fold by fold."""
        return [rows.stop - rows.start for of_fold in self.blocks for rows in of_fold]


def _rotations(moments: Sequence[Moments], components: int) -> ridge.FoldRotations:
    """Each fold's principal components, from the other folds' words alone; the final ones from all words."""
    others = [reduce(add, (m for i, m in enumerate(moments) if i != k)) for k in range(len(moments))]
    final = np.zeros((*moments[0].yy.shape[:2], components))
    final[:, np.arange(components), np.arange(components)] = 1  # the wide basis is in order of variance already
    return ridge.FoldRotations([leading_rotation(m.yy, components) for m in others], final)


@dataclass(frozen=True, slots=True, eq=False)
class LagFit:
    """The fit of one lag.

    Attributes
    ----------
    moments : sequence of Moments
        One a fold.
    fit : RidgeFit
        Decoders and their scores.
    r : ndarray, shape (layer,)
        Mean over folds and targets.
    predicted : sequence of ndarray, shape (word of the fold, target)
        Held-out predictions, one a fold.
    null : ndarray, shape (draw, layer)
        R of unrelated words.
    left_out : ndarray, shape (block, layer)
        R without one block of words, decoders refitted.
    retrained : ndarray, shape (block, layer)
        R of all words by decoders that were not trained on one block.
    excess : ndarray, shape (layer,)
        By how much leaving out blocks makes the variance of R too large.
    halves : ndarray, shape (2, layer)
        R of half of the words.
    """

    moments: Sequence[Moments]
    fit: ridge.RidgeFit
    r: np.ndarray
    predicted: Sequence[np.ndarray]
    null: np.ndarray
    left_out: np.ndarray
    retrained: np.ndarray
    excess: np.ndarray
    halves: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class LagWords:
    """The words of one lag, and what is known of their sums.

    Attributes
    ----------
    signals : sequence of ndarray, shape (word of the fold, sensor)
        One a fold.
    targets : LagTargets
        Of the same words.
    recipe : FitRecipe
        Penalties, draws and precision.
    sensors : sequence of Moments
        Of the signals alone, one a fold; empty where they are not known.
    bases : mapping or None
        `eigen_bases` of all words, where they are known.
    earlier : sequence of Moments
        Sums of words fitted before, one a fold; empty where there are none.
    device : str
        Of the search for penalties.
    """

    signals: Sequence[np.ndarray]
    targets: LagTargets
    recipe: FitRecipe
    sensors: Sequence[Moments] = ()
    bases: Mapping[tuple[int, ...], EigenBasis] | None = None
    earlier: Sequence[Moments] = ()
    device: str = "cpu"

    def moments(self) -> list[Moments]:
        """Of each fold's words."""
        targets = self.targets
        sensors: Sequence[Moments | None] = self.sensors or [None] * len(self.signals)
        known = zip(self.signals, targets.values, targets.moments, sensors, strict=True)
        return [
            Moments.from_data(x, y, self.recipe.precision, targets.n_layers, same_y=of_y, same_x=of_x)
            for x, y, of_y, of_x in known
        ]

    def with_earlier(self, own: Sequence[Moments]) -> list[Moments]:
        """Moments of these words and of those fitted before, together."""
        return [m + before for m, before in zip(own, self.earlier, strict=True)] if self.earlier else list(own)


def fit_words(words: LagWords, penalties: np.ndarray | None = None) -> LagFit:
    """Fit the decoders of one lag and score them on held-out words.

    Parameters
    ----------
    words : LagWords
        The words.
    penalties : ndarray, shape (fold + 1, target), optional
        Chosen before, for all lags; else they are chosen for this lag.

    Returns
    -------
    LagFit
    """
    signals, targets, recipe = words.signals, words.targets, words.recipe
    own = words.moments()
    total = words.with_earlier(own)
    bases = ridge.eigen_bases(total, recipe.precision) if words.bases is None else words.bases
    fit = ridge.fit_ridge(
        total, recipe.alphas, targets.rotations, recipe.precision, words.device, bases=bases, penalties=penalties
    )
    predicted = [x @ w + b for x, w, b in zip(signals, fit.weights, fit.bias, strict=True)]
    r = fit.r.reshape(len(fit.r), targets.n_layers, -1).mean(axis=(0, 2))
    parts = zip(signals, targets.values, targets.blocks, own, predicted, targets.components, strict=True)
    blocks = block_scores([FoldBlocks.of(*fold) for fold in parts], fit.alpha, bases, targets.rotations)
    if targets.shifts:
        draws, drawn = targets.shifts
        null = score(draws, predicted, drawn).null
    else:
        null = null_of_pairs(blocks.pairs, draw_signs(recipe.null_draws, blocks.pairs.shape[1], recipe.seed))
    # The change by a block; R itself comes from the sums of all words, earlier ones as well.
    left_out, retrained, halves = (
        r + values - blocks.whole for values in (blocks.left_out, blocks.retrained, blocks.halves)
    )
    return LagFit(total, fit, r, predicted, null, left_out, retrained, blocks.excess, halves)


def search_penalties(words: LagWords) -> list[HeldOut]:
    """Test every penalty at one lag, as `ridge.try_penalties`."""
    recipe, total = words.recipe, words.with_earlier(words.moments())
    return ridge.try_penalties(
        total, recipe.alphas, words.targets.rotations, recipe.precision, words.device, bases=words.bases
    )


def searched_lags(n_lags: int) -> range:
    """The lags at which penalties that all lags share are searched."""
    return range(0, n_lags, SEARCH_STEP)


def null_method(recipe: FitRecipe) -> dict[str, Any]:
    """Which null a bank has, for its summary.

    Shuffled folds share signal with each other, which no block of theirs is free of; they keep the shifts.
    """
    return {"method": "shifts" if recipe.fold_kind == "legacy" else "signs", "draws": recipe.null_draws}
