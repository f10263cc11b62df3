"""What each subcommand does: open what was named, call the library, say what came of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from offline.progress import Progress
from rtalign.recipe import Recipe

# Heavy libraries are imported inside the commands that use them: `rtalign --help` answers at once.


def train(args: argparse.Namespace) -> dict[str, Any] | None:
    from offline.estimate import estimate, say_estimate
    from offline.say import say_result
    from offline.train import train as fit
    from rtalign.bank import DecoderBank

    refuse_overwriting(args.out, args.force)
    progress = Progress(args.quiet)
    earlier = DecoderBank.load(args.extend) if args.extend else None
    recipe = earlier.recipe if earlier else recipe_of(args)
    recordings = open_all(args, progress, [s.name for s in earlier.sensors] if earlier else None)
    if earlier:
        from offline.evaluate import refuse_known_recordings

        refuse_known_recordings(earlier, recordings)
    model = open_model(args.model, args, progress, recipe.language.precision)
    if caution := model.caution(recipe.language):
        progress.say(caution)
    if args.dry_run:
        result = estimate(recordings, model, recipe, args.device)
        if not args.json:
            print("\n".join(say_estimate(result)))
        return result
    repeats = open_repeated(args, [s.name for s in recordings[0].sensors])
    result = fit(recordings, model, recipe, args.out, progress, device=args.device, extend=earlier, repeats=repeats)
    say_result(result, args.out, args)
    return result


def evaluate(args: argparse.Namespace) -> dict[str, Any]:
    from offline.evaluate import evaluate as score
    from offline.say import say_result
    from rtalign.bank import DecoderBank

    refuse_overwriting(args.out, args.force)
    progress = Progress(args.quiet)
    bank = DecoderBank.load(args.bank)
    recordings = open_all(args, progress)
    differences = bank.differences(recordings[0].sensors)
    if differences and not args.allow_missing:
        raise ValueError("; ".join(differences) + " - pass --allow-missing to do without")
    model = open_banks_model(bank, args, progress)
    result = score(bank, recordings, model, args.out, progress)
    say_result(result, args.out, args)
    return result


def sweep(args: argparse.Namespace) -> dict[str, Any]:
    from offline.sweep import say_outcome
    from offline.sweep import sweep as run
    from rtalign.plan import Plan

    if args.plan_paper:
        from offline.paperplan import write_plan

        return write_plan(args.plan or Path("paper.toml"), quiet=args.quiet or args.json)
    if args.plan is None or args.out is None:
        raise ValueError("a sweep needs a plan and a folder: rtalign sweep plan.toml --out DIR")
    result = run(Plan.load(args.plan), args.out, args.cluster, Progress(args.quiet))
    if not (args.quiet or args.json):
        print("\n".join(say_outcome(result)))
    return result


def report(args: argparse.Namespace) -> dict[str, Any]:
    from rtalign import report as single
    from rtalign.report import sweep as several

    path = (several if several.is_sweep(args.folder) else single).write(args.folder)
    if not (args.quiet or args.json):
        print(path)
    return {"report": str(path)}


def monitor(args: argparse.Namespace) -> dict[str, Any]:
    from offline import live

    return live.monitor(args)


def replay(args: argparse.Namespace) -> dict[str, Any]:
    from offline import live

    return live.replay(args)


def stream(args: argparse.Namespace) -> dict[str, Any]:
    from offline.stream import stream as play

    return play(args, Progress(args.quiet))


def simulate(args: argparse.Namespace) -> dict[str, Any]:
    from offline.simulated import simulate as write

    return write(args, Progress(args.quiet))


def demo(args: argparse.Namespace) -> dict[str, Any]:
    from offline.demo import demo as show

    return show(args, Progress(args.quiet))


def models(args: argparse.Namespace) -> Any:
    from offline.machine import flops
    from offline.say import models_json, models_table
    from rtalign.language.capacity import free_bytes
    from rtalign.language.catalogue import catalogue
    from rtalign.language.model import load

    if args.prepare:
        load(args.prepare, say=Progress(args.quiet).say)
        return {"prepared": args.prepare}
    rows, pace, free = catalogue(), flops(args.precision), free_bytes("cpu")
    if not args.json:
        print("\n".join(models_table(rows, pace, free, args.precision)))
    return models_json(rows, pace, free, args.precision)


def datasets(args: argparse.Namespace) -> Any:
    from offline.datasets import datasets as show

    return show(args, Progress(args.quiet))


def doctor(args: argparse.Namespace) -> Any:
    from offline import doctor as checks

    found = checks.checks()
    if not args.json:
        print(checks.report(found, hints=args.fix_hints))
    return {"ok": all(c.status != "fail" for c in found), "checks": [checks.as_dict(c) for c in found]}


def recipe_of(args: argparse.Namespace) -> Recipe:
    """Preset, then recipe file, then options."""
    recipe = Recipe.preset(args.preset)
    if args.recipe:
        recipe = Recipe.load(args.recipe, recipe)
    for group, name, value in (
        ("language", "context", args.context),
        ("language", "precision", args.precision),
        ("language", "layers", args.layers),
        ("words", "which", args.words),
    ):
        if value is not None:
            recipe = recipe.with_(group, **{name: value})
    if args.lags:
        try:
            start, stop, step = (float(part) for part in args.lags.split(":"))
        except ValueError:
            raise ValueError(f"lags {args.lags!r} are not FROM:TO:STEP in seconds, such as -0.5:1.5:0.02") from None
        recipe = recipe.with_("lags", start_s=start, stop_s=stop, step_s=step)
    return recipe


def open_all(args: argparse.Namespace, progress: Progress, sensors: list[str] | None = None) -> list[Any]:
    """Every recording named, reduced to the sensors that all of them have (or that a bank wants)."""
    from rtalign.datasets import common_sensors, open_recordings

    filters = {name: getattr(args, name) for name in ("subject", "session", "task", "run")}
    how: dict[str, Any] = {"word_table": args.word_table, "bads": bads_of(args), "streams": streams_of(args)}
    found = [r for path in args.recordings for r in open_recordings(path, **filters, **how)]
    names = sensors or common_sensors(found)
    for recording in found:
        for note in recording.notes:
            progress.say(f"{recording.name}: {note}")
    missing = [name for name in names if name not in {s.name for s in found[0].sensors}]
    if missing:
        raise ValueError(f"{found[0].name} lacks {len(missing)} sensors of the bank, {missing[0]} among them")
    return [recording.pick(names) for recording in found]


def open_repeated(args: argparse.Namespace, sensors: list[str]) -> list[Any]:
    """What the recordings' data sets play again and again, by these sensors."""
    from rtalign.datasets import open_repeats

    filters = {name: getattr(args, name) for name in ("subject", "session", "task")}
    found = [r for path in args.recordings for r in open_repeats(path, **filters, bads=bads_of(args))]
    return [r.pick(sensors) for r in found]


