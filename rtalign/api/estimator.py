"""LagRidge and WordFolds: the decoders of one or many lags as a scikit-learn estimator and its splitter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from rtalign.decoding.controls.partialling import residual_rotations
from rtalign.decoding.moments import Moments
from rtalign.decoding.ridge import fit_ridge


class WordFolds:
    """A splitter that holds neighbouring words out together, with a gap to the words that are trained on.

    Parameters
    ----------
    n_splits : int
        Folds; 3 or more for `LagRidge`.
    gap : int
        Words left out on either side of a boundary between folds, so that windows share no signal.

    Examples
    --------
    >>> [test.tolist() for _, test in WordFolds(3, gap=0).split(np.zeros((6, 1)))]
    [[0, 1], [2, 3], [4, 5]]
    """

    def __init__(self, n_splits: int = 5, gap: int = 0) -> None:
        self.n_splits, self.gap = n_splits, gap

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002
        """How many folds there are."""
        return self.n_splits

    def assign(self, n_words: int) -> np.ndarray:
        """(word,): the fold of every word, -1 for those in a gap."""
        fold = np.arange(n_words) * self.n_splits // n_words
        for cut in np.flatnonzero(np.diff(fold)) + 1:
            fold[max(cut - self.gap, 0) : cut + self.gap] = -1
        return fold

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Any]:  # noqa: ARG002
        """Yield training and test words, as indices."""
        fold = self.assign(len(X))
        for k in range(self.n_splits):
            yield np.flatnonzero((fold != k) & (fold >= 0)), np.flatnonzero(fold == k)

    def __repr__(self) -> str:
        return f"WordFolds(n_splits={self.n_splits}, gap={self.gap})"


class LagRidge(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Ridge decoders of one lag, a penalty for each target, cross-validated within and without.

    Parameters
    ----------
    alphas : sequence of float, optional
        Penalties tried, X being z-scored; by default 13 from 1e-4 to 1e8.
    cv : WordFolds, optional
        By default 5 folds without a gap.
    components : int, optional
        Decode so many principal components of y (one layer's activations, say) in place of its columns, as training
        does; those of a fold's decoder are found without the words of that fold.

    Attributes
    ----------
    coef_ : ndarray, shape (target, feature) or (feature,)
        In the units of X and y, with `components` too.
    intercept_ : ndarray, shape (target,), or float
    alpha_ : ndarray, shape (target,) or (component,)
        The penalty of each.
    r_ : ndarray, shape (target,) or (component,)
        Correlation on held-out words, mean over folds; their decoders chose penalties without them.
    patterns_ : ndarray, shape (target, feature) or (component, feature)
        How much each feature changes with one standard deviation of the prediction (Haufe 2014).
    components_ : ndarray, shape (component, target)
        With `components`: their directions in y, over all words.

    Examples
    --------
    >>> LagRidge(cv=WordFolds(3)).fit(np.eye(9)[:, :2], np.arange(9.0)).coef_.shape
    (2,)
    """

    def __init__(self, alphas: Any = None, cv: WordFolds | None = None, components: int | None = None) -> None:
        self.alphas, self.cv, self.components = alphas, cv, components

    def fit(self, X: Any, y: Any) -> LagRidge:
        """Fit to features X (word, feature) and targets y (word, target) or (word,)."""
        cv = self.cv or WordFolds()
        X, y = validate_data(
            self, X, y, multi_output=True, y_numeric=True, dtype=np.float64, ensure_min_samples=2 * cv.n_splits
        )
        targets = np.asarray(y, np.float64).reshape(len(y), -1)
        kept = self.components
        if kept is not None and not 0 < kept <= targets.shape[1]:
            raise ValueError(f"components={kept}, and y has {targets.shape[1]} targets; give 1 to {targets.shape[1]}")
        fold, groups = cv.assign(len(X)), None if kept is None else 1
        moments = [Moments.from_data(X[fold == k], targets[fold == k], "float64", groups) for k in range(cv.n_splits)]
        grid = np.logspace(-4, 8, 13) if self.alphas is None else np.asarray(self.alphas, float)
        rotations = None if kept is None else residual_rotations(moments, kept, moments)
        fitted = fit_ridge(moments, grid, rotations, "float64")
        weights, bias, whole = fitted.final_weights, fitted.final_bias, Moments.sum(moments)
        moved = whole.xx @ weights / whole.n
        spread = np.sqrt(np.maximum((weights * moved).sum(0), 0))
        self.patterns_ = np.divide(moved, spread, out=np.zeros_like(moved), where=spread > 0).T
        self.r_, self.alpha_ = fitted.r.mean(0), fitted.final_alpha
        if rotations:
            self.components_ = rotations.final[0].T
            weights = weights @ self.components_
            bias = whole.mean_y + (bias - self.components_ @ whole.mean_y) @ self.components_
        one = np.ndim(y) == 1
        self.coef_ = weights[:, 0] if one else weights.T
        self.intercept_ = float(bias[0]) if one else bias
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict targets (word, target), or (word,) where it was fitted to such."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return np.asarray(X @ np.asarray(self.coef_).T + self.intercept_)
