"""align: recordings and a language model to R(layer, lag), its peaks and the temporal score."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.api.inputs import OutputFolder, load_model, open_inputs, recipe_of, refuse_overwriting
from rtalign.api.word_table import dataframe, import_xarray
from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.storage.files import atomic_file, replaced_folder, write_atomically
from rtalign.decoding.bank import TENSORS, DecoderBank
from rtalign.report import read_results, render_page, standalone_figures
from rtalign.report.derivatives import write_derivatives
from rtalign.report.draws import FILE as DRAWS_FILE
from rtalign.report.draws import read_draws
from rtalign.report.text import headline, model_name
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import Findings, TemporalScore, assess
from rtalign.scoring.outlook import Outlook
from rtalign.scoring.peaks import Peak
from rtalign.training import train
from rtalign.training.bank_writer import read_curves
from rtalign.training.controls.runs import check_controls

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rtalign.core.records import Recording
    from rtalign.language.model import LanguageModel
    from rtalign.report.read import Breakdown, ControlResult


class Alignment:
    """How a language model and a brain line up; made by `align`, `Bank.score`, `Bank.alignment` and `read_alignment`.

    Parameters
    ----------
    folder : Path
        Results, as training or evaluation wrote them.
    curves : Curves
        The same curves with every null draw.
    rule : str
        How latencies are read off curves.
    keep : object, optional
        What must live as long as this: a temporary folder.

    Attributes
    ----------
    folder : Path
        Where the results are; temporary unless a folder was named.
    findings : Findings
        Everything that is concluded, for what has no attribute of its own.
    """

    def __init__(self, folder: Path, curves: Curves, rule: str, keep: object = None) -> None:
        self.folder, self._keep = folder, keep
        found, known = assess(curves, rule), read_results(folder).summary.overlap_warning
        self.findings: Findings = found.without_evidence(known) if known else found

    @property
    def r(self) -> np.ndarray:
        """(layer, lag): correlation of predicted and true activations of words that were held out."""
        return self.findings.curves.r

    @property
    def null(self) -> np.ndarray:
        """(draw, layer, lag): the same where nothing connects words and brain."""
        return self.findings.curves.null

    @property
    def left_out(self) -> np.ndarray:
        """(block, layer, lag): R without one block of neighbouring words, for each block."""
        return self.findings.curves.left_out.curves

    @property
    def r_fold(self) -> np.ndarray | None:
        """(fold, layer, lag): R of the words of each fold, which `r` is the mean of; None where there are none."""
        return self.findings.curves.r_fold

    @property
    def r_block(self) -> np.ndarray | None:
        """(block, layer, lag): R within each block of neighbouring words; None in results of before."""
        return self.findings.curves.r_block

    @property
    def lags(self) -> np.ndarray:
        """(lag,): seconds after word onset."""
        return self.findings.curves.lags_s

    @property
    def layers(self) -> np.ndarray:
        """(layer,): indices of hidden states; 0 is the embedding."""
        return self.findings.curves.layers

    @property
    def depth(self) -> np.ndarray:
        """(layer,): 0 = embedding, 1 = last layer."""
        return self.findings.curves.depth

    @property
    def peaks(self) -> tuple[Peak, ...]:
        """Where each layer peaks, or why it may not be said."""
        return self.findings.peaks

    @property
    def temporal_score(self) -> TemporalScore | None:
        """How peak latency goes with depth; None where it may not be said, and `reason` says why."""
        return self.findings.temporal

    @property
    def reason(self) -> str | None:
        """Why there is no temporal score."""
        return self.findings.reason

    @property
    def controls(self) -> dict[str, ControlResult]:
        """By name: the same analysis with a rival explanation taken out, as `layers` (peaks), `r`, `temporal_score`."""
        return read_results(self.folder).summary.controls

    @property
    def breakdown(self) -> Breakdown | None:
        """Kinds of words, and decoders of each lag on the signal of each other; None without `--controls breakdown`."""
        return read_results(self.folder).summary.breakdown

    @property
    def outlook(self) -> Outlook | None:
        """How many times the words of now layers below their limit need; None where none is below."""
        return self.findings.outlook

    def rows(self) -> list[dict[str, Any]]:
        """One dict for each layer and lag: model, subject, layer, depth, lag_s, r, null_lo, null_hi, above_chance.

        `above_chance` is corrected for all layers and lags; null_lo and null_hi are the band of one cell.
        """
        found, out, results = self.findings, [], read_results(self.folder)
        whose = {"model": model_name(results), "subject": ", ".join(results.subjects)}
        for i, j in np.ndindex(self.r.shape):
            out.append(
                whose
                | {
                    "layer": int(self.layers[i]),
                    "depth": float(self.depth[i]),
                    "lag_s": float(self.lags[j]),
                    "r": float(self.r[i, j]),
                    "null_lo": float(found.null_lo[i, j]),
                    "null_hi": float(found.null_hi[i, j]),
                    "above_chance": bool(self.r[i, j] > found.map_hi[i, j]),
                }
            )
        return out

    def to_dataframe(self) -> Any:
        """The rows as a pandas DataFrame, where pandas is installed."""
        return dataframe(self.rows())

    def to_xarray(self) -> Any:
        """Every curve and peak as an xarray Dataset, where xarray is installed; its `to_netcdf` writes a file.

        Returns
        -------
        xarray.Dataset
            r and above_chance (layer, lag), null (draw, layer, lag), left_out (left_out, layer, lag), r_fold (fold,
            layer, lag) and r_block (block, layer, lag) with block_words (block) where there are some; peak_s,
            peak_lo_s, peak_hi_s and peak_r (layer), NaN where there is no peak; status (layer); the model, the person,
            the context and the number of words as attributes.
        """
        found, results = self.findings, read_results(self.folder)
        intervals = np.array([peak.ci_s or (np.nan, np.nan) for peak in self.peaks], float)
        peak_s = np.array([np.nan if peak.peak_s is None else peak.peak_s for peak in self.peaks])
        peak_r = np.array([peak.peak_r for peak in self.peaks], float)
        layer, cell = ("layer",), ("layer", "lag")
        variables = {
            "r": (cell, self.r),
            "above_chance": (cell, self.r > found.map_hi),
            "null": (("draw", *cell), self.null),
            "left_out": (("left_out", *cell), self.left_out),
            "peak_s": (layer, peak_s),
            "peak_lo_s": (layer, intervals[:, 0]),
            "peak_hi_s": (layer, intervals[:, 1]),
            "peak_r": (layer, peak_r),
            "status": (layer, [peak.status for peak in self.peaks]),
        }
        curves = found.curves
        parts = {"r_fold": ("fold", *cell), "r_block": ("block", *cell), "block_words": ("block",)}
        variables |= {
            name: (axes, values) for name, axes in parts.items() if (values := getattr(curves, name)) is not None
        }
        summary = results.summary
        attributes: dict[str, Any] = {"model": model_name(results), "subject": ", ".join(results.subjects)}
        attributes |= {"context": summary.context, "n_words": summary.n_words}
        coordinates = {"layer": np.asarray(self.layers), "lag": self.lags, "depth": (layer, self.depth)}
        return import_xarray().Dataset(variables, coordinates, attributes)

    def to_netcdf(self, path: Path | str) -> Path:
        """Write `to_xarray` as a NetCDF file.

        Parameters
        ----------
        path : path
            The file; an older one is replaced.

        Returns
        -------
        Path
        """
        data = self.to_xarray()
        with atomic_file(Path(path)) as partial:
            data.to_netcdf(partial)
        return Path(path)

    def to_bids(self, root: Path | str, subject: str | None = None) -> list[Path]:
        """Write curves and peaks into a BIDS derivative data set, as `rtalign report --bids` does.

        Parameters
        ----------
        root : path
            The derivative data set; made where it is not there.
        subject : str, optional
            Whose results they are, where the recordings do not say.

        Returns
        -------
        list of Path
            Tables and sidecars.
        """
        return write_derivatives(self.folder, Path(root), subject)

    def plot_ladder(self, ax: Axes | None = None) -> Figure:
        """Plot depth against peak latency, with 95 % intervals; layers without a peak are rings at the left edge.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default a new figure's.

        Returns
        -------
        matplotlib Figure
        """
        from rtalign.api.figures import plot_ladder

        return plot_ladder(self.findings, ax)

    def plot_map(self, ax: Axes | None = None) -> Figure:
        """Plot R of every layer and lag, outlined where above chance after correction, with the peaks.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default a new figure's.

        Returns
        -------
        matplotlib Figure
        """
        from rtalign.api.figures import plot_map

        return plot_map(self.findings, ax)

    def plot_curves(self, ax: Axes | None = None) -> Figure:
        """Plot R over lags, a line for each layer, over the band of chance.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default a new figure's.

        Returns
        -------
        matplotlib Figure
        """
        from rtalign.api.figures import plot_curves

        return plot_curves(self.findings, ax)

    def plot_joint(self) -> Figure:
        """Plot map and ladder side by side on the same rows, over the curves.

        Returns
        -------
        matplotlib Figure
        """
        from rtalign.api.figures import plot_joint

        return plot_joint(self.findings)

    def report(self, path: Path | str) -> Path:
        """Write the report as one HTML file.

        Parameters
        ----------
        path : path
            The file; an older one is replaced.

        Returns
        -------
        Path
        """
        write_atomically(Path(path), render_page(read_results(self.folder)))
        return Path(path)

    def save(self, path: Path | str, overwrite: bool = False) -> Path:
        """Copy the results into a folder: a bank that the monitor and `read_bank` open, or an evaluation.

        Parameters
        ----------
        path : path
            The folder.
        overwrite : bool
            Whether an older one is replaced.

        Returns
        -------
        Path
        """
        refuse_overwriting(path, overwrite)
        with replaced_folder(Path(path)) as partial:
            shutil.copytree(self.folder, partial, dirs_exist_ok=True)
        return Path(path)

    def __repr__(self) -> str:
        return f"<Alignment of {self._title}>"

    def _repr_html_(self) -> str:
        """The headline, over map and ladder; as an image, so that its style stays out of the notebook's."""
        picture = base64.b64encode(standalone_figures(self.folder)["overview"].encode()).decode()
        image = f'<img alt="ladder and map" style="max-width:100%" src="data:image/svg+xml;base64,{picture}">'
        return f"<p><b>{escape(self._title)}</b></p>{image}"

    @property
    def _title(self) -> str:
        results = read_results(self.folder)
        return f"{model_name(results)}, {results.summary.n_words:,} words: {headline(results)}"


