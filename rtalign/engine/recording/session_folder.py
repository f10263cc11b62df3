"""The engine's part of a session's folder: words, scores, marks, log and results."""

from __future__ import annotations

import datetime
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rtalign.core.records import Annotation, BadMark
from rtalign.core.session import Session
from rtalign.core.storage.tensorfile import save_tensors
from rtalign.core.text.word_text import NO_WORD_REASONS
from rtalign.decoding.controls.static_twin import WHOLE
from rtalign.engine.engine import Engine, SessionSink
from rtalign.engine.ledger import WordEntry
from rtalign.engine.open_session import SessionParts
from rtalign.engine.recording.tables import SessionTables
from rtalign.engine.snapshot import ReportStatus
from rtalign.recordings.xdf.marks import BAD, MARKS, TAKEN_BACK, read_marks
from rtalign.report.read import PATTERNS
from rtalign.report.write import write_results
from rtalign.scoring.assessor import Assessment
from rtalign.scoring.findings import TWIN, UNIQUE, Findings
from rtalign.streams.events import Notice
from rtalign.training.controls.runs import evaluation_entries

BEFORE = 0.0
"""Signal time before that of any live engine, at which marks begin that an engine before left."""
MAX_EARLY = 1000
"""Log lines that wait for the folder."""


class SessionFolder(SessionSink):
    """Writes what the engine makes of a session into the session's folder, and results and reports.

    What comes in is written there by the recorder, a process of its own that makes the folder with the first sample
    or marker; log lines that come before wait for it.

    Parameters
    ----------
    session : Session
        The settings: whether it is recorded, where results go.
    parts : SessionParts
        What the session is made of.

    Attributes
    ----------
    tables : SessionTables or None
        None while there is no session folder.
    report_status : ReportStatus or None
        The newest report; None before the first.
    """

    def __init__(self, session: Session, parts: SessionParts) -> None:
        self._session, self._parts, self._results = session, parts, session.out
        self._recordings = recording_entries(session, parts)
        self._expected = session.record is not None and parts.recording is None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="report")
        self._writing: Future[tuple[Path, int]] | None = None
        self.report_status: ReportStatus | None = None
        self._early: deque[Mapping[str, Any]] = deque(maxlen=MAX_EARLY)
        self._reported: str | None = None
        self.tables: SessionTables | None = None
        self._carried: dict[str, float] = {}

    @property
    def path(self) -> Path | None:
        """Where results go: the session's folder, or the one that was named for them."""
        return self.tables.folder if self.tables else self._results

    # The tables

    def write_to(self, folder: Path | None) -> None:
        """Write words, scores and log into this session folder from now on; None ends that, and results still go there.

        Raises
        ------
        ValueError
            In a replay.
        OSError
            Where nothing can be written there; what is being written goes on.
        """
        if self._parts.recording is not None:
            raise ValueError("a replay is on disk already; only live streams are recorded")
        tables = SessionTables(folder, session_description(self._parts, self._session)) if folder is not None else None
        if self.tables is not None:
            self.tables.close()
            self._results = self.tables.folder
        self.tables, self._expected = tables, folder is not None
        while tables is not None and self._early:
            tables.log(self._early.popleft())

    def carried_marks(self) -> tuple[BadMark, ...]:
        """Marks of the folder that last, as an engine before left them; they began before this engine's time."""
        marks = read_marks(self.tables.folder / MARKS) if self.tables else ()
        self._carried = {mark.sensor: mark.start for mark in marks if mark.stop is None}
        return tuple(BadMark(BEFORE, None, sensor) for sensor in self._carried)

    # What the engine hands over

    def write_word(self, entry: WordEntry) -> None:
        if self.tables:
            self.tables.write_word(word_row(entry, self._parts.source.to_local(entry.word.onset)))

    def write_scores(self, assessment: Assessment) -> None:
        if self.tables:
            subjects = dict.fromkeys(str(entry["subject"]) for entry in self._recordings)
            whose = {"subject": ", ".join(subjects), "model": str(self._parts.decoding.model["id"])}
            self.tables.write_scores(score_columns(assessment) | whose)

    def write_mark(self, mark: BadMark, taken_back: bool = False) -> None:
        if self.tables:
            to_local = self._parts.source.to_local
            carried = self._carried.get(mark.sensor) if mark.start == BEFORE else None
            start = to_local(mark.start) if carried is None else carried
            stop = to_local(mark.stop) if mark.stop is not None else None
            self.tables.write_mark(mark_row(BadMark(start, stop, mark.sensor), taken_back))

    def log(self, event: Mapping[str, Any]) -> None:
        if self.tables:
            self.tables.log(event)
        elif self._expected:
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
        self._writing = self._pool.submit(prepare_results(engine, self.path, self._recordings))

    def take_notice(self) -> Notice | None:
        """Take note of a report that has been written; a notice where it, or words and scores, could not be."""
        problem = self.tables.problem if self.tables else None
        if problem != self._reported and not (problem and self._reported):
            self._reported = problem
            return Notice("error", "recording", problem, 0.0) if problem else None
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
            self._count(*prepare_results(engine, self.path, self._recordings, seconds, peak_rss_mb)())

    def close(self) -> None:
        """Wait for the report that is being written, and close the tables."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self.tables:
            self.tables.close()

    def _count(self, path: Path, n_words: int) -> None:
        before = self.report_status.n_written if self.report_status else 0
        self.report_status = ReportStatus(str(path), n_words, before + 1)


def prepare_results(
    engine: Engine,
    folder: Path,
    recordings: Sequence[Mapping[str, Any]] = (),
    seconds: float = 0.0,
    peak_rss_mb: float = 0.0,
) -> Callable[[], tuple[Path, int]]:
    """A function for any thread that writes summary.json, curves, draws and the report of the present results.

    It returns the report's path and the number of words that it rests on.
    """
    findings = engine.assessment.findings
    assert findings is not None
    sensors = engine.intake.fitting.sensors if engine.intake.fitting else ()
    passport = engine.decoding.passport(sensors, engine.scoreboard.n, f"{_now():%Y-%m-%dT%H:%M:%S%z}")
    passport["recordings"] = list(recordings)
    passport["sensor_faults"] = engine.intake.sensor_faults()
    is_replay, bank = engine.source.transport is not None, engine.decoding.bank
    spent = {"language": 0.0, "signal": 0.0, "fit": 0.0, "total": seconds}
    overlap = engine.training_overlap.to_json()
    annotations = [annotation_entry(engine, annotation) for annotation in engine.annotations]
    recipe, skipped, n_words = engine.decoding.recipe, skipped_words(engine), engine.assessment.n_words
    controlled = control_entries(engine)

    def write() -> tuple[Path, int]:
        folder.mkdir(parents=True, exist_ok=True)
        if bank is not None and "patterns" in bank.tensors:
            save_tensors(folder / PATTERNS, {"patterns": bank.tensors["patterns"]})
        write_results(
            folder, "session", passport, recipe, skipped, findings, spent, peak_rss_mb, training_overlap=overlap,
            annotations=annotations, replay=is_replay, **controlled,
        )  # fmt: skip
        return folder / "report.html", n_words

    return write


def recording_entries(session: Session, parts: SessionParts) -> list[dict[str, Any]]:
    """What is replayed, or who listens, as a passport names recordings."""
    if parts.recording is None:
        return [{"name": "live", "subject": session.subject, "notes": []}] if session.subject else []
    return [{"name": part.name, "subject": part.subject, "notes": list(part.notes)} for part in parts.recording.parts]


def control_entries(engine: Engine) -> dict[str, Any]:
    """What summary.json holds of the controls, as that of an evaluation does."""
    found = {name: one.findings for name, one in engine.assessment.controls.items()}
    unique, twin, basis = found.get(UNIQUE), found.get(TWIN), engine.decoding.nuisances
    if unique is None or twin is None or basis is None:
        return {}
    return evaluation_entries(unique, twin, {WHOLE: twin.curves.r}, basis.sizes, {WHOLE: unique.curves.r})


def skipped_words(engine: Engine) -> dict[str, int]:
    """Words without a score by reason, and what came in the place of words: silence, noise, punctuation."""
    unusable = engine.source.health().counts
    return dict(engine.ledger.skipped) | {reason: unusable[reason] for reason in NO_WORD_REASONS if reason in unusable}


def annotation_entry(engine: Engine, annotation: Annotation) -> dict[str, Any]:
    """What the operator wrote, as a summary has it: a live one with the time of day."""
    entry = annotation._asdict()
    if engine.source.transport is None:
        written = _now() - datetime.timedelta(seconds=engine.source.age(annotation.time))
        entry["clock"] = f"{written:%Y-%m-%d %H:%M:%S}"
    return entry


def session_description(parts: SessionParts, session: Session) -> dict[str, Any]:
    """The first line of a session's log: bank, model, context, layers, sensors, recipe."""
    decoding = parts.decoding
    return {
        "bank": str(session.bank.resolve()) if session.bank else None,
        "adapt": session.adapt,
        "model": decoding.model,
        "context": decoding.recipe.language.context,
        "layers": list(decoding.layers),
        "sensors": [sensor.name for sensor in decoding.sensors],
        "recipe": decoding.recipe.model_dump(),
    }


