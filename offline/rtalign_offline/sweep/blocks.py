"""Blocks of finished work that appear whole or not at all, with a journal that counts which were computed.

Each block's path holds a key of everything that went into it, so a retry finds it and never adds it a second time.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Journal:
    """Which blocks this process computed and which it found; one file a process, so that no two write to one."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{socket.gethostname()}-{os.getpid()}.jsonl"

    def note(self, piece: str, key: str, how: str, seconds: float = 0.0) -> None:
        """piece : what kind of block; how : computed or reused."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        entry = {"piece": piece, "key": key, "how": how, "s": round(seconds, 4), "pid": os.getpid()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    @contextmanager
    def computing(self, piece: str, key: str) -> Iterator[None]:
        """Notes the block once it is whole."""
        start = time.process_time()
        yield
        self.note(piece, key, "computed", time.process_time() - start)


def entries(folder: Path) -> Iterator[dict[str, Any]]:
    """Every line of every process; one that was cut off by a kill is left out."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def counts(folder: Path) -> dict[str, dict[str, float]]:
    """A row a kind of block: how many there are, how often they were computed and reused, and their CPU seconds."""
    distinct: dict[str, set[str]] = {}
    seen: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    for entry in entries(folder):
        piece = entry["piece"]
        distinct.setdefault(piece, set()).add(entry["key"])
        seen.setdefault(piece, Counter())[entry["how"]] += 1
        seconds[piece] += entry["s"]
    return {
        piece: {
            "blocks": len(keys),
            "computed": seen[piece]["computed"],
            "reused": seen[piece]["reused"],
            "cpu_s": round(seconds[piece], 2),
        }
        for piece, keys in distinct.items()
    }
