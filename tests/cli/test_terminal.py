"""The session on a terminal: what the operator must know is on it, in words and shapes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from rtalign.core.records import Word
from rtalign.engine.ledger import WordEntry
from rtalign.engine.snapshot import RecordingStatus, Snapshot, Work, empty_snapshot, from_message, to_message
from rtalign.report.read import read_results
from rtalign.report.text import headline as report_headline
from rtalign.scoring.findings import TemporalScore
from rtalign.scoring.outlook import Outlook
from rtalign.scoring.peaks import Peak
from rtalign.streams.events import Health, Notice, StreamHealth
from rtalign_cli.terminal import JsonLines, TerminalView, json_line, view_lines
from rtalign_cli.text import headline_lines
from rtalign_monitor.panels.ladder import LadderPanel
from tests.helpers.report_folders import make_folder


@pytest.fixture
def seen() -> Snapshot:
    meg = StreamHealth(
        "MEG@scanner", "flowing", 30.0, 0.03, 1199.98, 1200.0, 36000, 5, 1, offset_s=0.0021, uncertainty_s=0.0001
    )
    peaks = tuple(
        Peak(
            layer, layer / 30, "ok", 0.2 + 0.01 * layer, (0.18 + 0.01 * layer, 0.22 + 0.01 * layer), 0.2, 0.2, 0.1, 0.02
        )
        for layer in (3, 15, 27)
    )
    score = TemporalScore(0.97, 0.01, 0.02, 0.97, 240.0, (0.9, 0.99), (200.0, 280.0), 3)
    return replace(
        empty_snapshot(), phase="running", time_s=30.0, health=Health(meg, StreamHealth("words", "flowing", age_s=0.4)),
        n_received=90, n_scored=80, n_waiting=4,
        skipped={"gap in the signal": 6}, model="smollm2", context="growing:1000",
        words=(WordEntry(Word(0, "keeper", 29.0)),), peaks=peaks, temporal=score,
        work=Work(0.4, 900.0, 45.0, 0, 0.03, 0.09), reason=None, n_assessed=80,
    )  # fmt: skip


def test_the_view_shows_what_an_operator_needs(seen: Snapshot) -> None:
    text = "\n".join(view_lines(seen))
    for said in (
        "● flowing", "1200.0 of 1200 Hz", "1 gaps, 5 samples lost", "age 0.03 s", "clock +2.10 ± 0.10 ms",
        "80 scored", "4 waiting", "6 skipped (6 gap in the signal)", "45 ms a word", "(p99 90)",
        "r = 0.97", "+240 ms", "keeper",
    ):  # fmt: skip
        assert said in text


def test_an_effect_below_its_limit_is_told_what_it_needs(seen: Snapshot) -> None:
    """80 words, of which the newest came every half second, through the pipe of the engine."""
    words = tuple(WordEntry(Word(i, "so", 0.5 * i)) for i in range(21))
    waits = replace(seen, words=words, outlook=Outlook(2, 13.0, 4.0, None))
    shown = from_message(to_message(waits))
    text = "\n".join(view_lines(shown))
    assert "2 layers are not above chance" in text
    assert "about 8 more minutes of the same kind (95 % interval 2 or more)" in text
    assert json_line(shown)["outlook"] == {"layers": 2, "times": 13.0, "low": 4.0, "high": None}
    assert json_line(seen)["outlook"] is None


def test_faults_are_described_in_words(seen: Snapshot) -> None:
    gone = replace(seen.health.meg, state="lost", since_s=67.0, age_s=69.0)
    lost = replace(
        seen, health=replace(seen.health, meg=gone), recording=RecordingStatus("f", 1.0, None, 9, "the disk is full")
    )
    text = "\n".join(view_lines(lost))
    assert "■ lost" in text
    assert "for 01:07" in text
    assert "■ the disk is full" in text
    assert "■ refused: M1 is not there" in "\n".join(view_lines(replace(seen, refused=("M1 is not there",))))


def test_the_view_overwrites_itself_and_never_wraps(seen: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    out = io.StringIO()
    view = TerminalView(out, colour=False)
    view.draw(seen)
    first = out.getvalue().count("\n")
    view.draw(replace(seen, peaks=(), reason="few words"))
    assert f"\033[{first}A" in out.getvalue()
    assert max(len(row.replace("\033[2K", "")) for row in out.getvalue().split("\n")) <= 60 + len(f"\033[{first}A")


def test_lines_for_programs_are_json(seen: Snapshot) -> None:
    out = io.StringIO()
    writer = JsonLines(out, every_s=100)
    writer.draw(seen)
    writer.draw(seen)
    writer.draw(seen, last=True)
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(told) == 2
    assert told[0] == json.loads(json.dumps(json_line(seen)))
    assert (told[0]["best_layer"], told[0]["lost"], told[0]["latency_p99_s"]) == (3, 5, 0.09)


def test_not_finite_numbers_never_reach_a_line(seen: Snapshot) -> None:
    odd = replace(seen, r=np.full((3, 4), np.nan), peaks=())
    assert json.loads(json.dumps(json_line(odd), allow_nan=False))["best_layer"] is None


def test_no_name_of_a_stream_makes_the_terminal_do_anything(seen: Snapshot) -> None:
    hostile = "MEG\x1b]0;owned\x07\x9b2J\n\u202eevil\r"
    meg = replace(seen.health.meg, name=hostile)
    snapshot = replace(
        seen,
        health=replace(seen.health, meg=meg),
        model=hostile,
        skipped={hostile: 3},
        reason=hostile,
        notices=(Notice("warning", "gap", hostile, 29.0),),
    )
    shown, lines = io.StringIO(), io.StringIO()
    TerminalView(shown, colour=False).draw(snapshot)
    JsonLines(lines).draw(snapshot)
    rows = shown.getvalue().replace("\x1b[2K", "").splitlines()
    assert len(rows) == len(view_lines(snapshot))
    assert sum(r"MEG\x1b]0;owned\x07\x9b2J" in row for row in rows) >= 3
    for text in (*rows, lines.getvalue().rstrip("\n")):
        assert text.isprintable() or not any(ord(c) < 32 or 127 <= ord(c) < 160 or c == "\u202e" for c in text)
    assert json.loads(lines.getvalue())["notice"] == hostile


def test_terminal_window_report_and_command_line_say_one_sentence(tmp_path: Path, qtbot: QtBot) -> None:
    """With a sure slope and without one, from one folder of results."""
    folder = make_folder(tmp_path / "bank")
    for unsure in (False, True):
        results = read_results(folder)
        summary = json.loads((folder / "summary.json").read_text())
        snapshot = replace(
            empty_snapshot("ended"), peaks=tuple(results.summary.layers), temporal=results.summary.temporal_score,
            r=np.array(results.summary.r, float), lags_s=results.lags, n_words=1200, n_assessed=1200,
        )  # fmt: skip
        panel = LadderPanel()
        qtbot.addWidget(panel)
        panel.draw(snapshot)
        sentence = report_headline(results).replace("\u00a0", " ")
        assert sentence.startswith("No order of depth: " if unsure else "Deeper layers answer later: ")
        assert panel.headline().sentence == sentence
        assert f"  {sentence}" in view_lines(snapshot)
        assert sentence in headline_lines(summary)
        summary["temporal_score"]["slope_ci_ms"] = [-40.0, 300.0]
        (folder / "summary.json").write_text(json.dumps(summary))
