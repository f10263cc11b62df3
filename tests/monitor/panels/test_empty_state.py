"""Empty panels say what they wait for and when it comes."""

from __future__ import annotations

from rtalign.core.session import MIN_CURVE_WORDS
from rtalign_monitor.panels import empty_state
from tests.helpers import snapshots


def test_empty_panels_say_what_they_wait_for_and_when_it_comes() -> None:
    seconds = 0.4 * (MIN_CURVE_WORDS - 50)
    assert empty_state.peaks(snapshots.snapshot_after(50)) == (
        "the first peaks come with 100 words",
        f"in about {seconds:.0f} s",
    )
    assert empty_state.peaks(snapshots.snapshot_after(50, speed=2.0))[1] == f"in about {seconds / 2:.0f} s"
    assert empty_state.scores(snapshots.snapshot_after(0)) == (
        "no word received yet",
        "the second word gives the first R",
    )
    assert empty_state.peaks(snapshots.snapshot_after(0))[1] == "100 words give the first peaks"
    assert "40 to go" in empty_state.peaks(snapshots.snapshot_after(60, paused=True))


def test_a_signal_that_does_not_flow_is_what_all_panels_wait_for() -> None:
    for state, text in (("searching", "no MEG stream yet"), ("found", "sends nothing"), ("lost", "lost")):
        snapshot = snapshots.snapshot_after(0, health=snapshots.health(state, 9.0))
        for what, hint in (
            empty_state.scores(snapshot), empty_state.words(snapshot), empty_state.signal(snapshot),
            empty_state.peaks(snapshot),
        ):  # fmt: skip
            assert text in what
            assert hint
