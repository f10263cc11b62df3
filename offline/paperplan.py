"""The plan of the published study, with what it would cost here, on one H200 and on 64 nodes of a cluster."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from offline.machine import cores
from rtalign import ridge
from rtalign.language.catalogue import PAPER, Entry
from rtalign.moments import Moments
from rtalign.plan import Plan
from rtalign.report.words import clock
from rtalign.summary import write_atomically

WORDS, CONTENT, HOURS, RUNS, SENSORS, SFREQ = 85_000, 38_000, 10.0, 66, 275, 1200.0
"""One person of the data set: words told and content words among them, hours, recordings, sensors, Hz."""

TOKENS_A_WORD = 1.35
"""Of spoken English in these tokenizers, about."""

CONTEXTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
SWEPT = "Llama-3.2-3B"
"""The model whose context the study varied."""

PEAK_SHARE = 0.6
"""Share of a plain multiplication's speed that a model's forward pass reaches on a CPU; an assumption."""

H200_FLOPS, H200_SHARE, H200_CORES = 989e12, 0.4, 16
NODES, NODE_CORES, NODE_FLOPS = 64, 32, 312e12
"""bfloat16 by its data sheet, the share a forward pass is assumed to reach, cores beside it; nodes, assumed."""

WIDTHS = {
    "gpt2-xl": 1600, "pythia-14m": 128, "pythia-31m": 256, "pythia-70m": 512, "pythia-160m": 768, "pythia-410m": 1024,
    "pythia-1b": 2048, "pythia-1.4b": 2048, "pythia-2.8b": 2560, "pythia-6.9b": 4096, "pythia-12b": 5120,
    "Llama-3.2-1B": 2048, "Llama-3.2-3B": 3072, "Meta-Llama-3-8B": 4096, "Llama-3.3-70B-Instruct": 8192,
    "Mistral-7B-v0.1": 4096, "gemma-7b": 3072, "Qwen1.5-7B": 4096, "mamba-1.4b-hf": 2048, "recurrentgemma-9b": 4096,
    "bert-base-uncased": 768, "roberta-base": 768,
}  # fmt: skip
ARCHITECTURES = {"mamba": "state space", "recurrent_gemma": "recurrent", "bert": "bidirectional"}
ARCHITECTURES |= {"roberta": "bidirectional"}

HEAD = """# The study of arXiv 2512.01591: {n_models} models, {n_contexts} contexts of {swept}, 3 people.
#
# Put the data set (Armeni et al. 2022) beside this file as `armeni`, or change `recordings`; it needs its
# owners' leave, and nothing here fetches it.  Models must be in the local cache
# (`rtalign models` says how).  Of the public Pythia sizes the study used eight of the ten below.
#
# What it would cost ({n_jobs} jobs):
{costs}
#
# Measured on the machine that wrote this: {measured}.
# Assumed: {assumed}.

title = "arXiv 2512.01591"
preset = "paper"
paper = true
contexts = ["window:50"]
quartiles = true
keep_activations = false

[cluster]
workers = 64
memory = "8GB"
partition = "CHANGE"
interface = "ib0"
time = "12:00:00"
"""


@dataclass(frozen=True, slots=True)
class Rates:
    """What this machine does.  flops : of one core; lag_s : of one lag's fit of one job, at CONTENT words, on a core;
    brain_s : of one lag of a person's shared sums; hour_s : of an hour of signal through the chain."""

    flops: float
    lag_s: float
    brain_s: float
    hour_s: float


@dataclass(frozen=True, slots=True)
class Work:
    """All of it.  flops : of forward passes, longest : of the longest reading; fit_s, shared_s : core seconds of fits
    and of what models share, job_s : of one job."""

    flops: float
    longest: float
    fit_s: float
    job_s: float
    shared_s: float
    disk_gb: float


def write_plan(path: Path, quiet: bool = False) -> dict[str, Any]:
    """Write the plan and say what it costs."""
    if path.exists():
        raise ValueError(f"{path} is there already; name another file")
    rates = measure()
    text = plan_text("")
    plan = Plan.parse(_values(text), path.resolve().parent)
    work = whole(plan, rates)
    costs = estimates(work, rates)
    lines = [f"{place:<34} models {clock(c['models_s']):>8}, fits {clock(c['fits_s']):>8}, in all {clock(c['total_s'])}"
             for place, c in costs.items()]  # fmt: skip
    lines.append(f"disk: {work.disk_gb:,.0f} GB of cache at most, while one model's activations are kept")
    write_atomically(path, plan_text("\n".join(f"#   {line}" for line in lines), rates, plan))
    if not quiet:
        print("\n".join([f"{path}: {len(plan.jobs())} jobs", *lines]))
    return {"plan": str(path), "jobs": len(plan.jobs()), "costs": costs, "disk_gb": round(work.disk_gb)}


