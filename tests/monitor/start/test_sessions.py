"""What a session's signal comes from is named wherever it is no person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtalign.core.session import Session
from rtalign_monitor.engines import recorded
from rtalign_monitor.start.sessions import describe_session, source_of
from tests.helpers.window import Scene


@pytest.fixture
def listener(tmp_path: Path) -> Path:
    folder = tmp_path / "listener"
    folder.mkdir()
    (folder / "ground_truth.json").write_text("{}")
    return folder


def bank(folder: Path, **summary: object) -> Path:
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_a_simulation_is_named_and_a_person_is_not(tmp_path: Path, listener: Path) -> None:
    planted, measured = bank(tmp_path / "a", planted={"3": 0.2}), bank(tmp_path / "b", planted={})
    assert source_of(Session(recording=listener, bank=measured)) == "Simulated listener"
    assert source_of(Session(bank=planted)) == "Decoders of a simulated listener"
    assert source_of(Session(recording=recorded.DEMO)) == "Recorded demo: simulated listener"
    for session in (Session(), Session(bank=measured), Session(bank=tmp_path / "none"), Session(recording=tmp_path)):
        assert source_of(session) == ""


def test_the_packaged_demo_is_named_by_what_it_is_and_not_remembered(scene: Scene) -> None:
    scene.window.start_demo()
    assert "simulated listener" in scene.message
    assert scene.window.status.source == source_of(Session(recording=recorded.DEMO))
    assert str(recorded.DEMO) not in describe_session(Session(recording=recorded.DEMO))
    assert scene.window.windowTitle().startswith("Recorded demo")
    assert scene.window.memory.recent == []


def test_the_source_stands_on_the_screen_and_in_pictures(scene: Scene, listener: Path) -> None:
    scene.window.start(Session(recording=listener, bank=scene.folder / "bank"))
    scene.window.tick()
    scene.send(position_s=1.0, end_s=9.0)
    assert scene.window.status.parts[4] == "Simulated listener"
    assert "Simulated listener" in scene.window.exporter._caption()
