"""What a session leaves on disk: the recorder for what came, and the results when it ends."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtalign.curves import Findings
from rtalign.engine import Engine
from rtalign.ledger import Entry
from rtalign.looking import rungs, trend
from rtalign.opening import Opened, session_name
from rtalign.recorder import Recorder
from rtalign.results import write_results
from rtalign.session import Session
from rtalign.snapshot import Keeping
from rtalign.sources.events import Changed, Offset, Raw, RawText
from rtalign.xdf import Signal

MB = 1 << 20


class Keeper:
    """Hands everything to the recorder, if the user wants one; without, it keeps nothing.

    The recorder begins with the stream, whose channels its file describes; what is logged before waits for it.
    """

    def __init__(self, session: Session, opened: Opened) -> None:
        self._session, self._opened = session, opened
        self._under = session.record
        self._early: list[Mapping[str, Any]] = []
        self._stream: Changed | None = None
        self.recorder: Recorder | None = None

    @property
    def folder(self) -> Path | None:
        """Where results go: the recording's own folder, or the one that was named for them."""
        return self.recorder.folder if self.recorder else self._session.out

    def record(self, under: Path | None) -> None:
        """Record from now on in a new folder under this one; None ends the recording, whose folder then is whole."""
        if self._opened.recording is not None:
            raise ValueError("a replay is on disk already; only live streams are recorded")
        self._under = under
        if under is None:
            self.close()
            self.recorder = None
        elif self._stream is not None and self.recorder is None:
            self._begin(under, self._stream)

    def changed(self, changed: Changed) -> None:
        self._stream = changed
        if self.recorder:
            self.recorder.changed(changed.sensors, changed.sfreq, changed.channels, changed.units)
        elif self._under:
            self._begin(self._under, changed)

    def _begin(self, under: Path, stream: Changed) -> None:
        channels = stream.channels or tuple(sensor.name for sensor in stream.sensors)
        signal = Signal(stream.name, stream.sfreq, channels, stream.sensors, stream.units)
        folder = under / f"{session_name(self._session)}-{_now():%Y%m%d-%H%M%S}"
        self.recorder = Recorder(folder, signal, self._session.words or "words", about(self._opened))
        for event in self._early:
            self.recorder.log(event)
        self._early = []

    def raw(self, raw: Raw) -> None:
        if self.recorder:
            self.recorder.raw(raw)

    def text(self, text: RawText) -> None:
        if self.recorder:
            self.recorder.text(text)

    def offset(self, offset: Offset) -> None:
        if self.recorder:
            self.recorder.offset(offset)

    def word(self, entry: Entry) -> None:
        if self.recorder:
            self.recorder.word(word_row(entry))

    def scores(self, n_words: int, findings: Findings) -> None:
        if self.recorder:
            self.recorder.scores(score_columns(n_words, findings))

    def log(self, event: Mapping[str, Any]) -> None:
        if self.recorder:
            self.recorder.log(event)
        elif self._under:
            self._early.append(event)

    def state(self) -> Keeping | None:
        recorder = self.recorder
        if recorder is None:
            return None
        return Keeping(
            str(recorder.folder), recorder.bytes_written / MB, recorder.hours_left, recorder.n_dropped, recorder.trouble
        )

    def close(self) -> None:
        if self.recorder:
            self.recorder.close()


def keep_results(engine: Engine, keeper: Keeper, seconds: float, peak_rss_mb: float) -> None:
    """summary.json, curves.csv and the report, where a folder was named and there is something to say."""
    findings, folder = engine.assessment.findings, keeper.folder
    if folder is None or findings is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    sensors = engine.fitting.sensors if engine.fitting else ()
    passport = engine.decoding.passport(sensors, engine.scoreboard.n, f"{_now():%Y-%m-%dT%H:%M:%S%z}")
    spent = {"language": 0.0, "signal": 0.0, "fit": 0.0, "total": seconds}
    write_results(
        folder, "session", passport, engine.decoding.recipe, dict(engine.ledger.skipped), findings, spent, peak_rss_mb
    )  # fmt: skip


def about(opened: Opened) -> dict[str, Any]:
    """The first line of a session's log: what its numbers rest on."""
    decoding = opened.decoding
    return {
        "model": decoding.model,
        "context": decoding.recipe.language.context,
        "layers": list(decoding.layers),
        "sensors": [sensor.name for sensor in decoding.sensors],
        "recipe": decoding.recipe.model_dump(),
    }


def word_row(entry: Entry) -> dict[str, Any]:
    """A line of words.tsv, which is itself a table of words."""
    word = entry.word
    return {
        "index": word.index,
        "text": word.text,
        "onset": round(word.onset, 6),
        "duration": word.duration,
        "status": entry.status,
        "reason": entry.reason or None,
        "surprisal": entry.surprisal,
        "n_tokens": entry.n_tokens,
    }


def score_columns(n_words: int, findings: Findings) -> dict[str, Any]:
    """Lines of scores.csv: a layer each, as it stood after so many words."""
    score, found = trend(findings), rungs(findings)
    parts = ("layer", "depth", "status", "peak_s", "low_s", "high_s", "peak_r", "null_r")
    columns: dict[str, Any] = {name: [_value(getattr(rung, name)) for rung in found] for name in parts}
    return {
        "n_words": n_words,
        **columns,
        "temporal_r": score.r if score else math.nan,
        "slope_ms": score.slope_ms if score else math.nan,
    }


def _value(value: Any) -> Any:
    return math.nan if value is None else value


def _now() -> datetime.datetime:
    return datetime.datetime.now().astimezone()
