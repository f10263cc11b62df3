"""The window's application."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtalign.core.session import Session
from rtalign.engine.snapshot import empty_snapshot
from rtalign_monitor.app import DisplayOptions, absolute, last_snapshot, or_recorded, poll
from rtalign_monitor.engines import recorded


def test_a_session_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = absolute(Session(bank=Path("bank"), recording=Path("listener"), speed=2.0))
    assert (session.bank, session.recording, session.out) == (tmp_path / "bank", tmp_path / "listener", None)
    assert session.speed == 2.0


@pytest.mark.parametrize(
    ("state", "restarts_in_s", "closed"),
    [("running", None, 0), ("lost", 3.0, 0), ("lost", None, 1), ("ended", None, 1)],
)
def test_pictures_are_taken_until_no_engine_is_started_again(
    state: str, restarts_in_s: float | None, closed: int
) -> None:
    done, closes = [], []
    link = SimpleNamespace(state=state, restarts_in_s=restarts_in_s, newest=None, stopping_s=None)
    window: Any = SimpleNamespace(link=link, drawn=None, close=lambda: closes.append(1))
    pictures: Any = SimpleNamespace(update=lambda window, snapshot, last: done.append(last))
    poll(window, DisplayOptions(), pictures)
    assert (done, len(closes)) == ([bool(closed)], closed)


@pytest.mark.parametrize(("state", "phase"), [("lost", "failed"), ("ended", "running")])
def test_a_window_whose_engine_was_lost_returns_a_failure(state: str, phase: str) -> None:
    window: Any = SimpleNamespace(link=SimpleNamespace(state=state), drawn=empty_snapshot("running", ""))
    last = last_snapshot(window)
    assert last is not None
    assert last.phase == phase


def test_a_recorded_session_plays_without_an_engine_and_a_broken_one_goes_to_an_engine(tmp_path: Path) -> None:
    """The engine then says what is wrong with the file, as with any recording."""
    asked: list[Session] = []
    start: Any = or_recorded(asked.append)  # type: ignore[arg-type]
    engine = start(Session(recording=recorded.DEMO, speed=4.0))
    assert isinstance(engine, recorded.RecordedEngine)
    assert engine.newest.speed == 4.0
    broken = tmp_path / "broken.rtsession"
    broken.write_bytes(b"\0")
    start(Session(recording=broken))
    assert [session.recording for session in asked] == [broken]
