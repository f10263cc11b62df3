"""Pictures of a panel are painted at their own resolution, or in lines and letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from rtalign_monitor.export import files
from rtalign_monitor.panels.curves import CurvesPanel
from rtalign_monitor.panels.ladder import LadderPanel
from tests.helpers import snapshots
from tests.helpers.view_pixels import grey, show_view


def test_a_picture_of_twice_the_size_is_painted_and_not_enlarged(qtbot: QtBot) -> None:
    view = LadderPanel()
    show_view(qtbot, view, 500, 340)
    view.draw(snapshots.snapshot_after(300))
    picture = grey(files.picture(view, 2.0))
    assert picture.shape == (680, 1000)
    squares = picture[20:60, 20:600].reshape(20, 2, 290, 2).swapaxes(1, 2).reshape(20, 290, 4)
    assert (np.ptp(squares, axis=-1) > 0).mean() > 0.05  # enlarged, each pixel would have become an even square


def test_a_drawing_in_svg_holds_lines_and_letters(qtbot: QtBot, tmp_path: Path) -> None:
    view = CurvesPanel()
    show_view(qtbot, view)
    view.draw(snapshots.snapshot_after(300))
    files.save_picture(view, tmp_path / "curves.svg")
    drawing = (tmp_path / "curves.svg").read_text()
    assert "<image" not in drawing
    assert "Decoding over time" in drawing
    assert drawing.count("<polyline") >= 31


def test_a_mark_stands_on_a_line_of_its_own_below_the_picture(qtbot: QtBot, tmp_path: Path) -> None:
    view, mark = LadderPanel(), "this bank was trained on this recording: R flatters"
    show_view(qtbot, view, 600, 340)
    view.draw(snapshots.snapshot_after(300))
    plain, marked = grey(files.picture(view, 1.0)), grey(files.picture(view, 1.0, mark))
    assert marked.shape == (340 + files.MARK_HEIGHT, 600)
    assert np.array_equal(marked[:340], plain)
    assert np.ptp(marked[340:]) > 100
    files.save_picture(view, tmp_path / "ladder.svg", mark)
    drawing = (tmp_path / "ladder.svg").read_text()
    assert f"No evidence: {mark}" in drawing
    assert f'viewBox="0 0 600 {340 + files.MARK_HEIGHT}"' in drawing
