"""How well the check of sensors finds planted faults: sensitivity, delay, false alarms in an hour of simulated signal.

python benchmarks/sensors.py --minutes 60 --out benchmarks/results/sensors.json
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from outcome import tell

from rtalign.core.head.helmets import helmet_coils
from rtalign.core.records import Chunk
from rtalign.signal.sensor_check import SensorCheck
from rtalign.simulation.background import Background

FAULTS = ("flat", "jumping", "noisy", "line noise")
EVERY_S, LASTS_S, GRACE_S = 60, 30, 25
"""One fault begins each minute, lasts half of it, and may be named so long after its end: that is the hysteresis."""


@dataclass(frozen=True, slots=True)
class PlantedFault:
    """A fault of one sensor from start to stop, s."""

    sensor: int
    fault: str
    start: float
    stop: float
    strength: float


def planted(minutes: int, n_sensors: int, rng: np.random.Generator) -> list[PlantedFault]:
    """One each minute, of every kind in turn; strengths from what is barely one to what nobody overlooks."""
    return [
        PlantedFault(
            int(rng.integers(n_sensors)), FAULTS[k % len(FAULTS)], start := EVERY_S * k + 15.0, start + LASTS_S,
            float(np.exp(rng.uniform(np.log(1.5), np.log(10)))),
        )
        for k in range(minutes)
    ]  # fmt: skip


def spoil(x: np.ndarray, start: float, sfreq: float, faults: list[PlantedFault], rng: np.random.Generator) -> None:
    """Add what is due in a second of signal.  x : (sample, sensor), in place."""
    t = start + np.arange(len(x)) / sfreq
    for one in faults:
        rows = (t >= one.start) & (t < one.stop)
        if not rows.any():
            continue
        n, column = int(rows.sum()), one.sensor
        match one.fault:
            case "flat":
                x[rows, column] = 1e-12
            case "noisy":  # times the threshold of three times the sensors' own noise
                x[rows, column] += one.strength * 3 * 3.5e-15 * np.sqrt(sfreq / 2) * rng.standard_normal(n)
            case "jumping":  # one a second, strength pT each
                x[rows, column] += one.strength * 1e-12 * (np.floor(t[rows]) % 2)
            case "line noise":
                x[rows, column] += one.strength * 1e-12 * np.cos(2 * np.pi * 50 * t[rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--sfreq", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    sensors, rng = tuple(sensor for sensor, _ in helmet_coils("ctf275")), np.random.default_rng(args.seed)
    background = Background(sensors, args.sfreq, args.seed, args.seed + 1)
    faults = planted(args.minutes, len(sensors), rng)
    check, begin = SensorCheck(sensors, args.sfreq), time.process_time()
    found: dict[int, float] = {}
    false_alarms, cost = set[tuple[str, str, int]](), 0.0
    for second in range(60 * args.minutes):
        x = np.array(background.take(round(args.sfreq)), np.float64)
        spoil(x, float(second), args.sfreq, faults, rng)
        before = time.process_time()
        check.push(Chunk(x, float(second), args.sfreq))
        states = [(i, state) for i, state in enumerate(check.states) if state.fault]
        cost += time.process_time() - before
        for i, state in states:
            own = [k for k, f in enumerate(faults) if f.sensor == i and f.start <= second + 1 <= f.stop + GRACE_S]
            for k in own:
                found.setdefault(k, second + 1 - faults[k].start)
            if not own:
                false_alarms.add((state.name, state.fault, second // 60))
    by_kind = {}
    for fault in FAULTS:
        of_kind = [k for k, one in enumerate(faults) if one.fault == fault]
        delays = [found[k] for k in of_kind if k in found]
        missed = sorted(round(faults[k].strength, 2) for k in of_kind if k not in found)
        by_kind[fault] = {
            "planted": len(of_kind), "found": len(delays), "missed_strengths": missed,
            "delay_s": float(np.median(delays)) if delays else None,
        }  # fmt: skip
    tell(
        {
            "minutes": args.minutes, "sensors": len(sensors), "sfreq": args.sfreq, "planted": len(faults),
            "sensitivity": len(found) / len(faults), "by_fault": by_kind, "false_alarms": sorted(false_alarms),
            "check_ms_per_s": 1000 * cost / (60 * args.minutes), "processor_s": time.process_time() - begin,
        },
        args.out,
    )  # fmt: skip


if __name__ == "__main__":
    main()
