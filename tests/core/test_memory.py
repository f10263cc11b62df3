"""What nothing uses any more goes back to the system, also from between what stays."""

from __future__ import annotations

import ctypes
import sys

import psutil
import pytest

from rtalign.core.memory import give_back_free_memory
from tests.streams.live.test_source import Lab, live

SIZE, N = 32 << 10, 1000


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone is asked")
def test_a_stream_that_comes_gives_back_what_was_freed_between_what_stays() -> None:
    """Else a standby grows from return to return, though it holds no more."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    if not hasattr(libc, "malloc_trim"):
        give_back_free_memory()
        return
    process = psutil.Process()
    blocks = [(libc.malloc(SIZE), libc.malloc(4 << 10)) for _ in range(N)]
    for large, _ in blocks:
        ctypes.memset(ctypes.c_void_p(large), 1, SIZE)
    for large, _ in blocks:
        libc.free(large)
    before = process.memory_info().rss
    lab = Lab()
    lab.offer("m")
    source = live(lab)
    lab.run(source, 0.1)
    given_back = before - process.memory_info().rss
    for _, small in blocks:
        libc.free(small)
    assert given_back > 0.6 * SIZE * N
