"""Components are fitted once for all who heard the same stories, and a kept copy changes no bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from rtalign.core.progress import Progress
from rtalign.core.records import BadStretch, Word
from rtalign.training import components
from rtalign.training.components import KeptBasis, ReadStory, fit_wide_basis, load_basis, stories_of
from rtalign.training.prepare import ActivationRequest, PreparedRecording, StoredActivations, prepare_recordings
from tests.helpers.small_world import small_recipe, two_worlds

RECIPE = small_recipe()
QUIET = Progress(quiet=True)
N_WORDS, N_LAYERS, DIM = 80, 2, 24


@pytest.fixture
def stories(tmp_path: Path) -> list[ReadStory]:
    """Two stories as some model read them; every third word is a noun, the others are not content."""
    made = []
    for i, text in enumerate("ab"):
        words = [Word(k, f"{text}{k}", 0.3 * k, 0.2, "NOUN" if k % 3 == 0 else "DET") for k in range(N_WORDS)]
        values = np.random.default_rng(i).standard_normal((N_WORDS, N_LAYERS, DIM)).astype(np.float32)
        path = tmp_path / "activations" / text / "activations.npy"
        path.parent.mkdir(parents=True)
        np.save(path, values * np.linspace(1, 3, DIM, dtype=np.float32))
        made.append(ReadStory(words, StoredActivations.open(path)))
    return made


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Words of each fit, in turn."""
    fitted: list[int] = []
    fit = components.fit_projection

    def noted(parts: list[StoredActivations], *more: Any) -> Any:
        fitted.append(sum(len(part) for part in parts))
        return fit(parts, *more)

    monkeypatch.setattr(components, "fit_projection", noted)
    return fitted


def same(one: Any, other: Any) -> bool:
    arrays = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in components.ARRAYS)
    kinds = all(getattr(one, name).dtype == getattr(other, name).dtype for name in components.ARRAYS)
    return arrays and kinds and one.components == other.components


def test_a_kept_basis_is_the_fitted_one_to_the_last_bit(
    stories: list[ReadStory], tmp_path: Path, fits: list[int]
) -> None:
    apart, first, again = (fit_wide_basis(stories, RECIPE, store=store) for store in (None, tmp_path, tmp_path))
    assert same(apart, first)
    assert same(first, again)
    assert fits == [2 * N_WORDS] * 2
    words = np.concatenate([story.activations[:] for story in stories])
    for layer in range(N_LAYERS):
        pca = PCA(8).fit(words[:, layer].astype(float))
        assert np.allclose(np.abs(np.sum(pca.components_.T * again.basis[layer], axis=0)), 1, atol=1e-4)
        assert np.allclose(pca.explained_variance_ratio_, again.variance[layer], rtol=1e-4)


def test_neither_order_nor_repetition_of_stories_is_another_basis(
    stories: list[ReadStory], tmp_path: Path, fits: list[int]
) -> None:
    first = fit_wide_basis(stories, RECIPE, store=tmp_path)
    assert same(first, fit_wide_basis([*stories[::-1], stories[1]], RECIPE, store=tmp_path))
    assert len(fits) == 1


def test_whatever_a_basis_depends_on_is_in_its_key(stories: list[ReadStory], tmp_path: Path) -> None:
    content = RECIPE.with_settings("words", which="content")
    other = replace(stories[0].activations, path=tmp_path / "c" / "activations.npy")
    reread = [stories[0]._replace(activations=other), stories[1]]
    keys = [
        KeptBasis.of(stories, RECIPE, "cpu", tmp_path).folder,
        KeptBasis.of(stories[:1], RECIPE, "cpu", tmp_path).folder,
        KeptBasis.of(reread, RECIPE, "cpu", tmp_path).folder,
        KeptBasis.of(stories[:1], content, "cpu", tmp_path).folder,
        KeptBasis.of(stories, RECIPE, "cuda", tmp_path).folder,
        KeptBasis.of(stories, RECIPE.with_settings("language", components=5), "cpu", tmp_path).folder,
    ]
    with threadpool_limits(2, user_api="blas"):
        keys.append(KeptBasis.of(stories, RECIPE, "cpu", tmp_path).folder)
    assert len(set(keys)) == len(keys)
    assert KeptBasis.of(stories, RECIPE.with_settings("fit", folds=7), "cpu", tmp_path).folder == keys[0]


def test_content_words_alone_are_fitted(stories: list[ReadStory], fits: list[int]) -> None:
    fit_wide_basis(stories, RECIPE.with_settings("words", which="content"))
    assert fits == [2 * len(range(0, N_WORDS, 3))]


def test_a_damaged_copy_is_fitted_again(stories: list[ReadStory], tmp_path: Path, fits: list[int]) -> None:
    first = fit_wide_basis(stories, RECIPE, store=tmp_path)
    file = KeptBasis.of(stories, RECIPE, "cpu", tmp_path).folder / components.FILE
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    with pytest.raises(ValueError, match="missing or was damaged"):
        load_basis(file.parent)
    assert same(first, fit_wide_basis(stories, RECIPE, store=tmp_path))
    assert same(first, load_basis(file.parent))
    assert len(fits) == 2


def test_no_chosen_word_is_an_error_in_one_line(stories: list[ReadStory]) -> None:
    with pytest.raises(ValueError, match="1 words of the stories are chosen"):
        fit_wide_basis([ReadStory(stories[0].words[:1], stories[0].activations)], RECIPE)


def test_people_share_the_basis_of_a_story_whatever_their_signals_lack(tmp_path: Path, fits: list[int]) -> None:
    """One of them has a bad stretch, so other words are used, and others are near a boundary of folds."""
    recordings, model = two_worlds()
    request = ActivationRequest(model, RECIPE.language, range(6))

    def prepared(change: Callable[[Any], Any]) -> list[PreparedRecording]:
        return prepare_recordings([change(r) for r in recordings], request, RECIPE, tmp_path, QUIET)

    whole = prepared(lambda r: r)
    less = prepared(lambda r: replace(r, bad_stretches=(BadStretch(20.0, 30.0, "a truck"),)))
    assert sum(len(one.used) for one in less) < sum(len(one.used) for one in whole)
    one, other = (fit_wide_basis(stories_of(people), RECIPE, store=tmp_path) for people in (whole, less))
    assert same(one, other)
    assert len(fits) == 1
