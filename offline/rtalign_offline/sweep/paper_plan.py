"""The plan of the published study, with its cost on this machine, on one H200 and on 64 nodes of a cluster."""

from __future__ import annotations

import json
import math
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.machine import cpu_count
from rtalign.core.recipe import Recipe
from rtalign.core.storage.files import write_atomically
from rtalign.core.text.time_format import long_duration
from rtalign.decoding import ridge
from rtalign.decoding.projection import WIDE_FACTOR
from rtalign.language.loading import PAPER, TOKENS_PER_WORD, CatalogueEntry, Precision
from rtalign.training import sensor_moments
from rtalign_offline.estimate import ComponentRates, lag_seconds, measure_components, target_seconds
from rtalign_offline.sweep.plan import Plan
from rtalign_offline.sweep.report.paper import MAIN

WORDS, CONTENT, HOURS, SENSORS, SFREQ = 85_000, 38_000, 10.0, 275, 1200.0
"""One person of the data set: words, content words among them, hours, sensors, Hz."""

CONTEXTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
SWEPT = "Llama-3.2-3B"
"""The model whose context the study varied."""

LAYERS, COMPONENTS = 9, 50
"""Of the preset of the study."""

CPU_SHARE, GPU_SHARE = 0.6, 0.49
"""Shares of the speed of a matrix multiplication that a forward pass reaches: on a core of that measured here, on a GPU
of the data sheet's (an 8B shape in windows, 30,400 tokens a second on an H100)."""

GPU_LAG_S = 8.6 / 165
"""Seconds of one lag's fit on an H200 with 16 cores beside it, at 85,000 words (docs/decisions/026); taken for 38,000
too, whose jobs have quartiles.  `benchmarks/sweep_estimate.py --gpu` measures a lag of theirs."""

H200_FLOPS, H200_GB, H200_CORES, NODES, NODE_FLOPS, NODE_GB = 989e12, 149.0, 16, 64, 312e12, 84.0
"""bfloat16 by the data sheets, and free memory (139 and 79 GiB), of an H200, and of an A100 in each node."""

SPARE_GB = 0.3
"""Memory needed in addition to the weights."""

WIDEST = 8192
"""Dimensions of the widest hidden state."""


def usual_dim(millions: float) -> int:
    """Dimensions of the hidden states of a model of so many parameters, as such models are usually built."""
    return min(round(4096 * (millions / 7000) ** (1 / 3)), WIDEST)


STAGES = ("signal", "reading", "PCA", "fitting")
"""Filters and moments; forward passes; components, once for all who heard the same stories; the jobs."""

ARCHITECTURES = {"mamba": "state space", "recurrent_gemma": "recurrent", "bert": "bidirectional"}
ARCHITECTURES |= {"roberta": "bidirectional"}

HEAD = """# The study of arXiv 2512.01591: {n_models} models, {n_contexts} contexts of {swept}, 3 people,
# and the {n_main} main models once more with random weights.
#
# Put the data set (Armeni et al. 2022) beside this file as `armeni`, or change `recordings`; it needs the
# permission of its owners, and nothing here downloads it.  Models must be in the local cache
# (`rtalign models` says how).  Of the public Pythia sizes the study used eight of the ten below.
#
# What it would cost ({n_jobs} jobs):
#
{costs}

title = "arXiv 2512.01591"
preset = "paper"
paper = true
contexts = ["window:50"]
quartiles = true
keep_activations = false
device = "cuda"          # cpu where there is no accelerator: that takes months
fit_device = "cuda"

[recipe.language]
precision = "bfloat16"   # the study does not report it; in float32 the largest model takes 282 GB

[cluster]                # processes without a GPU filter and sum; one with a GPU reads and fits, one model at a time
workers = 4
cpus = 16                # of each process; beside a GPU, they do what the fit of a lag leaves to the processor
gpus = 64                # 0 on one machine takes all that it has
memory = "16GB"
gpu_memory = "160GB"     # more than the largest model, which is loaded here on its way to the accelerator
partition = "CHANGE"
interface = "ib0"
time = "12:00:00"
"""


