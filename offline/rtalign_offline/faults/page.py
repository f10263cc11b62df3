"""docs/reliability.md: the fault matrix as it was measured, red cells named as red."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.machine import cpu_count
from rtalign.core.storage.files import write_atomically
from rtalign.core.text.plain_text import plain
from rtalign_offline.faults.before import BEFORE
from rtalign_offline.faults.cells import AGAIN_S, BY_KEY, Cell
from rtalign_offline.faults.hour import FLAT_MB
from rtalign_offline.faults.live_cells import LINE_S, SECONDS

Record = Mapping[str, Any]
NEVER = "-"
TOLD = 110
"""Characters of what was told that are shown."""

HEAD = """# What happens when something fails

Written by `make faults` from real processes: a sender of MEG (306 sensors, 250 Hz) and words over LSL on loopback, and
the real command `rtalign monitor --headless --record`, with a small language model and a bank that was trained for it.
The sender numbers each sample and counts its markers; `raw.xdf` is read by pyxdf. A session has {seconds:g} s of
streams unless the fault needs more. An engine is killed once its standby has held the streams for 15 s, in all cells
but one. Where a fault breaks the signal, the filters settle for 3.3 s, and a word waits for its last lag: the lags of
this bank are -0.2 to 0.8 s, and one with lags of -0.5 to 1.5 s scores 1 s later than is said here.

A cell is green where every sample and every marker that came is in the recording, once; what had to be told was told;
the exit status is the expected one; a word was scored again within {again:g} s of the end of the fault; and no process
and no half-written file is left behind. The command says once in {line:g} s how many words it has scored, so a time
lies between two lines: a cell is red where the later of those without a new word came behind the {again:g} s. Where
nothing could be kept (no disk, no recorder), what is missing must be told or counted instead.

{n} cells, {green} green, {red} red. {machine}, load {load}; other programs ran beside, so times are upper bounds.
"""


def write_page(path: Path, records: Sequence[Record]) -> None:
    """Write the page."""
    red = [record for record in records if record["wrong"]]
    loads = [record["load"] for record in records]
    head = HEAD.format(
        seconds=SECONDS, again=AGAIN_S, line=LINE_S, n=len(records), green=len(records) - len(red), red=len(red),
        machine=f"{platform.system()}, {cpu_count()} cores",
        load=f"{np.median(loads):.0f} (median) to {max(loads):.0f}",
    )  # fmt: skip
    parts = [head, *_red(red)]
    for axis, found in groupby(records, key=lambda record: BY_KEY[record["key"]].axis):
        parts += [f"## {axis[0].upper()}{axis[1:]}\n", _table(list(found))]
    parts += ["## Before and after\n", _before({record["key"]: record for record in records})]
    hour = _section_of(path, HOUR)
    write_atomically(path, "\n".join(parts).rstrip() + "\n" + (f"\n{hour}" if hour else ""))


def write_hour(path: Path, found: Record) -> None:
    """Put the section of the long session into the page, in place of the one before."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    text = text.replace(_section_of(path, HOUR), "").rstrip()
    write_atomically(path, f"{text}\n\n{_hour(found)}")


def _section_of(path: Path, title: str) -> str:
    """A section at the page's end; empty where the page has none."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return text[text.index(title) :] if title in text else ""


HOUR = "## A fault every half minute\n"
HOUR_TEXT = """
{minutes:g} minutes, {n} faults drawn at random (seed {seed}): {verdict}. Exit status {status}, load {load:.0f}.

{samples:,} samples and {markers:,} markers were sent. {lost_samples:,} samples and {lost_markers:,} markers are in
none of the {files} recordings: they came while no recorder ran, between its kill and the first sample of the next.
Within the recordings {holes} are missing.

The first fault of a kind may take buffers that are kept. So growth is that of the last {last:g} minutes: the processes
that live then have seen each fault. It may be {flat:g} MB a minute.

| process | most memory | grows by, in a minute |
| --- | --- | --- |
{memory}

Memory of each process, MB, the median of each minute from the first that is named:

| process | from minute | memory |
| --- | --- | --- |
{rows}

Seconds from the end of each fault to the next scored word, at most (the command says once in {line:g} s how many there
are):

