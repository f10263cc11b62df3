"""Records to disk what came in, as it came in; what is on disk survives kill -9 and a full disk."""

from __future__ import annotations

import json
import math
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from rtalign.core.files import AppendOnlyFile
from rtalign.core.records import Sensor
from rtalign.engine.recording.raw_file import RawFile
from rtalign.recordings.xdf import SignalStream
from rtalign.streams.events import OffsetMeasurement, RawMarker, RawSamples

WORD_COLUMNS = (
    *("index", "text", "onset", "duration", "status", "reason"),
    *("surprisal", "n_tokens", "stamp", "arrival"),
)
FLUSH_S = 0.4
SETTLE_S = 10.0
MAX_QUEUE_BYTES = 200 << 20
NOTE_BYTES = 500
"""About what a word, a marker or a line of the log takes in the queue."""


def new_folder(folder: Path | str) -> Path:
    """Make an empty folder.

    Parameters
    ----------
    folder : Path or str
        Its name; where it exists and is not empty, the next free number is added.

    Returns
    -------
    Path
        The folder that was made.

    Raises
    ------
    OSError
        Where none can be made.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for n in range(1, 10_000):
        path = folder if n == 1 else folder.with_name(f"{folder.name}-{n}")
        try:
            path.mkdir()
        except FileExistsError:
            if n > 1 or not path.is_dir() or any(path.iterdir()):
                continue
        return path
    raise FileExistsError(f"{folder} and 9,998 numbered folders beside it exist; name another folder")


class Recorder:
    """Writes a session's MEG, markers, words, scores and log; no call ever waits for the disk.

    One thread owns the files.  What the caller hands over waits in a queue bounded in bytes; MEG samples beyond it, and
    those that a full disk refuses, are counted and reported, and recording goes on by itself.  Arrays are not copied:
    the caller must not change them afterwards.

    Parameters
    ----------
    folder : Path or str
        Where to; the next free number is added to its name where it is not empty.
    meg : SignalStream
        Channels, sensors and rate of the MEG stream.
    words : str
        Name of the stream of words.
    about : mapping
        First line of the log.

    Attributes
    ----------
    folder : Path
        The folder that was made.
    problem : str or None
        What is wrong now, and how to fix it.
    n_dropped : int
        MEG samples that were not written.
    bytes_written, disk_free_bytes : int
        As of the last write.
    """

    def __init__(self, folder: Path | str, meg: SignalStream, words: str, about: Mapping[str, Any]) -> None:
        self.folder = new_folder(folder)
        moved = self.folder != Path(folder)
        self.note = f"{folder} is not empty; recording to {self.folder}" if moved else None
        self.problem: str | None = None
        self.n_dropped = 0
        self.bytes_written = 0
        self.disk_free_bytes = shutil.disk_usage(self.folder).free
        self._began = time.monotonic()
        self._raw = RawFile(self.folder / "raw.xdf", meg, words)
        self._words, self._scores, self._log = (
            AppendOnlyFile(self.folder / name) for name in ("words.tsv", "scores.csv", "log.jsonl")
        )
        self._score_columns: tuple[str, ...] = ()
        self._bytes_an_hour = 3600 * meg.sfreq * (len(meg.channels) * 4 + 9)
        self._queue: deque[tuple[Callable[[], None], int, int]] = deque()
        self._queued_bytes = 0
        self._lock, self._stop = threading.Condition(), False
        self._words.add(("\t".join(WORD_COLUMNS) + "\n").encode())
        self._log.add(_line({"event": "start", **about}))
        self._thread = threading.Thread(target=self._work, name="rtalign recorder", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Seconds of MEG in the file."""
        return self._raw.seconds

    @property
    def hours_left(self) -> float:
        """How long the free disk space lasts at the rate so far."""
        passed = time.monotonic() - self._began
        hourly = self.bytes_written / passed * 3600 if passed > 10 and self.bytes_written else self._bytes_an_hour
        return self.disk_free_bytes / max(hourly, 1.0)

    def write_samples(self, samples: RawSamples) -> None:
        """MEG samples as they came."""
        size = samples.data.nbytes + samples.stamps.nbytes
        self._put(lambda: self._raw.add_samples(samples.data, samples.stamps), size, len(samples.data))

    def write_marker(self, marker: RawMarker) -> None:
        """A marker as it came."""
        self._put(lambda: self._raw.add_marker(marker.text, marker.stamp), NOTE_BYTES + len(marker.text))

    def write_offset(self, offset: OffsetMeasurement) -> None:
        """A measured clock offset; its time is the local clock's."""
        self._put(lambda: self._raw.add_clock_offset(offset.stream, offset.time - offset.offset_s, offset.offset_s))

    def change_stream(
        self, sensors: Sequence[Sensor], sfreq: float, channels: Sequence[str] = (), units: Sequence[str] = ()
    ) -> None:
        """MEG has these sensors and this rate from here on.  channels : all that come, where they are more."""
        kept, names = tuple(sensors), tuple(channels) or tuple(sensor.name for sensor in sensors)
        self._put(lambda: self._raw.change_stream(kept, sfreq, names, tuple(units)))

    def write_word(self, row: Mapping[str, Any]) -> None:
        """A row of words.tsv; its keys are among WORD_COLUMNS."""
        unknown = set(row) - set(WORD_COLUMNS)
        if unknown or not {"text", "onset"} <= set(row):
            raise ValueError(f"a word with {', '.join(row)}; it needs text and onset, and may have {WORD_COLUMNS}")
        line = "\t".join(_cell(row.get(column)) for column in WORD_COLUMNS) + "\n"
        self._put(lambda: self._words.add(line.encode("utf-8", "replace")))

    def write_scores(self, columns: Mapping[str, Any]) -> None:
        """Rows of scores.csv: columns of one length, or single values that hold for all; the first call names them."""
        if not self._score_columns:
            self._score_columns = tuple(columns)
            self._put(lambda: self._scores.add((",".join(self._score_columns) + "\n").encode()))
        if tuple(columns) != self._score_columns:
            raise ValueError(f"scores with {', '.join(columns)}; the file has {', '.join(self._score_columns)}")
        table = np.broadcast_arrays(*(np.atleast_1d(np.array(values)) for values in columns.values()))
        self._put(lambda: self._scores.add(_rows(table)), sum(column.size for column in table) * 8)

    def log(self, event: Mapping[str, Any]) -> None:
        """A line of log.jsonl, stamped with the time of day."""
        line = _line(event)
        self._put(lambda: self._log.add(line), len(line))

    def close(self, summary: Mapping[str, Any] | None = None) -> None:
        """Write everything, end the streams, add summary.json.  A second call does nothing."""
        with self._lock:
            if self._stop:
                return
            self._stop = True
            self._lock.notify()
        self._thread.join()
        if summary is not None:
            text = json.dumps(_plain(summary), indent=1, ensure_ascii=False)
            partial = self.folder / "summary.json.partial"
            try:
                partial.write_text(text + "\n", encoding="utf-8")
                partial.replace(self.folder / "summary.json")
            except OSError as error:
                self.problem = self._describe(error)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _put(self, job: Callable[[], None], size: int = NOTE_BYTES, n_samples: int = 0) -> None:
        with self._lock:
            room = MAX_QUEUE_BYTES if n_samples else 1.25 * MAX_QUEUE_BYTES
            if self._stop or self._queued_bytes + size > room:
                self.n_dropped += n_samples
                if not self._stop:
                    self.problem = (
                        f"the disk does not keep up: {self.n_dropped:,} samples were not written - "
                        "record to a faster disk; recording goes on"
                    )
                return
            self._queue.append((job, size, n_samples))
            self._queued_bytes += size

    def _work(self) -> None:
        """The thread that owns the files: whatever it raises is kept as the problem, for the caller to show."""
        settled = time.monotonic()
        try:
            while True:
                with self._lock:
                    if not self._stop:
                        self._lock.wait(FLUSH_S)
                    stopping = self._stop
                settle = time.monotonic() - settled > SETTLE_S
                self._write(settle or stopping)
                settled = time.monotonic() if settle else settled
                if stopping:
                    break
        except Exception as error:
            self.problem = (
                f"the recorder stopped: {type(error).__name__}: {error}; scoring goes on, stop and start again"
            )
            with self._lock:
                self.n_dropped += sum(n for _, _, n in self._queue)
                self._stop = True
        finally:
            self._end()

    def _write(self, settle: bool) -> None:
        """Write what waits and flush every file; a file that cannot be written does not hold up the others."""
        with self._lock:
            jobs, self._queue, self._queued_bytes = self._queue, deque(), 0
        failed: OSError | None = None
        for job, _, _ in jobs:
            job()
        for file in (self._log, self._words, self._scores, self._raw):
            try:
                file.flush()
                if settle:
                    file.sync()
            except OSError as error:
                failed = error
        with self._lock:
            self.n_dropped += self._raw.take_dropped()
        self._update_status(failed)

    def _update_status(self, failed: OSError | None) -> None:
        files = (self._log, self._words, self._scores, self._raw)
        self.bytes_written = sum(file.n_bytes for file in files)
        self.disk_free_bytes = shutil.disk_usage(self.folder).free
        if failed is not None:
            self.problem = self._describe(failed)
        elif self._raw.problem is not None:
            self.problem = f"{self._raw.problem}: {self.n_dropped:,} samples were not written - connect the stream anew"
            self._raw.problem = None
        elif self.problem is not None and not self._stop:
            self._log.add(_line({"event": "recording again", "n_dropped": self.n_dropped, "after": self.problem}))
            self.problem = None

    def _describe(self, error: OSError) -> str:
        lost = f"{self.n_dropped:,} samples were not written"
        reason = f"{os.strerror(error.errno or 0)}; {self.disk_free_bytes / 1e9:.1f} GB free"
        return f"cannot write to {self.folder} ({reason}): {lost} - make room there; recording goes on by itself"

    def _end(self) -> None:
        for file in (self._log, self._words, self._scores, self._raw):
            try:
                file.close()
            except OSError as error:
                self.problem = self._describe(error)
        self.bytes_written = sum(file.n_bytes for file in (self._log, self._words, self._scores, self._raw))


def _line(event: Mapping[str, Any]) -> bytes:
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
    columns = [
        [
            "" if isinstance(v, float) and not math.isfinite(v) else f"{v:.7g}" if isinstance(v, float) else str(v)
            for v in c
        ]
        for c in (column.tolist() for column in table)
    ]
    return "".join(",".join(row) + "\n" for row in zip(*columns, strict=True)).encode()
