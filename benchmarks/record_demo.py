"""Record the packaged demo: a replay of the demo's fresh minutes, several a second, in one small file.

rtalign demo --prepare --out my-demo && python benchmarks/record_demo.py my-demo
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rtalign.core.session import Session
from rtalign.decoding.bank import DecoderBank
from rtalign.engine.process.client import Client
from rtalign.engine.snapshot import Snapshot
from rtalign_cli.subcommands.demo import RUNS
from rtalign_monitor.engines import recorded

EVERY_S = 0.2
ABOUT = "recorded session of a simulated listener"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("demo", type=Path, help="folder of rtalign demo")
    options.add_argument("--out", type=Path, default=recorded.DEMO)
    given = options.parse_args()
    bank = DecoderBank.load(given.demo / "bank")
    patterns = recorded.FieldPatterns(bank.sensors, bank.tensors["patterns"][:], bank.lags_s)
    listener, fresh = given.demo / "listener", f"{RUNS + 1:02d}"
    taken = replayed(Session(recording=listener, run=fresh, bank=given.demo / "bank"))
    recorded.save(given.out, taken, patterns, ABOUT)
    made = recorded.RecordedSession(given.out)
    n_words = made.at(len(made) - 1).n_scored
    print(f"{given.out}: {given.out.stat().st_size:,} bytes, {len(made)} snapshots, {n_words} words scored")


def replayed(session: Session) -> list[Snapshot]:
    """Snapshots of a replay at its own speed, from its start to its end, each with its own position."""
    client, taken = Client(session), list[Snapshot]()
    while client.alive and client.newest.phase not in ("ended", "failed"):
        newest = client.newest
        due_s = (taken[-1].position_s or 0.0) + EVERY_S if taken else 0.0
        if newest.phase == "running" and newest.position_s is not None and newest.position_s >= due_s:
            taken.append(newest)
        time.sleep(0.02)
    last = client.stop()
    if last.phase == "failed":
        raise SystemExit(f"the replay failed: {last.reason}")
    return [*taken, last] if (last.position_s or 0.0) > (taken[-1].position_s or 0.0) else taken


if __name__ == "__main__":
    main()
