"""`rtalign`: the one command and its subcommands."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from rtalign_cli import commands
from rtalign_cli.arguments import build_parser

INTERRUPTED = "stopped; what was finished is kept, and the same command goes on from there"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.  0 done, 1 failed for a stated reason, 2 wrong usage."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if not getattr(args, "command", None):
        parser.print_help()
        return 2
    _quiet_libraries()
    try:
        return run(args)
    except KeyboardInterrupt:
        print(f"\nrtalign {args.command}: {INTERRUPTED}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:  # the boundary of the process: every failure becomes one line, --debug shows the rest
        if args.debug:
            raise
        print(f"rtalign {args.command}: {one_line(error)}", file=sys.stderr)
    return 1


def run(args: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, _terminate)
    result: Any = getattr(commands, args.command)(args)
    if args.json and result is not None:
        print(json.dumps(result, indent=1))
    return 0 if not isinstance(result, dict) or result.get("ok", True) else 1


def one_line(error: Exception) -> str:
    """What went wrong, for a person; an error nobody foresaw says its type too."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        place = f" ({error.filename})" if error.filename else ""
        text = f"{error.strerror}{place}"
        if error.errno == 28:
            text = f"the disk is full{place}; free some space and run the same command again"
        return text
    if isinstance(error, (ValueError, OSError, MemoryError)):
        return text
    return f"unexpected {type(error).__name__}: {text} (--debug shows where)"


def _terminate(*_: object) -> None:
    raise KeyboardInterrupt


def _quiet_libraries() -> None:
    """Libraries speak through our own lines, and nothing reaches for a network unasked."""
    import warnings

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("MNE_LOGGING_LEVEL", "ERROR")
    warnings.filterwarnings("ignore")


if __name__ == "__main__":
    sys.exit(main())
