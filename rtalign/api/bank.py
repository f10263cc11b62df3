"""Bank: trained decoders, to score new recordings and to look at."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.api.alignment import Alignment, read_alignment
from rtalign.api.inputs import OutputFolder, load_model, open_inputs
from rtalign.api.sensor_info import sensor_info, to_display, to_si
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.decoding.bank import DecoderBank

if TYPE_CHECKING:
    import mne

    from rtalign.language.model import LanguageModel


class Bank:
    """A bank of decoders that `rtalign train`, `align` or the monitor wrote; made by `read_bank`.

    Parameters
    ----------
    folder : Path
        Where it is.
    decoders : DecoderBank
        The decoders themselves.
    """

    def __init__(self, folder: Path, decoders: DecoderBank) -> None:
        self.folder, self.decoders = folder, decoders

    @property
    def model(self) -> str:
        """The language model that it was made with."""
        return str(self.decoders.model["id"])

    @property
    def recipe(self) -> Recipe:
        """Every setting that it was made with."""
        return self.decoders.recipe

    @property
    def layers(self) -> tuple[int, ...]:
        """Hidden states that are decoded; 0 is the embedding."""
        return self.decoders.layers

    @property
    def lags(self) -> np.ndarray:
        """(lag,): seconds after word onset."""
        return self.decoders.lags_s

    @property
    def sensors(self) -> tuple[str, ...]:
        """Names of the sensors."""
        return tuple(sensor.name for sensor in self.decoders.sensors)

    @cached_property
    def alignment(self) -> Alignment:
        """The scores of its own words, cross-validated."""
        return read_alignment(self.folder)

    def score(
        self,
        recording: Any,
        words: Any = None,
        *,
        model: LanguageModel | str | None = None,
        out: Path | str | None = None,
        overwrite: bool = False,
        device: str = "cpu",
        progress: bool = False,
        **options: Any,
    ) -> Alignment:
        """Score the decoders on recordings that they were not trained on, as `rtalign evaluate` does.

        Parameters
        ----------
        recording, words
            As for `align`.
        model : str or LanguageModel, optional
            Where the bank's own is found; by default by its name.
        out : path, optional
            Folder of the results; by default a temporary one.
        overwrite, device, progress, **options
            As for `align`.

        Returns
        -------
        Alignment

        Raises
        ------
        ValueError
            If the bank does not fit the model or the recordings, or was trained on one of them.
        """
        from rtalign.training.evaluation import score_recordings

        folder = OutputFolder(out, overwrite)
        recordings, shown = open_inputs(recording, words, **options), Progress(quiet=not progress)
        if differences := self.decoders.differences(recordings[0].sensors):
            raise ValueError("; ".join(differences))
        loaded = load_model(model or self.model, device, self.recipe.language.precision, shown)
        scored = score_recordings(self.decoders, recordings, loaded, shown)
        scored.write(folder.path, shown)
        return Alignment(folder.path, scored.curves, self.recipe.fit.peak, folder)

    def predict(self, epochs: mne.BaseEpochs) -> np.ndarray:
        """Predict the model's activations from epochs, as principal components of each layer.

        Parameters
        ----------
        epochs : mne.Epochs
            As `epoch(raw, words, recipe=bank.recipe)` cuts them: filtered alike, at the bank's lags.

        Returns
        -------
        ndarray, shape (word, layer, lag, component)
            To be compared with `project(encode(words, layers=bank.layers).data)`.

        Raises
        ------
        ValueError
            Where epochs have other lags, or lack sensors of the bank.
        """
        times, lags = epochs.times, self.lags
        if len(times) != len(lags) or not np.allclose(times, lags, atol=1e-6):
            found, wanted = (f"{len(t)} from {t[0]:g} to {t[-1]:g} s" for t in (times, lags))
            raise ValueError(
                f"the epochs have other lags than the bank, {found} in place of {wanted}; "
                "cut them with epoch(raw, words, recipe=bank.recipe)"
            )
        if missing := [name for name in self.sensors if name not in epochs.ch_names]:
            raise ValueError(f"the epochs lack {len(missing)} sensors of the bank, {missing[0]} first")
        data = epochs.get_data(picks=list(self.sensors), copy=False).transpose(2, 0, 1)  # (lag, word, sensor)
        data = to_display(data, self.decoders.sensors)
        predicted = np.stack([self.decoders.predict(lag, signal) for lag, signal in enumerate(data)])
        n_lags, n_words = predicted.shape[:2]
        return predicted.reshape(n_lags, n_words, len(self.layers), -1).transpose(1, 2, 0, 3)

    def project(self, activations: np.ndarray) -> np.ndarray:
        """Project activations on the principal components that the decoders predict.

        Parameters
        ----------
        activations : ndarray, shape (word, layer, dim)
            Of the bank's model and layers, as `encode` gives them.

        Returns
        -------
        ndarray, shape (word, layer, component)
        """
        return self.decoders.projection.project(activations).reshape(len(activations), len(self.layers), -1)

    def patterns(self, layer: int) -> mne.EvokedArray:
        """The fields that the decoders of one layer read, over lags.

        Parameters
        ----------
        layer : int
            One of `layers`.

        Returns
        -------
        mne.EvokedArray
            How much each sensor changes with one standard deviation of the prediction (Haufe 2014), root mean square
            over the layer's components, so without a sign; times are lags after word onset.
        """
        import mne

        if layer not in self.layers:
            raise ValueError(f"layer {layer} is not in this bank; there are {', '.join(map(str, self.layers))}")
        step = float(np.diff(self.lags).mean()) if len(self.lags) > 1 else 1.0
        sensors = self.decoders.sensors
        values = to_si(np.asarray(self.decoders.tensors["patterns"][self.layers.index(layer)], float), sensors)
        n_words, comment = int(self.decoders.passport["n_words"]), f"{self.model}, layer {layer}"
        info = sensor_info(sensors, 1 / step)
        return mne.EvokedArray(values.T, info, tmin=float(self.lags[0]), comment=comment, nave=n_words, verbose="ERROR")

    def __repr__(self) -> str:
        n = (len(self.layers), len(self.lags), len(self.sensors))
        return f"<Bank of {self.model}: {n[0]} layers, {n[1]} lags, {n[2]} sensors>"


def read_bank(path: Path | str) -> Bank:
    """Open a bank.

    Parameters
    ----------
    path : path
        Its folder.

    Returns
    -------
    Bank
        Its arrays are read from disk when they are used.

    Raises
    ------
    ValueError
        Where the folder is no bank, in one line.
    """
    return Bank(Path(path), DecoderBank.load(Path(path)))
