"""The trainer: recovers what was planted, can be stopped and extended, and agrees with every other route."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import rtalign.training.trainer as trainer
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.records import Epoch, SkippedWord
from rtalign.core.session import Session
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.folds import PURGED, assign_folds
from rtalign.decoding.moments import rotate
from rtalign.engine.open_session import open_bank
from rtalign.report.summary import read_curves_csv
from rtalign.signal.pipeline import Pipeline
from rtalign.training.evaluation import evaluate
from rtalign.training.lag.fit import LagFit
from rtalign.training.lag.words import LagWords
from rtalign.training.prepare import ActivationRequest, PreparedRecording, prepare_recordings, read_lag
from rtalign.training.trainer import train
from tests.helpers.small_world import LATENCIES, MemoryRecording, small_recipe, world

RECIPE = small_recipe()
QUIET = Progress(quiet=True)


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def prepared(
    recording: MemoryRecording, model: Any, recipe: Recipe, bank: DecoderBank, store: Path
) -> PreparedRecording:
    request = ActivationRequest(model, recipe.language, bank.layers)
    return prepare_recordings([recording], request, recipe, store, QUIET)[0]


def test_planted_latencies_come_back(trained: tuple[Path, MemoryRecording, Any]) -> None:
    result = summary(trained[0] / "bank")
    peaks = np.array([layer["peak_s"] for layer in result["layers"]], float)
    assert [layer["status"] for layer in result["layers"]] == ["ok"] * 6
    assert np.abs(peaks - LATENCIES).max() < 0.02
    assert result["temporal_score"]["r"] > 0.98
    assert result["temporal_score"]["p_permutation"] < 0.05


def test_a_bank_folder_holds_what_interfaces_promise(trained: tuple[Path, MemoryRecording, Any]) -> None:
    bank = trained[0] / "bank"
    assert {p.name for p in bank.iterdir()} == {
        "bank.safetensors", "recipe.toml", "passport.json", "summary.json", "curves.csv", "report.html",
    }  # fmt: skip
    assert Recipe.load(bank / "recipe.toml") == RECIPE
    result, table = summary(bank), read_curves_csv(bank / "curves.csv")
    assert np.allclose(table.r, result["r"], atol=1e-5)
    passport = json.loads((bank / "passport.json").read_text())
    assert passport["recordings"][0]["fingerprint"] == trained[1].fingerprint()
    assert passport["sensors"][0] | {"position": 0, "normal": 0} == {
        "name": "M000", "kind": "axial", "unit": "fT", "position": 0, "normal": 0,
    }  # fmt: skip
    assert result["n_words"] + sum(result["skipped"].values()) == len(trained[1].words)


def test_a_slim_bank_scores_alike_and_refuses_what_needs_its_sums(
    trained: tuple[Path, MemoryRecording, Any], tmp_path: Path
) -> None:
    whole, (fresh, model) = DecoderBank.load(trained[0] / "bank"), world(n_words=150, seed=5)
    train([trained[1]], trained[2], RECIPE, tmp_path / "slim", QUIET, store=trained[0] / "cache", slim=True)
    slim = DecoderBank.load(tmp_path / "slim")
    assert slim.tensors.path.stat().st_size < 0.6 * whole.tensors.path.stat().st_size
    assert {name for name in whole.tensors.names() if name not in slim.tensors} == {
        f"moments_{name}" for name in ("n", "mean_x", "mean_y", "xx", "xy", "yy")
    }
    for name in slim.tensors.names():
        np.testing.assert_array_equal(slim.tensors[name], whole.tensors[name], err_msg=name)
    scores = [
        evaluate(bank, [fresh], model, tmp_path / f"scores{k}", QUIET, store=tmp_path)
        for k, bank in enumerate((whole, slim))
    ]
    assert scores[0]["r"] == scores[1]["r"]
    assert any("slim bank" in note for note in summary(tmp_path / "slim")["notes"])
    with pytest.raises(ValueError, match=r"is a slim bank: .* which --extend needs"):
        train([fresh], model, RECIPE, tmp_path / "more", QUIET, extend=slim, store=tmp_path)
    session = Session(bank=tmp_path / "slim", adapt=True)
    with pytest.raises(ValueError, match=r"is a slim bank: .* which --adapt needs"):
        open_bank(session)
    assert open_bank(session.model_copy(update={"adapt": False})) is not None


def test_sums_and_single_predictions_give_the_same_r(
    trained: tuple[Path, MemoryRecording, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """R of the report comes from moments; here it is taken again from every held-out word's own prediction."""
    seen = []
    fit_words = trainer.fit_words

    def kept(words: LagWords, penalties: np.ndarray | None) -> LagFit:
        found, targets = fit_words(words, penalties), words.targets
        turned = [rotate(y, turn) for y, turn in zip(targets.values, targets.rotations.outer, strict=True)]
        seen.append(np.mean([correlations(*pair) for pair in zip(found.predicted, turned, strict=True)], axis=0))
        return found

    monkeypatch.setattr(trainer, "fit_words", kept)
    monkeypatch.setattr(trainer, "run_ordered", lambda jobs, _: (job() for job in jobs))
    recipe = RECIPE.with_settings("fit", precision="float64")
    train([trained[1]], trained[2], recipe, tmp_path / "bank", QUIET, store=tmp_path / "cache")
    n_layers = len(summary(tmp_path / "bank")["layers"])
    from_words = np.stack(seen, axis=1).reshape(n_layers, -1, len(seen)).mean(1)
    assert np.abs(from_words - summary(tmp_path / "bank")["r"]).max() < 5e-6


