"""What the window does about an engine that does not stop, or that sends nothing any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtalign.core.session import Session
from rtalign.engine.snapshot import empty_snapshot
from rtalign_monitor import app
from rtalign_monitor.app import DisplayOptions
from rtalign_monitor.engines.link import SILENCE_TIMEOUT_S, STOP_TIMEOUT_S
from rtalign_monitor.export.screenshots import Screenshots
from tests.helpers.two_engines import ComparedEngines
from tests.helpers.window import Scene

HANGS = "has not stopped for"


def hang(scene: Scene, waited: float = STOP_TIMEOUT_S + 2) -> None:
    """Close the window over an engine that does not stop."""
    scene.engine.obeys_stop = False
    scene.window.close()
    scene.window.tick()
    scene.now += waited
    scene.window.tick()


def test_an_engine_may_take_some_seconds_to_stop(scene: Scene) -> None:
    scene.live()
    hang(scene, STOP_TIMEOUT_S - 1)
    assert scene.message == "The engine is writing its results."
    assert [button.text() for button in scene.window.message_bar.buttons] == ["Close without waiting"]


def test_an_engine_that_does_not_stop_can_be_killed(scene: Scene) -> None:
    """The window says what that loses and what not, then closes."""
    scene.live()
    hang(scene)
    assert f"{HANGS} 12 s" in scene.message
    assert "Ending it now loses the results that it has not written yet" in scene.message
    assert "the recording in /data/session-1 is safe up to its last second" in scene.message
    assert scene.window.isVisible()
    scene.click("End it now")
    assert not scene.engine.alive
    assert scene.engine.status == -9
    assert not scene.window.isVisible()


def test_without_a_recording_none_is_called_safe(scene: Scene) -> None:
    scene.live(recording=None)
    hang(scene)
    assert "nothing was being recorded" in scene.message


def test_an_engine_that_stops_late_closes_the_window(scene: Scene) -> None:
    scene.live()
    hang(scene)
    scene.engine.newest = empty_snapshot("ended")
    scene.engine.alive = False
    scene.window.tick()
    assert scene.engine.status == 0
    assert not scene.window.isVisible()


def test_killing_a_hanging_engine_starts_the_next_session(scene: Scene) -> None:
    scene.live()
    scene.engine.obeys_stop = False
    scene.press("Ctrl+R")
    scene.now += STOP_TIMEOUT_S + 2
    scene.window.tick()
    assert HANGS in scene.message
    assert len(scene.engines) == 1
    scene.click("End it now")
    assert len(scene.engines) == 2
    assert scene.window.link.state == "running"
    scene.send(recording=None)
    assert "previous session" not in scene.message, "whoever gave it up knows"


def test_after_a_kill_the_recording_is_named(scene: Scene) -> None:
    scene.live()
    scene.engine.obeys_stop = False
    scene.window.link.stop()
    scene.now += STOP_TIMEOUT_S + 2
    scene.window.tick()
    scene.click("End it now")
    assert scene.message == (
        "The engine was ended before it had written its results; "
        "the recording is on disk in /data/session-1."
    )  # fmt: skip
    scene.click("Restart")
    assert len(scene.engines) == 2


def test_a_loading_engine_can_be_killed_at_once(scene: Scene) -> None:
    """It reads commands only after loading, and has no results until then."""
    scene.window.start(Session(bank=scene.folder / "bank"))
    scene.window.tick()
    scene.engine.obeys_stop = False
    scene.click("Cancel")
    assert scene.message == "The engine stops when it has loaded; ending it now loses nothing."
    scene.click("End it now")
    assert not scene.engine.alive


def test_a_silent_or_stopping_engine_is_not_shown_as_live(scene: Scene) -> None:
    """Neither streams nor status are."""
    scene.live(recording=None)
    assert scene.window.status.parts[:2] == ("flowing", "Live")
    scene.now += SILENCE_TIMEOUT_S + 1
    scene.window.tick()
    assert scene.window.status.parts[:2] == ("unknown", "No answer")
    assert not any("Hz" in item.text for item in scene.window.trust.facts)
    assert not any(item.state == "flowing" for item in scene.window.trust.facts)
    scene.change()
    assert scene.window.status.parts[:2] == ("flowing", "Live")
    hang(scene)
    assert scene.window.status.parts[:2] == ("ended", "Stopping…")
    assert not any(item.state == "flowing" for item in scene.window.trust.facts)


def test_a_silent_engine_is_reported(scene: Scene) -> None:
    scene.live(recording=None)
    scene.now += SILENCE_TIMEOUT_S + 2
    scene.window.tick()
    assert scene.message.startswith("The engine has not answered for 7 s; the display is that old.")
    scene.send(301, recording=None)
    assert scene.message == ""


def test_a_loading_engine_may_be_silent(scene: Scene) -> None:
    scene.window.start(Session(bank=scene.folder / "bank"))
    scene.now += 10 * SILENCE_TIMEOUT_S
    scene.window.tick()
    assert scene.message == "Loading the language model…"


def test_a_hanging_second_engine_is_killed_for_another(live_setup: Path) -> None:
    """It has no results to write."""
    both = ComparedEngines(live_setup)
    now = [0.0]
    both.comparison.begin(live_setup / "bank")
    both.comparison._second._clock = lambda: now[0]
    both.engines[1].obeys_stop = False
    both.comparison.begin(live_setup / "bank")
    both.comparison.poll()
    assert both.engines[1].alive
    now[0] += STOP_TIMEOUT_S + 1
    both.comparison.poll()
    assert not both.engines[1].alive
    both.comparison.poll()
    assert len(both.engines) == 3


def test_a_hanging_engine_is_killed_when_taking_pictures(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "WRITE_TIMEOUT_S", 20.0)
    options, pictures = DisplayOptions(is_over=lambda snapshot: True, pictures=tmp_path), Screenshots(tmp_path)
    scene.live()
    scene.engine.obeys_stop = False
    for waited in (0.0, 19.0):
        scene.now += waited
        app.poll(scene.window, options, pictures)
        assert scene.engine.alive
    scene.now += 2
    for _ in range(2):
        app.poll(scene.window, options, pictures)
        scene.window.tick()
    assert not scene.engine.alive
    assert not scene.window.isVisible()
    assert (tmp_path / "end.png").exists()


def test_a_second_interrupt_closes_without_waiting(scene: Scene) -> None:
    """Ctrl-C, and Ctrl-C again."""
    scene.live()
    scene.engine.obeys_stop = False
    app._interrupt(scene.window)
    scene.window.tick()
    assert scene.window.isVisible()
    app._interrupt(scene.window)
    assert not scene.window.isVisible()
    assert scene.engine.alive, "it goes on writing"
