"""What the operator of a session called bad costs the same words when the session is opened again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import BadMark
from rtalign.engine.recording.session_folder import mark_row
from rtalign.engine.recording.tables import SessionTables
from rtalign.recordings.xdf.marks import MARKS, read_marks
from tests.helpers import xdf_files
from tests.helpers.xdf_files import SFREQ, open_one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    xdf_files.write(tmp_path / "raw.xdf", 5000 + np.arange(2000) / SFREQ, markers=[("Once", 5001.0), ("upon", 5002.0)])
    return tmp_path


def mark(folder: Path, *marks: BadMark, taken_back: tuple[BadMark, ...] = ()) -> None:
    with SessionTables(folder, {}) as tables:
        for one in marks:
            tables.write_mark(mark_row(one))
        for one in taken_back:
            tables.write_mark(mark_row(one, True))


def test_marks_are_bad_stretches_and_left_out_sensors_of_the_recording(folder: Path) -> None:
    mark(
        folder, BadMark(5001.0, None), BadMark(5001.0, 5002.5), BadMark(5002.0, 5002.5, "MLC11"),
        BadMark(5003.0, None, "MLC11"), BadMark(5004.0, None, "MEG0111"), BadMark(5004.0, 5005.0, "MEG0111"),
        BadMark(5008.0, None),
    )  # fmt: skip
    recording = open_one(folder)
    assert [sensor.name for sensor in recording.sensors] == ["MEG0112", "MEG0111"]
    assert recording.left_out == ("MLC11",)
    found = [(bad.start, bad.stop, bad.reason) for bad in recording.bad_stretches]
    assert found == [
        (pytest.approx(5001.0), pytest.approx(5002.5), "signal marked as bad by the operator"),
        (pytest.approx(5004.0), pytest.approx(5005.0), "MEG0111 marked as bad by the operator"),
        (pytest.approx(5008.0), pytest.approx(5010.0), "signal marked as bad by the operator"),
    ]
    assert "MLC11 left out: marked as bad by the operator" in recording.notes


def test_a_mark_that_was_taken_back_leaves_nothing(folder: Path) -> None:
    mistake = BadMark(5001.0, None, "MLC11")
    mark(folder, mistake, BadMark(5002.0, 5003.0), taken_back=(mistake,))
    assert read_marks(folder / MARKS) == [BadMark(5002.0, 5003.0)]
    assert len(open_one(folder).sensors) == 3


def test_a_line_that_kill_9_left_is_ignored_and_a_damaged_one_is_told(folder: Path) -> None:
    mark(folder, BadMark(5002.0, 5003.0))
    with (folder / MARKS).open("a") as table:
        table.write("5004.0\t50")
    assert read_marks(folder / MARKS) == [BadMark(5002.0, 5003.0)]
    with (folder / MARKS).open("a") as table:
        table.write("\tMLC11\tbad\nnan\tn/a\tn/a\tbad\n")
    with pytest.raises(ValueError, match=r"marks\.tsv, line 3: not a mark"):
        read_marks(folder / MARKS)


def test_a_mark_outside_of_the_signal_costs_nothing(folder: Path) -> None:
    mark(folder, BadMark(4000.0, 4001.0), BadMark(6000.0, 6003.0))
    assert open_one(folder).bad_stretches == ()
