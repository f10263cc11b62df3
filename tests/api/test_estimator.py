"""LagRidge is a scikit-learn estimator, and its numbers are scikit-learn's."""

from __future__ import annotations

import warnings
from typing import Any
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import rtalign as rt


def data(n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 8)) * np.arange(1, 9)
    return X, X @ rng.standard_normal((8, 3)) + 5 * rng.standard_normal((n, 3)) + 2


def test_scikit_learns_own_checks_pass() -> None:
    n_checks = skipped = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, check in estimator_checks_generator(rt.LagRidge(cv=rt.WordFolds(3))):
            try:
                check(estimator)
            except SkipTest:  # what scikit-learn leaves out by itself, such as arrays of other libraries
                skipped += 1
            n_checks += 1
    assert skipped <= 2
    assert n_checks > 40


def test_the_decoder_is_scikit_learns_ridge() -> None:
    X, Y = data()
    found = rt.LagRidge(alphas=[30.0]).fit(X, Y)
    scale = X.std(0)
    expected = Ridge(30.0).fit((X - X.mean(0)) / scale, Y)
    assert np.allclose(found.coef_ * scale, expected.coef_)
    assert np.allclose(found.predict(X), expected.predict((X - X.mean(0)) / scale))


def test_r_is_of_words_that_were_held_out() -> None:
    X, Y = data()
    r: Any = []
    for train, test in rt.WordFolds(4, gap=2).split(X):
        model = make_pipeline(StandardScaler(), Ridge(10.0)).fit(X[train], Y[train])
        predicted = model.predict(X[test])
        r.append([np.corrcoef(a, b)[0, 1] for a, b in zip(predicted.T, Y[test].T, strict=True)])
    assert np.allclose(rt.LagRidge([10.0], rt.WordFolds(4, gap=2)).fit(X, Y).r_, np.mean(r, axis=0))


def test_a_gap_keeps_neighbours_apart() -> None:
    for train, test in rt.WordFolds(3, gap=2).split(np.zeros((30, 1))):
        assert np.abs(train[:, None] - test).min() > 4
    assert len(cross_val_score(rt.LagRidge(cv=rt.WordFolds(3)), *data(), cv=rt.WordFolds(4))) == 4


def test_components_are_those_of_the_words_that_are_fitted() -> None:
    X, Y = data()
    found = rt.LagRidge([10.0], rt.WordFolds(4), components=2).fit(X, Y)
    r: Any = []
    for train, test in rt.WordFolds(4).split(X):
        pca = PCA(2).fit(Y[train])
        model = make_pipeline(StandardScaler(), Ridge(10.0)).fit(X[train], pca.transform(Y[train]))
        pairs = zip(model.predict(X[test]).T, pca.transform(Y[test]).T, strict=True)
        r.append([np.corrcoef(a, b)[0, 1] for a, b in pairs])
    assert np.allclose(found.r_, np.mean(r, axis=0))
    pca = PCA(2).fit(Y)
    expected = pca.inverse_transform(make_pipeline(StandardScaler(), Ridge(10.0)).fit(X, pca.transform(Y)).predict(X))
    assert np.allclose(found.predict(X), expected)
    assert np.allclose(np.abs(found.components_), np.abs(pca.components_))
    with pytest.raises(ValueError, match="components=4, and y has 3 targets"):
        rt.LagRidge(components=4).fit(X, Y)


def test_too_few_words_are_refused() -> None:
    with pytest.raises(ValueError, match="minimum of 10"):
        rt.LagRidge().fit(*data(8))
