"""A language model that turns the words of a story into activations, all at once or as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import contexts
from rtalign.language.growing_context import Context
from rtalign.language.incremental_reader import Reader
from rtalign.language.loading.load import Asked, load_parts
from rtalign.language.loading.names import parse
from rtalign.language.loading.weights import Precision
from rtalign.language.networks.base import Grows, Network, Wanted
from rtalign.language.sliding_windows import read_windows
from rtalign.language.tokens import Cutter
from rtalign.language.types import ModelInfo, Reading

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
    precision: Precision = "float32",
    memory_gb: float | None = None,
) -> LanguageModel:
    """A model by name: smollm2 (packaged), a folder, a .gguf file, or a Hugging Face id that is in the local cache.

    Behind any of them, :untrained gives the same architecture with random weights, :static its embedding alone;
    random:DIM is a control that is no model.
    allow_download: fetch an id that is not there.  untrained, seed: another way to say :untrained:SEED.  say: told of
    work that takes long.  precision: of the weights, as in the recipe.  memory_gb: what the model may use, instead of
    all that is free.
    """
    wish = parse(name)
    wish = replace(wish, what="untrained", seed=seed) if untrained else wish
    limit = None if memory_gb is None else int(memory_gb * 1e9)
    return LanguageModel(*load_parts(Asked(wish, device, precision, limit, allow_download, say)))


class LanguageModel:
    """Words in, activations out.  Nothing is remembered between two stories."""

    def __init__(self, network: Network, tokeniser: Cutter, info: ModelInfo) -> None:
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
        recipe = contexts.settled(recipe, self._network.sees)
        tokens = self._tokeniser.story(words)
        if recipe.context_kind == "window":
            return read_windows(self._network, recipe, want, self._tokeniser.bos, tokens)
        return self._growing(tokens, recipe, want)

    def reader(self, recipe: LanguageRecipe, layers: Sequence[int], surprisal: bool = True) -> Reader:
        """A reader that follows a story word by word, and reads what encode reads."""
        want = self._wanted(recipe, layers, surprisal)
        return Reader(self._network, self._tokeniser, contexts.settled(recipe, self._network.sees), want)

    def caution(self, recipe: LanguageRecipe) -> str | None:
        """What to tell a user before a long story whose context the model may have to refuse; None if it is safe."""
        settled = contexts.settled(recipe, self._network.sees)
        if settled != recipe:
            return f"{self.info.id} reads both ways and cannot grow; {recipe.context} is read as {settled.context}"
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
        if recipe.precision != self.info.precision:
            raise ValueError(
                f"the recipe says precision {recipe.precision}; {self.info.id} was loaded in {self.info.precision}"
            )
        return Wanted(tuple(layers), recipe.tokens, surprisal)

    def _growing(self, tokens: list[list[int]], recipe: LanguageRecipe, want: Wanted) -> Iterator[tuple[int, Reading]]:
        n_tokens = [len(word) for word in tokens]
        spans = list(contexts.growing(len(tokens), recipe.context_words))
        self._admit(spans, n_tokens, recipe)
        network = cast(Grows, self._network)
        for span in spans:
            context = Context(network, recipe, want, self._tokeniser.bos, span.start)
            cut = contexts.blocks(span, n_tokens, BLOCK)
            if not network.blocks:
                cut = contexts.passes(span, n_tokens, network.batch)
            for start, stop in cut:
                if stop <= span.first:
                    context.prefill(tokens[start:stop])
                else:
                    known = max(span.first - start, 0)
                    yield start + known, context.push(tokens[start:stop]).behind(known)

    def _admit(self, spans: Sequence[contexts.Span], n_tokens: Sequence[int], recipe: LanguageRecipe) -> None:
        """Refuse a context that would not fit before an hour is spent on those that do."""
        if not spans or self._network.room is None:
            return
        most, span = contexts.longest(spans, n_tokens)
        most += int(recipe.bos and self.info.has_bos)
        if most > self._network.room:
            raise contexts.refuse(recipe, most, span.stop - span.start, self._network.room, span.stop - 1)
