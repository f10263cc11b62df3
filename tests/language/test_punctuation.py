"""Punctuation, capitals and languages without spaces: what the recipe says is what is read, offline and live."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.recipe import LanguageRecipe, Recipe
from rtalign.language import LanguageModel, load
from tests.helpers.tiny_models import write_model

WORDS = ["the", "sea,", "he", '"said', "...", "don't", "2,048", "Well-known."]
CHINESE = ["我们", "看见", "海,", "了"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return load(str(write_model(tmp_path_factory.mktemp("tiny"), "llama")))


def read(model: LanguageModel, words: list[str], **settings: object) -> np.ndarray:
    return model.encode(words, LanguageRecipe(context="growing:50", **settings), [0, 2]).activations  # type: ignore[arg-type]


def test_a_comma_leaves_the_mean_of_its_word(model: LanguageModel) -> None:
    """Of 'sea,' only the comma is no letter: without it, mean and last are those of the letters before it."""
    (word,) = model._tokenizer.all_words(["sea,"])
    assert word.spoken[-1] is False
    assert all(word.spoken[:-1])
    n = len(word) - 1
    with_comma = read(model, ["sea,"], punctuation="in")[0]
    comma = read(model, ["sea,"], punctuation="in", tokens="last")[0]
    without = read(model, ["sea,"])[0]
    assert np.allclose(without, ((n + 1) * with_comma - comma) / n, atol=1e-5)
    assert np.allclose(without, read(model, ["sea"])[0], atol=1e-5), "the network is causal: the comma comes after"
    assert not np.allclose(without, with_comma, atol=1e-3)
    assert np.allclose(read(model, ["sea,"], tokens="last")[0], read(model, ["sea"], tokens="last")[0], atol=1e-5)


@pytest.mark.parametrize("punctuation", ["out", "in"])
def test_a_space_that_is_a_token_by_itself_counts_for_no_word(punctuation: str, tmp_path: Path) -> None:
    """As where a tokenizer cuts it off: the network reads it, and mean, first and surprisal are those of the rest."""
    folder = Path(write_model(tmp_path / "tiny", "llama"))
    rules = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    rules["model"]["merges"] = []  # every byte is a token
    (folder / "tokenizer.json").write_text(json.dumps(rules), encoding="utf-8")
    model = load(str(folder))
    reading = model.encode(["a", "b"], LanguageRecipe(context="growing:50", punctuation=punctuation), [0, 2])  # type: ignore[arg-type]
    (first,) = model._tokenizer.all_words(["a", "b"])[1:]
    assert len(first) == 2
    assert first.spoken == first.written == (False, True)
    embedding = model._network._base.get_input_embeddings().weight[first[1]]  # type: ignore[attr-defined]
    assert np.allclose(reading.activations[1, 0], embedding.detach().numpy(), atol=1e-6)


def test_surprisal_is_that_of_the_word_without_its_comma(model: LanguageModel) -> None:
    recipe = LanguageRecipe(context="growing:50")
    plain = model.encode(["the", "sea"], recipe, [0]).surprisal
    assert np.allclose(model.encode(["the", "sea,"], recipe, [0]).surprisal[1], plain[1], atol=1e-4)


def test_a_word_of_punctuation_alone_keeps_its_tokens(model: LanguageModel) -> None:
    assert np.isfinite(read(model, ["so", "..."])).all()
    assert np.allclose(read(model, ["so", "..."])[1], read(model, ["so", "..."], punctuation="in")[1])


def test_the_model_still_reads_the_punctuation(model: LanguageModel) -> None:
    assert not np.allclose(read(model, ["sea,", "he"])[1], read(model, ["sea", "he"])[1], atol=1e-3)
    assert np.array_equal(read(model, ["sea,", "he"], punctuation="strip"), read(model, ["sea", "he"]))


def test_capitals_are_read_as_the_recipe_says(model: LanguageModel) -> None:
    assert np.array_equal(read(model, ["THE", "Sea"], capitals="lower"), read(model, ["the", "sea"]))
    assert not np.array_equal(read(model, ["THE", "Sea"]), read(model, ["the", "sea"]))


def test_numbers_are_read_as_the_recipe_says(model: LanguageModel) -> None:
    assert np.array_equal(read(model, ["42,", "men"], numbers="words"), read(model, ["forty-two,", "men"]))
    assert not np.array_equal(read(model, ["42,", "men"]), read(model, ["forty-two,", "men"]))


@pytest.mark.parametrize("context", ["growing:4", "window:3"])
@pytest.mark.parametrize(
    ("words", "settings"),
    [(WORDS, {}), (WORDS, {"punctuation": "in"}), (WORDS, {"punctuation": "strip", "capitals": "lower"}),
     (["in", "1923,", "a", "10th"], {"numbers": "words"}),
     (CHINESE, {"separator": "none"})],
)  # fmt: skip
def test_live_reads_what_offline_reads(
    model: LanguageModel, context: str, words: list[str], settings: dict[str, str]
) -> None:
    recipe = LanguageRecipe(context=context, **settings)  # type: ignore[arg-type]
    offline, reader = model.encode(words, recipe, [0, 1, 2]), model.reader(recipe, [0, 1, 2])
    live = [reader.push(word) for word in words]
    assert np.abs(np.concatenate([part.activations for part in live]) - offline.activations).max() < 1e-5
    assert [int(part.n_tokens[0]) for part in live] == offline.n_tokens.tolist()
    assert np.allclose(np.concatenate([part.surprisal for part in live]), offline.surprisal, atol=1e-4, equal_nan=True)


def test_words_without_spaces_between_them_have_the_tokens_of_their_letters_alone(model: LanguageModel) -> None:
    """No space enters the text, and no neighbour changes how a word is cut."""
    tokenizer = model._tokenizer._tokenizer  # type: ignore[attr-defined]
    cut = model._tokenizer.alone(CHINESE)
    assert tokenizer.decode([token for word in cut for token in word]) == "".join(CHINESE)
    assert cut[1:] == model._tokenizer.alone(CHINESE[1:])
    assert cut[2].spoken[-1] is False


def test_a_recipe_that_was_saved_before_the_setting_keeps_its_meaning() -> None:
    """Everything counted then; a new file that leaves the setting out gets the new default."""
    lines = [line for line in Recipe().to_toml().splitlines() if not line.startswith(("punctuation", "capitals"))]
    saved = "\n".join(lines)
    assert Recipe.from_saved(saved).language.punctuation == "in"
    assert Recipe.from_toml(saved).language.punctuation == "out"
    assert Recipe.from_saved(Recipe().to_toml()) == Recipe()
