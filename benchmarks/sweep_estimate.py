"""The estimate of `rtalign sweep --plan-paper` against measurement: three whole jobs of different shapes.

    python benchmarks/sweep_estimate.py --out benchmarks/results/sweep_estimate.json     about 2 minutes of one core
    python benchmarks/sweep_estimate.py --gpu                  about 3 minutes, on a GPU with all the cores beside it

`--case 0`, 1 or 2 is one of them alone.  For each shape the constants of this machine are measured as for the plan of
the study; then a model of random weights reads a story, and its components, the moments of a signal and a job are made
as a sweep makes them.  On one core processor time counts, so a busy machine changes little; run it on a quiet one all
the same.  On a GPU wall time counts, without the moments, which are made elsewhere; the speed of reading is the plan's
own, and a lag of the study's jobs is timed too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapes
import torch
from threadpoolctl import threadpool_limits

from rtalign.core.machine import cpu_count
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.records import Chunk, Sensor, Word
from rtalign.language import LanguageModel, load
from rtalign.signal.disk_buffer import DiskBuffer
from rtalign.simulation import shipped_story, story_words
from rtalign.training import sensor_moments
from rtalign.training.components import KeptBasis, fit_wide_basis, stories_of
from rtalign.training.prepare import (
    ActivationRequest,
    PreparedRecording,
    StoredActivations,
    compute_activations,
    read_lag,
)
from rtalign.training.results import model_entry
from rtalign_offline.estimate import lag_seconds_side_by_side, measure_components
from rtalign_offline.sweep.fit import SharedWork, fit_job
from rtalign_offline.sweep.paper_plan import CPU_SHARE, GPU_SHARE, H200_FLOPS, JobShape, Rates, measure, window_tokens
from rtalign_offline.sweep.paths import SweepPaths
from rtalign_offline.sweep.people import RecordingHeader, folds_of
from rtalign_offline.sweep.plan import Plan

STEP_S, APART_S = 1 / 30, 0.35
"""Between lags, and between words."""

PARTS = ("reading", "moments", "components", "job", "total")

GOAL = 0.25
"""Largest error of an estimate."""


SMALL_HEADS = {
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
}


@dataclass(frozen=True, slots=True)
class Case:
    """A job and its model: dimensions, blocks, other settings of its shape, and the words before each that is read."""

    shape: JobShape
    dim: int
    blocks: int
    window: int
    settings: Mapping[str, Any] = field(default_factory=lambda: SMALL_HEADS)

    @property
    def name(self) -> str:
        """What distinguishes it."""
        shape = self.shape
        return f"{shape.words:,} words, {shape.sensors} sensors, {shape.layers} x {self.dim}, {shape.lags} lags"


CASES = (
    Case(JobShape(words=4_000, sensors=64, layers=4, components=20, lags=41), dim=512, blocks=4, window=1),
    Case(JobShape(words=6_000, sensors=128, layers=4, components=50, lags=11), dim=768, blocks=4, window=1),
    Case(JobShape(words=2_500, sensors=200, layers=6, components=30, lags=31), dim=1024, blocks=6, window=1),
)
"""On a processor; a window of no words has no surprisal, and so no quartiles."""


def large(shape: Mapping[str, Any], words: int, window: int, lags: int = 33) -> Case:
    """A job of the study with fewer words and lags, of a model in one of `shapes`."""
    return Case(JobShape(words=words, lags=lags), shape["hidden_size"], shape["num_hidden_layers"], window, shape)


GPU_CASES = (
    large(shapes.ONE_BILLION, words=16_000, window=20),
    large(shapes.THREE_BILLION, words=8_000, window=50),
    large(shapes.EIGHT_BILLION, words=4_000, window=50),
)
DRY = Case(JobShape(words=600, sensors=12, layers=4, components=5, lags=3), dim=64, blocks=4, window=2)


def main() -> None:
    """Measure, print and keep the three cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--gpu", action="store_true", help="three jobs of the study's shape on a GPU")
    parser.add_argument("--case", type=int, choices=range(len(CASES)), help="one of the three alone")
    parser.add_argument("--dry", action="store_true", help="one tiny job on the processor, for a try")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    device, cases = ("cuda" if args.gpu and not args.dry else "cpu"), [DRY] if args.dry else CASES
    begun, result = time.perf_counter(), {"goal": GOAL, "cores": cpu_count(), "device": device}
    if args.gpu:
        result |= study_constants(device, args.dry)
        cases = cases if args.dry else GPU_CASES
    cases = cases if args.case is None else [cases[args.case]]
    print(f"{'job':<44}{'':<12}{''.join(f'{part:>11}' for part in PARTS)}")
    for case in cases:
        with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
            row = compare_on_gpu(case, Path(folder), device) if args.gpu else compare(case, Path(folder))
        rows.append(row)
        for which in ("estimated", "measured"):
            times = "".join(f"{row[which].get(part, 0):>11.2f}" for part in PARTS)
            print(f"{row['case'] if which == 'estimated' else '':<44}{which:<12}{times}")
        print(f"{'':<44}{'error':<12}{''.join(f'{error_of(row, part):>11}' for part in PARTS)}", flush=True)
    worst = max(abs(row["error"]) for row in rows)
    print(f"largest error {worst:.0%}, goal {GOAL:.0%}: {'met' if worst <= GOAL else 'NOT met'}")
    print(f"{time.perf_counter() - begun:.0f} s in all")
    if args.out:
        args.out.write_text(json.dumps(result | {"cases": rows}, indent=1))


