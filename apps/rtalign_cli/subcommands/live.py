"""monitor and replay: from options to a session, shown in the window or on the terminal."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rtalign.core.progress import Progress
from rtalign.core.recipe import validation_text
from rtalign.core.session import Session
from rtalign.core.site import Site
from rtalign.engine.process.supervised import SupervisedEngine
from rtalign.engine.snapshot import Snapshot, empty_snapshot
from rtalign_cli.checks import require_folder, require_paths
from rtalign_cli.terminal import JsonLines, TerminalView, json_line

SHARED = ("bank", "model", "record", "publish", "adapt", "allow_missing", "last_words", "word_table")
LIVE = (*SHARED, "meg", "words", "head", "encoding", "trigger", "audio_delay_s", "no_standby")
REPLAY = (*SHARED, "recording", "subject", "session", "task", "run", "out", "raw_stamps", "audio")
"""Options that are settings of a session, by their names there."""

STREAMED = ("subject", "session", "task", "run", "word_table", "meg_stream", "word_stream")
"""Options of a replay that choose what is streamed."""

POLL_S = 0.25
DRAIN_S = 15.0
"""After the streams have ended: how long to wait for the words that are not scored yet."""

View = TerminalView | JsonLines
Done = Callable[[Snapshot], bool]
"""Whether a session is over."""


def monitor(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Score live streams, until Ctrl-C."""
    require_paths([args.session_file], "session file")
    base = Session.load(args.session_file) if args.session_file else session_here(progress)
    require_shared(args)
    session = with_options(base, args, LIVE)
    choose = not args.headless and session == base and not args.session_file
    return show(None if choose else session, args, lambda _: False, progress)


def session_here(progress: Progress) -> Session:
    """A live session with what is constant at this site."""
    site = Site.load()
    if site.audio_delay_s:
        progress.say(f"audio delay {1e3 * site.audio_delay_s:.1f} ms, measured here ({site.measured or 'undated'})")
    return Session(audio_delay_s=site.audio_delay_s)


