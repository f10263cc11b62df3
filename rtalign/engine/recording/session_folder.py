"""The folder of a session: the recording of what came in, and the results."""

from __future__ import annotations

import datetime
import math
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rtalign.core.session import Session
from rtalign.core.word_text import NO_WORD_REASONS
from rtalign.engine.engine import Engine, SessionSink
from rtalign.engine.ledger import WordEntry
from rtalign.engine.open_session import SessionParts, session_name
from rtalign.engine.recording.recorder import Recorder
from rtalign.engine.snapshot import RecordingStatus, ReportStatus
from rtalign.recordings.xdf.writer import SignalStream
from rtalign.report.write import write_results
from rtalign.scoring.findings import Findings
from rtalign.streams.events import Notice, OffsetMeasurement, RawMarker, RawSamples, SignalChanged

MB = 1 << 20


class SessionFolder(SessionSink):
    """Records what the engine hands over, where the user wants it, and writes results and reports.

    The recorder begins with the stream, whose channels its file describes; log lines that come before wait for it.

    Parameters
    ----------
    session : Session
        The settings: where to record, where results go.
    parts : SessionParts
        What the session is made of.

    Attributes
    ----------
    recorder : Recorder or None
        None while nothing is recorded.
    report_status : ReportStatus or None
        The newest report; None before the first.
    """

    def __init__(self, session: Session, parts: SessionParts) -> None:
        self._session, self._parts = session, parts
        self._record_under, self._results = session.record, session.out
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="report")
        self._writing: Future[tuple[Path, int]] | None = None
        self.report_status: ReportStatus | None = None
        self._early: list[Mapping[str, Any]] = []
        self._problem: Notice | None = None
        self._stream: SignalChanged | None = None
        self.recorder: Recorder | None = None

    @property
    def path(self) -> Path | None:
        """Where results go: the recording's own folder, or the one that was named for them."""
        return self.recorder.folder if self.recorder else self._results

    @property
    def recording_status(self) -> RecordingStatus | None:
        """How the recording is going; None while nothing is recorded."""
        recorder = self.recorder
        if recorder is None:
            return None
        megabytes = recorder.bytes_written / MB
        return RecordingStatus(
            str(recorder.folder), megabytes, recorder.hours_left, recorder.n_dropped, recorder.problem
        )

    # The recording

    def record(self, under: Path | None) -> None:
        """Record from now on into a new folder under this one; None ends the recording.

        Raises
        ------
        ValueError
            In a replay.
        OSError
            Where the folder cannot be made or written to; a recording that goes on, goes on.
        """
        if self._parts.recording is not None:
            raise ValueError("a replay is on disk already; only live streams are recorded")
        check_writable(under)
        self._record_under = under
        if under is None and self.recorder is not None:
            self.recorder.close()
            self._results, self.recorder = self.recorder.folder, None
        elif under is not None and self._stream is not None and self.recorder is None:
            self._begin(under, self._stream)

    def _begin(self, under: Path, stream: SignalChanged) -> None:
        channels = stream.channels or tuple(sensor.name for sensor in stream.sensors)
        signal = SignalStream(stream.name, stream.sfreq, channels, stream.sensors, stream.units)
        folder = under / f"{session_name(self._session)}-{_now():%Y%m%d-%H%M%S}"
        self.recorder = Recorder(folder, signal, self._session.words or "words", session_description(self._parts))
        for event in self._early:
            self.recorder.log(event)
        self._early = []

    # What the engine hands over

    def change_stream(self, changed: SignalChanged) -> None:
        self._stream = changed
        if self.recorder:
            self.recorder.change_stream(changed.sensors, changed.sfreq, changed.channels, changed.units)
        elif self._record_under:
            try:
                self._begin(self._record_under, changed)
            except OSError as error:  # scoring goes on
                text = f"nothing is recorded: {error} - name another folder to record to"
                self._problem = Notice("error", "recording", text, 0.0)

    def write_samples(self, samples: RawSamples) -> None:
        if self.recorder:
            self.recorder.write_samples(samples)

    def write_marker(self, marker: RawMarker) -> None:
        if self.recorder:
            self.recorder.write_marker(marker)

    def write_offset(self, offset: OffsetMeasurement) -> None:
        if self.recorder:
            self.recorder.write_offset(offset)

    def write_word(self, entry: WordEntry) -> None:
        if self.recorder:
            self.recorder.write_word(word_row(entry))

    def write_scores(self, n_words: int, findings: Findings) -> None:
        if self.recorder:
            self.recorder.write_scores(score_columns(n_words, findings))

    def log(self, event: Mapping[str, Any]) -> None:
        if self.recorder:
            self.recorder.log(event)
        elif self._record_under:
            self._early.append(event)

    # The results

    def write_report(self, engine: Engine, folder: Path | None) -> None:
        """Write the present results on a thread; `folder` is used where the session has none for them yet.

        Raises
        ------
        ValueError
            Where there is no folder, or nothing to report yet.
        """
        self._results = self._results or folder
        if self._writing is not None:
            return
        if self.path is None:
            raise ValueError("there is no folder for a report - record, or name one")
        if engine.assessment.findings is None:
            raise ValueError(f"there is nothing to report yet: {engine.assessment.reason}")
        self._writing = self._pool.submit(prepare_results(engine, self.path))

    def take_notice(self) -> Notice | None:
        """Take note of a report that has been written; a notice where it, or the recording, could not be."""
        if self._problem is not None:
            problem, self._problem = self._problem, None
            return problem
        return self._check_report()

    def _check_report(self) -> Notice | None:
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
        """Write the final results, where there is a folder for them and something to report."""
        if self._writing is not None:
            self._writing.exception()
            self._check_report()
        if self.path is not None and engine.assessment.findings is not None:
            self._count(*prepare_results(engine, self.path, seconds, peak_rss_mb)())

    def close(self) -> None:
        """Wait for the report that is being written, and end the recording."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self.recorder:
            self.recorder.close()

    def _count(self, path: Path, n_words: int) -> None:
        before = self.report_status.n_written if self.report_status else 0
        self.report_status = ReportStatus(str(path), n_words, before + 1)


def check_writable(folder: Path | None) -> None:
    """Make a folder, and a file in it that is gone again; OSError where that is not possible.  None is no folder."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"{folder} cannot be recorded to ({error.strerror}) - name another folder") from None


