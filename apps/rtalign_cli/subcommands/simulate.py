"""simulate: writes a recording with known latencies."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rtalign.core.progress import Progress, Stage
from rtalign_cli.checks import require_paths, require_writable
from rtalign_cli.text import print_lines

RATES = {"ctf275": 1200.0, "neuromag306": 1000.0}


def simulate(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Simulate a listener as the options say."""
    from rtalign.language import load

    require_paths([args.text], "text")
    require_writable(args.out)
    ladder = ladder_of(args.ladder) if args.ladder else None
    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise ValueError(f"{args.out} exists already; name a new folder")
    model = None if args.null else load(args.model, report=progress.say)
    plan = {"sensors": args.sensors, "sfreq": args.sfreq or RATES[args.sensors], "null": args.null, "seed": args.seed}
    plan["n_words"] = args.words
    if args.run_words is not None:
        plan["run_words"] = args.run_words
    if args.snr is not None:
        plan["snr"] = args.snr
    if ladder:
        plan["ladder"] = ladder
    text = read_text(args.text) if args.text else None
    result = write_listener(args.out, progress, model=model, text=text, **plan)
    if not (args.quiet or args.json):
        print_lines(
            [f"{result['n_words']:,} words, {result['minutes']:.1f} min in {result['n_runs']} runs: {args.out}"]
        )
    return result


def write_listener(
    out: Path, progress: Progress, *, model: Any, text: str | None = None, **plan: Any
) -> dict[str, Any]:
    """A simulated listener in a new folder; returns what was planted and the counts."""
    from rtalign.simulation import SimulationPlan
    from rtalign.simulation import simulate as simulate_listener

    with StageBars(progress) as report:
        made = simulate_listener(out, SimulationPlan(**plan), text=text, model=model, progress=report)
    return asdict(made) | {"folder": str(made.folder)}


class StageBars:
    """Turns reports of (stage, share done) into progress bars, one stage after the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._stack = progress, ExitStack()
        self._name, self._done = "", 0.0
        self._stage: Stage | None = None

    def __enter__(self) -> StageBars:
        return self

    def __call__(self, name: str, share: float) -> None:
        if name != self._name:
            self._stack.close()
            self._stage = self._stack.enter_context(self._progress.stage(f"simulate: {name}", 100, "%"))
            self._name, self._done = name, 0.0
        if self._stage is not None:
            self._stage.advance(100 * share - self._done)
        self._done = 100 * share

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def ladder_of(text: str) -> tuple[float, float]:
    """Latencies of the first and the last layer, from FIRST_S,LAST_S."""
    try:
        first, last = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"ladder {text!r} is not FIRST_S,LAST_S in seconds, such as 0.15,0.45") from None
    return first, last


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text; convert it first") from None
