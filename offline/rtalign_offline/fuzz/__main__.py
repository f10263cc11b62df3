"""make fuzz: random bytes for every reader of foreign bytes; writes docs/fuzzing.md from what was found."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rtalign.core.machine import cpu_count
from rtalign.core.progress import Progress
from rtalign.core.storage.files import atomic_file, write_atomically
from rtalign_offline.fuzz.worker import MEMORY_MB, SLOW_S, fuzz

NAMES = (
    "word table", "TextGrid", "CTM", "words.tsv", "XDF", "FIF tags", "FIF in a buffer", "wav", "tensor file",
    "summary.json", "curves.csv", "JSON", "TOML", "session file", "recipe", "faults file", "sweep plan",
    "stream description", "FieldTrip answers", "markers", "commands", "word list",
)  # fmt: skip
"""Of the targets, whose modules only the workers load: they do it so that coverage is seen."""

HEAD = """# Fuzzing

Written by `make fuzz`. Every reader of bytes that others made is given inputs at random, in a process of its own,
{engine}.

A reader may refuse, in one line; anything else that it raises, more than {slow:g} s of a processor for one input, or a
process that grows by more than {memory:g} MB, is a defect. Inputs that once showed one are kept in `tests/fuzz/corpus`,
and the tests read them; those that reached new code are in `tests/fuzz/corpus.tar.xz`, with which the next run begins.

{n:,} inputs in all, at {rate:,.0f} a second of a processor, {n_defects} defects. Runs add up for as long as the code of
a reader is the same: the modules whose functions its kept inputs run through. Where one of them has changed, its count
begins anew.

| reader | inputs | a second of a processor | slowest, s | grew by, MB | defects |
| --- | --- | --- | --- | --- | --- |
"""
ENGINES = {
    "atheris": "guided by coverage (atheris), from inputs that earlier runs have kept",
    "hypothesis": "by hypothesis, without coverage, as atheris is not installed",
}


def main() -> None:
    """Run the workers, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=500_000, help="for each reader, earlier runs among them")
    parser.add_argument("--only", help="readers whose names contain this, alone; no page is written")
    parser.add_argument("--page", type=Path, default=Path("docs/fuzzing.md"))
    parser.add_argument("--folder", type=Path, default=Path("benchmarks/results/fuzz"))
    parser.add_argument("--kept", type=Path, default=Path("tests/fuzz/corpus"), help="for inputs that show a defect")
    parser.add_argument(
        "--corpus",
        type=Path,
        default=Path("tests/fuzz/corpus.tar.xz"),
        help="inputs that reached new code, to begin from",
    )
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        slug = slug_of(args.worker)
        report, corpus = args.folder / f"{slug}.json", args.folder / "corpus" / slug
        fuzz(args.worker, args.inputs, report, corpus, args.kept / slug)
    names = [name for name in NAMES if not args.only or args.only in name]
    args.folder.mkdir(parents=True, exist_ok=True)
    unpack(args.corpus, args.folder / "corpus")
    with Progress().stage("readers", len(names), "readers") as stage, ThreadPoolExecutor(cpu_count()) as pool:
        for name, found in zip(names, pool.map(lambda name: run_worker(args, name), names), strict=True):
            stage.advance()
            for defect in found["defects"]:
                print(f"{name}: {defect['error']} at {defect['where']}; {defect['input']}", file=sys.stderr)
    if not args.only:
        pack(args.folder / "corpus", args.corpus)
        write_page(
            args.page, [json.loads((args.folder / f"{slug_of(name)}.json").read_text("utf-8")) for name in NAMES]
        )


def run_worker(args: argparse.Namespace, name: str) -> Mapping[str, Any]:
    """Fuzz one reader; a process that ends by itself before its last input is a defect too."""
    report = args.folder / f"{slug_of(name)}.json"
    options = ("--inputs", str(args.inputs), "--folder", str(args.folder), "--kept", str(args.kept))
    command = [sys.executable, "-m", "rtalign_offline.fuzz", "--worker", name, *options]
    with (args.folder / f"{slug_of(name)}.log").open("w") as log:
        status = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
    if not report.exists():
        raise ValueError(f"the worker of {name} did not begin; {report.with_suffix('.log')} says why")
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    if status or found["megabytes"] > MEMORY_MB:
        text = f"the process ended with status {status}, {found['megabytes']:.0f} MB larger"
        found["defects"].append({"error": text, "where": "", "input": ""})
        report.write_text(json.dumps(found), encoding="utf-8")
    return found


def unpack(archive: Path, folder: Path) -> None:
    """Put the inputs of an archive beside those that are in a folder."""
    if not archive.exists():
        return
    with tarfile.open(archive) as file:
        for entry in file:
            content = file.extractfile(entry)
            assert content is not None
            path = folder / Path(entry.name).parent.name / Path(entry.name).name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())


def pack(folder: Path, archive: Path) -> None:
    """Write the inputs of a folder, which holds one for each reader, into an archive; the same again is no change."""
    with atomic_file(archive) as partial, tarfile.open(partial, "w:xz") as file:
        for path in sorted(folder.glob("*/*")):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size = path.stat().st_size
            with path.open("rb") as content:
                file.addfile(entry, content)


def write_page(path: Path, findings: Sequence[Mapping[str, Any]]) -> None:
    """Write the page."""
    n = sum(found["n_inputs"] for found in findings)
    rate = n / max(sum(found["seconds"] for found in findings), 1e-9)
    head = HEAD.format(
        engine=ENGINES[findings[0]["engine"]], slow=SLOW_S, memory=MEMORY_MB, n=n, rate=rate,
        n_defects=sum(len(found["defects"]) for found in findings),
    )  # fmt: skip
    rows = [
        f"| {f['target']} | {f['n_inputs']:,} | {f['n_inputs'] / max(f['seconds'], 1e-9):,.0f} | {f['slowest_s']:.2f} "
        f"| {f['megabytes']:.0f} | {len(f['defects'])} |"
        for f in findings
    ]
    write_atomically(path, head + "\n".join(rows) + "\n")


def slug_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


if __name__ == "__main__":
    main()
