"""The message bar: messages come and go over the status bar, and nothing else moves."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QRect, QSize

from rtalign_monitor import main_window
from rtalign_monitor.bars.message_bar import Message
from tests.helpers.window import Scene

LONG = "The bank does not fit this stream: the bank expects 275 sensors; MLC11, MLC12 and 14 more are not there; " * 2


def places(scene: Scene) -> list[QRect]:
    window = scene.window
    return [widget.geometry() for widget in (window.status, window.transport, window.grid, window.trust)]


@pytest.mark.parametrize("text", ["Short.", LONG])
def test_a_message_moves_nothing_and_is_whole(scene: Scene, text: str) -> None:
    scene.replay()
    before, window = places(scene), scene.window
    window.message_bar.post(Message("notice", text, "lost", (("OK", lambda: None), ("Open folder", lambda: None))))
    for _ in range(3):
        scene.window.tick()
        scene.qtbot.wait(10)
    bar = window.message_bar
    assert bar.isVisible()
    assert places(scene) == before
    assert bar._text.height() >= bar._text.heightForWidth(bar._text.width())
    assert bar.geometry().left() > window.status.geometry().left() + window.status.text_width("Replay", 18, True)
    assert window.rect().contains(bar.geometry())
    window.message_bar.dismiss("notice")
    assert places(scene) == before


def test_esc_answers_the_question_of_reset_with_no(scene: Scene) -> None:
    scene.replay()
    sent = list(scene.engine.sent)
    scene.press("Ctrl+Backspace")
    assert "will be reset" in scene.message
    scene.press("Esc")
    assert "will be reset" not in scene.message
    assert scene.engine.sent == sent


def test_visitors_are_asked_nothing(scene: Scene) -> None:
    scene.replay()
    scene.press("Ctrl+Backspace")
    scene.press("D")
    assert "will be reset" not in scene.message
    scene.press("Ctrl+Backspace")
    assert "will be reset" not in scene.message


def test_the_window_fits_a_small_screen_at_its_first_start(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the trust bar on it: 1366 x 768, less a task bar."""

    class Screen:
        def availableSize(self) -> QSize:
            return QSize(1366, 728)

    monkeypatch.setattr(main_window.QGuiApplication, "platformName", lambda: "xcb")
    size = main_window.first_size(Screen())  # type: ignore[arg-type]
    assert size.height() + main_window.FRAME_PX <= 728
    scene.live()
    scene.window.resize(size)
    scene.window.tick()
    assert scene.window.height() == size.height(), "a panel's smallest size pushes the window off the screen"
    assert scene.window.rect().contains(scene.window.trust.geometry())