def correlations(predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(target,), one np.corrcoef each."""
    return np.array([np.corrcoef(p, y)[0, 1] for p, y in zip(predicted.T, targets.T, strict=True)])


def test_the_final_decoder_is_scikit_learns_ridge(trained: tuple[Path, MemoryRecording, Any]) -> None:
    folder, recording, model = trained
    bank = DecoderBank.load(folder / "bank")
    story = prepared(recording, model, RECIPE, bank, folder / "cache")
    kept = assign_folds([story.onsets], RECIPE.fit, float(np.ptp(RECIPE.lags.seconds))) != PURGED
    lag = 9
    X = read_lag([story], float(bank.lags_s[lag])).astype(float)[kept]
    Y = bank.projection.project(story.activations[story.used])[kept].astype(float)
    mean, spread = X.mean(0), X.std(0)
    for target in (0, 7, 23):
        ridge = Ridge(float(bank.tensors["alphas"][lag, target])).fit((X - mean) / spread, Y[:, target])
        assert np.allclose(bank.predict(lag, X)[:, target], ridge.predict((X - mean) / spread), atol=2e-3 * Y.std())


def test_an_interrupted_run_resumes_with_the_same_result(
    trained: tuple[Path, MemoryRecording, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, recording, model = trained
    fitted: list[int] = []
    fit_and_store = trainer._fit_and_store

    def stops(job: Any, index: int) -> int:
        if len(fitted) == 7:
            raise KeyboardInterrupt
        fitted.append(index)
        return fit_and_store(job, index)

    monkeypatch.setattr(trainer, "run_ordered", lambda jobs, _: (job() for job in jobs))
    monkeypatch.setattr(trainer, "_fit_and_store", stops)
    with pytest.raises(KeyboardInterrupt):
        train([recording], model, RECIPE, tmp_path / "bank", QUIET, store=tmp_path / "cache")
    assert not (tmp_path / "bank").exists()
    fitted_again: list[int] = []
    monkeypatch.setattr(trainer, "_fit_and_store", lambda job, i: fitted_again.append(i) or fit_and_store(job, i))
    encoded = model.encoded
    train([recording], model, RECIPE, tmp_path / "bank", QUIET, store=tmp_path / "cache")
    assert model.encoded == encoded
    assert len(fitted_again) == len(RECIPE.lags.seconds) - 7
    assert not set(fitted) & set(fitted_again)
    for name in ("weights", "bias", "null", "moments_xy"):
        whole = DecoderBank.load(folder / "bank").tensors[name]
        assert np.allclose(DecoderBank.load(tmp_path / "bank").tensors[name], whole, rtol=1e-4, atol=1e-6)


def test_extending_a_bank_equals_fitting_all_words_at_once(tmp_path: Path) -> None:
    """One penalty, every dimension kept: then the decoder of both recordings has one right answer, by hand."""
    recipe = small_recipe(alphas=(100.0,)).with_settings("language", components=0)
    (first, model), (second, more) = world(seed=1), world(n_words=400, seed=2, prefix="v")
    model.table |= more.table
    store = tmp_path / "cache"
    train([first], model, recipe, tmp_path / "a", QUIET, store=store)
    earlier = DecoderBank.load(tmp_path / "a")
    result = train([second], model, recipe, tmp_path / "ab", QUIET, extend=earlier, store=store)
    both = DecoderBank.load(tmp_path / "ab")
    stories = [prepared(r, model, recipe, both, store) for r in (first, second)]
    lag, gap = 9, float(np.ptp(recipe.lags.seconds))
    kept = np.concatenate([assign_folds([s.onsets], recipe.fit, gap) != PURGED for s in stories])
    X = read_lag(stories, float(both.lags_s[lag])).astype(float)[kept]
    Y = np.concatenate([both.projection.project(s.activations[s.used]) for s in stories]).astype(float)[kept]
    scaled = (X - X.mean(0)) / X.std(0)
    assert np.allclose(both.predict(lag, X), Ridge(100.0).fit(scaled, Y).predict(scaled), atol=2e-3 * Y.std())
    assert result["n_words"] == kept.sum()
    assert [r["name"] for r in both.passport["recordings"]] == ["world-1", "world-2"]


@pytest.mark.parametrize("size", [1, 37, 5000])
def test_trainer_and_live_route_agree_number_for_number(
    trained: tuple[Path, MemoryRecording, Any], tmp_path: Path, size: int
) -> None:
    """The keystone: new recordings scored from disk equal those pushed through the live pipeline in any chunks."""
    folder, _, _ = trained
    fresh, model = world(n_words=200, seed=5, prefix="f")
    offline = evaluate(DecoderBank.load(folder / "bank"), [fresh], model, tmp_path / "out", QUIET, store=tmp_path / "c")
    bank = DecoderBank.load(folder / "bank")
    epochs = live_epochs(fresh, bank.recipe, size, late=2.0)
    assert sum(isinstance(e, SkippedWord) for e in epochs) == sum(offline["skipped"].values())
    whole = sorted((e for e in epochs if isinstance(e, Epoch)), key=lambda e: e.word.index)
    data = np.stack([e.data for e in whole])
    predicted = np.stack([bank.predict(lag, data[:, lag]) for lag in range(26)], axis=1)
    rows = model.encode([e.word.text for e in whole], bank.recipe.language, bank.layers).activations
    targets = bank.projection.project(rows)
    r = [[np.corrcoef(predicted[:, lag, t], targets[:, t])[0, 1] for t in range(targets.shape[1])] for lag in range(26)]
    live = np.reshape(r, (26, 6, 4)).mean(-1).T
    assert np.abs(live - offline["r"]).max() < 1e-5


def live_epochs(recording: MemoryRecording, recipe: Recipe, size: int, late: float) -> list[Epoch | SkippedWord]:
    """Chunks of `size` samples, each word `late` seconds after its onset."""
    pipeline = Pipeline(recipe, recording.sensors, recording.sfreq)
    out, waiting = [], list(recording.words)
    for chunk in recording.chunks(size / recording.sfreq):
        while waiting and waiting[0].onset + late < chunk.end:  # a chunk comes when its last sample has been taken
            out += pipeline.push(waiting.pop(0))
        out += pipeline.push(chunk)
    for word in waiting:
        out += pipeline.push(word)
    return out + pipeline.finish()


def test_new_recordings_show_the_same_latencies(trained: tuple[Path, MemoryRecording, Any], tmp_path: Path) -> None:
    fresh, model = world(n_words=300, seed=7, prefix="g")
    result = evaluate(DecoderBank.load(trained[0] / "bank"), [fresh], model, tmp_path / "out", QUIET, store=tmp_path)
    assert result["temporal_score"]["r"] > 0.95
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000


def test_a_score_on_training_words_is_refused(trained: tuple[Path, MemoryRecording, Any], tmp_path: Path) -> None:
    folder, recording, model = trained
    with pytest.raises(ValueError, match="was used to train this bank"):
        evaluate(DecoderBank.load(folder / "bank"), [recording], model, tmp_path / "out", QUIET)
    other_words = replace(recording, words=recording.words[5:], name="with a new word table")
    with pytest.raises(ValueError, match="with a new word table was used to train this bank"):
        evaluate(DecoderBank.load(folder / "bank"), [other_words], model, tmp_path / "out", QUIET)
    assert not (tmp_path / "out").exists()


def test_a_recording_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    """Its words would be in training and test at once."""
    recording, model = world(n_words=20)
    with pytest.raises(ValueError, match="holds the signal of world-0 again"):
        train([recording, replace(recording, name="copy")], model, RECIPE, tmp_path / "bank", QUIET, store=tmp_path)


def test_a_recording_of_noise_gets_no_temporal_score(tmp_path: Path) -> None:
    recording, model = world(snr=0.0, seed=3)
    result = train([recording], model, RECIPE, tmp_path / "bank", QUIET, store=tmp_path / "cache")
    assert result["temporal_score"] is None
    assert all(layer["peak_s"] is None for layer in result["layers"])


def test_words_of_a_gap_are_skipped_and_the_rest_is_used(tmp_path: Path) -> None:
    recording, model = world(seed=4)
    middle = len(recording.data) // 2
    recording.data[middle : middle + 100] = np.nan
    result = train([recording], model, RECIPE, tmp_path / "bank", QUIET, store=tmp_path / "cache")
    assert result["skipped"]["gap in the signal"] > 0
    assert result["temporal_score"]["r"] > 0.9


@pytest.mark.parametrize(("value", "word"), [(0.0, "flat"), (np.nan, "finite")])
def test_dead_channels_are_named_with_the_fix(tmp_path: Path, value: float, word: str) -> None:
    recording, model = world(n_words=100, seed=4)
    recording.data[:, 3] = value
    with pytest.raises(ValueError, match=r"M003.*--bads M003") as error:
        train([recording], model, RECIPE, tmp_path / "bank", QUIET, store=tmp_path / "cache")
    assert word in str(error.value)
    assert not (tmp_path / "bank").exists()


def test_words_beyond_the_recording_are_counted(tmp_path: Path) -> None:
    recording, model = world(seed=4)
    beyond = replace(recording.words[-1], onset=1e4)
    recording.words = (*recording.words[:-1], beyond)
    result = train([recording], model, RECIPE, tmp_path / "bank", QUIET, store=tmp_path / "cache")
    assert result["skipped"]["window after recording"] >= 1
