"""Commands survive the pipe whole, and nothing else is taken for one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, get_args

import pytest

from rtalign.core.records import Annotation
from rtalign.core.session import Session
from rtalign.engine import commands
from rtalign.engine.commands import (
    Begin,
    EngineCommand,
    IgnoreMissingSensors,
    Inspect,
    MarkBad,
    Pause,
    Play,
    Publish,
    Reset,
    ScoreLastWords,
    Seek,
    SetAnnotations,
    SetSpeed,
    ShowSensors,
    Step,
    Stop,
    TakeBackMark,
    UseBank,
    WaitAt,
    WriteReport,
    WriteTo,
)
from rtalign.engine.process import wire

EVERY: tuple[EngineCommand, ...] = (
    *(Pause(), Play(), Seek(4.25), SetSpeed(2.0), SetSpeed(None), Step(-1), WaitAt(3.0), WaitAt(None)),
    *(ScoreLastWords(300), ScoreLastWords(None), Inspect(7), Inspect(None), Reset(), UseBank(Path("banks/a"))),
    *(IgnoreMissingSensors(), WriteTo(Path("/data")), WriteTo(None), Publish(True), WriteReport(Path("/data/b"))),
    *(WriteReport(None), MarkBad(3.0, None), MarkBad(3.0, 4.5, "MLC11"), TakeBackMark(3.0), ShowSensors(True)),
    *(SetAnnotations((Annotation(1.5, "coughs"), Annotation(2.0, "")), 3.0), Stop()),
    Begin(Session(bank=Path("bank"), words="words", record=Path("kept"))),
)


def through_the_pipe(message: Any) -> Any:
    return wire.read(io.BytesIO(wire.pack(message)))


def test_every_command_arrives_as_it_was_sent() -> None:
    assert {type(command) for command in EVERY} == set(get_args(EngineCommand))
    for command in EVERY:
        assert commands.from_message(through_the_pipe(commands.to_message(command))) == command


def test_two_commands_of_different_kinds_are_never_equal() -> None:
    assert len(set(EVERY)) == len(EVERY)
    assert Seek(1.0) != WaitAt(1.0)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"kind": "fly"}, "'fly'"),
        ({}, "kind"),
        ({"do": "step", "to": 1}, "kind"),
        ([], "not list"),
        (None, "not NoneType"),
        ("stop", "not str"),
        ({"kind": ["seek"], "to_s": 1.0}, "does not match"),
        ({"kind": "seek"}, "seek, to_s: "),
        ({"kind": "seek", "to_s": None}, "seek, to_s: "),
        ({"kind": "seek", "to_s": float("nan")}, "finite"),
        ({"kind": "seek", "to_s": "3"}, "not '3'"),
        ({"kind": "seek", "to_s": 3.0, "from_s": 1.0}, "from_s"),
        ({"kind": "speed", "factor": 0.0}, "above 0"),
        ({"kind": "speed", "factor": 1e6}, "1000"),
        ({"kind": "step", "words": True}, "not True"),
        ({"kind": "step", "words": 10**400}, "below"),
        ({"kind": "last words", "n_words": -3}, "at least"),
        ({"kind": "last words", "n_words": "many"}, "many"),
        ({"kind": "inspect", "word": -1}, "at least"),
        ({"kind": "bank", "folder": 3}, "folder"),
        ({"kind": "publish", "on": 1}, "not 1"),
        ({"kind": "mark bad", "start_s": 1.0, "stop_s": None, "sensor": 3}, "must be text"),
        ({"kind": "annotations", "annotations": [[1.0, "a" * 501]], "now_s": 1.0}, "at most 500 characters"),
        ({"kind": "annotations", "annotations": [[float("nan"), "a"]], "now_s": 1.0}, "finite time"),
        ({"kind": "annotations", "annotations": [[1.0, "a"]] * 2001, "now_s": 1.0}, "annotations"),
        ({"kind": "annotations", "annotations": ["a"], "now_s": 1.0}, "annotations"),
        ({"kind": "record", "folder": "/data"}, "'record'"),
    ],
)
def test_anything_else_is_refused_with_a_reason(message: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("[", "\\[")) as refused:
        commands.from_message(message)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400
