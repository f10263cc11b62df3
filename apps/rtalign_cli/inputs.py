"""Opens what the options of a command name: recipe, recordings, language model, folder for results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtalign.core.progress import Progress
from rtalign_cli.checks import require_paths, require_writable

if TYPE_CHECKING:
    from rtalign.core.recipe import Recipe
    from rtalign.decoding.bank import DecoderBank
    from rtalign.language import LanguageModel
    from rtalign.recordings import OpenOptions, StreamChoice
    from rtalign.training.controls.runs import LoadTwin

# Libraries are imported inside the functions that use them, so that each command loads what it needs alone.

FILTERS = ("subject", "session", "task", "run")


SETTINGS = ("preset", "recipe", "context", "precision", "layers", "lags", "words", "tagger", "draws")
"""Options of `train` that change the recipe."""


def refuse_settings(args: argparse.Namespace) -> None:
    """Refuse options that --extend would drop: a bank is extended with its own settings."""
    given = [f"--{name} {vars(args)[name]}" for name in SETTINGS if vars(args)[name] is not None]
    given += [f"--{args.spatial}"] if args.spatial else []
    if given:
        raise ValueError(
            f"--extend takes every setting from {args.extend.name}, so {' and '.join(given)} would be dropped: "
            f"leave {'it' if len(given) == 1 else 'them'} out, or train without --extend"
        )


def base_recipe(args: argparse.Namespace) -> Recipe:
    """Preset, then recipe file."""
    from rtalign.core.recipe import Recipe

    recipe = Recipe.preset(args.preset or "live")
    return Recipe.load(args.recipe, recipe) if args.recipe else recipe


def recipe_of(args: argparse.Namespace) -> Recipe:
    """Preset, then recipe file, then options."""
    recipe = base_recipe(args)
    for group, name, value in (
        ("chain", "spatial", args.spatial),
        ("language", "context", args.context),
        ("language", "precision", args.precision),
        ("language", "layers", args.layers),
        ("words", "which", args.words),
        ("words", "tagger", args.tagger),
        ("fit", "null_draws", args.draws),
    ):
        if value is not None:
            recipe = recipe.with_settings(group, **{name: value})
    if args.lags:
        try:
            start, stop, step = (float(part) for part in args.lags.split(":"))
        except ValueError:
            raise ValueError(f"lags {args.lags!r} are not FROM:TO:STEP in seconds, such as -0.5:1.5:0.02") from None
        if max(abs(start), abs(stop), abs(step)) > 10:
            seconds = ":".join(f"{value / 1000:g}" for value in (start, stop, step))
            raise ValueError(f"lags {args.lags} look like milliseconds; in seconds they are {seconds}")
        recipe = recipe.with_settings("lags", start_s=start, stop_s=stop, step_s=step)
    return recipe


def filters_of(args: argparse.Namespace) -> dict[str, Any]:
    """Which recordings of a BIDS folder were asked for; None where all are."""
    return {name: vars(args)[name] for name in FILTERS}


def streams_of(args: argparse.Namespace) -> StreamChoice:
    """The streams of an XDF file that were asked for."""
    from rtalign.recordings import StreamChoice

    return StreamChoice(args.meg_stream, args.word_stream, not args.raw_stamps)


def bad_channels(args: argparse.Namespace) -> list[str]:
    return [name.strip() for name in args.bads.split(",") if name.strip()]


def open_options(args: argparse.Namespace) -> OpenOptions:
    """Which recordings are meant, and how they are read, but for bad channels."""
    return {
        "subject": args.subject,
        "session": args.session,
        "task": args.task,
        "run": args.run,
        "word_table": args.word_table,
        "streams": streams_of(args),
    }


def load_recordings(args: argparse.Namespace, progress: Progress, sensors: list[str] | None = None) -> list[Any]:
    """Every recording named, reduced to the sensors that all of them have (or that a bank needs)."""
    from rtalign.recordings import open_matching

    require_paths(args.recordings, "recording")
    require_paths([args.word_table], "word table")
    options: OpenOptions = {**open_options(args), "bads": bad_channels(args)}
    recordings = open_matching(args.recordings, sensors, **options)
    for recording in recordings:
        for note in recording.notes:
            progress.say(f"{recording.name}: {note}")
    return recordings


def load_repeats(args: argparse.Namespace, sensors: list[str]) -> list[Any]:
    """The recordings of a sound that their data set repeats, with these sensors."""
    from rtalign.recordings import open_repeats

    filters = {name: value for name, value in filters_of(args).items() if name != "run"}
    repeats = [r for path in args.recordings for r in open_repeats(path, **filters, bads=bad_channels(args))]
    return [r.pick(sensors) for r in repeats]


def open_bank(folder: Path) -> DecoderBank:
    """The bank in a folder; a folder that is not there is told with the name that is closest."""
    from rtalign.decoding.bank import DecoderBank

    try:
        return DecoderBank.load(folder)
    except ValueError:
        require_paths([folder], "bank")
        raise


def load_model(name: str, args: argparse.Namespace, progress: Progress, precision: Any = "float32") -> Any:
    """The language model of that name."""
    from rtalign.language import load

    return load(name, device=args.device, allow_download=args.allow_download, report=progress.say, precision=precision)


def twin_models(
    names: Sequence[str], model: LanguageModel, recipe: Recipe, args: argparse.Namespace, progress: Progress
) -> dict[str, LoadTwin]:
    """The twins of the model among the names of controls, each loaded when its turn comes."""
    from rtalign.language.loading.locate import parse_model_name
    from rtalign.report.summary import MODEL_TWINS

    twins = [name for name in names if name in MODEL_TWINS]
    if twins and parse_model_name(args.model).variant != "model":
        raise ValueError(f"{args.model} is a control itself; --controls {','.join(twins)} are twins of a trained model")
    full = {name: f"{args.model}:{name}" for name in twins} | ({"random": f"random:{model.info.dim}"})
    return {name: partial(load_model, full[name], args, progress, recipe.language.precision) for name in twins}


def load_bank_model(bank: DecoderBank, args: argparse.Namespace, progress: Progress) -> Any:
    """The model that the bank was made with: by its id, or by --model where the id names nothing here."""
    precision = bank.recipe.language.precision
    if args.model:
        return load_model(args.model, args, progress, precision)
    name = bank.model["id"]
    try:
        return load_model(name, args, progress, precision)
    except (ValueError, OSError) as error:
        raise ValueError(f"the bank was made with model {name!r}; name it with --model: {error}") from None


def refuse_overwriting(out: Path, force: bool) -> None:
    """Results are replaced only on request, and only once the new ones are complete; other files never."""
    require_writable(out)
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / "summary.json").is_file():
        raise ValueError(f"{out} exists and holds something other than results; name another folder")
    if not force:
        raise ValueError(f"{out} holds results already; pass --force to replace them, or name another folder")
