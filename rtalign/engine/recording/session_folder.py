"""What a session leaves on disk: the recorder for what came, and the results when it ends."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rtalign.core.session import Session
from rtalign.engine.engine import Engine
from rtalign.engine.ledger import Entry
from rtalign.engine.open_session import Opened, session_name
from rtalign.engine.recording.recorder import Recorder
from rtalign.engine.snapshot import RecordingStatus, ReportStatus
from rtalign.recordings.xdf.writer import Signal
from rtalign.report.write import write_results
from rtalign.scoring.findings import Findings
from rtalign.streams.events import Changed, Notice, Offset, Raw, RawText

MB = 1 << 20


class Keeper:
    """Hands everything to the recorder, if the user wants one; without, it keeps nothing.

    The recorder begins with the stream, whose channels its file describes; what is logged before waits for it.
    """

    def __init__(self, session: Session, opened: Opened) -> None:
        self._session, self._opened = session, opened
        self._under, self._named = session.record, session.out
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="report")
        self._writing: Future[tuple[Path, int]] | None = None
        self.report_status: ReportStatus | None = None
        self._early: list[Mapping[str, Any]] = []
        self._stream: Changed | None = None
        self.recorder: Recorder | None = None

    @property
    def folder(self) -> Path | None:
        """Where results go: the recording's own folder, or the one that was named for them."""
        return self.recorder.folder if self.recorder else self._named

    def record(self, under: Path | None) -> None:
        """Record from now on in a new folder under this one; None ends the recording, whose folder then is whole."""
        if self._opened.recording is not None:
            raise ValueError("a replay is on disk already; only live streams are recorded")
        self._under = under
        if under is None and self.recorder is not None:
            self.recorder.close()
            self._named, self.recorder = self.recorder.folder, None
        elif under is not None and self._stream is not None and self.recorder is None:
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

    def report(self, engine: Engine, folder: Path | None) -> None:
        """Write results now, in a thread of their own; where no folder was named before, this one is from now on."""
        self._named = self._named or folder
        if self._writing is not None:
            return
        if self.folder is None:
            raise ValueError("there is no folder for a report - record, or name one")
        if engine.assessment.findings is None:
            raise ValueError(f"there is nothing to report yet: {engine.assessment.reason}")
        self._writing = self._pool.submit(results_of(engine, self.folder))

    def look(self) -> Notice | None:
        """Take in a report that has been written; why not, where it could not be."""
        if self._writing is None or not self._writing.done():
            return None
        done, self._writing = self._writing, None
        try:
            path, n_words = done.result()
        except OSError as error:
            return Notice("warning", "command", f"report: {error}", 0.0)
        self._count(path, n_words)
        return None

    def finish(self, engine: Engine, seconds: float, peak_rss_mb: float) -> None:
        """The results as they stand at the end, where a folder was named and there is something to say."""
        if self._writing is not None:
            self._writing.exception()
            self.look()
        if self.folder is not None and engine.assessment.findings is not None:
            path, n_words = results_of(engine, self.folder, seconds, peak_rss_mb)()
            self._count(path, n_words)

    def _count(self, path: Path, n_words: int) -> None:
        before = self.report_status.n_written if self.report_status else 0
        self.report_status = ReportStatus(str(path), n_words, before + 1)

    def state(self) -> RecordingStatus | None:
        recorder = self.recorder
        if recorder is None:
            return None
        return RecordingStatus(
            str(recorder.folder), recorder.bytes_written / MB, recorder.hours_left, recorder.n_dropped, recorder.trouble
        )

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self.recorder:
            self.recorder.close()


def results_of(
    engine: Engine, folder: Path, seconds: float = 0.0, peak_rss_mb: float = 0.0
) -> Callable[[], tuple[Path, int]]:
    """How things stand now, as what will write summary.json, curves.csv and the report, whichever thread calls it."""
    findings = engine.assessment.findings
    assert findings is not None
    sensors = engine.intake.fitting.sensors if engine.intake.fitting else ()
    passport = engine.decoding.passport(sensors, engine.scoreboard.n, f"{_now():%Y-%m-%dT%H:%M:%S%z}")
    spent = {"language": 0.0, "signal": 0.0, "fit": 0.0, "total": seconds}
    recipe, skipped, n_words = engine.decoding.recipe, dict(engine.ledger.skipped), engine.assessment.n_words

    def write() -> tuple[Path, int]:
        folder.mkdir(parents=True, exist_ok=True)
        write_results(folder, "session", passport, recipe, skipped, findings, spent, peak_rss_mb)
        return folder / "report.html", n_words

    return write


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
    score, rows = findings.temporal, [peak.row() for peak in findings.peaks]
    columns: dict[str, Any] = {name: [_value(row[name]) for row in rows] for name in rows[0]}
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
