"""From a folder on disk to a report, through the real readers, a real (tiny) language model and the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.live_setup import run, summary


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))


def test_a_bids_folder_becomes_a_bank_and_a_report(
    live_setup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--model", live_setup / "model", "--recipe", live_setup / "recipe.toml", "--quiet")
    assert run("train", live_setup / "listener", "--run", "01", *options, "--out", tmp_path / "bank") == 0
    fresh = (
        "evaluate",
        tmp_path / "bank",
        live_setup / "listener",
        "--run",
        "02",
        "--out",
        tmp_path / "fresh",
        "--quiet",
    )
    assert run(*fresh) == 1
    assert "--model" in capsys.readouterr().err
    assert run(*fresh, "--model", live_setup / "model") == 0
    assert (tmp_path / "fresh" / "report.html").is_file()
    found = summary(tmp_path / "bank")
    assert found["n_words"] + sum(found["skipped"].values()) >= 180
    assert len(found["r"]) == 3


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("train", "no-such-place", "--model", "smollm2"), "there is no recording no-such-place"),
        (("train", "{live_setup}/listener", "--run", "09", "--model", "smollm2"), "09"),
        (("train", "{live_setup}/listener", "--model", "no/such-model"), "no/such-model"),
        (("train", "{live_setup}/listener", "--model", "smollm2", "--bads", "MEG9999"), "MEG9999"),
        (("train", "{live_setup}/model", "--model", "smollm2"), "model"),
    ],
)
def test_bad_input_is_one_readable_line(
    live_setup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], words: str
) -> None:
    assert run(*(a.format(live_setup=live_setup) for a in argv), "--out", tmp_path / "out", "--quiet") == 1
    text = capsys.readouterr().err.strip()
    assert words in text
    assert len(text.splitlines()) == 1
    assert "unexpected" not in text
    assert not (tmp_path / "out").exists()
