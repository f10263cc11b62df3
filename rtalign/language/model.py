"""A language model that turns the words of a story into activations, all at once or word by word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from rtalign.core.recipe import LanguageRecipe
from rtalign.language.contexts import effective_recipe
from rtalign.language.growing_context import GrowingReader, read_growing
from rtalign.language.loading.load import LoadRequest, load_parts
from rtalign.language.loading.locate import parse_model_name
from rtalign.language.loading.weights import Precision
from rtalign.language.networks.base import IncrementalNetwork, Network, OutputRequest, ReadSetup
from rtalign.language.reading import ModelInfo, Reading
from rtalign.language.sliding_windows import WindowReader, read_windows
from rtalign.language.tokens import WordTokenizer, WordTokens, as_read

MAX_TOKENS_PER_WORD = 1.5
"""More than the mean of spoken English in the tokenizer of any known family; used for advice only."""


def load(
    name: str,
    device: str = "cpu",
    allow_download: bool = False,
    untrained: bool = False,
    seed: int = 0,
    report: Callable[[str], None] | None = None,
    precision: Precision = "float32",
    memory_gb: float | None = None,
) -> LanguageModel:
    """Load a language model, or a control in place of one.

    Parameters
    ----------
    name : str
        ``smollm2`` (packaged), a folder, a .gguf file, or a Hugging Face id that is in the local cache.  After any of
        them, ``:untrained`` gives the same architecture with random weights, ``:static`` its embedding alone;
        ``random:DIM`` is a control without a model.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    allow_download : bool
        Download a model that is not in the local cache.
    untrained : bool
        The same as ``:untrained:SEED`` after the name.
    seed : int
        Seed of the untrained weights.
    report : callable or None
        Called with a line of text before work that takes long.
    precision : {"float32", "bfloat16", "int8"}
        Precision of the weights, as in the recipe.
    memory_gb : float or None
        Memory that the model may use, instead of all that is free.

    Returns
    -------
    LanguageModel
        The model.

    Raises
    ------
    ValueError
        If the model is not there, is incomplete, does not fit in memory, or cannot be read.

    Examples
    --------
    >>> model = load("smollm2")
    >>> model.encode(["once", "upon", "a", "time"], LanguageRecipe(), layers=[0, 15, 30]).activations.shape
    (4, 3, 576)
    """
    model_name = parse_model_name(name)
    model_name = replace(model_name, variant="untrained", seed=seed) if untrained else model_name
    limit = None if memory_gb is None else int(memory_gb * 1e9)
    return LanguageModel(*load_parts(LoadRequest(model_name, device, precision, limit, allow_download, report)))


class LanguageModel:
    """Turns words into activations.  It keeps no state between two stories.

    Parameters
    ----------
    network : Network
        The network.
    tokenizer : WordTokenizer
        Its tokenizer.
    info : ModelInfo
        Its description.

    Attributes
    ----------
    info : ModelInfo
        Its description.
    """

    def __init__(self, network: Network, tokenizer: WordTokenizer, info: ModelInfo) -> None:
        self.info = info
        self._network, self._tokenizer = network, tokenizer

    def encode(
        self,
        words: Sequence[str],
        recipe: LanguageRecipe,
        layers: Sequence[int],
        progress: Callable[[int], None] | None = None,
        surprisal: bool = True,
    ) -> Reading:
        """Read all the words of one story.

        Parameters
        ----------
        words : sequence of str
            The story.
        recipe : LanguageRecipe
            Context, pooling of tokens, and precision.
        layers : sequence of int
            Hidden states to return, in this order; 0 is the embedding.
        progress : callable or None
            Called with the number of words done so far.
        surprisal : bool
            Whether to compute surprisal.

        Returns
        -------
        Reading
            Every word, with activations of shape (word, layer, dim).

        Raises
        ------
        ValueError
            If a layer does not exist, a context is too long for the model, or a word has no token.
        """
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
        self,
        words: Sequence[str],
        recipe: LanguageRecipe,
        layers: Sequence[int],
        surprisal: bool = True,
        wanted: Iterable[int] | None = None,
    ) -> Iterator[tuple[int, Reading]]:
        """Read all the words of one story in stretches, so that memory does not grow with the story.

        Parameters
        ----------
        words, recipe, layers, surprisal
            As for ``encode``.
        wanted : iterable of int, optional
            Words whose windows are read, in order; the others are in these as context alone.  Growing contexts return
            every word.

        Yields
        ------
        int, Reading
            Index of the first word of a stretch, of those that are returned, and the stretch; in order.
        """
        request = self._request(recipe, layers, surprisal)
        recipe = effective_recipe(recipe, self._network.fallback_window)
        texts = [as_read(word, recipe) for word in words]
        tokens = self._tokenizer.all_words(texts) if recipe.separator == "space" else self._tokenizer.alone(texts)
        if recipe.context_kind == "window":
            return read_windows(ReadSetup(self._network, recipe, request, self._tokenizer.bos), tokens, wanted)
        network = cast(IncrementalNetwork, self._network)
        return read_growing(ReadSetup(network, recipe, request, self._tokenizer.bos), tokens)

    def reader(self, recipe: LanguageRecipe, layers: Sequence[int], surprisal: bool = True) -> IncrementalReader:
        """Make a reader that reads a story word by word, with the same results as ``encode``.

        Parameters
        ----------
        recipe, layers, surprisal
            As for ``encode``.

        Returns
        -------
        IncrementalReader
            A reader at the beginning of a story.
        """
        request = self._request(recipe, layers, surprisal)
        recipe = effective_recipe(recipe, self._network.fallback_window)
        return IncrementalReader(self._network, self._tokenizer, recipe, request)

    def context_warning(self, recipe: LanguageRecipe) -> str | None:
        """Check whether the model may have to refuse or change a context, before a long story is read.

        Parameters
        ----------
        recipe : LanguageRecipe
            How the story will be read.

        Returns
        -------
        str or None
            A line for the user; None if the context is safe.
        """
        effective = effective_recipe(recipe, self._network.fallback_window)
        if effective != recipe:
            return (
                f"{self.info.id} is bidirectional and its context cannot grow; "
                f"{recipe.context} is read as {effective.context}"
            )
        most, words = self._network.max_tokens, recipe.context_words + (recipe.context_kind == "window")
        if most is None or words * MAX_TOKENS_PER_WORD + 1 <= most:
            return None
        safe = f"{recipe.context_kind}:{int(most / MAX_TOKENS_PER_WORD) // 10 * 10}"
        return (
            f"{self.info.id} reads at most {most} tokens at once; {recipe.context} may need "
            f"{words * MAX_TOKENS_PER_WORD:.0f} and be refused - {safe} is safe for most texts"
        )

    def _request(self, recipe: LanguageRecipe, layers: Sequence[int], surprisal: bool) -> OutputRequest:
        wrong = [layer for layer in layers if not 0 <= layer < self.info.n_layers]
        if wrong or not layers:
            raise ValueError(f"layers {list(layers)}: {self.info.id} has hidden states 0 to {self.info.n_layers - 1}")
        if recipe.precision != self.info.precision:
            raise ValueError(
                f"the recipe says precision {recipe.precision}; {self.info.id} was loaded in {self.info.precision}"
            )
        return OutputRequest(tuple(layers), recipe.tokens, surprisal, unspoken=recipe.punctuation == "in")


class IncrementalReader:
    """Reads a story word by word.  Made by ``LanguageModel.reader``."""

    def __init__(
        self, network: Network, tokenizer: WordTokenizer, recipe: LanguageRecipe, request: OutputRequest
    ) -> None:
        self._tokenizer, self._recipe = tokenizer, recipe
        self._reader: GrowingReader | WindowReader
        if recipe.context_kind == "growing":
            setup = ReadSetup(cast(IncrementalNetwork, network), recipe, request, tokenizer.bos)
            self._reader = GrowingReader(setup)
        else:
            self._reader = WindowReader(ReadSetup(network, recipe, request, tokenizer.bos))
        self._previous: str | None = None
        self._n_words = 0

    def push(self, word: str) -> Reading:
        """Read the next word.

        Parameters
        ----------
        word : str
            One word, without spaces.

        Returns
        -------
        Reading
            This one word.
        """
        return self.read([word])

    def read(self, words: Sequence[str]) -> Reading:
        """Read the next words together, which is much faster than one by one; the results are the same.

        Parameters
        ----------
        words : sequence of str
            Words, without spaces; one at least.

        Returns
        -------
        Reading
            These words.
        """
        return self._reader.push([self._tokens(word) for word in words])

    @property
    def room(self) -> int:
        """Words that can be read while something is prepared."""
        return self._reader.room

    def prepare(self, serve: Callable[[], None] | None = None, words_wait: bool = False) -> bool:
        """Do a little of what later words will need.

        Parameters
        ----------
        serve : callable, optional
            Called again and again meanwhile; may read words, as many as there is room for.
        words_wait : bool
            Whether words wait to be read, so that nothing may be done that they would have to wait for.

        Returns
        -------
        bool
            Whether there was something to do.
        """
        return self._reader.prepare(serve, words_wait)

    def skip(self, words: Sequence[str]) -> None:
        """Read the next words as context for those that follow; much faster than one by one.

        Parameters
        ----------
        words : sequence of str
            Words, without spaces.
        """
        self._reader.skip([self._tokens(word) for word in words])

    def _tokens(self, word: str) -> WordTokens:
        """The tokens of the next word, which is counted."""
        tokens = self._tokens_after(self._previous, word, self._n_words)
        self._previous = as_read(word, self._recipe)
        self._n_words += 1
        return tokens

    def _tokens_after(self, previous: str | None, word: str, index: int) -> WordTokens:
        """The tokens of a word of some index; previous : the word before it as it was read, None of the first one."""
        word = as_read(word, self._recipe)
        if self._recipe.separator == "none":
            return self._tokenizer.alone([word], index)[0]
        if previous is None:
            return self._tokenizer.first_word(word)
        return self._tokenizer.next_word(previous, word, index)
