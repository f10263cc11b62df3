"""An engine that nobody watches: what is lost is started again, what cannot work is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtalign.core.session import Session
from rtalign.engine.process.restarts import PAUSES_S
from rtalign.engine.process.supervised import SupervisedEngine
from rtalign.engine.snapshot import RecordingStatus, empty_snapshot

LIVE = Session(meg="scanner", words="words")


class FakeEngine:
    """A process that the test ends."""

    def __init__(self, session: Session) -> None:
        self.newest, self.alive, self.status, self.stopped = empty_snapshot("loading", ""), True, 0, False
        self.recording: RecordingStatus | None = None
        self.recorder_losses: list[str] = []
        del session

    def end(self, phase: Any, status: int, reason: str = "") -> None:
        self.newest, self.recording = empty_snapshot(phase, reason), RecordingStatus("kept/1", 1.0, 1.0, 0, None)
        self.alive, self.status = False, status

    def wait(self, timeout_s: float | None = None) -> int:
        return self.status

    def stop(self, timeout_s: float = 60.0) -> Any:
        self.stopped = True
        return self.newest


class Lab:
    def __init__(self, session: Session = LIVE) -> None:
        self.now, self.engines = 0.0, list[FakeEngine]()
        self.engine = SupervisedEngine(session, self.connect, lambda: self.now)

    def connect(self, session: Session) -> FakeEngine:
        self.engines.append(FakeEngine(session))
        return self.engines[-1]

    def run(self, seconds: float) -> list[str]:
        """What is said while so much time passes."""
        said, until = [], self.now + seconds
        while self.now < until:
            said += [text for text in [self.engine.poll()] if text]
            self.now += 0.25
        return said

    def lose(self, status: int = -9) -> None:
        self.engines[-1].newest = empty_snapshot("running", "")
        self.engine.poll()
        self.engines[-1].end("running", status)


def test_a_lost_engine_is_started_again_at_once_and_told() -> None:
    lab = Lab()
    lab.lose()
    (text,) = lab.run(0.5)
    assert "status -9" in text
    assert "kept/1" in text
    assert len(lab.engines) == 2
    assert lab.engine.alive
    assert len(lab.engine.losses) == 1


def test_a_lost_recorder_is_told_and_no_reason_for_another_engine() -> None:
    lab = Lab()
    lab.engines[0].newest = empty_snapshot("running", "")
    lab.engines[0].recorder_losses.append("the recorder ended unexpectedly with status -9")
    (text,) = lab.run(1)
    assert "recorder" in text
    assert len(lab.engines) == 1
    assert lab.engine.losses == lab.engines[0].recorder_losses


def test_an_engine_that_is_lost_with_its_recorder_is_started_again() -> None:
    """The session goes on at every moment, also while only one of the two losses has been told."""
    lab = Lab()
    lab.engines[0].newest = empty_snapshot("running", "")
    lab.engine.poll()
    lab.engines[0].recorder_losses.append("the recorder ended unexpectedly with status -9")
    lab.engines[0].end("running", -9)
    said = str(lab.engine.poll())
    assert lab.engine.alive
    assert "the engine ended" in said
    assert "the recorder ended" in said
    lab.run(0.5)
    assert len(lab.engines) == 2


def test_engines_lost_soon_after_each_other_are_retried_with_growing_pauses() -> None:
    lab, starts = Lab(), []
    for _ in range(7):
        lab.lose()
        lost_at, n = lab.now, len(lab.engines)
        while len(lab.engines) == n:
            lab.run(0.25)
        starts.append(lab.now - lost_at)
    assert starts == pytest.approx([*PAUSES_S, PAUSES_S[-1], PAUSES_S[-1]], abs=0.8)
    lab.run(100)
    lab.lose()
    n = len(lab.engines)
    lab.run(0.75)
    assert len(lab.engines) == n + 1, "an engine that ran well is restarted at once"


@pytest.mark.parametrize(("phase", "status"), [("ended", 0), ("failed", 1)])
def test_an_engine_that_ended_or_could_not_begin_is_left_alone(phase: str, status: int) -> None:
    lab = Lab()
    lab.engines[0].end(phase, status, "no such bank")
    assert lab.run(100) == []
    assert not lab.engine.alive
    assert lab.engine.losses == []


def test_an_engine_that_failed_on_the_way_is_started_again() -> None:
    lab = Lab()
    lab.engines[0].newest = empty_snapshot("running", "")
    lab.engine.poll()
    lab.engines[0].end("failed", 1, "out of memory")
    (text,) = lab.run(1)
    assert "out of memory" in text
    assert len(lab.engines) == 2


def test_a_results_file_that_was_not_written_is_a_loss() -> None:
    """The snapshot says ended since the recording is; the process was killed while it wrote."""
    lab = Lab()
    lab.engines[0].end("ended", -9)
    assert len(lab.run(1)) == 1


def test_a_replay_is_not_begun_for_ever() -> None:
    lab = Lab(Session(recording=Path("story.fif")))
    for _ in range(10):
        lab.lose()
        lab.run(100)
    assert len(lab.engines) == 4
    assert not lab.engine.alive


def test_a_stop_ends_the_engine_that_runs_and_the_restart_that_waits() -> None:
    lab = Lab()
    for _ in range(3):
        lab.lose()
        lab.run(0.5)
    assert lab.engine.alive
    lab.engine.stop()
    assert lab.engines[-1].stopped
    assert not lab.engine.alive
