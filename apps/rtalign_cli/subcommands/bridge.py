"""bridge: sends a FieldTrip buffer on as LSL streams, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rtalign.core.progress import Progress

if TYPE_CHECKING:
    from rtalign.streams.fieldtrip import BridgeStatus

LINE_EVERY_S = 10.0


def bridge(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Send until Ctrl-C; returns how much was sent."""
    from rtalign.streams.fieldtrip import Bridge

    lines = StateLines(args.quiet)
    sender = Bridge(args.address, args.name_meg, args.name_words, lines.show)
    progress.say(f"{args.address} goes out as {args.name_meg} and {args.name_words}; Ctrl-C stops")
    with contextlib.suppress(KeyboardInterrupt):
        sender.run(threading.Event())
    if not (args.quiet or args.json):
        print(f"stopped: {amounts(sender.status)}")
    return asdict(sender.status)


class StateLines:
    """A line at each change of the state, and every ten seconds."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet, self._printed_at = quiet, 0.0
        self._printed: tuple[str, int, tuple[str, ...]] = ("", 0, ())

    def show(self, status: BridgeStatus) -> None:
        """Print the status where it is time to."""
        now, state = time.monotonic(), (status.state, status.n_lost, status.notes)
        if self._quiet or (state == self._printed and now - self._printed_at < LINE_EVERY_S):
            return
        for note in status.notes if status.notes != self._printed[2] else ():
            print(note, file=sys.stderr)
        self._printed, self._printed_at = state, now
        print(f"{status.state}  {amounts(status)}", file=sys.stderr, flush=True)


def amounts(status: BridgeStatus) -> str:
    """How much was sent, and how well its times are known, in one line."""
    parts = [f"{status.n_samples:,} samples", f"{status.n_events:,} events sent"]
    if status.n_lost:
        parts.append(f"{status.n_lost:,} samples lost: overwritten before they were read")
    if status.uncertainty_s:
        parts.append(f"times within {1000 * status.uncertainty_s:.1f} ms")
    return ", ".join(parts)
