"""What this machine offers, and how much memory this process has used."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

LOW_PRIORITY, LOWEST_PRIORITY = 5, 19
"""Niceness of a thread that may take every core that nothing else needs; and of one that such threads go before."""

AUTOGROUP = Path("/proc/self/autogroup")
"""Niceness of this process's session; anybody may lower and raise it above 0, ten times a second.

Empty where the process belongs to no session's group, as in many containers."""
SESSION_TRIES = 20


def cpu_count() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_count(bytes_each: float) -> int:
    """How many workers can run: one a core, but so few that half of the memory stays free.

    Parameters
    ----------
    bytes_each : float
        Memory that one worker takes.

    Returns
    -------
    int
        1 or more.
    """
    if not hasattr(os, "sysconf"):
        return cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(min(cpu_count(), int(memory / 2 / max(bytes_each, 1.0))), 1)


def let_others_first(niceness: int = LOW_PRIORITY) -> None:
    """Lower the priority of this thread, and of those it starts, where threads have one of their own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def call_behind_others(work: Callable[[], T]) -> T:
    """The result of some work that takes what of the processor nothing else wants; the caller keeps its priority."""
    with (
        _session_behind_others(),
        ThreadPoolExecutor(1, initializer=let_others_first, initargs=(LOWEST_PRIORITY,)) as pool,
    ):
        return pool.submit(work).result()


@contextmanager
def _session_behind_others() -> Iterator[None]:
    """Where Linux shares the processor between sessions first, threads of one do not yield to those of another."""
    before = session_niceness()
    if before is not None:
        with suppress(OSError):
            AUTOGROUP.write_text(str(LOWEST_PRIORITY), encoding="ascii")
    try:
        yield
    finally:
        if before is not None:
            _restore_session(str(before))


def session_niceness() -> int | None:
    """Niceness of this process's session; None where sessions have none: the file is missing there, or it is empty."""
    try:
        words = AUTOGROUP.read_text(encoding="ascii").split()
        return int(words[-1]) if words else None
    except (OSError, ValueError):
        return None


def _restore_session(niceness: str) -> None:
    for _ in range(SESSION_TRIES):
        try:
            AUTOGROUP.write_text(niceness, encoding="ascii")
        except BlockingIOError:  # it was lowered within this tenth of a second
            time.sleep(0.1)
        except OSError:
            return
        else:
            return


def peak_rss_mb() -> float:
    """The most memory that this process has used so far, mapped files included, in MiB."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        used = psutil.Process().memory_info()
        return float(getattr(used, "peak_wset", used.rss)) / (1 << 20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def measure_flops(precision: str = "float32", seconds: float = 0.3) -> float:
    """Measure the operations a second of a matrix product here, which reading a text in blocks comes close to.

    Parameters
    ----------
    precision : {"float32", "bfloat16", "int8"}
        Of the model; int8 is measured as bfloat16, which many of its tokens are multiplied in.
    seconds : float
        How long to measure.

    Returns
    -------
    float
        Operations a second.
    """
    import torch

    kind = torch.float32 if precision == "float32" else torch.bfloat16
    left, right = torch.randn(512, 1024).to(kind), torch.randn(1024, 1024).to(kind)
    _ = left @ right
    n, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        _ = left @ right
        n += 1
    return 2.0 * n * 512 * 1024 * 1024 / spent
