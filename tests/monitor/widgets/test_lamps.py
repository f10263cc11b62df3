"""Lamps can be told apart without colour."""

from __future__ import annotations

from rtalign_monitor.widgets import lamps


def test_states_that_differ_in_colour_differ_in_shape() -> None:
    shapes = {(lamps.SHAPE[state], role) for state, role in lamps.ROLE.items()}
    for meaning in ("live", "stale", "lost"):
        own = {shape for shape, role in shapes if role == meaning}
        assert not own & {shape for shape, role in shapes if role != meaning and role != "muted"}
