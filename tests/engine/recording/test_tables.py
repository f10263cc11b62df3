"""Words, scores and log hold what was written, also where an engine goes on with the files of a lost one."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from rtalign.engine.recording.tables import SessionTables
from rtalign.recordings.word_tables import read_words

ROW = {"index": 0, "text": "Once", "onset": 100.5, "duration": 0.2, "status": "scored", "surprisal": 3.5, "n_tokens": 1}


def test_tables_and_log_hold_what_was_written(tmp_path: Path) -> None:
    with SessionTables(tmp_path, {"model": "tiny"}) as tables:
        tables.write_word(ROW)
        tables.write_word(
            {"index": 1, "text": "up\ton\n", "onset": 101.0, "status": "skipped", "reason": "gap in the signal"}
        )
        tables.write_scores({"n_words": 10, "layer": np.arange(3), "peak_r": np.array([0.1, np.nan, 0.3])})
        tables.write_scores({"n_words": 20, "layer": np.arange(3), "peak_r": [0.2, 0.2, 0.25]})
        tables.log({"event": "gap", "seconds": np.float64("nan"), "at": np.int64(3)})
    words, _ = read_words(tmp_path / "words.tsv")
    assert [(w.text, w.onset, w.duration) for w in words] == [("Once", 100.5, 0.2), ("up on", 101.0, None)]
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines == ["n_words,layer,peak_r", "10,0,0.1", "10,1,", "10,2,0.3", "20,0,0.2", "20,1,0.2", "20,2,0.25"]
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["event"] for entry in log] == ["start", "gap"]
    assert log[0]["model"] == "tiny"
    assert log[1]["seconds"] is None


def test_names_in_scores_break_no_column(tmp_path: Path) -> None:
    with SessionTables(tmp_path, {}) as tables:
        tables.write_scores({"layer": [0, 1], "r": [0.5, 0.25], "subject": "01, 02", "model": 'a "large"\none'})
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["layer"], row["r"]) for row in rows] == [("0", "0.5"), ("1", "0.25")]
    assert {(row["subject"], row["model"]) for row in rows} == {("01, 02", 'a "large" one')}


def test_rows_that_do_not_fit_the_table_are_refused(tmp_path: Path) -> None:
    with SessionTables(tmp_path, {}) as tables:
        tables.write_scores({"layer": 1, "r": 0.5})
        with pytest.raises(ValueError, match="the file has layer, r"):
            tables.write_scores({"layer": 1, "p": 0.5})
        with pytest.raises(ValueError, match="needs text and onset"):
            tables.write_word({"text": "Once"})


def test_the_next_engine_goes_on_behind_the_last_whole_line(tmp_path: Path) -> None:
    """The first was killed in the middle of a word and of a line of the log."""
    with SessionTables(tmp_path, {}) as tables:
        tables.write_word(ROW)
        tables.write_scores({"layer": 1, "r": 0.5})
    for name, half in (("words.tsv", "7\thalf a wo"), ("log.jsonl", '{"time": "2')):
        with (tmp_path / name).open("a") as file:
            file.write(half)
    with SessionTables(tmp_path, {}) as tables:
        tables.write_word(ROW | {"text": "again", "onset": 140.0})
        tables.write_scores({"layer": 1, "r": 0.6})
    words, _ = read_words(tmp_path / "words.tsv")
    assert [word.text for word in words] == ["Once", "again"]
    assert (tmp_path / "scores.csv").read_text().splitlines() == ["layer,r", "1,0.5", "1,0.6"]
    events = [json.loads(line)["event"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert events == ["start", "start"]
