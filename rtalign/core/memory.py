"""Memory that the C library keeps for later, although nothing uses it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def give_back_free_memory() -> None:
    """Give pages of the heaps that nothing uses back to the system; nothing where the C library cannot.

    Why: what is allocated once and freed, among what stays, leaves holes that are kept and grow from time to time.
    """
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