def streams_of(args: argparse.Namespace) -> Any:
    """The streams of an XDF file that a person named."""
    from rtalign.datasets.xdf import Streams

    return Streams(args.meg_stream, args.word_stream, not args.raw_stamps)


def bads_of(args: argparse.Namespace) -> list[str]:
    return [name.strip() for name in args.bads.split(",") if name.strip()]


def open_model(name: str, args: argparse.Namespace, progress: Progress, precision: Any = "float32") -> Any:
    from rtalign.language.model import load

    return load(name, device=args.device, allow_download=args.allow_download, say=progress.say, precision=precision)


def open_banks_model(bank: Any, args: argparse.Namespace, progress: Progress) -> Any:
    """The model the bank was made with: by its id, or where that is a folder's name, by --model."""
    precision = bank.recipe.language.precision
    if args.model:
        return open_model(args.model, args, progress, precision)
    name = bank.model["id"]
    try:
        return open_model(name, args, progress, precision)
    except (ValueError, OSError) as error:
        raise ValueError(f"the bank was made with model {name!r}, to be named with --model here: {error}") from None


def refuse_overwriting(out: Path, force: bool) -> None:
    """Results are replaced on request alone, and only when their successor is whole; anything else, never."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / "summary.json").is_file():
        raise ValueError(f"{out} exists and holds something else than results; name another folder")
    if not force:
        raise ValueError(f"{out} holds results already; pass --force to replace them, or name another folder")
