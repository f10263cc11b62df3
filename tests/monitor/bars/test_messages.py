"""Bad news stand in the strip with their cure, and nobody is left waiting."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from rtalign.core.session import Session
from rtalign.engine.commands import IgnoreMissingSensors, Play, Record, Reset, Seek, UseBank, WriteReport
from rtalign.engine.snapshot import empty_snapshot
from rtalign.streams.events import Notice
from rtalign_monitor.engines.link import RESTART_DELAY_S
from tests.helpers import snapshots
from tests.helpers.window import HERE_S, Scene


def test_an_engine_that_dies_is_begun_again_where_it_stood(scene: Scene) -> None:
    scene.replay()
    scene.engine.die()
    scene.window.tick()
    assert "stopped unexpectedly" in scene.said
    assert "continues from its last position" in scene.said
    assert scene.window.status.parts[:2] == ("lost", "Failed")
    assert not any(item.state == "flowing" for item in scene.window.trust.facts)
    assert scene.window.isVisible()
    scene.now += RESTART_DELAY_S + 0.1
    scene.window.tick()
    assert len(scene.begun) == 2
    scene.say(position_s=0.0, end_s=250.0)
    assert Seek(HERE_S) in scene.engine.sent


def test_an_engine_that_dies_twice_stays_down_until_asked(scene: Scene) -> None:
    scene.live()
    for _ in range(2):
        scene.engine.die()
        scene.window.tick()
        scene.now += RESTART_DELAY_S + 0.1
        scene.window.tick()
        if len(scene.begun) == 2:
            scene.say()
    assert len(scene.begun) == 2
    assert "on disk in /data/session-1" in scene.said
    scene.cure("Restart now")
    assert len(scene.begun) == 3


def test_not_now_is_heard(scene: Scene) -> None:
    scene.live()
    scene.engine.die()
    scene.window.tick()
    scene.cure("Do not restart")
    scene.now += 100
    scene.window.tick()
    assert len(scene.begun) == 1


def test_closing_waits_for_the_engine_to_write(scene: Scene) -> None:
    scene.live()
    scene.engine.stops = False
    scene.window.close()
    scene.window.tick()
    assert scene.window.isVisible()
    assert scene.said == "The engine is writing its results."
    scene.engine.newest = dataclasses.replace(scene.engine.newest, phase="ended")
    scene.engine.alive = False
    scene.window.tick()
    assert not scene.window.isVisible()


@pytest.mark.parametrize("at_its_end", [False, True])
def test_an_engine_that_dies_while_it_writes_is_lost(scene: Scene, at_its_end: bool) -> None:
    """Also where the recording had ended before, whose snapshots say so all the time."""
    scene.live()
    scene.more(phase="ended" if at_its_end else "running")
    scene.engine.stops = False
    scene.window.close()
    scene.engine.die()
    scene.window.tick()
    assert scene.window.link.state == "lost"
    assert "while writing" in scene.said
    assert "on disk in /data/session-1" in scene.said
    scene.cure("Close")
    assert not scene.window.isVisible()


def test_a_loss_is_told_in_the_session_after(scene: Scene) -> None:
    scene.live()
    scene.engine.stops = False
    scene.window.start(Session(bank=scene.folder / "other"))
    scene.engine.die()
    scene.window.tick()
    scene.say(recording=None)
    assert "previous session stopped unexpectedly while writing" in scene.said
    assert "/data/session-1" in scene.said
    scene.cure("OK")
    assert "previous session" not in scene.said


def test_closing_puts_off_the_session_that_was_to_come(scene: Scene) -> None:
    scene.live()
    scene.engine.stops = False
    scene.window.start(Session(bank=scene.folder / "other"))
    scene.window.tick()
    assert scene.said == "The engine is writing its results."
    assert not scene.window.message_bar.buttons
    scene.window.close()
    scene.more(phase="ended")
    scene.engine.alive = False
    scene.window.tick()
    assert not scene.window.isVisible()
    assert len(scene.begun) == 1


def test_whoever_cannot_wait_may_leave(scene: Scene) -> None:
    scene.live()
    scene.engine.stops = False
    scene.window.close()
    scene.window.tick()
    scene.cure("Close without waiting")
    assert not scene.window.isVisible()


REFUSED = ("the bank expects 306 sensors; MEG 0112 is not there",)


def test_a_refused_bank_can_be_changed_or_done_without(scene: Scene) -> None:
    scene.live()
    scene.more(phase="refused", refused=REFUSED, n_sensors=305)
    assert REFUSED[0] in scene.said
    scene.cure("Continue with these")
    assert scene.sent == IgnoreMissingSensors()
    assert scene.window.link.session is not None
    assert scene.window.link.session.allow_missing
    scene.answers.path = scene.folder / "other"
    scene.cure("Choose bank…")
    assert scene.sent == UseBank(scene.folder / "other")
    scene.more(n_sensors=0)
    assert [button.text() for button in scene.window.message_bar.buttons] == ["Choose bank…"]


def test_a_refused_replay_begins_anew(scene: Scene) -> None:
    scene.replay()
    scene.more(phase="refused", refused=REFUSED, n_sensors=305)
    scene.cure("Continue with these")
    assert len(scene.begun) == 2
    assert scene.engine.session.allow_missing


def test_a_session_that_fails_says_why_and_what_can_be_done(scene: Scene) -> None:
    scene.live()
    scene.engine.newest = empty_snapshot("failed", "there is no such bank")
    scene.engine.die()
    scene.window.tick()
    assert "there is no such bank" in scene.said
    scene.answers.path = scene.folder / "other"
    scene.cure("Choose bank…")
    assert scene.engine.session.bank == scene.folder / "other"


def test_a_lost_stream_is_told_in_the_strip(scene: Scene) -> None:
    scene.live()
    scene.more(health=snapshots.health("lost", 7.4))
    assert scene.said == "MEG LOST 00:07: check the sender and its network; it reconnects by itself."
    scene.more(health=snapshots.health())
    assert "LOST" not in scene.said


def test_the_end_of_a_recording_is_told(scene: Scene) -> None:
    scene.replay()
    scene.more(phase="ended")
    heard = scene.window.link.newest.n_received
    assert scene.said == f"The recording has ended: {heard} words received, 300 scored."
    scene.cure("Open report")
    assert isinstance(scene.sent, WriteReport)
    scene.cure("Play again")
    assert scene.engine.sent[-3:] == [Reset(), Seek(0.0), Play()]


def test_what_the_engine_refuses_is_told(scene: Scene) -> None:
    scene.replay()
    notice = Notice("warning", "command", "step: there is no word behind this one", 1.0)
    scene.more(notices=(notice,))
    assert scene.said == "Step: there is no word behind this one"
    scene.cure("OK")
    scene.more(n_scored=301)
    assert scene.said == ""


def test_without_a_start_dialog_it_says_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtalign_monitor.start.dialog", None)  # type: ignore[arg-type]
    scene.replay()
    scene.press("Ctrl+N")
    assert "start dialog is not part of this installation" in scene.said


def test_a_recording_that_begins_and_ends_says_where_it_is(scene: Scene) -> None:
    scene.live(recording=None)
    assert not scene.window.action_registry["record"].isChecked()
    scene.press("R")
    assert scene.sent == Record(scene.folder / "home")
    scene.more(recording=snapshots.sight(1).recording)
    assert scene.said == "Recording to /data/session-1."
    assert scene.window.action_registry["record"].isChecked()
    scene.press("R")
    assert scene.sent == Record(None)
    scene.more(recording=None)
    assert scene.said == "The recording is whole: /data/session-1."


def test_the_demo_view_fills_the_screen_until_esc(scene: Scene) -> None:
    scene.replay()
    scene.window.view_settings.can_fill_screen = True
    scene.press("D")
    assert scene.window.isFullScreen()
    assert not scene.panel("curves").isVisible()
    scene.window.pointer.point_layer(3)
    scene.press("Esc")
    assert not scene.window.isFullScreen()
    scene.press("D")
    scene.press("O")
    assert not scene.window.isFullScreen()
    assert scene.panel("curves").isVisible()
