"""The head: one kind of sensor, interpolated between the sensors, with its sign written on it."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from rtalign.core.head_shape import flatten_positions
from rtalign_monitor.panels import head
from tests.helpers import snapshots
from tests.helpers.view_pixels import WrittenText, head_with_bank, pixels


def test_a_thin_plate_passes_through_the_sensors() -> None:
    flat = flatten_positions(np.array([s.position for s in snapshots.helmet(60)]))
    values = np.cos(3 * flat[:, 0]) + flat[:, 1]
    weights, _ = head.interpolation_weights(flat, 129)
    at = np.linspace(-head.EDGE, head.EDGE, 129)
    field = (weights @ values).reshape(129, 129)[::-1]
    interpolated = [field[np.argmin(np.abs(at - y)), np.argmin(np.abs(at - x))] for x, y in flat]
    assert np.abs(interpolated - values).max() < 0.08


def test_two_kinds_of_sensors_never_share_a_head() -> None:
    sensors = (*snapshots.helmet(10, "planar"), *snapshots.helmet(5, "mag"))
    kind, members = head.choose_kind(sensors)
    assert kind == "mag"
    assert members.tolist() == [10, 11, 12, 13, 14]


def test_the_sign_of_a_field_is_written_on_it(qtbot: QtBot, written: list[WrittenText]) -> None:
    view = head_with_bank(qtbot)
    view.draw(snapshots.snapshot_after(300))
    pixels(view)
    assert {"+", "−"} <= {w.text for w in written}
