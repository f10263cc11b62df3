"""One long session with a fault every half minute: the live cells of the matrix, drawn at random from a seed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from rtalign_offline.faults.cells import AGAIN_S, CELLS, KILLS, Cell
from rtalign_offline.faults.live_cells import ENGINE, RECORDER, CellProcesses, is_late, read_streams

EVERY_S = 30.0
FIRST_S = 120.0
"""Before the first fault, as words are scored then and a standby has the streams, also where the processor is taken."""
LASTS_S = 10.0
"""Of a fault that a cell of the matrix leaves until its end."""
LASTING = ("clock", "drift")
APART = 3
"""Faults between two kills of one process: one that is lost again within a minute is restarted after growing pauses."""
LEFT_OUT = ("nothing", "twin", "folder removed", "terminated")
"""Cells that change nothing, cannot be taken back, or end the session."""
KILLED = {"engine": ("engine",), "recorder": ("recorder",), "both": ("engine", "recorder")}
SAMPLE_S = 10.0
WARM_S = 60.0
"""The growth of a process is not looked at before: its buffers are still filling."""
FLAT_MB = 0.1
"""By which a process may grow in a minute once it has seen each fault: the first of a kind may take buffers."""


Series = Sequence[tuple[float, float]]
"""Times in seconds and megabytes of one process."""


def is_drawn(cell: Cell) -> bool:
    """Whether a cell can happen within a session that goes on."""
    goes_on = cell.kind == "live" and (cell.scores_again or cell.key == "command killed")
    is_whole = not cell.options and set(cell.plan) <= {"faults", "seconds"} and cell.may_lose != "all"
    return goes_on and is_whole and cell.key not in LEFT_OUT and not cell.key.endswith(("twice", "early"))


def killed_by(cell: Cell) -> tuple[str, ...]:
    """The processes that a cell kills."""
    if cell.axis != KILLS or not cell.key.endswith("killed"):
        return ()
    return KILLED.get(cell.key.split()[0], ("engine", "recorder"))


def draw(n: int, seed: int) -> list[Cell]:
    """n cells at random, each as often as any other; no process is killed twice within `APART` of them.

    All that kill a process come as early as that allows: behind them, processes live long enough to see whether their
    memory grows.

    Parameters
    ----------
    n : int
        How many.
    seed : int
        The same draws the same.

    Returns
    -------
    list of Cell
        In their order.
    """
    rng, bag, drawn = random.Random(seed), list[Cell](), list[Cell]()
    while len(bag) < n:
        more = [cell for cell in CELLS if is_drawn(cell)]
        rng.shuffle(more)
        bag += more
    bag = sorted(bag[:n], key=lambda cell: not killed_by(cell))
    while bag:
        recent = {name for cell in drawn[-APART:] for name in killed_by(cell)}
        drawn.append(next(cell for cell in bag if not recent & set(killed_by(cell))))
        bag.remove(drawn[-1])
    return drawn


def settled_after(cells: Sequence[Cell]) -> int:
    """How many of the cells pass until the processes that live to the end have seen each fault once."""
    last_kill = max((k for k, cell in enumerate(cells) if killed_by(cell)), default=-1)
    rest = [cell.key for cell in cells[last_kill + 1 :]]
    first = [rest.index(key) for key in dict.fromkeys(rest)]
    return last_kill + 2 + max(first, default=0)


def hour_cell(cells: Sequence[Cell]) -> Cell:
    """One cell of all these, one after the other."""
    faults: list[dict[str, Any]] = []
    actions: list[tuple[float, str]] = []
    for k, cell in enumerate(cells):
        begin = FIRST_S + k * EVERY_S
        for fault in cell.plan.get("faults", ()):
            lasts = {"seconds": LASTS_S} if fault["kind"] in LASTING else {}
            faults.append(lasts | fault | {"at": begin + fault["at"]})
        if cell.key == "command killed":
            actions.append((begin, "restart command"))
        else:
            actions += [(begin, action) for _, action in cell.actions if action != "await standby"]
    told = tuple(dict.fromkeys(pattern for cell in cells for pattern in cell.told))
    lossy = any("recorder" in killed_by(cell) for cell in cells)
    plan = {"seconds": FIRST_S + len(cells) * EVERY_S, "faults": faults}
    kills = any(killed_by(cell) for cell in cells[last_restart(cells) + 1 :])
    return Cell(
        "hour", "the hour", "a fault every 30 s", plan, tuple(actions), status=int(kills), told=told,
        may_lose="samples" if lossy else "", scores_again=False,
    )  # fmt: skip


def last_restart(cells: Sequence[Cell]) -> int:
    """Place of the last cell after which the command is another one; -1 if it is the first throughout."""
    return max((k for k, cell in enumerate(cells) if cell.key == "command killed"), default=-1)


class HourProcesses(CellProcesses):
    """The processes of the hour, whose memory is looked at."""

    def __init__(self, cells: Sequence[Cell], setup: Path, folder: Path) -> None:
        super().__init__(hour_cell(cells), setup, folder, 0)
        self._cells = cells
        self._memory: dict[str, dict[int, list[tuple[float, float]]]] = {}
        self._over = threading.Event()

    def _act(self) -> None:
        threading.Thread(target=self._look_at_memory, daemon=True).start()
        super()._act()

    def close(self) -> None:
        """End what is left."""
        self._over.set()
        super().close()

    def _restart(self, _: str) -> None:
        """Kill the command, whose recorder goes on; end that once the next command records."""
        assert self.command is not None
        alone = self._mine(RECORDER)
        self.command.kill()
        self.command.wait()
        for reader in self._readers[-2:]:
            reader.join(10)
        self._lines.append((time.monotonic(), {"phase": "killed"}))
        self._start_command()
        self._until(lambda: self._phase == "running" and self._lines[-1][1].get("recorded"))
        for process in alone:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()

    def _look_at_memory(self) -> None:
        while not self._over.wait(SAMPLE_S):
            engines = self._mine(ENGINE)
            roles = {"engine": engines[:1], "standby": engines[1:], "recorder": self._mine(RECORDER),
                     "command": self._mine("rtalign_cli")}  # fmt: skip
            for role, processes in roles.items():
                for process in processes:
                    with contextlib.suppress(psutil.Error):
                        seen = self._memory.setdefault(role, {}).setdefault(process.pid, [])
                        seen.append((time.monotonic(), process.memory_info().rss / 2**20))

    def judge(self) -> dict[str, Any]:
        """What is reported of the hour, and whether it is as it must be."""
        found = super().judge()
        self._over.set()
        again = [self._again_after(k) for k in range(len(self._cells))]
        late = [k for k, seconds in enumerate(again) if is_late(seconds, AGAIN_S)]
        files = [numbers_of(raw) for raw in self._folder.rglob("raw.xdf")]
        holes = holes_within(files)
        settled = self._sent["began"] + FIRST_S + settled_after(self._cells) * EVERY_S
        memory = {
            role: (max(mb for one in seen.values() for _, mb in one), *slope(since(settled, seen.values())))
            for role, seen in self._memory.items()
        }
        growing = [role for role, (_, mb, error) in memory.items() if mb - 2 * error > FLAT_MB]
        minutes = {role: [by_minute(one, self._sent["began"]) for one in seen.values()]
                   for role, seen in self._memory.items()}  # fmt: skip
        wrong = [text for text in found["wrong"] if "twice" not in text or not self._restarted]
        if late:
            wrong.append(f"{len(late)} of {len(again)} faults: no word was scored within {AGAIN_S:g} s")
        if holes:
            wrong.append(f"{holes} samples are missing where no recorder was killed")
        wrong += [f"the {role}'s memory grows" for role in growing]
        return found | {
            "wrong": wrong, "cells": [cell.key for cell in self._cells], "again": again, "holes": holes,
            "files": len(files), "memory": memory, "minutes": minutes,
            "settled_min": (settled - self._sent["began"]) / 60, "seconds": self._cell.plan["seconds"],
        }  # fmt: skip

    @property
    def _restarted(self) -> bool:
        """Two recorders run side by side for a while where the command was killed: they have the same samples."""
        return last_restart(self._cells) >= 0

    def _again_after(self, k: int) -> tuple[float, float | None]:
        """Seconds from the end of the k-th fault to the next scored word: at least, and at most."""
        begin = self._sent["began"] + FIRST_S + k * EVERY_S
        ends = [end for _, end in self._sent.get("spans", ()) if begin <= end < begin + EVERY_S]
        ends += [mark for mark in self._marks if begin <= mark < begin + EVERY_S]
        return self._scored_after(max(ends, default=begin), "engine" in killed_by(self._cells[k]))


def numbers_of(raw: Path) -> list[int]:
    """Numbers of the samples in a recording."""
    return [int(number) for kind, series, _ in read_streams(raw) if kind != "Markers" for number in series[:, -1]]


def holes_within(files: Iterable[Sequence[int]]) -> int:
    """Samples that are missing inside of a recording: between two recorders some may be, within one none."""
    return sum(max(numbers) - min(numbers) + 1 - len(set(numbers)) for numbers in files if numbers)


def since(time_s: float, processes: Iterable[Series]) -> list[Series]:
    """What was seen of processes from a time on; none of those that had ended by then."""
    parts = [[point for point in series if point[0] >= time_s] for series in processes]
    return [part for part in parts if part]


def by_minute(series: Series, began: float) -> dict[int, float]:
    """Median megabytes of a process in each minute from a time on."""
    found: dict[int, list[float]] = {}
    for time_s, mb in series:
        found.setdefault(int((time_s - began) // 60), []).append(mb)
    return {minute: float(np.median(values)) for minute, values in found.items()}


def slope(processes: Iterable[Series]) -> tuple[float, float]:
    """Growth of memory with its standard error, MB/min, in processes of one role.

    Each process has a level of its own, the growth is the same; medians of a minute are taken as independent.

    Parameters
    ----------
    processes : iterable of sequence of (float, float)
        Times in seconds and megabytes, of each process.
    """
    minutes, megabytes, n_levels = list[float](), list[float](), 0
    for series in processes:
        warm = since(series[0][0] + WARM_S, [series])
        medians = by_minute(warm[0], series[0][0]) if warm else {}
        if len(medians) > 1:
            minutes += list(np.array(list(medians), float) - np.mean(list(medians)))
            megabytes += list(np.array(list(medians.values())) - np.mean(list(medians.values())))
            n_levels += 1
    x, y = np.array(minutes), np.array(megabytes)
    n_free = len(x) - n_levels - 1
    if n_free < 1 or not x.any():
        return 0.0, float("inf")
    growth = float(x @ y / (x @ x))
    return growth, float(np.sqrt(((y - growth * x) ** 2).sum() / n_free / (x @ x)))


def run_hour(minutes: float, seed: int, setup: Path, folder: Path, record: Path) -> dict[str, Any]:
    """Run the session and keep what was found.

    Parameters
    ----------
    minutes : float
        Its length.
    seed : int
        Of the draw.
    setup, folder : Path
        Folder with a bank, its model and a listener; an empty folder.
    record : Path
        Where the findings go, as JSON.

    Returns
    -------
    dict
        The findings.
    """
    stage = HourProcesses(draw(max(int((60 * minutes - FIRST_S) // EVERY_S), 1), seed), setup, folder)
    load = os.getloadavg()[0]
    try:
        stage.run()
        found = {"key": "hour", "seed": seed, **stage.judge(), "load": max(load, os.getloadavg()[0])}
    finally:
        stage.close()
    record.write_text(json.dumps(found), encoding="utf-8")
    return found
