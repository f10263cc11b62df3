"""Independent rows of a story, read in batches as large as the device takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from rtalign.language.contexts import ContextSpan
from rtalign.language.networks.base import Network, OutputRequest, PendingReading, ReadSetup, TokenRow
from rtalign.language.reading import Reading
from rtalign.language.tokens import WordTokens

RETURNED_BYTES = 1 << 31
"""Activations that one batch returns; only all states of large models on a GPU are so many.

Two batches of a GPU are in the processor's memory at a time.
"""


def row_of(setup: ReadSetup[Any], tokens: Sequence[WordTokens], span: ContextSpan) -> TokenRow:
    """A context as a row.  tokens : those of each word of the story."""
    return TokenRow(
        setup.opening + [token for word in tokens[span.start : span.stop] for token in word],
        [setup.request.counted(word) for word in tokens[span.first : span.stop]],
        [index > span.start for index in range(span.first, span.stop)],
    )


def read_in_batches(network: Network, rows: Sequence[TokenRow], request: OutputRequest) -> Iterator[Reading]:
    """Read rows, neighbours of similar length together.

    Why one batch ahead: a GPU reads the next batch while the results of the one before travel and are used.

    Parameters
    ----------
    network : Network
        Reads them.
    rows : sequence of TokenRow
        The rows.
    request : OutputRequest
        What to return.

    Yields
    ------
    Reading
        The wanted words of some rows, in order.
    """
    before: PendingReading | None = None
    for batch in _batches(network, rows, request):
        started = _start(network, rows[batch], request)
        if before is not None:
            yield before()
        before = started
    if before is not None:
        yield before()


def _start(network: Network, rows: Sequence[TokenRow], request: OutputRequest) -> PendingReading:
    """Begin to read one batch; in halves where a GPU has too little memory for it."""
    try:
        return network.read_rows(rows, request)
    except torch.OutOfMemoryError as error:
        if len(rows) == 1:
            raise ValueError(
                f"one context of {len(rows[0].ids)} tokens does not fit in the device's memory - use a shorter context"
            ) from error
    half = len(rows) // 2
    first, second = _start(network, rows[:half], request)(), _start(network, rows[half:], request)
    return lambda: Reading.join([first, second()])


def _batches(network: Network, rows: Sequence[TokenRow], request: OutputRequest) -> Iterator[slice]:
    """Runs of rows with no more tokens, padding included, than the network takes; a longer row is one by itself."""
    per_word = 4 * len(request.layers) * network.dim
    start = longest = returned = 0
    for stop, row in enumerate(rows):
        longest, returned = max(longest, len(row.ids)), returned + per_word * len(row.own)
        if stop > start and ((stop + 1 - start) * longest > network.batch_tokens or returned > RETURNED_BYTES):
            yield slice(start, stop)
            start, longest, returned = stop, len(row.ids), per_word * len(row.own)
    if rows:
        yield slice(start, len(rows))
