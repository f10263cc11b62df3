"""The ladder: dots, fitted line, headline, and a second bank beside the first."""

from __future__ import annotations

import dataclasses

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint

from rtalign_monitor.engines.two_banks import SecondBank
from rtalign_monitor.panels.ladder import LadderPanel
from tests.helpers import snapshots
from tests.helpers.view_pixels import WrittenText, pixels, show_view


def test_a_layer_without_a_peak_gives_the_reason(qtbot: QtBot) -> None:
    ladder = LadderPanel()
    show_view(qtbot, ladder)
    ladder.draw(snapshots.snapshot_after(300))
    qtbot.mouseMove(ladder, QPoint(300, round(ladder.rows().centre(3))))
    assert "edge of the lags" in ladder.toolTip()


def test_dots_end_where_the_snapshot_says(qtbot: QtBot) -> None:
    ladder = LadderPanel()
    show_view(qtbot, ladder)
    ladder.draw(snapshots.snapshot_after(300, seed=1))
    last = snapshots.snapshot_after(301, seed=2)
    ladder.draw(last)
    wanted = {peak.layer: peak.peak_s for peak in last.peaks if peak.peak_s is not None}
    qtbot.waitUntil(lambda: ladder.easing.positions() == pytest.approx(wanted))


@pytest.mark.parametrize(("height", "scale"), [(342, 1.0), (719, 1.6), (360, 1.6), (240, 1.0)])
def test_dots_of_31_layers_do_not_hide_each_other(qtbot: QtBot, height: int, scale: float) -> None:
    """One covers less than half of the next, wherever their peaks are, and none is too small to be seen."""
    view = LadderPanel()
    show_view(qtbot, view, 620, height)
    view.set_scale(scale)
    view.draw(snapshots.snapshot_after(1000))
    assert view.dot_radius() <= max(0.75 * view.rows().height, view.px(2))
    assert view.dot_radius() >= view.px(2)


def test_two_banks_are_named_and_their_words_counted_whole(qtbot: QtBot, written: list[WrittenText]) -> None:
    """A name may be shortened; a count of words is whole or left out."""
    names = "bank-smollm2-armeni", "bank-gpt2-armeni-with-a-long-name"
    for width in (400, 620, 940):
        view = LadderPanel()
        show_view(qtbot, view, width, 430)
        view.set_scale(1.6)
        view.draw(snapshots.snapshot_after(1000))
        view.set_second_bank(SecondBank(snapshots.snapshot_after(1000, seed=1), names))
        written.clear()
        view.invalidate()
        pixels(view)
        texts = [w.text for w in written]
        assert not [w.text for w in written if "1,0" in w.text and "1,000 words" not in w.text]
        assert any(names[0].startswith(text.split("   ")[0].rstrip("…")) and len(text) > 6 for text in texts)
    assert "bank-smollm2-armeni   1,000 words" in texts


def test_the_axis_follows_a_second_bank_that_goes(qtbot: QtBot) -> None:
    """Its column of differences makes the field narrower; without it, labels and dots share the wide field again."""
    alone, compared = LadderPanel(), LadderPanel()
    for view in (alone, compared):
        show_view(qtbot, view, 620, 430)
        view.draw(snapshots.snapshot_after(1000))
    compared.set_second_bank(SecondBank(snapshots.snapshot_after(1000, seed=1), ("one", "two")))
    pixels(compared)
    compared.set_second_bank(None)
    qtbot.waitUntil(lambda: alone.easing.finished and compared.easing.finished)
    alone.range = compared.range
    alone.invalidate()
    assert (pixels(compared) == pixels(alone)).all()


def test_a_line_without_room_leaves_out_whole_parts(qtbot: QtBot, written: list[WrittenText]) -> None:
    view = LadderPanel()
    for width in (330, 400, 520):
        show_view(qtbot, view, width, 340)
        view.draw(snapshots.snapshot_after(300))
        pixels(view)
    assert not any("…" in w.text or not w.whole for w in written)
    assert any(w.text.startswith("depth-latency r = 0.97 [0.82, 0.99]") for w in written)


