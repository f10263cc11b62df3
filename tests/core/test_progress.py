"""Progress: one line of a terminal for all stages, plain lines elsewhere, and an honest estimate of the time left."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from rtalign.core import progress
from rtalign.core.progress import Progress


class Terminal(io.StringIO):
    """A terminal that remembers what was written."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        return [part.removeprefix("\x1b[K") for part in self.getvalue().split("\r")]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Time that a test sets."""
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now.s)
    return now


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_two_stages_share_one_line_of_the_terminal(monkeypatch: pytest.MonkeyPatch, clock: Any, columns: int) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = Progress()
    with shown.stage("signal", 10.0, "h") as filtered, shown.stage("language model", 85_000, "words") as read:
        clock.s += 300
        filtered.advance(2.5)
        clock.s += 1
        read.advance(8_500)
        last = screen.lines()[-1]
    assert "signal 2.50/10.00 h" in last
    assert "language model 8,500/85,000 words" in last
    assert ("about 45 min left" in last) == (columns > 60)
    assert ("━" in last) == (columns > 80)
    assert max(map(len, screen.lines())) < columns


def test_skipped_work_does_not_count_for_the_time_left(clock: Any) -> None:
    with Progress(quiet=True).stage("signal", 10.0, "h") as stage:
        stage.skip(5.0)
        clock.s += 60
        assert stage.seconds_left() is None
        stage.advance(1.0)
        assert stage.seconds_left() == pytest.approx(240)


def test_without_a_terminal_plain_lines_come_rarely(clock: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress()
    with shown.stage("language model", 1000, "words") as stage:
        for _ in range(1000):
            clock.s += 1
            stage.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "language model 11 of 1,000 words, about 16 min left"
    assert lines[-1].split() == ["language", "model", "1,000", "words", "in", "17", "min"]
    assert 15 < len(lines) < 40
    assert not any("\r" in line or "\x1b" in line for line in lines)


def test_time_left_counts_down_between_steps_until_one_is_late(clock: Any) -> None:
    times = []
    with Progress(quiet=True).stage("sweep", 4, "jobs") as stage:
        clock.s += 20
        stage.advance()
        for _ in range(6):
            times.append(stage.seconds_left())
            clock.s += 15
            stage.wait()
    assert times == pytest.approx([60, 45, 30, 45, 60, 75])
