"""What this machine gives and what this process has taken of it."""

from __future__ import annotations

import os
import resource
import sys
import time


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers(bytes_each: float) -> int:
    """As many as there are cores, as long as they leave half of the memory free."""
    if not hasattr(os, "sysconf"):
        return cores()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(min(cores(), int(memory / 2 / max(bytes_each, 1.0))), 1)


def peak_rss_mb() -> float:
    """The most memory this process has held, mapped files included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def flops(precision: str = "float32", seconds: float = 0.3) -> float:
    """Operations a second of a matrix product here: what reading a text in blocks comes close to.

    int8 is multiplied in float32, as weights of whole numbers are.
    """
    import torch

    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left, right = torch.randn(512, 1024).to(kind), torch.randn(1024, 1024).to(kind)
    _ = left @ right
    n, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        _ = left @ right
        n += 1
    return 2.0 * n * 512 * 1024 * 1024 / spent
