"""The visitors' window shows the session, and the packaged one between sessions; its type grows with its screen."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from rtalign_monitor.engines import recorded
from rtalign_monitor.visitors import DESIGN_HEIGHT, DESIGN_WIDTH, IDLE, VisitorsWindow
from tests.helpers import snapshots
from tests.helpers.view_pixels import note_texts, pixels
from tests.helpers.window import Scene


def test_between_sessions_it_plays_the_packaged_one_and_says_so(scene: Scene) -> None:
    visitors = scene.window.visitors
    scene.press("V")
    assert visitors.status.source == IDLE
    assert visitors.ladder.snapshot is not None
    assert visitors.ladder.snapshot.layers == recorded.RecordedSession(recorded.DEMO).at(9).layers
    scene.replay()
    visitors.tick()
    assert visitors.status.source != IDLE
    assert visitors.ladder.snapshot.n_scored == 300
    scene.press("V")
    assert not visitors.isVisible()


def test_it_follows_the_operators_pointer_and_freeze(scene: Scene) -> None:
    visitors = scene.window.visitors
    scene.replay()
    scene.press("V")
    scene.window.pointer.point_layer(12)
    visitors.tick()
    assert [panel.layer for panel in (visitors.ladder, visitors.lag_map, visitors.heads)] == [12, 12, 12]
    scene.press("F")
    scene.send(n=301, position_s=50.0, end_s=250.0)
    visitors.tick()
    assert visitors.ladder.snapshot is not None
    assert visitors.ladder.snapshot.n_scored == 300


def test_a_loss_is_shown_to_visitors_too(scene: Scene) -> None:
    scene.live()
    scene.press("V")
    scene.change(health=snapshots.health("lost", 7.0))
    scene.window.visitors.tick()
    assert scene.window.visitors.status.parts[1] == "LOST 00:07"


def test_its_status_bar_leaves_out_what_has_no_room(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window = VisitorsWindow(lambda: snapshots.snapshot_after(300), lambda: False, lambda: None)
    qtbot.addWidget(window)
    window.source = IDLE
    window.show()
    written = note_texts(monkeypatch)
    shown = []
    for width in (2400, 1280):
        window.resize(width, 800)
        window.tick()
        written.clear()
        pixels(window.status)
        shown.append([text.text for text in written])
        assert [text.text for text in written if not text.whole or "…" in text.text] == []
    assert any(text.startswith("smollm2") for text in shown[0])
    assert 0 < len(shown[1]) <= len(shown[0])


@pytest.mark.parametrize("factor", [1.0, 1.6, 4.5])
def test_type_grows_with_the_screen(qtbot: QtBot, factor: float) -> None:
    window = VisitorsWindow(lambda: snapshots.snapshot_after(300), lambda: False, lambda: None)
    qtbot.addWidget(window)
    sensors = snapshots.helmet(60)
    window.set_bank(sensors, snapshots.patterns(sensors), snapshots.LAGS)
    window.resize(round(DESIGN_WIDTH * factor), round(DESIGN_HEIGHT * factor))
    window.show()
    window.tick()
    assert {panel.scale for panel in window.panels} == {factor}
    for panel in window.panels:
        assert len(set(pixels(panel).ravel().tolist())) > 10
