"""The machine: workers fit its cores and its memory."""

from __future__ import annotations

from rtalign.core import machine


def test_workers_are_as_many_as_cores_unless_memory_is_short() -> None:
    assert machine.worker_count(1.0) == machine.cpu_count()
    assert machine.worker_count(1e18) == 1
