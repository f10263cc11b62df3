"""Threads give results in order, and an error on either side ends both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from rtalign.core.parallel import BackgroundTask, TaskStopped, run_ordered


def test_results_come_in_order_and_few_wait() -> None:
    started = []

    def job(i: int) -> int:
        started.append(i)
        time.sleep(0.01 * (3 - i % 3))
        return i

    results = run_ordered((partial(job, i) for i in range(12)), 2)
    assert next(results) == 0
    time.sleep(0.1)
    assert len(started) <= 4
    assert list(results) == list(range(1, 12))


def test_a_failing_job_ends_the_iteration() -> None:
    started = []

    def job(i: int) -> None:
        started.append(i)
        time.sleep(0.4 if i else 0.05)
        if i == 0:
            raise ArithmeticError("lag 0")

    before = threading.active_count()
    with pytest.raises(ArithmeticError, match="lag 0"):
        list(run_ordered((partial(job, i) for i in range(1000)), 2))
    assert 3 not in started
    assert threading.active_count() == before


def test_an_interrupt_leaves_no_thread() -> None:
    before = threading.active_count()
    results = run_ordered((partial(time.sleep, 0.01) for _ in range(1000)), 2)
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert threading.active_count() == before


def test_an_error_of_the_task_reaches_the_caller() -> None:
    def fail(check: Callable[[], None]) -> None:
        raise ArithmeticError("no disk")

    def wait() -> None:
        with BackgroundTask(fail, "task") as task:
            while True:
                task.check()

    with pytest.raises(ArithmeticError, match="no disk"):
        wait()


def test_an_error_of_the_caller_stops_the_task() -> None:
    ended = []

    def work(check: Callable[[], None]) -> None:
        try:
            while True:
                check()
        except TaskStopped:
            ended.append(True)
            raise

    with pytest.raises(ArithmeticError, match="no model"), BackgroundTask(work, "task"):
        raise ArithmeticError("no model")
    assert ended == [True]


def test_the_result_of_a_task_is_waited_for() -> None:
    with BackgroundTask(lambda check: time.sleep(0.05) or 3, "task") as task:
        assert task.result() == 3
