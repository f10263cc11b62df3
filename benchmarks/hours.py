"""Ten hours of words through the in-process source: whether memory or the cost of a word grows."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from live import Endless, cost, made_up_bank, slope
from outcome import tell

from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine.engine import Engine, EngineOptions
from rtalign.language import AheadReader, load
from rtalign.simulation import helmet_sensors
from rtalign.streams.replay import ReplaySource


def measure(hours: float, layers: str, sfreq: float, words_a_second: float) -> dict[str, Any]:
    recording = Endless(helmet_sensors("ctf275"), sfreq, 3600 * hours, words_a_second)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bank"
        made_up_bank(folder, recording.sensors, layers)
        bank = DecoderBank.load(folder)
        decoding, model = DecoderSetup.from_bank(bank), load("smollm2")
        words = recording.words
        reader = AheadReader(
            words, lambda: model.stream([w.text for w in words], bank.recipe.language, bank.layers), decoding.targets
        )
        engine = Engine(decoding, ReplaySource(recording, None, 1.0), reader, EngineOptions(can_wait=True))
        rows = run(engine)
        engine.finish()
        engine.close()
    quarter = max(len(rows) // 4, 2)
    return {
        "benchmark": "hours",
        "hours": hours, "layers": len(bank.layers), "lags": len(bank.lags_s), "sfreq": sfreq, "words": len(words),
        "received": engine.ledger.n_received, "scored": engine.ledger.n_scored, "skipped": dict(engine.ledger.skipped),
        "wall_s": round(rows[-1]["at"] - rows[0]["at"], 1),
        "cpu_s_a_word": {"second_quarter": cost(rows[quarter : 2 * quarter]), "last_quarter": cost(rows[-quarter:])},
        "rss_mb": {"after_warm_up": round(rows[quarter]["rss_mb"], 1), "end": round(rows[-1]["rss_mb"], 1)},
        "rss_mb_per_10000_words": round(growth(rows[quarter:]), 3),
    }  # fmt: skip


def run(engine: Engine) -> list[dict[str, float]]:
    """A row every thousand words or so."""
    process, rows, due = psutil.Process(), list[dict[str, float]](), 0
    while not engine.ended:
        engine.step(0.001)
        if engine.ledger.n_scored >= due:
            due = engine.ledger.n_scored + 1000
            times = process.cpu_times()
            rows.append(
                {
                    "at": time.monotonic(), "cpu_s": times.user + times.system, "scored": engine.ledger.n_scored,
                    "rss_mb": process.memory_info().rss / 2**20,
                }
            )  # fmt: skip
            if len(rows) % 10 == 0:
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def growth(rows: list[dict[str, float]]) -> float:
    """MB of memory per 10,000 words, by least squares."""
    return slope([{"at": row["scored"], "rss_mb": row["rss_mb"]} for row in rows], "rss_mb") * 1e4


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hours", type=float, default=10.0)
    options.add_argument("--layers", default="9")
    options.add_argument("--sfreq", type=float, default=300.0)
    options.add_argument("--words-a-second", type=float, default=3.0)
    options.add_argument("--out", type=Path, help="also write the JSON here")
    given = options.parse_args()
    tell(measure(given.hours, given.layers, given.sfreq, given.words_a_second), given.out)


if __name__ == "__main__":
    main()
