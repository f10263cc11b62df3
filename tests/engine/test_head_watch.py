"""The operator is told of a head that has moved once a level, and again when it is back."""

from __future__ import annotations

import numpy as np

from rtalign.core.head.position import HeadPosition
from rtalign.engine.head_watch import HeadWatch
from tests.helpers.heads import COILS, position


def at(mm: float) -> HeadPosition:
    return position(COILS + np.array([0.0, 0.0, mm / 1000]))


def passport(*positions: HeadPosition | None) -> dict[str, object]:
    return {"recordings": [{"head": list(one.rows) if one else None} for one in positions]}


def test_movements_of_a_head_are_told_at_each_level_once() -> None:
    watch = HeadWatch(passport(at(0.0)))
    told = {mm: watch.push(at(mm)) for mm in (0.3, 1.4, 1.6, 1.45, 1.7, 3.1, 2.9, 3.2)}
    assert {mm: lines for mm, lines in told.items() if lines} == {
        1.6: ["the head is 1.6 mm from where it was in training"],
        3.1: ["the head is 3.1 mm from where it was in training"],
    }
    assert watch.push(at(2.0)) == ["the head is back within 3 mm of training"]
    assert watch.push(at(0.2)) == ["the head is back within 1.5 mm of training"]
    assert watch.distance_mm is not None
    assert np.isclose(watch.distance_mm, 0.2)


def test_a_bank_that_knows_no_head_is_told_once() -> None:
    watch = HeadWatch(passport(None))
    assert watch.push(at(0.0)) == ["the bank does not say where the head was: its position cannot be compared"]
    assert watch.push(at(5.0)) == []
    assert watch.distance_mm is None
    assert HeadWatch(None).push(at(0.0)) == []