@dataclass(frozen=True, slots=True)
class JobShape:
    """One job: words that are fitted, sensors, layers that are read, components of each, lags."""

    words: int = CONTENT
    sensors: int = SENSORS
    layers: int = LAYERS
    components: int = COMPONENTS
    lags: int = 165


@dataclass(frozen=True, slots=True)
class Rates:
    """The speed of one core of this machine, for jobs of one shape.

    flops : of a matrix product in float32; lag_s : seconds of one lag's fit of one job; moments_s : of one lag of the
    moments that a person's jobs share; hour_s : of filtering an hour of signal; targets_s : of what a job does before
    its first lag, once its activations are projected; components : of activations.
    """

    flops: float
    lag_s: float
    moments_s: float
    hour_s: float
    targets_s: float
    components: ComponentRates

    def basis_s(self, shape: JobShape, dim: int, cores: int = 1) -> float:
        """The components of a story, once for all who heard it.  dim : of its activations."""
        return self.components.basis_seconds(shape.words, shape.layers, dim, cores)

    def before_lags_s(self, shape: JobShape, dim: int, cores: int = 1) -> float:
        """The targets of one job.  dim : of its activations; cores : that share their projection."""
        return self.components.projection_seconds(shape.words, shape.layers, dim, cores) + self.targets_s

    def job_s(self, shape: JobShape, dim: int) -> float:
        """One job on one core, whose components are there.  dim : of its activations."""
        return self.before_lags_s(shape, dim) + shape.lags * self.lag_s


@dataclass(frozen=True, slots=True)
class Platform:
    """A machine or cluster.  cores, gpus : of it; flops : of reading, of each GPU, else of each core.

    memory_gb : for a model.
    """

    name: str
    cores: int
    gpus: int
    flops: float
    memory_gb: float
    precision: Precision = "bfloat16"

    @property
    def readers(self) -> int:
        """Processes that read at the same time."""
        return self.gpus or self.cores


