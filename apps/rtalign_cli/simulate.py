"""simulate: a recording on disk with known latencies, from the command line."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rtalign.core.progress import Progress, Stage

RATES = {"ctf275": 1200.0, "neuromag306": 1000.0}


def simulate(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from rtalign.language import load

    model = None if args.null else load(args.model, report=progress.say)
    given = {"sensors": args.sensors, "sfreq": args.sfreq or RATES[args.sensors], "null": args.null, "seed": args.seed}
    given["n_words"] = args.words
    if args.snr is not None:
        given["snr"] = args.snr
    if args.ladder:
        given["ladder"] = ladder(args.ladder)
    text = read_text(args.text) if args.text else None
    made = write(args.out, progress, model=model, text=text, **given)
    if not (args.quiet or args.json):
        print(f"{made['n_words']:,} words, {made['minutes']:.1f} min in {made['n_runs']} runs: {args.out}")
    return made


def write(out: Path, progress: Progress, *, model: Any, text: str | None = None, **plan: Any) -> dict[str, Any]:
    """A simulated listener in a new folder; what is planted comes back with the counts."""
    from rtalign.simulation.recording import Plan
    from rtalign.simulation.simulator import simulate as make

    with Shares(progress) as report:
        made = make(out, Plan(**plan), text=text, model=model, progress=report)
    return asdict(made) | {"folder": str(made.folder)}


class Shares:
    """Turns reports of (stage, share done) into bars, one stage after the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._stack = progress, ExitStack()
        self._name, self._done = "", 0.0
        self._stage: Stage | None = None

    def __enter__(self) -> Shares:
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


def ladder(text: str) -> tuple[float, float]:
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
