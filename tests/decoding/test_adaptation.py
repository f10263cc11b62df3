"""Decoders that learn on the way: as good as a bank in the end, and never scored on what they have learned from."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter
from sklearn.linear_model import Ridge

from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.decoding.adaptation import GAP_WORDS, MAX_WAITING, Adapter, held_out_sums
from rtalign.decoding.bank import DecoderBank, LagDecoders
from rtalign.decoding.moments import Moments
from rtalign.decoding.running_moments import RunningMoments, bank_moments
from rtalign.scoring.nulls import layer_threshold
from rtalign.scoring.scoreboard import Scoreboard
from rtalign.training.evaluation import evaluate
from rtalign.training.prepare import ActivationRequest, prepare_recordings, read_lag
from tests.helpers.small_world import MemoryRecording, small_recipe, world

RECIPE = small_recipe()
QUIET = Progress(quiet=True)
N_LAYERS, COMPONENTS = 6, 4
N_LAGS = len(RECIPE.lags.seconds)
N_TARGETS = N_LAYERS * COMPONENTS


@pytest.fixture(scope="module")
def bank(trained: tuple[Path, MemoryRecording, Any]) -> DecoderBank:
    return DecoderBank.load(trained[0] / "bank")


@pytest.fixture(scope="module")
def today(
    bank: DecoderBank, tmp_path_factory: pytest.TempPathFactory
) -> tuple[MemoryRecording, Any, np.ndarray, np.ndarray]:
    """Fresh words: the recording, its model, epochs (word, lag, sensor) and targets (word, target)."""
    recording, model = world(n_words=900, seed=8, prefix="t")
    return recording, model, *material(recording, model, tmp_path_factory.mktemp("today"), bank)


def material(recording: MemoryRecording, model: Any, folder: Path, bank: DecoderBank) -> tuple[np.ndarray, np.ndarray]:
    request = ActivationRequest(model, bank.recipe.language, bank.layers)
    story = prepare_recordings([recording], request, bank.recipe, folder / "cache", QUIET)[0]
    epochs = np.stack([read_lag([story], float(lag)) for lag in bank.lags_s], axis=1)
    return epochs, bank.projection.project(story.activations[story.used])


def noise(n: int, seed: int = 0, n_sensors: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Epochs and targets that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    epochs = rng.standard_normal((n, N_LAGS, n_sensors)).cumsum(1) * 5 + 300
    return epochs.astype(np.float32), rng.standard_normal((n, N_TARGETS)).astype(np.float32)


def adapter(prior: DecoderBank | None = None, n_sensors: int = 24, **kw: int) -> Adapter:
    return Adapter(RECIPE, N_TARGETS, n_sensors, prior, **kw)


def board() -> Scoreboard:
    return Scoreboard(RECIPE.lags.seconds, range(N_LAYERS), N_LAYERS, COMPONENTS)


def session(
    epochs: np.ndarray, targets: np.ndarray, learner: Adapter, decoders: LagDecoders | None, *, first_score: bool = True
) -> tuple[Scoreboard, LagDecoders | None]:
    """Test, then train, as the engine does; first_score=False learns each word before it is scored."""
    scores = board()
    for index, (epoch, target) in enumerate(zip(epochs, targets, strict=True)):
        if not first_score:
            learner.add(epoch, target)
            decoders = learner.next_update().solve() if index % 100 == 0 else decoders
        if decoders is not None:
            scores.add(index, decoders.predict(epoch[None])[0], target)
        if first_score:
            learner.add(epoch, target)
            if learner.update_due:
                decoders = learner.next_update().solve()
    return scores, decoders


def test_lag_decoders_predict_as_the_bank_does(bank: DecoderBank, today: Any) -> None:
    epochs = today[2][:9]
    decoders = LagDecoders.from_bank(bank)
    expected = np.stack([bank.predict(lag, epochs[:, lag]) for lag in range(N_LAGS)], axis=1)
    scale = np.abs(expected).max()
    assert np.abs(decoders.predict(epochs) - expected).max() < 1e-5 * scale
    assert decoders.predict(epochs[:0]).shape == (0, N_LAGS, N_TARGETS)


@pytest.mark.parametrize("sizes", [(400,), (1, 1, 2, 30, 366), (100, 100, 100, 100)])
def test_running_moments_equal_moments_of_all_words(sizes: tuple[int, ...]) -> None:
    epochs, targets = noise(400)
    epochs += np.linspace(0, 200, 400, dtype=np.float32)[:, None, None]  # offsets that drift through the session
    grown, start = RunningMoments(N_LAGS, 24, N_TARGETS), 0
    for size in sizes:
        grown.add(5, epochs[start : start + size, 5], targets[start : start + size])
        start += size
    found, expected = grown.at_lag(5), Moments.from_data(epochs[:, 5], targets, "float64")
    for name in ("n", "mean_x", "mean_y", "xx", "xy", "yy"):
        value, known = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(value, known, rtol=1e-5, atol=2e-5 * np.abs(known).max(), err_msg=name)
    assert not grown.n[[4, 6]].any()


def test_decoders_equal_scikit_learn_on_the_same_words(today: Any) -> None:
    epochs, targets = today[2][:500], today[3][:500]
    recipe = small_recipe(alphas=(100.0,))
    learner = Adapter(recipe, N_TARGETS, 24)
    for first, last in ((0, 120), (120, 300), (300, 500)):
        for epoch, target in zip(epochs[first:last], targets[first:last], strict=True):
            learner.add(epoch, target)
        decoders = learner.next_update().solve()
    assert decoders.n_words == learner.n_learned == 500 - GAP_WORDS
    for lag in (0, 9, 20):
        X, learned = epochs[:, lag].astype(float), slice(500 - GAP_WORDS)
        scaled = (X - X[learned].mean(0)) / X[learned].std(0)
        expected = Ridge(100.0).fit(scaled[learned], targets[learned]).predict(scaled)
        found = decoders.predict(epochs)[:, lag]
        level = targets[: (120 - GAP_WORDS) // 2].mean(0)  # which stays that of the first update
        assert np.abs(found[learned].mean(0) - level).max() < 1e-3
        found, expected = (v - v[learned].mean(0) for v in (found, expected))
        share = [(f * e).sum() / (e * e).sum() for f, e in zip(*(layers(v) for v in (found, expected)), strict=True)]
        assert 0.01 < min(share) <= max(share) < 1.001
        assert np.abs(found - expected * np.repeat(share, COMPONENTS)).max() < 1e-3 * targets.std()


def layers(values: np.ndarray) -> np.ndarray:
    """(word, target) -> (layer, word, component)."""
    return values.reshape(len(values), N_LAYERS, COMPONENTS).transpose(1, 0, 2)


def test_penalties_are_tested_as_by_fitting_and_predicting(today: Any) -> None:
    grid = np.logspace(8, -4, 7)
    X, Y = today[2][:, 9].astype(float), today[3].astype(float)
    cross, squares = held_out_sums(Moments.from_data(X[:300], Y[:300], "float64"), X[300:500], Y[300:500], grid)
    mean, spread, level = X[:300].mean(0), X[:300].std(0), Y[:300].mean(0)
    for together, own, alpha in zip(cross, squares, grid, strict=True):
        predicted = Ridge(alpha).fit((X[:300] - mean) / spread, Y[:300]).predict((X[300:500] - mean) / spread) - level
        np.testing.assert_allclose(own, (predicted**2).sum(0), rtol=5e-3, atol=2e-3)
        np.testing.assert_allclose(together, (predicted * (Y[300:500] - level)).sum(0), rtol=1e-3, atol=2e-3)


def test_a_prior_weighs_as_many_words_as_asked(bank: DecoderBank) -> None:
    """All its words: the bank's own decoders come back.  Fewer: the same means and covariances."""
    n = int(bank.tensors["moments_n"].sum())
    whole, light = bank_moments(bank, 7, 10**6), bank_moments(bank, 7, 50)
    assert (whole.n, light.n) == (n, 50)
    np.testing.assert_allclose(light.xy / 50, whole.xy / n, rtol=1e-9)
    learner = adapter(bank, prior_words=10**6)
    decoders = learner.next_update().solve()
    scale = np.abs(bank.tensors["weights"][7]).max()
    assert np.abs(decoders.weights[7] - bank.tensors["weights"][7]).max() < 2e-3 * scale
    assert decoders.n_words == n


