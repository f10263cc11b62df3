"""epoch: the filtered signal around every word, as mne.EpochsArray."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.api.inputs import open_inputs, recipe_of
from rtalign.api.sensor_info import sensor_info, to_si
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe

if TYPE_CHECKING:
    import mne


def epoch(
    recording: Any,
    words: Any = None,
    lags: tuple[float, float, float] | None = None,
    *,
    recipe: Recipe | Path | str = "live",
    **options: Any,
) -> mne.EpochsArray:
    """Cut the signal around every word, filtered and read between samples exactly as decoders see it.

    Parameters
    ----------
    recording, words
        As for `align`, one recording.
    lags : (float, float, float), optional
        First, last and step, in seconds, in place of the recipe's.
    recipe : Recipe, path, "live" or "paper"
        Its chain and lags are used.
    **options
        As for `align`.

    Returns
    -------
    mne.EpochsArray
        One epoch a word that has signal at all lags, in SI units, with word, onset and duration as metadata; event
        numbers are the words' numbers in the table, times are lags.
    """
    import mne

    from rtalign.recordings.spatial_filters import shared_filter
    from rtalign.recordings.usable_words import usable_words
    from rtalign.training.prepare import check_channels, filter_recordings

    settings = recipe_of(recipe, lags=lags)
    runs = open_inputs(recording, words, **options)
    if len(runs) > 1:
        raise ValueError(f"{len(runs)} recordings were given; epochs are cut from one, so call epoch for each")
    check_channels(runs)
    (run,), lags_s = runs, settings.lags.seconds
    with TemporaryDirectory(prefix="rtalign-") as folder:
        (signal,) = filter_recordings(runs, settings, Path(folder), Progress(quiet=True), lambda: None)
        if (spatial := shared_filter(runs, settings.chain.spatial)) is not None:
            signal = signal.filtered(spatial.matrix([sensor.name for sensor in run.sensors]))
        used, skipped = usable_words(run, signal, settings)
        if not len(used):
            reasons = ", ".join(f"{n} {reason}" for reason, n in skipped.items())
            raise ValueError(f"no word of {run.name} has signal at all lags: {reasons}")
        chosen = [run.words[i] for i in used]
        times = (np.array([word.onset for word in chosen])[:, None] + lags_s).ravel()
        data = to_si(signal.read(times).astype(float), run.sensors)
    data = data.reshape(len(chosen), len(lags_s), -1).transpose(0, 2, 1)
    step = settings.lags.step_s
    events = np.column_stack([np.rint(times[:: len(lags_s)] / 1e-3), np.zeros(len(used)), used]).astype(int)
    rows = [{"word": word.text, "onset": word.onset, "duration": word.duration} for word in chosen]
    return mne.EpochsArray(
        data, sensor_info(run.sensors, 1 / step), events, tmin=float(lags_s[0]), metadata=_metadata(rows),
        proj=False, verbose="ERROR",
    )  # fmt: skip


def _metadata(rows: list[dict[str, Any]]) -> Any:
    """A DataFrame where pandas is installed, else the list that MNE takes in its place."""
    from rtalign.api.word_table import dataframe

    try:
        return dataframe(rows)
    except ImportError:
        return rows