def align(
    recording: Any,
    words: Any = None,
    model: LanguageModel | str = "smollm2",
    *,
    recipe: Recipe | Path | str = "live",
    layers: int | str | Sequence[int] | None = None,
    context: str | None = None,
    lags: tuple[float, float, float] | None = None,
    controls: Sequence[str] = (),
    out: Path | str | None = None,
    overwrite: bool = False,
    device: str = "cpu",
    progress: bool = False,
    **options: Any,
) -> Alignment:
    """Train decoders of every layer and lag, and score them on words that they have not seen.

    The same training as `rtalign train`, number for number.

    Parameters
    ----------
    recording : path, mne.io.Raw, Recording, or list of these
        Continuous signal of one person; several are runs of one story or several.
    words : WordTable, DataFrame, path, or list of these
        What was heard, onsets in seconds after the first sample; not needed where the recording brings its own.
    model : str or LanguageModel
        As for `encode`.
    recipe : Recipe, path, "live" or "paper"
        Every setting that changes a number.
    layers, context : optional
        As for `encode`, in place of the recipe's.
    lags : (float, float, float), optional
        First, last and step, in seconds, in place of the recipe's.
    controls : sequence of str
        Rival explanations to take out as well, as `rtalign train --controls` names them: "nuisances".
    out : path, optional
        Folder of the bank; by default a temporary one, which goes with the result unless it is saved.
    overwrite : bool
        Whether an older bank is replaced.
    device : str
        ``cpu`` or ``cuda``.
    progress : bool
        Whether progress is shown.
    **options
        subject and bads; for data sets also session, task and run.

    Returns
    -------
    Alignment

    Raises
    ------
    ValueError
        Where the data do not suffice, in one line, mostly before any work.

    Examples
    --------
    >>> found = align(raw, read_words("words.tsv"))  # doctest: +SKIP
    >>> found.plot_ladder()  # doctest: +SKIP
    """
    check_controls(controls, extended=False)
    folder = OutputFolder(out, overwrite)
    settings = recipe_of(recipe, layers, context, lags)
    recordings = open_inputs(recording, words, **options)
    _require_words(recordings, settings)
    shown = Progress(quiet=not progress)
    loaded = load_model(model, device, settings.language.precision, shown)
    settings.language.layer_indices(loaded.info.n_layers)  # refuses layers that the model has not, before the work
    train(recordings, loaded, settings, folder.path, shown, device=device, controls=controls)
    return _read(folder.path, folder)


