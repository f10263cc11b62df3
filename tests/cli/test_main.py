"""The command line: right usage is done, wrong usage says why in one line and leaves nothing behind."""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from rtalign_cli import inputs, main
from rtalign_cli.arguments import SUBCOMMANDS, build_parser
from rtalign_cli.subcommands import offline as commands
from tests.helpers.paths import ROOT
from tests.helpers.small_world import small_recipe, world


@pytest.fixture
def cli_setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two recordings under names, a fake model, a cache of their own."""
    (first, model), (fresh, more) = world(n_words=300), world(n_words=120, seed=9, prefix="f")
    model.table |= more.table
    shelf = {"first": first, "fresh": fresh}
    for recording in shelf.values():
        recording.pick = lambda names, r=recording: r  # type: ignore[attr-defined]
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(commands, "load_recordings", lambda args, *_: [shelf[p.name] for p in args.recordings])
    monkeypatch.setattr(commands, "load_model", lambda *_: model)
    monkeypatch.setattr(inputs, "load_model", lambda *_: model)
    (tmp_path / "recipe.toml").write_text(small_recipe().to_toml())
    return tmp_path


def train(cli_setup: Path, *more: str, name: str = "bank") -> int:
    argv = [
        "train",
        "first",
        "--model",
        "fake",
        "--recipe",
        str(cli_setup / "recipe.toml"),
        "--out",
        str(cli_setup / name),
    ]
    return main.main([*argv, *more])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of an error."""
    text = capsys.readouterr().err.strip().splitlines()
    assert "Traceback" not in "".join(text)
    return text[-1]


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main.main([command, "--help"])
    assert stop.value.code == 0
    assert f"rtalign {command}" in capsys.readouterr().out.split("example:")[1]


@pytest.mark.parametrize(
    "argv", [["train"], ["nonsense"], ["train", "x", "--model", "m", "--out", "o", "--words", "some"]]
)
def test_wrong_usage_is_status_2(argv: list[str]) -> None:
    assert main.main(argv) == 2


