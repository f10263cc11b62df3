"""How fast words become activations: beside the bare network, and beside one pass a window."""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import perfamily
import torch
import transformers
from outcome import tell

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import LanguageModel, SubwordTokenizer, growing_spans, load
from rtalign.language.loading import find_model
from rtalign.simulation import shipped_story, story_words


@dataclass(frozen=True)
class Bench:
    """What is measured: our model, the same weights as transformers loads them, and a story."""

    ours: LanguageModel
    bare: Any
    tokens: list[list[int]]
    bos: int
    words: list[str]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", default="smollm2")
    options.add_argument("--words", type=int, default=600, help="words of the growing story")
    options.add_argument("--context", type=int, default=400, help="words that a growing context holds")
    options.add_argument("--window", type=int, default=50, help="previous words of each window")
    options.add_argument("--windows", type=int, default=90, help="words that are read in windows")
    options.add_argument("--repeats", type=int, default=3, help="rounds; the best of each way counts")
    options.add_argument("--threads", type=int, default=1, help="1: CPU time, deaf to other work; more: wall clock")
    options.add_argument(
        "--families",
        nargs="*",
        metavar="NAME",
        help="instead, small random models of all families, or of these",
    )
    options.add_argument("--out", type=Path, help="also write the JSON here")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    clock = time.process_time if given.threads == 1 else time.perf_counter
    if given.families is not None:
        tell(of_families(given.families, min(given.words, 300), given.window, clock), given.out)
        return
    bench = prepare(given.model, given.words)
    result = {
        "model": bench.ours.info.id,
        "machine": {"processor": platform.machine(), "threads": given.threads, "torch": torch.__version__},
        "clock": clock.__name__,
        "growing": growing(bench, given.context, given.repeats, clock),
        "windows": windows(bench, given.window, given.windows, given.repeats, clock),
        "live": live(bench, min(given.words, 120)),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    tell(result, given.out)


def of_families(names: list[str], n_words: int, window: int, clock: Callable[[], float]) -> dict[str, Any]:
    """The table of ratios, one row a family, on the terminal as text too."""
    unknown = sorted(set(names) - set(perfamily.SMALL))
    if unknown:
        raise SystemExit(f"no shape is kept for {', '.join(unknown)}; there are {', '.join(perfamily.SMALL)}")
    words = story_words(shipped_story())[:n_words]
    rows = perfamily.families(names or list(perfamily.SMALL), words, window, clock)
    print(perfamily.table(rows), file=sys.stderr)
    return {"weights": "random, about three million parameters", "words": n_words, "families": rows}


def prepare(name: str, n_words: int) -> Bench:
    words = story_words(shipped_story())
    words = (words * (n_words // len(words) + 1))[:n_words]
    folder = find_model(name).folder
    transformers.utils.logging.disable_progress_bar()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    bare = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = [list(word) for word in SubwordTokenizer(tokenizer).all_words(words)]
    return Bench(load(name), bare, tokens, tokenizer.bos_token_id, words)


def best(ways: dict[str, Callable[[], object]], repeats: int, clock: Callable[[], float]) -> dict[str, float]:
    """Seconds of each way: the best of some rounds, the ways in turn within a round so that they share its luck."""
    seconds: dict[str, float] = {}
    for _ in range(repeats):
        for name, way in ways.items():
            start = clock()
            way()
            seconds[name] = min(seconds.get(name, float("inf")), clock() - start)
    return seconds


def growing(bench: Bench, capacity: int, repeats: int, clock: Callable[[], float]) -> dict[str, Any]:
    """encode beside plain passes of transformers over the very same contexts, without and with the LM head."""
    spans = list(growing_spans(len(bench.tokens), capacity))
    rows = [torch.tensor([row(bench, span.start, span.stop)]) for span in spans]
    n_tokens = sum(ids.shape[1] for ids in rows)
    recipe = LanguageRecipe(context=f"growing:{capacity}")
    layers = recipe.layer_indices(bench.ours.info.n_layers)

    @torch.inference_mode()
    def plain(network: Any) -> None:
        for ids in rows:
            network(ids, use_cache=False)

    seconds = best(
        {
            "encode": lambda: bench.ours.encode(bench.words, recipe, layers, surprisal=False),
            "prefill": lambda: plain(bench.bare.base_model),
            "encode_surprisal": lambda: bench.ours.encode(bench.words, recipe, layers),
            "prefill_head": lambda: plain(bench.bare),
        },
        repeats,
        clock,
    )
    return {
        "words": len(bench.tokens),
        "tokens_read": n_tokens,
        "tokens_per_s": {name: round(n_tokens / value, 1) for name, value in seconds.items()},
        "encode_over_prefill": round(seconds["encode"] / seconds["prefill"], 3),
        "encode_over_prefill_surprisal": round(seconds["encode_surprisal"] / seconds["prefill_head"], 3),
    }


def windows(bench: Bench, previous: int, n_words: int, repeats: int, clock: Callable[[], float]) -> dict[str, Any]:
    """window:K beside loops over the words: whole model, network alone, and token by token (two windows of it)."""
    recipe = LanguageRecipe(context=f"window:{previous}")
    layers = recipe.layer_indices(bench.ours.info.n_layers)
    words = bench.words[:n_words]
    rows = [torch.tensor([row(bench, max(k - previous, 0), k + 1)]) for k in range(len(words))]

    def batched() -> None:
        bench.ours.encode(words, recipe, layers)

    @torch.inference_mode()
    def loop(network: Any) -> None:
        for ids in rows:
            network(ids, use_cache=False, output_hidden_states=True)

    steps = rows[-2:]

    @torch.inference_mode()
    def stepwise() -> None:
        for ids in steps:
            past = None
            for token in ids[0]:
                past = bench.bare(token.view(1, 1), past_key_values=past, use_cache=True).past_key_values

    seconds = best(
        {"batched": batched, "loop": lambda: loop(bench.bare), "loop_no_head": lambda: loop(bench.bare.base_model)},
        repeats,
        clock,
    )
    share = sum(ids.shape[1] for ids in rows) / sum(ids.shape[1] for ids in steps)
    seconds |= {"stepwise": best({"stepwise": stepwise}, 1, clock)["stepwise"] * share}
    return {
        "words": len(rows),
        "tokens_per_window": round(sum(ids.shape[1] for ids in rows) / len(rows), 1),
        "words_per_s": {name: round(len(rows) / value, 2) for name, value in seconds.items()},
        "times_faster_than": {name: round(seconds[name] / seconds["batched"], 2) for name in seconds},
    }


def live(bench: Bench, n_words: int) -> dict[str, float]:
    """Wall-clock milliseconds that a reader keeps a word waiting."""
    reader = bench.ours.reader(LanguageRecipe(context="growing:60"), [9, 18], surprisal=True)
    waits = []
    for word in bench.words[:n_words]:
        start = time.perf_counter()
        reader.push(word)
        waits.append(1000 * (time.perf_counter() - start))
    waits.sort()
    return {"median_ms": round(waits[len(waits) // 2], 1), "worst_ms": round(waits[-1], 1)}


def row(bench: Bench, start: int, stop: int) -> list[int]:
    """The tokens of a context, opened as encode opens it."""
    return [bench.bos, *(token for word in bench.tokens[start:stop] for token in word)]


if __name__ == "__main__":
    main()
