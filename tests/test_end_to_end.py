"""From a folder on disk to a report, through the real readers, a real (tiny) language model and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from language_models import write

from offline import cli
from rtalign.sources.simulate import simulate
from rtalign.sources.simulated import Plan

RECIPE = """
[language]
layers = "0,1,2"
components = 8
[lags]
start_s = -0.2
stop_s = 0.8
step_s = 0.05
[fit]
null_draws = 40
boot_draws = 40
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated listener of two runs, a tiny model, a recipe."""
    folder = tmp_path_factory.mktemp("desk")
    write(folder / "model", "llama")
    information = np.random.default_rng(0).standard_normal((300, 3, 4)).astype(np.float32)
    plan = Plan(n_words=300, run_words=150, sfreq=100.0, sensors="neuromag306")
    simulate(folder / "listener", plan, information=information)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


@pytest.fixture(autouse=True)
def cache(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTALIGN_CACHE", str(desk / "cache"))


def run(*argv: object) -> int:
    return cli.main([str(a) for a in argv])


def test_a_bids_folder_becomes_a_bank_and_a_report(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--model", desk / "model", "--recipe", desk / "recipe.toml", "--quiet")
    assert run("train", desk / "listener", "--run", "01", *options, "--out", desk / "bank") == 0
    fresh = ("evaluate", desk / "bank", desk / "listener", "--run", "02", "--out", desk / "fresh", "--quiet")
    assert run(*fresh) == 1
    assert "--model" in capsys.readouterr().err
    assert run(*fresh, "--model", desk / "model") == 0
    assert (desk / "fresh" / "report.html").is_file()
    summary = json.loads((desk / "bank" / "summary.json").read_text())
    assert summary["n_words"] + sum(summary["skipped"].values()) >= 140
    assert len(summary["r"]) == 3


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("train", "no-such-place", "--model", "smollm2"), "there is no recording no-such-place"),
        (("train", "{desk}/listener", "--run", "09", "--model", "smollm2"), "09"),
        (("train", "{desk}/listener", "--model", "no/such-model"), "no/such-model"),
        (("train", "{desk}/listener", "--model", "smollm2", "--bads", "MEG9999"), "MEG9999"),
        (("train", "{desk}/model", "--model", "smollm2"), "model"),
    ],
)
def test_bad_input_is_one_readable_line(
    desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], words: str
) -> None:
    assert run(*(a.format(desk=desk) for a in argv), "--out", tmp_path / "out", "--quiet") == 1
    text = capsys.readouterr().err.strip()
    assert words in text
    assert len(text.splitlines()) == 1
    assert "unexpected" not in text
    assert not (tmp_path / "out").exists()
