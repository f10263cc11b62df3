"""Words to tokens, as the tokenizer would cut the whole text, yet one word at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

from rtalign.core import cache

BATCH = 4096
PROBE = "The cat's 2,048 naïve WORDS – don't_stop \U0001f642 1999."


class Cutter(Protocol):
    """Words to token ids, all at once or one by one with the same outcome."""

    bos: int | None

    def first(self, word: str, index: int = 0) -> list[int]: ...

    def next(self, previous: str, word: str, index: int) -> list[int]: ...

    def story(self, words: Sequence[str]) -> list[list[int]]: ...

    def fingerprint(self) -> str: ...


class WholeWords:
    """One token a word, a number made of its letters, whatever their case: no vocabulary is needed."""

    bos: int | None = None

    def first(self, word: str, index: int = 0) -> list[int]:
        return [int(cache.key(_clean(word, index).lower())[:15], 16)]

    def next(self, previous: str, word: str, index: int) -> list[int]:
        del previous
        return self.first(word, index)

    def story(self, words: Sequence[str]) -> list[list[int]]:
        return [self.first(word, index) for index, word in enumerate(words)]

    def fingerprint(self) -> str:
        return "whole words"


class Tokeniser:
    """The tokens of each word of a story, where words are joined by one space.

    Why pairs: a word is tokenised behind its predecessor and a space, and the tokens after the predecessor are taken
    by their character offsets.  What a word becomes then never depends on the words that follow, so live and offline
    agree, and special tokens never slip in.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "is_fast", False):
            kind = type(tokenizer).__name__
            raise ValueError(f"{kind} gives no character offsets; use a model that comes with a tokenizer.json")
        self._tokenizer = tokenizer
        opens = tokenizer.bos_token_id
        self.bos: int | None = tokenizer.cls_token_id if opens is None else opens

    def first(self, word: str, index: int = 0) -> list[int]:
        """The tokens of the word that opens a story."""
        return self._cut([_clean(word, index)], [0], [index])[0]

    def next(self, previous: str, word: str, index: int) -> list[int]:
        """The tokens of a word that follows another."""
        before = _clean(previous, index - 1)
        return self._cut([f"{before} {_clean(word, index)}"], [len(before)], [index])[0]

    def story(self, words: Sequence[str]) -> list[list[int]]:
        """The tokens of every word of a story.  Raises ValueError naming a word that has none."""
        clean = [_clean(word, index) for index, word in enumerate(words)]
        texts = clean[:1] + [f"{before} {word}" for before, word in pairwise(clean)]
        skip = [0] + [len(before) for before in clean[:-1]]
        tokens: list[list[int]] = []
        for start in range(0, len(texts), BATCH):
            part = slice(start, start + BATCH)
            tokens += self._cut(texts[part], skip[part], range(start, start + BATCH))
        return tokens

    def fingerprint(self) -> str:
        """A hash of the vocabulary and of how a hard sentence is cut."""
        vocabulary = sorted(self._tokenizer.get_vocab().items())
        return cache.key(vocabulary, self._encode([PROBE])["input_ids"])[:16]

    def _encode(self, texts: Sequence[str]) -> Any:
        # A story may quote "<|endoftext|>"; split_special_tokens reads it as the characters it is.
        return self._tokenizer(
            list(texts), add_special_tokens=False, return_offsets_mapping=True, split_special_tokens=True
        )

    def _cut(self, texts: Sequence[str], skip: Sequence[int], indices: Sequence[int]) -> list[list[int]]:
        encoded = self._encode(texts)
        rows = zip(texts, skip, indices, encoded["input_ids"], encoded["offset_mapping"], strict=False)
        return [_behind(text, start, index, ids, offsets) for text, start, index, ids, offsets in rows]


def _clean(word: str, index: int) -> str:
    clean = word.strip()
    if not clean:
        raise ValueError(f"word {index} is empty ({word!r}); drop it from the word table")
    return clean


def _behind(text: str, start: int, index: int, ids: Sequence[int], offsets: Sequence[tuple[int, int]]) -> list[int]:
    """The tokens whose characters lie at or after start."""
    own = []
    for token, (first, last) in zip(ids, offsets, strict=True):
        if first < start < last:
            raise ValueError(f"word {index}: the tokenizer joins {text!r} across the space; use another model")
        if last > start:
            own.append(token)
    if not own:
        raise ValueError(f"word {index} ({text[start:].strip()!r}) has no token in this model; drop or respell it")
    return own
