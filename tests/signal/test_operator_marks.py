"""What an operator calls bad: two marks with one beginning are one, and a mark can be taken back."""

from __future__ import annotations

import pytest

from rtalign.core.records import BadMark
from rtalign.signal.operator_marks import BadMarks


def test_a_stretch_is_bad_from_its_beginning_until_it_is_ended() -> None:
    marks = BadMarks()
    marks.put(BadMark(10.0, None))
    assert marks.reason(5.0, 9.9) is None
    assert marks.reason(9.0, 10.0) == "signal marked as bad by the operator"
    assert marks.reason(100.0, 101.0)
    marks.put(BadMark(10.0, 12.0))
    assert marks.all == (BadMark(10.0, 12.0),)
    assert marks.reason(12.5, 13.0) is None
    marks.remove(10.0, "")
    assert marks.reason(10.0, 11.0) is None


def test_a_sensor_is_left_out_of_words_that_its_mark_touches_alone() -> None:
    marks = BadMarks()
    marks.put(BadMark(10.0, None, "B"))
    assert marks.left_out(["A", "B"], 9.0, 11.0).tolist() == [False, True]
    assert marks.left_out(["A", "B"], 8.0, 9.0).tolist() == [False, False]
    assert marks.reason(9.0, 11.0) is None
    assert marks.open_sensors == {"B"}
    marks.put(BadMark(10.0, 20.0, "B"))
    assert not marks.open_sensors
    assert marks.left_out(["A", "B"], 21.0, 22.0).tolist() == [False, False]


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it begins"):
        BadMarks().put(BadMark(3.0, 2.0))
    with pytest.raises(LookupError, match=r"no mark of MLC11 that begins at 3\.000 s"):
        BadMarks().remove(3.0, "MLC11")
