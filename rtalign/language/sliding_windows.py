"""Sliding contexts in batches: every word read again behind exactly its previous words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from rtalign.core.recipe import LanguageRecipe
from rtalign.language.contexts import Span, refuse, windows
from rtalign.language.networks.base import Network, Wanted
from rtalign.language.types import Reading

STRETCH = 256
"""Words whose windows are sorted by length together: enough to pad little, few enough to keep memory flat."""


def read_windows(
    network: Network,
    recipe: LanguageRecipe,
    want: Wanted,
    bos: int | None,
    tokens: Sequence[Sequence[int]],
    first: int = 0,
) -> Iterator[tuple[int, Reading]]:
    """(index of the first word, reading) of stretches of the words from first on.  tokens: those of each word."""
    opening = [bos] if bos is not None and recipe.bos else []
    spans = list(windows(len(tokens), recipe.context_words))[first:]
    for start in range(0, len(spans), STRETCH):
        stretch = spans[start : start + STRETCH]
        rows = [opening + [token for word in tokens[span.start : span.stop] for token in word] for span in stretch]
        _admit(network, recipe, rows, stretch)
        yield first + start, _in_order(network, want, rows, [len(tokens[span.first]) for span in stretch], stretch)


def _in_order(
    network: Network, want: Wanted, rows: Sequence[list[int]], own: Sequence[int], spans: Sequence[Span]
) -> Reading:
    order = np.argsort([len(row) for row in rows], kind="stable")
    parts = []
    for batch in _batches([len(rows[k]) for k in order], network.batch):
        chosen = order[batch]
        known = [spans[k].first > spans[k].start for k in chosen]
        parts.append(_read(network, [rows[k] for k in chosen], [own[k] for k in chosen], known, want))
    together = Reading.join(parts)
    back = np.argsort(order)
    return Reading(together.activations[back], together.surprisal[back], together.n_tokens[back])


def _read(
    network: Network, rows: Sequence[list[int]], own: Sequence[int], known: Sequence[bool], want: Wanted
) -> Reading:
    """One batch; where a GPU has too little memory for it, in halves."""
    try:
        return network.windows(rows, own, known, want)
    except torch.OutOfMemoryError as error:
        if len(rows) == 1:
            raise ValueError(
                f"one context of {len(rows[0])} tokens does not fit in the device's memory - use a shorter context"
            ) from error
    half = len(rows) // 2
    parts = [
        _read(network, rows[part], own[part], known[part], want) for part in (slice(None, half), slice(half, None))
    ]
    return Reading.join(parts)


def _batches(lengths: Sequence[int], size: int) -> Iterator[slice]:
    """Runs of rows, sorted by length, that stay within the batch size when padded; a longer row stands alone."""
    start = 0
    for stop in range(1, len(lengths) + 1):
        if stop == len(lengths) or (stop + 1 - start) * lengths[stop] > size:
            yield slice(start, stop)
            start = stop


def _admit(network: Network, recipe: LanguageRecipe, rows: Sequence[list[int]], spans: Sequence[Span]) -> None:
    if network.room is None:
        return
    for row, span in zip(rows, spans, strict=True):
        if len(row) > network.room:
            raise refuse(recipe, len(row), span.stop - span.start, network.room, span.first)
