"""Leaving out blocks of words tells how much repeated experiments scatter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from rtalign.core.decoder_error import DecoderError
from rtalign.scoring.left_out import LeftOut


def without_each(values: np.ndarray, sizes: list[int]) -> np.ndarray:
    """(block, 1, 1): the mean of all values but those of one block."""
    parts = np.split(values, np.cumsum(sizes)[:-1])
    return np.array([np.concatenate(parts[:i] + parts[i + 1 :]).mean() for i in range(len(parts))])[:, None, None]


@pytest.mark.parametrize("sizes", [[10] * 20, [40, 30, 20, 20, 20, 15, 15, 10, 10, 10, 5, 5]])
def test_the_error_of_a_mean_is_its_spread_over_repetitions(sizes: list[int]) -> None:
    rng = np.random.default_rng(0)
    errors, means = [], []
    for _ in range(400):
        values = rng.standard_normal(200)
        found = LeftOut.of(without_each(values, sizes), sizes)
        errors.append(float(found.error(values.mean(), found.curves[:, 0, 0])))
        means.append(values.mean())
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means), rel=0.1)


def test_equal_blocks_give_the_textbook_interval() -> None:
    values = np.random.default_rng(1).standard_normal(100)
    found = LeftOut.of(without_each(values, [10] * 10), [10] * 10)
    means = values.reshape(10, 10).mean(1)
    reach = student.ppf(0.975, 9) * means.std(ddof=1) / np.sqrt(10)
    expected = values.mean() - reach, values.mean() + reach
    assert found.interval(values.mean(), found.curves[:, 0, 0]) == pytest.approx(expected)


def test_the_mean_of_independent_people_is_known_better() -> None:
    rng = np.random.default_rng(2)
    people = [rng.standard_normal(100) + size for size in (0, 1, 2, 3)]
    parts = [LeftOut.of(without_each(values, [10] * 10), [10] * 10) for values in people]
    r = [np.array([[values.mean()]]) for values in people]
    together = LeftOut.of_mean(r, parts)
    errors = [part.error(own[0, 0], part.curves[:, 0, 0]) for own, part in zip(r, parts, strict=True)]
    found = together.error(np.mean(r), together.curves[:, 0, 0])
    assert found == pytest.approx(np.sqrt(np.sum(np.square(errors))) / 4)


def decoder_error(changes: np.ndarray, words: list[int]) -> DecoderError:
    return DecoderError(np.zeros(1), changes, np.array(words))


def test_decoders_in_error_widen_an_interval_as_independent_errors_do() -> None:
    """The squares add, and so do the degrees of freedom where both are alike; one that is alone keeps its own."""
    values = np.random.default_rng(3).standard_normal(100)
    words = LeftOut.of(without_each(values, [10] * 10), [10] * 10)
    r, alone = np.array([[values.mean()]]), float(words.error(values.mean(), words.curves[:, 0, 0]))
    changes = words.curves - values.mean()
    both = words.with_decoders(r, decoder_error(changes, [10] * 10))
    assert both.error(values.mean(), both.curves[:, 0, 0]) == pytest.approx(np.sqrt(2) * alone)
    low, high = both.interval(values.mean(), both.curves[:, 0, 0])
    assert (high - low) / 2 == pytest.approx(student.ppf(0.975, 18) * np.sqrt(2) * alone)
    none = words.with_decoders(r, decoder_error(0 * changes, [10] * 10))
    expected = words.interval(values.mean(), words.curves[:, 0, 0])
    assert none.interval(values.mean(), none.curves[:, 0, 0]) == pytest.approx(expected)
    assert words.with_decoders(r, None) is words


def test_an_error_that_something_was_taken_off_is_less_sure() -> None:
    curves = 0.1 + np.array([0.01, -0.01] * 5)[:, None, None] * np.ones((10, 1, 2))
    r = np.full((1, 2), 0.1)
    plain = LeftOut.of(curves, [1] * 10)
    less = LeftOut.of(curves, [1] * 10, excess=plain.error_of_r(r) ** 2 * np.array([[0.0, 0.5]]))
    reach = less.reach_of_r(r) / less.error_of_r(r)
    np.testing.assert_allclose(reach, [[student.ppf(0.975, 9), student.ppf(0.975, 4.5)]])


def test_the_error_of_r_leaves_out_what_pairs_of_blocks_add() -> None:
    curves = 0.1 + np.array([0.01, -0.01])[:, None, None] * np.ones((2, 1, 3))
    plain = LeftOut.of(curves, [1, 1])
    r = np.full((1, 3), 0.1)
    variance = plain.error_of_r(r) ** 2
    less = LeftOut.of(curves, [1, 1], excess=np.array([[0.0, 0.25, 5.0]]) * variance)
    np.testing.assert_allclose(less.error_of_r(r) ** 2 / variance, [[1, 0.75, 0.5]])
