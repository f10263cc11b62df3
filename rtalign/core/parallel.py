"""Threads: a background task, and many jobs whose results come back in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")


class TaskStopped(Exception):
    """Raised inside a background task once its caller has failed and needs no result."""


class BackgroundTask(Generic[T]):
    """Runs a function on a thread of its own while the caller does something else; an error on one side ends both.

    Used as a context manager: leaving the `with` block waits for the task, and leaving it by an error stops the task.

    Parameters
    ----------
    work : callable
        Called as work(check); it calls check() between its pieces of work, which raises `TaskStopped` once the caller
        has failed.
    name : str
        Name of the thread.
    """

    def __init__(self, work: Callable[[Callable[[], None]], T], name: str) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._future = self._pool.submit(work, self._check_stop)

    def check(self) -> None:
        """Raise the task's error, if it has failed; the caller calls this between its own pieces of work."""
        if self._future.done():
            self._future.result()

    def result(self) -> T:
        """Wait for the task and return its result, or raise its error."""
        return self._future.result()

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise TaskStopped

    def __enter__(self) -> BackgroundTask[T]:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._stop.set()
        self._pool.shutdown(wait=True)


def run_ordered(jobs: Iterable[Callable[[], T]], n_workers: int) -> Iterator[T]:
    """Run jobs on threads and yield their results in the order of the jobs.

    Why threads: numpy releases the interpreter lock in everything a fit spends time on, and lags share their targets.

    Parameters
    ----------
    jobs : iterable of callable
        Functions without arguments, taken one by one as workers become free.
    n_workers : int
        Jobs that run at the same time, each with one BLAS thread.

    Yields
    ------
    T
        The result of each job.  At most two results a worker wait to be taken.  The first error ends the iteration,
        after the jobs under way.
    """
    waiting: deque[Future[T]] = deque()
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n_workers) as pool:
        try:
            for job in jobs:
                waiting.append(pool.submit(job))
                if len(waiting) >= 2 * n_workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