def test_without_a_prior_it_approaches_the_bank(bank: DecoderBank, today: Any, tmp_path: Path) -> None:
    """The bank learned 600 words of the same brain; what was adapted is scored on the words after 600 alone."""
    recording, model, epochs, targets = today
    known = evaluate(bank, [recording], model, tmp_path / "known", QUIET, store=tmp_path / "cache")
    learner = adapter()
    _, decoders = session(epochs[:600], targets[:600], learner, None)
    late, _ = session(epochs[600:], targets[600:], learner, decoders)
    goal = np.mean([layer["peak_r"] for layer in known["layers"]])
    assert late.r().max(1).mean() >= 0.8 * goal
    assert np.abs(RECIPE.lags.seconds[late.r().argmax(1)] - np.linspace(0.12, 0.42, N_LAYERS)).max() < 0.1


def test_a_prior_helps_at_the_start(bank: DecoderBank, today: Any) -> None:
    epochs, targets = today[2][:350], today[3][:350]
    with_prior, _ = session(epochs, targets, adapter(bank), LagDecoders.from_bank(bank))
    without, _ = session(epochs, targets, adapter(), None)
    assert with_prior.n == 350
    assert without.n < 300
    assert with_prior.r(200).max(1).mean() > without.r(200).max(1).mean() + 0.03


