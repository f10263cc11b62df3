"""What engines and recorders are told by their environment."""

from __future__ import annotations

import os


def environment() -> dict[str, str]:
    """Unless the user has said otherwise, numerical libraries have one thread each, and all threads share two heaps.

    Why: LSL has new threads for each connection, and glibc would give each of them a heap of its own, up to eight a
    core, of which each keeps the most that it ever held.
    """
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", **os.environ}