def read_alignment(path: Path | str) -> Alignment:
    """Open results: of a bank the cross-validated scores, of an evaluation, a replay or a session its own.

    Parameters
    ----------
    path : path
        Their folder.

    Returns
    -------
    Alignment

    Raises
    ------
    ValueError
        Where the folder holds no results, or those of an older version without null draws, in one line.
    """
    return _read(Path(path))


def _read(folder: Path, keep: object = None) -> Alignment:
    """keep : a temporary folder that is to live as long."""
    if (folder / TENSORS).is_file():
        return _of_bank(folder, keep)
    summary = read_results(folder).summary
    if not (folder / DRAWS_FILE).is_file():
        again = {"train": "train it", "evaluate": "evaluate it"}.get(summary.kind, "replay its recording")
        raise ValueError(f"{folder} was written by an older version and holds no {DRAWS_FILE}; {again} again")
    curves = read_draws(folder)
    if curves.r.shape != (len(summary.layers), len(summary.lags_s)):
        raise ValueError(f"{folder}: {DRAWS_FILE} is of other layers or lags than summary.json; write the folder again")
    return Alignment(folder, curves, summary.peak_rule, keep)


def _of_bank(folder: Path, keep: object) -> Alignment:
    bank = DecoderBank.load(folder)
    try:
        curves = read_curves(bank.tensors, bank.lags_s, bank.layers, int(bank.model["n_layers"]))
    except KeyError as error:
        raise ValueError(f"{folder} was made by an older version and holds no {error}; train it again") from None
    return Alignment(folder, curves, bank.recipe.fit.peak, keep)


def _require_words(recordings: Sequence[Recording], recipe: Recipe) -> None:
    """ValueError where too few words have signal around them, before the work."""
    first, last = recipe.lags.seconds[[0, -1]]
    inside = sum(
        run.start <= word.onset + first and word.onset + last <= run.start + run.seconds
        for run in recordings
        for word in run.words
    )
    if inside < 10 * recipe.fit.folds:
        raise ValueError(
            f"{inside} of {sum(len(run.words) for run in recordings)} words have signal from {first:g} to {last:g} s "
            f"around them; {recipe.fit.folds} folds need {10 * recipe.fit.folds} - give more or longer recordings"
        )
