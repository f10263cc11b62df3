"""Nuisances of words: what they hold, that they need two words ahead and no more, and that a bank keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import Word
from rtalign.decoding.controls.nuisance_basis import FILE, NEIGHBOURS, NuisanceBasis, StoryPlace

DIM = 3


def story(n: int, seed: int) -> tuple[list[Word], np.ndarray, np.ndarray]:
    """Words with durations and ends of sentences, their static vectors, their surprisal."""
    rng = np.random.default_rng(seed)
    onsets = np.cumsum(rng.uniform(0.2, 0.9, n))
    texts = ["wo" * rng.integers(1, 4) + ("." if rng.random() < 0.2 else "") for _ in range(n)]
    durations = [None if rng.random() < 0.1 else float(rng.uniform(0.1, 0.4)) for _ in range(n)]
    words = [Word(i, t, float(o), d) for i, (t, o, d) in enumerate(zip(texts, onsets, durations, strict=True))]
    return words, rng.standard_normal((n, DIM)), np.r_[np.nan, rng.exponential(3, n - 1)]


def fitted(*stories: tuple[list[Word], np.ndarray, np.ndarray]) -> NuisanceBasis:
    words, static, surprisal = ([one[i] for one in stories] for i in range(3))
    return NuisanceBasis.fit(words, static, surprisal, [np.arange(len(one)) for one in words], DIM)  # type: ignore[arg-type]


def values(basis: NuisanceBasis, one: tuple[list[Word], np.ndarray, np.ndarray]) -> np.ndarray:
    words, static, surprisal = one
    return basis.values(basis.facts(words, basis.project(static), surprisal), np.arange(len(words)))


def test_columns_are_standardised_and_in_groups() -> None:
    one = story(200, 0)
    basis = fitted(one)
    columns = values(basis, one)
    assert np.allclose(columns.mean(0), 0)
    assert np.allclose(columns.std(0), 1)
    assert list(basis.groups) == ["timing", "duration", "position", "form", "surprisal", "neighbours"]
    assert basis.groups["neighbours"].stop == basis.n == columns.shape[1]


def test_five_words_are_enough_for_the_one_in_the_middle() -> None:
    """As live: facts come word by word, and nothing is known of the story beyond the two next words."""
    basis = fitted(story(200, 0))
    words, static, surprisal = story(60, 1)
    whole, place = values(basis, (words, static, surprisal)), StoryPlace()
    vectors = basis.project(static)
    rows = [basis.facts([words[i]], vectors[i : i + 1], surprisal[i : i + 1], place) for i in range(60)]
    none = np.full_like(rows[0], np.nan)
    for i in range(60):
        around = [rows[j] if 0 <= j < 60 else none for j in range(i - 2, i + 3)]
        assert np.allclose(basis.values(np.concatenate(around), np.array([2]))[0], whole[i])


def test_static_vectors_around_are_those_of_the_story() -> None:
    one = story(200, 0)
    basis = fitted(one)
    columns = values(basis, one)[:, basis.groups["neighbours"]].reshape(200, len(NEIGHBOURS), DIM)
    own = slice(-len(NEIGHBOURS) * DIM, None)
    columns = columns * basis.scale[own].reshape(-1, DIM) + basis.mean[own].reshape(-1, DIM)
    assert np.allclose(columns[0, :2], 0)
    for at, step in enumerate(NEIGHBOURS):
        assert np.linalg.norm(columns[10, at] - columns[20, at]) == pytest.approx(
            np.linalg.norm(one[1][10 + step] - one[1][20 + step])
        )


def test_timing_holds_intervals_that_a_line_explains() -> None:
    one = story(300, 1)
    columns = values(fitted(one), one)
    onsets, inside = np.array([word.onset for word in one[0]]), np.arange(2, 298)
    for step in (-2, -1, 1, 2):
        gap = np.abs(onsets[inside + step] - onsets[inside])
        design = np.column_stack([np.ones(len(inside)), columns[inside]])
        left = gap - design @ np.linalg.lstsq(design, gap, rcond=None)[0]
        assert left.std() < 1e-3 * gap.std()


def test_a_bank_keeps_them(tmp_path: Path) -> None:
    assert NuisanceBasis.load(tmp_path) is None
    basis, one = fitted(story(100, 0), story(90, 2)), story(50, 3)
    basis.save(tmp_path)
    again = NuisanceBasis.load(tmp_path)
    assert again is not None
    assert (values(again, one) == values(basis, one)).all()
    assert again.groups == basis.groups


@pytest.mark.parametrize("damage", ["cut", "shape", "words"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    from rtalign.core.storage.tensorfile import load_tensors, save_tensors

    path = tmp_path / FILE
    fitted(story(100, 0)).save(tmp_path)
    tensors = load_tensors(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        changed = {"shape": {"knots": tensors["knots"][1:]}, "words": {"counts": tensors["counts"][1:]}}[damage]
        save_tensors(path, tensors | changed)
    with pytest.raises(ValueError, match=f"{FILE} is damaged: .*; train the bank again"):
        NuisanceBasis.load(tmp_path)


def test_few_words_allow_fewer_components() -> None:
    basis = fitted(story(200, 0))
    others = basis.n - len(NEIGHBOURS) * DIM
    fewer = basis.at_most(3 * (others + 2 * len(NEIGHBOURS)))
    assert fewer.n == others + 2 * len(NEIGHBOURS)
    assert basis.at_most(10_000).n == basis.n
    with pytest.raises(ValueError, match=f"controls need {3 * (others + len(NEIGHBOURS))}"):
        basis.at_most(3 * others)
