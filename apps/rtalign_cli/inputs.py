"""What the options of a command name: recipe, recordings, model, and the folder for results."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe

# Heavy libraries are imported inside the functions that use them: `rtalign --help` answers at once.


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
    from rtalign.recordings import open_matching

    recordings = open_matching(args.recordings, sensors, **open_options(args), bads=bads_of(args))
    for recording in recordings:
        for note in recording.notes:
            progress.say(f"{recording.name}: {note}")
    return recordings


def open_options(args: argparse.Namespace) -> dict[str, Any]:
    """Which recordings are meant, and how they are read, but for bad channels: `rtalign.recordings.OpenOptions`."""
    filters = {name: getattr(args, name) for name in ("subject", "session", "task", "run")}
    return {**filters, "word_table": args.word_table, "streams": streams_of(args)}


def open_repeated(args: argparse.Namespace, sensors: list[str]) -> list[Any]:
    """What the recordings' data sets play again and again, by these sensors."""
    from rtalign.recordings import open_repeats

    filters = {name: getattr(args, name) for name in ("subject", "session", "task")}
    found = [r for path in args.recordings for r in open_repeats(path, **filters, bads=bads_of(args))]
    return [r.pick(sensors) for r in found]


def streams_of(args: argparse.Namespace) -> Any:
    """The streams of an XDF file that a person named."""
    from rtalign.recordings.xdf.streams import Streams

    return Streams(args.meg_stream, args.word_stream, not args.raw_stamps)


def bads_of(args: argparse.Namespace) -> list[str]:
    return [name.strip() for name in args.bads.split(",") if name.strip()]


def open_model(name: str, args: argparse.Namespace, progress: Progress, precision: Any = "float32") -> Any:
    from rtalign.language import load

    return load(name, device=args.device, allow_download=args.allow_download, report=progress.say, precision=precision)


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
