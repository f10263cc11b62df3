"""marks.tsv of a session folder: what its operator called bad, on the clock of raw.xdf."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from rtalign.core.records import BadMark, BadStretch
from rtalign.recordings.word_tables.delimited import parse_table, read_text
from rtalign.recordings.xdf.clock import CountedClock

MARKS = "marks.tsv"
MARK_COLUMNS = ("start", "stop", "sensor", "state")
BAD, TAKEN_BACK = "bad", "taken back"
NOT_KNOWN = ("", "n/a")


def read_marks(path: Path) -> list[BadMark]:
    """Read the marks that hold at the end of a session.

    Parameters
    ----------
    path : Path
        A marks.tsv; a last line without its end, left by a killed process, is ignored.

    Returns
    -------
    list of BadMark
        In stamps of the common clock; none where there is no such file.

    Raises
    ------
    ValueError
        Where a whole line cannot be understood.
    """
    if not path.is_file():
        return []
    text = read_text(path)
    whole = text[: text.rfind("\n") + 1]
    if not whole:
        return []
    marks: dict[tuple[float, str], BadMark] = {}
    for line, row in enumerate(parse_table(whole, path.name).records(), start=2):
        mark = _mark(row)
        if mark is None or row.get("state") not in (BAD, TAKEN_BACK):
            raise ValueError(f"{path.name}, line {line}: not a mark with {', '.join(MARK_COLUMNS)}; is the file whole?")
        marks[mark.start, mark.sensor] = mark
        if row["state"] == TAKEN_BACK:
            del marks[mark.start, mark.sensor]
    return list(marks.values())


def bad_stretches(marks: Sequence[BadMark], clock: CountedClock) -> tuple[BadStretch, ...]:
    """Stretches whose words are skipped, in signal time: of sensors, those of one that was good again to the end.

    Parameters
    ----------
    marks : sequence of BadMark
        In stamps of the common clock.
    clock : CountedClock
        Of the signal.

    Returns
    -------
    tuple of BadStretch
        Those that lie in the signal, in order.
    """
    left_out = {mark.sensor for mark in marks if mark.sensor and mark.stop is None}
    begin, last = clock.segments[0].start, clock.segments[-1]
    end = last.start + last.n / clock.sfreq
    found = []
    for mark in marks:
        if mark.sensor in left_out:
            continue
        stamps = np.array([mark.start, mark.start if mark.stop is None else mark.stop])
        start, stop = clock.to_signal_time(stamps).tolist()
        stop = end if mark.stop is None else stop
        if start < end and stop > begin:
            found.append(BadStretch(max(start, begin), min(stop, end), mark.reason))
    return tuple(sorted(found, key=lambda bad: (bad.start, bad.stop)))


def marks_note(bad: Sequence[BadStretch], left_out: Sequence[str]) -> Iterator[str]:
    """What a user should know of the marks."""
    if bad:
        yield f"{len(bad)} stretches were marked as bad by the operator; words there are skipped"
    if left_out:
        yield f"{', '.join(left_out)} left out: marked as bad by the operator"


def _mark(row: dict[str, str]) -> BadMark | None:
    try:
        start, stop = float(row["start"]), None if row["stop"] in NOT_KNOWN else float(row["stop"])
    except (KeyError, ValueError):
        return None
    good = math.isfinite(start) and (stop is None or (math.isfinite(stop) and stop >= start))
    sensor = row.get("sensor", "")
    return BadMark(start, stop, "" if sensor in NOT_KNOWN else sensor) if good else None
