"""What a GPU makes of it: words and tokens a second of large shapes, and one person's whole fit beside himalaya's.

Reading is given as a share of the roofline, a bfloat16 product of 8192 x 8192 x 8192 measured in the same run: the
operations are those of the blocks' matrices alone, two for each weight and token.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from outcome import tell
from shapes import EIGHT_BILLION, ONE_BILLION, SMALL, TWELVE_BILLION, write

from rtalign.core.machine import cpu_count
from rtalign.core.parallel import run_ordered
from rtalign.core.recipe import FitRecipe, LanguageRecipe
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding.projection import WIDE_FACTOR
from rtalign.decoding.ridge import shared_penalties
from rtalign.language import LanguageModel, load, tokens_read
from rtalign.simulation import shipped_story, story_words
from rtalign.training.lag.fit import fit_words, search_penalties, searched_lags
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords

ALPHAS = np.logspace(-4, 8, 13)
LAYERS, COMPONENTS, SENSORS, N_FOLDS = 9, 50, 275, 5
SPACING = 21
"""Samples from word to word: 0.42 s at 50 Hz."""

SHAPES = {"1b": ("llama", ONE_BILLION), "8b": ("llama", EIGHT_BILLION), "12b": ("gpt_neox", TWELVE_BILLION)}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--dry", action="store_true", help="the whole way on the processor, with a tiny shape")
    options.add_argument("--part", choices=("read", "fit", "all"), default="all")
    options.add_argument("--models", nargs="+", choices=tuple(SHAPES), default=list(SHAPES))
    options.add_argument("--words", type=int, default=12_000, help="words read with growing contexts (12000)")
    options.add_argument("--window-words", type=int, default=2000, help="words read with sliding windows (2000)")
    options.add_argument("--fit-words", type=int, default=85_000, help="words of the fit (85000)")
    options.add_argument("--fit-lags", type=int, default=165, help="lags of the fit (165)")
    options.add_argument("--out", type=Path, help="also write the JSON here")
    given = options.parse_args()
    if not given.dry and not torch.cuda.is_available():
        print(f"gpu: torch {torch.__version__} sees no CUDA device; --dry goes the same way on the processor")
        return 1
    device = "cpu" if given.dry else "cuda"
    peak = roofline(device, 256 if given.dry else 8192)
    result: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
        "dry": given.dry,
        "torch": torch.__version__,
        "roofline": peak,
    }
    if given.part != "fit":
        words = story_words(shipped_story())
        n_words, n_windows = (60, 20) if given.dry else (given.words, given.window_words)
        words = (words * (n_words // len(words) + 1))[:n_words]
        result["models"] = {}
        for name in ["tiny"] if given.dry else given.models:
            with tempfile.TemporaryDirectory() as scratch:
                result["models"][name] = reading(name, Path(scratch), words, n_windows, peak["tflops"], device)
    if given.part != "read":
        result["fit"] = fit(600 if given.dry else given.fit_words, 4 if given.dry else given.fit_lags, device)
    tell(result, given.out)
    return 0


def seconds(work: Callable[[], object], device: str, repeats: int = 3) -> float:
    """Wall time of the quickest run, after one that is not counted, with the device's queue empty at both ends."""
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


def roofline(device: str, size: int) -> dict[str, float]:
    """What the device gives, measured: operations of a large product, bytes of a large copy, bytes to the processor."""
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    product = seconds(lambda: left @ right, device, 10)
    block = torch.empty(size * size * 8, device=device, dtype=torch.uint8)
    copied = seconds(block.clone, device)
    host = torch.empty(block.numel(), dtype=torch.uint8, pin_memory=device == "cuda")
    travelled = seconds(lambda: host.copy_(block), device)
    return {
        "tflops": 2 * size**3 / product / 1e12,
        "gb_per_s": 2 * block.numel() / copied / 1e9,
        "to_host_gb_per_s": block.numel() / travelled / 1e9,
    }


def reading(
    name: str, scratch: Path, words: list[str], n_windows: int, peak_tflops: float, device: str
) -> dict[str, Any]:
    """Words and tokens a second of growing and sliding contexts, and one word live, for random weights of a shape."""
    precision: Any = "float32" if device == "cpu" else "bfloat16"
    kind, shape = SHAPES.get(name, ("llama", SMALL["llama"]))
    folder = write(scratch / name, kind, weights=False, **shape)
    with torch.device(device):  # drawn where they are used: a processor takes minutes for billions
        ours = load(folder + ":untrained", device=device, precision=precision)
    n_vocabularies = 1 if shape.get("tie_word_embeddings") else 2
    blocks = ours.info.n_parameters - n_vocabularies * shape["hidden_size"] * shape.get("vocab_size", 0)
    n_tokens = [len(word) for word in ours._tokenizer.all_words(words)]
    found: dict[str, Any] = {"parameters": ours.info.n_parameters, "batch_tokens": ours._network.batch_tokens}
    every = list(range(ours.info.n_layers))
    for context, n, layers in (
        (f"growing:{min(1000, len(words))}", len(words), "nine"),
        (f"growing:{min(1000, len(words))}", len(words), "all"),
        ("window:50", n_windows, "nine"),
    ):
        recipe = LanguageRecipe(context=context, precision=precision)
        chosen = every if layers == "all" else recipe.layer_indices(ours.info.n_layers)
        spent = seconds(partial(_read, ours, words[:n], recipe, chosen), device, 2)
        tokens = tokens_read(recipe, n_tokens[:n])
        found[f"{context}, {layers} layers"] = {
            "words_per_s": round(n / spent, 1),
            "tokens_per_s": round(tokens / spent, 1),
            "share_of_roofline": round(2 * blocks * tokens / spent / peak_tflops / 1e12, 3),
        }
    recipe = LanguageRecipe(precision=precision)
    live, few = ours.reader(recipe, recipe.layer_indices(ours.info.n_layers)), iter(words)
    found["live_ms_a_word"] = round(1000 * seconds(lambda: live.push(next(few)), device, 40), 2)
    return found


