"""The file of a bank while its lags are fitted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rtalign.core.recipe import Recipe
from rtalign.core.spatial_filter import SpatialFilter
from rtalign.core.storage import cache
from rtalign.core.storage.lock import FileLock
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.core.word_blocks import BLOCKS_PER_FOLD
from rtalign.decoding.bank import SUMS, DecoderBank
from rtalign.decoding.moments import Moments
from rtalign.decoding.projection import Projection
from rtalign.scoring.curves import Curves
from rtalign.scoring.latency import noise_of_decoders
from rtalign.scoring.left_out import LeftOut
from rtalign.scoring.statistics import STATISTIC, STATISTICS
from rtalign.training.prepare import PreparedRecording

if TYPE_CHECKING:
    from rtalign.language.model import LanguageModel

LOCKS: dict[Path, FileLock] = {}
"""Folders of banks under way that this process holds."""


def statistics(work: TensorFile) -> dict[str, np.ndarray]:
    """(layer, lag) of every statistic other than R, by name."""
    return {statistic.name: np.array(work[STATISTIC + statistic.name]) for statistic in STATISTICS}


def write_noise(work: TensorFile, block_words: Sequence[int]) -> None:
    """Write what follows from all lags: the noise of the decoders, cross-validated and final."""
    work["block_words"][:] = block_words
    n_folds = len(work["moments_n"])
    # Decoders of a fold are fitted to all folds but one, the final ones to all.
    work["noise"][:] = noise_of_decoders(np.array(work["r"]), np.array(work["halves"])) * (n_folds - 1) / n_folds


def read_curves(work: TensorFile, lags_s: np.ndarray, layers: Sequence[int], n_layers: int) -> Curves:
    """The cross-validated curves of a bank, or of a bank under way whose noise is written."""
    r, null, without, halves = (np.array(work[name]) for name in ("r", "null", "left_out", "halves"))
    block_words = np.array(work["block_words"])
    left_out = LeftOut.of(without, block_words, np.array(work["excess"]))
    index, noise = np.asarray(layers), noise_of_decoders(r, halves)
    parts = {"r_fold": np.array(work["r_fold"]), "r_block": np.array(work["r_block"])} if "r_fold" in work else {}
    axes = lags_s, index, index / max(n_layers - 1, 1)
    return Curves(*axes, r, null, left_out, noise, halves, statistics(work), block_words=block_words, **parts)


def work_folder(
    store: Path,
    prepared: Sequence[PreparedRecording],
    model: LanguageModel,
    recipe: Recipe,
    extend: DecoderBank | None,
    spatial: SpatialFilter | None = None,
) -> Path:
    """The cache folder of a bank under way; its name holds a key of everything that the bank depends on.

    It belongs to this process alone: a second one that trains the same bank at the same time gets another.
    """
    prints = [(one.recording.fingerprint(), one.used.tolist()) for one in prepared]
    sensors = [sensor.name for sensor in prepared[0].recording.sensors]
    earlier = extend.passport["created"] if extend else ""
    matrix = spatial.matrix(sensors).tolist() if spatial is not None else None
    parts = (recipe.fingerprint(), prints, sensors, model.info.id, model.info.revision, earlier, matrix)
    folder = store / "fits" / cache.content_key("4", *parts)[:24]
    return next(own for k in count() if _take(own := folder.with_name(f"{folder.name}-{k}" if k else folder.name)))


def _take(folder: Path) -> bool:
    """Whether this process has a folder, from now on or already."""
    if folder not in LOCKS:
        lock = FileLock(folder.with_name(f"{folder.name}.lock"))
        if not lock.acquire():
            return False
        LOCKS[folder] = lock
    return True


def open_bank_file(folder: Path, n_sensors: int, recipe: Recipe, projection: Projection) -> TensorFile:
    """The file that becomes the bank: new, or as an interrupted run left it."""
    path, shapes = folder / "work.safetensors", _shapes(n_sensors, recipe, projection)
    if path.exists() and TensorFile(path).shapes() == {name: shape for name, (_, shape) in shapes.items()}:
        return TensorFile(path, writable=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    return TensorFile.create(path, shapes)


def _shapes(n_sensors: int, recipe: Recipe, projection: Projection) -> dict[str, tuple[str, tuple[int, ...]]]:
    lag, fold, sensor = len(recipe.lags.seconds), recipe.fit.folds, n_sensors
    layer, dim, wide = projection.basis.shape
    target = layer * projection.components
    return {
        "done": ("uint8", (lag,)),
        "projection_mean": ("float64", (layer, dim)),
        "projection_basis": ("float32", (layer, dim, wide)),
        "projection_variance": ("float32", (layer, wide)),
        "weights": ("float32", (lag, sensor, target)),
        "bias": ("float32", (lag, target)),
        "mean_x": ("float32", (lag, sensor)),
        "alphas": ("float32", (lag, target)),
        "patterns": ("float32", (layer, lag, sensor)),
        "r": ("float64", (layer, lag)),
        **{STATISTIC + statistic.name: ("float64", (layer, lag)) for statistic in STATISTICS},
        "null": ("float32", (recipe.fit.null_draws, layer, lag)),
        "left_out": ("float32", (fold * BLOCKS_PER_FOLD, layer, lag)),
        "retrained": ("float32", (fold * BLOCKS_PER_FOLD, layer, lag)),
        "excess": ("float32", (layer, lag)),
        "halves": ("float32", (2, layer, lag)),
        "r_fold": ("float32", (fold, layer, lag)),
        "r_block": ("float32", (fold * BLOCKS_PER_FOLD, layer, lag)),
        "block_words": ("int64", (fold * BLOCKS_PER_FOLD,)),
        "noise": ("float64", (layer,)),
        "moments_n": ("int64", (fold,)),
        "moments_mean_x": ("float64", (lag, fold, sensor)),
        "moments_mean_y": ("float64", (fold, layer * wide)),
        "moments_xx": ("float32", (lag, fold, sensor, sensor)),
        "moments_xy": ("float32", (lag, fold, sensor, layer * wide)),
        "moments_yy": ("float64", (fold, layer, wide, wide)),
    }


def patterns(covariance: np.ndarray, weights: np.ndarray, n_layers: int) -> np.ndarray:
    """Forward patterns (Haufe 2014): how much each sensor changes with one standard deviation of the prediction.

    covariance : (sensor, sensor); weights : (sensor, target).  Returns (layer, sensor), rms over a layer's targets.
    """
    moved = covariance @ weights
    spread = np.sqrt(np.maximum((weights * moved).sum(axis=0), 0))
    scaled = np.divide(moved, spread, out=np.zeros_like(moved), where=spread > 0)
    return np.sqrt((scaled.reshape(len(scaled), n_layers, -1) ** 2).mean(axis=2)).T


def earlier_moments(tensors: TensorFile, lag: int | None, fold: int) -> Moments:
    """Moments of an earlier bank: of one lag and fold, or with lag None of its targets alone."""
    n, mean_y = int(tensors["moments_n"][fold]), np.array(tensors["moments_mean_y"][fold])
    yy = np.array(tensors["moments_yy"][fold])
    none = np.zeros((0, len(mean_y)))
    of_targets = Moments(n, np.zeros(0), mean_y, np.zeros((0, 0)), none, yy)
    return of_targets if lag is None else lag_moments(tensors, lag, fold, of_targets)


def lag_moments(work: TensorFile, lag: int, fold: int, targets: Moments) -> Moments:
    """Moments of one lag and fold of a bank under way, with those of its targets."""
    mean_x, xx, xy = (np.array(work[f"moments_{name}"][lag, fold], float) for name in ("mean_x", "xx", "xy"))
    return replace(targets, mean_x=mean_x, xx=xx, xy=xy)


def finish_bank_file(
    work: TensorFile,
    projection: Projection,
    targets: Sequence[Moments],
    earlier: TensorFile | None,
    path: Path,
    slim: bool = False,
) -> None:
    """Write what is the same for all lags, then give the file a second name in the bank's folder.

    slim : whether the bank gets a copy without the sums over words instead.

    Its own name stays until `remove_work`, so that a process that is killed before the bank is whole loses no fit.
    """
    for name in ("mean", "basis", "variance"):
        work[f"projection_{name}"][:] = getattr(projection, name)
    for k, own in enumerate(targets):
        m = own + earlier_moments(earlier, None, k) if earlier else own
        work["moments_n"][k], work["moments_mean_y"][k], work["moments_yy"][k] = m.n, m.mean_y, m.yy
    if slim:
        _copy_without_sums(work, path)
        return
    try:
        os.link(work.path, path)
    except OSError:  # another disk, or one without links
        shutil.copyfile(work.path, path)


def _copy_without_sums(work: TensorFile, path: Path) -> None:
    kept = {name: shape for name, shape in work.shapes().items() if not name.startswith(SUMS)}
    copy = TensorFile.create(path, {name: (work[name].dtype.name, shape) for name, shape in kept.items()})
    for name in kept:
        copy[name][...] = work[name]


def remove_work(work: TensorFile) -> None:
    """Remove the file of a bank that is finished, and let go of its folder."""
    folder = work.path.parent
    shutil.rmtree(folder, ignore_errors=True)
    lock = LOCKS.pop(folder, None)
    if lock is not None:
        lock.release()
