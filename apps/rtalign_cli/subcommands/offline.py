"""Subcommands that open what the options name, call the library and print what it returns."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rtalign.core.progress import Progress
from rtalign.core.storage.files import write_atomically
from rtalign.core.storage.json_toml import read_json
from rtalign_cli.checks import layers_note, require_paths, require_words, require_writable
from rtalign_cli.inputs import (
    load_bank_model,
    load_model,
    load_recordings,
    load_repeats,
    open_bank,
    recipe_of,
    refuse_overwriting,
    refuse_settings,
    twin_models,
)
from rtalign_cli.text import print_lines, print_result
from rtalign_cli.usage import UsageError

# Libraries are imported inside the commands that use them, so that each command loads what it needs alone.


def train(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Fit a bank of decoders, or estimate what that would take."""
    from rtalign.recordings.usable_words import require_tagger
    from rtalign.training.controls.runs import check_controls
    from rtalign.training.evaluation import check_model, check_recordings_are_new
    from rtalign.training.trainer import train as train_bank
    from rtalign_offline import estimate_lines, estimate_training

    controls = _names(args.controls)
    check_controls(controls, extended=args.extend is not None)
    refuse_overwriting(args.out, args.force)
    if args.extend:
        refuse_settings(args)
    require_paths([args.recipe], "recipe")
    earlier = open_bank(args.extend) if args.extend else None
    if earlier:
        earlier.require_sums("--extend")
    recipe = earlier.recipe if earlier else recipe_of(args)
    recordings = load_recordings(args, progress, [s.name for s in earlier.sensors] if earlier else None)
    require_tagger(recipe, recordings)
    if earlier:
        check_recordings_are_new(earlier, recordings)
    require_words(recordings, recipe, 10 * recipe.fit.folds, f"training in {recipe.fit.folds} folds")
    model = load_model(args.model, args, progress, recipe.language.precision)
    if earlier:
        check_model(earlier, model)
    if note := layers_note(recipe, model.info.n_layers, asked=args.layers is not None):
        progress.say(note)
    if warning := model.context_warning(recipe.language):
        progress.say(warning)
    if args.dry_run:
        expected = estimate_training(recordings, model, recipe, args.device)
        if not args.json:
            print_lines(estimate_lines(expected))
        return expected
    repeats = load_repeats(args, [s.name for s in recordings[0].sensors])
    twins = twin_models(controls, model, recipe, args, progress)
    result = train_bank(
        recordings, model, recipe, args.out, progress, device=args.device, extend=earlier, repeats=repeats,
        controls=[name for name in controls if name not in twins], twins=twins, slim=args.slim,
    )  # fmt: skip
    print_result(result, args.out, args)
    return result


def train_lm(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Train a small language model on the user's own text."""
    from rtalign_offline import SmallModelSettings, train_language_model

    require_paths(args.text, "text")
    require_writable(args.out)
    settings = SmallModelSettings(
        args.kind, args.layers, args.dim, args.memory, args.vocabulary, args.steps, args.seed
    )  # fmt: skip
    loss = train_language_model(args.text, args.out, settings, progress)
    if not (args.quiet or args.json):
        print_lines([f"{args.out}: use it with --model {args.out}"])
    return {"folder": str(args.out), "nats_per_token": round(loss, 4)}


def _names(text: str) -> list[str]:
    """Names between commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def evaluate(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Score a bank on recordings it has not seen."""
    from rtalign.recordings.usable_words import require_tagger
    from rtalign.training.evaluation import MIN_SCORED_WORDS
    from rtalign.training.evaluation import evaluate as evaluate_bank

    refuse_overwriting(args.out, args.force)
    bank = open_bank(args.bank)
    recordings = load_recordings(args, progress)
    require_tagger(bank.recipe, recordings)
    differences = bank.differences(recordings[0].sensors)
    if differences and not args.allow_missing:
        raise ValueError("; ".join(differences) + " - pass --allow-missing to continue without")
    require_words(recordings, bank.recipe, MIN_SCORED_WORDS, "a curve")
    model = load_bank_model(bank, args, progress)
    result = evaluate_bank(bank, recordings, model, args.out, progress, controls=_names(args.controls))
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
        raise UsageError("a sweep needs a plan and a folder: rtalign sweep plan.toml --out DIR")
    require_paths([args.plan], "plan")
    require_writable(args.out)
    result = run_sweep(Plan.load(args.plan), args.out, args.cluster, progress)
    if not (args.quiet or args.json):
        print_lines(outcome_lines(result))
    return result


def new_plan(args: argparse.Namespace, _progress: Progress) -> dict[str, Any]:
    """Write a plan that a sweep runs as it is, in as few lines as a plan can have."""
    from rtalign_offline.sweep import plan_of_three_lines

    if args.out.exists():
        raise ValueError(f"{args.out} exists already; name another file with --out")
    require_paths(args.recordings, "recording")
    require_writable(args.out)
    models, contexts = ([part.strip() for part in text.split(",")] for text in (args.models, args.contexts))
    text = plan_of_three_lines(args.recordings or [Path("listener")], models, contexts, args.out)
    write_atomically(args.out, text)
    if not (args.quiet or args.json):
        print_lines([*text.splitlines(), "", f"{args.out}: run it with rtalign sweep {args.out} --out study"])
    return {"plan": str(args.out)}


def report(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Write the HTML report of a folder again, and other forms of its results or its parity report where asked for."""
    from rtalign.report.page import write_page
    from rtalign_offline.sweep.report import is_sweep, write_sweep_report

    require_paths([args.folder], "folder")
    if args.parity:
        return _parity(args, progress)
    sweep = is_sweep(args.folder)
    if args.subject and not args.bids:
        raise UsageError("--subject names whose results --bids writes; give --bids OUT too")
    forms = {name: out for name in ("figures", "netcdf", "bids") if (out := vars(args)[name]) is not None}
    for name, out in forms.items():
        require_writable(out)
        if sweep:
            raise ValueError(f"{args.folder} is a sweep; name the folder of one of its results for --{name}")
    written = {name: _written(name, out, args) for name, out in forms.items()}
    path = (write_sweep_report if sweep else write_page)(args.folder)
    if not (args.quiet or args.json):
        print_lines([str(path), *(str(file) for files in written.values() for file in files)])
    return {"report": str(path), "figures": []} | {
        name: [str(file) for file in files] for name, files in written.items()
    }


def _written(name: str, out: Path, args: argparse.Namespace) -> list[Path]:
    """The files of one form of a folder's results."""
    if name == "figures":
        from rtalign.api.figures import write_figures

        return write_figures(args.folder, out)
    if name == "bids":
        from rtalign.report.derivatives import write_derivatives

        return write_derivatives(args.folder, out, args.subject)
    from rtalign.api import read_alignment

    return [read_alignment(args.folder).to_netcdf(out)]


def _parity(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Score a recorded session offline, and write how that differs from what it showed."""
    from rtalign.recordings import open_recordings
    from rtalign.training.parity import bank_of_session, compare_session

    bank = open_bank(args.bank or bank_of_session(args.folder))
    model = load_bank_model(bank, args, progress)
    path = compare_session(args.folder, bank, open_recordings(args.folder), model, progress)
    if not (args.quiet or args.json):
        print_lines([str(path)])
    return {"report": str(path), **read_json(path.with_suffix(".json"), "write it again")}
