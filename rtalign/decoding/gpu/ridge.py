"""Ridge regression from moments on a GPU, as `ridge` has it: penalties tried, decoders fitted and scored, in float64.

Directions come from the processor, whose cores find them side by side.  Each penalty is tried by itself: a processor
saves its products by an identity (`penalties.try_held_out`), a GPU makes them in less time than their sums take there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import torch

from rtalign.core.agreement import Agreement
from rtalign.core.gpu_copies import to_device, to_host
from rtalign.decoding.gpu.products import GpuTargets, pad_bases
from rtalign.decoding.moments import Moments, Precision
from rtalign.decoding.penalties import EigenBasis, HeldOut, descending, least_losses, target_spread, turned_squares
from rtalign.decoding.ridge import FoldRotations, RidgeFit, correlation


def try_penalties(
    folds: Sequence[Moments],
    alphas: Sequence[float],
    rotations: FoldRotations,
    bases: Mapping[tuple[int, ...], EigenBasis],
    gpu: GpuTargets,
    *,
    final: bool = True,
) -> list[HeldOut]:
    """Test every penalty inside each training set, as `rtalign.decoding.ridge.try_penalties`.

    Parameters
    ----------
    folds : sequence of Moments
        Of the words of each fold.
    alphas : sequence of float
        Penalties tried.
    rotations : FoldRotations
        Each fold's components of the wide targets.
    bases : mapping
        `eigen_bases` of the folds.
    gpu : GpuTargets
        Where to compute, and how many lags at a time.
    final : bool
        Whether penalties of the final decoder are wanted.

    Returns
    -------
    list of HeldOut
        One for each fold's decoder and one for the final decoder.
    """
    grid, turns = descending(alphas), [*rotations.outer, rotations.final][: len(folds) + final]
    tests = [test for test in _tests(len(folds)) if test[2] < len(turns)]
    with gpu.turn:
        sets = _TrainingSets(turns, folds, bases, [chosen for chosen, *_ in tests], gpu)
        held, decoder = (to_device([test[i] for test in tests], gpu.device) for i in (1, 2))
        products, squares = (
            fetch() for fetch in map(to_host, sets.held_out(held, decoder, to_device(grid, gpu.device)))
        )
    total = Moments.sum(folds)
    units = [target_spread(total, turn) ** 2 for turn in turns]
    return [HeldOut(p / unit, s / unit) for p, s, unit in zip(products, squares, units, strict=True)]


def fit_ridge(
    folds: Sequence[Moments],
    alphas: Sequence[float],
    rotations: FoldRotations,
    dtype: Precision,
    bases: Mapping[tuple[int, ...], EigenBasis],
    penalties: np.ndarray | None,
    gpu: GpuTargets,
) -> RidgeFit:
    """Fit every fold's decoder and the final one, as `rtalign.decoding.ridge.fit_ridge`.

    Parameters
    ----------
    folds : sequence of Moments
        Of the words of each fold.
    alphas : sequence of float
        Penalties tried, where none are given.
    rotations : FoldRotations
        Each fold's components of the wide targets.
    dtype : {"float32", "float64"}
        Of the weights.
    bases : mapping
        `eigen_bases` of the folds.
    penalties : ndarray, shape (fold + 1, target), or None
        Of each fold's decoder and the final one.
    gpu : GpuTargets
        Where to compute, and how many lags at a time.

    Returns
    -------
    RidgeFit
    """
    if penalties is None:
        penalties = least_losses(try_penalties(folds, alphas, rotations, bases, gpu), descending(alphas))
    n_folds = len(folds)
    chosen = [*(tuple(f for f in range(n_folds) if f != k) for k in range(n_folds)), tuple(range(n_folds))]
    with gpu.turn:
        sets = _TrainingSets([*rotations.outer, rotations.final], folds, bases, chosen, gpu)
        weights, bias, *scores = (fetch() for fetch in sets.fit(to_device(penalties, gpu.device), dtype))
    agreements = [
        Agreement(fold.n, away, np.maximum(predicted, 0.0), turned_squares(fold.yy, turn), together)
        for fold, turn, away, predicted, together in zip(folds, rotations.outer, *scores, strict=True)
    ]
    r = np.stack([correlation(agreement) for agreement in agreements]).astype(dtype)
    return RidgeFit(r, penalties[:-1], weights[:-1], bias[:-1], penalties[-1], weights[-1], bias[-1], tuple(agreements))


def _tests(n_folds: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Training set, held-out fold and decoder that each test is for; see `ridge.try_penalties`."""
    folds = range(n_folds)
    for j, k in combinations(folds, 2):
        chosen = tuple(f for f in folds if f not in (j, k))
        yield chosen, j, k
        yield chosen, k, j
    for k in folds:
        yield tuple(f for f in folds if f != k), k, n_folds


