"""make faults: run the fault matrix, or go on with it, and write docs/reliability.md from its records."""

from __future__ import annotations

import argparse
import json
import queue
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from rtalign.core.progress import Progress
from rtalign_offline.faults.cells import CELLS, Cell
from rtalign_offline.faults.hour import run_hour
from rtalign_offline.faults.live_cells import run_live
from rtalign_offline.faults.offline_cells import create_setup, run_offline
from rtalign_offline.faults.page import write_hour, write_page

SIDE_BY_SIDE = 2
COUNTS = ("samples", "markers", "lost_samples", "lost_markers", "load")
NOT_RUN: dict[str, Any] = dict.fromkeys(COUNTS, 0) | {"status": None, "told": "", "again_s": (0.0, None)}


def main() -> None:
    """Run the matrix."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, default=Path("benchmarks/results/faults.jsonl"))
    parser.add_argument("--page", type=Path, default=Path("docs/reliability.md"))
    parser.add_argument("--folder", type=Path, default=Path("benchmarks/results/faults"), help="for sessions and banks")
    parser.add_argument("--only", help="cells whose names contain this, alone; no page is written")
    parser.add_argument("--keep", action="store_true", help="leave what the cells recorded")
    parser.add_argument("--hour", action="store_true", help="one session with a fault every 30 s, no cells")
    parser.add_argument("--minutes", type=float, default=60.0, help="of that session")
    parser.add_argument("--seed", type=int, default=0, help="by which its faults are drawn")
    args = parser.parse_args()
    args.records.parent.mkdir(parents=True, exist_ok=True)
    lines = args.records.read_text(encoding="utf-8").splitlines() if args.records.exists() else []
    done = {record["key"]: record for record in map(json.loads, lines)}
    todo = [c for c in CELLS if (args.only in c.key if args.only else c.key not in done)]
    folder = args.folder.absolute()
    create_setup(folder / "setup")
    if args.hour:
        own = empty(folder / "hour")
        record = args.records.with_name("faults-hour.json")
        found = run_hour(args.minutes, args.seed, folder / "setup", own, record)
        write_hour(args.page, found)
        if not args.keep:
            shutil.rmtree(own)
        sys.exit("; ".join(found["wrong"]) or None)
    slots: queue.SimpleQueue[int] = queue.SimpleQueue()
    for slot in range(SIDE_BY_SIDE):
        slots.put(slot)

    def run(cell: Cell) -> dict[str, Any]:
        slot = slots.get()
        try:
            return {"key": cell.key, **run_cell(cell, folder, slot, args.keep)}
        finally:
            slots.put(slot)

    with (
        args.records.open("a", encoding="utf-8") as file,
        ThreadPoolExecutor(SIDE_BY_SIDE) as pool,
        Progress().stage("cells", len(todo), "cells") as stage,
    ):
        for future in as_completed([pool.submit(run, cell) for cell in todo]):
            record = future.result()
            done[record["key"]] = record
            file.write(json.dumps(record) + "\n")
            file.flush()
            stage.advance()
    if not args.only:
        write_page(args.page, [done[cell.key] for cell in CELLS])


def run_cell(cell: Cell, folder: Path, slot: int, keep: bool) -> dict[str, Any]:
    """Run one cell in an empty folder of its own."""
    own = empty(folder / cell.key.replace(" ", "-"))
    try:
        return (
            run_live(cell, folder / "setup", own, slot)
            if cell.kind == "live"
            else run_offline(cell, folder / "setup", own)
        )
    except Exception as error:  # the boundary of a cell: a matrix with a hole says where it is
        return NOT_RUN | {"wrong": [f"the cell could not be run: {type(error).__name__}: {error}"]}
    finally:
        if not keep:
            shutil.rmtree(own, ignore_errors=True)


def empty(folder: Path) -> Path:
    """The folder, without what an earlier run has left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    main()
