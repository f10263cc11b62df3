"""The engine's part of a session's folder: what cannot be written costs no score, and is told."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtalign.core.recipe import Recipe
from rtalign.core.records import BadMark
from rtalign.core.session import Session
from rtalign.engine.command_executor import CommandExecutor
from rtalign.engine.commands import WriteTo
from rtalign.engine.recording.session_folder import BEFORE, SessionFolder
from rtalign.recordings.xdf.marks import read_marks

DECODING = SimpleNamespace(model={}, recipe=Recipe(), layers=(), sensors=())
LIVE: Any = SimpleNamespace(recording=None, decoding=DECODING)
REPLAY: Any = SimpleNamespace(recording=SimpleNamespace(parts=()), decoding=DECODING)


def execute(folder: SessionFolder, to: Path | None) -> list[Any]:
    """What is said when the engine is told to write to a folder."""
    said: list[Any] = []
    intake = SimpleNamespace(time_s=1.0)
    engine: Any = SimpleNamespace(intake=intake, notify=said.append, carry_marks=lambda _lasting: None)
    CommandExecutor(Session(), engine, folder).execute(WriteTo(to))
    return [(notice.kind, notice.text) for notice in said]


def events(folder: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_log_lines_wait_for_the_folder_of_the_recorder(tmp_path: Path) -> None:
    folder = SessionFolder(Session(record=tmp_path), LIVE)
    folder.log({"event": "early"})
    (tmp_path / "s").mkdir()
    assert execute(folder, tmp_path / "s") == []
    folder.log({"event": "late"})
    folder.close()
    assert events(tmp_path / "s") == ["start", "early", "late"]


def test_a_folder_that_cannot_be_written_to_is_told_and_the_one_before_is_kept(tmp_path: Path) -> None:
    folder = SessionFolder(Session(), LIVE)
    (tmp_path / "s").mkdir()
    execute(folder, tmp_path / "s")
    ((kind, text),) = execute(folder, tmp_path / "not there")
    assert kind == "command"
    assert "not there" in text
    folder.log({"event": "goes on"})
    folder.close()
    assert events(tmp_path / "s")[-1] == "goes on"


def test_results_still_go_where_a_recording_has_ended(tmp_path: Path) -> None:
    folder = SessionFolder(Session(), LIVE)
    (tmp_path / "s").mkdir()
    execute(folder, tmp_path / "s")
    assert execute(folder, None) == []
    assert folder.path == tmp_path / "s"
    folder.close()


def test_a_replay_is_not_recorded(tmp_path: Path) -> None:
    folder = SessionFolder(Session(), REPLAY)
    ((_, text),) = execute(folder, tmp_path)
    assert "a replay is on disk already" in text
    folder.close()


def test_a_full_disk_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SessionFolder(Session(), LIVE)
    execute(folder, tmp_path)
    assert folder.tables is not None
    monkeypatch.setattr(folder.tables._thread, "problem", "cannot write")
    told = [folder.take_notice() for _ in range(3)]
    folder.close()
    assert [notice.text if notice else None for notice in told] == ["cannot write", None, None]


def test_marks_last_in_the_folder_when_an_engine_is_lost(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    live: Any = SimpleNamespace(
        recording=None, decoding=DECODING, source=SimpleNamespace(to_local=lambda time_s: time_s + 100)
    )
    lost, ended = BadMark(1.0, None, "MLC11"), BadMark(2.0, 3.0)
    folder = SessionFolder(Session(), live)
    assert folder.carried_marks() == ()
    folder.write_to(tmp_path / "s")
    assert folder.carried_marks() == ()
    for mark in (lost, ended, BadMark(4.0, None)):
        folder.write_mark(mark)
    folder.write_mark(BadMark(4.0, None), taken_back=True)
    folder.close()
    following = SessionFolder(Session(), live)
    following.write_to(tmp_path / "s")
    assert following.carried_marks() == (BadMark(BEFORE, None, "MLC11"),)
    following.write_mark(BadMark(BEFORE, 50.0, "MLC11"))
    following.close()
    assert read_marks(tmp_path / "s" / "marks.tsv") == [BadMark(101.0, 150.0, "MLC11"), BadMark(102.0, 103.0)]
    lines = (tmp_path / "s" / "marks.tsv").read_text().splitlines()
    assert lines[0] == "start\tstop\tsensor\tstate"
    assert lines[2] == "102.0\t103.0\tn/a\tbad"
