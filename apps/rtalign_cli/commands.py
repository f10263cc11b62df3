"""Subcommands that open what the options name, call the library and print what it returns."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rtalign.core.progress import Progress
from rtalign_cli.inputs import (
    load_bank_model,
    load_model,
    load_recordings,
    load_repeats,
    recipe_of,
    refuse_overwriting,
    refuse_settings,
)

# Libraries are imported inside the commands that use them, so that each command loads what it needs alone.


def train(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Fit a bank of decoders, or estimate what that would take."""
    from rtalign.decoding.bank import DecoderBank
    from rtalign.training.evaluation import check_model, check_recordings_are_new
    from rtalign.training.trainer import train as train_bank
    from rtalign_cli.text import print_result
    from rtalign_offline import estimate_lines, estimate_training

    refuse_overwriting(args.out, args.force)
    if args.extend:
        refuse_settings(args)
    earlier = DecoderBank.load(args.extend) if args.extend else None
    recipe = earlier.recipe if earlier else recipe_of(args)
    recordings = load_recordings(args, progress, [s.name for s in earlier.sensors] if earlier else None)
    if earlier:
        check_recordings_are_new(earlier, recordings)
    model = load_model(args.model, args, progress, recipe.language.precision)
    if earlier:
        check_model(earlier, model)
    if warning := model.context_warning(recipe.language):
        progress.say(warning)
    if args.dry_run:
        expected = estimate_training(recordings, model, recipe, args.device)
        if not args.json:
            print("\n".join(estimate_lines(expected)))
        return expected
    repeats = load_repeats(args, [s.name for s in recordings[0].sensors])
    result = train_bank(
        recordings, model, recipe, args.out, progress, device=args.device, extend=earlier, repeats=repeats
    )
    print_result(result, args.out, args)
    return result


def train_lm(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Train a small language model on the user's own text."""
    from rtalign_offline import SmallModelSettings, train_language_model

    settings = SmallModelSettings(
        args.kind, args.layers, args.dim, args.memory, args.vocabulary, args.steps, args.seed
    )  # fmt: skip
    loss = train_language_model(args.text, args.out, settings, progress)
    if not (args.quiet or args.json):
        print(f"{args.out}: use it with --model {args.out}")
    return {"folder": str(args.out), "nats_per_token": round(loss, 4)}


def evaluate(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Score a bank on recordings it has not seen."""
    from rtalign.decoding.bank import DecoderBank
    from rtalign.training.evaluation import evaluate as evaluate_bank
    from rtalign_cli.text import print_result

    refuse_overwriting(args.out, args.force)
    bank = DecoderBank.load(args.bank)
    recordings = load_recordings(args, progress)
    differences = bank.differences(recordings[0].sensors)
    if differences and not args.allow_missing:
        raise ValueError("; ".join(differences) + " - pass --allow-missing to continue without")
    model = load_bank_model(bank, args, progress)
    result = evaluate_bank(bank, recordings, model, args.out, progress)
    print_result(result, args.out, args)
    return result


def sweep(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Run a plan on many processes, or write the plan of the paper."""
    from rtalign_offline.sweep import Plan, outcome_lines, run_sweep

    if args.plan_paper:
        from rtalign_offline.sweep import write_paper_plan

        path = args.plan or Path("paper.toml")
        return write_paper_plan(path) if args.quiet or args.json else write_paper_plan(path, print)
    if args.plan is None or args.out is None:
        raise ValueError("a sweep needs a plan and a folder: rtalign sweep plan.toml --out DIR")
    result = run_sweep(Plan.load(args.plan), args.out, args.cluster, progress)
    if not (args.quiet or args.json):
        print("\n".join(outcome_lines(result)))
    return result


def report(args: argparse.Namespace, _progress: Progress) -> dict[str, Any]:
    """Write the HTML report of a folder again."""
    from rtalign.report.page import write_page
    from rtalign_offline.sweep.report import is_sweep, write_sweep_report

    path = (write_sweep_report if is_sweep(args.folder) else write_page)(args.folder)
    if not (args.quiet or args.json):
        print(path)
    return {"report": str(path)}