def error_of(row: Mapping[str, Any], part: str) -> str:
    """By how much an estimate is too large or too small."""
    guess, found = (row[which].get(part) for which in ("estimated", "measured"))
    return f"{guess / found - 1:+.0%}" if guess is not None and found else "-"


def study_constants(device: str, dry: bool) -> dict[str, float]:
    """What the plan of the study takes for known: seconds of a lag of its jobs, and of a job's components."""
    shape, recipe = DRY.shape if dry else JobShape(), Recipe.preset("paper")
    found = {"lag_s": gpu_lag_s(shape, recipe, device)}
    for dim in (DRY.dim,) if dry else (2048, 4096):
        rates = measure_components(dim, shape.components, device)
        found[f"components_{dim}_s"] = rates.basis_seconds(shape.words, shape.layers, dim)
    print(", ".join(f"{name} {seconds:.4f}" for name, seconds in found.items()), flush=True)
    return found


def gpu_lag_s(shape: JobShape, recipe: Recipe, device: str) -> float:
    parts = shape.words, shape.sensors, shape.layers, shape.components
    return lag_seconds_side_by_side(*parts, recipe, device, cpu_count())


def compare_on_gpu(case: Case, folder: Path, device: str) -> dict[str, Any]:
    """Seconds of a GPU and the cores beside it, estimated and measured, of one job."""
    plan = plan_of(case, device, cpu_count())
    recipe = plan.recipe_for(plan.contexts[0])
    lag_s, rates = gpu_lag_s(case.shape, recipe, device), measure_components(case.dim, case.shape.components, device)
    folder_of_model = write_model(case, folder / "model", weights=False)
    with torch.device(device):
        model = load(f"{folder_of_model}:untrained", device=device, precision=recipe.language.precision)
    warm = [word.text for word in header(case).words[:50]]
    model.encode(warm, recipe.language, recipe.language.layer_indices(model.info.n_layers), surprisal=True)
    seconds = job_seconds(case, plan, model, folder, wall)
    flops = 2 * model.info.n_parameters * tokens_of(case, folder / "model")
    guess = {
        "reading": flops / (H200_FLOPS * GPU_SHARE),
        "components": rates.basis_seconds(case.shape.words, case.shape.layers, case.dim),
        "job": rates.projection_seconds(case.shape.words, case.shape.layers, case.dim) + case.shape.lags * lag_s,
    }
    del seconds["moments"]
    totals = [sum(part.values()) for part in (guess, seconds)]
    return {
        "case": case.name, "estimated": guess | {"total": totals[0]}, "measured": seconds | {"total": totals[1]},
        "error": totals[0] / totals[1] - 1, "lag_s": lag_s,
    }  # fmt: skip


def compare(case: Case, folder: Path) -> dict[str, Any]:
    """Seconds of one core, estimated and measured, of the parts of one job."""
    plan = plan_of(case)
    rates = measure(case.shape, plan.recipe_for(plan.contexts[0]), case.dim)
    model = load(write_model(case, folder / "model"))
    seconds = job_seconds(case, plan, model, folder, spent)
    guess = estimate(case, rates, model, folder / "model")
    totals = [sum(part.values()) for part in (guess, seconds)]
    return {
        "case": case.name, "estimated": guess | {"total": totals[0]}, "measured": seconds | {"total": totals[1]},
        "error": totals[0] / totals[1] - 1,
    }  # fmt: skip


def job_seconds(
    case: Case, plan: Plan, model: LanguageModel, folder: Path, clock: Callable[[Callable[[], object]], float]
) -> dict[str, float]:
    """What the parts of one job take by a clock."""
    shape, recipe = case.shape, plan.recipe_for(plan.contexts[0])
    paths = SweepPaths(str(folder), str(folder / "cache"), "plan.json")
    (folder / "plan.json").write_text(plan.model_dump_json())
    person = header(case)
    request = ActivationRequest(model, recipe.language, recipe.language.layer_indices(model.info.n_layers), True)
    read: list[StoredActivations] = []
    seconds = {"reading": clock(lambda: read.extend(
        compute_activations([person], request, paths.cache, Progress(quiet=True), lambda: None)))}  # fmt: skip
    used = np.arange(shape.words)
    prepared = PreparedRecording(person, noise(case, folder / "signal"), read[0], used, Counter(), {})
    moments = folder / "moments.safetensors"
    seconds["moments"] = clock(lambda: write_moments(prepared, plan, moments))
    of_stories = stories_of([prepared]), recipe, plan.fit_device, paths.cache
    seconds["components"] = clock(lambda: fit_wide_basis(*of_stories))
    reading = {"model": model_entry(model), "layers": list(request.layers), "stories": {}}
    shared = SharedWork(moments, KeptBasis.of(*of_stories).folder)
    seconds["job"] = clock(lambda: fit_job(paths, plan.jobs()[0], [prepared], reading, shared))
    return seconds


