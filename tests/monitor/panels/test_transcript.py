"""The transcript: words stay where they are, apart from each other, and can be picked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from rtalign.core.records import Annotation
from rtalign_monitor.panels.transcript import TranscriptPanel
from tests.helpers import snapshots
from tests.helpers.view_pixels import pixels, show_view


def test_a_click_picks_the_word_under_it(qtbot: QtBot) -> None:
    view = TranscriptPanel()
    show_view(qtbot, view, 1200, 132)
    view.draw(snapshots.snapshot_after(300))
    pixels(view)
    wanted = view.word_boxes[4]
    with qtbot.waitSignal(view.word_picked) as caught:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=wanted.box.center().toPoint())
    assert caught.args == [wanted.entry.word.index]


def test_words_never_overlap_or_leave_the_panel(qtbot: QtBot) -> None:
    view = TranscriptPanel()
    show_view(qtbot, view, 900, 132)
    for n in range(100, 160, 3):
        view.draw(snapshots.snapshot_after(n))
        pixels(view)
        boxes = [word.box for word in view.word_boxes]
        assert view.word_boxes[-1].entry == snapshots.snapshot_after(n).words[-1]
        assert all(box.left() >= 0 and box.right() <= 900 for box in boxes)
        assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_a_word_that_becomes_current_stays_on_its_line(qtbot: QtBot) -> None:
    view = TranscriptPanel()
    show_view(qtbot, view, 700, 200)
    together: dict[tuple[int, int], bool] = {}
    for n in range(100, 140):
        view.draw(snapshots.snapshot_after(n))
        pixels(view)
        line = {word.entry.word.index: word.box.top() for word in view.word_boxes}
        for a in line:
            if a + 1 in line:
                assert together.setdefault((a, a + 1), line[a] == line[a + 1]) == (line[a] == line[a + 1])


def test_words_run_in_the_direction_of_their_script(qtbot: QtBot) -> None:
    """Hebrew and Arabic from the right, Latin from the left; Chinese words stand closer than Latin ones."""
    gaps = {}
    for text, rightward in (("word", True), ("ברא", False), ("رجل", False), ("故事", True)):
        view, snapshot = TranscriptPanel(), snapshots.snapshot_after(30)
        entries = tuple(replace(entry, word=replace(entry.word, text=text)) for entry in snapshot.words)
        show_view(qtbot, view, 900, 132)
        view.draw(replace(snapshot, words=entries))
        pixels(view)
        first, second = (word.box for word in view.word_boxes[:2])
        assert (first.left() < second.left()) == rightward
        assert not first.intersects(second)
        gaps[text] = second.left() - first.right() if rightward else first.left() - second.right()
    assert gaps["故事"] < gaps["word"] == gaps["ברא"]


def test_the_ruler_shows_what_the_operator_wrote(qtbot: QtBot) -> None:
    """At its time, with its text; what is older than the ruler is not there."""
    view, snapshot = TranscriptPanel(), snapshots.snapshot_after(30)
    show_view(qtbot, view, 900, 132)
    view.draw(snapshot)
    before = pixels(view)
    old, new = Annotation(snapshot.time_s - 30.0, "old"), Annotation(snapshot.time_s - 5.0, "coughs")
    view.draw(replace(snapshot, annotations=(old, new)))
    changed = np.flatnonzero((pixels(view) != before).any(axis=0))
    axis, _ = view._ruler_axis()
    assert changed[0] == pytest.approx(axis.to_pixel(-5.0), abs=2)
    assert 20 < np.ptp(changed) < 80
