"""A language model that turns the words of a story into activations, all at once or as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from rtalign.language import contexts
from rtalign.language.context import Context
from rtalign.language.loading import load_parts
from rtalign.language.network import Network, Wanted
from rtalign.language.reader import Reader
from rtalign.language.reading import ModelInfo, Reading
from rtalign.language.tokens import Tokeniser
from rtalign.language.windows import read_windows
from rtalign.recipe import LanguageRecipe

__all__ = ["LanguageModel", "ModelInfo", "Reader", "Reading", "load"]

BLOCK = 512
"""Tokens that a growing context reads at once."""

TOKENS_A_WORD = 1.5
"""More than spoken English comes to in any tokenizer of the families read; used for advice alone."""


def load(
    name: str,
    device: str = "cpu",
    allow_download: bool = False,
    untrained: bool = False,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> LanguageModel:
    """A model by name: smollm2 (packaged), a folder, a .gguf file, or a Hugging Face id that is in the local cache.

    allow_download: fetch an id that is not there.  untrained: the same architecture with random weights drawn from
    seed, as a control.  say: told of work that takes long.
    """
    network, tokenizer, info = load_parts(name, device, allow_download, seed if untrained else None, say)
    return LanguageModel(network, tokenizer, info)


class LanguageModel:
    """Words in, activations out.  Nothing is remembered between two stories."""

    def __init__(self, network: Network, tokeniser: Tokeniser, info: ModelInfo) -> None:
        self.info = info
        self._network, self._tokeniser = network, tokeniser

    def encode(
        self,
        words: Sequence[str],
        recipe: LanguageRecipe,
        layers: Sequence[int],
        progress: Callable[[int], None] | None = None,
        surprisal: bool = True,
    ) -> Reading:
        """All the words of one story.  progress is told how many words are done so far."""
        n, dim = len(words), self.info.dim
        whole = Reading(np.empty((n, len(layers), dim), np.float32), np.empty(n, np.float32), np.empty(n, np.int32))
        for start, part in self.stream(words, recipe, layers, surprisal):
            stop = start + len(part.n_tokens)
            whole.activations[start:stop] = part.activations
            whole.surprisal[start:stop] = part.surprisal
            whole.n_tokens[start:stop] = part.n_tokens
            if progress:
                progress(stop)
        return whole

    def stream(
        self, words: Sequence[str], recipe: LanguageRecipe, layers: Sequence[int], surprisal: bool = True
    ) -> Iterator[tuple[int, Reading]]:
        """encode in stretches, each (index of its first word, reading), in order: memory stays flat."""
        want = self._wanted(recipe, layers, surprisal)
        tokens = self._tokeniser.story(words)
        if recipe.context_kind == "window":
            return read_windows(self._network, recipe, want, self._tokeniser.bos, tokens)
        return self._growing(tokens, recipe, want)

    def reader(self, recipe: LanguageRecipe, layers: Sequence[int], surprisal: bool = True) -> Reader:
        """A reader that follows a story word by word, and reads what encode reads."""
        return Reader(self._network, self._tokeniser, recipe, self._wanted(recipe, layers, surprisal))

    def caution(self, recipe: LanguageRecipe) -> str | None:
        """What to tell a user before a long story whose context the model may have to refuse; None if it is safe."""
        room, words = self._network.room, recipe.context_words + (recipe.context_kind == "window")
        if room is None or words * TOKENS_A_WORD + 1 <= room:
            return None
        safe = f"{recipe.context_kind}:{int(room / TOKENS_A_WORD) // 10 * 10}"
        return (
            f"{self.info.id} reads at most {room} tokens at once; {recipe.context} may need "
            f"{words * TOKENS_A_WORD:.0f} and be refused - {safe} is safe for most texts"
        )

    def _wanted(self, recipe: LanguageRecipe, layers: Sequence[int], surprisal: bool) -> Wanted:
        wrong = [layer for layer in layers if not 0 <= layer < self.info.n_layers]
        if wrong or not layers:
            raise ValueError(f"layers {list(layers)}: {self.info.id} has hidden states 0 to {self.info.n_layers - 1}")
        return Wanted(tuple(layers), recipe.tokens, surprisal)

    def _growing(self, tokens: list[list[int]], recipe: LanguageRecipe, want: Wanted) -> Iterator[tuple[int, Reading]]:
        n_tokens = [len(word) for word in tokens]
        spans = list(contexts.growing(len(tokens), recipe.context_words))
        self._admit(spans, n_tokens, recipe)
        for span in spans:
            context = Context(self._network, recipe, want, self._tokeniser.bos, span.start)
            for start, stop in contexts.blocks(span, n_tokens, BLOCK):
                if stop <= span.first:
                    context.prefill(tokens[start:stop])
                else:
                    yield start, context.push(tokens[start:stop])

    def _admit(self, spans: Sequence[contexts.Span], n_tokens: Sequence[int], recipe: LanguageRecipe) -> None:
        """Refuse a context that would not fit before an hour is spent on those that do."""
        if not spans or self._network.room is None:
            return
        most, span = contexts.longest(spans, n_tokens)
        most += int(recipe.bos and self.info.has_bos)
        if most > self._network.room:
            raise contexts.refuse(recipe, most, span.stop - span.start, self._network.room, span.stop - 1)