def estimate(case: Case, rates: Rates, model: LanguageModel, folder: Path) -> dict[str, float]:
    """The parts as `paper_plan.estimate_cost` adds them up."""
    flops = 2 * model.info.n_parameters * tokens_of(case, folder)
    return {
        "reading": flops / (rates.flops * CPU_SHARE),
        "moments": rates.moments_s * case.shape.lags,
        "components": rates.basis_s(case.shape, case.dim),
        "job": rates.job_s(case.shape, case.dim),
    }


def tokens_of(case: Case, folder: Path) -> float:
    """Of all windows, by the model's tokenizer."""
    import transformers

    tokens = len(transformers.AutoTokenizer.from_pretrained(folder)(" ".join(words_of(case)))["input_ids"])
    return window_tokens(case.shape.words, tokens, case.window)


def plan_of(case: Case, device: str = "cpu", cpus: int = 1) -> Plan:
    shape, precision = case.shape, {"precision": "bfloat16"} if device == "cuda" else {}
    deepest = case.blocks - np.arange(shape.layers)[::-1]  # named: as a number, few blocks would give fewer
    layers = ",".join(map(str, deepest))
    return Plan.parse(
        {
            "people": [{"name": "noise", "recordings": ["nowhere"]}],
            "models": [{"name": "shape"}],
            "contexts": [f"window:{case.window}"],
            "preset": "paper",
            "device": device,
            "fit_device": device,
            "cluster": {"cpus": cpus},
            "recipe": {
                "words": {"which": "all"},
                "language": {"layers": layers, "components": shape.components} | precision,
                "lags": {"start_s": 0.0, "stop_s": STEP_S * (shape.lags - 1), "step_s": STEP_S},
            },
        },
        Path("/"),
    )


def write_model(case: Case, folder: Path, weights: bool = True) -> str:
    size = {"hidden_size": case.dim, "num_hidden_layers": case.blocks, "intermediate_size": 4 * case.dim}
    return shapes.write(folder, "llama", weights, **(size | dict(case.settings)))


def words_of(case: Case) -> list[str]:
    words = story_words(shipped_story())
    return (words * (case.shape.words // len(words) + 1))[: case.shape.words]


def header(case: Case) -> RecordingHeader:
    words = tuple(Word(i, text, 1.0 + APART_S * i, 0.3) for i, text in enumerate(words_of(case)))
    sensors = tuple(Sensor(f"M{i}", "axial", (0.1, 0.0, 0.0), (1.0, 0.0, 0.0)) for i in range(case.shape.sensors))
    seconds = length_s(case)
    return RecordingHeader(
        "noise", "noise", 30.0, 0.0, int(30 * seconds), seconds, sensors, words, (), "noise", "noise"
    )  # fmt: skip


def length_s(case: Case) -> float:
    return 3.0 + APART_S * case.shape.words + STEP_S * case.shape.lags


def noise(case: Case, folder: Path) -> DiskBuffer:
    data = np.random.default_rng(0).standard_normal((int(30 * length_s(case)), case.shape.sensors), np.float32)
    with DiskBuffer.create(folder, 30.0, case.shape.sensors) as buffer:
        buffer.append(Chunk(data, 0.0, 30.0))
        buffer.close()
    return DiskBuffer.open(folder)


def write_moments(prepared: PreparedRecording, plan: Plan, path: Path) -> None:
    recipe = plan.recipe_for(plan.contexts[0])
    fold, n_lags = folds_of([prepared], recipe), len(recipe.lags.seconds)
    file = sensor_moments.create_file(path, n_lags, prepared.signal.n_sensors, recipe.fit.folds)
    for lag, seconds in enumerate(recipe.lags.seconds):
        signal = read_lag([prepared], float(seconds))
        own = sensor_moments.recording_moments(signal, fold, recipe.fit.precision)
        folds = sensor_moments.sum_recordings([own], recipe.fit.folds)
        sensor_moments.write_moments(file, lag, folds)
        sensor_moments.write_bases(file, lag, folds, recipe.fit.precision)


def wall(work: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def spent(work: Callable[[], object]) -> float:
    """Processor time in seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
