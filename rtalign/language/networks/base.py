"""The interface of every language-model network, and how the hidden states of tokens become those of words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch

from rtalign.core.gpu_copies import to_device, to_host
from rtalign.core.recipe import LanguageRecipe
from rtalign.language.reading import Reading
from rtalign.language.tokens import WordTokens

Counted = Sequence[bool]
"""Of the tokens of one word, whether each counts in its vector and surprisal."""

PendingReading = Callable[[], Reading]
"""Words whose reading has begun; the call waits for them."""

MAX_LOGITS = {"cpu": 1 << 24, "cuda": 1 << 27}
"""Logits held at once, 64 and 512 MB.  Why: with a large vocabulary, the logits of a whole context are too many."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A text, and the words at its end that are wanted.

    Attributes
    ----------
    ids : list of int
        Token ids of the text.
    own : sequence of Counted
        Of each wanted word, whether its tokens count.
    has_context : sequence of bool
        Of each wanted word, whether an earlier word precedes it in the row, so that it has a surprisal.
    """

    ids: list[int]
    own: Sequence[Counted]
    has_context: Sequence[bool]


@dataclass(frozen=True, slots=True)
class OutputRequest:
    """What a network is asked to return for each word.

    Attributes
    ----------
    layers : tuple of int
        Hidden states to return, in this order; 0 is the embedding.
    tokens : {"mean", "last", "first"}
        How the tokens of a word become one vector.
    surprisal : bool
        Whether to compute surprisal.
    unspoken : bool
        Whether tokens of punctuation alone count in a word's vector and surprisal.
    """

    layers: tuple[int, ...]
    tokens: str
    surprisal: bool
    unspoken: bool = False

    def counted(self, word: WordTokens) -> Counted:
        """Which tokens of a word count."""
        return word.written if self.unspoken else word.spoken


@dataclass(frozen=True, slots=True)
class PassOutput:
    """Result of one forward pass.

    Attributes
    ----------
    hidden : list of Tensor, shape (row, token, dim)
        One tensor for each requested layer.
    last : Tensor, shape (row, token, dim)
        The last hidden state, after the final norm; it predicts the next token.
    cache : object
        What the network needs to continue after these tokens; None if it was not requested.
    """

    hidden: list[torch.Tensor]
    last: torch.Tensor
    cache: Any


class Network(Protocol):
    """A network that reads rows of token ids.  It keeps no state between two calls.

    In every family hidden state 0 is the input of the first block (the embedding, with whatever scale or position the
    model adds to it), hidden state k the input of block k, and the last one the output of the final norm, so that
    depth counts blocks.

    Attributes
    ----------
    max_tokens : int or None
        Longest context in tokens; None if there is no limit.
    batch_tokens : int
        Tokens in one batch, padding included.
    fallback_window : int or None
        For a network that cannot continue a text: the largest number of previous words by which a growing context is
        replaced.  None if contexts can grow.
    n_layers, dim : int
        Number of hidden states, and their dimensions.
    """

    @property
    def max_tokens(self) -> int | None: ...

    @property
    def batch_tokens(self) -> int: ...

    @property
    def fallback_window(self) -> int | None: ...

    @property
    def n_layers(self) -> int: ...

    @property
    def dim(self) -> int: ...

    def read_rows(self, rows: Sequence[TokenRow], request: OutputRequest) -> PendingReading:
        """Begin to read independent rows.

        Parameters
        ----------
        rows : sequence of TokenRow
            The rows.
        request : OutputRequest
            What to return.

        Returns
        -------
        callable
            Returns a Reading of the rows' wanted words, one row after the other.
        """
        ...


class IncrementalNetwork(Network, Protocol):
    """A network that can continue a text after what it has read.

    Attributes
    ----------
    block_steps : bool
        Whether many tokens at once can follow what was read, as fast as at the beginning of a text.
    nests : bool
        Whether other tokens can be read between two blocks of a pass.
    """

    @property
    def block_steps(self) -> bool: ...

    @property
    def nests(self) -> bool: ...

    def to_tensor(self, values: Any) -> torch.Tensor:
        """Convert integers to a tensor on the device of the weights."""
        ...

    def run(
        self,
        ids: torch.Tensor,
        layers: Sequence[int],
        cache: Any = None,
        keep_cache: bool = True,
        last_state: bool = True,
        between: Callable[[], None] | None = None,
    ) -> PassOutput:
        """Run one forward pass.

        Parameters
        ----------
        ids : Tensor, shape (row, token)
            Token ids; they follow the cache if there is one.
        layers : sequence of int
            Hidden states to return.
        cache : object
            The cache of an earlier pass, or None at the beginning of a text.  It may be modified.
        keep_cache : bool
            Whether to return a cache.
        last_state : bool
            Whether the last hidden state is wanted; where neither it nor a cache is, blocks above the deepest layer
            need not be computed, and `PassOutput.last` is any state.
        between : callable, optional
            Called before every block; where the network nests, it may run other passes, with other caches.

        Returns
        -------
        PassOutput
            Hidden states and cache.
        """
        ...

    def token_surprisal(self, last: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Compute -log p in nats of tokens.

        Parameters
        ----------
        last : Tensor, shape (token, dim)
            The last hidden state before each token.
        ids : Tensor, shape (token,)
            The tokens themselves.

        Returns
        -------
        Tensor, shape (token,)
            Surprisal in nats.
        """
        ...


NetworkT = TypeVar("NetworkT", bound=Network, covariant=True)