def prepare_results(
    engine: Engine, folder: Path, seconds: float = 0.0, peak_rss_mb: float = 0.0
) -> Callable[[], tuple[Path, int]]:
    """A function for any thread that writes summary.json, curves.csv and the report of the present results.

    It returns the report's path and the number of words that it rests on.
    """
    findings = engine.assessment.findings
    assert findings is not None
    sensors = engine.intake.fitting.sensors if engine.intake.fitting else ()
    passport = engine.decoding.passport(sensors, engine.scoreboard.n, f"{_now():%Y-%m-%dT%H:%M:%S%z}")
    spent = {"language": 0.0, "signal": 0.0, "fit": 0.0, "total": seconds}
    overlap = engine.training_overlap.to_json()
    recipe, skipped, n_words = engine.decoding.recipe, skipped_words(engine), engine.assessment.n_words

    def write() -> tuple[Path, int]:
        folder.mkdir(parents=True, exist_ok=True)
        write_results(
            folder, "session", passport, recipe, skipped, findings, spent, peak_rss_mb, training_overlap=overlap
        )
        return folder / "report.html", n_words

    return write


def skipped_words(engine: Engine) -> dict[str, int]:
    """Words without a score by reason, and what came in the place of words: silence, noise, punctuation."""
    unusable = engine.source.health().counts
    return dict(engine.ledger.skipped) | {reason: unusable[reason] for reason in NO_WORD_REASONS if reason in unusable}


def session_description(parts: SessionParts) -> dict[str, Any]:
    """The first line of a session's log: model, context, layers, sensors, recipe."""
    decoding = parts.decoding
    return {
        "model": decoding.model,
        "context": decoding.recipe.language.context,
        "layers": list(decoding.layers),
        "sensors": [sensor.name for sensor in decoding.sensors],
        "recipe": decoding.recipe.model_dump(),
    }


def word_row(entry: WordEntry) -> dict[str, Any]:
    """A line of words.tsv, which is a word table itself."""
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
