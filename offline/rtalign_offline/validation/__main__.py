"""make validate: run the study, or go on with it, and write docs/validation.md from its records."""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from rtalign.core.machine import cpu_count
from rtalign.core.progress import Progress
from rtalign_offline.validation.drawn import read_story
from rtalign_offline.validation.page import write_page
from rtalign_offline.validation.study import OTHERS, run_job, study


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, default=Path("benchmarks/results/validation.jsonl"))
    parser.add_argument("--page", type=Path, default=Path("docs/validation.md"))
    parser.add_argument("--null", type=int, default=150, help="recordings of each kind that answer to nothing")
    parser.add_argument("--signal", type=int, default=100, help="recordings of each strength")
    parser.add_argument("--headline", type=int, default=20, help="recordings of forty minutes of each kind")
    parser.add_argument("--other", type=int, default=40, help="recordings of each other kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first recording: others are drawn anew")
    args = parser.parse_args()
    sizes = (args.null, args.signal, args.headline, args.other, args.first)
    args.records.parent.mkdir(parents=True, exist_ok=True)
    lines = args.records.read_text(encoding="utf-8").splitlines() if args.records.exists() else []
    done = {record["key"]: record for record in map(json.loads, lines)}
    # By their number, so that a study that is cut short knows all conditions equally well.
    todo = sorted((key for key in study(*sizes) if key not in done), key=lambda key: int(key.rsplit("|", 1)[1]))
    if any("SmolLM2" in key for key in todo):
        kind = OTHERS["SmolLM2"]
        read_story(kind.model, kind.n_layers, kind.components)  # here, so that processes that are forked share it
    with (
        args.records.open("a", encoding="utf-8") as file,
        ProcessPoolExecutor(cpu_count()) as pool,
        Progress().stage("recordings", len(todo), "recordings") as stage,
    ):
        for future in as_completed([pool.submit(run_job, key, sizes) for key in todo]):
            record = future.result()
            done[record["key"]] = record
            file.write(json.dumps(record) + "\n")
            file.flush()
            stage.advance()
    write_page(args.page, [done[key] for key in study(*sizes)])


if __name__ == "__main__":
    main()
