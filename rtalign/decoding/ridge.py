"""Ridge from moments: decoders whose penalties nested cross-validation chose, with their held-out scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rtalign.core.agreement import Agreement
from rtalign.decoding.moments import Moments, Precision, rotate
from rtalign.decoding.penalties import Basis, Search, choose


@dataclass(frozen=True, slots=True, eq=False)
class Rotations:
    """The principal components of each pipeline, fitted on its own training words.

    outer : one (layer, wide, component) a fold, fitted without the words of that fold.
    final : (layer, wide, component), fitted on all words.
    """

    outer: Sequence[np.ndarray]
    final: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Decoders of one lag, in the units of the data: predictions are X @ weights + bias.

    Fold k's decoder never saw the words of fold k; r is its Pearson correlation on them.

    r, alpha, bias : (fold, target).    weights : (fold, sensor, target).
    agreements : of each fold's predictions with its held-out targets.
    final_alpha, final_bias : (target,).    final_weights : (sensor, target), fitted on all words.
    """

    r: np.ndarray
    alpha: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    final_alpha: np.ndarray
    final_weights: np.ndarray
    final_bias: np.ndarray
    agreements: tuple[Agreement, ...]


def fit(
    folds: Sequence[Moments],
    alphas: Sequence[float] | np.ndarray,
    rotations: Rotations | None = None,
    dtype: Precision = "float32",
    device: str = "cpu",
    known: Mapping[tuple[int, ...], Basis] | None = None,
) -> Fit:
    """Nested cross-validated ridge: fold k is scored by a decoder whose penalties the other folds chose.

    folds: moments of the words of each fold.
    alphas: penalties tried, in scikit-learn's convention |y - Xw|^2 + alpha |w|^2, X z-scored by the training words.
    rotations: the targets of each pipeline, where the moments hold a wider basis.
    dtype: of the search for alpha, and of the weights; decoders and scores are worked out in float64 either way.
    device: of the search.
    known: what `bases` says of these folds, where other targets were fitted to the same words before.
    """
    grid = _checked(folds, alphas, rotations)
    n_folds = len(folds)
    known = bases(folds, dtype) if known is None else known
    turns = [*rotations.outer, rotations.final] if rotations else []
    search = Search(folds, turns, grid, dtype, device)
    losses = _inner_losses(n_folds, search, known)
    decoders, agreements = [], []
    for k in range(n_folds):
        chosen = [f for f in range(n_folds) if f != k]
        train = Moments.sum([folds[f] for f in chosen])
        basis = known[tuple(chosen)]
        losses[n_folds] += search.loss(search.train(chosen, basis), held=k, pipeline=n_folds)
        decoders.append(Decoder.of(basis, train, turns[k] if turns else None, choose(losses[k], grid), dtype))
        agreements.append(decoders[k].agreement(folds[k].rotate(turns[k]) if turns else folds[k]))
    basis, turn = known[tuple(range(n_folds))], turns[-1] if turns else None
    final = Decoder.of(basis, Moments.sum(folds), turn, choose(losses[n_folds], grid), dtype)
    alpha, weights, bias = (np.stack([getattr(d, name) for d in decoders]) for name in ("alpha", "weights", "bias"))
    r = np.stack([correlation(agreement) for agreement in agreements]).astype(dtype)
    return Fit(r, alpha, weights, bias, final.alpha, final.weights, final.bias, tuple(agreements))


def training_sets(n_folds: int) -> list[tuple[int, ...]]:
    """The folds of every training set: without two of them, without one, and all."""
    every = range(n_folds)
    return [tuple(f for f in every if f not in left) for n in (2, 1, 0) for left in combinations(every, n)]


def bases(folds: Sequence[Moments], dtype: Precision = "float32") -> dict[tuple[int, ...], Basis]:
    """The principal directions of every training set; targets play no part in them."""
    sensors = [fold.sensors for fold in folds]
    return {chosen: Basis.of(Moments.sum([sensors[f] for f in chosen]), dtype) for chosen in training_sets(len(folds))}


