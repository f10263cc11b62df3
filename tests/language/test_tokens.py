"""Tokens of a word: those of the whole text, whatever follows, and no special ones."""

from __future__ import annotations

from itertools import chain

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from rtalign.language.tokens import SubwordTokenizer
from tests.helpers.tiny_models import STORY, tokenizer

LETTERS = st.characters(exclude_categories=["Z", "C"])
WORDS = st.lists(st.one_of(st.sampled_from(STORY), st.text(LETTERS, min_size=1, max_size=8)), min_size=1, max_size=12)


def sentencepiece_like():
    """Words that open with a lower bar, and characters that may be unknown, as in Llama 2 and Mistral."""
    core = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    bytes_ = [f"<0x{k:02X}>" for k in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=["<s>", "<unk>", *bytes_], show_progress=False)
    core.train_from_iterator([" ".join(STORY)], trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", unk_token="<unk>")


KINDS = {"byte level": tokenizer(), "sentencepiece": sentencepiece_like()}


@pytest.mark.parametrize("kind", KINDS)
@given(words=WORDS)
@settings(max_examples=60)
def test_words_one_by_one_have_the_tokens_of_the_text(kind, words):
    words = [word.strip() for word in words if word.strip()] or ["so"]
    joint = KINDS[kind](" ".join(words), add_special_tokens=False)["input_ids"]
    assert list(chain(*SubwordTokenizer(KINDS[kind]).all_words(words))) == joint


@pytest.mark.parametrize("kind", KINDS)
def test_live_tokens_are_those_of_offline(kind):
    cutter = SubwordTokenizer(KINDS[kind])
    live = [cutter.first_word(STORY[0])]
    live += [cutter.next_word(STORY[k - 1], STORY[k], k) for k in range(1, len(STORY))]
    assert live == cutter.all_words(STORY)


def test_batches_change_no_token(monkeypatch):
    whole = SubwordTokenizer(tokenizer()).all_words(STORY)
    monkeypatch.setattr("rtalign.language.tokens.BATCH", 7)
    assert SubwordTokenizer(tokenizer()).all_words(STORY) == whole


def test_a_special_token_in_the_story_is_plain_text():
    tokens = SubwordTokenizer(tokenizer()).all_words(["say", "<|bos|>", "now"])
    assert tokenizer().bos_token_id not in list(chain(*tokens))
    assert len(tokens[1]) > 1


@pytest.mark.parametrize("words", [["one", "", "two"], ["one", " \t", "two"]])
def test_an_empty_word_is_named_by_its_index(words):
    with pytest.raises(ValueError, match="word 1 is empty"):
        SubwordTokenizer(tokenizer()).all_words(words)
    with pytest.raises(ValueError, match="word 1 is empty"):
        SubwordTokenizer(tokenizer()).next_word("one", words[1], 1)


def test_a_word_without_tokens_is_named():
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.train_from_iterator(["only letters"], trainers.BpeTrainer(special_tokens=["<s>"], show_progress=False))
    bare = transformers.PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>")
    tokens = SubwordTokenizer(bare).all_words(["only", "letters"])
    assert all(tokens)
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    bare = transformers.PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>")
    with pytest.raises(ValueError, match=r"word 1 \('77'\) has no token"):
        SubwordTokenizer(bare).all_words(["only", "77"])


def test_a_tokenizer_without_offsets_is_refused():
    with pytest.raises(ValueError, match=r"gives no character offsets"):
        SubwordTokenizer(object())
