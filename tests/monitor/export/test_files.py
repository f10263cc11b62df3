"""Pictures of a panel are painted at their own resolution, or in lines and letters."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QImage

from rtalign.core.session import Session
from rtalign_monitor.export import files
from rtalign_monitor.export.film import MAX_STATES, LadderHistory, film
from rtalign_monitor.panels.curves import CurvesPanel
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.lag_map import LagMapPanel
from rtalign_monitor.widgets.theme import Theme
from tests.helpers import snapshots
from tests.helpers.view_pixels import grey, pixels, show_view


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


def test_a_caption_stands_below_the_picture_whole(qtbot: QtBot, tmp_path: Path) -> None:
    """It takes as many lines as it needs, and leaves the picture as it is."""
    view, caption = (
        LadderPanel(),
        "bank story   replay of story   n = 300 words   No evidence: trained on this recording",
    )
    show_view(qtbot, view, 600, 340)
    view.draw(snapshots.snapshot_after(300))
    plain, with_caption = grey(files.picture(view, 1.0)), grey(files.picture(view, 1.0, caption))
    longer = grey(files.picture(view, 1.0, 3 * caption))
    assert 340 < len(with_caption) < len(longer)
    assert np.array_equal(with_caption[:340], plain)
    assert np.ptp(with_caption[340:]) > 100
    files.save_picture(view, tmp_path / "ladder.svg", caption)
    drawing = (tmp_path / "ladder.svg").read_text()
    assert "No evidence: trained on this recording" in drawing
    assert f'viewBox="0 0 600 {len(with_caption)}"' in drawing


def test_a_caption_says_who_what_when_and_what_it_is_no_evidence_of() -> None:
    snapshot = snapshots.snapshot_after(
        300, bank="/banks/story-bank", training_overlap="it was trained on this recording"
    )
    session = Session(recording=Path("/data/listener"), subject="03", session="2")
    caption = files.caption_of(session, snapshot, "Simulated listener", datetime(2026, 3, 4, 15, 6))
    assert caption.split("   ") == [
        session.label.replace("_", " "), "bank story-bank", "replay of listener", "smollm2", "n = 300 words",
        "2026-03-04 15:06", "Simulated listener", "No evidence: it was trained on this recording",
    ]  # fmt: skip
    without = snapshots.snapshot_after(300, left_out=tuple(f"MLC{i}" for i in range(11, 18)))
    assert "without MLC11, MLC12, MLC13, MLC14, MLC15 and 2 more sensors" in files.caption_of(
        None, without, "", datetime(2026, 3, 4)
    )
    assert "live streams" in files.caption_of(None, snapshot, "", datetime(2026, 3, 4))


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
def test_a_panel_for_print_is_light_and_as_wide_as_a_column_or_a_poster(
    qtbot: QtBot, tmp_path: Path, suffix: str
) -> None:
    view, path = LagMapPanel(), tmp_path / f"map{suffix}"
    show_view(qtbot, view, 722, 342)
    view.draw(snapshots.snapshot_after(300))
    before = pixels(view)
    files.for_print(view, path, "n = 300 words")(path)
    assert (pixels(view) == before).all()
    if suffix == ".png":
        image = QImage(str(path))
        assert image.width() == files.POSTER_PX
        assert image.pixelColor(10, image.height() // 2).lightness() > 200
    elif suffix == ".svg":
        assert 'width="89.00mm"' in path.read_text()
        assert "n = 300 words" in path.read_text()
    else:
        document = pytest.importorskip("qtpy.QtPdf").QPdfDocument(None)
        document.load(str(path))
        assert document.pagePointSize(0).width() == pytest.approx(89 / 25.4 * 72, abs=1)
        words = document.getAllText(0).text()
        assert "Layer" in words
        assert "n = 300 words" in words


def test_a_panel_for_print_refuses_other_endings(qtbot: QtBot, tmp_path: Path) -> None:
    view = LagMapPanel()
    show_view(qtbot, view)
    theme = view.theme
    with pytest.raises(ValueError, match=r"\.svg, \.pdf or \.png"):
        files.for_print(view, tmp_path / "map.jpg", "")
    assert view.theme is theme


def test_a_film_covers_the_whole_session_and_ends_with_its_last_state(qtbot: QtBot, tmp_path: Path) -> None:
    history = LadderHistory()
    for n in range(0, 900, 3):
        history.add(snapshots.snapshot_after(n, 5, sensors=snapshots.sensors_view()))
    counts = [state.n_words for state in history.states]
    assert len(counts) <= MAX_STATES
    assert counts[0] <= 6
    assert counts[-1] > 880
    assert counts == sorted(set(counts))
    assert all(state.sensors is None for state in history.states)
    assert all(state.r is not None and state.r.base is None for state in history.states)  # not a part of a message
    captioned: list[int] = []
    film(history.states[-3:], Theme.of("light"), lambda s: captioned.append(s.n_words) or "")(tmp_path / "it.gif")  # type: ignore[func-returns-value]
    assert captioned == counts[-3:], "no frame claims the words of another"
    with Image.open(tmp_path / "it.gif") as made:
        assert made.n_frames == 3
        made.seek(2)
        assert made.info["duration"] > 1000
    history.add(snapshots.snapshot_after(2, 5))
    assert [state.n_words for state in history.states] == [2]
    with pytest.raises(ValueError, match="no ladder to film"):
        film([], Theme.of("dark"), str)
