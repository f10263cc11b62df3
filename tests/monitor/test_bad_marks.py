"""What the operator calls bad, by key and by click, goes to the engine as commands, and can be undone."""

from __future__ import annotations

from rtalign.core.records import BadMark
from rtalign.engine.commands import Command, MarkBad, ShowSensors, TakeBackMark
from rtalign_monitor.panels.sensors import SensorsPanel
from tests.helpers.window import Scene


def sent(scene: Scene, *kinds: type[Command]) -> list[Command]:
    return [command for command in scene.engine.sent if isinstance(command, kinds)]


def test_a_key_marks_from_now_and_until_now(scene: Scene) -> None:
    scene.live(time_s=100.0, recording=None)
    scene.press("G")
    assert sent(scene, MarkBad) == [MarkBad(100.0, None)]
    scene.change(time_s=107.0, marks=(BadMark(100.0, None),))
    assert scene.message == "Marked as bad for 00:07: words are skipped until it is good again."
    assert scene.window.action_registry["bad"].isChecked()
    scene.press("G")
    assert sent(scene, MarkBad)[-1] == MarkBad(100.0, 107.0)
    scene.change(marks=(BadMark(100.0, 107.0),))
    assert not scene.window.action_registry["bad"].isChecked()
    scene.click("Undo")
    assert sent(scene, MarkBad)[-1] == MarkBad(100.0, None)
    scene.press("Shift+G")
    assert sent(scene, MarkBad)[-1] == MarkBad(102.0, 107.0)
    scene.click("Undo")
    assert sent(scene, TakeBackMark) == [TakeBackMark(102.0)]


def test_a_mark_by_mistake_is_taken_back(scene: Scene) -> None:
    scene.live(time_s=100.0, recording=None)
    scene.press("G")
    scene.change(time_s=101.0, marks=(BadMark(100.0, None),))
    scene.click("Take back")
    assert sent(scene, TakeBackMark) == [TakeBackMark(100.0)]


def test_a_click_marks_a_sensor_and_a_second_one_takes_it_back_or_ends_it(scene: Scene) -> None:
    scene.live(time_s=100.0, recording=None)
    click = scene.window.grid.panel(SensorsPanel).sensor_clicked
    click.emit("MLC11")
    assert sent(scene, MarkBad) == [MarkBad(100.0, None, "MLC11")]
    assert scene.message == "MLC11 is marked as bad: left out from now on."
    scene.click("Undo")
    assert sent(scene, TakeBackMark) == [TakeBackMark(100.0, "MLC11")]
    scene.change(time_s=103.0, marks=(BadMark(100.0, None, "MLC11"),))
    click.emit("MLC11")
    assert len(sent(scene, TakeBackMark)) == 2
    scene.change(time_s=200.0)
    click.emit("MLC11")
    assert sent(scene, MarkBad)[-1] == MarkBad(100.0, 200.0, "MLC11")


def test_sensors_are_asked_for_while_their_panel_is_shown_and_of_each_engine(scene: Scene) -> None:
    scene.live()
    assert sent(scene, ShowSensors) == []
    scene.press("Ctrl+7")
    scene.change(sequence=1000)
    assert sent(scene, ShowSensors) == [ShowSensors(True)]
    scene.live()
    scene.change(sequence=1001)
    assert sent(scene, ShowSensors) == [ShowSensors(True)]
    scene.press("Ctrl+7")
    assert sent(scene, ShowSensors) == [ShowSensors(True), ShowSensors(False)]