def test_the_fitted_line_has_the_slope_over_all_layers(qtbot: QtBot) -> None:
    snapshot = snapshots.snapshot_after(300)
    peaks = tuple(dataclasses.replace(p, peak_s=None if p.layer < 8 else p.peak_s) for p in snapshot.peaks)
    view = LadderPanel()
    show_view(qtbot, view)
    view.draw(dataclasses.replace(snapshot, peaks=peaks))
    ends = view.fit()
    assert ends is not None
    assert snapshot.temporal is not None
    assert ends[1] - ends[0] == pytest.approx(snapshot.temporal.slope_ms / 1000 * (30 - 8) / 30)


def test_a_ladder_without_a_sure_slope_claims_no_order(qtbot: QtBot, written: list[WrittenText]) -> None:
    snapshot, view = snapshots.snapshot_after(300), LadderPanel()
    assert snapshot.temporal is not None
    show_view(qtbot, view)
    view.draw(dataclasses.replace(snapshot, temporal=dataclasses.replace(snapshot.temporal, slope_ci_ms=(-9, 300))))
    pixels(view)
    assert not any("Deeper layers" in w.text for w in written)
    assert any(w.text.startswith("the slope's 95 % interval") for w in written)


def test_from_twenty_words_on_every_layer_has_a_faint_ring_where_r_is_highest(qtbot: QtBot) -> None:
    """Hollow marks firm up into dots: no layer has both, and none has none."""
    view = LadderPanel()
    show_view(qtbot, view)
    view.draw(snapshots.snapshot_after(19))
    assert view.faint == {}
    snapshot = snapshots.snapshot_after(20)
    assert snapshot.r is not None
    view.draw(snapshot)
    assert set(view.faint) == set(snapshot.layers)
    for layer, latency in view.faint.items():
        assert abs(latency - snapshots.LAGS[snapshot.r[layer].argmax()]) < 0.15
    view.draw(snapshots.snapshot_after(300))
    assert set(view.faint) == {3}


def test_no_panel_says_that_no_word_was_scored_beside_a_map_of_many(qtbot: QtBot, written: list[WrittenText]) -> None:
    """The newest assessment may be older than the map."""
    view = LadderPanel()
    show_view(qtbot, view)
    old = {"peaks": (), "temporal": None, "n_assessed": 0, "reason": "no word has been scored yet"}
    view.draw(dataclasses.replace(snapshots.snapshot_after(113), **old))
    pixels(view)
    assert not any("no word" in w.text for w in written)
    assert any("being worked out" in w.text for w in written)


def test_the_headline_is_described_for_screen_readers(qtbot: QtBot) -> None:
    ladder = LadderPanel()
    show_view(qtbot, ladder)
    ladder.draw(snapshots.snapshot_after(300))
    assert "Deeper layers answer later" in ladder.accessibleDescription()
    assert "r = 0.97 [0.82, 0.99]" in ladder.accessibleDescription()
    assert "300 words" in ladder.accessibleDescription()


def test_the_headline_names_what_was_not_controlled(qtbot: QtBot, written: list[WrittenText]) -> None:
    """Without controls, that there were none; with them, how many peaks are left, and what they say in a tooltip."""
    view = LadderPanel()
    show_view(qtbot, view, 1200, 430)
    plain = snapshots.snapshot_after(1000)
    view.draw(plain)
    pixels(view)
    assert view.headline().holds
    assert any("timing and next word not controlled" in w.text for w in written)
    assert "Not controlled: timing and length of words" in view.summary()
    written.clear()
    view.draw(snapshots.with_controls(plain))
    pixels(view)
    assert any("unique R: " in w.text for w in written)
    qtbot.mouseMove(view, QPoint(300, 5))
    assert view.toolTip().startswith("What else could this be?\nThe controls leave it standing: ")
    assert "Not controlled: the sound itself" in view.toolTip()