def plan_text(costs: str, rates: Rates | None = None, plan: Plan | None = None) -> str:
    """The plan as a file a person can read and change."""
    measured = "nothing" if rates is None else (
        f"{rates.flops / 1e9:.0f} GFLOP/s a core, {rates.lag_s:.2f} s a lag of a fit, "
        f"{rates.hour_s:.0f} s an hour of MEG"
    )  # fmt: skip
    assumed = (
        f"{PEAK_SHARE:.0%} of that speed in a model on CPU, {H200_SHARE:.0%} of {H200_FLOPS / 1e12:.0f} TFLOP/s on an "
        f"H200 with {H200_CORES}\n# cores; {NODES} nodes of {NODE_CORES} cores like these and one accelerator of "
        f"{NODE_FLOPS / 1e12:.0f} TFLOP/s; {TOKENS_A_WORD} tokens a word.\n# A reading or a job is never cut in two, "
        "so neither stage takes less than its longest"
    )
    told = {
        "n_models": len(PAPER),
        "n_contexts": len(CONTEXTS),
        "swept": SWEPT,
        "n_jobs": len(plan.jobs()) if plan else 0,
    }
    parts = [HEAD.format(**told, costs=costs, measured=measured, assumed=assumed)]
    for number in ("001", "002", "003"):
        parts.append(f'[[people]]\nname = "sub-{number}"\nrecordings = ["armeni"]\nsubject = "{number}"\n')
    for entry in PAPER:
        name = entry.id.rsplit("/", 1)[-1]
        lines = ["[[models]]", f'name = "{entry.id}"', f'label = "{name}"']
        lines.append(f'architecture = "{ARCHITECTURES.get(entry.kind, "attention")}"')
        if name == SWEPT:
            lines.append(f"contexts = {json.dumps([f'window:{n}' for n in CONTEXTS])}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _values(text: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(text)


def measure() -> Rates:
    """A few seconds of the real work on one core."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        rng = np.random.default_rng(0)
        square = rng.standard_normal((1024, 1024), np.float32)
        flops = 2 * 1024**3 / min(_timed(lambda: square @ square) for _ in range(4))
        few, n_targets = 4000, 9 * 100
        X = rng.standard_normal((few, SENSORS), np.float32)
        Y = rng.standard_normal((few, n_targets), np.float32)
        parts: list[Moments] = []
        sums = _timed(lambda: parts.extend(Moments.of(X[k::5], Y[k::5], "float32", 9) for k in range(5)))
        bases = ridge.bases(parts)
        shared = _timed(lambda: ridge.bases(parts))
        fit = _timed(lambda: ridge.fit(parts, np.logspace(-4, 8, 13), known=bases))
        # Null, bootstrap and quartiles draw on every word's prediction: about three times the sums again.
        return Rates(flops, fit + 4 * sums * CONTENT / few, shared + sums * CONTENT / few / 3, _hour())


def _hour() -> float:
    """Seconds for an hour of signal, from ten seconds of it."""
    from rtalign.chain import Chain
    from rtalign.data import Chunk, Sensor
    from rtalign.recipe import Recipe

    sensors = tuple(Sensor(f"M{i}", "axial", (0.1, 0.0, 0.0), (1.0, 0.0, 0.0)) for i in range(SENSORS))
    chain = Chain(Recipe().chain, sensors, SFREQ)
    piece = Chunk(np.random.default_rng(0).standard_normal((int(10 * SFREQ), SENSORS)) * 1e-13, 0.0, SFREQ)
    return _timed(lambda: list(chain.push(piece))) * 360


def _timed(work: Any) -> float:
    start = time.process_time()
    work()
    return max(time.process_time() - start, 1e-6)


def whole(plan: Plan, rates: Rates) -> Work:
    """What all jobs of the plan add up to."""
    entries = {entry.id.rsplit("/", 1)[-1]: entry for entry in PAPER}
    readings = {(job.model, job.context) for job in plan.jobs()}
    n_lags = len(plan.recipe.lags.seconds)
    flops = [forward_flops(entries[model], context) for model, context in readings]
    job_s = n_lags * rates.lag_s
    shared = len(plan.people) * (n_lags * rates.brain_s + HOURS * rates.hour_s)
    tape = HOURS * 3600 * plan.recipe.chain.min_rate_hz * SENSORS * 4
    brain = n_lags * SENSORS**2 * 8 * (plan.recipe.fit.folds + len(ridge.training_sets(plan.recipe.fit.folds)))
    kept = max(WORDS * 9 * WIDTHS.get(model, 4096) * 4 for model in entries)
    disk = len(plan.people) * (tape + brain) + kept
    return Work(sum(flops), max(flops), len(plan.jobs()) * job_s, job_s, shared, disk / 1e9)


def forward_flops(entry: Entry, context: str) -> float:
    """All people hear one story, which is read once: every word again behind its window."""
    previous = int(context.split(":")[1])
    return 2 * entry.millions * 1e6 * WORDS * TOKENS_A_WORD * (previous + 1)


def estimates(work: Work, rates: Rates) -> dict[str, dict[str, float]]:
    """Seconds of models and fits by place; the two run one after the other at worst."""
    here = cores()
    places = {
        f"this machine ({here} cores)": (here, rates.flops * PEAK_SHARE, here),
        f"one H200 with {H200_CORES} cores": (1, H200_FLOPS * H200_SHARE, H200_CORES),
        f"{NODES} nodes of {NODE_CORES} cores": (NODES, NODE_FLOPS * H200_SHARE, NODES * NODE_CORES),
    }
    found: dict[str, dict[str, float]] = {}
    for place, (n_readers, flops, n_cores) in places.items():
        models = max(work.flops / n_readers, work.longest) / flops
        fits = max((work.fit_s + work.shared_s) / n_cores, work.job_s)
        found[place] = {"models_s": round(models), "fits_s": round(fits), "total_s": round(models + fits)}
    return found
