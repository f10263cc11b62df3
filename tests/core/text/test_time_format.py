"""Every style of time and duration, at the edges where it changes."""

from __future__ import annotations

from rtalign.core.text import time_format


def test_clock_and_position_are_floored() -> None:
    assert [time_format.clock_time(s) for s in (-1, 67.9, 3723)] == ["00:00", "01:07", "1:02:03"]
    assert [time_format.position_time(s) for s in (0, 59.9, 3723)] == ["0:00", "0:59", "1:02:03"]


def test_durations_change_unit_where_a_reader_would() -> None:
    assert [time_format.duration(s) for s in (2.46, 99.4, 100, 3900, 5970)] == [
        "2.5 s", "99 s", "2 min", "65 min", "1 h 39 min",
    ]  # fmt: skip
    assert [time_format.decimal_duration(s) for s in (0.25, 89, 90, 5400)] == ["0.25 s", "89 s", "2 min", "1.5 h"]
    assert [time_format.long_duration(s) for s in (5400, 48 * 3600)] == ["1.5 h", "2 d"]
    assert [time_format.rough_duration(s) for s in (45, 5400, 108_000, 260_000)] == ["45 s", "90 min", "30 h", "3 d"]
    assert [time_format.age_text(s) for s in (0.25, 34, 67)] == ["0.25 s", "34 s", "01:07"]
    assert [time_format.rounded_duration(s) for s in (1, 94, 96)] == ["10 s", "90 s", "2 min"]
