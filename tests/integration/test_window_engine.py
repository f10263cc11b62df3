"""The window with a real engine, in a process of its own: keys, mouse, and nothing is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from rtalign.recordings.xdf import open_xdf
from rtalign_monitor.engines import link
from rtalign_monitor.export import exporter
from rtalign_monitor.panels.sensors import SensorsPanel
from tests.helpers.live_stage import Stage
from tests.helpers.window import PATIENCE_MS, RealWindow


def test_keys_and_mouse_move_in_a_replay(real_window: RealWindow) -> None:
    """Keys step and jump by words, a click on the time line seeks, and a click on a word inspects it."""
    real_window.replay(speed=4.0)
    real_window.until(lambda seen: seen.n_scored > 20)
    words = real_window.window.link.word_list
    assert words is not None
    real_window.press("Space")
    stood = real_window.until(lambda seen: seen.paused).position_s
    at = int(np.searchsorted(words.onsets, stood, side="right")) - 1
    for by in (1, 1, -1):
        real_window.press("Right" if by > 0 else "Left")
        at += by
        seen = real_window.until(lambda seen, at=at: 0 <= seen.position_s - words.onsets[at] < 0.1)
        assert seen.words[-1].word.text.startswith(words.texts[at])
        assert seen.paused
    at = len(words.texts) - 8
    real_window.press("/")
    QTest.keyClicks(real_window.window.transport.word, words.texts[at])
    there = real_window.window.transport.timeline.find_word(words.texts[at])
    QTest.keyClick(real_window.window.transport.word, Qt.Key.Key_Return)
    real_window.until(lambda seen: seen.position_s == pytest.approx(there, abs=0.05))

    line = real_window.window.transport.timeline
    real_window.qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=QPoint(line.width() // 5, 10))
    real_window.until(lambda seen: seen.position_s == pytest.approx(seen.end_s / 5, abs=0.2))
    transcript = real_window.window.grid.panels["transcript"]
    transcript.grab()
    word = transcript.word_boxes[0]  # type: ignore[attr-defined]
    real_window.qtbot.mouseClick(transcript, Qt.MouseButton.LeftButton, pos=word.box.center().toPoint())
    seen = real_window.until(lambda seen: seen.inspected is not None)
    assert seen.inspected is not None
    assert seen.inspected.entry.word.text == word.entry.word.text

    real_window.press("Ctrl+7")
    panel = real_window.window.grid.panel(SensorsPanel)
    real_window.until(lambda seen: panel.sensors is not None and panel.sensors.seconds)  # it is drawn in turns
    panel.show_view("all")
    panel.grab()
    viewport, (name, *_) = panel.view.viewport(), panel.sensors.names  # type: ignore[union-attr]
    top = QPoint(viewport.width() // 2, round(panel.up().to_pixel(len(panel.sensors.names) - 1)) - panel.view.y())  # type: ignore[union-attr]
    real_window.qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=top)
    seen = real_window.until(lambda seen: bool(seen.marks))
    assert seen.left_out == (seen.marks[0].sensor,) == (name,)


def test_a_finished_replay_leaves_its_report(real_window: RealWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(exporter, "open_path", opened.append)
    real_window.replay(speed=4.0)
    real_window.until(lambda seen: seen.n_scored > 20)
    for _ in range(4):
        real_window.press("]")
        real_window.qtbot.wait(120)
    seen = real_window.until(lambda seen: seen.phase == "ended" and seen.speed is None and not seen.n_waiting)
    assert seen.n_received == seen.n_scored + sum(seen.skipped.values())
    assert real_window.window.message_bar.message is not None
    assert real_window.window.message_bar.message.text.startswith(
        f"The recording has ended: {seen.n_received} words received"
    )
    real_window.until(lambda seen: real_window.window.action_registry["report"].isEnabled())
    real_window.press("M")
    real_window.until(lambda seen: seen.annotations)
    real_window.press("Ctrl+T")
    real_window.qtbot.waitUntil(lambda: len(opened) == 1, timeout=PATIENCE_MS)
    html = opened[0].read_text(encoding="utf-8")
    assert "<html" in html
    assert "Annotations</h2>" in html
    assert opened[0].name == "report.html"

    real_window.window.close()
    real_window.qtbot.waitUntil(lambda: not real_window.window.isVisible(), timeout=PATIENCE_MS)
    assert real_window.window.link.state == "ended"
    report = real_window.window.link.newest.report
    assert report is not None
    assert (report.path, report.n_written) == (str(opened[0]), 2)


def test_a_killed_engine_is_started_again(real_window: RealWindow) -> None:
    real_window.replay(speed=8.0)
    stood = real_window.until(lambda seen: seen.n_scored > 10).position_s
    assert stood is not None
    first = real_window.pid
    os.kill(first, signal.SIGKILL)
    real_window.qtbot.waitUntil(lambda: real_window.window.link.state == "lost", timeout=PATIENCE_MS)
    real_window.window.tick()
    assert real_window.window.isVisible()
    message = real_window.window.message_bar.message
    assert message is not None
    assert "stopped unexpectedly" in message.text
    (button,) = (b for b in real_window.window.message_bar.buttons if b.text() == "Restart now")
    real_window.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    seen = real_window.until(lambda seen: seen.phase == "running" and (seen.position_s or 0) >= stood)
    assert real_window.pid != first
    assert seen.n_received < 60
    real_window.until(lambda seen: seen.n_scored > 0)


def test_closing_the_window_leaves_a_whole_recording(real_window: RealWindow, live_setup: Path, tmp_path: Path) -> None:
    """Discovery, first score, recording by key, and the window closed over it: the recording is whole."""
    pyxdf = pytest.importorskip("pyxdf")
    stage = Stage(live_setup, tmp_path)
    try:
        meg, words = stage.names
        real_window.start(meg=meg, words=words)
        stage.play()
        real_window.until(lambda seen: seen.health.meg.state == "flowing" and seen.n_scored > 0)
        real_window.until(lambda seen: real_window.window.action_registry["record"].isEnabled())
        for wanted in (True, False):
            real_window.press("P")
            real_window.until(lambda seen, wanted=wanted: seen.publishing == wanted)
        real_window.press("R")
        seen = real_window.until(lambda seen: seen.recording is not None and seen.recording.n_samples > 3 * 250)
        assert seen.recording is not None
        real_window.press("N")
        QTest.keyClicks(real_window.window.pen.line.text, "coughs")
        QTest.keyClick(real_window.window.pen.line.text, Qt.Key.Key_Return)
        noted = real_window.until(lambda seen: seen.annotations).annotations[0]
        ended = seen.recording.n_samples
        real_window.window.close()
        real_window.qtbot.waitUntil(lambda: not real_window.window.isVisible(), timeout=PATIENCE_MS)
        real_window.starter.close()
    finally:
        stage.close()
    (folder,) = (tmp_path / "home").iterdir()
    streams, _ = pyxdf.load_xdf(folder / "raw.xdf")
    found = {stream["info"]["type"][0]: stream for stream in streams}
    stamps = found["MEG"]["time_stamps"]
    assert int(found["MEG"]["footer"]["info"]["sample_count"][0]) == len(stamps)
    assert len(stamps) >= ended
    assert np.diff(stamps).max() < 0.05
    assert len(found["Markers"]["time_series"]) > 3
    assert found["Annotations"]["time_series"] == [["coughs"]]
    (reopened,) = open_xdf(folder)
    ((again_s, text),) = reopened.annotations
    assert (text, again_s) == ("coughs", pytest.approx(noted.time, abs=0.3))
    assert (folder / "words.tsv").read_text(encoding="utf-8").count("\n") > 3


def test_a_hanging_engine_is_ended_and_its_recording_is_whole(
    real_window: RealWindow, live_setup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP: the engine neither reads nor writes."""
    pyxdf = pytest.importorskip("pyxdf")
    monkeypatch.setattr(link, "STOP_TIMEOUT_S", 1.0)
    stage = Stage(live_setup, tmp_path)
    try:
        meg, words = stage.names
        real_window.start(meg=meg, words=words, record=tmp_path / "kept")
        stage.play()
        real_window.until(lambda seen: seen.n_scored > 0)
        seen = real_window.until(lambda seen: seen.recording is not None and seen.recording.n_samples > 4 * 250)
        assert seen.recording is not None
        came = seen.recording.n_samples
        os.kill(real_window.pid, signal.SIGSTOP)
        real_window.window.close()
        strip = real_window.window.message_bar
        real_window.qtbot.waitUntil(
            lambda: strip.message is not None and "has not stopped for" in strip.message.text, timeout=PATIENCE_MS
        )
        assert real_window.window.isVisible()
        (button,) = (button for button in strip.buttons if button.text() == "End it now")
        button.click()
        assert not real_window.window.isVisible()
        assert real_window.window.link.engine is not None
        assert real_window.window.link.engine.wait(20) == -signal.SIGKILL
        real_window.starter.close()
    finally:
        stage.close()
    (folder,) = (tmp_path / "kept").iterdir()
    streams, _ = pyxdf.load_xdf(folder / "raw.xdf")
    (stamps,) = (stream["time_stamps"] for stream in streams if stream["info"]["type"][0] == "MEG")
    assert len(stamps) >= came, "the recorder goes on while the engine hangs"
    assert np.diff(stamps).max() < 0.05
