"""The script for PsychoPy sends what it says, with stamps of the sound's own time; PsychoPy is a stand-in."""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from rtalign.core.records import Word
from rtalign.streams import lsl
from rtalign_offline.forced_alignment import write_word_table
from tests.helpers.paths import ROOT

SCRIPT = ROOT / "docs" / "scanners" / "psychopy_story.py"
PTB_AHEAD_S = 1234.5


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the stand-in was asked to begin, on the clock of Psychtoolbox."""
    times: list[float] = []

    class Sound:
        def __init__(self, path: str) -> None:
            assert Path(path).name == "story.wav"

        def play(self, when: float) -> None:
            times.append(when)

        def getDuration(self) -> float:
            return 0.2

    psychopy = ModuleType("psychopy")
    psychopy.prefs = SimpleNamespace(hardware={})  # type: ignore[attr-defined]
    psychopy.sound = SimpleNamespace(Sound=Sound)  # type: ignore[attr-defined]
    clock = ModuleType("psychtoolbox")
    clock.GetSecs = lambda: lsl.local_clock() + PTB_AHEAD_S  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "psychopy", psychopy)
    monkeypatch.setitem(sys.modules, "psychtoolbox", clock)
    return times


def received(monkeypatch: pytest.MonkeyPatch, n: int, *options: str) -> list[tuple[str, float]]:
    """What the script sends, run as it stands."""
    spec = importlib.util.spec_from_file_location("psychopy_story", SCRIPT)
    assert spec
    assert spec.loader
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    name = f"story-{time.monotonic_ns()}"
    monkeypatch.setattr(sys, "argv", ["psychopy_story.py", "story.wav", "--name", name, *options])
    sender = threading.Thread(target=script.main, daemon=True)
    sender.start()
    finder, markers, until = lsl.Finder(), [], time.monotonic() + 30
    words: lsl.TextInlet | None = None
    try:
        while len(markers) < n and time.monotonic() < until:
            time.sleep(0.02)
            if words is not None:
                markers += words.pull() or []
            elif found := [one for one in finder.streams() if one.name == name]:
                words = lsl.TextInlet(found[0])
    finally:
        finder.close()
        if words is not None:
            words.close()
        sender.join(10.0)
    return markers


def test_words_are_sent_at_their_own_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, played: list[float]
) -> None:
    story = [Word(0, '"Once', 0.0, 0.1), Word(1, "upon", 0.1, 0.1), Word(2, 'a"', 0.15, 0.1)]
    write_word_table(tmp_path / "words.tsv", story)
    markers = received(monkeypatch, 3, str(tmp_path / "words.tsv"))
    assert [text for text, _ in markers] == [word.text for word in story]
    begin = played[0] - PTB_AHEAD_S
    assert [stamp - begin for _, stamp in markers] == pytest.approx([word.onset for word in story], abs=1e-3)


def test_one_marker_is_sent_where_the_sound_begins(monkeypatch: pytest.MonkeyPatch, played: list[float]) -> None:
    ((text, stamp),) = received(monkeypatch, 1, "--marker", "audio")
    assert text == "audio"
    assert stamp == pytest.approx(played[0] - PTB_AHEAD_S, abs=1e-3)
