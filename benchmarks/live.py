"""The engine under full load through real LSL streams: loss, latency, processor and memory, and whether they grow."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from outcome import tell
from plain_reading import follow
from shapes import EIGHT_BILLION, ONE_BILLION, THREE_BILLION, write

from rtalign.core.recipe import Recipe
from rtalign.core.records import BadStretch, Chunk, Sensor, Word
from rtalign.core.session import Session
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.decoding.bank import DecoderBank, make_passport
from rtalign.decoding.controls.nuisance_basis import STATIC_COMPONENTS, NuisanceBasis
from rtalign.decoding.decoder_setup import STATIC
from rtalign.decoding.projection import fit_projection
from rtalign.engine.process.client import Client
from rtalign.engine.snapshot import Snapshot
from rtalign.language import load
from rtalign.simulation import helmet_sensors, shipped_story, story_words

ROOT = Path(__file__).resolve().parents[1]
RATES = {"ctf275": 1200.0, "neuromag306": 1000.0}
LOOP_S = 20.0


@dataclass(frozen=True, eq=False)
class Endless:
    """Noise that repeats, and the packaged story again and again at an even pace: a load, not an experiment."""

    sensors: tuple[Sensor, ...]
    sfreq: float
    seconds: float
    words_a_second: float
    name: str = "load"
    subject: str = "none"
    start: float = 0.0
    notes: tuple[str, ...] = ()
    bad_stretches: tuple[BadStretch, ...] = ()

    @property
    def n_samples(self) -> int:
        return int(self.seconds * self.sfreq)

    @property
    def words(self) -> tuple[Word, ...]:
        story = story_words(shipped_story())
        n = int((self.seconds - 2) * self.words_a_second)
        gap = 1 / self.words_a_second
        return tuple(Word(i, story[i % len(story)], 1.0 + i * gap, 0.8 * gap) for i in range(n))

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        rng = np.random.default_rng(0)
        loop = (rng.standard_normal((int(LOOP_S * self.sfreq), len(self.sensors))) * 1e-13).astype(np.float32)
        n, first = int(seconds * self.sfreq), round((start or 0.0) * self.sfreq)
        while first < self.n_samples:
            rows = np.arange(first, min(first + n, self.n_samples)) % len(loop)
            yield Chunk(loop[rows], first / self.sfreq, self.sfreq)
            first += n

    def fingerprint(self) -> str:
        return repr(self)

    def signal_fingerprint(self) -> str:
        return self.fingerprint()


def model_of(shape: str, scratch: Path) -> tuple[str, str]:
    """Name and precision of the packaged model, or of random weights in a larger shape."""
    if shape == "smollm2":
        return shape, "float32"
    sizes = {"1b": ONE_BILLION, "3b": THREE_BILLION, "8b": EIGHT_BILLION}
    return write(scratch / shape, "llama", weights=False, **sizes[shape]) + ":untrained", "int8"


def made_up_bank(
    folder: Path,
    sensors: tuple[Sensor, ...],
    layers: str,
    name: str = "smollm2",
    precision: Any = "float32",
    controls: bool = False,
) -> None:
    """A bank of the right shape with decoders of noise: what it says is nonsense, what it costs is not."""
    model = load(name, precision=precision)
    recipe = Recipe().with_settings("language", layers=layers, precision=precision)
    numbers = recipe.language.layer_indices(model.info.n_layers)
    n_words = 600 if name == "smollm2" else 150
    words = story_words(shipped_story())[:n_words]
    reading = model.encode(words, recipe.language, [STATIC, *numbers], surprisal=False)
    projection = fit_projection([reading.activations[:, 1:]], recipe.language.components)
    n_lags, n_sensors = len(recipe.lags.seconds), len(sensors)
    n_targets = len(numbers) * projection.components
    folder.mkdir(parents=True)
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        "weights": ("float32", (n_lags, n_sensors, n_targets)), "bias": ("float32", (n_lags, n_targets)),
        "mean_x": ("float32", (n_lags, n_sensors)),
        "projection_mean": ("float64", projection.mean.shape), "projection_basis": ("float32", projection.basis.shape),
        "projection_variance": ("float32", projection.variance.shape),
    }  # fmt: skip
    tensors = TensorFile.create(folder / "bank.safetensors", shapes)
    rng = np.random.default_rng(0)
    for lag in range(n_lags):
        tensors["weights"][lag] = rng.standard_normal((n_sensors, n_targets), np.float32) * 1e-3
    tensors["projection_mean"][:], tensors["projection_basis"][:] = projection.mean, projection.basis
    tensors["projection_variance"][:] = projection.variance
    info = model.info
    entry = {name: getattr(info, name) for name in ("id", "family", "n_layers", "revision", "tokenizer")}
    passport = make_passport(
        sensors=sensors, layers=numbers, components=projection.components, model=entry, created="now"
    )
    (folder / "passport.json").write_text(json.dumps(passport))
    (folder / "recipe.toml").write_text(recipe.to_toml())
    (folder / "summary.json").write_text("{}")
    if controls:
        rng = np.random.default_rng(1)
        timed = [Word(i, text, 0.33 * i + rng.uniform(0, 0.1), rng.uniform(0.1, 0.3)) for i, text in enumerate(words)]
        surprisal = rng.exponential(4.0, n_words)
        rows = [np.arange(n_words)]
        NuisanceBasis.fit([timed], [reading.activations[:, 0]], [surprisal], rows, STATIC_COMPONENTS).save(folder)


def player(given: argparse.Namespace, names: tuple[str, str]) -> None:
    """The other process: plays the load as LSL streams."""
    from rtalign.streams.player import PlayerSettings, Streamer

    load_ = Endless(helmet_sensors(given.sensors), RATES[given.sensors], given.minutes * 60, given.words_a_second)
    Streamer([load_], PlayerSettings(name_meg=names[0], name_words=names[1], wait_s=600)).run()


def measure(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        folder, tag = Path(scratch), f"load-{os.getpid()}"
        model, precision = model_of(given.model, folder)
        made_up_bank(folder / "bank", helmet_sensors(given.sensors), given.layers, model, precision, given.controls)
        bank = DecoderBank.load(folder / "bank")
        session = Session(
            bank=folder / "bank", model=model, meg=f"{tag}-meg", words=f"{tag}-words", adapt=False,
            record=folder / "kept" if given.record else None,
        )  # fmt: skip
        command = [sys.executable, __file__, "--play", tag, "--sensors", given.sensors, "--minutes", str(given.minutes)]
        command += ["--words-a-second", str(given.words_a_second)]
        client = Client(session)
        with subprocess.Popen(command) as other:
            rows = watch(client, other)
        seen = client.stop(120)
        result = figures(rows, seen, len(bank.layers), given)
        if given.plain:
            result["plain_way"] = follow(model.removesuffix(":untrained"), given.words_a_second, given.plain * 60)
        return result


def watch(client: Client, other: subprocess.Popen[bytes]) -> list[dict[str, float]]:
    """One row every two seconds until the player has ended and the language model has caught up."""
    rows: list[dict[str, float]] = []
    process = psutil.Process(client.pid)
    while client.alive and (other.poll() is None or client.newest.work.language_backlog):
        time.sleep(2)
        seen, times = client.newest, process.cpu_times()
        rows.append(
            {
                "at": time.monotonic(), "cpu_s": times.user + times.system, "rss_mb": process.memory_info().rss / 2**20,
                "scored": seen.n_scored, "received": seen.n_received, "backlog": seen.work.language_backlog,
                "n_samples": seen.health.meg.n_samples, "p99_s": seen.work.latency_p99_s or 0.0,
            }
        )  # fmt: skip
        if len(rows) % 30 == 0:
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def figures(rows: list[dict[str, float]], seen: Snapshot, n_layers: int, given: argparse.Namespace) -> dict[str, Any]:
    busy = [row for row in rows if row["received"] > 60]
    first, last = busy[0], busy[-1]
    quarter = max(len(busy) // 4, 2)
    words = int((given.minutes * 60 - 2) * given.words_a_second)
    return {
        "benchmark": "live",
        "load": {
            "model": given.model, "sensors": given.sensors, "sfreq": RATES[given.sensors], "minutes": given.minutes,
            "layers": n_layers, "lags": 101, "words_a_second": given.words_a_second, "words_sent": words,
            "recording": given.record, "controls": given.controls,
        },
        "phase": seen.phase, "why": seen.reason,
        "words": {
            "received": seen.n_received, "scored": seen.n_scored, "waiting": seen.n_waiting, "skipped": seen.skipped,
        },
        "controls": {name: {"words": view.n_words, "reason": view.reason} for name, view in seen.controls.items()},
        "samples_lost": seen.health.meg.n_lost, "gaps": seen.health.meg.n_gaps,
        "samples": seen.health.meg.n_samples, "samples_sent": int(given.minutes * 60 * RATES[given.sensors]),
        "latency_s": {"median": seen.work.latency_median_s, "p99": seen.work.latency_p99_s},
        "language_ms": seen.work.language_ms,
        "cores": round((last["cpu_s"] - first["cpu_s"]) / (last["at"] - first["at"]), 3),
        "rss_mb": {"after_warm_up": round(busy[quarter]["rss_mb"], 1), "end": round(last["rss_mb"], 1)},
        "rss_mb_an_hour": round(slope(busy[quarter:], "rss_mb") * 3600, 2),
        "by_minute": by_minute(busy),
        "cpu_s_a_word": {"second_quarter": cost(busy[quarter : 2 * quarter]), "last_quarter": cost(busy[-quarter:])},
        "recorder": None
        if seen.recording is None
        else {"mb": seen.recording.megabytes, "dropped": seen.recording.n_dropped},
    }  # fmt: skip


def slope(rows: list[dict[str, float]], name: str) -> float:
    """Change a second, by least squares."""
    at = np.array([row["at"] for row in rows])
    return float(np.polyfit(at - at[0], [row[name] for row in rows], 1)[0])


def by_minute(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """Words scored, memory and latency so far at the end of every minute: what warms up ends, what grows goes on."""
    ends = {int((row["at"] - rows[0]["at"]) // 60): row for row in rows}
    return [
        {"scored": row["scored"], "rss_mb": round(row["rss_mb"], 1), "p99_s": round(row["p99_s"], 3)}
        for row in ends.values()
    ]


def cost(rows: list[dict[str, float]]) -> float:
    """Processor seconds a word."""
    first, last = rows[0], rows[-1]
    return round((last["cpu_s"] - first["cpu_s"]) / max(last["scored"] - first["scored"], 1), 4)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sensors", choices=RATES, default="ctf275")
    options.add_argument("--minutes", type=float, default=3.0)
    options.add_argument("--layers", default="all")
    options.add_argument(
        "--model",
        choices=("smollm2", "1b", "3b", "8b"),
        default="smollm2",
        help="the packaged model in float32, or random weights of a larger shape in int8",
    )
    options.add_argument("--words-a-second", type=float, default=3.0)
    options.add_argument("--record", action="store_true", help="record the session too")
    options.add_argument("--controls", action="store_true", help="unique R and the static twin too")
    options.add_argument("--plain", type=float, default=0.0, help="then read for some minutes with transformers alone")
    options.add_argument("--play", metavar="TAG", help=argparse.SUPPRESS)
    options.add_argument("--out", type=Path, help="also write the JSON here")
    given = options.parse_args()
    if given.plain and given.model == "smollm2":
        options.error("--plain needs --model 1b, 3b or 8b")
    os.environ.setdefault("LSLAPICFG", str(ROOT / "rtalign" / "streams" / "loopback.cfg"))
    if given.play:
        player(given, (f"{given.play}-meg", f"{given.play}-words"))
        return
    tell(measure(given), given.out)


if __name__ == "__main__":
    main()
