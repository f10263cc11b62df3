"""The machine: workers fit its cores and its memory, and what may wait gives way."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

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


@pytest.mark.skipif(machine.session_niceness() is None, reason="this kernel shares the processor between threads alone")
def test_work_behind_others_yields_to_other_sessions_too() -> None:
    own = machine.session_niceness()
    assert machine.call_behind_others(machine.session_niceness) == machine.LOWEST_PRIORITY
    assert machine.session_niceness() == own


@pytest.mark.parametrize("text", ["/autogroup-25 nice 3\n", "", "no number\n", None])
def test_work_behind_others_is_done_whatever_the_kernel_tells_of_sessions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    """Empty for a process of no session's group: read as a number, that ended what was to load a model."""
    monkeypatch.setattr(machine, "AUTOGROUP", file := tmp_path / "autogroup")
    if text is not None:
        file.write_text(text)
    assert machine.call_behind_others(lambda: "done") == "done"
    if text is None or "nice" not in text:
        assert (file.read_text() if file.exists() else None) == text
    else:
        assert file.read_text() == "3"
