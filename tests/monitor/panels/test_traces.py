"""The traces: time goes on without samples."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from rtalign_monitor.panels.traces import TracesPanel
from tests.helpers import snapshots
from tests.helpers.view_pixels import WrittenText, pixels, show_view


def test_time_goes_on_while_a_stream_is_silent(qtbot: QtBot, written: list[WrittenText]) -> None:
    view = TracesPanel()
    show_view(qtbot, view)
    view.draw(snapshots.snapshot_after(300))
    assert view.now() == snapshots.snapshot_after(300).time_s
    lost = snapshots.snapshot_after(300, sequence=999, health=snapshots.health("lost", 2.5))
    view.draw(lost)
    pixels(view)
    assert view.now() == lost.time_s + 2.5
    assert "LOST 00:02" in [w.text for w in written]
