"""The running scores equal those of whole recordings, and stay calm, honest and small."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from rtalign.core.recipe import FitRecipe
from rtalign.core.session import MIN_CURVE_WORDS
from rtalign.scoring.cross_validated import Draws, score
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import assess
from rtalign.scoring.nulls import layer_threshold
from rtalign.scoring.running_null import MismatchedPairs, distances
from rtalign.scoring.running_sums import Block, History, grouped, newest
from rtalign.scoring.scoreboard import BLOCK_WORDS, WORDS_KEPT, Scoreboard

N_LAYERS, COMPONENTS, N_LAGS = 5, 4, 21
LAGS = np.linspace(-0.2, 0.8, N_LAGS)
LADDER = np.linspace(0.1, 0.5, N_LAYERS)


def words(n: int, seed: int = 0, strength: float = 0.0, offset: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions (word, lag, target), targets (word, target): slow over words, smooth over lags, layers alike."""
    rng = np.random.default_rng(seed)
    slow = lfilter([1], [1, -0.8], rng.standard_normal((n, 1, COMPONENTS)), axis=0)
    targets = slow + 0.7 * rng.standard_normal((n, N_LAYERS, COMPONENTS))
    noise = rng.standard_normal((n, 1, N_LAGS, COMPONENTS)) + 0.5 * rng.standard_normal(
        (n, N_LAYERS, N_LAGS, COMPONENTS)
    )
    predicted = lfilter([1], [1, -0.5], gaussian_filter1d(noise, 1.5, axis=2), axis=0)
    predicted /= predicted.std()
    bump = np.exp(-0.5 * ((LAGS - LADDER[:, None]) / 0.08) ** 2)
    predicted += strength * bump[:, :, None] * targets[:, :, None]
    flat = predicted.transpose(0, 2, 1, 3).reshape(n, N_LAGS, -1)
    return (flat + offset).astype(np.float32), (targets.reshape(n, -1) - offset).astype(np.float32)


def board(predicted: np.ndarray, targets: np.ndarray, **kw: int) -> Scoreboard:
    made = Scoreboard(LAGS, range(N_LAYERS), N_LAYERS, COMPONENTS, **kw)
    for index, (p, y) in enumerate(zip(predicted, targets, strict=True)):
        made.add(index, p, y)
    return made


