"""completion: what a shell completes after `rtalign`, for bash, zsh and fish, from the parsers themselves."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtalign.core.progress import Progress


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a command.  choices : the values that it takes, where they are few; files : whether it is a path."""

    names: tuple[str, ...]
    text: str
    takes_value: bool
    choices: tuple[str, ...]
    files: bool


@dataclass(frozen=True, slots=True)
class CommandWords:
    """What may follow a command.  choices : of its arguments; files : whether it takes paths."""

    name: str
    text: str
    options: tuple[Option, ...]
    choices: tuple[str, ...]
    files: bool


def completion(args: argparse.Namespace, _progress: Progress) -> dict[str, Any] | None:
    """Print the completion of a shell; `eval` of it, or a file in the shell's own folder, turns it on."""
    from rtalign_cli.arguments import build_parser

    script = SHELLS[args.shell](list(command_words(build_parser())))
    if args.json:
        return {"shell": args.shell, "script": script}
    print(script, end="")
    return None


def command_words(parser: argparse.ArgumentParser) -> Iterator[CommandWords]:
    """Every command of a parser, with its options."""
    for group in parser._actions:
        if isinstance(group, argparse._SubParsersAction):
            texts = {action.dest: action.help or "" for action in group._choices_actions}
            for name, own in group.choices.items():
                yield _of(name, texts.get(name, ""), own)


def _of(name: str, text: str, parser: argparse.ArgumentParser) -> CommandWords:
    options = tuple(_option(action) for action in parser._actions if action.option_strings)
    arguments = [action for action in parser._actions if not action.option_strings]
    choices = tuple(str(choice) for action in arguments for choice in action.choices or ())
    return CommandWords(name, text, options, choices, any(action.type is Path for action in arguments))


def _option(action: argparse.Action) -> Option:
    choices = tuple(str(choice) for choice in action.choices or ())
    return Option(tuple(action.option_strings), action.help or "", action.nargs != 0, choices, action.type is Path)


def _bash(commands: Sequence[CommandWords]) -> str:
    """Options after a dash; else choices, and files where a path is meant."""
    names = " ".join(command.name for command in commands)
    places, values = [], []
    for command in commands:
        options = " ".join(name for option in command.options for name in option.names if name.startswith("--"))
        choices = " ".join(command.choices)
        places.append(f"        {command.name}) options='{options}' words='{choices}' files={command.files:d} ;;")
        for option in command.options:
            if option.takes_value:
                keys = "|".join(f"'{command.name} {name}'" for name in option.names)
                values.append(f"        {keys}) words='{' '.join(option.choices)}' files={option.files:d} ;;")
    return "\n".join([
        "_rtalign() {",
        "    local now=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}",
        f"    local command='' options='--help --version' words='{names}' files=0 word",
        '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        f'        case " {names} " in *" $word "*) command=$word; break ;; esac',
        "    done",
        "    case $command in",
        *places,
        "    esac",
        '    case "$command $before" in',
        *values,
        "    esac",
        "    if [[ $now == -* ]]; then words=$options files=0; fi",
        '    COMPREPLY=($(compgen -W "$words" -- "$now"))',
        '    if ((files)); then COMPREPLY+=($(compgen -f -- "$now")); fi',
        "}",
        "complete -o filenames -F _rtalign rtalign",
        "",
    ])  # fmt: skip


def _zsh(commands: Sequence[CommandWords]) -> str:
    """Names with their explanations."""
    listed = " ".join(shlex.quote(f"{command.name}:{command.text}") for command in commands)
    cases = []
    for command in commands:
        specs = [_zsh_spec(name, option) for option in command.options for name in option.names]
        if command.choices or command.files:
            action = f"({' '.join(command.choices)})" if command.choices else "_files"
            specs.append(f"*:argument:{action}")
        cases.append(f"        {command.name}) _arguments {' '.join(map(shlex.quote, specs))} ;;")
    return "\n".join([
        "#compdef rtalign",
        "_rtalign() {",
        "    local line state",
        "    _arguments -C '1: :->command' '*:: :->rest' && return",
        f"    local -a commands=({listed})",
        '    if [[ $state == command ]]; then _describe command commands; return; fi',
        "    case $line[1] in",
        *cases,
        "    esac",
        "}",
        'if [[ $funcstack[1] == _rtalign ]]; then _rtalign "$@"; else compdef _rtalign rtalign; fi',
        "",
    ])  # fmt: skip


def _zsh_spec(name: str, option: Option) -> str:
    text = option.text.translate({ord(sign): f"\\{sign}" for sign in "[]:"})
    if not option.takes_value:
        return f"{name}[{text}]"
    action = f"({' '.join(option.choices)})" if option.choices else "_files" if option.files else " "
    return f"{name}[{text}]:value:{action}"


def _fish(commands: Sequence[CommandWords]) -> str:
    """Names with their explanations, files only where a path is meant."""
    lines = ["complete -c rtalign -f"]
    for command in commands:
        text = shlex.quote(command.text)
        lines.append(f"complete -c rtalign -n __fish_use_subcommand -a {command.name} -d {text}")
        after = f"complete -c rtalign -n '__fish_seen_subcommand_from {command.name}'"
        if command.choices:
            lines.append(f"{after} -a {shlex.quote(' '.join(command.choices))}")
        if command.files:
            lines.append(f"{after} -F")
        for option in command.options:
            names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
            value = f" -x -a {shlex.quote(' '.join(option.choices))}" if option.takes_value else ""
            value = " -r -F" if option.files else value
            lines.append(f"{after} {names}{value} -d {shlex.quote(option.text)}")
    return "\n".join([*lines, ""])


SHELLS: dict[str, Callable[[Sequence[CommandWords]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