class _TrainingSets:
    """Moments of all folds on a device, their targets turned for each decoder, and the directions of training sets.

    turns : (layer, wide, component), one a decoder.    chosen : the folds of each training set.
    """

    def __init__(
        self,
        turns: Sequence[np.ndarray],
        folds: Sequence[Moments],
        bases: Mapping[tuple[int, ...], EigenBasis],
        chosen: Sequence[tuple[int, ...]],
        gpu: GpuTargets,
    ) -> None:
        distinct = list(dict.fromkeys(chosen))
        values, axes = pad_bases([bases[one] for one in distinct])
        within = np.array([[float(fold in one) for fold in range(len(folds))] for one in distinct])
        means = [np.stack([getattr(fold, name) for fold in folds]) for name in ("mean_x", "mean_y")]
        host = (*means, np.stack(turns), values, axes, within, np.array([float(fold.n) for fold in folds]))
        self.mean_x, mean_y, turn, self.values, self.axes, self.within, self.n = (
            to_device(part, gpu.device) for part in host
        )
        # One by one: to stack them would copy the most of what a lag sends once more.
        xx, xy = (torch.stack([to_device(getattr(fold, name), gpu.device) for fold in folds]) for name in ("xx", "xy"))
        by_layer = turn.shape[1:3]
        self.xx, self.set_of = xx, to_device([distinct.index(one) for one in chosen], gpu.device)
        self.mean_y = torch.einsum("flw,dlwc->dflc", mean_y.unflatten(1, by_layer), turn).flatten(2)
        self.xy = torch.einsum("fslw,dlwc->dfslc", xy.unflatten(2, by_layer), turn).flatten(3)
        share = self.within * self.n
        self.share = share / share.sum(1, keepdim=True)

    def held_out(
        self, held: torch.Tensor, decoder: torch.Tensor, grid: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(decoder, alpha, target): products of predictions and held-out targets, and squares of predictions.

        held, decoder : (test,), the fold that each training set is tried on, and for which decoder.    grid : (alpha,).
        """
        v, of, x, y, z = self._trained(decoder)
        tests = torch.arange(len(held), device=held.device)
        x, y = x[tests, held][:, :, None], y[tests, held][:, None]
        b = v @ (self.xy[decoder, held] + x * y)
        A = v @ (self.xx[held] + x * x.mT) @ v.mT
        found = torch.zeros((2, len(self.xy), len(grid), z.shape[2]), dtype=z.dtype, device=z.device)
        for i in range(len(grid)):
            weights = z / (of + grid[i])[:, :, None]
            found[0, :, i].index_add_(0, decoder, (weights * b).sum(1))
            found[1, :, i].index_add_(0, decoder, (weights * (A @ weights)).sum(1))
        return found[0], found[1]

    def fit(self, penalties: torch.Tensor, dtype: Precision) -> list[Callable[[], np.ndarray]]:
        """Weights and biases of all decoders, penalties (decoder, target); then of those of folds, (fold, target) each:
        distance of the means, squares of predictions, products of predictions and targets."""
        n_folds, precision = len(self.n), getattr(torch, dtype)
        every = torch.arange(n_folds + 1, device=self.n.device)
        v, of, *_, z = self._trained(every)
        weights = (v.mT @ (z / (of[:, :, None] + penalties[:, None]))).to(precision)
        w = weights.double()  # rounding of weights moves no prediction at the mean
        share = self.share[self.set_of]
        mean_y = (share[:, None] @ self.mean_y)[:, 0]
        bias = (mean_y - ((share @ self.mean_x)[:, None] @ w)[:, 0]).to(precision)
        folds, own = every[:-1], w[:-1]
        away = self.mean_y[folds, folds] - ((self.mean_x[:, None] @ own)[:, 0] + bias[:-1])
        predicted, together = (own * (self.xx @ own)).sum(1), (own * self.xy[folds, folds]).sum(1)
        return [to_host(part) for part in (weights, bias, away, predicted, together)]

    def _trained(self, decoder: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Of each training set, for these decoders: directions, their values, every fold's distance from the set's mean
        in signal and targets, and products of scores and targets."""
        chosen = self.set_of
        root = self.n.sqrt()[:, None]
        x = root * (self.mean_x - (self.share @ self.mean_x)[:, None])[chosen]
        y = root * (self.mean_y[decoder] - (self.share @ self.mean_y)[decoder, chosen][:, None])
        of_set = torch.einsum("sf,dfxt->dsxt", self.within, self.xy)[decoder, chosen]
        v = self.axes[chosen].mT
        return v, self.values[chosen], x, y, v @ (of_set + (self.within[chosen][:, :, None] * x).mT @ y)
