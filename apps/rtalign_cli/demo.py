"""demo: the whole of it with nothing else at hand - a simulated listener, her bank, fresh minutes, the window."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from rtalign.core.progress import Progress
from rtalign.decoding.bank import DecoderBank
from rtalign.report.summary import as_json
from rtalign_cli.live import has_display
from rtalign_cli.text import headline, ladder, peaks_of

WORDS_A_MINUTE = 156
RUNS = 5
"""The training story is told in this many runs, one a fold; a further run of the same length stays fresh."""

LIVE_S = 100.0
"""How long the live part listens where nobody watches."""

SFREQ = 300.0
"""A quarter of a CTF's rate: the same result after the low-pass, a quarter of the disk."""


def demo(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Simulate, train, evaluate, show; what a first run left is used again by a second."""
    from rtalign.training.evaluation import evaluate

    made = prepared(args, progress)
    if args.prepare:
        return {"planted_s": made.planted, "bank": str(args.out / "bank")}
    planted, model = made.planted, made.model
    progress.say("3  The same decoders on minutes they have never seen")
    bank = DecoderBank.load(args.out / "bank")
    fresh = evaluate(bank, made.runs[RUNS:], model, args.out / "fresh", progress, extra={"planted": planted})
    aloud = not (args.json or args.quiet)
    if aloud:
        print("\n".join(story(made.trained, fresh, planted)))
    watched = has_display() and not args.headless
    where = "in the window; close it to end the demo" if watched else f"heard for {LIVE_S:.0f} s"
    progress.say(f"4  And live: the same minutes as LSL streams on this machine, {where}")
    live = listened(args.out, watched)
    if aloud:
        print("\n".join(["", *heard(live), "", *places(args.out, watched)]))
    return {"planted_s": planted, "train": made.trained, "fresh": fresh, "live": live}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A listener and her bank.  runs : the last one is fresh; trained : the bank's summary."""

    model: Any
    runs: list[Any]
    planted: dict[str, float]
    trained: dict[str, Any]


def prepared(args: argparse.Namespace, progress: Progress) -> Prepared:
    """Made now, as far as an earlier run has not left it."""
    from rtalign.core.recipe import Recipe
    from rtalign.language import load
    from rtalign.recordings import open_recordings
    from rtalign.training.trainer import train

    progress.say("1  A language model and a listener whose brain follows it, layer after layer")
    model = load("smollm2", report=progress.say)
    listener = args.out / "listener"
    planted = simulated(listener, args, model, progress)["latencies"]
    runs = open_recordings(listener)
    progress.say(f"2  Decoders for every layer and lag, from {RUNS} runs")
    trained = train(runs[:RUNS], model, Recipe(), args.out / "bank", progress, extra={"planted": planted})
    return Prepared(model, list(runs), planted, trained)


def listened(out: Path, watched: bool) -> dict[str, Any]:
    """The fresh run, through real streams of another process into the window; nobody there, its pictures are kept."""
    from rtalign_cli import live
    from rtalign_cli.arguments import build_parser

    folder = out / "live"
    shutil.rmtree(folder, ignore_errors=True)
    options = ["--run", f"{RUNS + 1:02d}", "--bank", out / "bank", "--lsl", "--quiet", "--out", folder]
    if not watched:
        options += ["--headless", "--pictures", folder / "pictures", "--view", "operator", "--seconds", LIVE_S]
    return live.replay(build_parser().parse_args(["replay", str(out / "listener"), *map(str, options)]))


def simulated(listener: Path, args: argparse.Namespace, model: Any, progress: Progress) -> dict[str, Any]:
    """The listener's folder, made now unless a run with the very same plan left it."""
    from rtalign.simulation.recording import Plan
    from rtalign_cli.simulate import write

    run_words = round(args.minutes * WORDS_A_MINUTE / RUNS)
    wanted = {"run_words": run_words, "n_words": run_words * (RUNS + 1), "seed": args.seed, "sfreq": SFREQ}
    there = truth_of(listener)
    if there is not None and there.get("plan") == as_json(asdict(Plan(**wanted))):
        progress.say(f"   {listener} is there from an earlier run")
        return there
    if there is not None:
        shutil.rmtree(listener)
    write(listener, progress, model=model, **wanted)
    made = truth_of(listener)
    assert made is not None
    return made


def truth_of(listener: Path) -> dict[str, Any] | None:
    """What was planted in a folder that holds a simulated listener; None where there is none."""
    path = listener / "ground_truth.json"
    if not path.is_file():
        return None
    truth: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return truth


def story(trained: dict[str, Any], fresh: dict[str, Any], planted: dict[str, float]) -> list[str]:
    """What was found, beside what was planted."""
    return [
        "",
        "Trained and cross-validated",
        *ladder(peaks_of(trained), planted),
        "",
        *headline(trained),
        "",
        "Fresh minutes, never seen in training",
        *ladder(peaks_of(fresh), planted),
        "",
        *headline(fresh),
        "",
        *against(trained, planted),
        "",
    ]


def places(out: Path, watched: bool) -> list[str]:
    """Where everything lies."""
    reports = "reports: " + "   ".join(str(out / part / "report.html") for part in ("bank", "fresh", "live"))
    return [reports] if watched else [reports, f"pictures of the window: {out / 'live' / 'pictures'}"]


def heard(live: dict[str, Any]) -> list[str]:
    """What came through the streams, and how."""
    rises = f"r = {live['temporal_r']:.2f}" if live["temporal_r"] is not None else f"none yet ({live['why']})"
    late = f", scores {1000 * live['latency_p99_s']:.0f} ms after their last sample (p99)" if live["scored"] else ""
    return [
        f"Live, through LSL: {live['scored']:,} words scored, {live['lost']} samples lost{late}",
        f"{live['peaks']} layers with a peak, temporal score {rises}",
    ]


def against(result: dict[str, Any], planted: dict[str, float]) -> list[str]:
    """How the ladder found compares with the one planted."""
    pairs = [(planted[str(x["index"])], x["peak_s"]) for x in result["layers"] if x["peak_s"] is not None]
    if len(pairs) < 3:
        return [f"{len(pairs)} of {len(planted)} layers show a peak: too few to set beside the planted ladder."]
    order = spearmanr(*zip(*pairs, strict=True)).statistic
    return [
        f"Planted order against the order found: Spearman {order:.2f} over {len(pairs)} layers. Layers share most of",
        "what they hold, so a layer's peak is a property of its whole content: expect the planted order, and a ladder",
        "that differs from the one planted in what each layer adds.",
    ]
