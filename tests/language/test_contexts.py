"""Contexts: every word once, in the context that it should have, at the cost that was counted."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import Reading, growing_spans, load, recipe_spans, shortest_equivalent, tokens_read
from rtalign.language.contexts import token_blocks
from tests.helpers.tiny_models import STORY, assert_same, write_model


@pytest.mark.parametrize("capacity", [2, 3, 10, 11])
def test_every_word_is_returned_by_one_context(capacity):
    spans = list(growing_spans(57, capacity))
    given = [index for span in spans for index in range(span.first, span.stop)]
    assert given == list(range(57))
    assert max(span.stop - span.start for span in spans) == capacity
    assert all(span.first - span.start == capacity // 2 for span in spans[1:])


def test_a_full_context_is_followed_by_one_with_the_share_kept(tmp_path):
    how = LanguageRecipe(context="growing:12", kept_share=0.25)
    spans = list(recipe_spans(how, 40))
    assert [(span.start, span.first) for span in spans] == [(0, 0), (9, 12), (18, 21), (27, 30), (36, 39)]
    language = load(write_model(tmp_path / "tiny", "llama"))
    whole, reader = language.encode(STORY[:40], how, [1, 3]), language.reader(how, [1, 3])
    parts = []
    for first in range(0, 40, 5):
        parts.append(reader.read(STORY[first : first + 5]))
        while reader.prepare():
            pass
    one_by_one = Reading.join(parts)
    assert_same(one_by_one, whole.activations, whole.surprisal)


@pytest.mark.parametrize("size", [1, 4, 100])
def test_blocks_cover_a_context_and_cut_at_its_first_word(size):
    n_tokens = [1, 5, 2, 2, 1, 1, 3, 1, 9, 1]
    for span in growing_spans(10, 6):
        cuts = list(token_blocks(span, n_tokens, size))
        assert [a for a, _ in cuts] == [span.start] + [b for _, b in cuts[:-1]]
        assert cuts[-1][1] == span.stop
        assert span.first in [a for a, _ in cuts]
        assert all(sum(n_tokens[a:b]) <= size or b - a == 1 for a, b in cuts)


@pytest.mark.parametrize("context", ["growing:2", "growing:7", "growing:500", "window:0", "window:3", "window:500"])
def test_the_shortest_equivalent_context_reads_the_same(context, tmp_path):
    how = LanguageRecipe(context=context)
    short = shortest_equivalent(how, 20)
    assert shortest_equivalent(how, 20).context == {"growing:500": "growing:20", "window:500": "window:19"}.get(
        context, context
    )
    language = load(write_model(tmp_path / "tiny", "llama"))
    one, two = (language.encode(STORY[:20], each, [2]) for each in (how, short))
    np.testing.assert_array_equal(one.activations, two.activations)


@pytest.mark.parametrize(
    ("context", "share"),
    [("growing:6", 0.5), ("growing:6", 0.2), ("growing:40", 0.5), ("window:0", 0.5), ("window:5", 0.5)],
)
def test_tokens_read_are_counted_in_advance(context, share, tmp_path, monkeypatch):
    language = load(write_model(tmp_path / "tiny", "llama"))
    how, counts = LanguageRecipe(context=context, kept_share=share, bos=False), []
    network = type(language._network)
    run = network.run
    monkeypatch.setattr(
        network, "run", lambda self, ids, *a, **k: counts.append(ids.numel()) or run(self, ids, *a, **k)
    )
    language._network.batch_tokens = 1  # one row at a time: no padding
    reading = language.encode(STORY[:20], how, [1])
    assert sum(counts) == tokens_read(how, reading.n_tokens.tolist())