def test_the_present_participant_takes_over(bank: DecoderBank, today: Any) -> None:
    """Another head: the bank's sensors in another order, so that its decoders are of little use."""
    epochs, targets = today[2][:, :, np.random.default_rng(0).permutation(24)], today[3]
    adapted, _ = session(epochs, targets, adapter(bank, prior_words=100), LagDecoders.from_bank(bank))
    fixed = board()
    for index, predicted in enumerate(LagDecoders.from_bank(bank).predict(epochs)):
        fixed.add(index, predicted, targets[index])
    assert adapted.r(300).max(1).mean() > fixed.r(300).max(1).mean() + 0.1


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_stays_within_the_null_band(seed: int) -> None:
    """Honest only because every word is scored first; the same words learned first show how much there is to cheat."""
    epochs, targets = noise(700, seed, n_sensors=60)
    honest, _ = session(epochs, targets, adapter(n_sensors=60), None)
    curves = honest.curves()
    assert (curves.r.max(1) <= layer_threshold(curves.null)).all()
    weak = Adapter(small_recipe(alphas=(1e-3,)), N_TARGETS, 60)
    _, decoders = session(epochs, targets, weak, None)
    cheating = board()
    for index, predicted in enumerate(decoders.predict(epochs)):
        cheating.add(index, predicted, targets[index])
    assert (cheating.r().max(1) > layer_threshold(cheating.curves().null)).all()


def test_slow_targets_and_noise_score_nothing_on_average() -> None:
    """Steps in the level of the predictions would be enough to score below nothing, and steadily so."""
    scores = []
    for seed in range(6):
        epochs, targets = noise(700, seed)
        slow = lfilter([1], [1, -0.97], targets, axis=0).astype(np.float32)
        scores.append(session(epochs, slow, adapter(), None)[0].r().mean())
    assert abs(np.mean(scores)) < 0.02


def test_almost_nothing_is_predicted_from_noise() -> None:
    """Decoders are weighed on words that nothing was learned from; on words learned by heart they would look fine."""
    epochs, targets = noise(300, n_sensors=60)
    _, decoders = session(epochs, targets, adapter(n_sensors=60), None)
    assert decoders.predict(epochs).std(0).mean() < 0.1 * targets.std()