def word_row(entry: WordEntry, stamp: float) -> dict[str, Any]:
    """A line of words.tsv, which is a word table itself.  stamp : local time of the onset, that of raw.xdf."""
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
        "stamp": round(stamp, 6),
        "pos": word.pos,
    }


def mark_row(mark: BadMark, taken_back: bool = False) -> dict[str, Any]:
    """A line of marks.tsv.  mark : in local time, as is raw.xdf."""
    return {
        "start": round(mark.start, 6),
        "stop": round(mark.stop, 6) if mark.stop is not None else None,
        "sensor": mark.sensor or None,
        "state": TAKEN_BACK if taken_back else BAD,
    }


def score_columns(assessment: Assessment) -> dict[str, Any]:
    """Lines of scores.csv: a layer each, as it stood after so many words; the controls' columns are behind."""
    findings = assessment.findings
    assert findings is not None
    columns = {"n_words": assessment.n_words, **_ladder(findings)}
    for name, control in assessment.controls.items():
        own = _ladder(control.findings) if control.findings else dict.fromkeys(_ladder(findings), math.nan)
        of_control = {key: value for key, value in own.items() if key not in ("layer", "depth")}
        columns |= {f"{name.replace(' ', '_')}_{key}": value for key, value in of_control.items()}
    return columns


def _ladder(findings: Findings) -> dict[str, Any]:
    score, rows = findings.temporal, [peak.row() for peak in findings.peaks]
    columns: dict[str, Any] = {name: [_value(row[name]) for row in rows] for name in rows[0]}
    return {
        **columns,
        "temporal_r": score.r if score else math.nan,
        "slope_ms": score.slope_ms if score else math.nan,
    }


def _value(value: Any) -> Any:
    return math.nan if value is None else value


def _now() -> datetime.datetime:
    return datetime.datetime.now().astimezone()
