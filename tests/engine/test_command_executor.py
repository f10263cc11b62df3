"""A command that cannot be executed becomes a notice and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtalign.core.session import MIN_CURVE_WORDS, Session
from rtalign.engine.command_executor import CommandExecutor
from rtalign.engine.commands import Command, ScoreLastWords, Step, Stop, UseBank
from tests.helpers import bank_folders


@pytest.fixture
def engine() -> SimpleNamespace:
    """As much of an engine of live streams as these commands touch."""
    said: list[Any] = []
    return SimpleNamespace(
        source=SimpleNamespace(transport=None),
        intake=SimpleNamespace(time_s=3.0),
        said=said,
        notify=said.append,
        use=pytest.fail,
    )


def executor(engine: SimpleNamespace) -> CommandExecutor:
    return CommandExecutor(Session(), engine, SimpleNamespace())  # type: ignore[arg-type]


def test_a_command_that_cannot_be_executed_becomes_a_notice(engine: SimpleNamespace) -> None:
    commands: list[Command] = [Step(1), UseBank(Path("nowhere")), UseBank(Path("\0"))]
    for command in commands:
        executor(engine).execute(command)
    assert [(notice.level, notice.kind, notice.time) for notice in engine.said] == [("warning", "command", 3.0)] * 3
    assert engine.said[0].text == "step: only a recording can be paused, moved or slowed; this is live"
    assert engine.said[1].text.startswith("bank: nowhere is not a decoder bank")


def test_a_bank_that_is_not_whole_changes_nothing(engine: SimpleNamespace, tmp_path: Path) -> None:
    folder = bank_folders.write(tmp_path / "bank", bank_folders.helmet(4))
    passport = json.loads((folder / "passport.json").read_text())
    del passport["model"]["n_layers"]
    (folder / "passport.json").write_text(json.dumps(passport))
    commands = executor(engine)
    commands.execute(UseBank(folder))
    assert engine.said[0].text.startswith("bank: ")
    assert commands.bank == ""


def test_a_window_of_words_is_never_shorter_than_curves_need(engine: SimpleNamespace) -> None:
    for asked, becomes in ((300, 300), (1, MIN_CURVE_WORDS), (None, None)):
        executor(engine).execute(ScoreLastWords(asked))
        assert engine.last_words == becomes


def test_a_stop_ends_the_session(engine: SimpleNamespace) -> None:
    commands = executor(engine)
    assert not commands.stopped
    commands.execute(Stop())
    assert commands.stopped
