"""The static twin: what R the brain's decoders show on a brain that answers to nothing but the nuisances.

A decoder's prediction of a held-out word has a part that the nuisances explain, and a rest.  Both parts agree with the
targets to some degree, and over the norms of the whole prediction the two degrees add up to R.  The first is R of the
twin: a brain whose answers are those that word timing, word form and static vectors explain, under as much noise.  Its
share of R needs no context and no depth.

Why the held-out words' own coefficients: a decoder follows the noise of the words it was trained on, in signal and
targets; coefficients from those words would take that for an answer, and R of the twin would be above 0 where nothing
is related.  Decoders know nothing of the held-out words.  As many random columns as there are nuisances would hold a
part of everything that predictions and targets share; that part is taken off, as in an adjusted share of variance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.agreement import Agreement
from rtalign.decoding.block_moments import BlockMoments
from rtalign.decoding.controls.partialling import ROUNDING, FoldNuisances, whitening_axes

WHOLE = "all"
"""The group of all nuisances."""


@dataclass(frozen=True, slots=True, eq=False)
class TwinScores:
    """R of the twin at one lag.

    Attributes
    ----------
    r : dict of str to ndarray, shape (layer,)
        Of the twin that each group of nuisances alone makes, and of that of all.
    left_out : ndarray, shape (block, layer)
        Of all nuisances, without each block of the words that are scored.
    without : dict of str to ndarray, shape (layer,)
        R of the plain decoders with each group of nuisances alone, and all, taken out of held-out predictions and
        targets: partial correlations.
    """

    r: dict[str, np.ndarray]
    left_out: np.ndarray
    without: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class StaticTwin:
    """What the twin needs that does not depend on the lag.

    Attributes
    ----------
    columns : dict of str to slice
        Nuisances of each group.
    axes : dict of str to sequence of ndarray
        `whitening_axes` of each group in the words of each fold.
    held : sequence of sequence of BlockMoments
        Of the nuisances with the components of the plain decoders' targets, fold by fold.
    of_targets : dict of str to sequence of ndarray, shape (direction, target)
        Inner products of each group's axes with these targets, fold by fold.
    components : int
        Targets of each layer.
    """

    columns: Mapping[str, slice]
    axes: Mapping[str, Sequence[np.ndarray]]
    held: Sequence[Sequence[BlockMoments]]
    of_targets: Mapping[str, Sequence[np.ndarray]]
    components: int

    @classmethod
    def of(
        cls,
        targets: Sequence[np.ndarray],
        nuisances: Sequence[FoldNuisances],
        groups: Mapping[str, slice],
        components: int,
    ) -> StaticTwin:
        """From the targets (word of the fold, target) that the words of each fold are scored on."""
        held = [
            [BlockMoments.from_data(own.values[rows], y[rows], "float64") for rows in own.rows]
            for y, own in zip(targets, nuisances, strict=True)
        ]
        columns = {**groups, WHOLE: slice(None)}
        inner = [own.moments.xx for own in nuisances]
        axes = {name: [whitening_axes(zz[own, own]) for zz in inner] for name, own in columns.items()}
        with_targets = [
            (own.values - own.moments.mean_x).astype(np.float64).T @ (y - y.mean(0, dtype=np.float64))
            for y, own in zip(targets, nuisances, strict=True)
        ]
        of_targets = {
            name: [of_fold.T @ zy[own] for of_fold, zy in zip(axes[name], with_targets, strict=True)]
            for name, own in columns.items()
        }
        return cls(columns, axes, held, of_targets, components)

    def score(self, carried: Sequence[np.ndarray], agreements: Sequence[Agreement]) -> TwinScores:
        """R of the twin by the plain decoders of one lag.

        Parameters
        ----------
        carried : sequence of ndarray, shape (nuisance, target)
            Inner products of nuisances and held-out predictions, one a fold.
        agreements : sequence of Agreement
            Of the predictions with the targets, one a fold.

        Returns
        -------
        TwinScores
        """
        parts: dict[str, list[np.ndarray]] = {name: [] for name in self.columns}
        partial: dict[str, list[np.ndarray]] = {name: [] for name in self.columns}
        changes: list[np.ndarray] = []
        for k, blocks in enumerate(self.held):
            norm = np.sqrt(agreements[k].pp * agreements[k].yy)
            norm = np.divide(1 / len(self.held), norm, out=np.zeros_like(norm), where=norm > 0)
            for name, own in self.columns.items():
                axes = self.axes[name][k]
                of_p, of_y = axes.T @ carried[k][own], self.of_targets[name][k]
                products = np.einsum("dt,dt->t", of_p, of_y)
                partial[name].append(self._partial(agreements[k], products, of_p, of_y))
                # Any so many directions of the words hold this part of what predictions and targets share.
                random = axes.shape[1] / (agreements[k].n - 1 - axes.shape[1])
                parts[name].append((products + random * (products - agreements[k].py)) * norm)
            # Over the norms that the words left would have if they were like the others.
            n = np.array([block.n for block in blocks])[:, None]
            rest = _without_blocks(blocks, axes @ of_p, products)
            changes.append((1 + random) * (rest * (n.sum() / (n.sum() - n)) - products) * norm)
        whole = np.sum(parts[WHOLE], axis=0)
        n_layers = len(whole) // self.components
        r = {name: np.sum(own, axis=0).reshape(n_layers, -1).mean(1) for name, own in parts.items()}
        without = {name: np.mean(own, axis=0).reshape(n_layers, -1).mean(1) for name, own in partial.items()}
        left_out = whole + np.concatenate(changes)
        return TwinScores(r, left_out.reshape(len(left_out), n_layers, -1).mean(2), without)

    def _partial(self, agreement: Agreement, products: np.ndarray, of_p: np.ndarray, of_y: np.ndarray) -> np.ndarray:
        """(target,): correlation of predictions and targets less what nuisances explain of them.

        products : (target,) of what they explain.    of_p, of_y : (direction, target), inner products with each.
        """
        pp, yy = agreement.pp - (of_p**2).sum(0), agreement.yy - (of_y**2).sum(0)
        whole = np.repeat(agreement.yy.reshape(-1, self.components).sum(1), self.components)
        left = np.sqrt(np.maximum(pp, 0) * np.maximum(yy, 0))
        kept = (yy > ROUNDING * whole) & (left > 0)
        return np.divide(agreement.py - products, left, out=np.zeros_like(left), where=kept)


def _without_blocks(blocks: Sequence[BlockMoments], weights: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """(block, target): products of weighted nuisances with targets without each block; whole (target,), with all."""
    n = np.array([block.n for block in blocks], float)[:, None]
    z, y = (np.stack([getattr(block, name) for block in blocks]) for name in ("mean_x", "mean_y"))
    p, y = ((part - (n * part).sum(0) / n.sum()) for part in (z @ weights, y))
    inside = np.stack([np.einsum("zt,zt->t", weights, block.xy) for block in blocks]) + n * p * y
    return np.asarray(whole - inside - n**2 / (n.sum() - n) * p * y)