def replay(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Score a recording, from its first word to its last."""
    require_paths([args.recording], "recording")
    require_paths([args.audio], "sound")
    require_shared(args)
    session = with_options(Session(), args, REPLAY).model_copy(
        update={"meg": args.meg_stream, "words": args.word_stream}
    )
    if args.lsl:
        return replay_over_lsl(session, args, progress)
    if args.record:
        raise ValueError("a replay is on disk already; --record is for live streams and for --lsl, --out for results")
    session = session.model_copy(update={"speed": speed_of(args.speed)})
    interactive = not (args.headless or args.pictures)  # in the window one may go back once the replay has ended
    return show(session, args, lambda s: not interactive and s.phase in ("ended", "refused"), progress)


def require_shared(args: argparse.Namespace) -> None:
    """Raise FileNotFoundError for a bank or a word table that is not there, before a window opens."""
    require_paths([args.word_table], "word table")
    require_paths([args.bank], "bank")
    for folder in (args.record, vars(args).get("out"), args.pictures):
        if folder is not None:
            require_folder(folder)


def replay_over_lsl(session: Session, args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Stream the recording from another process, once the engine is there to receive it, and score the streams."""
    use_loopback()
    name = f"replay-{os.getpid()}"
    session = session.model_copy(
        update={"recording": None, "meg": f"{name}-meg", "words": f"{name}-words", "speed": 1.0, "no_standby": True}
    )
    command = [sys.executable, "-m", "rtalign_cli", "stream", str(args.recording), "--name-meg", f"{name}-meg",
               "--name-words", f"{name}-words", "--wait", "60", "--quiet"]  # fmt: skip
    options = vars(args)
    for option in STREAMED:
        if options[option] is not None:
            command += [f"--{option.replace('_', '-')}", str(options[option])]
    command += ["--raw-stamps"] if args.raw_stamps else []
    with ExitStack() as stack:

        def play() -> subprocess.Popen[bytes]:
            player = stack.enter_context(subprocess.Popen(command, start_new_session=True))
            stack.callback(player.terminate)
            return player

        return show(session, args, played_out(play), progress)


def use_loopback() -> None:
    """Keep LSL on this machine, for this process and those it starts; a user's own setting has priority."""
    os.environ.setdefault("LSLAPICFG", str(files("rtalign") / "streams" / "loopback.cfg"))


def played_out(play: Callable[[], subprocess.Popen[bytes]]) -> Done:
    """Starts a player when the engine runs; true once it has ended and all words are processed, or some time after.

    Why not at once: a recorder receives a second after its start, and the player would begin before the engine does.
    """
    players: list[subprocess.Popen[bytes]] = []
    ended: list[float] = []

    def done(snapshot: Snapshot) -> bool:
        if not players and snapshot.phase != "loading":
            players.append(play())
        if not players or players[0].poll() is None:
            return False
        if not ended:
            ended.append(time.monotonic())
            if players[0].returncode:
                raise ValueError(f"the stream of the recording failed with status {players[0].returncode}")
        return snapshot.work.language_backlog == 0 or time.monotonic() - ended[0] > DRAIN_S

    return done


def show(session: Session | None, args: argparse.Namespace, done: Done, progress: Progress) -> dict[str, Any]:
    """Run an engine until it is done, fails or is stopped; the results are written in each case.

    session : None to let the window ask for one.
    """
    losses: list[str] = []
    if args.headless and not args.pictures:
        assert session is not None
        snapshot = on_terminal(SupervisedEngine(session), args, done, progress, losses)
    else:
        snapshot = in_window(session, args, done)
    refuse(snapshot)
    if (lost := unrecorded(snapshot)) is not None:
        print(f"rtalign: {lost}", file=sys.stderr)
        losses.append(lost)
    folder = snapshot.recording.folder if snapshot.recording else session.out if session else None
    if folder and (Path(folder) / "report.html").is_file():
        progress.say(f"report: {Path(folder) / 'report.html'}")
    elif folder:
        progress.say(f"no curves to write: {snapshot.reason}")
    result = {**json_line(snapshot), "folder": str(folder) if folder else None}
    return {**result, "ok": False, "losses": losses} if losses else result


def on_terminal(
    engine: SupervisedEngine, args: argparse.Namespace, done: Done, progress: Progress, losses: list[str]
) -> Snapshot:
    """Until it is done, fails, or Ctrl-C.  An engine that is lost is started again, and the loss added to `losses`."""
    on_screen = sys.stdout.isatty() and sys.stderr.isatty()
    view = None if args.quiet else TerminalView() if on_screen else JsonLines()
    stop_at = time.monotonic() + args.seconds if args.seconds else float("inf")
    try:
        while time.monotonic() < stop_at and not done(engine.newest):
            view = drawn(view, engine.newest)
            time.sleep(POLL_S)
            if (loss := engine.poll()) is not None:
                print(f"rtalign: {loss}", file=sys.stderr, flush=True)
            if not engine.alive:
                break
    except KeyboardInterrupt:
        progress.say("\nstopping; the results are being written")
    except BaseException:
        engine.stop()
        raise
    snapshot = engine.stop()
    losses += engine.losses
    if snapshot.phase not in ("ended", "failed") and not snapshot.refused:
        raise ValueError(f"the engine ended unexpectedly with status {engine.status}; what was recorded is on disk")
    drawn(view, snapshot, last=True)
    return snapshot


def drawn(view: View | None, snapshot: Snapshot, last: bool = False) -> View | None:
    """Draw a snapshot; returns the view, or None where nobody reads any more, which ends no session."""
    try:
        if view is not None:
            view.draw(snapshot, last)
    except OSError:
        return None
    return view


def in_window(session: Session | None, args: argparse.Namespace, done: Done) -> Snapshot:
    """Until the window is closed; one that only saves pictures closes when the session is done."""
    if args.headless:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    elif not has_display():
        raise ValueError("there is no display here; pass --headless, and --pictures DIR for pictures of the window")
    try:
        from rtalign_monitor.app import DisplayOptions, run
    except ImportError as error:
        raise ValueError(f"the window cannot be loaded: {error}; `rtalign doctor` says what is missing") from None
    snapshot = run(session, DisplayOptions(args.view, or_after(done, args.seconds), args.pictures))
    return snapshot or empty_snapshot("ended", "no session was started")


def has_display() -> bool:
    """Whether a window would be visible to anybody."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform.startswith(("offscreen", "minimal")):
        return False
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def or_after(done: Done, seconds: float | None) -> Done:
    """Done for its own reason, or after so many seconds of running."""
    started: list[float] = []

    def either(snapshot: Snapshot) -> bool:
        if snapshot.phase == "running" and not started:
            started.append(time.monotonic())
        return done(snapshot) or bool(seconds and started and time.monotonic() - started[0] > seconds)

    return either


def refuse(snapshot: Snapshot) -> None:
    """A session that could not do what was asked for is an error of the command."""
    if snapshot.phase == "failed":
        raise ValueError(snapshot.reason or "the engine failed")
    if snapshot.refused:
        raise ValueError(f"{'; '.join(snapshot.refused)} - name the bank of this machine, or pass --allow-missing")


def unrecorded(snapshot: Snapshot) -> str | None:
    """What came and was not recorded, in words; None where that is nothing."""
    recording = snapshot.recording
    if recording is None or not (recording.n_dropped or recording.n_markers_dropped):
        return None
    lost = f"{recording.n_dropped:,} samples and {recording.n_markers_dropped:,} markers were not recorded"
    return f"{lost}: {recording.problem}" if recording.problem else lost


def with_options(base: Session, args: argparse.Namespace, names: tuple[str, ...]) -> Session:
    """Options that were given override the session file."""
    options = vars(args)
    given = {name: options[name] for name in names if options.get(name) not in (None, False)}
    try:
        return Session.model_validate(base.model_dump() | given)
    except ValidationError as error:
        raise ValueError(validation_text(error, "")) from None


def speed_of(text: str) -> float | None:
    """The factor of 1, 0.5, 8; None for max."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        raise ValueError(f"speed {text!r} is neither a number nor max") from None
    if not 0 < speed <= 1000:
        raise ValueError(f"speed {text} was asked for; it must be above 0 and at most 1000, or max")
    return speed
