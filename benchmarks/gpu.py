"""What a GPU makes of it: words a second of SmolLM2 and of an 8B shape, the fit beside that of the processor."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from outcome import tell
from shapes import EIGHT_BILLION, SMALL, write

from rtalign.core.recipe import LanguageRecipe
from rtalign.decoding import ridge
from rtalign.decoding.moments import Moments
from rtalign.language import LanguageModel, load, tokens_read
from rtalign.simulation import shipped_story, story_words

ALPHAS = np.logspace(-4, 8, 13)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--dry", action="store_true", help="the whole way on the processor, with a tiny shape")
    options.add_argument("--models", nargs="+", choices=("smollm2", "8b"), default=["smollm2", "8b"])
    options.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    options.add_argument("--words", type=int, default=3000, help="words of the story (3000)")
    options.add_argument("--window", type=int, default=50, help="previous words of each window (50)")
    options.add_argument("--fit-words", type=int, default=10_000, help="words of the fitted lag (10000)")
    options.add_argument("--out", type=Path, help="also write the JSON here")
    given = options.parse_args()
    if not given.dry and not torch.cuda.is_available():
        print(f"gpu: torch {torch.__version__} sees no CUDA device; --dry goes the same way on the processor")
        return 1
    device = "cpu" if given.dry else "cuda"
    precision: Any = "float32" if given.dry else given.precision
    words = story_words(shipped_story())
    words = (words * (given.words // len(words) + 1))[: 60 if given.dry else given.words]
    peak = roofline(device, precision, 256 if given.dry else 8192)
    result: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
        "dry": given.dry,
        "torch": torch.__version__,
        "precision": precision,
        "roofline": peak,
        "models": {},
    }
    for name in ["tiny"] if given.dry else given.models:
        with tempfile.TemporaryDirectory() as scratch:
            ours = load(folder_of(name, Path(scratch)), device=device, precision=precision)
            result["models"][name] = extraction(ours, words, given.window, peak, device)
        del ours
    result["fit"] = fit(500 if given.dry else given.fit_words, device)
    tell(result, given.out)
    return 0


def folder_of(name: str, scratch: Path) -> str:
    """The packaged model, or a folder: the 8B shape has no weights here, and needs none but random ones for speed."""
    if name == "smollm2":
        return name
    if name == "8b":
        return write(scratch / name, "llama", weights=False, **EIGHT_BILLION) + ":untrained"
    return write(scratch / name, "llama", **SMALL["llama"])


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


def roofline(device: str, precision: str, size: int) -> dict[str, float]:
    """What the device gives, measured: operations of a large product, and bytes of a large copy."""
    dtype = getattr(torch, precision)
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    product = seconds(lambda: left @ right, device)
    block = torch.empty(size * size * 8, device=device, dtype=torch.uint8)
    copied = seconds(block.clone, device)
    return {"tflops": 2 * size**3 / product / 1e12, "gb_per_s": 2 * block.numel() / copied / 1e9}


def extraction(
    ours: LanguageModel, words: list[str], window: int, peak: dict[str, float], device: str
) -> dict[str, Any]:
    """Words a second of growing and sliding contexts and of single steps, each as a share of what the device gives."""
    n_tokens = [len(word) for word in ours._tokenizer.all_words(words)]
    precision: Any = ours.info.precision
    found: dict[str, Any] = {"parameters": ours.info.n_parameters, "batch_tokens": ours._network.batch_tokens}
    for context in (f"growing:{min(1000, len(words))}", f"window:{window}"):
        recipe = LanguageRecipe(context=context, precision=precision)
        layers = recipe.layer_indices(ours.info.n_layers)
        spent = seconds(partial(ours.encode, words, recipe, layers), device, 1)
        work = 2 * ours.info.n_parameters * tokens_read(recipe, n_tokens)
        found[context] = {
            "words_per_s": round(len(words) / spent, 1),
            "share_of_peak": round(work / spent / peak["tflops"] / 1e12, 3),
        }
    recipe = LanguageRecipe(precision=precision)
    reader = ours.reader(recipe, recipe.layer_indices(ours.info.n_layers))
    few = iter(words[:48])
    step = seconds(lambda: reader.push(next(few)), device, 40)
    weights = ours.info.n_parameters * (2 if precision == "bfloat16" else 4)
    found["live"] = {
        "ms_a_word": round(1000 * step, 2),
        "share_of_bandwidth": round(weights / step / peak["gb_per_s"] / 1e9, 3),
    }
    return found


def fit(n_words: int, device: str) -> dict[str, Any]:
    """One lag of the paper's shape, searched on the device and on the processor, and how far their scores differ."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_words, 275), np.float32)
    Y = X[:, :50] @ rng.standard_normal((50, 450), np.float32) + rng.standard_normal((n_words, 450), np.float32)
    folds = [Moments.from_data(X[rows], Y[rows]) for rows in np.array_split(np.arange(n_words), 5)]
    there, here = (partial(ridge.fit_ridge, folds, ALPHAS, device=where) for where in (device, "cpu"))
    apart = float(np.abs(np.asarray(there().r) - np.asarray(here().r)).max())
    spent = {"device_s": seconds(there, device), "cpu_s": seconds(here, device)}
    return spent | {"words": n_words, "times_faster": round(spent["cpu_s"] / spent["device_s"], 2), "max_dr": apart}


if __name__ == "__main__":
    sys.exit(main())
