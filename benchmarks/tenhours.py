"""Ten hours of a listener from disk to a bank: time, processor time, memory and bytes of each stage as hours grow."""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from outcome import tell

STAGES = ("signal", "language model", "targets", "penalties", "decoders", "report")
REST = "rest"
"""What no stage holds: recordings are checked, filters described, memory given back."""
READINGS: dict[str, dict[str, Any]] = {
    "float32": {},
    "bfloat16": {"precision": "bfloat16"},
    "float32, a quarter kept": {"kept_share": 0.25},
    "bfloat16, a quarter kept": {"precision": "bfloat16", "kept_share": 0.25},
}
"""Settings of the language model that are compared: the default, and cheaper ones."""
GB_AN_HOUR = 3.4
"""Of recording, tape, activations; a bank is one more."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hours", default="1,3,10", help="how long the recordings are, one run each")
    options.add_argument("--text", type=Path, help="a text of 8500 words an hour; else the packaged story, shuffled")
    options.add_argument("--folder", type=Path, help="where the recordings are made, or were made with --keep")
    options.add_argument("--keep", action="store_true", help="leave the recordings there")
    options.add_argument("--makers", type=int, default=os.cpu_count(), help="sessions made at once")
    options.add_argument("--out", type=Path, help="also write the JSON here")
    options.add_argument(
        "--readings", nargs="+", default=["float32"], choices=READINGS, help="how words are read, one run each"
    )
    options.add_argument(
        "--threads", type=int, default=1, help="of the language model; more are quicker, and wait for each other"
    )
    options.add_argument("--train", type=float, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.train:
        print(json.dumps(train(given.folder, given.train, given.readings[0])))
        return
    result = measure(given)
    tell(result, given.out)


def measure(given: argparse.Namespace) -> dict[str, Any]:
    hours = [float(part) for part in given.hours.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        make(folder, int(np.ceil(max(hours))), given)
        runs = []
        for n in hours:
            for reading in given.readings:
                runs.append(run(folder, n, reading, given.threads))
                print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
        if not given.keep:
            shutil.rmtree(folder / "data", ignore_errors=True)
    first = [one for one in runs if one["reading"] == given.readings[0]]
    others = [(one, of) for one in runs for of in first if one["hours"] == of["hours"] and one is not of]
    return {
        "benchmark": "tenhours",
        "cores": os.cpu_count(),
        "threads_of_the_model": given.threads,
        "growth": growth(first),
        "differences": [difference(*pair) for pair in others],
        "runs": runs,
    }


def difference(one: Mapping[str, Any], of: Mapping[str, Any]) -> dict[str, Any]:
    """How far the scores of one run lie from those of another, at most: every layer and lag, and the ladder."""
    r, other = (np.array(each["r"]) for each in (one, of))
    peaks, others = (np.array(each["peaks_s"], float) for each in (one, of))
    slopes = [each["temporal_score"]["slope_ms"] for each in (one, of)]
    return {
        "hours": one["hours"],
        "readings": [one["reading"], of["reading"]],
        "cpu_s": [each["stages"]["all"]["cpu_s"] for each in (one, of)],
        "language_model_cpu_s": [each["stages"]["language model"]["cpu_s"] for each in (one, of)],
        "max_dr": round(float(np.abs(r - other).max()), 5),
        "median_dr": round(float(np.median(np.abs(r - other))), 5),
        "max_peak_shift_ms": round(1000 * float(np.nanmax(np.abs(peaks - others))), 2),
        "slope_ms": slopes,
    }


def make(folder: Path, n_hours: int, given: argparse.Namespace) -> None:
    """The recordings, unless an earlier run left enough of them."""
    root = folder / "data"
    if len(list(root.glob("*/*/meg/*_events.tsv"))) >= n_hours:
        return
    free = shutil.disk_usage(folder).free / 1e9
    if free < GB_AN_HOUR * n_hours + 1:
        raise SystemExit(f"{free:.0f} GB are free in {folder}; {GB_AN_HOUR * n_hours + 1:.0f} GB are needed")
    import longstory

    from rtalign.language import load

    text = given.text.read_text(encoding="utf-8") if given.text else None
    longstory.write(root, n_hours, load("smollm2"), text, given.makers)


def run(folder: Path, hours: float, reading: str, threads: int) -> dict[str, Any]:
    """One training in a process of its own, watched from here."""
    command = [sys.executable, __file__, "--train", str(hours), "--folder", str(folder), "--readings", reading]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    load, began, peak = [os.getloadavg()[0]], time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, resident(watched))
            if time.perf_counter() - began > 10 * len(load):
                load.append(os.getloadavg()[0])
            time.sleep(0.25)
        answer = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"the run of {hours:g} hours ended with status {process.returncode}")
    result: dict[str, Any] = json.loads(answer)
    result["peak_mb_with_children"] = round(peak / 2**20)
    result["load"] = {"mean": round(float(np.mean(load)), 2), "highest": round(max(load), 2)}
    return result


def resident(process: psutil.Process) -> int:
    """Bytes of a process and its children in memory."""
    try:
        return sum(p.memory_info().rss for p in [process, *process.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def train(folder: Path, hours: float, reading: str) -> dict[str, Any]:
    """Everything that `rtalign train FOLDER --model smollm2` does, with a clock."""
    import rtalign.training.trainer as trainer
    from rtalign.core.recipe import Recipe
    from rtalign.core.storage.tensorfile import load_tensors
    from rtalign.language import load
    from rtalign_offline import estimate_training

    clock = clocked(trainer)
    recipe = Recipe().with_settings("language", **READINGS[reading])
    recordings, model = opened(folder / "data", hours), load("smollm2", precision=recipe.language.precision)
    foreseen = estimate_training(recordings, model, recipe, "cpu")
    before = psutil.Process().io_counters()
    with tempfile.TemporaryDirectory(dir=folder, prefix="store-") as scratch:
        store, out = Path(scratch) / "store", Path(scratch) / "bank"
        wall, cpu = time.perf_counter(), time.process_time()
        result = trainer.train(recordings, model, recipe, out, clock, store=store)
        spent = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        after = psutil.Process().io_counters()
        kept = {part: size(Path(scratch) / part) for part in ("store/signal", "store/activations", "bank")}
        r = load_tensors(out / "bank.safetensors")["r"]
    named = {key: sum(clock.spent[name][key] for name in STAGES) for key in spent}
    beside = min(clock.spent[name]["wall_s"] for name in ("signal", "language model"))
    rest = {"wall_s": spent["wall_s"] - named["wall_s"] + beside, "cpu_s": spent["cpu_s"] - named["cpu_s"]}
    return {
        "hours": hours,
        "reading": reading,
        "sessions": len(recordings),
        "words": sum(len(r.words) for r in recordings),
        "words_used": result["n_words"],
        "stages": {name: rounded(clock.spent[name]) for name in STAGES} | {REST: rounded(rest), "all": rounded(spent)},
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "mb": {
            "recordings": size(folder / "data") * min(hours / len(list((folder / "data").glob("*/*"))), 1),
            "read_by_calls": (after.read_chars - before.read_chars) / 1e6,
            "read_from_disk": (after.read_bytes - before.read_bytes) / 1e6,
            "written": (after.write_bytes - before.write_bytes) / 1e6,
        } | kept,
        "foreseen": {key: foreseen[key] for key in ("seconds", "memory_mb", "disk_mb")},
        "temporal_score": result["temporal_score"],
        "peaks_s": [layer["peak_s"] for layer in result["layers"]],
        "peak_r": [round(layer["peak_r"], 4) for layer in result["layers"]],
        "r": np.round(r, 5).tolist(),
    }  # fmt: skip


def clocked(trainer: Any) -> Any:
    """Progress that also takes processor time: signal, of its own thread; the model beside it, of all other threads."""
    from rtalign.core.progress import Progress

    class Clocked(Progress):
        def __init__(self) -> None:
            super().__init__()
            self.spent: dict[str, dict[str, float]] = {}
            self._signal: Callable[[], float] = float

        @contextmanager
        def stage(self, name: str, total: float, unit: str) -> Iterator[Any]:
            clock = self._own_thread() if name == "signal" else lambda: time.process_time() - self._signal()
            wall, cpu = time.perf_counter(), clock()
            with super().stage(name, total, unit) as stage:
                yield stage
            self.spent[name] = {"wall_s": time.perf_counter() - wall, "cpu_s": clock() - cpu}
            if name == "signal":
                self._signal = partial(float, clock())

        def _own_thread(self) -> Callable[[], float]:
            """Reads the processor time of this thread, from any other thread too."""
            own = time.pthread_getcpuclockid(threading.get_ident())
            self._signal = partial(time.clock_gettime, own)
            return self._signal

    clock, write = Clocked(), trainer.write_results

    def timed(*args: Any, **extra: Any) -> Any:
        with clock.stage("report", 0, ""):
            return write(*args, **extra)

    trainer.write_results = timed
    return clock


def opened(root: Path, hours: float) -> Sequence[Any]:
    """The first sessions, the last of them cut where the hours are no whole number."""
    from rtalign.recordings import open_recordings

    numbers = range(1, int(np.ceil(hours)) + 1)
    found = list(open_recordings(root, session=",".join(f"{n:03d}" for n in numbers)))
    rest = hours - int(hours)
    if rest:
        last: Any = found[-1]
        words = [word for word in last.words if word.onset < 3600 * rest]
        found[-1] = last.span(0.0, 3600 * rest, words, name=last.name)
    return found


def size(folder: Path) -> float:
    """Megabytes of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def rounded(spent: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in spent.items()}


def growth(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Processor seconds over hours as a line: its two numbers, and how far the runs lie from it at most."""
    hours = np.array([run["hours"] for run in runs])
    lines: dict[str, Any] = {}
    for name in (*STAGES, REST, "all"):
        spent = np.array([run["stages"][name]["cpu_s"] for run in runs])
        line: dict[str, Any] = {"cpu_s_an_hour": [round(float(s), 1) for s in spent / hours]}
        if len(runs) > 2:
            slope, start = np.polyfit(hours, spent, 1)
            off = spent - (start + slope * hours)
            line |= {
                "cpu_s": f"{start:.1f} + {slope:.1f} an hour",
                "furthest_off_s": round(float(np.abs(off).max()), 1),
            }
        lines[name] = line
    return lines


if __name__ == "__main__":
    main()
