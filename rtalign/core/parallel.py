"""Work on a thread beside the caller's own: an error or a stop on either side ends both."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """Nobody waits for the rest."""


class Beside(Generic[T]):
    """Runs work(go_on) on a thread of its own; whoever leaves the `with` block by an error stops it.

    The work calls go_on() between its pieces; the caller calls check() between his own.
    """

    def __init__(self, work: Callable[[Callable[[], None]], T], name: str) -> None:
        self._halt = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._future = self._pool.submit(work, self._go_on)

    def check(self) -> None:
        """Raise what the work has raised, if it has."""
        if self._future.done():
            self._future.result()

    def result(self) -> T:
        """What came of it, waited for."""
        return self._future.result()

    def _go_on(self) -> None:
        if self._halt.is_set():
            raise Stopped

    def __enter__(self) -> Beside[T]:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._halt.set()
        self._pool.shutdown(wait=True)
