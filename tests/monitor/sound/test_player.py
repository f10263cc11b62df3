"""The story's sound plays where it belongs, and what keeps it from playing is reported once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from rtalign.core.session import Session
from rtalign.engine.snapshot import Snapshot, from_message, to_message
from rtalign.recordings.wav_file import Sound
from rtalign_monitor.main_window import MonitorWindow
from rtalign_monitor.sound.player import SoundPlayer
from tests.helpers import snapshots
from tests.helpers.audio import FakeClock, FakeOutput
from tests.helpers.wav_files import write_wav


def test_sounds_travel_with_a_snapshot_and_a_session() -> None:
    snapshot = dataclasses.replace(snapshots.snapshot_after(0), sounds=(Sound("a.wav", 1.5),))
    assert from_message(to_message(snapshot)).sounds == snapshot.sounds
    assert Session(audio=Path("a.wav")).model_dump(mode="json")["audio"] == "a.wav"


class Stage:
    """A SoundPlayer over made-up snapshots, with a loudspeaker that can be missing."""

    def __init__(self, qtbot: QtBot, *sounds: Sound, missing: bool = False) -> None:
        self.clock, self.reports = FakeClock(), list[str]()
        self.output, self.missing, self.n_opened = FakeOutput(self.clock, 8000.0), missing, 0
        self.snapshot = dataclasses.replace(
            snapshots.snapshot_after(0), position_s=0.0, end_s=99.0, speed=1.0, sounds=sounds
        )
        self.player = SoundPlayer(lambda: self.snapshot, self.reports.append, self._open, self.clock)
        self.player.update(self.snapshot)

    def _open(self, rate: float) -> FakeOutput:
        self.n_opened += 1
        if self.missing:
            raise OSError("this machine has no sound device")
        return self.output

    def go(self, seconds: float, **changed: object) -> None:
        for _ in range(round(seconds / 0.02)):
            self.clock.now += 0.02
            position = (self.snapshot.position_s or 0.0) + (0 if changed.get("paused") else 0.02)
            self.snapshot = dataclasses.replace(self.snapshot, position_s=position, **changed)  # type: ignore[arg-type]
            self.output.run()
            self.player.update(self.snapshot)
            self.player.tick()

    @property
    def loud(self) -> bool:
        return self.output.queued_frames() > 0


@pytest.fixture
def stage(qtbot: QtBot, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    tone = 0.5 * np.ones(8000 * 5)
    files = [Sound(str(write_wav(tmp_path / f"{k}.wav", tone)), start) for k, start in enumerate((2.0, 10.0))]
    made: list[Stage] = []

    def make(*sounds: Sound, missing: bool = False) -> Stage:
        made.append(Stage(qtbot, *(sounds or files), missing=missing))
        return made[-1]

    yield make
    for one in made:
        one.player.stop()


def test_each_sound_plays_where_it_belongs(stage: Callable[..., Stage]) -> None:
    one = stage()
    one.go(0.5)
    loud = []
    for _ in range(16):
        loud.append(one.loud)
        one.go(1.0)
    assert loud == [second in (2, 3, 4, 5, 6, 10, 11, 12, 13, 14) for second in range(16)]
    assert one.reports == []


def test_other_speeds_pauses_and_mute_are_silent(stage: Callable[..., Stage]) -> None:
    one = stage()
    one.go(3.0)
    assert one.loud
    for changed in ({"paused": True}, {"speed": 2.0}, {"speed": None}, {"phase": "ended"}):
        one.go(0.1, **changed)
        assert not one.loud, changed
        one.go(0.4, paused=False, speed=1.0, phase="running")
        assert one.loud
    one.player.muted = True
    one.go(0.1)
    assert not one.loud
    one.player.muted = False
    one.go(0.1)
    assert one.loud


def test_a_missing_sound_device_is_reported_once(stage: Callable[..., Stage]) -> None:
    one = stage(missing=True)
    one.go(5.0)
    assert one.reports == ["The story's sound is not played: this machine has no sound device."]
    assert one.n_opened == 1


def test_an_unreadable_wav_is_reported_and_others_play(stage: Callable[..., Stage], tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    good = Sound(str(write_wav(tmp_path / "good.wav", np.ones(40000))), 4.0)
    one = stage(Sound(str(tmp_path / "gone.wav"), 0.0), Sound(str(tmp_path / "bad.wav"), 2.0), good)
    one.go(5.0)
    assert len(one.reports) == 2
    assert "gone.wav" in one.reports[0]
    assert "bad.wav is no wav" in one.reports[1]
    assert one.loud


def test_a_lost_loudspeaker_is_reported_once(stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    one = stage()
    one.go(3.0)

    def gone() -> int:
        raise OSError("the sound device is gone")

    monkeypatch.setattr(one.output, "free_frames", gone)
    one.go(3.0)
    assert one.reports == ["The story's sound is not played: the sound device is gone."]


def test_a_replay_without_sound_opens_no_device(stage: Callable[..., Stage], qtbot: QtBot) -> None:
    one = Stage(qtbot)
    one.go(1.0)
    assert one.n_opened == 0
    assert not one.player.available


def test_the_mute_key_is_there_where_there_is_sound(qtbot: QtBot, tmp_path: Path, stage: Callable[..., Stage]) -> None:
    engine = SimpleNamespace(newest=stage().snapshot, recording=None, word_list=None, alive=True, send=lambda *_: None)
    window = MonitorWindow(lambda _: engine, tmp_path / "settings.json")
    qtbot.addWidget(window)
    window._timer.stop()
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    window.tick()
    assert not window.action_registry["mute"].isEnabled()
    assert "No sound: name a wav file" in window.action_registry["mute"].toolTip()
    window.start(Session(recording=Path("story")))
    window.tick()
    for mute in (True, False):
        qtbot.keyClick(window, Qt.Key.Key_S)
        assert window.replay_extras.sound.muted == mute
    window._without_waiting = True
    window.close()


def test_a_machine_without_sound_gives_the_reason() -> None:
    """Here as on a machine with a loudspeaker: either it plays or it gives its reason."""
    from rtalign_monitor.sound.player import Loudspeaker

    reason = ""
    try:
        speaker = Loudspeaker(8000)
        speaker.write(np.zeros(100))
        assert speaker.queued_frames() <= 100
        speaker.stop()
    except OSError as error:
        reason = str(error)
    assert not reason or "sound" in reason


def test_a_snapshot_without_sounds_is_restored() -> None:
    assert isinstance(from_message(to_message(snapshots.snapshot_after(50))), Snapshot)