| fault | times | median | longest |
| --- | --- | --- | --- |
{again}
"""


def _hour(found: Record) -> str:
    memory = [
        f"| {role} | {most:.0f} MB | {_growth(growth, error)} |"
        for role, (most, growth, error) in sorted(found["memory"].items())
    ]
    minutes = [
        f"| {role} | {min(map(int, one))} | {' '.join(f'{mb:.1f}' for mb in one.values())} |"
        for role, processes in sorted(found["minutes"].items())
        for one in processes
    ]
    times: dict[str, list[float]] = {}
    for key, (_, at_most) in zip(found["cells"], found["again"], strict=True):
        times.setdefault(key, []).append(np.inf if at_most is None else at_most)
    again = [
        f"| {BY_KEY[key].fault} | {len(values)} | {_seconds(np.median(values))} | {_seconds(max(values))} |"
        for key, values in sorted(times.items(), key=lambda item: list(BY_KEY).index(item[0]))
    ]
    numbers = {
        "minutes": round(found["seconds"] / 60, 1), "n": len(found["cells"]), "line": LINE_S, "flat": FLAT_MB,
        "verdict": "green" if not found["wrong"] else f"**red**: {_cell('; '.join(found['wrong']))}",
        "last": round(found["seconds"] / 60 - found["settled_min"]), "rows": "\n".join(minutes),
    }  # fmt: skip
    return HOUR + HOUR_TEXT.format(**(dict(found) | numbers | {"memory": "\n".join(memory), "again": "\n".join(again)}))


def _growth(growth: float, error: float) -> str:
    return f"{growth:.2f} ± {error:.2f} MB" if np.isfinite(error) else NEVER


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if np.isfinite(value) else "not before the next fault"


def _before(records: Mapping[str, Record]) -> str:
    """What was found before there was a matrix, beside what the cells found."""
    rows = [["fault", "before", "now", "cell or test"], ["---"] * 4]
    for found in BEFORE:
        record = records.get(found.now)
        now = _now(BY_KEY[found.now], record) if record is not None else "the test holds it"
        rows.append([found.fault, found.then, now, f"`{found.now}`" if record is None else found.now])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _now(cell: Cell, record: Record) -> str:
    parts = ["**red**"] if record["wrong"] else []
    if cell.kind == "live":
        samples, markers = record["samples"], record["markers"]
        parts.append(f"{samples - record['lost_samples']:,} of {samples:,} samples recorded")
        parts.append(f"{markers - record['lost_markers']:,} of {markers:,} markers")
        if cell.scores_again:
            again = _between(record["again_s"])
            parts.append(f"scored again after {again}" if again != NEVER else "not scored again")
    if "processor_s" in record:
        parts.append(f"refused in one line after {record['processor_s']:.1f} s, {record['megabytes']:.0f} MB")
    if cell.kind == "cache":
        parts.append("the same bank, byte for byte")
    return f"{', '.join(parts)}; exit status {record['status']}"


def _red(red: Sequence[Record]) -> Iterable[str]:
    yield "## Red cells\n"
    if not red:
        yield "None.\n"
        return
    yield (
        "\n".join(f"- **{BY_KEY[record['key']].fault}**: {_cell('; '.join(record['wrong']))}" for record in red) + "\n"
    )


def _table(records: Sequence[Record]) -> str:
    cell = BY_KEY[records[0]["key"]]
    head, row = (LIVE, _live_row) if cell.kind == "live" else (OFFLINE, _offline_row)
    rows = [head, ["---"] * len(head), *(row(BY_KEY[record["key"]], record) for record in records)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


LIVE = ["fault", "", "samples sent, missing", "markers sent, missing", "scored again after", "exit", "told"]
OFFLINE = ["fault", "", "exit", "processor, memory", "told"]


def _live_row(cell: Cell, record: Record) -> list[str]:
    return [
        cell.fault, _verdict(record),
        f"{record['samples']:,}, {record['lost_samples']:,}", f"{record['markers']:,}, {record['lost_markers']:,}",
        _between(record["again_s"]) if cell.scores_again else NEVER,
        str(record["status"]), _cell(record["told"]),
    ]  # fmt: skip


def _between(again: Sequence[float | None]) -> str:
    """The times of the two lines between which a word was scored."""
    at_least, at_most = again
    return NEVER if at_most is None else f"{at_least:.1f} to {at_most:.1f} s"


def _offline_row(cell: Cell, record: Record) -> list[str]:
    used = f"{record['processor_s']:.1f} s, {record['megabytes']:.0f} MB" if "processor_s" in record else "-"
    return [cell.fault, _verdict(record), str(record["status"]), used, _cell(record["told"])]


def _verdict(record: Record) -> str:
    return "**red**" if record["wrong"] else "green"


def _cell(text: str) -> str:
    """A text in a table: no line, no bar, no folder of this machine."""
    words = [word if "/" not in word else Path(word.strip("'\":;,()")).name for word in text.split()]
    short = plain(" ".join(words)).replace("|", "\\|")
    return short if len(short) <= TOLD else short[:TOLD] + "…"
