"""Messages on a session: the fact, with its fixes as buttons."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from rtalign.core.session import Session
from rtalign.engine.commands import IgnoreMissingSensors, Play, Record, Reset, Seek, UseBank, WriteReport
from rtalign.engine.process.restarts import PAUSES_S
from rtalign.engine.snapshot import empty_snapshot
from rtalign.streams.events import Notice
from rtalign_monitor.engines.link import RESTART_DELAY_S
from tests.helpers import snapshots
from tests.helpers.window import POSITION_S, Scene


def test_a_lost_engine_is_restarted_at_its_position(scene: Scene) -> None:
    scene.replay()
    scene.engine.crash()
    scene.window.tick()
    assert "stopped unexpectedly" in scene.message
    assert "continues from its last position" in scene.message
    assert scene.window.status.parts[:2] == ("lost", "Failed")
    assert not any(item.state == "flowing" for item in scene.window.trust.facts)
    assert scene.window.isVisible()
    scene.now += RESTART_DELAY_S + 0.1
    scene.window.tick()
    assert len(scene.engines) == 2
    scene.send(position_s=0.0, end_s=250.0)
    assert Seek(POSITION_S) in scene.engine.sent


def test_a_replay_whose_engine_is_lost_twice_waits_for_the_user(scene: Scene) -> None:
    scene.replay()
    for _ in range(2):
        scene.engine.crash()
        scene.window.tick()
        scene.now += RESTART_DELAY_S + 0.1
        scene.window.tick()
        if len(scene.engines) == 2:
            scene.send()
    assert len(scene.engines) == 2
    scene.click("Restart now")
    assert len(scene.engines) == 3


def test_live_streams_have_another_engine_at_once_and_then_after_growing_pauses(scene: Scene) -> None:
    scene.live()
    for n, pause_s in enumerate(PAUSES_S, start=1):
        scene.engine.crash()
        scene.window.tick()
        if pause_s:
            scene.now += pause_s - 0.1
            scene.window.tick()
            assert len(scene.engines) == n
            assert "stopped unexpectedly" in scene.message
            scene.now += 0.2
        scene.window.tick()
        assert len(scene.engines) == n + 1
        scene.send(recording=None)
    assert "another goes on: its scores start from zero" in scene.message
    scene.click("OK")
    assert "another goes on" not in scene.message


def test_the_restart_can_be_declined(scene: Scene) -> None:
    scene.replay()
    scene.engine.crash()
    scene.window.tick()
    scene.click("Do not restart")
    scene.now += 100
    scene.window.tick()
    assert len(scene.engines) == 1


def test_closing_waits_for_the_engine_to_write(scene: Scene) -> None:
    scene.live()
    scene.engine.obeys_stop = False
    scene.window.close()
    scene.window.tick()
    assert scene.window.isVisible()
    assert scene.message == "The engine is writing its results."
    scene.engine.newest = dataclasses.replace(scene.engine.newest, phase="ended")
    scene.engine.alive = False
    scene.window.tick()
    assert not scene.window.isVisible()


@pytest.mark.parametrize("at_its_end", [False, True])
def test_an_engine_lost_while_writing_is_reported(scene: Scene, at_its_end: bool) -> None:
    """Even after the end of a replay, when every snapshot has the phase "ended"."""
    scene.live()
    scene.change(phase="ended" if at_its_end else "running")
    scene.engine.obeys_stop = False
    scene.window.close()
    scene.engine.crash()
    scene.window.tick()
    assert scene.window.link.state == "lost"
    assert "while writing" in scene.message
    assert "on disk in /data/session-1" in scene.message
    scene.click("Close")
    assert not scene.window.isVisible()


def test_a_loss_is_reported_in_the_next_session(scene: Scene) -> None:
    scene.live()
    scene.engine.obeys_stop = False
    scene.window.start(Session(bank=scene.folder / "other"))
    scene.engine.crash()
    scene.window.tick()
    scene.send(recording=None)
    assert "previous session stopped unexpectedly while writing" in scene.message
    assert "/data/session-1" in scene.message
    scene.click("OK")
    assert "previous session" not in scene.message


def test_closing_cancels_the_next_session(scene: Scene) -> None:
    scene.live()
    scene.engine.obeys_stop = False
    scene.window.start(Session(bank=scene.folder / "other"))
    scene.window.tick()
    assert scene.message == "The engine is writing its results."
    assert not scene.window.message_bar.buttons
    scene.window.close()
    scene.change(phase="ended")
    scene.engine.alive = False
    scene.window.tick()
    assert not scene.window.isVisible()
    assert len(scene.engines) == 1


def test_the_window_can_close_without_waiting(scene: Scene) -> None:
    scene.live()
    scene.engine.obeys_stop = False
    scene.window.close()
    scene.window.tick()
    scene.click("Close without waiting")
    assert not scene.window.isVisible()


REFUSED = ("the bank expects 306 sensors; MEG 0112 is not there",)


def test_a_refused_bank_offers_two_fixes(scene: Scene) -> None:
    scene.live()
    scene.change(phase="refused", refused=REFUSED, n_sensors=305)
    assert REFUSED[0] in scene.message
    scene.click("Continue with these")
    assert scene.last_command == IgnoreMissingSensors()
    assert scene.window.link.session is not None
    assert scene.window.link.session.allow_missing
    scene.dialogs.path = scene.folder / "other"
    scene.click("Choose bank…")
    assert scene.last_command == UseBank(scene.folder / "other")
    scene.change(n_sensors=0)
    assert [button.text() for button in scene.window.message_bar.buttons] == ["Choose bank…"]


def test_continuing_a_refused_replay_restarts_it(scene: Scene) -> None:
    scene.replay()
    scene.change(phase="refused", refused=REFUSED, n_sensors=305)
    scene.click("Continue with these")
    assert len(scene.engines) == 2
    assert scene.engine.session.allow_missing


def test_a_failed_session_gives_the_reason_and_fixes(scene: Scene) -> None:
    scene.live()
    scene.engine.newest = empty_snapshot("failed", "there is no such bank")
    scene.engine.crash()
    scene.window.tick()
    assert "there is no such bank" in scene.message
    scene.dialogs.path = scene.folder / "other"
    scene.click("Choose bank…")
    assert scene.engine.session.bank == scene.folder / "other"


def test_a_lost_stream_is_reported(scene: Scene) -> None:
    scene.live()
    scene.change(health=snapshots.health("lost", 7.4))
    assert scene.message == "MEG LOST 00:07: check the sender and its network; it reconnects by itself."
    scene.change(health=snapshots.health())
    assert "LOST" not in scene.message


def test_the_end_of_a_recording_is_reported(scene: Scene) -> None:
    scene.replay()
    scene.change(phase="ended")
    heard = scene.window.link.newest.n_received
    assert scene.message == f"The recording has ended: {heard} words received, 300 scored."
    scene.click("Open report")
    assert isinstance(scene.last_command, WriteReport)
    scene.click("Play again")
    assert scene.engine.sent[-3:] == [Reset(), Seek(0.0), Play()]


def test_a_refused_command_is_reported(scene: Scene) -> None:
    scene.replay()
    notice = Notice("warning", "command", "step: there is no word behind this one", 1.0)
    scene.change(notices=(notice,))
    assert scene.message == "Step: there is no word behind this one"
    scene.click("OK")
    scene.change(n_scored=301)
    assert scene.message == ""


def test_a_missing_start_dialog_is_reported(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtalign_monitor.start.dialog", None)  # type: ignore[arg-type]
    scene.replay()
    scene.press("Ctrl+N")
    assert "start dialog is not part of this installation" in scene.message


def test_start_and_end_of_a_recording_name_its_folder(scene: Scene) -> None:
    scene.live(recording=None)
    assert not scene.window.action_registry["record"].isChecked()
    scene.press("R")
    assert scene.last_command == Record(scene.folder / "home")
    scene.change(recording=snapshots.snapshot_after(1).recording)
    assert scene.message == "Recording to /data/session-1."
    assert scene.window.action_registry["record"].isChecked()
    scene.press("R")
    assert scene.last_command == Record(None)
    scene.change(recording=None)
    assert scene.message == "The recording is complete: /data/session-1."


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
