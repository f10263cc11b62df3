"""The machine: workers fit its cores and its memory, and what may wait gives way."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from rtalign.core import machine


def test_workers_are_as_many_as_cores_unless_memory_is_short() -> None:
    assert machine.worker_count(1.0) == machine.cpu_count()
    assert machine.worker_count(1e18) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
def test_work_behind_others_leaves_the_caller_its_priority() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    own = niceness()
    assert machine.call_behind_others(niceness) == machine.LOWEST_PRIORITY > machine.LOW_PRIORITY
    assert niceness() == own


@pytest.mark.skipif(not machine.AUTOGROUP.exists(), reason="this kernel shares the processor between threads alone")
def test_work_behind_others_yields_to_other_sessions_too() -> None:
    def niceness() -> int:
        return int(machine.AUTOGROUP.read_text(encoding="ascii").split()[-1])

    own = niceness()
    assert machine.call_behind_others(niceness) == machine.LOWEST_PRIORITY
    assert niceness() == own
