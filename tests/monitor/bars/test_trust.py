"""The trust bar: problems with their fixes at any width."""

from __future__ import annotations

import dataclasses

import pytest
from pytestqt.qtbot import QtBot

from rtalign.engine.snapshot import RecordingStatus, Work
from rtalign_monitor.bars.status import StatusBar, lamp_state
from rtalign_monitor.bars.trust import TrustBar, facts_of
from tests.helpers import snapshots
from tests.helpers.view_pixels import WrittenText, note_texts, pixels, show_view


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[WrittenText]:
    return note_texts(monkeypatch)


def test_a_lost_stream_and_its_fix_fit_any_width(qtbot: QtBot) -> None:
    snapshot, view = snapshots.snapshot_after(300, health=snapshots.health("lost", 7.4)), TrustBar()
    assert lamp_state(snapshot) == ("lost", "LOST 00:07")
    for width in (600, 1280):
        show_view(qtbot, view, width, 26)
        view.draw(snapshot)
        pixels(view)
        assert "LOST 00:07: check the sender" in view._boxes[0][1].text
        assert view._boxes[-1][0].right() <= width


def test_a_refused_bank_leaves_room_for_the_recording(qtbot: QtBot) -> None:
    """Message bar and ladder say what does not fit; the trust bar keeps the state of streams and recording."""
    reasons = ("the bank expects 275 sensors; MLC11, MLC12, MLF25, MRT13 and 12 more are not there",) * 2
    view = TrustBar()
    show_view(qtbot, view, 1248, 26)
    view.draw(snapshots.snapshot_after(0, phase="refused", refused=reasons))
    pixels(view)
    texts = [item.text for _, item in view._boxes]
    assert texts[0] == "the bank does not fit, nothing is decoded: choose another (Ctrl+B)"
    assert "MEG flowing" in texts
    assert any(text.startswith("recording 212 MB") for text in texts)


@pytest.mark.parametrize("width", [420, 600, 894, 1248])
@pytest.mark.parametrize("folder", ["/data/session-1", None])
def test_loss_and_recording_are_never_left_out_or_cut(
    qtbot: QtBot, written: list[WrittenText], width: int, folder: str | None
) -> None:
    """Both streams lost, and overload: what they are and whether it is recorded is whole at any width."""
    recording = RecordingStatus(folder, 212.0, 31.0, 0, None) if folder else None
    snapshot = snapshots.snapshot_after(300, recording=recording, health=snapshots.health("lost", 7.4))
    view = TrustBar()
    show_view(qtbot, view, width, 26)
    view.draw(dataclasses.replace(snapshot, work=Work(shedding="words are put off")))
    pixels(view)
    lost, recorded = "MEG LOST 00:07", "recording 212 MB, 31 h left" if folder else "not recording"
    drawn = [item.text for item in written]
    assert any(text.startswith(lost) for text in drawn)
    cut = [w.text for w in written if not w.whole]
    assert recorded in drawn
    assert recorded not in cut
    assert view._boxes[-1][0].right() <= width


def test_publishing_has_a_lamp(qtbot: QtBot) -> None:
    assert not [fact for fact in facts_of(snapshots.snapshot_after(300)) if fact.text == "publishing"]
    (fact,) = (fact for fact in facts_of(snapshots.snapshot_after(300, publishing=True)) if fact.text == "publishing")
    assert fact.state == "flowing"


def test_a_bank_trained_on_the_recording_is_a_badge_that_stays(qtbot: QtBot) -> None:
    warning = "this bank was trained on this recording: R flatters"
    for width in (900, 1280):
        pictures = []
        for overlap in ("", warning):
            view = StatusBar()
            show_view(qtbot, view, width, 44)
            for n in (0, 300, 3000):
                view.draw(snapshots.snapshot_after(n, training_overlap=overlap))
            pictures.append(pixels(view))
        assert view.parts[-1] == f"No evidence: {warning}"
        assert warning in view.accessibleDescription()
        assert (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize(
    ("mm", "severity", "text"),
    [
        (1.2, None, "head 1.2 mm"),
        (1.5, "stale", "head 1.5 mm from training: watch it"),
        (3.0, "lost", "head 3.0 mm from training: have the participant move back, or train anew"),
    ],
)
def test_the_distance_of_the_head_is_amber_at_one_and_a_half_and_red_at_three_mm(
    mm: float, severity: str | None, text: str
) -> None:
    (fact,) = (fact for fact in facts_of(snapshots.snapshot_after(300, head_mm=mm)) if fact.text.startswith("head"))
    assert (fact.text, fact.state) == (text, severity)
