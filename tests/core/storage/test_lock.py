"""One process at a time holds a lock, and its death opens it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rtalign.core.storage.lock import FileLock

HOLD = """
import sys
from pathlib import Path
from rtalign.core.storage.lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


def test_a_killed_owner_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "a" / "sweep.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        mine = FileLock(path)
        assert not mine.acquire()
        assert mine.owner().startswith(f"process {other.pid} on ")
        other.kill()
    assert mine.acquire()
    assert not FileLock(path).acquire()
    mine.release()
    mine.release()
    assert FileLock(path).acquire()