@dataclass(frozen=True, slots=True)
class StageCost:
    """One kind of work: seconds at worst one after the other, and those for which all cores and GPUs are held."""

    wall_s: float
    core_s: float
    gpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What each stage of STAGES costs; too_large : models that are left out."""

    stages: Mapping[str, StageCost]
    too_large: tuple[str, ...]

    @property
    def total_s(self) -> float:
        return sum(stage.wall_s for stage in self.stages.values())

    @property
    def gpu_hours(self) -> float:
        """Of all GPUs together, for as long as a task holds one."""
        return sum(stage.gpu_s for stage in self.stages.values()) / 3600

    @property
    def core_hours(self) -> float:
        """Of all cores together, those beside a GPU for as long as a task holds it."""
        return sum(stage.core_s for stage in self.stages.values()) / 3600


def write_paper_plan(path: Path, report: Callable[[str], object] = lambda _: None) -> dict[str, Any]:
    """Write the plan of the published study, with its estimated cost as comments.

    Parameters
    ----------
    path : Path
        A new file.
    report : callable
        Called with the number of jobs and the cost, as text.

    Returns
    -------
    dict
        `plan`, the path; `jobs`, their number; `costs`, for each platform seconds of each stage, hours of GPUs and
        cores, and the models that are too large for it; `disk_gb`.
    """
    if path.exists():
        raise ValueError(f"{path} exists already; name another file")
    plan = Plan.parse(tomllib.loads(plan_text([], 0)), path.resolve().parent)
    rates = measure()
    costs = {platform: estimate_cost(plan, rates, platform) for platform in platforms(rates)}
    disk = disk_gb(plan)
    lines = [*cost_lines(costs), *assumption_lines(rates, plan, disk)]
    write_atomically(path, plan_text(lines, len(plan.jobs())))
    people, models = len(plan.people), len(PAPER)
    counts = f"{models} models, {len(CONTEXTS)} contexts of {SWEPT}, {people} people, {len(MAIN)} controls"
    report("\n".join([f"{path}: {len(plan.jobs())} jobs ({counts})", "", *lines]))
    return {"plan": str(path), "jobs": len(plan.jobs()), "costs": _entries(costs), "disk_gb": round(disk)}


def _entries(costs: Mapping[Platform, Cost]) -> dict[str, Any]:
    return {
        platform.name: {
            "stages": {
                name: {
                    "wall_s": round(stage.wall_s),
                    "gpu_hours": round(stage.gpu_s / 3600, 2),
                    "core_hours": round(stage.core_s / 3600, 1),
                }
                for name, stage in c.stages.items()
            },
            "total_s": round(c.total_s),
            "gpu_hours": round(c.gpu_hours, 2),
            "core_hours": round(c.core_hours, 1),
            "too_large": list(c.too_large),
        }
        for platform, c in costs.items()
    }


def cost_lines(costs: Mapping[Platform, Cost]) -> list[str]:
    """Three lines a platform: seconds, and hours of GPUs and cores, of each stage."""
    lines = [f"{'estimated, not measured':<30}{''.join(f'{name:>9}' for name in (*STAGES, 'in all'))}   too large"]
    for platform, c in costs.items():
        stages = [c.stages[name] for name in STAGES]
        some = c.too_large[0] if len(c.too_large) == 1 else f"{len(c.too_large)} models"
        left = f"{some} (over {platform.memory_gb:.0f} GB)" if c.too_large else "none"
        times = "".join(f"{long_duration(s):>9}" for s in (*(stage.wall_s for stage in stages), c.total_s))
        lines.append(f"{platform.name:<30}{times}   {left}")
        if platform.gpus:
            lines.append(_hours_line("GPU-h", [stage.gpu_s for stage in stages], c.gpu_hours))
        lines.append(_hours_line("core-h", [stage.core_s for stage in stages], c.core_hours))
    return lines


def _hours_line(unit: str, seconds: Sequence[float], total: float) -> str:
    return f"{'  ' + unit:<30}{''.join(f'{hours:>9,.2f}' for hours in (*(s / 3600 for s in seconds), total))}"


def assumption_lines(rates: Rates, plan: Plan, disk: float) -> list[str]:
    """What the estimates are based on."""
    precision, wide = plan.recipe.language.precision, 4096
    largest = max(PAPER, key=lambda entry: entry.millions)
    basis, targets = (f"{of(JobShape(), wide):.0f} s" for of in (rates.basis_s, rates.before_lags_s))
    return [
        f"disk: {disk:,.0f} GB of cache while one model's activations are kept",
        "",
        f"measured here: {rates.flops / 1e9:.0f} GFLOP/s a core in float32, {rates.lag_s:.2f} s a lag of a fit, "
        f"{rates.hour_s:.0f} s an hour of MEG,",
        f"  of {wide:,} dimensions {basis} of a core for components, once for all who heard the same stories, and",
        f"  {targets} for the targets of a job",
        f"assumed: a model reaches {CPU_SHARE:.0%} of that here, {GPU_SHARE:.0%} of {H200_FLOPS / 1e12:.0f} TFLOP/s "
        f"(bfloat16) on an H200, of {NODE_FLOPS / 1e12:.0f} on an A100;",
        f"  {TOKENS_PER_WORD} tokens a word, {CONTENT:,} of {WORDS:,} words read in windows and fitted; cores as here;",
        f"  a lag on a GPU {GPU_LAG_S:.2f} s, as on an H200; components at the speed of the cores beside it;",
        f"  no reading or job split; {_short_name(largest)} in {precision} takes {largest.memory_gb(precision):.0f} GB",
    ]


def plan_text(cost: list[str], n_jobs: int) -> str:
    """The plan as a file that a person can read and change.  cost : lines about it."""
    counts = {"n_models": len(PAPER), "n_contexts": len(CONTEXTS), "n_main": len(MAIN), "n_jobs": n_jobs}
    costs = "\n".join(f"# {line}".rstrip() for line in cost) or "#"
    parts = [HEAD.format(**counts, swept=SWEPT, costs=costs)]
    for number in ("001", "002", "003"):
        parts.append(f'[[people]]\nname = "sub-{number}"\nrecordings = ["armeni"]\nsubject = "{number}"\n')
    for entry in PAPER:
        name = _short_name(entry)
        lines = ["[[models]]", f'name = "{entry.id}"', f'label = "{name}"', f'architecture = "{_architecture(entry)}"']
        if name == SWEPT:
            lines.append(f"contexts = {json.dumps([f'window:{n}' for n in CONTEXTS])}")
        parts.append("\n".join(lines) + "\n")
    for entry in PAPER:
        if (name := _short_name(entry)) in MAIN:
            lines = ["[[models]]", f'name = "{entry.id}"', f'label = "{name} untrained"', "untrained = true"]
            parts.append(
                "\n".join([*lines, f'architecture = "{_architecture(entry)}"', f'trained_as = "{name}"']) + "\n"
            )
    return "\n".join(parts)


def _short_name(entry: CatalogueEntry) -> str:
    return entry.id.rsplit("/", 1)[-1]


def _architecture(entry: CatalogueEntry) -> str:
    return ARCHITECTURES.get(entry.model_type, "attention")


def measure(shape: JobShape | None = None, recipe: Recipe | None = None, dim: int = WIDEST) -> Rates:
    """Some seconds of the real work on one core, for jobs of a shape; by default those of the study."""
    from threadpoolctl import threadpool_limits

    shape, recipe = shape or JobShape(), recipe or Recipe.preset("paper")
    with threadpool_limits(1, user_api="blas"):
        rng = np.random.default_rng(0)
        square = rng.standard_normal((1024, 1024), np.float32)
        flops = 2 * 1024**3 / _shortest(lambda: square @ square)
        few = max(min(shape.words, 4000), 20 * recipe.fit.folds)
        parts = shape.words, shape.sensors, shape.layers, shape.components
        lag_s = lag_seconds(*parts, recipe, in_sweep=True, quartiles=True)
        read_s = _read(few, shape.sensors) * shape.words / few
        moments_s = _moments(few, shape, recipe) + read_s
        targets_s = target_seconds(shape.words, shape.layers, shape.components, recipe)
        return Rates(flops, lag_s + read_s, moments_s, _hour(), targets_s, measure_components(dim, shape.components))


def _moments(few: int, shape: JobShape, recipe: Recipe) -> float:
    """Seconds of one lag of a person's moments with their principal directions.  few : words that are timed."""
    fit = recipe.fit
    signal = np.random.default_rng(0).standard_normal((few, shape.sensors), np.float32)
    sum_up = partial(sensor_moments.recording_moments, signal, np.arange(few) * fit.folds // few, fit.precision)
    own = sum_up()
    with tempfile.TemporaryDirectory() as folder:
        file = sensor_moments.create_file(Path(folder) / "moments.safetensors", 1, shape.sensors, fit.folds)

        def write() -> None:
            folds = sensor_moments.sum_recordings([own], fit.folds)
            sensor_moments.write_moments(file, 0, folds)
            sensor_moments.write_bases(file, 0, folds, fit.precision)

        return _shortest(write) + _shortest(sum_up) * shape.words / few


def _read(words: int, sensors: int) -> float:
    """Seconds to read the signal of so many words at one lag from the disk."""
    from rtalign.core.records import Chunk
    from rtalign.signal.disk_buffer import DiskBuffer

    rate, apart_s = 30.0, HOURS * 3600 / WORDS
    with tempfile.TemporaryDirectory() as folder:
        with DiskBuffer.create(Path(folder) / "signal", rate, sensors) as buffer:
            buffer.append(Chunk(np.zeros((int(rate * (apart_s * words + 2)), sensors), np.float32), 0.0, rate))
            buffer.close()
        signal = DiskBuffer.open(Path(folder) / "signal")
        return _shortest(lambda: signal.read(1.0 + apart_s * np.arange(words)))


def _hour() -> float:
    """Seconds for an hour of signal, from ten seconds of it."""
    from rtalign.core.records import Chunk, Sensor
    from rtalign.signal.chain import Chain

    sensors = tuple(Sensor(f"M{i}", "axial", (0.1, 0.0, 0.0), (1.0, 0.0, 0.0)) for i in range(SENSORS))
    piece = Chunk(np.random.default_rng(0).standard_normal((int(10 * SFREQ), SENSORS)) * 1e-13, 0.0, SFREQ)
    return _shortest(lambda: list(Chain(Recipe().chain, sensors, SFREQ).push(piece))) * 360


def _shortest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of three runs, by processor time, so that other processes do not count."""
    spent = []
    for _ in range(3):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return max(min(spent), 1e-6)


def platforms(rates: Rates) -> list[Platform]:
    import psutil

    here, memory = cpu_count(), psutil.virtual_memory().total / 1e9
    return [
        Platform(f"this machine, {here} cores, float32", here, 0, rates.flops * CPU_SHARE, memory, "float32"),
        Platform(f"one H200, {H200_CORES} cores", H200_CORES, 1, H200_FLOPS * GPU_SHARE, H200_GB),
        Platform(f"{NODES} nodes, an A100 in each", NODES, NODES, NODE_FLOPS * GPU_SHARE, NODE_GB),
    ]


def estimate_cost(plan: Plan, rates: Rates, platform: Platform) -> Cost:
    """Of all jobs that a platform has the memory for."""
    entries = {_short_name(entry): entry for entry in PAPER}
    too_large = tuple(
        name for name, e in entries.items() if e.memory_gb(platform.precision) + SPARE_GB > platform.memory_gb
    )
    jobs = [job for job in plan.jobs() if job.model.removesuffix(" untrained") not in too_large]
    readings = dict.fromkeys(job.reading for job in jobs)
    flops = [
        forward_flops(entries[key.model.removesuffix(" untrained")], key.context, plan.quartiles) for key in readings
    ]
    shape, beside = JobShape(lags=len(plan.recipe.lags.seconds)), max(platform.cores // platform.readers, 1)

    def dim(model: str) -> int:
        return usual_dim(entries[model.removesuffix(" untrained")].millions)

    # The principal directions of one person are one task.
    signal = len(plan.people) * (shape.lags * rates.moments_s + HOURS * rates.hour_s)
    first = StageCost(max(signal / platform.cores, shape.lags * rates.moments_s), signal)
    fit = shape.lags * (GPU_LAG_S if platform.gpus else rates.lag_s)
    work = {
        "reading": [n / platform.flops for n in flops],
        "PCA": [rates.basis_s(shape, dim(reading.model), beside) for reading in readings],
        "fitting": [rates.before_lags_s(shape, dim(job.model), beside) + fit for job in jobs],
    }
    held = {name: _held(tasks, platform, beside) for name, tasks in work.items()}
    return Cost({"signal": first} | held, too_large)


def _held(tasks: Sequence[float], platform: Platform, beside: int) -> StageCost:
    """Tasks of so many seconds, each with a reader of a platform and the cores beside it to itself."""
    total, rounds = sum(tasks), math.ceil(len(tasks) / platform.readers)
    wall_s = max(total / platform.readers, max(tasks))
    return StageCost(max(wall_s, rounds * min(tasks)), total * beside, total if platform.gpus else 0.0)


def forward_flops(entry: CatalogueEntry, context: str, surprisal: bool = True) -> float:
    """Of reading the story, once for all people: every content word is read with its window before it.

    A bidirectional model reads it once more with the word masked, where surprisal is needed.
    """
    times = 2 if surprisal and _architecture(entry) == "bidirectional" else 1
    tokens = window_tokens(CONTENT, CONTENT * TOKENS_PER_WORD, int(context.split(":")[1]))
    return 2 * entry.millions * 1e6 * tokens * times


def window_tokens(words: int, tokens: float, previous: int) -> float:
    """Tokens of windows, each of a word, those before it and the beginning of text.  tokens : of the words alone."""
    return tokens * (previous + 1) + words


def disk_gb(plan: Plan) -> float:
    """Filtered signals and moments of all people, components of all readings, and the largest activations."""
    n_lags, folds = len(plan.recipe.lags.seconds), plan.recipe.fit.folds
    signal = HOURS * 3600 * plan.recipe.chain.min_rate_hz * SENSORS * 4
    moments = n_lags * SENSORS**2 * 8 * (folds + len(ridge.training_sets(folds)))
    components = len({job.reading for job in plan.jobs()}) * LAYERS * WIDEST * 4 * WIDE_FACTOR * COMPONENTS
    return (len(plan.people) * (signal + moments) + components + WORDS * LAYERS * WIDEST * 4) / 1e9
