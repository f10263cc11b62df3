"""How fast a word table of 100,000 rows is read, beside the csv module that only splits it."""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rtalign.datasets import wordtable

ROWS = 100_000


def best(work: Callable[[], object], repeats: int = 5) -> float:
    """Processor seconds of the quickest run."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="where the JSON goes; to the screen by default")
    args = parser.parse_args()
    rows = "".join(f'{i * 0.3:.3f}\t0.2\tword_onset_01\t"THE"\n' for i in range(ROWS))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.tsv"
        path.write_text("onset\tduration\ttype\tvalue\n" + rows, encoding="utf-8")
        ours = best(lambda: wordtable.read(path))
        peer = best(lambda: list(csv.reader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t")))
    result = {"benchmark": "wordtable", "rows": ROWS, "ours_cpu_s": ours, "csv_cpu_s": peer, "ratio": ours / peer}
    text = json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in result.items()}, indent=1)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