def test_train_evaluate_report_from_the_command_line(cli_setup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(cli_setup) == 0
    text = capsys.readouterr().out
    assert "of depth" in text or "Deeper layers answer" in text
    assert "report.html" in text
    assert (
        main.main(["evaluate", str(cli_setup / "bank"), "fresh", "--out", str(cli_setup / "out"), "--json", "--quiet"])
        == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert result["kind"] == "evaluate"
    assert result["n_words"] > 100
    (cli_setup / "bank" / "report.html").unlink()
    assert main.main(["report", str(cli_setup / "bank")]) == 0
    assert (cli_setup / "bank" / "report.html").is_file()


def test_results_are_replaced_on_request_alone(cli_setup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(cli_setup) == 0
    before = (cli_setup / "bank" / "passport.json").read_text()
    assert train(cli_setup) == 1
    assert "--force" in said(capsys)
    assert train(cli_setup, "--force") == 0
    assert (cli_setup / "bank" / "passport.json").read_text() != before
    (cli_setup / "thesis").mkdir()
    (cli_setup / "thesis" / "chapter.txt").write_text("years of work")
    assert train(cli_setup, "--force", name="thesis") == 1
    assert (cli_setup / "thesis" / "chapter.txt").read_text() == "years of work"


def test_dry_run_estimates_and_writes_nothing(cli_setup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(cli_setup, "--dry-run", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["words"] == 300
    assert result["seconds"]["total"] > 0
    assert not (cli_setup / "bank").exists()


def test_a_context_that_may_not_fit_is_warned_of_first(cli_setup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for context, cautioned in (("growing:30", True), ("growing:20", False)):
        assert train(cli_setup, "--context", context, "--dry-run") == 0
        assert ("it reads twenty words at most" in capsys.readouterr().err) == cautioned


def test_ctrl_c_is_one_line_and_nothing_half_written(
    cli_setup: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rtalign.training.trainer._fit_lags", interrupt)
    assert train(cli_setup) == 1
    assert "continues from there" in said(capsys)
    assert not (cli_setup / "bank").exists()
    monkeypatch.undo()


def test_a_full_disk_is_one_line(
    cli_setup: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr("rtalign.core.storage.tensorfile.os.posix_fallocate", full)
    assert train(cli_setup) == 1
    assert "the disk is full" in said(capsys)
    assert not (cli_setup / "bank").exists()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--context", "sliding:3", "growing:N or window:K"),
        ("--lags", "0:1", "FROM:TO:STEP"),
        ("--lags", "1:0:0.1", "the last must not precede the first"),
        ("--layers", "0,99", "layer 99 was asked for"),
        ("--recipe", "no-such.toml", "no-such.toml"),
    ],
)
def test_a_bad_option_names_the_fact_and_the_fix(
    cli_setup: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, words: str
) -> None:
    assert main.main(["train", "first", "--model", "fake", "--out", str(cli_setup / "bank"), option, value]) == 1
    assert words in said(capsys)
    assert not (cli_setup / "bank").exists()


def test_a_bank_of_another_version_is_refused(cli_setup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(cli_setup) == 0
    path = cli_setup / "bank" / "passport.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 7', 1))
    assert main.main(["evaluate", str(cli_setup / "bank"), "fresh", "--out", str(cli_setup / "out")]) == 1
    assert "version 7; this program reads version 1" in said(capsys)
    assert not (cli_setup / "out").exists()


def test_sensors_that_a_recording_lacks_are_named(cli_setup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(cli_setup) == 0
    path = cli_setup / "bank" / "passport.json"
    path.write_text(path.read_text().replace('"M004"', '"MLF25"'))
    assert main.main(["evaluate", str(cli_setup / "bank"), "fresh", "--out", str(cli_setup / "out")]) == 1
    line = said(capsys)
    assert "MLF25 is not there" in line
    assert "--allow-missing" in line
    assert (
        main.main(["evaluate", str(cli_setup / "bank"), "fresh", "--out", str(cli_setup / "out"), "--allow-missing"])
        == 0
    )


def test_a_bug_is_one_line_too_and_debug_shows_it(
    cli_setup: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(commands, "load_model", lambda *_: 1 / 0)
    assert train(cli_setup) == 1
    assert "unexpected ZeroDivisionError" in said(capsys)
    with pytest.raises(ZeroDivisionError):
        train(cli_setup, "--debug")


def test_the_readme_names_only_commands_and_options_that_exist() -> None:
    parser = build_parser()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    (rtalign .*?)(?:  +#.*)?$", text, re.MULTILINE)
    assert len(lines) >= 8
    for line in lines:
        parser.parse_args(line.split()[1:])


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"rtalign {command}" in text for command in SUBCOMMANDS)


def test_every_subcommand_is_found() -> None:
    assert all(callable(pkgutil.resolve_name(subcommand.function)) for subcommand in SUBCOMMANDS.values())


@pytest.mark.parametrize("argv", [["--help"], ["train", "--help"]])
def test_help_imports_no_library(argv: list[str]) -> None:
    probe = (
        "import sys; from rtalign_cli.main import main\n"
        f"try: main({argv})\n"
        "except SystemExit: pass\n"
        "assert not {'numpy', 'pydantic', 'torch', 'mne', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("module", ["rtalign", "rtalign_cli"])
def test_the_command_runs_as_a_module_too(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"rtalign {version('rtalign')}\n"


def test_a_language_model_is_trained_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, out = tmp_path / "story.txt", tmp_path / "my-gru"
    text.write_text("the keeper of the lamp climbed the stairs and looked at the sea " * 100)
    options = ["--kind", "gru", "--dim", "16", "--layers", "1", "--vocabulary", "300", "--steps", "2"]
    assert main.main(["train-lm", str(text), "--out", str(out), *options, "--quiet", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["folder"] == str(out)
    assert 0 < result["nats_per_token"] < 6
    assert (out / "config.json").is_file()
    assert main.main(["train-lm", str(text), "--out", str(tmp_path / "odd"), "--dim", "15", "--quiet"]) == 1
    assert "must be a multiple of 4" in said(capsys)
