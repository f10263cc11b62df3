"""Executes a viewer's commands on the running session."""

from __future__ import annotations

from typing import assert_never

import numpy as np

from rtalign.core.records import BadMark
from rtalign.core.session import MIN_CURVE_WORDS, Session
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine.commands import (
    Begin,
    EngineCommand,
    IgnoreMissingSensors,
    Inspect,
    MarkBad,
    Pause,
    Play,
    Publish,
    ReplayCommand,
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
from rtalign.engine.engine import Engine, Publisher
from rtalign.engine.recording.session_folder import SessionFolder
from rtalign.scoring.findings import TWIN, UNIQUE
from rtalign.streams.events import Notice, Source, Transport

STREAMS = {"": "rtalign-scores", UNIQUE: "rtalign-scores-unique", TWIN: "rtalign-scores-static-twin"}
"""LSL streams of plain scores, and of those of each control."""


class CommandExecutor:
    """Executes one command at a time; one that cannot be executed becomes a notice and changes nothing.

    Parameters
    ----------
    session : Session
        The settings that the engine began with.
    engine : Engine
        What the commands act on.
    folder : SessionFolder
        Where words, scores and reports go.

    Attributes
    ----------
    bank : str
        Folder of the bank in use; empty where there is none.
    stopped : bool
        Whether the session has been told to end.
    """

    def __init__(self, session: Session, engine: Engine, folder: SessionFolder) -> None:
        self._engine, self._folder = engine, folder
        self.bank = str(session.bank or "")
        self.stopped = False

    def execute(self, command: EngineCommand) -> None:
        """Execute one command."""
        try:
            self._execute(command)
        except (ValueError, TypeError, LookupError, OSError) as error:  # also of a bank whose files are not whole
            self.refuse(f"{command.kind}: {error}")

    def refuse(self, reason: str) -> None:
        """Tell the user why something was not executed."""
        self._engine.notify(Notice("warning", "command", reason, self._engine.intake.time_s))

    def _execute(self, command: EngineCommand) -> None:
        engine = self._engine
        match command:
            case Begin():
                raise ValueError("the session has begun already")
            case Pause() | Play() | Seek() | SetSpeed() | Step() | WaitAt():
                _execute_replay(engine.source.transport, command)
            case ScoreLastWords(n_words):
                engine.last_words = None if n_words is None else max(n_words, MIN_CURVE_WORDS)
            case Inspect(word):
                engine.inspected = word
            case Reset():
                engine.reset()
            case UseBank(folder):
                engine.use(DecoderSetup.from_bank(DecoderBank.load(folder)))
                self.bank = str(folder)
            case IgnoreMissingSensors():
                engine.ignore_missing_sensors()
            case WriteTo(folder):
                self._folder.write_to(folder)
                engine.carry_marks(self._folder.carried_marks())
            case Publish(on):
                engine.publish = score_publisher(engine.decoding, engine.source) if on else None
            case SetAnnotations(annotations):
                engine.annotate(annotations)
            case WriteReport(folder):
                self._folder.write_report(engine, folder)
            case MarkBad(start_s, stop_s, sensor):
                engine.mark(BadMark(start_s, stop_s, sensor))
            case TakeBackMark(start_s, sensor):
                engine.take_back_mark(start_s, sensor)
            case ShowSensors(on):
                engine.intake.show_sensors(on)
            case Stop():
                self.stopped = True
            case _:
                assert_never(command)


def score_publisher(decoding: DecoderSetup, source: Source) -> Publisher:
    """A function that sends R(layer, lag) out over LSL, stamped with the onset of the word that changed it.

    Each control has a stream of its own, so that rtalign-scores stays what it is.
    """
    from rtalign.streams.lsl import LabelledOutlet

    labels = [f"layer {layer} lag {lag:+.3f} s" for layer in decoding.layers for lag in decoding.lags_s]
    names = ("", UNIQUE, TWIN) if decoding.nuisances else ("",)
    outlets = {name: LabelledOutlet(STREAMS[name], "Scores", labels, 0.0) for name in names}

    def publish(time_s: float, r: np.ndarray, control: str) -> None:
        outlets[control].push(np.asarray(r, np.float32).reshape(1, -1), source.to_local(time_s))

    return publish


def _execute_replay(transport: Transport | None, command: ReplayCommand) -> None:
    if transport is None:
        raise ValueError("only a recording can be paused, moved or slowed; this is live")
    match command:
        case Pause():
            transport.pause()
        case Play():
            transport.play()
        case Seek(to_s):
            transport.seek(to_s)
        case SetSpeed(factor):
            transport.set_speed(factor)
        case Step(words):
            transport.step(words)
        case WaitAt(time_s):
            transport.wait_at(time_s)
        case _:
            assert_never(command)
