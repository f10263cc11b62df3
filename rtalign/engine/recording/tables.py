"""words.tsv, scores.csv, marks.tsv and log.jsonl of a session: what an engine made of what came in."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from rtalign.core.storage.files import AppendOnlyFile
from rtalign.core.text.plain_text import in_a_line
from rtalign.engine.recording.file_thread import FileThread
from rtalign.recordings.xdf.marks import MARK_COLUMNS, MARKS

WORD_COLUMNS = ("index", "text", "onset", "duration", "status", "reason", "surprisal", "n_tokens", "stamp", "pos")


class SessionTables:
    """Writes a session's words, scores, marks and log; no call ever waits for the disk.

    The files of an engine that was lost are continued, behind their last whole lines.

    Parameters
    ----------
    folder : Path
        The session's folder, which exists.
    about : mapping
        First line of the log.

    Attributes
    ----------
    folder : Path
        The same.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.folder = folder
        names = "words.tsv", "scores.csv", MARKS, "log.jsonl"
        files = [AppendOnlyFile(folder / name, continued=True) for name in names]
        self._words, self._scores, self._marks, self._log = files
        self._score_columns: tuple[str, ...] = ()
        self._n_refused = 0
        if not self._words.n_bytes:
            self._words.add(("\t".join(WORD_COLUMNS) + "\n").encode())
        if not self._marks.n_bytes:
            self._marks.add(("\t".join(MARK_COLUMNS) + "\n").encode())
        self._log.add(log_line({"event": "start", **about}))
        self._thread = FileThread(folder, (self._log, self._words, self._scores, self._marks), self._lost)

    @property
    def problem(self) -> str | None:
        """What is wrong now, and how to fix it."""
        return self._thread.problem

    def write_word(self, row: Mapping[str, Any]) -> None:
        """A row of words.tsv; its keys are among WORD_COLUMNS."""
        unknown = set(row) - set(WORD_COLUMNS)
        if unknown or not {"text", "onset"} <= set(row):
            raise ValueError(f"a word with {', '.join(row)}; it needs text and onset, and may have {WORD_COLUMNS}")
        line = "\t".join(_cell(row.get(column)) for column in WORD_COLUMNS) + "\n"
        self._put(self._words, line.encode("utf-8", "replace"))

    def write_scores(self, columns: Mapping[str, Any]) -> None:
        """Rows of scores.csv: columns of one length, or single values that hold for all; the first call names them."""
        if not self._score_columns:
            self._score_columns = tuple(columns)
            if not self._scores.n_bytes:
                self._put(self._scores, (",".join(self._score_columns) + "\n").encode())
        if tuple(columns) != self._score_columns:
            raise ValueError(f"scores with {', '.join(columns)}; the file has {', '.join(self._score_columns)}")
        table = np.broadcast_arrays(*(np.atleast_1d(np.array(values)) for values in columns.values()))
        self._put(self._scores, _rows(table))

    def write_mark(self, row: Mapping[str, Any]) -> None:
        """A row of marks.tsv; a later row of the same beginning and sensor replaces it."""
        self._put(self._marks, ("\t".join(_cell(row.get(column)) for column in MARK_COLUMNS) + "\n").encode())

    def log(self, event: Mapping[str, Any]) -> None:
        """A line of log.jsonl, stamped with the time of day."""
        self._put(self._log, log_line(event))

    def close(self) -> None:
        """Write everything and close the files.  A second call does nothing."""
        self._thread.close()

    def __enter__(self) -> SessionTables:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _put(self, file: AppendOnlyFile, record: bytes) -> None:
        if not self._thread.put(lambda: file.add(record), len(record)):
            self._n_refused += 1

    def _lost(self) -> str:
        n = self._n_refused + sum(file.n_lost for file in (self._words, self._scores, self._marks, self._log))
        return f"{n:,} lines of words, scores, marks and log were"


def log_line(event: Mapping[str, Any]) -> bytes:
    """A line of a log: JSON, stamped with the time of day."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    return (json.dumps({"time": stamp, **_plain(event)}, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """The value as JSON can hold it: no NaN, no numpy."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "n/a"
    return " ".join(str(value).replace("\0", " ").split()) if isinstance(value, str) else str(value)


def _rows(table: Sequence[np.ndarray]) -> bytes:
    """Lines of CSV.  table : columns of one length; what is not finite stays empty."""
    text = io.StringIO()
    rows = zip(*(map(_field, column.tolist()) for column in table), strict=True)
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _field(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.7g}" if math.isfinite(value) else ""
    return in_a_line(str(value))
