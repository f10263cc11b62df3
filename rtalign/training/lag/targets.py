"""The targets of all words, with all that does not depend on the lag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from rtalign.core.machine import cpu_count
from rtalign.core.parallel import run_ordered
from rtalign.core.recipe import FitRecipe
from rtalign.decoding import ridge
from rtalign.decoding.block_moments import BlockSums
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.projection import leading_rotation
from rtalign.scoring.cross_validated import Draws, Prepared

if TYPE_CHECKING:  # importing it would import torch
    from rtalign.decoding.gpu.products import GpuTargets

T = TypeVar("T")


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
    means : sequence of ndarray, shape (block, layer x wide)
        Of the values of each block, one a fold.
    components : sequence of BlockSums
        Of the targets of each fold's decoders, by block.
    shifts : tuple of Draws and Prepared, or None
        For the null of shuffled folds alone.
    """

    values: Sequence[np.ndarray]
    moments: Sequence[Moments]
    rotations: ridge.FoldRotations
    blocks: Sequence[Sequence[slice]]
    means: Sequence[np.ndarray]
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
        own = _each(partial(_target_moments, n_layers), values)
        total = [m + before for m, before in zip(own, earlier, strict=True)] if earlier else own
        rotations = (find_rotations or _rotations)(total, n_components)
        turned = _each(lambda y, turn: rotate(y, turn.astype(np.float32)), values, rotations.outer)
        sums = _each(BlockSums.of, turned, blocks)
        means = _each(_block_means, values, blocks)
        return cls(values, own, rotations, blocks, means, sums, shift_draws(turned, n_layers, recipe))

    def on(self, device: str, recipe: FitRecipe) -> GpuTargets | None:
        """The values in a GPU's memory; None for "cpu"."""
        if device == "cpu":
            return None
        from rtalign.decoding.gpu.products import GpuTargets

        return GpuTargets(self.values, self.blocks, device, recipe.precision)

    @property
    def n_layers(self) -> int:
        """How many layers are decoded."""
        return len(self.rotations.final)

    @property
    def block_words(self) -> list[int]:
        """Number of words of each block, fold by fold."""
        return [rows.stop - rows.start for of_fold in self.blocks for rows in of_fold]


def _each(work: Callable[..., T], *folds: Sequence[Any]) -> list[T]:
    """What work makes of each fold, the folds side by side."""
    return list(run_ordered([partial(work, *of_fold) for of_fold in zip(*folds, strict=True)], cpu_count()))


def _target_moments(n_layers: int, values: np.ndarray) -> Moments:
    return Moments.from_data(np.empty((len(values), 0), np.float32), values, "float64", groups=n_layers)


def _block_means(values: np.ndarray, blocks: Sequence[slice]) -> np.ndarray:
    return np.stack([values[rows].mean(0, dtype=np.float64) for rows in blocks])


def shift_draws(turned: Sequence[np.ndarray], n_layers: int, recipe: FitRecipe) -> tuple[Draws, Prepared] | None:
    """For the null of shuffled folds; None where there is a better one."""
    if recipe.fold_kind != "legacy":
        return None
    draws = Draws.plan(np.repeat(np.arange(len(turned)), [len(y) for y in turned]), n_layers, recipe)
    return draws, draws.prepare(turned)


def _rotations(moments: Sequence[Moments], components: int) -> ridge.FoldRotations:
    """Each fold's principal components, from the other folds' words alone; the final ones from all words."""
    others = [reduce(add, (m for i, m in enumerate(moments) if i != k)) for k in range(len(moments))]
    final = np.zeros((*moments[0].yy.shape[:2], components))
    final[:, np.arange(components), np.arange(components)] = 1  # the wide basis is in order of variance already
    return ridge.FoldRotations([leading_rotation(m.yy, components) for m in others], final)
