"""Processes that live for hours keep their memory in few heaps."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rtalign.engine.process.environment import environment

COUNT = """
import ctypes, sys, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
ready = threading.Barrier(13)
def work():
    libc.malloc(1000)
    ready.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
ready.wait()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has a heap for each thread")
def test_threads_that_come_and_go_share_two_heaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    done = subprocess.run([sys.executable, "-c", COUNT], env=environment(), capture_output=True, text=True, check=True)
    assert 1 <= done.stdout.count("<heap ") <= 2
    monkeypatch.setenv("MALLOC_ARENA_MAX", "5")
    assert environment()["MALLOC_ARENA_MAX"] == "5", "what the user says holds"
