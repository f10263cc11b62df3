"""A journal of which pieces of work were computed and which were found on disk, one file a process and plan.

The path of each piece holds a key of everything that it depends on, so that a retry finds it and never computes it
twice.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Journal:
    """Notes of this process; each process has a file of its own, so that no two write to one."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{socket.gethostname()}-{os.getpid()}.jsonl"

    def note(self, piece: str, key: str, how: str, seconds: float = 0.0) -> None:
        """piece : what kind of work; how : computed or reused."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        entry = {"piece": piece, "key": key, "how": how, "s": round(seconds, 4), "pid": os.getpid()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    @contextmanager
    def computing(self, piece: str, key: str, apart: Callable[[], float] = lambda: 0.0) -> Iterator[None]:
        """Note the piece, with its processor time, once the body has ended without an error.

        apart : seconds of the body that other notes hold.
        """
        start = time.process_time()
        yield
        self.note(piece, key, "computed", time.process_time() - start - apart())


def read_journal(folder: Path) -> Iterator[dict[str, Any]]:
    """The notes of all processes; one that was cut off by a kill is left out."""
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def count_work(folder: Path) -> dict[str, dict[str, float]]:
    """For each kind of work: how many pieces, how often computed and reused, and processor seconds."""
    keys: dict[str, set[str]] = {}
    times: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    for entry in read_journal(folder):
        piece = entry["piece"]
        keys.setdefault(piece, set()).add(entry["key"])
        times.setdefault(piece, Counter())[entry["how"]] += 1
        seconds[piece] += entry["s"]
    return {
        piece: {
            "blocks": len(distinct),
            "computed": times[piece]["computed"],
            "reused": times[piece]["reused"],
            "cpu_s": round(seconds[piece], 2),
        }
        for piece, distinct in keys.items()
    }
