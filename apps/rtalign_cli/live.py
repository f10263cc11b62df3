"""monitor and replay: from options to a session, which the window or the terminal then shows."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rtalign.core.session import Session
from rtalign.engine.process.client import Client
from rtalign.engine.snapshot import Snapshot, empty_snapshot
from rtalign_cli.terminal import JsonLines, Panel, as_line


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
        from rtalign_monitor.app import DisplayOptions, run
    except ImportError as error:
        raise ValueError(f"the window cannot be loaded: {error}; `rtalign doctor` says what is missing") from None
    seen = run(session, DisplayOptions(args.view, either(over, args.seconds), args.pictures))
    return seen or empty_snapshot("ended", "no session was begun")


def either(over: Callable[[Snapshot], bool], seconds: float | None) -> Callable[[Snapshot], bool]:
    """Over for its own reason, or after so many seconds of running."""
    began: list[float] = []

    def done(seen: Snapshot) -> bool:
        if seen.phase == "running" and not began:
            began.append(time.monotonic())
        return over(seen) or bool(seconds and began and time.monotonic() - began[0] > seconds)

    return done


SHARED = ("bank", "model", "record", "publish", "adapt", "allow_missing", "last_words", "word_table")
LIVE = (*SHARED, "meg", "words", "encoding", "trigger", "audio_delay_s")
REPLAY = (*SHARED, "recording", "subject", "session", "task", "run", "out", "raw_stamps", "audio")
CHOICE = ("subject", "session", "task", "run", "word_table", "meg_stream", "word_stream")
LOOK_S = 0.25
DRAIN_S = 15.0
"""After the streams have ended: how long words still under way are waited for."""


def monitor(args: argparse.Namespace) -> dict[str, Any]:
    """Live streams, until Ctrl-C."""
    base = Session.load(args.session_file) if args.session_file else Session()
    session = with_options(base, args, LIVE)
    asks = not args.headless and session == Session()
    return show(None if asks else session, args, lambda _: False)


def replay(args: argparse.Namespace) -> dict[str, Any]:
    """A recording, from its first word to its last."""
    session = with_options(Session(), args, REPLAY).model_copy(
        update={"meg": args.meg_stream, "words": args.word_stream}
    )
    if args.lsl:
        return over_lsl(session, args)
    if args.record:
        raise ValueError("a replay is on disk already; --record is for live streams and for --lsl, --out for results")
    session = session.model_copy(update={"speed": speed_of(args.speed)})
    watched = not (args.headless or args.pictures)  # who watches may go back once it has ended
    return show(session, args, lambda seen: not watched and seen.phase in ("ended", "refused"))


def over_lsl(session: Session, args: argparse.Namespace) -> dict[str, Any]:
    """The recording goes out as real streams from another process, and comes back in through them."""
    stay_on_this_machine()
    name = f"replay-{os.getpid()}"
    session = session.model_copy(
        update={"recording": None, "meg": f"{name}-meg", "words": f"{name}-words", "speed": 1.0}
    )
    command = [sys.executable, "-m", "rtalign_cli.main", "stream", str(args.recording), "--name-meg", f"{name}-meg",
               "--name-words", f"{name}-words", "--wait", "60", "--quiet"]  # fmt: skip
    for option in CHOICE:
        if getattr(args, option) is not None:
            command += [f"--{option.replace('_', '-')}", str(getattr(args, option))]
    command += ["--raw-stamps"] if args.raw_stamps else []
    with ExitStack() as stack:
        player = stack.enter_context(subprocess.Popen(command, start_new_session=True))
        stack.callback(player.terminate)
        return show(session, args, _played_out(player))


def stay_on_this_machine() -> None:
    """LSL on loopback, for whatever this process starts; a user's own setting stays."""
    from importlib.resources import files

    os.environ.setdefault("LSLAPICFG", str(files("rtalign") / "streams" / "loopback.cfg"))


def _played_out(player: subprocess.Popen[bytes]) -> Callable[[Snapshot], bool]:
    """True once the player has ended and every word has met its fate, or a reasonable time after."""
    ended: list[float] = []

    def done(seen: Snapshot) -> bool:
        if player.poll() is None:
            return False
        if not ended:
            ended.append(time.monotonic())
            if player.returncode:
                raise ValueError(f"the stream of the recording failed with status {player.returncode}")
        return seen.work.language_backlog == 0 or time.monotonic() - ended[0] > DRAIN_S

    return done


def show(session: Session | None, args: argparse.Namespace, over: Callable[[Snapshot], bool]) -> dict[str, Any]:
    """Run an engine until it is over, fails, or somebody ends it; the results are written either way."""
    if args.headless and not args.pictures:
        assert session is not None
        seen = on_terminal(session, args, over)
    else:
        seen = in_window(session, args, over)
    refuse(seen)
    folder = seen.recording.folder if seen.recording else session.out if session else None
    if not args.quiet and folder and (Path(folder) / "report.html").is_file():
        print(f"report: {Path(folder) / 'report.html'}", file=sys.stderr)
    elif not args.quiet and folder:
        print(f"no curves to write: {seen.reason}", file=sys.stderr)
    return {**as_line(seen), "folder": str(folder) if folder else None}


def on_terminal(session: Session, args: argparse.Namespace, over: Callable[[Snapshot], bool]) -> Snapshot:
    """Until it is over, fails, or Ctrl-C."""
    engine = Client(session)
    screen = None if args.quiet else Panel() if sys.stdout.isatty() and sys.stderr.isatty() else JsonLines()
    stop_at = time.monotonic() + args.seconds if args.seconds else float("inf")
    try:
        while engine.alive and time.monotonic() < stop_at and not over(engine.newest):
            if screen:
                screen.draw(engine.newest)
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        if not args.quiet:
            print("\nstopping; what was found is being written", file=sys.stderr)
    seen = engine.stop()
    if seen.phase not in ("ended", "failed") and not seen.refused:
        raise ValueError(f"the engine ended unexpectedly with status {engine.wait()}; what it recorded is on disk")
    if isinstance(screen, JsonLines):
        screen.draw(seen, last=True)
    elif screen:
        screen.draw(seen)
    return seen


def refuse(seen: Snapshot) -> None:
    """A session that could not do what was asked for is an error of the command."""
    if seen.phase == "failed":
        raise ValueError(seen.reason or "the engine failed")
    if seen.refused:
        raise ValueError(f"{'; '.join(seen.refused)} - name the bank of this machine, or pass --allow-missing")


def with_options(base: Session, args: argparse.Namespace, names: tuple[str, ...]) -> Session:
    """Options that were given override the session file."""
    given = {name: getattr(args, name) for name in names if getattr(args, name, None) not in (None, False)}
    return Session.model_validate(base.model_dump() | given)


def speed_of(text: str) -> float | None:
    """1, 0.5, 8, or max."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        raise ValueError(f"speed {text!r} is neither a number nor max") from None
    if not 0 < speed <= 1000:
        raise ValueError(f"speed {text} was asked for; it lies above 0 and at most at 1000, or is max")
    return speed
