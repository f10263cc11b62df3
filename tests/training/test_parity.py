"""The parity report: the same numbers where live lost nothing, and the words that it lost by reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtalign.core.progress import Progress
from rtalign.core.records import Word
from rtalign.decoding.bank import DecoderBank
from rtalign.training import parity
from rtalign.training.evaluation import evaluate
from tests.helpers.small_world import world

QUIET = Progress(quiet=True)
TOO_SLOW = "the language model was too slow"


@pytest.fixture(scope="module")
def fresh() -> Any:
    return world(n_words=150, seed=5, prefix="f")


def session(folder: Path, bank: DecoderBank, fresh: Any, skipped: dict[int, str], **start: Any) -> Path:
    """A session's folder as live leaves it, which scored what an evaluation did, but says so of fewer words."""
    recording, model = fresh
    evaluate(bank, [recording], model, folder, QUIET, store=folder.parent / "store")
    path = folder / "summary.json"
    path.write_text(path.read_text().replace('"kind": "evaluate"', '"kind": "session"'))
    lines = ["index\ttext\tonset\tduration\tstatus\treason\tsurprisal\tn_tokens\tstamp"]
    for word in recording.words:
        reason = skipped.get(word.index, "")
        status = "skipped" if reason else "scored"
        lines.append(f"{word.index + 3}\t{word.text}\t{word.onset}\tn/a\t{status}\t{reason or 'n/a'}\tn/a\t1\t0")
    (folder / "words.tsv").write_text("\n".join(lines) + "\n")
    warned = {"level": "warning", "kind": "stream", "text": "the MEG stream has a gap of 2 s"}
    log = [{"event": "start", "bank": str(folder), **start}, warned, warned]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log) + '{"half')
    return folder


def test_a_session_that_lost_nothing_agrees(tmp_path: Path, trained: Any, fresh: Any) -> None:
    bank = DecoderBank.load(trained[0] / "bank")
    folder = session(tmp_path / "s", bank, fresh, {})
    path = parity.compare_session(folder, bank, [fresh[0]], fresh[1], QUIET, store=tmp_path / "store")
    found = json.loads((folder / "parity.json").read_text())
    assert found["largest_difference"] == 0
    assert found["largest_difference_same_words"] < 1e-5
    assert found["notices"] == {"the MEG stream has a gap of 2 s": 2}
    assert "Live and offline agree" in path.read_text()
    assert (folder / "offline" / "report.html").is_file()
    assert (folder / "summary.json").is_file()


def test_words_that_live_lost_are_told_by_reason(tmp_path: Path, trained: Any, fresh: Any) -> None:
    """The offline score of the live words alone tells what the choice of words makes."""
    bank = DecoderBank.load(trained[0] / "bank")
    lost = dict.fromkeys(range(20, 50), TOO_SLOW) | {60: "window over a gap"}
    folder = session(tmp_path / "s", bank, fresh, lost, adapt=True)
    page = parity.compare_session(folder, bank, [fresh[0]], fresh[1], QUIET, store=tmp_path / "store").read_text()
    found = json.loads((folder / "parity.json").read_text())
    assert found["only_offline"] == {TOO_SLOW: 30, "window over a gap": 1}
    assert found["n_same"] == found["n_offline"] - 31
    assert found["largest_difference_same_words"] > 1e-3
    for said in (f"30 words offline alone; live: {TOO_SLOW}", "live decoders learned on the way"):
        assert said in page


def test_what_is_no_session_is_refused(tmp_path: Path, trained: Any, fresh: Any) -> None:
    recording, model = fresh
    bank = DecoderBank.load(trained[0] / "bank")
    evaluate(bank, [recording], model, tmp_path / "e", QUIET, store=tmp_path / "store")
    with pytest.raises(ValueError, match="--parity takes the folder of a live session"):
        parity.compare_session(tmp_path / "e", bank, [recording], model, QUIET, store=tmp_path / "store")
    with pytest.raises(ValueError, match=r"holds no log\.jsonl"):
        parity.bank_of_session(tmp_path)
    (tmp_path / "log.jsonl").write_text('{"event": "start"}\n')
    with pytest.raises(ValueError, match="names no bank; name it with --bank"):
        parity.bank_of_session(tmp_path)
    (tmp_path / "words.tsv").write_text("index\ttext\nx\ty\n")
    with pytest.raises(ValueError, match="holds a line that is no word"):
        parity.live_words(tmp_path)


def test_words_come_into_line_where_the_recorder_began_earlier() -> None:
    texts = ["a", "b", "c", "a", "b", "d", "a", "e"]
    recorded = [Word(i, text, float(i)) for i, text in enumerate(texts)]
    live = [(Word(i, text, 0.0), "late" if text == "d" else "") for i, text in enumerate(texts[3:])]
    assert parity.words_in_line(recorded, live) == {3: "", 4: "", 5: "late", 6: "", 7: ""}
    assert parity.words_in_line(recorded, []) == {}


def test_of_two_engines_the_words_of_the_last_one_are_live(tmp_path: Path) -> None:
    """Each numbers its words from 0, and begins its scores anew; between them some words came to none."""
    texts = [f"word{i}" for i in range(400)]
    rows = [(i, i) for i in range(250)] + [(i - 260, i) for i in range(260, 400)]
    lines = [f"{number}\t{texts[i]}\t{i}\tscored\tn/a" for number, i in rows]
    (tmp_path / "words.tsv").write_text("\n".join(["index\ttext\tonset\tstatus\treason", *lines]) + "\n")
    recorded = [Word(i, text, float(i)) for i, text in enumerate(texts)]
    found = parity.words_in_line(recorded, parity.live_words(tmp_path))
    assert found == dict.fromkeys(range(260, 400), "")


def test_a_log_that_is_nested_too_deep_is_read_around(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("[" * 100_000 + '\n{"event": "start", "bank": "b"}\n')
    assert parity.bank_of_session(tmp_path) == Path("b")
