"""stream: plays a recording as LSL streams, with one line about its state."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rtalign.core.progress import Progress
from rtalign.core.text.plain_text import plain
from rtalign.core.text.time_format import position_time
from rtalign_cli.checks import require_paths
from rtalign_cli.inputs import load_recordings
from rtalign_cli.text import print_lines

if TYPE_CHECKING:
    from rtalign.streams.player import PlayerStatus

LINE_EVERY_S = 10.0


def stream(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Play to the end, or until Ctrl-C; returns how much was sent."""
    from rtalign.streams.player import FaultPlan, PlayerSettings, Streamer

    settings = PlayerSettings(
        name_meg=args.name_meg,
        name_words=args.name_words,
        speed=args.speed,
        chunk_s=args.chunk_ms / 1000,
        encoding=args.word_encoding,
        word_delay_s=args.word_delay,
        wait_s=args.wait,
    )
    require_paths([args.faults], "faults file")
    plan = FaultPlan.load(args.faults) if args.faults else None
    line = StatusLine(args.quiet)
    recordings = load_recordings(args, progress)
    streamer = Streamer(recordings, settings, plan, line.show)
    progress.say(f"streams {settings.name_meg} and {settings.name_words}, {settings.speed:g}x; Ctrl-C stops")
    interrupted = False
    try:
        streamer.run()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        line.close()
    status = streamer.status
    if not (args.quiet or args.json):
        print_lines([summary_line(status, interrupted)])
    return asdict(status) | {"speed": settings.speed, "interrupted": interrupted}


class StatusLine:
    """One line, overwritten on a terminal; elsewhere a line at each change and every ten seconds."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet, self._live = quiet, sys.stderr.isatty()
        self._printed_at, self._open = 0.0, False
        self._printed: tuple[Any, ...] = ()

    def show(self, status: PlayerStatus) -> None:
        """Print the status where it is time to."""
        if self._quiet:
            return
        if self._live:
            width = max(shutil.get_terminal_size((80, 24)).columns - 1, 20)
            print(f"\r\x1b[2K{_one_line(status)[:width]}", end="", file=sys.stderr, flush=True)
            self._open = True
            return
        now, state = time.monotonic(), (status.recording, status.meg_received, status.words_received, status.faults)
        if state != self._printed or now - self._printed_at > LINE_EVERY_S:
            self._printed_at, self._printed = now, state
            print(_one_line(status), file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the line that is open on a terminal."""
        if self._open:
            print(file=sys.stderr)


def _one_line(status: PlayerStatus) -> str:
    return plain(status_text(status).replace("\n", " "))


def status_text(status: PlayerStatus) -> str:
    """The state of the streams, in one line."""
    if not status.recording:
        return "waiting for a receiver"
    received = [
        name for name, connected in (("MEG", status.meg_received), ("words", status.words_received)) if connected
    ]
    parts = [
        f"{position_time(status.position_s)} of {position_time(status.total_s)}",
        status.recording,
        f"received: {' and '.join(received) or 'by nobody'}",
        f"{status.n_words:,} words",
    ]
    if status.n_withheld or status.n_words_withheld:
        parts.append(f"withheld: {status.n_withheld:,} samples, {status.n_words_withheld:,} words")
    return "  ".join([*parts, *([f"fault: {', '.join(status.faults)}"] if status.faults else [])])


def summary_line(status: PlayerStatus, interrupted: bool) -> str:
    """How much was sent, in one line."""
    stopped = f"stopped at {position_time(status.position_s)} of {position_time(status.total_s)}"
    end = stopped if interrupted else "played to the end"
    return f"{end}: {status.n_samples:,} samples, {status.n_words:,} words sent"
