"""The manual page, from the parsers; python -m rtalign_cli.manual prints it."""

from __future__ import annotations

import argparse
from importlib.metadata import version

from rtalign_cli.arguments import MODEL_NAMES, SUBCOMMANDS, build_parser

END = """.SH EXIT STATUS
0 done, 1 failed for a stated reason, 2 wrong usage.
.SH ENVIRONMENT
.TP
.B RTALIGN_CACHE
where activations, filtered signals and unfinished fits are kept (~/.cache/rtalign)
.TP
.B QT_API
pyqt6 or pyside6, where both are installed
"""


def manual() -> str:
    """The page in man's own macros."""
    parser = build_parser()
    (group,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    lines = [
        f'.TH RTALIGN 1 "" "rtalign {version("rtalign")}"',
        ".SH NAME",
        _text("rtalign - how a language model and a human brain line up, word by word"),
        ".SH SYNOPSIS",
        ".B rtalign\n.I COMMAND\n[options]",
        ".SH DESCRIPTION",
        _text(parser.description or ""),
        ".SH COMMANDS",
    ]
    for name, own in group.choices.items():
        lines += [f".SS {_text(name)}", _text(own.description or ""), *_options(own)]
        lines += [".PP", "Example:", ".PP", ".EX", _text(SUBCOMMANDS[name].example), ".EE"]
    return "\n".join([*lines, ".SH MODELS", ".EX", _text(MODEL_NAMES), ".EE", END])


def _options(parser: argparse.ArgumentParser) -> list[str]:
    lines = []
    for action in parser._actions:
        value = action.metavar if isinstance(action.metavar, str) else "|".join(map(str, action.choices or ()))
        value = value if action.nargs != 0 else ""
        names = ", ".join(action.option_strings)
        lines += [".TP", f".B {_text(f'{names} {value}'.strip())}", _text(action.help or "")]
    return lines


def _text(text: str) -> str:
    """Text that no macro is read from."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in safe.split("\n"))


if __name__ == "__main__":
    print(manual(), end="")
