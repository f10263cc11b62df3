"""Ridge regression from moments, with nested cross-validation for the penalties and held-out scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import add

import numpy as np

from rtalign.core.agreement import Agreement
from rtalign.decoding.moments import Moments, Precision, rotate
from rtalign.decoding.penalties import EigenBasis, HeldOut, PenaltySearch, choose_penalties, descending, least_losses


@dataclass(frozen=True, slots=True, eq=False)
class FoldRotations:
    """The principal components of each fold's decoders, as rotations inside the wide basis.

    Attributes
    ----------
    outer : sequence of ndarray, shape (layer, wide, component)
        One a fold, fitted without the words of that fold.
    final : ndarray, shape (layer, wide, component)
        Fitted on all words.
    """

    outer: Sequence[np.ndarray]
    final: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class RidgeFit:
    """Decoders of one lag, in the units of the data: predictions are X @ weights + bias.

    The decoder of fold k was fitted without the words of fold k.

    Attributes
    ----------
    r : ndarray, shape (fold, target)
        Pearson correlation on the words of the fold that was held out.
    alpha, bias : ndarray, shape (fold, target)
        Penalties and intercepts.
    weights : ndarray, shape (fold, sensor, target)
        Of the decoder of each fold.
    agreements : tuple of Agreement
        Of each fold's predictions with its held-out targets.
    final_alpha, final_bias : ndarray, shape (target,)
        Of the decoder fitted on all words.
    final_weights : ndarray, shape (sensor, target)
        Of the decoder fitted on all words.
    """

    r: np.ndarray
    alpha: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    final_alpha: np.ndarray
    final_weights: np.ndarray
    final_bias: np.ndarray
    agreements: tuple[Agreement, ...]


def fit_ridge(
    folds: Sequence[Moments],
    alphas: Sequence[float] | np.ndarray,
    rotations: FoldRotations | None = None,
    dtype: Precision = "float32",
    *,
    bases: Mapping[tuple[int, ...], EigenBasis] | None = None,
    penalties: np.ndarray | None = None,
) -> RidgeFit:
    """Nested cross-validated ridge: fold k is scored by a decoder whose penalties the other folds chose.

    Parameters
    ----------
    folds : sequence of Moments
        Of the words of each fold; 3 or more.
    alphas : sequence of float
        Penalties tried, in scikit-learn's convention |y - Xw|^2 + alpha |w|^2, X z-scored by the training words.
    rotations : FoldRotations, optional
        The targets of each fold's decoder, where the moments hold a wider basis.
    dtype : {"float32", "float64"}
        Of the search for alpha, and of the weights; scores are computed in float64 either way.
    bases : mapping, optional
        Result of `eigen_bases` for these folds, where other targets were fitted to the same words before.
    penalties : ndarray, shape (fold + 1, target), optional
        Of each fold's decoder and the final one, where they are known; see `shared_penalties`.

    Returns
    -------
    RidgeFit
        Decoders with their penalties and scores; ValueError if the arguments do not belong together.

    Examples
    --------
    >>> folds = [Moments.from_data(X[rows], Y[rows]) for rows in np.array_split(order, 5)]  # doctest: +SKIP
    >>> fit_ridge(folds, np.logspace(-4, 8, 13)).r.mean(axis=0)  # doctest: +SKIP
    """
    grid = _checked(folds, alphas, rotations)
    n_folds = len(folds)
    bases = eigen_bases(folds, dtype, (2, 1, 0) if penalties is None else (1, 0)) if bases is None else bases
    if penalties is None:
        penalties = least_losses(try_penalties(folds, grid, rotations, dtype, bases=bases), grid)
    turns = [*rotations.outer, rotations.final] if rotations else []
    decoders, agreements = [], []
    for k in range(n_folds):
        chosen = [f for f in range(n_folds) if f != k]
        train, turn = Moments.sum([folds[f] for f in chosen]), turns[k] if turns else None
        decoders.append(Decoder.from_moments(bases[tuple(chosen)], train, turn, penalties[k], dtype))
        agreements.append(decoders[k].agreement(folds[k].rotate(turns[k]) if turns else folds[k]))
    basis, turn = bases[tuple(range(n_folds))], turns[-1] if turns else None
    final = Decoder.from_moments(basis, Moments.sum(folds), turn, penalties[-1], dtype)
    alpha, weights, bias = (np.stack([getattr(d, name) for d in decoders]) for name in ("alpha", "weights", "bias"))
    r = np.stack([correlation(agreement) for agreement in agreements]).astype(dtype)
    return RidgeFit(r, alpha, weights, bias, final.alpha, final.weights, final.bias, tuple(agreements))


def try_penalties(
    folds: Sequence[Moments],
    alphas: Sequence[float] | np.ndarray,
    rotations: FoldRotations | None = None,
    dtype: Precision = "float32",
    *,
    bases: Mapping[tuple[int, ...], EigenBasis] | None = None,
    final: bool = True,
) -> list[HeldOut]:
    """Test every penalty inside each training set.

    Parameters
    ----------
    folds, alphas, rotations, dtype, bases
        As for `fit_ridge`.
    final : bool
        Whether penalties of the final decoder are wanted.

    Returns
    -------
    list of HeldOut
        One for each fold's decoder and one for the final decoder, over their inner held-out words.
    """
    grid = _checked(folds, alphas, rotations)
    n_folds = len(folds)
    bases = eigen_bases(folds, dtype, (2, 1) if final else (2,)) if bases is None else bases
    turns = [*rotations.outer, rotations.final][: n_folds + final] if rotations else []
    search = PenaltySearch(folds, turns, grid, dtype)
    tested: dict[int, list[HeldOut]] = {pipeline: [] for pipeline in range(n_folds + final)}
    # Why pairs: the decoder without folds j and k serves j's choice when tested on k, and k's when tested on j.
    for j, k in combinations(range(n_folds), 2):
        chosen = [f for f in range(n_folds) if f not in (j, k)]
        trained = search.train(chosen, bases[tuple(chosen)])
        tested[k].append(search.test(trained, held=j, pipeline=k))
        tested[j].append(search.test(trained, held=k, pipeline=j))
    for k in range(n_folds if final else 0):
        chosen = [f for f in range(n_folds) if f != k]
        tested[n_folds].append(search.test(search.train(chosen, bases[tuple(chosen)]), held=k, pipeline=n_folds))
    return [reduce(add, parts) for parts in tested.values()]


def shared_penalties(lags: Sequence[Sequence[HeldOut]], alphas: Sequence[float] | np.ndarray) -> np.ndarray:
    """Choose one penalty for all lags, for each decoder and target: that of the highest squared correlation.

    A penalty chosen lag by lag follows the strength of the answer, and so narrows a curve where the answer is weak; and
    one chosen by squared errors shrinks weak answers to nothing, which a correlation does not ask for
    (docs/decisions/016-one-penalty-for-all-lags.md).

    Parameters
    ----------
    lags : sequence
        Results of `try_penalties`, one a lag.
    alphas : sequence of float
        The penalties tried.

    Returns
    -------
    ndarray, shape (decoder, target)
    """
    grid = descending(alphas)
    agreements = [[one.agreement for one in decoders] for decoders in zip(*lags, strict=True)]
    return np.stack([choose_penalties(-np.sum(parts, axis=0), grid) for parts in agreements])


def training_sets(n_folds: int) -> list[tuple[int, ...]]:
    """The folds of every training set: without two of them, without one, and all."""
    folds = range(n_folds)
    return [tuple(f for f in folds if f not in held) for n in (2, 1, 0) for held in combinations(folds, n)]


def eigen_bases(
    folds: Sequence[Moments], dtype: Precision = "float32", lacking: Sequence[int] = (2, 1, 0)
) -> dict[tuple[int, ...], EigenBasis]:
    """The principal directions of every training set, which do not depend on the targets.

    Training sets lack so many folds.  Those without two choose the penalties of the decoders without one, and these
    choose those of the final decoder, which lacks none.
    """
    sensors = [fold.without_targets for fold in folds]
    return {
        chosen: EigenBasis.from_moments(Moments.sum([sensors[f] for f in chosen]), dtype)
        for chosen in training_sets(len(folds))
        if len(folds) - len(chosen) in lacking
    }


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """A linear decoder of one lag, in the units of the data: predictions are X @ weights + bias.

    Attributes
    ----------
    weights : ndarray, shape (sensor, target)
        The weights.
    bias : ndarray, shape (target,)
        The intercepts.
    alpha : ndarray, shape (target,)
        The penalties they were fitted with.
    """

    weights: np.ndarray
    bias: np.ndarray
    alpha: np.ndarray

    @classmethod
    def from_moments(
        cls, basis: EigenBasis, train: Moments, rotation: np.ndarray | None, alpha: np.ndarray, dtype: Precision
    ) -> Decoder:
        """Ridge on the training words, along the directions of their basis."""
        xy, mean_y = train.xy, train.mean_y
        if rotation is not None:
            xy, mean_y = rotate(xy, rotation), rotate(mean_y[None], rotation)[0]
        along_axes = (basis.axes.T @ xy) / (basis.values[:, None] + alpha)
        weights = basis.axes.astype(dtype) @ along_axes.astype(dtype)
        # From the rounded weights, so that rounding moves no prediction at the mean, however large the offsets.
        return cls(weights, (mean_y - train.mean_x @ weights).astype(dtype), alpha)

    def agreement(self, held: Moments) -> Agreement:
        """With the targets of held-out words, from their moments alone."""
        weights = self.weights.astype(np.float64)
        together = np.einsum("st,st->t", weights, held.xy)
        predicted = np.einsum("st,st->t", weights, held.xx @ weights)
        bias = held.mean_y - (held.mean_x @ weights + self.bias)
        return Agreement(held.n, bias, np.maximum(predicted, 0.0), held.target_squares, together)

    def score(self, held: Moments) -> np.ndarray:
        """(target,): Pearson correlation on held-out words; 0 where prediction or target is constant."""
        return correlation(self.agreement(held))


def correlation(agreement: Agreement) -> np.ndarray:
    """(target,): Pearson r; 0 where prediction or target is constant."""
    scale = np.sqrt(agreement.pp) * np.sqrt(agreement.yy)
    return np.clip(np.divide(agreement.py, scale, out=np.zeros_like(scale), where=scale > 0), -1.0, 1.0)


def _checked(
    folds: Sequence[Moments], alphas: Sequence[float] | np.ndarray, rotations: FoldRotations | None
) -> np.ndarray:
    """The penalties, largest first; ValueError if the arguments do not belong together."""
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
    grid = descending(alphas)
    if not grid.size or not np.isfinite(grid).all() or grid[-1] < 0:
        raise ValueError(f"alphas {list(alphas)} are not all finite and 0 or more - give at least one penalty")
    return grid


def _check_rotations(rotations: FoldRotations, folds: Sequence[Moments]) -> None:
    if len(rotations.outer) != len(folds):
        raise ValueError(f"there are {len(rotations.outer)} outer rotations for {len(folds)} folds - give one a fold")
    groups, members, _ = folds[0].yy.shape
    for rotation in (*rotations.outer, rotations.final):
        if rotation.shape[:2] != (groups, members) or rotation.shape != rotations.final.shape:
            raise ValueError(
                f"a rotation is {rotation.shape} (layer, wide, component), the final one {rotations.final.shape}; the "
                f"moments hold {groups} groups of {members} targets - make both from the same wide basis"
            )
