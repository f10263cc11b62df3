"""Decoders of one lag at another, from moments, are what a plain loop over words gives."""

from __future__ import annotations

from itertools import product

import numpy as np
from sklearn.linear_model import Ridge

from rtalign.decoding.across_lags import across_lags
from rtalign.decoding.moments import Moments
from rtalign.decoding.ridge import fit_ridge

N_WORDS, N_LAGS, N_LAYERS, COMPONENTS, ALPHA = 240, 4, 2, 3, 30.0


def test_every_lag_at_every_other_as_a_loop_over_words_gives_it() -> None:
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((N_WORDS, N_LAYERS * COMPONENTS)) + 2
    X = [rng.standard_normal((N_WORDS, 7)) + 5 for _ in range(N_LAGS)]
    X[1][:, :6] += Y  # two lags share a code, one holds it on other sensors
    X[2][:, :6] += 0.7 * Y
    X[3][:, :6] += Y[:, ::-1]
    fold = np.arange(N_WORDS) * 4 // N_WORDS
    moments = [[Moments.from_data(x[fold == k], Y[fold == k], "float64") for k in range(4)] for x in X]
    penalties = np.full((5, Y.shape[1]), ALPHA)
    fits = [fit_ridge(own, [ALPHA], dtype="float64", penalties=penalties) for own in moments]
    found = across_lags([fit.weights for fit in fits], moments, N_LAYERS, "float64")

    expected = np.zeros((N_LAYERS, N_LAGS, N_LAGS))
    for a, b, k in product(range(N_LAGS), range(N_LAGS), range(4)):
        train, test = fold != k, fold == k
        mean, spread = X[a][train].mean(0), X[a][train].std(0)
        model = Ridge(ALPHA).fit((X[a][train] - mean) / spread, Y[train])
        predicted = model.predict((X[b][test] - mean) / spread)
        r = [np.corrcoef(p, y)[0, 1] for p, y in zip(predicted.T, Y[test].T, strict=True)]
        expected[:, a, b] += np.reshape(r, (N_LAYERS, COMPONENTS)).mean(1) / 4
    assert np.abs(found - expected).max() < 1e-6
    assert found[:, 1, 2].min() > 0.5 > 0.3 > np.abs(found[:, 1, 3]).max()
    for i in range(N_LAGS):  # at its own lag it is plain R
        assert np.allclose(found[:, i, i], fits[i].r.reshape(4, N_LAYERS, -1).mean((0, 2)), atol=1e-6)
