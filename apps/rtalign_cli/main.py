"""`rtalign`: finds the subcommand, runs it and turns its end into an exit status."""

from __future__ import annotations

import argparse
import errno
import json
import os
import pkgutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from rtalign.core.progress import Progress
from rtalign.core.text.plain_text import plain
from rtalign_cli.arguments import SUBCOMMANDS, build_parser
from rtalign_cli.usage import UsageError

Command = Callable[[argparse.Namespace, Progress], Any]
"""A subcommand returns its result as JSON has it; a mapping whose `ok` is false makes the exit status 1."""

EXTRAS = {
    "PyQt6": "gui", "qtpy": "gui", "pyqtgraph": "gui", "pylsl": "live", "mne_lsl": "live", "distributed": "sweep",
    "dask": "sweep", "cryptography": "sweep", "bokeh": "sweep", "pyarrow": "sweep", "spacy": "pos", "h5py": "hdf5",
    "pandas": "tables", "xarray": "tables", "pocketsphinx": "align",
}  # fmt: skip
"""Which part of the package brings a library that can be left out."""

INTERRUPTED = "stopped; what was finished is kept, and the same command continues from there"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns 0 when it is done, 1 when it failed for a stated reason, 2 for wrong usage."""
    argv = sys.argv[1:] if argv is None else argv
    parser = build_parser([word for word in argv if word in SUBCOMMANDS])
    try:
        args = parser.parse_args(argv)
    except UsageError as error:
        command = next((f" {word}" for word in argv if word in SUBCOMMANDS), "")
        _complain(f"rtalign{command}: {error_line(error)}")
        return 2
    if args.command is None:
        parser.print_help()
        return 2
    _configure_libraries()
    try:
        return run(args)
    except KeyboardInterrupt:
        print(f"\nrtalign {args.command}: {INTERRUPTED}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UsageError as error:
        _complain(f"rtalign {args.command}: {error_line(error)}")
        return 2
    except Exception as error:  # the boundary of the process: every failure becomes one line, --debug shows the rest
        if args.debug:
            sys.excepthook = _show_trace
            raise
        _complain(f"rtalign {args.command}: {error_line(error)}")
    return 1


def run(args: argparse.Namespace) -> int:
    """Import the subcommand, call it and print its result if JSON is asked for; returns the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    command: Command = pkgutil.resolve_name(SUBCOMMANDS[args.command].function)
    result = command(args, Progress(args.quiet))
    if args.json and result is not None:
        print(json.dumps(result, indent=1))
    return 1 if isinstance(result, dict) and not result.get("ok", True) else 0


def _show_trace(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _complain("".join(traceback.format_exception(kind, error, trace)).rstrip())


def _complain(line: str) -> None:
    print(plain(line), file=sys.stderr)


def error_line(error: Exception) -> str:
    """What went wrong, in one line; an error that nobody foresaw says its type too."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        place = f" ({error.filename})" if error.filename else ""
        if error.errno == errno.ENOSPC:
            return f"the disk is full{place}; free some space and run the same command again"
        return f"{error.strerror}{place}"
    if isinstance(error, ModuleNotFoundError) and (name := str(error.name).partition(".")[0]) in EXTRAS:
        return f"{name} is not installed; pip install 'rtalign[{EXTRAS[name]}]'"
    if isinstance(error, (ValueError, OSError, MemoryError)):
        return text
    return f"unexpected {type(error).__name__}: {text} (--debug shows where)"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _configure_libraries() -> None:
    """Silence the libraries' own output, and keep them from the network unless the user allows it."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("MNE_LOGGING_LEVEL", "ERROR")
    warnings.filterwarnings("ignore")
