"""demo: the whole program with a simulated listener - decoders, new minutes, live streams, the window."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rtalign.core.progress import Progress
from rtalign.core.storage.json_toml import read_json
from rtalign.decoding.bank import DecoderBank
from rtalign.report.summary import as_json
from rtalign_cli.arguments import build_parser
from rtalign_cli.checks import require_writable
from rtalign_cli.subcommands import live
from rtalign_cli.text import headline_lines, ladder_lines, peaks_of, print_lines

WORDS_PER_MINUTE = 156
RUNS = 5
"""The training story has this many runs, one a fold; a further run of the same length is kept for the test."""

LIVE_S = 100.0
"""Length of the live part without a window."""

WARM_UP_WORDS = 10
"""Words of a run that may pass while the filters settle."""

SFREQ = 300.0
"""A quarter of a CTF's rate: the same result after the low-pass, a quarter of the disk."""


def demo(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Simulate, train, evaluate and show; a second call reuses what the first one made."""
    if args.instant:
        return play_recorded(args.out, args.headless)
    from rtalign.training.evaluation import evaluate

    trained = train_listener(args, progress)
    if args.prepare:
        return {"planted_s": trained.planted, "bank": str(args.out / "bank")}
    planted = trained.planted
    progress.say("3  The same decoders on minutes they have never seen")
    bank = DecoderBank.load(args.out / "bank")
    test = evaluate(bank, trained.test_runs, trained.model, args.out / "fresh", progress, extra={"planted": planted})
    printing = not (args.json or args.quiet)
    if printing:
        print_lines(result_lines(trained.summary, test, planted))
    windowed = live.has_display() and not args.headless
    where = "in the window; close it to end the demo" if windowed else f"for {LIVE_S:.0f} s"
    progress.say(f"4  And live: the same minutes as LSL streams on this machine, {where}")
    streamed = replay_test_run(args.out, windowed)
    if printing:
        print_lines(["", *live_lines(streamed), "", *file_lines(args.out, windowed)])
    return {"planted_s": planted, "train": trained.summary, "fresh": test, "live": streamed}


def play_recorded(out: Path, headless: bool) -> dict[str, Any]:
    """The packaged session in the window, or to its end in pictures of it."""
    from rtalign_monitor.engines import recorded

    options = ["--headless", "--pictures", str(out / "instant"), "--speed", "32"] if headless else ["--speed", "2"]
    args = build_parser().parse_args(["replay", str(recorded.DEMO), *options])
    return live.replay(args, Progress(quiet=True))


@dataclass(frozen=True, slots=True)
class TrainedListener:
    """A simulated listener and the summary of the bank trained on it.  planted : seconds of each layer."""

    model: Any
    test_runs: list[Any]
    planted: dict[str, float]
    summary: dict[str, Any]


def train_listener(args: argparse.Namespace, progress: Progress) -> TrainedListener:
    """The listener and its bank, made now as far as an earlier call has not made them."""
    from rtalign.core.recipe import Recipe
    from rtalign.language import load
    from rtalign.recordings import open_recordings
    from rtalign.training.trainer import train

    require_story(args)
    progress.say("1  A language model, and a listener whose brain follows it layer after layer")
    model = load("smollm2", report=progress.say)
    listener = args.out / "listener"
    planted = simulate_listener(listener, args, model, progress)["latencies"]
    runs: list[Any] = list(open_recordings(listener))
    progress.say(f"2  Decoders for every layer and lag, from {RUNS} runs")
    summary = train(runs[:RUNS], model, Recipe(), args.out / "bank", progress, extra={"planted": planted})
    return TrainedListener(model, runs[RUNS:], planted, summary)


def listener_plan(minutes: float, seed: int) -> dict[str, Any]:
    """The plan of a listener to that many minutes of training story."""
    run_words = round(minutes * WORDS_PER_MINUTE / RUNS)
    return {"run_words": run_words, "n_words": run_words * (RUNS + 1), "seed": seed, "sfreq": SFREQ}


def require_story(args: argparse.Namespace) -> None:
    """Raise ValueError where the story is too short for its runs; runs end with sentences, so some are shorter."""
    require_writable(args.out / "bank")
    minutes = args.minutes
    if problem := _story_problem(minutes, args.seed):
        enough = next((m for m in range(2, 31) if m > minutes and not _story_problem(m, args.seed)), None)
        fix = f"pass --minutes {enough}" if enough else "pass fewer minutes, such as --minutes 20"
        raise ValueError(f"--minutes {minutes:g} is {problem}; {fix}")


def _story_problem(minutes: float, seed: int) -> str:
    """What is wrong with a story of that length; empty where nothing is."""
    from rtalign.simulation import SimulationPlan, timed_story
    from rtalign.training.evaluation import MIN_SCORED_WORDS

    plan = listener_plan(minutes, seed)
    if plan["run_words"] < 20:
        return f"too short: {plan['run_words']} words a run"
    try:
        runs = timed_story(SimulationPlan(**plan))
    except ValueError as error:
        return f"too long: {error}"
    n_last, needed = len(runs[RUNS]) if len(runs) > RUNS else 0, MIN_SCORED_WORDS + WARM_UP_WORDS
    return f"too short: {n_last} words are left for the test, which needs {needed}" if n_last < needed else ""


def simulate_listener(listener: Path, args: argparse.Namespace, model: Any, progress: Progress) -> dict[str, Any]:
    """The listener's ground truth; the folder is written now unless an earlier call with the same plan wrote it."""
    from rtalign.simulation import SimulationPlan
    from rtalign_cli.subcommands.simulate import write_listener

    plan = listener_plan(args.minutes, args.seed)
    truth = ground_truth(listener)
    if truth is not None and truth.get("plan") == as_json(asdict(SimulationPlan(**plan))):
        progress.say(f"   {listener} exists from an earlier run")
        return truth
    if truth is not None:
        shutil.rmtree(listener)
    write_listener(listener, progress, model=model, **plan)
    truth = ground_truth(listener)
    assert truth is not None
    return truth


def ground_truth(folder: Path) -> dict[str, Any] | None:
    """What was planted in a simulated listener; None where the folder holds none."""
    path = folder / "ground_truth.json"
    if not path.is_file():
        return None
    return read_json(path, f"remove {folder} and run the demo again")


def replay_test_run(out: Path, windowed: bool) -> dict[str, Any]:
    """The test run through LSL streams of another process into the window, or into pictures of it."""
    folder = out / "live"
    shutil.rmtree(folder, ignore_errors=True)
    options = ["--run", f"{RUNS + 1:02d}", "--bank", out / "bank", "--lsl", "--quiet", "--out", folder]
    if not windowed:
        options += ["--headless", "--pictures", folder / "pictures", "--view", "operator", "--seconds", LIVE_S]
    args = build_parser().parse_args(["replay", str(out / "listener"), *map(str, options)])
    return live.replay(args, Progress(quiet=True))


def result_lines(trained: dict[str, Any], test: dict[str, Any], planted: dict[str, float]) -> list[str]:
    """What was found, beside what was planted."""
    return [
        "",
        "Trained and cross-validated",
        *ladder_lines(peaks_of(trained), planted),
        "",
        *headline_lines(trained),
        "",
        "New minutes, never seen in training",
        *ladder_lines(peaks_of(test), planted),
        "",
        *headline_lines(test),
        "",
        *comparison_lines(trained, planted),
        "",
    ]


def comparison_lines(result: dict[str, Any], planted: dict[str, float]) -> list[str]:
    """How the ladder that was found compares with the one that was planted."""
    from scipy.stats import spearmanr

    pairs = [(planted[str(x["index"])], x["peak_s"]) for x in result["layers"] if x["peak_s"] is not None]
    if len(pairs) < 3:
        return [f"{len(pairs)} of {len(planted)} layers have a peak: too few to compare with the planted ladder."]
    order = spearmanr(*zip(*pairs, strict=True)).statistic
    return [
        f"Planted order against the order found: Spearman {order:.2f} over {len(pairs)} layers. Layers share most of",
        "their content, so a layer's peak is a property of its whole content: expect the planted order, and a ladder",
        "that differs from the one planted in what each layer adds.",
    ]


def live_lines(result: dict[str, Any]) -> list[str]:
    """What came through the streams."""
    score = f"r = {result['temporal_r']:.2f}" if result["temporal_r"] is not None else f"none yet ({result['reason']})"
    delay = ""
    if result["scored"]:
        delay = f", scores {1000 * result['latency_p99_s']:.0f} ms after their last sample (p99)"
    return [
        f"Live, through LSL: {result['scored']:,} words scored, {result['lost']} samples lost{delay}",
        f"{result['peaks']} layers with a peak, temporal score {score}",
    ]


def file_lines(out: Path, windowed: bool) -> list[str]:
    """Where the files are."""
    reports = "reports: " + "   ".join(str(out / part / "report.html") for part in ("bank", "fresh", "live"))
    return [reports] if windowed else [reports, f"pictures of the window: {out / 'live' / 'pictures'}"]
