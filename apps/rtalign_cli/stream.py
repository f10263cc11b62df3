"""stream: a recording becomes LSL streams, with a calm line about how it goes."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import asdict
from typing import Any

from rtalign.core.progress import Progress
from rtalign.core.time_format import position_time

LINE_EVERY_S = 10.0


def stream(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Play to the end, or until Ctrl-C; what was sent comes back in numbers."""
    from rtalign.streams.player.fault_plan import Plan
    from rtalign.streams.player.player import Setup, Streamer
    from rtalign_cli.inputs import open_all

    setup = Setup(
        name_meg=args.name_meg,
        name_words=args.name_words,
        speed=args.speed,
        chunk_s=args.chunk_ms / 1000,
        encoding=args.word_encoding,
        word_delay_s=args.word_delay,
        wait_s=args.wait,
    )
    plan = Plan.load(args.faults) if args.faults else None
    line = StatusLine(args.quiet)
    streamer = Streamer(open_all(args, progress), setup, plan, line.show)
    progress.say(f"streams {setup.name_meg} and {setup.name_words}, {setup.speed:g}x; Ctrl-C stops")
    interrupted = False
    try:
        streamer.run()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        line.close()
    seen = streamer.status
    if not (args.quiet or args.json):
        print(summary(seen, interrupted))
    return asdict(seen) | {"speed": setup.speed, "interrupted": interrupted}


class StatusLine:
    """One line that is written over on a terminal; a line now and then, and at each change, elsewhere."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet, self._live = quiet, sys.stderr.isatty()
        self._said, self._open = 0.0, False
        self._key: tuple[Any, ...] = ()

    def show(self, seen: Any) -> None:
        if self._quiet:
            return
        if self._live:
            width = max(shutil.get_terminal_size((80, 24)).columns - 1, 20)
            print(f"\r\x1b[2K{as_line(seen)[:width]}", end="", file=sys.stderr, flush=True)
            self._open = True
            return
        now, key = time.monotonic(), (seen.recording, seen.meg_heard, seen.words_heard, seen.faults)
        if key != self._key or now - self._said > LINE_EVERY_S:
            self._said, self._key = now, key
            print(as_line(seen), file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._open:
            print(file=sys.stderr)


def as_line(seen: Any) -> str:
    """How it goes, in one line for a person."""
    if not seen.recording:
        return "waiting for somebody to listen"
    listening = [name for name, heard in (("MEG", seen.meg_heard), ("words", seen.words_heard)) if heard]
    parts = [
        f"{position_time(seen.position_s)} of {position_time(seen.total_s)}",
        seen.recording,
        f"heard: {' and '.join(listening) or 'by nobody'}",
        f"{seen.n_words:,} words",
    ]
    if seen.n_withheld or seen.n_words_withheld:
        parts.append(f"withheld: {seen.n_withheld:,} samples, {seen.n_words_withheld:,} words")
    return "  ".join([*parts, *([f"fault: {', '.join(seen.faults)}"] if seen.faults else [])])


def summary(seen: Any, interrupted: bool) -> str:
    end = (
        f"stopped at {position_time(seen.position_s)} of {position_time(seen.total_s)}"
        if interrupted
        else "played to the end"
    )
    return f"{end}: {seen.n_samples:,} samples, {seen.n_words:,} words sent"
