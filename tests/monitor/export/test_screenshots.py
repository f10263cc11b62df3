"""The window from the command line: with nobody to see it, it leaves pictures; without a screen it says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PyQt6.QtGui import QImage
from pytestqt.qtbot import QtBot

from rtalign.core.session import Session
from rtalign.engine.snapshot import empty_snapshot
from rtalign_cli import live, main
from rtalign_monitor.app import absolute
from rtalign_monitor.export.screenshots import ACROSS, FRAMES, GAP, WIDTH, Pictures


@pytest.fixture
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTALIGN_SETTINGS", str(tmp_path / "window.json"))


def run(*argv: object) -> int:
    return main.main([str(a) for a in argv])


def test_a_replay_leaves_pictures_of_its_window_and_the_results(
    qtbot: QtBot,
    desk: Path,
    tmp_path: Path,
    own_memory: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RTALIGN_CACHE", str(desk / "cache"))
    out = tmp_path / "out"
    options = (
        "--run",
        "02",
        "--bank",
        desk / "bank",
        "--model",
        desk / "model",
        "--speed",
        "max",
        "--headless",
        "--quiet",
        "--json",
    )
    assert run("replay", desk / "listener", *options, "--out", out, "--pictures", tmp_path / "pictures") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["scored"] > 100
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["n_words"] == told["scored"]
    end, film = (QImage(str(tmp_path / "pictures" / name)) for name in ("end.png", "film.png"))
    assert end.width() >= 1280
    assert film.width() == GAP + ACROSS * (WIDTH + GAP)


def test_what_is_remembered_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = absolute(Session(bank=Path("bank"), recording=Path("listener"), speed=2.0))
    assert (session.bank, session.recording, session.out) == (tmp_path / "bank", tmp_path / "listener", None)
    assert session.speed == 2.0


def test_a_window_that_fails_fails_the_command(
    qtbot: QtBot, tmp_path: Path, own_memory: None, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--headless", "--quiet", "--pictures", tmp_path / "pictures")
    assert run("replay", tmp_path / "nowhere", *options) == 1
    assert "--bank" in capsys.readouterr().err


def test_without_a_display_the_cure_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(live, "has_display", lambda: False)
    assert run("replay", tmp_path) == 1
    assert "--headless" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("platform", "display", "seen"),
    [("offscreen", ":0", False), ("", ":0", True), ("xcb", ":0", True), ("", "", False)],
)
def test_a_display_is_known_from_the_environment(
    platform: str, display: str, seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.sys, "platform", "linux")
    for name, value in (("QT_QPA_PLATFORM", platform), ("DISPLAY", display), ("WAYLAND_DISPLAY", "")):
        monkeypatch.setenv(name, value)
    assert live.has_display() is seen


def test_a_session_is_over_for_its_own_reason_or_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    over = live.either(lambda seen: seen.phase == "ended", 10.0)
    assert not over(empty_snapshot("loading"))
    now[0] = 100.0
    assert not over(empty_snapshot("running")), "the clock begins when the engine runs, not while it loads"
    now[0] = 109.0
    assert not over(empty_snapshot("running"))
    assert over(empty_snapshot("ended"))
    now[0] = 111.0
    assert over(empty_snapshot("running"))


def test_a_film_spans_the_whole_session_in_a_few_frames(qtbot: QtBot, tmp_path: Path) -> None:
    from PyQt6.QtGui import QPixmap

    taken = Pictures(tmp_path)
    picture = QPixmap(64, 40)
    for n in range(4000):
        if not taken._frames or n >= taken._frames[-1][0] + taken._every:
            taken._take(n, picture)
    words = [n for n, _ in taken._frames]
    assert len(words) <= FRAMES
    assert words[0] == 0
    assert words[-1] > 3000
