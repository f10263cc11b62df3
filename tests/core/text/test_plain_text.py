"""Nothing of unknown origin makes a terminal do anything else than show it."""

from __future__ import annotations

import io
import json

import pytest

from rtalign.core.progress import Progress
from rtalign.core.text.plain_text import plain, plain_json
from rtalign_cli import main

HOSTILE = "MEG\x1b]0;owned\x07\x1b[2J\x9b31m\u202etxt\x00\r\x08\udce9"


def unsafe(text: str) -> list[str]:
    return [c for c in text if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 or c in "\u202e\udce9"]


def test_what_is_unsafe_is_written_out() -> None:
    assert plain(HOSTILE) == r"MEG\x1b]0;owned\x07\x1b[2J\x9b31m\u202etxt\x00\x0d\x08\udce9"
    assert not unsafe(plain("".join(map(chr, range(0x3000)))))


@pytest.mark.parametrize("text", ["naïve café", "日本語", "שלום", "a\tb\nc", "● ─ ±", "e\u0301", "👩‍🔬"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_json_is_read_back_as_it_was() -> None:
    line = plain_json(json.dumps({"name": HOSTILE}, ensure_ascii=False))
    assert not unsafe(line)
    assert json.loads(line) == {"name": HOSTILE}


def test_progress_shows_no_escape_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    progress = Progress()
    progress.say(f"{HOSTILE}: a note")
    with progress.stage(HOSTILE, 1, "words") as stage:
        stage.advance()
    Progress(quiet=True).say(f"failed: {HOSTILE}", always=True)
    assert not unsafe(out.getvalue())
    assert len(out.getvalue().splitlines()) == 3


@pytest.mark.parametrize(
    "argv",
    [
        [HOSTILE],
        [f"--{HOSTILE}"],
        ["report", HOSTILE],
        ["train", "--model", "m", "--out", "o", HOSTILE.replace("\x00", "")],
        ["train", "r", "--model", "m", "--out", "o", "--words", HOSTILE],
    ],
)
def test_an_error_shows_no_escape_of_an_argument(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(argv) in (1, 2)
    out, err = capsys.readouterr()
    assert not unsafe(out + err)
    assert len(err.splitlines()) == 1
