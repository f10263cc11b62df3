"""A recorded session plays what was recorded, by its own clock, and is as small as it must be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.session import Session
from rtalign.engine.commands import Inspect, Pause, Play, Record, Reset, Seek, SetSpeed, Step, Stop
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.engines import recorded
from rtalign_monitor.engines.link import SILENCE_TIMEOUT_S, EngineLink
from rtalign_monitor.engines.recorded import RecordedEngine, RecordedSession
from tests.helpers import snapshots

MAX_BYTES = 1_000_000


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def taken() -> list[Snapshot]:
    """Snapshots of a made-up replay, one every two seconds."""
    return [
        snapshots.snapshot_after(n, 5, position_s=2.0 * i, end_s=12.0, speed=1.0, recording=None, bank="/a/bank")
        for i, n in enumerate((0, 5, 60, 120, 120, 200, 300))
    ]


@pytest.fixture(scope="module")
def session(taken: list[Snapshot], tmp_path_factory: pytest.TempPathFactory) -> RecordedSession:
    path = tmp_path_factory.mktemp("recorded") / "it.rtsession"
    sensors = snapshots.helmet(20)
    patterns = recorded.FieldPatterns(sensors, snapshots.patterns(sensors, 5), snapshots.LAGS)
    recorded.save(path, taken, patterns, "made up")
    return RecordedSession(path)


def test_what_is_played_is_what_was_recorded(taken: list[Snapshot], session: RecordedSession) -> None:
    """Scores to half a step, all else exactly; nothing of the machine that it was recorded on."""
    for i, one in enumerate(taken):
        played = session.at(i)
        assert (played.n_words, played.peaks, played.temporal, played.health, played.reason) == (
            one.n_words, one.peaks, one.temporal, one.health, one.reason,
        )  # fmt: skip
        assert played.words == one.words[-recorded.N_WORDS :]
        assert played.bank == ""
        for name in ("r", "null_lo", "null_hi", "map_hi"):
            before, after = getattr(one, name), getattr(played, name)
            assert (before is None) == (after is None)
            if before is not None:
                np.testing.assert_allclose(after, before, atol=0.51 * recorded.STEP)
    assert session.positions == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]


def test_it_plays_by_the_clock_and_obeys_a_replays_commands(session: RecordedSession) -> None:
    clock = Clock()
    engine = RecordedEngine(session, speed=2.0, clock=clock)
    assert engine.newest.n_scored == 0
    clock.now += 2.0
    assert (engine.newest.position_s, engine.newest.n_scored) == (4.0, 60)
    engine.send(Pause())
    clock.now += 100.0
    assert engine.newest.paused
    assert engine.newest.position_s == 4.0
    engine.send(SetSpeed(1.0))
    engine.send(Play())
    clock.now += 2.0
    assert engine.newest.position_s == 6.0
    engine.send(Seek(10.0))
    assert engine.newest.n_scored == 200
    clock.now += 50.0
    assert engine.newest.phase == "ended"
    engine.send(Reset())
    assert (engine.newest.phase, engine.newest.n_scored) == ("running", 0)
    engine.send(Step(1))
    assert engine.newest.paused
    engine.send(Stop())
    assert (engine.alive, engine.newest.phase) == (False, "ended")


def test_a_snapshot_is_the_same_object_until_something_changes(session: RecordedSession) -> None:
    """The window draws what is new, and only that."""
    clock = Clock()
    engine = RecordedEngine(session, clock=clock)
    first = engine.newest
    clock.now += 0.5
    assert engine.newest is first
    clock.now += 1.5
    assert engine.newest is not first


def test_a_paused_session_is_not_silent(session: RecordedSession) -> None:
    """The window would take a session that sends nothing for an engine that hangs."""
    clock = Clock()
    link = EngineLink(lambda _: RecordedEngine(session, clock=clock), clock)
    link.start(Session())
    link.send(Pause())
    for _ in range(40):
        clock.now += SILENCE_TIMEOUT_S / 4
        link.poll()
        assert not link.silent


def test_what_needs_an_engine_is_answered_with_a_notice(session: RecordedSession) -> None:
    engine = RecordedEngine(session, clock=Clock())
    engine.send(Record(None))
    assert [notice.text for notice in engine.newest.notices] == [recorded.NOT_POSSIBLE]
    engine.send(Seek(12.0))
    engine.send(Inspect(300))
    assert engine.newest.inspected is not None
    assert engine.newest.inspected.entry.word.index == 300
    assert engine.newest.inspected.scores is None


def test_a_loop_begins_again(session: RecordedSession) -> None:
    clock = Clock()
    engine = RecordedEngine(session, loop=True, clock=clock)
    clock.now += 13.0
    assert engine.newest.position_s == 0.0
    assert engine.alive


@pytest.mark.parametrize("content", [b"", b"not compressed", dataclasses.MISSING])
def test_a_file_that_holds_no_session_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "bad.rtsession"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_bytes(recorded.DEMO.read_bytes()[:5000])
    with pytest.raises(ValueError, match="not a recorded session"):
        RecordedSession(path)


def test_the_packaged_demo_is_small_names_its_listener_and_ends_with_an_order_of_depth() -> None:
    demo = RecordedSession(recorded.DEMO)
    assert recorded.DEMO.stat().st_size < MAX_BYTES
    assert "simulated" in demo.about
    last = demo.at(len(demo) - 1)
    assert last.temporal is not None
    assert last.temporal.slope_ci_ms is not None
    assert last.temporal.slope_ci_ms[0] > 0
    assert demo.patterns.values.shape[0] == len(last.layers)
