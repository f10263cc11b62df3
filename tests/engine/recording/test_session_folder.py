"""The folder of a session: a recording that cannot be made costs no score, and is reported."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtalign.core.recipe import Recipe
from rtalign.core.records import Sensor
from rtalign.core.session import Session
from rtalign.engine.command_executor import CommandExecutor
from rtalign.engine.commands import Record
from rtalign.engine.recording.session_folder import SessionFolder
from rtalign.streams.events import RawSamples, SignalChanged

STREAM = SignalChanged((Sensor("M1", "axial", (0, 0, 0.1), (0, 0, 1)),), 500.0, "meg", ("M1",), ("T",))
DECODING = SimpleNamespace(model={}, recipe=Recipe(), layers=(), sensors=())


@pytest.fixture
def folder() -> Any:
    made = SessionFolder(Session(), SimpleNamespace(recording=None, decoding=DECODING))  # type: ignore[arg-type]
    yield made
    made.close()


@pytest.fixture
def a_file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("no folder")
    return tmp_path / "file" / "under"


def test_a_folder_that_cannot_be_written_to_is_refused_at_once(folder: SessionFolder, a_file: Path) -> None:
    """Also before the stream is there; nothing happens when it begins."""
    said: list[Any] = []
    engine: Any = SimpleNamespace(intake=SimpleNamespace(time_s=1.0), notify=said.append)
    CommandExecutor(Session(), engine, folder).execute(Record(a_file))
    assert [(notice.kind, "cannot be recorded to" in notice.text) for notice in said] == [("command", True)]
    folder.change_stream(STREAM)
    assert folder.recorder is None
    assert folder.take_notice() is None


def test_a_folder_that_fails_when_the_stream_begins_is_a_notice(folder: SessionFolder, tmp_path: Path) -> None:
    folder.record(tmp_path / "kept")
    (tmp_path / "kept").rmdir()
    (tmp_path / "kept").write_text("a file took its place")
    folder.change_stream(STREAM)
    assert folder.recorder is None
    notice = folder.take_notice()
    assert notice is not None
    assert (notice.level, notice.kind) == ("error", "recording")
    assert folder.take_notice() is None
    folder.record(tmp_path / "other")
    folder.write_samples(RawSamples(np.zeros((10, 1), np.float32), np.arange(10) / 500))
    assert folder.recorder is not None


def test_a_recording_that_goes_on_is_not_ended_by_a_folder_that_cannot_be(
    folder: SessionFolder, tmp_path: Path, a_file: Path
) -> None:
    folder.record(tmp_path / "kept")
    folder.change_stream(STREAM)
    with pytest.raises(OSError, match="cannot be recorded to"):
        folder.record(a_file)
    assert folder.recorder is not None
    assert folder.recorder.problem is None
