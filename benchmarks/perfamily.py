"""Every family beside the plain way, one full forward a word, and beside the bare network's own rate of reading."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from shapes import SMALL, write

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import LanguageModel, load, tokens_read

SAMPLE = 12
"""Words of the plain way that are really read; the rest is counted in tokens."""


def families(names: list[str], words: list[str], window: int, clock: Callable[[], float]) -> list[dict[str, Any]]:
    """One row a family, of random weights in a small shape: no weights of theirs are here."""
    return [family(name, words, window, clock) for name in names]


def family(name: str, words: list[str], window: int, clock: Callable[[], float]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        ours = load(write(Path(scratch) / name, name, **SMALL[name]))
    tokens = [list(word) for word in ours._tokenizer.all_words(words)]
    growing = LanguageRecipe(context=f"growing:{max(len(words), 2)}")
    if ours._network.fallback_window is not None:
        growing = LanguageRecipe(context=f"window:{window}")
    layers = growing.layer_indices(ours.info.n_layers)
    encode = timed(lambda: ours.encode(words, growing, layers, surprisal=False), clock)
    read = tokens_read(growing, [len(word) for word in tokens])
    prefill = timed(lambda: bare(ours, tokens), clock) / count(tokens) * read
    previous = len(words) if growing.context_kind == "growing" else window
    rows = [tokens[max(k - previous, 0) : k + 1] for k in range(len(tokens))]
    some = rows[:: max(len(rows) // SAMPLE, 1)]
    share = sum(map(count, rows)) / sum(map(count, some))
    plain = timed(lambda: [bare(ours, row) for row in some], clock) * share
    reader = ours.reader(growing, layers, surprisal=False)
    waits = [1000 * timed(lambda word=word: reader.push(word), clock, 1) for word in words[:60]]  # type: ignore[misc]
    return {
        "family": ours.info.family,
        "weights": "random",
        "parameters": ours.info.n_parameters,
        "context": growing.context,
        "words_per_s": round(len(words) / encode, 1),
        "encode_over_prefill": round(encode / prefill, 2),
        "plain_over_encode": round(plain / encode, 1),
        "live_ms": round(sorted(waits)[len(waits) // 2], 2),
    }


def count(row: list[list[int]]) -> int:
    return sum(map(len, row))


@torch.inference_mode()
def bare(ours: LanguageModel, words: list[list[int]]) -> None:
    """The network alone over a text, with nothing kept."""
    network: Any = ours._network
    module = getattr(network, "_base", None) or network._model
    module(torch.tensor([[token for word in words for token in word]]))


def timed(work: Callable[[], object], clock: Callable[[], float], repeats: int = 2) -> float:
    """Seconds of the quickest of some runs."""
    seconds = []
    for _ in range(repeats):
        start = clock()
        work()
        seconds.append(clock() - start)
    return max(min(seconds), 1e-9)


def table(rows: list[dict[str, Any]]) -> str:
    lines = [f"{'family':<16} {'words/s':>8} {'x prefill':>9} {'plain way':>10} {'live':>9}   context"]
    for row in rows:
        lines.append(
            f"{row['family']:<16} {row['words_per_s']:>8.0f} {row['encode_over_prefill']:>9.2f} "
            f"{row['plain_over_encode']:>8.1f} x {row['live_ms']:>6.1f} ms   {row['context']}"
        )
    note = "x prefill: time over that of the bare network on the same tokens; plain way: time of a full forward a word"
    return "\n".join([*lines, note])