def by_hand(predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(layer, lag), one np.corrcoef a target and lag."""
    n_targets = targets.shape[1]
    r = [[np.corrcoef(predicted[:, g, t], targets[:, t])[0, 1] for t in range(n_targets)] for g in range(N_LAGS)]
    return np.reshape(r, (N_LAGS, N_LAYERS, COMPONENTS)).mean(-1).T


def offline(predicted: np.ndarray, targets: np.ndarray, seed: int = 0) -> Curves:
    draws = Draws.plan(np.zeros(len(targets), int), N_LAYERS, FitRecipe(seed=seed))
    prepared = draws.prepare([targets])
    scores = [score(draws, [predicted[:, lag]], prepared) for lag in range(N_LAGS)]
    return Curves.of(LAGS, range(N_LAYERS), N_LAYERS, scores, draws.block_words)


@pytest.mark.parametrize("n", [2, 19, 20, 137, 1600])
def test_r_is_that_of_the_whole_recording(n: int) -> None:
    predicted, targets = words(n, strength=0.5)
    made = board(predicted, targets)
    assert made.n == n
    assert np.abs(made.r() - by_hand(predicted, targets)).max() < 1e-6
    if n > 100:
        assert np.abs(made.r() - offline(predicted, targets).r).max() < 1e-5


def test_an_odd_first_word_and_large_offsets_cost_no_precision() -> None:
    predicted, targets = words(300, strength=0.5, offset=0.0)
    predicted[0] *= 1e4
    predicted += 1000
    assert np.abs(board(predicted, targets).r() - by_hand(predicted.astype(float), targets)).max() < 1e-5


def test_a_column_that_never_changes_counts_as_nothing() -> None:
    predicted, targets = words(60)
    predicted[:, :, 0] = 3.7
    assert np.isfinite(board(predicted, targets).r()).all()
    alone = [np.corrcoef(predicted[:, 3, t], targets[:, t])[0, 1] for t in range(1, COMPONENTS)]
    assert board(predicted, targets).r()[0, 3] == pytest.approx(sum(alone) / COMPONENTS, abs=1e-6)


@pytest.mark.parametrize("last", [1, 50, 100, 333, 5000])
def test_a_window_is_the_last_words_in_whole_blocks(last: int) -> None:
    predicted, targets = words(707, strength=0.5)
    made = board(predicted, targets)
    held = made.freeze().words(last)
    assert min(last, 707) <= held < min(last, 707) + BLOCK_WORDS
    assert np.abs(made.r(last) - by_hand(predicted[-held:], targets[-held:])).max() < 1e-5


def test_a_window_stays_sharp_in_a_long_session() -> None:
    predicted, targets = words(200)
    made = Scoreboard(LAGS, range(N_LAYERS), N_LAYERS, COMPONENTS, blocks=32)
    for index in range(8000):
        made.add(index, predicted[index % 200], targets[index % 200])
    for last in (60, 300, 1000):
        assert last <= made.freeze().words(last) < 1.5 * last
    assert np.abs(made.r() - by_hand(predicted, targets)).max() < 1e-6


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=300), most=st.integers(8, 64))
@settings(max_examples=30)
def test_merging_loses_no_word_and_keeps_their_order(sizes: list[int], most: int) -> None:
    history = History(most)
    for k, n in enumerate(sizes):
        history.push(Block(n, np.full((3, 1, 1), float(k)), np.array([[float(n)], [0.0]])))
        assert len(history.blocks) <= most
    assert [int(b.targets[0, 0]) for b in history.blocks] == [b.n for b in history.blocks]
    assert sum(b.n for b in history.blocks) == sum(sizes)
    assert Block.total(history.blocks).sums[0, 0, 0] == sum(range(len(sizes)))
    assert history.blocks[-1].n == sizes[-1]
    assert sum(b.n for b in newest(history.blocks, 10)) >= min(10, sum(sizes))


def test_blocks_are_grouped_to_like_lengths_and_none_is_lost() -> None:
    predicted, targets = words(1000)
    made = Scoreboard(LAGS, range(N_LAYERS), N_LAYERS, COMPONENTS, blocks=16)
    for index in range(1000):
        made.add(index, predicted[index], targets[index])
    blocks = grouped(made.freeze().blocks, 8)
    assert sum(block.n for block in blocks) == 1000
    assert len(blocks) <= 8
    assert max(block.n for block in blocks) < 3 * min(block.n for block in blocks)
    np.testing.assert_allclose(sum(b.sums for b in blocks), made.freeze().total.sums, rtol=1e-4, atol=1e-2)


def test_a_null_map_is_a_correlation_of_words_with_earlier_targets() -> None:
    predicted, targets = words(300, strength=0.5)
    frozen = board(predicted, targets).freeze()
    maps = frozen.mismatched.maps(frozen.total, frozen.blocks, frozen._parts)
    used = frozen.mismatched.distances[frozen.mismatched.usable()]
    assert len(used) == len(maps) > 8
    spread_p, spread_y = predicted.std(0), targets.std(0)
    for far, found in zip(used, maps, strict=True):
        p, y = predicted[far:], targets[:-far]
        covariance = ((p - p.mean(0)) * (y - y.mean(0))[:, None]).mean(0)
        r = (covariance / spread_p / spread_y).reshape(N_LAGS, N_LAYERS, COMPONENTS).mean(-1).T
        expected = r * np.sqrt((300 - far) / 300)
        # Centred exactly where a distance ends with a block, and by interpolation within one elsewhere.
        assert np.abs(found - expected).max() < (1e-5 if far % BLOCK_WORDS == 0 else 0.2 * np.abs(expected).max())
    assert used[0] == BLOCK_WORDS


def test_pairs_are_counted_from_the_first_word_that_has_a_partner() -> None:
    predicted, targets = words(170)
    pairs = MismatchedPairs(targets.shape[1], N_LAGS, far=np.array([1, 7, 60]), batch=16)
    for p, y in zip(predicted, targets, strict=True):
        pairs.push(p.T, y)
    found = pairs.read()
    for k, far in enumerate(found.distances):
        y = targets[:-far].astype(float) - targets[:16].mean(0, dtype=float)
        expected = np.einsum("wlt,wt->tl", predicted[far:].astype(float), y)
        np.testing.assert_allclose(found.products[:, k], expected, rtol=1e-4, atol=1e-2)
        np.testing.assert_allclose(found.targets[:, k], y.sum(0), rtol=1e-4, atol=1e-3)


def test_curves_say_what_the_offline_route_says() -> None:
    predicted, targets = words(900, strength=0.5)
    made, whole = board(predicted, targets).curves(), offline(predicted, targets)
    live, known = assess(made), assess(whole)
    assert [p.status for p in live.peaks] == [p.status for p in known.peaks] == ["ok"] * N_LAYERS
    assert [p.peak_s for p in live.peaks] == pytest.approx([p.peak_s for p in known.peaks], abs=1e-6)
    assert live.temporal.r == pytest.approx(known.temporal.r, abs=1e-4)
    assert live.temporal.r > 0.95
    assert np.mean(live.threshold / known.threshold) == pytest.approx(1, abs=0.35)
    errors = [one.left_out.error_of_r(one.r) for one in (made, whole)]
    assert np.mean(errors[0] / errors[1]) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("n", [150, 600])
def test_noise_rarely_exceeds_its_threshold(n: int) -> None:
    """40 worlds of 5 layers; 1 % is meant, and layers go together, so a handful at most."""
    alarms = {None: 0, 120: 0}
    for seed in range(40):
        made = board(*words(n, seed=seed), seed=seed)
        for last in alarms:
            curves = made.curves(last)
            alarms[last] += int((curves.r.max(-1) > layer_threshold(curves.null)).sum())
    assert max(alarms.values()) <= 10, alarms


def test_a_window_s_null_is_wider() -> None:
    made = board(*words(900))
    whole, window = made.curves(), made.curves(100)
    assert np.allclose(window.null, whole.null * np.sqrt(900 / made.freeze().words(100)), rtol=1e-5)


def test_a_board_without_a_block_is_a_board_of_the_other_words() -> None:
    predicted, targets = words(200, strength=0.3)
    whole = board(predicted, targets)
    curves = whole.curves()
    n_blocks = len(curves.left_out.weight)
    ends = np.linspace(0, 200, n_blocks + 1).astype(int)
    assert n_blocks == 10
    for i, (first, last) in enumerate(pairwise(ends)):
        rest = np.delete(np.arange(200), slice(first, last))
        np.testing.assert_allclose(curves.left_out.curves[i], board(predicted[rest], targets[rest]).r(), atol=1e-5)


def test_too_few_words_say_so() -> None:
    predicted, targets = words(MIN_CURVE_WORDS)
    made = board(predicted[:-1], targets[:-1])
    assert made.curves() is None
    assert "99 words" in made.reason
    made.add(99, predicted[-1], targets[-1])
    assert made.reason is None
    assert made.curves().null.shape == (200, N_LAYERS, N_LAGS)
    with pytest.raises(ValueError, match="100 or more"):
        made.curves(last=30)
    assert np.isnan(board(predicted[:1], targets[:1]).r()).all()


def test_the_same_words_give_the_same_draws() -> None:
    one, other = (board(*words(250), seed=3).curves() for _ in range(2))
    for name in ("r", "null"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.left_out.curves, other.left_out.curves)


def test_reading_between_words_changes_nothing() -> None:
    predicted, targets = words(250, strength=0.3)
    calm, busy = board(predicted, targets).curves(), Scoreboard(LAGS, range(N_LAYERS), N_LAYERS, COMPONENTS)
    for index in range(250):
        busy.add(index, predicted[index], targets[index])
        if index % 3 == 0:
            busy.r()
            busy.freeze()
            assert (busy.reason is None) == (busy.n >= MIN_CURVE_WORDS)
    for name in ("r", "null"):
        np.testing.assert_allclose(getattr(busy.curves(), name), getattr(calm, name), atol=1e-5)
    np.testing.assert_allclose(busy.curves().left_out.curves, calm.left_out.curves, atol=1e-5)


def test_a_frozen_board_does_not_move_while_words_come() -> None:
    predicted, targets = words(2500, strength=0.3)
    made = Scoreboard(LAGS, range(N_LAYERS), N_LAYERS, COMPONENTS, blocks=16)
    for index in range(400):
        made.add(index, predicted[index], targets[index])
    frozen, expected, found = made.freeze(), made.curves(), []
    thread = threading.Thread(target=lambda: found.extend(frozen.curves() for _ in range(3)))
    thread.start()
    for index in range(400, 2500):
        made.add(index, predicted[index], targets[index])
    thread.join()
    assert len(found) == 3
    for curves in (*found, frozen.curves()):
        for name in ("r", "null"):
            np.testing.assert_array_equal(getattr(curves, name), getattr(expected, name))
        np.testing.assert_array_equal(curves.left_out.curves, expected.left_out.curves)
    assert frozen.n == 400


def test_inputs_are_kept_as_they_were_and_not_kept_hold_of() -> None:
    predicted, targets = words(120, strength=0.3)
    made = Scoreboard(LAGS, range(N_LAYERS), N_LAYERS, COMPONENTS)
    for index in range(120):
        p, y = predicted[index].copy(), targets[index].copy()
        made.add(index, p, y)
        np.testing.assert_array_equal(p, predicted[index])
        p[:], y[:] = 1e9, 1e9
    np.testing.assert_array_equal(made.r(), board(predicted, targets).r())


def test_single_words_average_to_r() -> None:
    predicted, targets = words(BLOCK_WORDS + WORDS_KEPT, strength=0.5)
    made = board(predicted, targets)
    maps = np.array([made.word_map(i) for i in range(BLOCK_WORDS, BLOCK_WORDS + WORDS_KEPT)])
    assert np.abs(maps.mean(0) - made.r()).mean() < 0.05
    assert made.word_map(0) is None
    assert np.isnan(board(predicted[:3], targets[:3]).word_map(0)).all()


def test_memory_does_not_grow_with_words() -> None:
    predicted, targets = words(50)
    made = Scoreboard(LAGS, range(N_LAYERS), N_LAYERS, COMPONENTS, blocks=16)
    taken = []
    tracemalloc.start()
    for index in range(20000):
        made.add(index, predicted[index % 50], targets[index % 50])
        if index in (5999, 19999):
            gc.collect()  # whenever the collector last ran, what is measured is what is held
            taken.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    # 1.1 bytes a word; how many blocks are kept at the two moments makes a difference of 2 %.  A number a word is 8.
    assert taken[1] - taken[0] < 1.2 * 14000 + 0.02 * taken[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_word_that_would_spoil_all_sums_is_refused(bad: float) -> None:
    predicted, targets = words(30)
    made = board(predicted, targets)
    before = made.r()
    spoilt = predicted[0].copy()
    spoilt[2, 1] = bad
    with pytest.raises(ValueError, match="word 30 holds NaN or infinite"):
        made.add(30, spoilt, targets[0])
    with pytest.raises(ValueError, match="this board takes"):
        made.add(30, predicted[0].T, targets[0])
    np.testing.assert_array_equal(made.r(), before)


def test_distances_are_whole_words_from_near_to_far() -> None:
    far = distances()
    assert far[0] == 20
    assert far[-1] == 2000
    assert len(far) == len(set(far.tolist())) == 48
