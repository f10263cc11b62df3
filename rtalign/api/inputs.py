"""What a caller hands over - paths, mne.io.Raw, words in any form - as recordings and a recipe."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from rtalign.api.word_table import WordTable
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording

if TYPE_CHECKING:
    from rtalign.language.model import LanguageModel


def open_inputs(recording: Any, words: Any, **options: Any) -> list[Recording]:
    """Open one recording or several of one person, all with the same sensors.

    Parameters
    ----------
    recording : path, mne.io.Raw, Recording, or list of these
        Continuous signal.
    words : anything that `WordTable.of` takes, or a list of one for each recording, or None
        None where the recordings bring their own.
    **options
        For paths, as `rtalign.recordings.open_recordings` takes them; subject and bads for any.

    Returns
    -------
    list of Recording
    """
    from rtalign.recordings import common_sensors

    if not isinstance(recording, (list, tuple)):
        recording, words = [recording], [words]
    elif words is None:
        words = [None] * len(recording)
    if len(words) != len(recording):
        raise ValueError(f"{len(recording)} recordings came with {len(words)} tables of words; give one for each")
    opened = [run for one, table in zip(recording, words, strict=True) for run in _open(one, table, options)]
    names = common_sensors(opened)
    return [_narrowed(run, names) for run in opened]


def _open(recording: Any, words: Any, options: dict[str, Any]) -> Sequence[Recording]:
    from rtalign.recordings import open_recordings
    from rtalign.recordings.formats import MneRecording

    if isinstance(recording, (str, Path)):
        if words is None or isinstance(words, (str, Path)):
            return open_recordings(recording, word_table=words, **options)
        return [MneRecording(recording, WordTable.of(words), **options)]
    if hasattr(recording, "first_samp"):
        if words is None:
            raise ValueError("an mne.io.Raw comes without words; give them, as rtalign.read_words(path) for one")
        return [MneRecording.from_mne(recording, WordTable.of(words), **options)]
    if hasattr(recording, "chunks") and words is None and not options:
        return [recording]
    if hasattr(recording, "drop_log"):
        raise TypeError("epochs have no signal between them, which filters and folds need; give the mne.io.Raw")
    raise TypeError(f"{type(recording).__name__} is no recording; give a path, an mne.io.Raw, or a list of them")


def _narrowed(recording: Any, names: Sequence[str]) -> Recording:
    same = tuple(sensor.name for sensor in recording.sensors) == tuple(names)
    return recording if same else recording.pick(names)  # type: ignore[no-any-return]


def recipe_of(
    recipe: Recipe | Path | str,
    layers: int | str | Sequence[int] | None = None,
    context: str | None = None,
    lags: tuple[float, float, float] | None = None,
) -> Recipe:
    """A recipe, by the name of a preset or of a TOML file, with some of its settings changed."""
    if not isinstance(recipe, Recipe):
        recipe = Recipe.load(Path(recipe)) if str(recipe).endswith(".toml") else Recipe.preset(str(recipe))
    if layers is not None:
        recipe = recipe.with_settings("language", layers=layers_text(layers))
    if context is not None:
        recipe = recipe.with_settings("language", context=context)
    if lags is not None:
        start, stop, step = lags
        recipe = recipe.with_settings("lags", start_s=start, stop_s=stop, step_s=step)
    return recipe


def layers_text(layers: int | str | Sequence[int]) -> str:
    """Layers as a recipe writes them: how many, which, or all."""
    if isinstance(layers, (int, str)):
        return str(layers)
    chosen = [int(layer) for layer in layers]
    return ",".join(map(str, chosen * 2 if len(chosen) == 1 else chosen))


def load_model(model: LanguageModel | str, device: str, precision: Any, progress: Progress) -> Any:
    """A model by its name, or as it is."""
    from rtalign.language import load

    return load(model, device=device, report=progress.say, precision=precision) if isinstance(model, str) else model


def refuse_overwriting(out: Path | str, overwrite: bool) -> None:
    """FileExistsError where a folder holds results, or anything else, which is never replaced."""
    folder = Path(out)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / "summary.json").is_file():
        raise FileExistsError(f"{out} exists and holds something other than results; name another folder")
    if not overwrite:
        raise FileExistsError(f"{out} holds results already; pass overwrite=True to replace them")


class OutputFolder:
    """Where results go: a folder that the caller named, or a temporary one that lives as long as this object.

    Parameters
    ----------
    out : path or None
        None for a temporary folder.
    overwrite : bool
        Whether results in a named folder are replaced.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, out: Path | str | None, overwrite: bool) -> None:
        if out is not None:
            refuse_overwriting(out, overwrite)
            self.path = Path(out)
            return
        parent = Path(mkdtemp(prefix="rtalign-"))
        self.path = parent / "results"
        weakref.finalize(self, shutil.rmtree, parent, ignore_errors=True)
