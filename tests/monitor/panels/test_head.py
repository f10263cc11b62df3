"""The head: one kind of sensor, interpolated between the sensors, with its sign written on it."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from rtalign.core.head.shape import flatten_positions
from rtalign_monitor.panels import head
from rtalign_monitor.panels.head_strip import HeadStripPanel
from tests.helpers import snapshots
from tests.helpers.view_pixels import WrittenText, head_with_bank, pixels, show_view


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


def test_a_pattern_is_a_magnitude_on_a_scale_from_zero(qtbot: QtBot, written: list[WrittenText]) -> None:
    """The bank stores root mean squares: no sign is written, and no colour stands for one."""
    view = head_with_bank(qtbot)
    view.draw(snapshots.snapshot_after(300))
    pixels(view)
    texts = [w.text for w in written]
    assert "0" in texts
    assert any(text.endswith(" fT") and text[0].isdigit() for text in texts)
    assert not any(sign in text for text in texts if "fT" in text or len(text) < 3 for sign in "+−")
    assert "negative" not in view.description


def test_the_lag_that_is_drawn_stands_beside_the_peak_it_is_nearest_to(
    qtbot: QtBot, written: list[WrittenText]
) -> None:
    view = head_with_bank(qtbot)
    coarse = np.round(np.arange(-0.2, 0.81, 0.1), 9)
    sensors = snapshots.helmet(60)
    view.set_bank(sensors, np.ones((31, len(coarse), 60)), coarse)
    snapshot = snapshots.snapshot_after(300)
    view.draw(snapshot)
    pixels(view)
    strongest = max((peak for peak in snapshot.peaks if peak.ok), key=lambda peak: peak.peak_r)
    assert strongest.peak_s is not None
    nearest = coarse[np.abs(coarse - strongest.peak_s).argmin()]
    beside = [w.text for w in written]
    written.clear()
    view.resize(300, 400)
    pixels(view)
    for texts in (" ".join(beside), " ".join(w.text for w in written)):
        assert f"peak +{1000 * strongest.peak_s:.0f} ms drawn +{1000 * nearest:.0f}" in texts


def test_in_a_low_panel_the_head_fills_the_height_beside_its_texts(qtbot: QtBot) -> None:
    """As in the window at 1280 x 800."""
    view = head_with_bank(qtbot)
    view.resize(307, 178)
    view.draw(snapshots.snapshot_after(300))
    pixels(view)
    (left, right), across = view.home()[0], view.field().width()
    assert 2 * head.EDGE / (right - left) * across > 0.55 * view.height()


def test_a_planar_pair_shows_the_length_of_its_gradient(qtbot: QtBot) -> None:
    """As the report does: 3 and 4 fT/cm are 5."""
    sensors = tuple(s for s in snapshots.helmet(20, "planar") for _ in range(2))
    view = head_with_bank(qtbot)
    view.set_bank(sensors, np.tile([3.0, 4.0], 20)[None, None].repeat(31, 0), np.array([0.3]))
    view.draw(snapshots.snapshot_after(300))
    values = view._values()
    assert values is not None
    assert np.allclose(values, 5)


def test_the_strip_of_heads_follows_the_layer_and_not_the_lag(qtbot: QtBot, written: list[WrittenText]) -> None:
    view = HeadStripPanel()
    show_view(qtbot, view, 1248, 120)
    view.set_bank(snapshots.helmet(), snapshots.patterns(snapshots.helmet()), snapshots.LAGS)
    view.draw(snapshots.snapshot_after(20))
    view.point_layer(12)
    first = pixels(view)
    assert [w.text for w in written if w.text.endswith(" ms")] == ["0 ms", *(f"+{n}00 ms" for n in range(1, 6))]
    view.point_lag(0.4)
    assert not view.is_stale
    view.point_layer(30)
    assert (pixels(view) != first).any()
    assert "layer 30" in [w.text for w in written]
