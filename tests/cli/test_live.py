"""Live sessions and replays from the command line: with and without a display, until they are over."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from rtalign.core.session import Session
from rtalign.engine.snapshot import RecordingStatus, empty_snapshot, with_recording
from rtalign_cli import main
from rtalign_cli.arguments import build_parser
from rtalign_cli.checks import require_folder
from rtalign_cli.subcommands import live


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTALIGN_SETTINGS", str(tmp_path / "window.json"))


def run(*argv: object) -> int:
    return main.main([str(a) for a in argv])


@pytest.mark.whole
def test_a_window_that_fails_fails_the_command(
    qtbot: QtBot, tmp_path: Path, own_settings: None, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--headless", "--quiet", "--pictures", tmp_path / "pictures")
    assert run("replay", tmp_path, *options) == 1
    assert "--bank" in capsys.readouterr().err


def test_without_a_display_the_fix_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(live, "has_display", lambda: False)
    assert run("replay", tmp_path) == 1
    assert "--headless" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("platform", "display", "known"),
    [("offscreen", ":0", False), ("", ":0", True), ("xcb", ":0", True), ("", "", False)],
)
def test_a_display_is_known_from_the_environment(
    platform: str, display: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.sys, "platform", "linux")
    for name, value in (("QT_QPA_PLATFORM", platform), ("DISPLAY", display), ("WAYLAND_DISPLAY", "")):
        monkeypatch.setenv(name, value)
    assert live.has_display() is known


def test_a_session_is_over_for_its_own_reason_or_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    over = live.or_after(lambda snapshot: snapshot.phase == "ended", 10.0)
    assert not over(empty_snapshot("loading"))
    now[0] = 100.0
    assert not over(empty_snapshot("running")), "the clock begins when the engine runs, not while it loads"
    now[0] = 109.0
    assert not over(empty_snapshot("running"))
    assert over(empty_snapshot("ended"))
    now[0] = 111.0
    assert over(empty_snapshot("running"))


def test_options_override_the_session_file() -> None:
    base = Session(meg="A", words="B", audio_delay_s=0.01)
    args = build_parser().parse_args(["monitor", "--meg", "C", "--headless"])
    session = live.with_options(base, args, live.LIVE)
    assert (session.meg, session.words, session.audio_delay_s) == ("C", "B", 0.01)


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("0.25", 0.25), ("8", 8.0)])
def test_speeds(text: str, speed: float | None) -> None:
    assert live.speed_of(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "1e9"])
def test_speeds_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="speed"):
        live.speed_of(text)


def test_what_was_not_recorded_is_told() -> None:
    status = RecordingStatus("kept", 1.0, 1.0, 300, None, n_markers_dropped=2)
    assert live.unrecorded(empty_snapshot()) is None
    assert live.unrecorded(with_recording(empty_snapshot(), replace(status, n_dropped=0, n_markers_dropped=0))) is None
    assert live.unrecorded(with_recording(empty_snapshot(), status)) == ("300 samples and 2 markers were not recorded")


def test_a_file_or_a_locked_folder_is_no_place_to_record_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ValueError, match="is a file; name a folder"):
        require_folder(tmp_path / "file")
    (tmp_path / "locked").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path / "locked")
    with pytest.raises(ValueError, match="may not be written"):
        require_folder(tmp_path / "locked")
    require_folder(tmp_path / "new")