def test_words_that_come_during_an_update_wait() -> None:
    epochs, targets = noise(300)
    learner, same = adapter(), adapter()
    for k in range(150):
        learner.add(epochs[k], targets[k])
        same.add(epochs[k], targets[k])
    update = learner.next_update()
    for k in range(150, 300):
        learner.add(epochs[k], targets[k])
    found, expected = update.solve(), same.next_update().solve()
    np.testing.assert_array_equal(found.weights, expected.weights)
    assert learner.n_learned == 150 - GAP_WORDS
    assert learner.update_due


def test_a_stopped_update_resumes_with_the_same_result() -> None:
    epochs, targets = noise(150)
    stopped, whole = adapter(), adapter()
    for k in range(150):
        stopped.add(epochs[k], targets[k])
        whole.add(epochs[k], targets[k])
    asked = iter([False] * 7 + [True] * 1 + [False] * 100)
    assert stopped.next_update().solve(lambda: next(asked)) is None
    assert stopped.update_due
    assert stopped.n_learned == 0
    stopped.add(epochs[0], targets[0])
    found = stopped.next_update().solve()
    np.testing.assert_array_equal(found.weights, whole.next_update().solve().weights)
    assert (stopped.n_learned, found.n_words) == (150 - GAP_WORDS, 150 - GAP_WORDS)


def test_updates_come_as_words_double_and_then_evenly() -> None:
    epochs, targets = noise(1)
    learner, at = adapter(), []
    for n in range(1, 1501):
        learner.add(epochs[0] + n, targets[0])
        if learner.update_due:
            at.append(n)
            learner.next_update().solve()
    assert at == [n + GAP_WORDS for n in (100, 200, 400, 700, 1000, 1300)]


def test_memory_does_not_grow_with_the_words() -> None:
    epochs, targets = noise(100)
    tracemalloc.start()
    learner, taken = adapter(), []
    for n in range(3400):
        learner.add(epochs[n % 100], targets[n % 100])
        if learner.update_due:
            learner.next_update().solve()
            taken.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert taken[-1] < 1.01 * taken[3] < 10e6


def test_without_updates_the_oldest_words_are_dropped() -> None:
    epochs, targets = noise(1)
    learner = adapter()
    for _ in range(MAX_WAITING + 5):
        learner.add(epochs[0], targets[0])
    assert learner.n_dropped == 5


def test_words_of_another_shape_are_refused(bank: DecoderBank) -> None:
    epochs, targets = noise(1)
    learner = adapter()
    with pytest.raises(ValueError, match="this adapter learns from"):
        learner.add(epochs[0].T, targets[0])
    with pytest.raises(ValueError, match="NaN or infinite"):
        learner.add(epochs[0] * np.nan, targets[0])
    with pytest.raises(ValueError, match="the prior bank holds"):
        adapter(bank, n_sensors=23)
    with pytest.raises(ValueError, match="must be in order"):
        adapter(start=500)


def test_inputs_are_not_changed_and_not_shared() -> None:
    epochs, targets = noise(120)
    one, other = adapter(), adapter()
    for k in range(120):
        epoch, target = epochs[k].copy(), targets[k].copy()
        one.add(epoch, target)
        other.add(epochs[k], targets[k])
        epoch[:], target[:] = 0, 0
    np.testing.assert_array_equal(one.next_update().solve().weights, other.next_update().solve().weights)


def test_recipes_of_all_dimensions_share_one_penalty() -> None:
    recipe: Recipe = RECIPE.with_settings("language", components=0)
    learner = Adapter(recipe, 7, 24)
    epochs, _ = noise(120)
    for epoch in epochs:
        learner.add(epoch, epoch[3, :7])
    decoders = learner.next_update().solve()
    predicted = decoders.predict(epochs)[:, 3]
    r = [np.corrcoef(predicted[:, t], epochs[:, 3, t])[0, 1] for t in range(7)]
    assert min(r) > 0.9
