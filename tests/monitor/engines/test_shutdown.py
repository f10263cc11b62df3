"""What the window says and does about an engine that does not end when it is asked to, or falls silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtalign.core.session import Session
from rtalign.engine.snapshot import empty_snapshot
from rtalign_monitor import app
from rtalign_monitor.app import DisplayOptions
from rtalign_monitor.engines.link import SILENCE_TIMEOUT_S, STOP_TIMEOUT_S
from tests.helpers.two_engines import Both
from tests.helpers.window import Scene

HANGS = "has not stopped for"


def hang(scene: Scene, waited: float = STOP_TIMEOUT_S + 2) -> None:
    """It was asked to end, and does not."""
    scene.engine.stops = False
    scene.window.close()
    scene.window.tick()
    scene.now += waited
    scene.window.tick()


def test_an_engine_that_takes_a_moment_to_end_is_left_alone(scene: Scene) -> None:
    scene.live()
    hang(scene, STOP_TIMEOUT_S - 1)
    assert scene.said == "The engine is writing its results."
    assert [button.text() for button in scene.window.message_bar.buttons] == ["Close without waiting"]


def test_an_engine_that_hangs_while_ending_can_be_given_up(scene: Scene) -> None:
    """The window says what is lost by that and what is not, then goes."""
    scene.live()
    hang(scene)
    assert f"{HANGS} 12 s" in scene.said
    assert "Ending it now loses the results that it has not written yet" in scene.said
    assert "the recording in /data/session-1 is safe up to its last second" in scene.said
    assert scene.window.isVisible()
    scene.cure("End it now")
    assert not scene.engine.alive
    assert scene.engine.status == -9
    assert not scene.window.isVisible()


def test_without_a_recording_none_is_promised(scene: Scene) -> None:
    scene.live(recording=None)
    hang(scene)
    assert "nothing was being recorded" in scene.said


def test_an_engine_that_ends_after_all_needs_no_giving_up(scene: Scene) -> None:
    scene.live()
    hang(scene)
    scene.engine.newest = empty_snapshot("ended")
    scene.engine.alive = False
    scene.window.tick()
    assert scene.engine.status == 0
    assert not scene.window.isVisible()


def test_the_session_to_come_begins_when_a_hanging_engine_is_given_up(scene: Scene) -> None:
    scene.live()
    scene.engine.stops = False
    scene.press("Ctrl+R")
    scene.now += STOP_TIMEOUT_S + 2
    scene.window.tick()
    assert HANGS in scene.said
    assert len(scene.begun) == 1
    scene.cure("End it now")
    assert len(scene.begun) == 2
    assert scene.window.link.state == "running"
    scene.say(recording=None)
    assert "previous session" not in scene.said, "whoever gave it up knows"


def test_a_session_that_was_given_up_says_what_is_left_of_it(scene: Scene) -> None:
    scene.live()
    scene.engine.stops = False
    scene.window.link.stop()
    scene.now += STOP_TIMEOUT_S + 2
    scene.window.tick()
    scene.cure("End it now")
    assert scene.said == (
        "The engine was ended before it had written its results; "
        "the recording is on disk in /data/session-1."
    )  # fmt: skip
    scene.cure("Restart")
    assert len(scene.begun) == 2


def test_loading_can_be_broken_off_at_once(scene: Scene) -> None:
    """It hears only when it has loaded; there is nothing to be lost until then."""
    scene.window.start(Session(bank=scene.folder / "bank"))
    scene.window.tick()
    scene.engine.stops = False
    scene.cure("Cancel")
    assert scene.said == "The engine stops when it has loaded; ending it now loses nothing."
    scene.cure("End it now")
    assert not scene.engine.alive


def test_nothing_is_live_that_nobody_hears(scene: Scene) -> None:
    """Neither of an engine that is ending nor of one that has fallen silent."""
    scene.live(recording=None)
    assert scene.window.status.parts[:2] == ("flowing", "Live")
    scene.now += SILENCE_TIMEOUT_S + 1
    scene.window.tick()
    assert scene.window.status.parts[:2] == ("unknown", "No answer")
    assert not any("Hz" in item.text for item in scene.window.trust.facts)
    assert not any(item.state == "flowing" for item in scene.window.trust.facts)
    scene.more()
    assert scene.window.status.parts[:2] == ("flowing", "Live")
    hang(scene)
    assert scene.window.status.parts[:2] == ("ended", "Ending")
    assert not any(item.state == "flowing" for item in scene.window.trust.facts)


def test_an_engine_that_falls_silent_is_told(scene: Scene) -> None:
    scene.live(recording=None)
    scene.now += SILENCE_TIMEOUT_S + 2
    scene.window.tick()
    assert scene.said.startswith("The engine has not answered for 7 s; the display is that old.")
    scene.say(301, recording=None)
    assert scene.said == ""


def test_a_loading_engine_may_be_silent(scene: Scene) -> None:
    scene.window.start(Session(bank=scene.folder / "bank"))
    scene.now += 10 * SILENCE_TIMEOUT_S
    scene.window.tick()
    assert scene.said == "Loading the language model…"


def test_a_second_engine_that_hangs_is_ended_for_another(desk: Path) -> None:
    """It has nothing to lose."""
    both = Both(desk)
    now = [0.0]
    both.comparison.begin(desk / "bank")
    both.comparison._second._clock = lambda: now[0]
    both.engines[1].stops = False
    both.comparison.begin(desk / "bank")
    both.comparison.poll()
    assert both.engines[1].alive
    now[0] += STOP_TIMEOUT_S + 1
    both.comparison.poll()
    assert not both.engines[1].alive
    both.comparison.poll()
    assert len(both.engines) == 3


def test_where_nobody_watches_a_hanging_engine_is_given_up(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "WRITE_TIMEOUT_S", 20.0)
    showing, pictures = DisplayOptions(is_over=lambda seen: True, pictures=tmp_path), app.Pictures(tmp_path)
    scene.live()
    scene.engine.stops = False
    for waited in (0.0, 19.0):
        scene.now += waited
        app._poll(scene.window, showing, pictures)
        assert scene.engine.alive
    scene.now += 2
    for _ in range(2):
        app._poll(scene.window, showing, pictures)
        scene.window.tick()
    assert not scene.engine.alive
    assert not scene.window.isVisible()
    assert (tmp_path / "end.png").exists()


def test_whoever_asks_twice_to_end_the_program_does_not_wait(scene: Scene) -> None:
    """Ctrl-C, and Ctrl-C again."""
    scene.live()
    scene.engine.stops = False
    app._interrupt(scene.window)
    scene.window.tick()
    assert scene.window.isVisible()
    app._interrupt(scene.window)
    assert not scene.window.isVisible()
    assert scene.engine.alive, "it goes on writing"