@dataclass(frozen=True, slots=True)
class ReadSetup(Generic[NetworkT]):
    """What all contexts of one story have in common.  bos : the beginning-of-text token, if the model has one."""

    network: NetworkT
    recipe: LanguageRecipe
    request: OutputRequest
    bos: int | None

    @property
    def opening(self) -> list[int]:
        """Tokens at the beginning of every context."""
        return [self.bos] if self.bos is not None and self.recipe.bos else []


def pad_rows(rows: Sequence[Sequence[int]], padding: int = 0) -> np.ndarray:
    """(row, token), shorter rows filled up on the right."""
    padded = np.full((len(rows), max(map(len, rows))), padding, np.int64)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = row
    return padded


def own_token_indices(rows: Sequence[TokenRow]) -> tuple[np.ndarray, np.ndarray]:
    """(token,) row index and column index of the tokens of each row's own words."""
    n_own = [sum(map(len, row.own)) for row in rows]
    columns = [np.arange(len(row.ids) - n, len(row.ids)) for row, n in zip(rows, n_own, strict=True)]
    return np.repeat(np.arange(len(rows)), n_own), np.concatenate(columns)


def pool_rows(
    hidden: Sequence[torch.Tensor], surprisal: torch.Tensor | None, rows: Sequence[TokenRow], request: OutputRequest
) -> PendingReading:
    """Begin to pool the tokens of the rows' own words; the arguments are those of `pool_words`."""
    own = [counted for row in rows for counted in row.own]
    return pool_words(hidden, surprisal, own, [known for row in rows for known in row.has_context], request)


class LeftToRightRows:
    """read_rows of a causal network.  No attention mask is needed: the padding follows every token that is used."""

    def read_rows(self: IncrementalNetwork, rows: Sequence[TokenRow], request: OutputRequest) -> PendingReading:
        ids = self.to_tensor(pad_rows([row.ids for row in rows]))
        output = self.run(ids, request.layers, keep_cache=False, last_state=request.surprisal)
        row, column = (self.to_tensor(part) for part in own_token_indices(rows))
        hidden = [layer[row, column] for layer in output.hidden]
        surprisal = None
        if request.surprisal:
            surprisal = self.token_surprisal(output.last[row, (column - 1).clamp(min=0)], ids[row, column])
        return pool_rows(hidden, surprisal, rows, request)


def surprisal_in_parts(
    logits: Callable[[torch.Tensor], torch.Tensor], last: torch.Tensor, ids: torch.Tensor
) -> torch.Tensor:
    """(token,) -log p in nats of ids, a few tokens at a time.  logits: (token, dim) to (token, vocabulary)."""
    # The first part tells the size of the vocabulary; the tokens of a word fit in it, so that weights are read once.
    parts, start, size = [], 0, 8
    while start < len(ids):
        values = logits(last[start : start + size]).float()
        chosen = values.gather(1, ids[start : start + size, None])[:, 0]
        parts.append(values.logsumexp(1) - chosen)
        start += size
        size = max(MAX_LOGITS["cuda" if values.is_cuda else "cpu"] // values.shape[1], 1)
    return torch.cat(parts)


def pool_words(
    hidden: Sequence[torch.Tensor],
    surprisal: torch.Tensor | None,
    own: Sequence[Counted],
    has_context: Sequence[bool],
    request: OutputRequest,
) -> PendingReading:
    """Begin to pool the tokens of words.

    hidden : one (token, dim) for each layer, the tokens of the words one after the other.
    surprisal : (token,) in nats, or None.
    own : (word,) of each word's tokens, whether they count; one at least does.
    has_context : (word,) whether the word has a surprisal.
    """
    n_tokens = np.array([len(tokens) for tokens in own], np.int32)
    pooling = TokenPooling(n_tokens, np.concatenate([np.asarray(tokens, bool) for tokens in own]), hidden[0].device)
    pooled = to_host(pooling.pool(torch.stack(list(hidden)), request.tokens).transpose(0, 1).contiguous())
    sums = None if surprisal is None else to_host(pooling.sum(surprisal[None])[0])

    def result() -> Reading:
        nothing = np.full(len(own), np.nan, np.float32)
        return Reading(pooled(), nothing if sums is None else np.where(has_context, sums(), nothing), n_tokens)

    return result


class TokenPooling:
    """The tokens of words, as one vector a word.

    Why the first tokens of all words, then their second ones: words have few tokens, and a GPU is quick at few and
    large pieces of work.

    Parameters
    ----------
    n_tokens : ndarray of int, shape (word,)
        Of each word, one after the other.
    used : ndarray of bool, shape (token,)
        Which tokens count; one of each word at least.
    device : torch.device
        Where the tokens' values are.
    """

    def __init__(self, n_tokens: np.ndarray, used: np.ndarray, device: torch.device) -> None:
        tokens = np.flatnonzero(used)
        counts = np.add.reduceat(used, np.cumsum(n_tokens) - n_tokens, dtype=np.int64)
        first = np.cumsum(counts) - counts
        longer = [np.flatnonzero(counts > k) for k in range(1, int(counts.max()))]
        self._first, self._last, self._counts = (
            to_device(part, device) for part in (tokens[first], tokens[first + counts - 1], counts[:, None])
        )
        self._next = [
            (to_device(words, device), to_device(tokens[first[words] + k], device)) for k, words in enumerate(longer, 1)
        ]

    def pool(self, values: torch.Tensor, how: str) -> torch.Tensor:
        """(layer, word, dim) in float32 of values (layer, token, dim): the mean of a word's tokens, or one of them."""
        if how == "mean":
            return self.sum(values).div_(self._counts)
        return values[:, self._first if how == "first" else self._last].float()

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """(layer, word, ...) sums in float32 of values (layer, token, ...)."""
        total = values[:, self._first].float()
        for words, tokens in self._next:
            total.index_add_(1, words, values[:, tokens].float())
        return total
