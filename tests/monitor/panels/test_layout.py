"""Views are whole and readable at every size, on every screen, by key, on paper and while they are empty."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QImage, QPainter, QPolygonF
from PyQt6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from rtalign.core.session import MIN_CURVE_WORDS
from rtalign_monitor.engines.two_banks import SecondBank
from rtalign_monitor.export import files
from rtalign_monitor.panels import empty_state
from rtalign_monitor.panels.curves import CurvesView
from rtalign_monitor.panels.head import HeadView
from rtalign_monitor.panels.ladder import LadderView
from rtalign_monitor.panels.lag_map import MapView
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.panels.traces import TracesView
from rtalign_monitor.panels.transcript import TranscriptView
from rtalign_monitor.widgets import lamps
from rtalign_monitor.widgets.theme import Theme
from tests.helpers import snapshots
from tests.helpers.view_pixels import VIEWS, grey, pixels, shown


@dataclasses.dataclass(frozen=True)
class Written:
    """One text and where it stands on its panel."""

    text: str
    place: QRectF
    whole: bool


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Written]:
    """Every text that panels write from here on."""
    found: list[Written] = []
    write = Panel.write

    def noted(panel: Panel, painter: QPainter, box: QRectF, text: str, *args: object, **options: object) -> float:
        width = write(panel, painter, box, text, *args, **options)  # type: ignore[arg-type]
        metrics = painter.fontMetrics()
        flags = {"right": Qt.AlignmentFlag.AlignRight, "centre": Qt.AlignmentFlag.AlignHCenter}
        align = flags.get(str(options.get("align", args[3] if len(args) > 3 else "left")), Qt.AlignmentFlag.AlignLeft)
        tight = metrics.tightBoundingRect(text or " ")
        full = metrics.boundingRect(box.toRect(), align | Qt.AlignmentFlag.AlignVCenter, text)
        place = QRectF(full.x(), full.center().y() - tight.height() / 2, full.width(), tight.height())
        ratio = painter.deviceTransform().m11() or 1.0
        if text:
            whole = metrics.horizontalAdvance(text) <= box.width() + 1.5
            found.append(Written(text, painter.worldTransform().mapRect(place), whole or ratio == 0))
        return width

    monkeypatch.setattr(Panel, "write", noted)
    return found


LAID_OUT = {
    "1280": {"ladder": (516, 342), "map": (722, 342), "curves": (512, 178), "traces": (409, 178), "head": (307, 178),
             "transcript": (1248, 94), "trust": (1248, 26), "status": (1248, 44), "inspector": (308, 642)},
    "1920": {"ladder": (783, 498), "map": (1095, 498), "curves": (778, 259), "traces": (623, 259), "head": (467, 259),
             "transcript": (1888, 137), "trust": (1888, 26), "status": (1888, 44), "inspector": (460, 900)},
    "far": {"ladder": (939, 719), "map": (939, 719), "transcript": (1888, 228)},
}  # fmt: skip
"""Sizes that the window gives its panels at 1280 x 800 and 1920 x 1080, and in demo view."""
NAMED = dict(zip(("ladder", "map", "curves", "transcript", "traces", "head", "trust", "status", "inspector"), VIEWS,
                 strict=True))  # fmt: skip
MOMENTS = {
    "start": snapshots.empty_snapshot("loading", "reading the bank"),
    "no word": snapshots.sight(0),
    "50 words": snapshots.sight(50),
    "300 words": snapshots.inspected(snapshots.sight(300)),
    "5,000 words": snapshots.inspected(snapshots.sight(5000)),
    "lost": snapshots.sight(300, health=snapshots.health("lost", 7.4)),
}


@pytest.mark.parametrize("layout", LAID_OUT)
@pytest.mark.parametrize("moment", MOMENTS)
def test_no_text_is_cut_or_lies_over_another(qtbot: QtBot, written: list[Written], layout: str, moment: str) -> None:
    for name, size in LAID_OUT[layout].items():
        view = shown(qtbot, NAMED[name](), *size)
        view.set_scale(1.6 if layout == "far" else 1.0)
        if isinstance(view, HeadView):
            view.set_bank(snapshots.helmet(), snapshots.patterns(snapshots.helmet()), snapshots.LAGS)
        view.draw(MOMENTS[moment])
        written.clear()
        view.renew()
        pixels(view)
        assert written
        room = QRectF(view.rect()).adjusted(-1, -1, 1, 1)
        assert [w.text for w in written if not w.whole or not room.contains(w.place)] == []
        close = [w.place.adjusted(1, -1, -1, 1) for w in written]
        over = [(a.text, b.text) for i, a in enumerate(written) for j, b in enumerate(written)
                if i < j and close[i].intersects(close[j]) and not {a.text, b.text} & {"+", "−"}]  # fmt: skip
        assert over == []


@pytest.mark.parametrize(("height", "scale"), [(342, 1.0), (719, 1.6), (360, 1.6), (240, 1.0)])
def test_dots_of_31_rungs_do_not_hide_each_other(qtbot: QtBot, height: int, scale: float) -> None:
    """One covers less than half of the next, wherever their peaks are, and none is too small to be seen."""
    view = LadderView()
    shown(qtbot, view, 620, height)
    view.set_scale(scale)
    view.draw(snapshots.sight(1000))
    assert view.dot() <= max(0.75 * view.rows().height, view.px(2))
    assert view.dot() >= view.px(2)


def test_one_word_is_one_word(qtbot: QtBot, written: list[Written]) -> None:
    for view in (LadderView(), MapView()):
        shown(qtbot, view)
        view.draw(snapshots.sight(1))
        pixels(view)
    assert "n = 1 word" in [w.text for w in written]
    assert not [w.text for w in written if "1 words" in w.text]


def test_two_banks_are_named_whole_or_shortened_and_their_words_counted_whole_or_not_at_all(
    qtbot: QtBot, written: list[Written]
) -> None:
    names = "bank-smollm2-armeni", "bank-gpt2-armeni-with-a-long-name"
    for width in (400, 620, 940):
        view = LadderView()
        shown(qtbot, view, width, 430)
        view.set_scale(1.6)
        view.draw(snapshots.sight(1000))
        view.set_second_bank(SecondBank(snapshots.sight(1000, seed=1), names))
        written.clear()
        view.renew()
        pixels(view)
        said = [w.text for w in written]
        assert not [w.text for w in written if "1,0" in w.text and "1,000 words" not in w.text]
        assert any(names[0].startswith(text.split("   ")[0].rstrip("…")) and len(text) > 6 for text in said)
    assert "bank-smollm2-armeni   1,000 words" in said


def test_a_line_that_has_no_room_leaves_out_whole_parts(qtbot: QtBot, written: list[Written]) -> None:
    view = LadderView()
    for width in (330, 400, 520):
        shown(qtbot, view, width, 340)
        view.draw(snapshots.sight(300))
        pixels(view)
    assert not any("…" in w.text or not w.whole for w in written)
    assert any(w.text.startswith("95 % [0.82, 0.99]") for w in written)


def test_the_fitted_line_rises_as_the_engine_says_over_all_layers(qtbot: QtBot) -> None:
    seen = snapshots.sight(300)
    rungs = tuple(dataclasses.replace(r, peak_s=None if r.layer < 8 else r.peak_s) for r in seen.peaks)
    view = LadderView()
    shown(qtbot, view)
    view.draw(dataclasses.replace(seen, peaks=rungs))
    ends = view.fit()
    assert ends is not None
    assert seen.temporal is not None
    assert ends[1] - ends[0] == pytest.approx(seen.temporal.slope_ms / 1000 * (30 - 8) / 30)


def test_a_picture_of_twice_the_size_is_painted_and_not_enlarged(qtbot: QtBot) -> None:
    view = LadderView()
    shown(qtbot, view, 500, 340)
    view.draw(snapshots.sight(300))
    picture = grey(files.picture(view, 2.0))
    assert picture.shape == (680, 1000)
    squares = picture[20:60, 20:600].reshape(20, 2, 290, 2).swapaxes(1, 2).reshape(20, 290, 4)
    assert (np.ptp(squares, axis=-1) > 0).mean() > 0.05  # enlarged, each pixel would have become an even square


def test_a_drawing_in_svg_holds_lines_and_letters(qtbot: QtBot, tmp_path: Path) -> None:
    view = CurvesView()
    shown(qtbot, view)
    view.draw(snapshots.sight(300))
    files.save_picture(view, tmp_path / "curves.svg")
    drawing = (tmp_path / "curves.svg").read_text()
    assert "<image" not in drawing
    assert "Decoding over time" in drawing
    assert drawing.count("<polyline") >= 31


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0])
def test_a_fine_line_is_as_wide_on_every_screen(qtbot: QtBot, ratio: float) -> None:
    image = QImage(round(60 * ratio), round(60 * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor("black"))
    view = CurvesView()
    qtbot.addWidget(view)
    view._ratio = ratio
    painter = QPainter(image)
    view.strokes(painter, QPolygonF([QPointF(0, 30), QPointF(60, 30)]), QColor("white"))
    painter.end()
    lit = grey(image)[:, image.width() // 2].sum() / 255 / ratio
    assert lit == pytest.approx(1, abs=0.15)


def test_time_goes_on_in_the_traces_of_a_stream_that_fell_silent(qtbot: QtBot, written: list[Written]) -> None:
    view = TracesView()
    shown(qtbot, view)
    view.draw(snapshots.sight(300))
    assert view.now() == snapshots.sight(300).time_s
    lost = snapshots.sight(300, sequence=999, health=snapshots.health("lost", 2.5))
    view.draw(lost)
    pixels(view)
    assert view.now() == lost.time_s + 2.5
    assert "LOST 00:02" in [w.text for w in written]


def test_empty_panels_say_what_they_wait_for_and_when_it_comes() -> None:
    seconds = 0.4 * (MIN_CURVE_WORDS - 50)
    assert empty_state.peaks(snapshots.sight(50)) == (
        "the first peaks come with 100 words",
        f"in about {seconds:.0f} s",
    )
    assert empty_state.peaks(snapshots.sight(50, speed=2.0))[1] == f"in about {seconds / 2:.0f} s"
    assert empty_state.scores(snapshots.sight(0)) == ("no word has been heard yet", "the second one brings the first r")
    assert empty_state.peaks(snapshots.sight(0))[1] == "100 of them bring the first peaks"
    assert "40 to go" in empty_state.peaks(snapshots.sight(60, paused=True))
    for state, said in (("searching", "no MEG stream yet"), ("found", "sends nothing"), ("lost", "lost")):
        seen = snapshots.sight(0, health=snapshots.health(state, 9.0))
        for what, when in (
            empty_state.scores(seen),
            empty_state.words(seen),
            empty_state.signal(seen),
            empty_state.peaks(seen),
        ):
            assert said in what
            assert when


def test_a_word_that_becomes_the_current_one_stays_on_its_line(qtbot: QtBot) -> None:
    view = TranscriptView()
    shown(qtbot, view, 700, 200)
    together: dict[tuple[int, int], bool] = {}
    for n in range(100, 140):
        view.draw(snapshots.sight(n))
        pixels(view)
        line_of = {placed.entry.word.index: placed.box.top() for placed in view.placed}
        for a in line_of:
            if a + 1 in line_of:
                assert together.setdefault((a, a + 1), line_of[a] == line_of[a + 1]) == (line_of[a] == line_of[a + 1])


def test_a_panel_reached_by_key_shows_it(qtbot: QtBot) -> None:
    body = QWidget()
    column, views = QVBoxLayout(body), [view() for view in VIEWS]
    for view in views:
        column.addWidget(view)
    qtbot.addWidget(body)
    body.resize(700, 1400)
    with qtbot.waitActive(body):
        body.show()
    accent = QColor(Theme.of("dark").accent).rgb()
    views[-1].setFocus(Qt.FocusReason.MouseFocusReason)
    assert [v for v in views if (pixels(v)[1, 40:-40] == accent).all()] == []
    for view in views:
        qtbot.keyClick(body.focusWidget(), Qt.Key.Key_Tab)
        assert [v for v in views if (pixels(v)[1, 40:-40] == accent).all()] == [view]


def test_every_view_has_a_name_and_says_what_it_shows(qtbot: QtBot) -> None:
    for view in [made() for made in VIEWS]:
        qtbot.addWidget(view)
        assert view.accessibleName()
        assert view.accessibleDescription()
        assert view.toolTip()
    ladder = LadderView()
    shown(qtbot, ladder)
    ladder.draw(snapshots.sight(300))
    assert "r 0.97, 95 % 0.82 to 0.99" in ladder.accessibleDescription()
    assert "300 words" in ladder.accessibleDescription()


def test_states_that_differ_in_colour_differ_in_shape() -> None:
    shapes = {(lamps.SHAPE[state], role) for state, role in lamps.ROLE.items()}
    for meaning in ("live", "stale", "lost"):
        own = {shape for shape, role in shapes if role == meaning}
        assert not own & {shape for shape, role in shapes if role != meaning and role != "muted"}


def test_the_sign_of_a_field_is_written_on_it(qtbot: QtBot, written: list[Written]) -> None:
    view = HeadView()
    shown(qtbot, view)
    view.set_bank(snapshots.helmet(), snapshots.patterns(snapshots.helmet()), snapshots.LAGS)
    view.draw(snapshots.sight(300))
    pixels(view)
    assert {"+", "−"} <= {w.text for w in written}
