"""Recorder and standby go on from a lost engine to the next, and end where the session does."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rtalign.core.session import Session
from rtalign.engine.commands import Record, Stop, WriteTo, to_message
from rtalign.engine.process import client as module
from rtalign.engine.process import recorder_client
from rtalign.engine.process.client import Client, EngineStarter
from rtalign.engine.process.standby import BEHIND, can_have_standby
from rtalign.engine.snapshot import RecordingStatus, empty_snapshot
from rtalign.engine.snapshot import to_message as snapshot_message
from rtalign.streams.events import StreamHealth

LIVE = Session(words="words", record=Path("kept"), adapt=True)


class FakeRecorder:
    def __init__(self, session: Session) -> None:
        self.streams = recorder_client.streams_of(session)
        self.status = RecordingStatus("kept/1", 1.0, 1.0, 0, None, n_samples=10, silent_s=0.0, meg="scanner")
        self.stopped, self.watcher = False, None

    def watch(self, watcher: Any) -> None:
        self.watcher = watcher
        if watcher is not None:
            watcher(Path(self.status.folder))

    def stop(self) -> None:
        self.stopped = True

    def wait(self) -> None: ...


@pytest.fixture
def starter(monkeypatch: pytest.MonkeyPatch) -> EngineStarter:
    """Engines that do not run."""
    monkeypatch.setattr(module, "RecorderClient", FakeRecorder)
    monkeypatch.setattr(module.subprocess, "Popen", lambda command, **_: FakeProcess(command))
    monkeypatch.setattr(module.threading.Thread, "start", lambda _: None)
    return EngineStarter()


class FakeProcess:
    def __init__(self, command: list[str]) -> None:
        self.stdin, self.stdout, self.stderr = io.BytesIO(), None, None
        self.killed, self.behind = False, BEHIND in command

    def poll(self) -> int | None:
        return -9 if self.killed else None

    def kill(self) -> None:
        self.killed = True

    def wait(self) -> None: ...


def sent_to(client: Client) -> list[Any]:
    """Messages behind that to begin."""
    messages = []
    while not client._outgoing.empty():
        messages.append(module.wire.read(io.BytesIO(client._outgoing.get())))
    return messages[1:]


def test_the_next_engine_has_the_recorder_of_the_lost_one(starter: EngineStarter) -> None:
    first = starter(LIVE)
    recorder: Any = first.recorder
    second = starter(LIVE.model_copy(update={"bank": Path("another")}))
    assert second.recorder is recorder
    assert first.recorder is None
    assert not recorder.stopped
    assert sent_to(second) == [to_message(WriteTo(Path("kept/1")))]


@pytest.mark.parametrize("other", [{"meg": "other"}, {"record": Path("other")}, {"record": None}])
def test_a_session_that_records_something_else_has_a_recorder_of_its_own(
    starter: EngineStarter, other: dict[str, Any]
) -> None:
    recorder: Any = starter(LIVE).recorder
    second = starter(LIVE.model_copy(update=other))
    assert recorder.stopped
    assert second.recorder is not recorder


def test_a_stop_ends_the_recording_and_the_next_session_begins_another(starter: EngineStarter) -> None:
    first = starter(LIVE)
    first.send(Stop())
    assert starter(LIVE).recorder is not first.recorder


def test_recording_begins_and_ends_by_command(starter: EngineStarter) -> None:
    client = starter(LIVE.model_copy(update={"record": None}))
    assert client.recording is None
    client.send(Record(Path("kept")))
    recorder: Any = client.recorder
    client.send(Record(None))
    assert recorder.stopped
    assert client.recording is None
    assert sent_to(client) == [to_message(WriteTo(Path("kept/1"))), to_message(WriteTo(None))]


def test_another_stream_than_is_scored_is_told_where_none_was_named(starter: EngineStarter) -> None:
    for session, told in ((LIVE, True), (LIVE.model_copy(update={"meg": "source-id"}), False)):
        client = starter(session)
        health = empty_snapshot().health
        meg = StreamHealth("eeg", "flowing", n_samples=5)
        client.newest = replace(empty_snapshot(), health=replace(health, meg=meg))
        assert client.recording is not None
        assert (client.recording.problem is not None) == told


def running_for(client: Client, seconds: float, monkeypatch: pytest.MonkeyPatch, free_mb: float = 1e6) -> Any:
    """The standby of an engine that has run for so long, with 500 MB."""
    now = module.time.monotonic()
    memory = type("Memory", (), {"available": free_mb * 2**20})()
    monkeypatch.setattr(module.psutil, "virtual_memory", lambda: memory)
    running = replace(empty_snapshot(), phase="running")
    running = replace(running, work=replace(running.work, rss_mb=500.0))
    for at in (now, now + seconds):
        monkeypatch.setattr(module.time, "monotonic", lambda at=at: at)
        client._take(snapshot_message(running))
    return client._standby


def test_the_standby_takes_the_place_of_a_lost_engine(starter: EngineStarter, monkeypatch: pytest.MonkeyPatch) -> None:
    first = starter(LIVE)
    assert running_for(first, 1.0, monkeypatch) is None, "the engine itself needs the processor"
    process = running_for(first, 3.0, monkeypatch).process
    assert (first._process.behind, process.behind) == (False, True), "it loads beside an engine that reads"
    second = starter(LIVE.model_copy(update={"last_words": 300, "publish": True}))
    assert second._process is process
    assert running_for(second, 3.0, monkeypatch).process is not process


@pytest.mark.parametrize("other", [{"bank": Path("other")}, {"meg": "other"}, {"encoding": "json"}])
def test_a_standby_for_something_else_ends(
    starter: EngineStarter, monkeypatch: pytest.MonkeyPatch, other: dict[str, Any]
) -> None:
    first = starter(LIVE)
    standby = running_for(first, 3.0, monkeypatch)
    assert starter(LIVE.model_copy(update=other))._process is not standby.process
    assert standby.process.killed


def test_a_standby_that_was_lost_is_started_again_a_minute_later(
    starter: EngineStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = starter(LIVE)
    standby = running_for(client, 3.0, monkeypatch)
    standby.process.kill()
    assert running_for(client, 3.0, monkeypatch) is standby
    assert running_for(client, 70.0, monkeypatch) is not standby
    assert starter(LIVE)._process is not standby.process


def test_without_memory_for_two_there_is_no_standby(starter: EngineStarter, monkeypatch: pytest.MonkeyPatch) -> None:
    assert running_for(starter(LIVE), 3.0, monkeypatch, free_mb=900.0) is None


def test_replays_and_cards_have_no_standby() -> None:
    assert can_have_standby(LIVE)
    for other in ({"recording": Path("x")}, {"device": "cuda"}, {"no_standby": True}):
        assert not can_have_standby(LIVE.model_copy(update=other))


def test_a_session_that_is_closed_leaves_no_standby(starter: EngineStarter, monkeypatch: pytest.MonkeyPatch) -> None:
    standby = running_for(starter(LIVE), 3.0, monkeypatch)
    starter.close()
    assert standby.process.killed
