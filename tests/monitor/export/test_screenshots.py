"""A window without a screen leaves pictures of a session behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QImage, QPixmap

from rtalign_cli import main
from rtalign_monitor.export.screenshots import FRAME_WIDTH, FRAMES_PER_ROW, GAP, MAX_FRAMES, Screenshots


def test_a_replay_leaves_pictures_of_its_window_and_the_results(
    qtbot: QtBot,
    live_setup: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RTALIGN_SETTINGS", str(tmp_path / "window.json"))
    monkeypatch.setenv("RTALIGN_CACHE", str(live_setup / "cache"))
    out, pictures = tmp_path / "out", tmp_path / "pictures"
    bank = ("--bank", live_setup / "bank", "--model", live_setup / "model")
    options = ("--speed", "max", "--headless", "--quiet", "--json", "--out", out, "--pictures", pictures)
    command = ("replay", live_setup / "listener", "--run", "02", *bank, *options)
    assert main.main([str(argument) for argument in command]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["scored"] > 100
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["n_words"] == printed["scored"]
    end, film = (QImage(str(pictures / name)) for name in ("end.png", "film.png"))
    assert end.width() >= 1280
    assert film.width() == GAP + FRAMES_PER_ROW * (FRAME_WIDTH + GAP)


def test_a_film_spans_the_whole_session_in_a_few_frames(qtbot: QtBot, tmp_path: Path) -> None:
    screenshots = Screenshots(tmp_path)
    picture = QPixmap(64, 40)
    for n in range(4000):
        if not screenshots._frames or n >= screenshots._frames[-1][0] + screenshots._every_words:
            screenshots._add_frame(n, picture)
    words = [n for n, _ in screenshots._frames]
    assert len(words) <= MAX_FRAMES
    assert words[0] == 0
    assert words[-1] > 3000
