"""Moments are what the data say, however the data are cut."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtalign.decoding import moments as module
from rtalign.decoding.moments import Moments, rotate

FIELDS = ("n", "mean_x", "mean_y", "xx", "xy", "yy")


def world(seed: int = 0, n: int = 60, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 4)) @ rng.standard_normal((4, 4)) + offset
    return X, rng.standard_normal((n, 6)) + X[:, :1] + offset


def plain(X: np.ndarray, Y: np.ndarray, groups: int) -> Moments:
    """The definition, in one go and in the widest numbers there are."""
    X, Y = X.astype(np.longdouble), Y.astype(np.longdouble)
    x, y = X - X.mean(0), Y - Y.mean(0)
    by_group = np.split(y, groups, axis=1)
    parts = (X.mean(0), Y.mean(0), x.T @ x, x.T @ y, np.stack([g.T @ g for g in by_group]))
    return Moments(len(X), *(p.astype(np.float64) for p in parts))


def distance(a: Moments, b: Moments) -> float:
    """The largest difference, in parts of the columns' own spread."""
    x, y = (np.sqrt(np.maximum(np.diagonal(b.xx), 1e-300)), np.sqrt(np.maximum(b.target_squares, 1e-300)))
    y_grouped = y.reshape(b.yy.shape[:2])
    assert a.n == b.n
    return max(
        np.abs((a.mean_x - b.mean_x) / x).max(),
        np.abs((a.mean_y - b.mean_y) / y).max(),
        np.abs((a.xx - b.xx) / x[:, None] / x).max(),
        np.abs((a.xy - b.xy) / x[:, None] / y).max(),
        np.abs((a.yy - b.yy) / y_grouped[:, :, None] / y_grouped[:, None, :]).max(),
    )


cuts = st.lists(st.integers(0, 60), max_size=6).map(lambda inner: [0, *sorted(inner), 60])


@settings(max_examples=60)
@given(cuts, st.randoms(use_true_random=False), st.sampled_from([1, 2, 6]), st.sampled_from([0.0, 1e5]))
def test_parts_in_any_order_add_up_to_the_whole(edges, random, groups, offset):
    X, Y = world(offset=offset)
    parts = [Moments.from_data(X[a:b], Y[a:b], "float64", groups) for a, b in pairwise(edges)]
    random.shuffle(parts)
    whole = plain(X, Y, groups)
    assert distance(reduce(add, parts), whole) < 1e-11
    assert distance(Moments.sum(parts), whole) < 1e-11


def test_addition_is_associative_and_commutative():
    a, b, c = (Moments.from_data(*world(seed, 20 + seed), "float64") for seed in range(3))
    assert distance((a + b) + c, a + (b + c)) < 1e-14
    assert distance(a + b, b + a) < 1e-14


def test_block_size_changes_nothing(monkeypatch):
    X, Y = world(n=100)
    X[50:] += 30
    monkeypatch.setattr(module, "BLOCK", 7)
    assert distance(Moments.from_data(X, Y, "float64", 3), plain(X, Y, 3)) < 1e-13


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_small_signals_on_large_offsets_keep_their_digits(kind):
    X, Y = world(n=500)
    # Tesla on an offset 1e5 times larger; float32 input has lost its digits before it comes here, so compare with it.
    X = (1e-13 * X + 1e-8 * np.array([1, -1, 2, 0])).astype(kind)
    truth = plain(X, Y, 6)
    assert distance(Moments.from_data(X, Y, "float64"), truth) < 1e-10
    assert distance(Moments.from_data(X, Y, "float32"), truth) < 1e-6


def test_float32_is_close_to_float64_over_many_blocks():
    X, Y = world(n=20_000)
    assert distance(Moments.from_data(X.astype("f"), Y.astype("f")), plain(X, Y, 6)) < 1e-6


@pytest.mark.parametrize("value", [0.1, 1e7 / 3])
def test_a_constant_column_has_zero_spread(value):
    X, Y = world()
    X[:, 1], Y[:, 2] = value, value
    both = Moments.from_data(X[:21], Y[:21]) + Moments.from_data(X[21:], Y[21:])
    assert not both.xx[1].any()
    assert not both.xy[:, 2].any()
    assert both.target_squares[2] == 0
    assert both.mean_x[1] == value


def test_rotated_moments_are_moments_of_rotated_targets():
    X, Y = world()
    rotation = np.random.default_rng(1).standard_normal((2, 3, 2))
    turned = Moments.from_data(X, Y, "float64", groups=2).rotate(rotation)
    assert distance(turned, plain(X, rotate(Y, rotation), 2)) < 1e-12
    by_hand = np.hstack([Y[:, :3] @ rotation[0], Y[:, 3:] @ rotation[1]])
    np.testing.assert_allclose(rotate(Y, rotation), by_hand, rtol=1e-13)


def test_sums_of_the_same_targets_are_reused():
    X, Y = world()
    known = Moments.from_data(X, Y, "float64", groups=2)
    other = np.random.default_rng(3).standard_normal(X.shape)
    again = Moments.from_data(other, Y, "float64", groups=2, same_y=known)
    assert distance(again, plain(other, Y, 2)) < 1e-13
    assert again.yy is known.yy


def test_sums_of_the_same_signal_are_reused():
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((300, 5)) + 7, rng.standard_normal((300, 6))
    seen = Moments.from_data(X, np.empty((300, 0)), "float64")
    again, fresh = Moments.from_data(X, Y, "float64", 2, same_x=seen), Moments.from_data(X, Y, "float64", 2)
    for name in ("mean_x", "mean_y", "xx", "xy", "yy"):
        assert np.array_equal(getattr(again, name), getattr(fresh, name))
    with pytest.raises(ValueError, match="same_x must come from the same X"):
        Moments.from_data(X[1:], Y[1:], "float64", 2, same_x=seen)


def test_inputs_are_not_changed():
    X, Y = world()
    before = X.copy(), Y.copy()
    a, b = Moments.from_data(X[:30], Y[:30]), Moments.from_data(X[30:], Y[30:])
    kept = [np.copy(getattr(a, name)) for name in FIELDS]
    _ = a + b, a.rotate(np.ones((6, 1, 1)))
    assert all(np.array_equal(old, getattr(a, name)) for old, name in zip(kept, FIELDS, strict=True))
    assert np.array_equal(X, before[0])
    assert np.array_equal(Y, before[1])


def test_no_words_add_nothing():
    X, Y = world(offset=3)
    assert (
        distance(Moments.from_data(X[:0], Y[:0], "float64") + Moments.from_data(X, Y, "float64"), plain(X, Y, 6))
        < 1e-13
    )


def test_errors_name_the_fact_and_the_fix():
    X, Y = world()
    with pytest.raises(ValueError, match="same words"):
        Moments.from_data(X[1:], Y)
    with pytest.raises(ValueError, match="6 targets do not fall into 4 equal groups"):
        Moments.from_data(X, Y, groups=4)
    with pytest.raises(ValueError, match="pass groups=2"):
        Moments.from_data(X, Y).rotate(np.zeros((2, 3, 2)))
    with pytest.raises(ValueError, match="same_y must come from the same Y"):
        Moments.from_data(X, Y, same_y=Moments.from_data(X[1:], Y[1:]))
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"column 1 of X is not finite.*leave out"):
        Moments.from_data(X, Y)
