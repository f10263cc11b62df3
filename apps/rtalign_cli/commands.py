"""What each subcommand does: open what was named, call the library, say what came of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rtalign.core.progress import Progress
from rtalign_cli.inputs import open_all, open_banks_model, open_model, open_repeated, recipe_of, refuse_overwriting

# Heavy libraries are imported inside the commands that use them: `rtalign --help` answers at once.


def train(args: argparse.Namespace) -> dict[str, Any] | None:
    from rtalign.decoding.bank import DecoderBank
    from rtalign.training.trainer import train as fit
    from rtalign_cli.text import say_result
    from rtalign_offline.estimate import estimate, say_estimate

    refuse_overwriting(args.out, args.force)
    progress = Progress(args.quiet)
    earlier = DecoderBank.load(args.extend) if args.extend else None
    recipe = earlier.recipe if earlier else recipe_of(args)
    recordings = open_all(args, progress, [s.name for s in earlier.sensors] if earlier else None)
    if earlier:
        from rtalign.training.evaluation import refuse_known_recordings

        refuse_known_recordings(earlier, recordings)
    model = open_model(args.model, args, progress, recipe.language.precision)
    if warning := model.context_warning(recipe.language):
        progress.say(warning)
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
    from rtalign.decoding.bank import DecoderBank
    from rtalign.training.evaluation import evaluate as score
    from rtalign_cli.text import say_result

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
    from rtalign_offline.sweep.plan import Plan
    from rtalign_offline.sweep.run import say_outcome
    from rtalign_offline.sweep.run import sweep as run

    if args.plan_paper:
        from rtalign_offline.sweep.paper_plan import write_plan

        return write_plan(args.plan or Path("paper.toml"), quiet=args.quiet or args.json)
    if args.plan is None or args.out is None:
        raise ValueError("a sweep needs a plan and a folder: rtalign sweep plan.toml --out DIR")
    result = run(Plan.load(args.plan), args.out, args.cluster, Progress(args.quiet))
    if not (args.quiet or args.json):
        print("\n".join(say_outcome(result)))
    return result


def report(args: argparse.Namespace) -> dict[str, Any]:
    from rtalign.report import page as single
    from rtalign_offline.sweep.report import page as several

    path = (several if several.is_sweep(args.folder) else single).write(args.folder)
    if not (args.quiet or args.json):
        print(path)
    return {"report": str(path)}


def monitor(args: argparse.Namespace) -> dict[str, Any]:
    from rtalign_cli import live

    return live.monitor(args)


def replay(args: argparse.Namespace) -> dict[str, Any]:
    from rtalign_cli import live

    return live.replay(args)


def stream(args: argparse.Namespace) -> dict[str, Any]:
    from rtalign_cli.stream import stream as play

    return play(args, Progress(args.quiet))


def simulate(args: argparse.Namespace) -> dict[str, Any]:
    from rtalign_cli.simulate import simulate as write

    return write(args, Progress(args.quiet))


def demo(args: argparse.Namespace) -> dict[str, Any]:
    from rtalign_cli.demo import demo as show

    return show(args, Progress(args.quiet))


def models(args: argparse.Namespace) -> Any:
    from rtalign.core.machine import flops
    from rtalign.language import load
    from rtalign.language.loading import free_bytes, list_models
    from rtalign_cli.text import models_json, models_table

    if args.prepare:
        load(args.prepare, report=Progress(args.quiet).say)
        return {"prepared": args.prepare}
    rows, pace, free = list_models(), flops(args.precision), free_bytes("cpu")
    if not args.json:
        print("\n".join(models_table(rows, pace, free, args.precision)))
    return models_json(rows, pace, free, args.precision)


def datasets(args: argparse.Namespace) -> Any:
    from rtalign_cli.datasets import datasets as show

    return show(args, Progress(args.quiet))


def doctor(args: argparse.Namespace) -> Any:
    from rtalign_cli.doctor import checks

    found = checks.checks()
    if not args.json:
        print(checks.report(found, hints=args.fix_hints))
    return {"ok": all(c.status != "fail" for c in found), "checks": [checks.as_dict(c) for c in found]}