def _inner_losses(n_folds: int, search: Search, known: Mapping[tuple[int, ...], Basis]) -> list:
    """One (alpha, target) a fold: errors of decoders that saw neither that fold nor the one they are tested on.

    Why pairs: the decoder without folds j and k serves j's choice when tested on k, and k's when tested on j.
    """
    losses = [0.0] * (n_folds + 1)
    for j, k in combinations(range(n_folds), 2):
        chosen = [f for f in range(n_folds) if f not in (j, k)]
        trained = search.train(chosen, known[tuple(chosen)])
        losses[k] += search.loss(trained, held=j, pipeline=k)
        losses[j] += search.loss(trained, held=k, pipeline=j)
    return losses


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """weights (sensor, target), bias (target,), alpha (target,), in the units of the data."""

    weights: np.ndarray
    bias: np.ndarray
    alpha: np.ndarray

    @classmethod
    def of(cls, basis: Basis, train: Moments, turn: np.ndarray | None, alpha: np.ndarray, dtype: Precision) -> Decoder:
        """Ridge on the training words, along the directions of their basis."""
        xy, mean_y = train.xy, train.mean_y
        if turn is not None:
            xy, mean_y = rotate(xy, turn), rotate(mean_y[None], turn)[0]
        weights = (basis.axes @ ((basis.axes.T @ xy) / (basis.values[:, None] + alpha))).astype(dtype)
        # From the rounded weights, so that rounding moves no prediction at the mean, however large the offsets.
        return cls(weights, (mean_y - train.mean_x @ weights).astype(dtype), alpha)

    def agreement(self, held: Moments) -> Agreement:
        """With the targets of held-out words, from their moments alone."""
        weights = self.weights.astype(np.float64)
        together = np.einsum("st,st->t", weights, held.xy)
        predicted = np.einsum("st,st->t", weights, held.xx @ weights)
        bias = held.mean_y - (held.mean_x @ weights + self.bias)
        return Agreement(held.n, bias, np.maximum(predicted, 0.0), held.squares, together)

    def score(self, held: Moments) -> np.ndarray:
        """(target,): Pearson correlation on held-out words; 0 where prediction or target is constant."""
        return correlation(self.agreement(held))


def correlation(agreement: Agreement) -> np.ndarray:
    """(target,): Pearson r; 0 where prediction or target is constant."""
    scale = np.sqrt(agreement.pp) * np.sqrt(agreement.yy)
    return np.clip(np.divide(agreement.py, scale, out=np.zeros_like(scale), where=scale > 0), -1.0, 1.0)


def _checked(folds: Sequence[Moments], alphas: Sequence[float] | np.ndarray, rotations: Rotations | None) -> np.ndarray:
    """The penalties, largest first, if all that fit was given belongs together."""
    if len(folds) < 3:
        raise ValueError(f"{len(folds)} folds leave nothing to choose alpha on once one is held out - give 3 or more")
    for k, fold in enumerate(folds):
        if fold.n < 2:
            raise ValueError(f"fold {k} holds {fold.n} words; a correlation needs 2 - use fewer folds or more words")
        if fold.xy.shape != folds[0].xy.shape or fold.yy.shape != folds[0].yy.shape:
            raise ValueError(
                f"fold {k} holds {fold.xy.shape} (sensor, target), fold 0 holds {folds[0].xy.shape} - "
                "make the moments of all folds from the same columns"
            )
    if rotations is not None:
        _check_rotations(rotations, folds)
    grid = np.sort(np.asarray(alphas, np.float64).ravel())[::-1].copy()
    if not grid.size or not np.isfinite(grid).all() or grid[-1] < 0:
        raise ValueError(f"alphas {list(alphas)} are not all finite and 0 or more - give at least one penalty")
    return grid


def _check_rotations(rotations: Rotations, folds: Sequence[Moments]) -> None:
    if len(rotations.outer) != len(folds):
        raise ValueError(f"there are {len(rotations.outer)} outer rotations for {len(folds)} folds - give one a fold")
    groups, members, _ = folds[0].yy.shape
    for rotation in (*rotations.outer, rotations.final):
        if rotation.shape[:2] != (groups, members) or rotation.shape != rotations.final.shape:
            raise ValueError(
                f"a rotation is {rotation.shape} (layer, wide, component), the final one {rotations.final.shape}; the "
                f"moments hold {groups} groups of {members} targets - make both from the same wide basis"
            )
