"""Shells complete commands, options, choices and files as the parsers have them; the manual holds every option."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rtalign_cli.arguments import SUBCOMMANDS, build_parser
from rtalign_cli.completion import SHELLS, command_words
from rtalign_cli.manual import manual

COMMANDS = list(command_words(build_parser()))
CASES = {
    "sim": ["simulate"],
    "simulate --sen": ["--sensors"],
    "simulate --sensors ": ["ctf275", "neuromag306"],
    "train some.fif --contr": ["--controls"],
    "completion ": ["bash", "fish", "zsh"],
}
"""What is typed behind `rtalign`, and what is offered."""


def in_bash(script: str, typed: str) -> str:
    words = ["rtalign", *typed.split(" ")]
    array = " ".join(f"'{word}'" for word in words)
    return f'{script}\nCOMP_WORDS=({array}) COMP_CWORD={len(words) - 1}\n_rtalign\nprintf "%s\\n" "${{COMPREPLY[@]}}"'


def in_fish(script: str, typed: str) -> str:
    return f'{script}\ncomplete -C "rtalign {typed}"'


@pytest.mark.parametrize(("shell", "program"), [("bash", in_bash), ("fish", in_fish)])
def test_a_shell_offers_what_the_parsers_take(shell: str, program: object, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    script = SHELLS[shell](COMMANDS)
    for typed, offered in CASES.items():
        command = [shell, "-c", program(script, typed)]  # type: ignore[operator]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stderr == ""
        assert sorted({line.split("\t")[0] for line in done.stdout.split("\n")} - {""}) == offered, typed


def test_files_are_offered_where_a_path_is_meant(tmp_path: Path) -> None:
    (tmp_path / "story.fif").touch()
    command = ["bash", "-c", in_bash(SHELLS["bash"](COMMANDS), "train st")]
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout == "story.fif\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_in_every_script(shell: str) -> None:
    script = SHELLS[shell](COMMANDS)
    assert {command.name for command in COMMANDS} == set(SUBCOMMANDS)
    for command in COMMANDS:
        assert command.name in script
        for option in command.options:
            for name in option.names:
                assert (f"-l {name[2:]}" if shell == "fish" and name.startswith("--") else name) in script


def test_zsh_reads_the_script() -> None:
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    program = f"autoload -U compinit && compinit -D\n{SHELLS['zsh'](COMMANDS)}\nprint $_comps[rtalign]"
    done = subprocess.run(["zsh", "-fc", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("_rtalign\n", "")


def test_the_manual_holds_every_command_and_option_and_no_foreign_macro() -> None:
    page = manual()
    for command in COMMANDS:
        assert f".SS {command.name}".replace("-", r"\-") in page
        for option in command.options:
            assert option.names[-1].replace("-", r"\-") in page
    macros = {line.split()[0] for line in page.split("\n") if line.startswith((".", "'"))}
    assert macros <= {".TH", ".SH", ".SS", ".TP", ".PP", ".EX", ".EE", ".B", ".I"}
