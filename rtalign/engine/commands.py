"""Orders: what a viewer may ask of a running session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.session import Session
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import Decoding
from rtalign.engine.engine import Engine
from rtalign.engine.open_session import Opened
from rtalign.engine.recording.session_folder import Keeper
from rtalign.scoring.scoreboard import FEWEST_WORDS
from rtalign.streams.events import Notice, Transport


class Orders:
    """Obeys one at a time; what makes no sense is said in a notice, and changes nothing."""

    def __init__(self, session: Session, opened: Opened, engine: Engine, keeper: Keeper) -> None:
        self._opened, self._engine, self._keeper = opened, engine, keeper
        self.bank = str(session.bank or "")

    def obey(self, asked: Mapping[str, Any]) -> None:
        try:
            self._do(str(asked.get("do")), asked.get("to"))
        except (ValueError, TypeError, AttributeError, OSError) as error:
            self._engine.say(Notice("warning", "command", f"{asked.get('do')}: {error}", self._engine.intake.time_s))

    def _do(self, what: str, to: Any) -> None:
        engine = self._engine
        match what:
            case "pause" | "play" | "seek" | "speed" | "step" | "until":
                _move(engine.source.transport, what, to)
            case "last words":
                engine.last_words = None if to is None else max(int(to), FEWEST_WORDS)
            case "inspect":
                engine.inspected = None if to is None else int(to)
            case "reset":
                engine.reset()
            case "bank":
                engine.switch(Decoding.of(DecoderBank.load(Path(str(to)))))
                self.bank = str(to)
            case "allow missing":
                engine.do_without()
            case "record":
                self._keeper.record(None if to is None else Path(str(to)))
            case "publish":
                engine.publish = publisher(engine.decoding, self._opened) if to else None
            case "report":
                self._keeper.report(engine, None if to is None else Path(str(to)))
            case _:
                raise ValueError("nothing of that name can be asked for")


def publisher(decoding: Decoding, opened: Opened) -> Callable[[float, np.ndarray], None]:
    """Sends R(layer, lag) out over LSL, stamped with the word that changed it."""
    from rtalign.streams.lsl import LabelledOutlet

    labels = [f"layer {layer} lag {lag:+.3f} s" for layer in decoding.layers for lag in decoding.lags_s]
    outlet = LabelledOutlet("rtalign-scores", "Scores", labels, 0.0)
    to_local = opened.source.to_local
    return lambda time_s, r: outlet.push(np.asarray(r, np.float32).reshape(1, -1), to_local(time_s))


def _move(transport: Transport | None, what: str, to: Any) -> None:
    if transport is None:
        raise ValueError("only a recording can be paused, moved or slowed; this is live")
    match what:
        case "pause":
            transport.pause()
        case "play":
            transport.play()
        case "seek":
            transport.seek(float(to))
        case "step":
            transport.step(int(to))
        case "speed":
            transport.set_speed(None if to is None else float(to))
        case "until":
            transport.wait_at(None if to is None else float(to))
