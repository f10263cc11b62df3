"""A session shown in the window instead of on the terminal."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

from rtalign.session import Session
from rtalign.snapshot import Snapshot, empty


def has_display() -> bool:
    """Whether a window would be seen by anybody."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform.startswith(("offscreen", "minimal")):
        return False
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def in_window(session: Session | None, args: argparse.Namespace, over: Callable[[Snapshot], bool]) -> Snapshot:
    """Until the window is closed; one that only leaves pictures closes when the session is over."""
    if args.headless:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    elif not has_display():
        raise ValueError("there is no display here; pass --headless, and --pictures DIR for pictures of the window")
    try:
        from apps.main import Showing, run
    except ImportError as error:
        raise ValueError(f"the window cannot be loaded: {error}; `rtalign doctor` says what is missing") from None
    seen = run(session, Showing(args.view, either(over, args.seconds), args.pictures))
    return seen or empty("ended", "no session was begun")


def either(over: Callable[[Snapshot], bool], seconds: float | None) -> Callable[[Snapshot], bool]:
    """Over for its own reason, or after so many seconds of running."""
    began: list[float] = []

    def done(seen: Snapshot) -> bool:
        if seen.phase == "running" and not began:
            began.append(time.monotonic())
        return over(seen) or bool(seconds and began and time.monotonic() - began[0] > seconds)

    return done