def _read(ours: LanguageModel, words: list[str], recipe: LanguageRecipe, layers: list[int]) -> None:
    """Read a story as the trainer does: part by part, without surprisal, each part in the processor's memory."""
    for _, part in ours.stream(words, recipe, layers, surprisal=False):
        np.ascontiguousarray(part.activations, "<f4")


def fit(n_words: int, n_lags: int, device: str) -> dict[str, Any]:
    """One person's decoders at every lag, with penalties, null and blocks left out; himalaya's RidgeCV beside it."""
    recipe, person = FitRecipe(alphas=tuple(ALPHAS)), Person(n_words, device)

    def whole(lags: Sequence[int], gpu: bool) -> tuple[list[np.ndarray], float]:
        start = time.perf_counter()
        targets = LagTargets.of(person.values, LAYERS, COMPONENTS, person.blocks, recipe)
        held = targets.on(device if gpu else "cpu", recipe)
        words = {lag: lambda lag=lag: LagWords(person.at(lag), targets, recipe, gpu=held) for lag in lags}
        searched = [partial(lambda lag: search_penalties(words[lag]()), lags[i]) for i in searched_lags(len(lags))]
        penalties = shared_penalties(list(run_ordered(searched, cpu_count())), recipe.alphas)
        jobs = [partial(lambda lag: fit_words(words[lag](), penalties).r, lag) for lag in lags]
        return list(run_ordered(jobs, cpu_count())), time.perf_counter() - start

    few = list(range(0, n_lags, max(n_lags // 4, 1)))[:4]
    whole(few, gpu=True)  # what a first use costs is not counted
    _, spent = whole(list(range(n_lags)), gpu=True)
    (there, _), (here, alone) = whole(few, gpu=True), whole(few, gpu=False)
    found = {
        "words": n_words,
        "lags": n_lags,
        "seconds": round(spent, 2),
        "ms_a_lag": round(1000 * spent / n_lags, 1),
        "cores": cpu_count(),
        "processor_alone_ms_a_lag": round(1000 * alone / len(few), 1),
        "max_dr": float(np.abs(np.stack(there) - np.stack(here)).max()),
    }
    try:
        found["himalaya_ms_a_lag"] = round(1000 * himalaya(person, few[:2], device) / len(few[:2]), 1)
    except ImportError:
        print("gpu: himalaya is not installed; it is left out")
    return found


class Person:
    """Drawn signal (sample, sensor), targets that answer to it at one lag, onsets, folds and blocks."""

    def __init__(self, n_words: int, device: str) -> None:
        torch.manual_seed(0)
        signal = torch.randn(n_words * SPACING + 400, SENSORS, device=device)
        rows = torch.arange(n_words, device=device) * SPACING
        mixing = torch.randn(SENSORS, LAYERS * WIDE_FACTOR * COMPONENTS, device=device)
        targets = 0.02 * signal[rows + 40] @ mixing + torch.randn(n_words, mixing.shape[1], device=device)
        self.signal, values = signal.cpu().numpy(), targets.cpu().numpy()
        self.folds = [fold * SPACING for fold in np.array_split(np.arange(n_words), N_FOLDS)]
        self.values = np.array_split(values, N_FOLDS)
        self.targets = [part[:, : LAYERS * COMPONENTS] for part in self.values]
        self.blocks = [assign_blocks(np.zeros(len(fold))) for fold in self.folds]

    def at(self, lag: int) -> list[np.ndarray]:
        """(word of the fold, sensor), one a fold."""
        return [self.signal[rows + lag] for rows in self.folds]


def himalaya(person: Person, lags: list[int], device: str) -> float:
    """Seconds of RidgeCV for these lags: all targets at once, on the same folds, data on the device."""
    import himalaya.backend
    from himalaya.ridge import RidgeCV
    from sklearn.model_selection import KFold

    himalaya.backend.set_backend("torch_cuda" if device == "cuda" else "torch")

    def nested(lag: int) -> None:
        x, y = ([torch.as_tensor(part).to(device) for part in parts] for parts in (person.at(lag), person.targets))
        for k in range(N_FOLDS):
            others = [f for f in range(N_FOLDS) if f != k]
            train_x, train_y = (torch.cat([part[f] for f in others]) for part in (x, y))
            scaled = train_x / train_x.std(0)
            model = RidgeCV(alphas=ALPHAS, cv=KFold(N_FOLDS - 1), solver_params={"n_alphas_batch": 1})
            model.fit(scaled, train_y).predict(x[k] / train_x.std(0))

    def every() -> None:
        for lag in lags:
            nested(lag)

    return seconds(every, device, 1)


if __name__ == "__main__":
    sys.exit(main())
