"""Words to tokens, as the tokenizer would cut the whole text, yet one word at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Protocol

from rtalign.core.recipe import LanguageRecipe
from rtalign.core.storage import cache
from rtalign.core.text.word_text import is_spoken, without_outer_punctuation
from rtalign.language.number_words import spell_numbers

BATCH = 4096
"""Words tokenised in one call."""

TEST_SENTENCE = "The cat's 2,048 naïve WORDS – don't_stop \U0001f642 1999."
"""Part of a tokenizer's fingerprint: two tokenizers with one vocabulary may cut it differently."""


ALONE = "\n"
"""What a word that is cut by itself stands behind, so that no tokenizer takes it for the beginning of a text."""


class WordTokens(list[int]):
    """The token ids of one word.

    Attributes
    ----------
    written : tuple of bool
        Of each token, whether it is more than the space before the word, which some tokenizers cut off.
    spoken : tuple of bool
        Of each token, whether it has a letter, a digit or a spoken sign; those that are written where none has.
    """

    def __init__(self, ids: Iterable[int], pieces: Iterable[str]) -> None:
        """pieces : the characters of each token."""
        super().__init__(ids)
        texts = list(pieces)
        written = tuple(bool(text.strip()) for text in texts)
        self.written = written if any(written) else (True,) * len(written)
        spoken = tuple(map(is_spoken, texts))
        self.spoken = spoken if any(spoken) else self.written


class WordTokenizer(Protocol):
    """Converts words to token ids, all at once or one by one with the same result.

    Attributes
    ----------
    bos : int or None
        The beginning-of-text token, if there is one.
    """

    bos: int | None

    def first_word(self, word: str, index: int = 0) -> WordTokens:
        """The tokens of the first word of a story."""
        ...

    def next_word(self, previous: str, word: str, index: int) -> WordTokens:
        """The tokens of a word that follows another; index is its number in the story."""
        ...

    def all_words(self, words: Sequence[str]) -> list[WordTokens]:
        """The tokens of every word of a story."""
        ...

    def alone(self, words: Sequence[str], first: int = 0) -> list[WordTokens]:
        """The tokens of words of a language written without spaces; first is the number of the first in the story."""
        ...

    def fingerprint(self) -> str:
        """Identifies the tokenizer."""
        ...


class WholeWordTokenizer:
    """One token for each word: a hash of its letters in lower case.  It needs no vocabulary."""

    bos: int | None = None

    def first_word(self, word: str, index: int = 0) -> WordTokens:
        stripped = _stripped(word, index)
        return WordTokens([int(cache.content_key(stripped.lower())[:15], 16)], [stripped])

    def next_word(self, previous: str, word: str, index: int) -> WordTokens:
        del previous
        return self.first_word(word, index)

    def all_words(self, words: Sequence[str]) -> list[WordTokens]:
        return self.alone(words)

    def alone(self, words: Sequence[str], first: int = 0) -> list[WordTokens]:
        return [self.first_word(word, index) for index, word in enumerate(words, first)]

    def fingerprint(self) -> str:
        return "whole words"


class SubwordTokenizer:
    """Tokens of each word of a story whose words are joined by one space, from a tokenizer of transformers.

    Why pairs: a word is tokenised after its predecessor and a space, and the tokens after the predecessor are taken by
    their character offsets.  The tokens of a word then never depend on the words that follow, so live and offline
    agree, and special tokens never enter.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerFast
        A tokenizer that gives character offsets.

    Raises
    ------
    ValueError
        If it gives none.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "is_fast", False):
            kind = type(tokenizer).__name__
            raise ValueError(f"{kind} gives no character offsets; use a model that comes with a tokenizer.json")
        # The tokenizer behind that of transformers, whose own call copies each word's tokens several times.
        self._tokenizer = tokenizer.backend_tokenizer
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # A story may contain "<|endoftext|>", which is read as ordinary characters.
        self._tokenizer.encode_special_tokens = True
        bos = tokenizer.bos_token_id
        self.bos: int | None = tokenizer.cls_token_id if bos is None else bos

    def first_word(self, word: str, index: int = 0) -> WordTokens:
        return self._tokens([_stripped(word, index)], [0], [index])[0]

    def next_word(self, previous: str, word: str, index: int) -> WordTokens:
        before = _stripped(previous, index - 1)
        return self._tokens([f"{before} {_stripped(word, index)}"], [len(before)], [index])[0]

    def all_words(self, words: Sequence[str]) -> list[WordTokens]:
        """The tokens of every word of a story.  Raises ValueError naming a word that has none."""
        stripped = [_stripped(word, index) for index, word in enumerate(words)]
        texts = stripped[:1] + [f"{before} {word}" for before, word in pairwise(stripped)]
        return self._in_batches(texts, [0] + [len(before) for before in stripped[:-1]], 0)

    def alone(self, words: Sequence[str], first: int = 0) -> list[WordTokens]:
        """The tokens of words of a language written without spaces, each by itself."""
        texts = [ALONE + _stripped(word, index) for index, word in enumerate(words, first)]
        return self._in_batches(texts, [len(ALONE)] * len(texts), first)

    def fingerprint(self) -> str:
        """A hash of the vocabulary and of the tokens of a difficult sentence."""
        vocabulary = sorted(self._tokenizer.get_vocab().items())
        (encoded,) = self._encode([TEST_SENTENCE])
        return cache.content_key(vocabulary, [encoded.ids])[:16]

    def _in_batches(self, texts: Sequence[str], skip: Sequence[int], first: int) -> list[WordTokens]:
        tokens: list[WordTokens] = []
        for start in range(0, len(texts), BATCH):
            part = slice(start, start + BATCH)
            tokens += self._tokens(texts[part], skip[part], range(first + start, first + start + BATCH))
        return tokens

    def _encode(self, texts: Sequence[str]) -> list[Any]:
        return list(self._tokenizer.encode_batch(list(texts), add_special_tokens=False))

    def _tokens(self, texts: Sequence[str], skip: Sequence[int], indices: Sequence[int]) -> list[WordTokens]:
        rows = zip(texts, skip, indices, self._encode(texts), strict=False)
        return [_tokens_from(text, start, index, of.ids, of.offsets) for text, start, index, of in rows]


def as_read(word: str, recipe: LanguageRecipe) -> str:
    """A word as the model reads it, by the recipe's capitals, numbers and punctuation."""
    word = word.lower() if recipe.capitals == "lower" else word
    word = spell_numbers(word) if recipe.numbers == "words" else word
    return without_outer_punctuation(word) if recipe.punctuation == "strip" else word


def _stripped(word: str, index: int) -> str:
    stripped = word.strip()
    if not stripped:
        raise ValueError(f"word {index} is empty ({word!r}); drop it from the word table")
    return stripped


def _tokens_from(
    text: str, start: int, index: int, ids: Sequence[int], offsets: Sequence[tuple[int, int]]
) -> WordTokens:
    """The tokens whose characters are at or after start."""
    tokens, pieces = [], []
    for token, (first, last) in zip(ids, offsets, strict=True):
        if first < start < last:
            raise ValueError(f"word {index}: the tokenizer joins {text!r} across the space; use another model")
        if last > start:
            tokens.append(token)
            pieces.append(text[first:last])
    if not tokens:
        raise ValueError(f"word {index} ({text[start:].strip()!r}) has no token in this model; drop or respell it")
    return WordTokens(tokens, pieces)
