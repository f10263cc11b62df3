"""Statistics of layers and lags that stand beside R, each defined once for trainer, evaluation, replay and live.

To add one, write its function and enter it in STATISTICS: it is then computed, saved in summary.json, drawn in the
report, sent with every snapshot, and offered in the window's map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.agreement import Agreement


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number for each layer and lag.

    Attributes
    ----------
    name : str
        Its key in files and snapshots.
    title : str
        What a person reads over its picture.
    meaning : str
        One sentence for captions and tooltips.
    of : callable
        From an Agreement to an array (n_targets, ...); 0 where a target does not vary.
    """

    name: str
    title: str
    meaning: str
    of: Callable[[Agreement], np.ndarray]


def explained_variance(agreement: Agreement) -> np.ndarray:
    """1 - variance of y - p / variance of y, as scikit-learn's explained_variance_score has it.

    Why not r2_score: the mean of a held-out stretch of a story differs from that of the others, and more so in deep
    layers; that offset would hide how the score runs over lags.
    """
    a = agreement
    yy = np.broadcast_to(a.yy.reshape(a.yy.shape + (1,) * (a.py.ndim - a.yy.ndim)), a.py.shape)
    return 1 - np.divide(a.pp - 2 * a.py + yy, yy, out=np.ones_like(a.py), where=yy > 0)


STATISTIC = "statistic_"
"""Prefix of their names in files of tensors."""

STATISTICS: tuple[Statistic, ...] = (
    Statistic(
        "explained_variance",
        "Explained variance",
        "Share of a layer's variance over words that its decoders predict, the mean over components; unlike R it "
        "counts a wrong scale against them, and falls below 0 where predictions are worse than none.",
        explained_variance,
    ),
)


def by_layer(agreements: Sequence[Agreement], n_layers: int) -> dict[str, np.ndarray]:
    """Every statistic, averaged over a layer's components and over folds.

    Parameters
    ----------
    agreements : sequence of Agreement
        One a fold; targets are layer-major, layer x component.
    n_layers : int

    Returns
    -------
    dict of str to array, shape (n_layers, ...)
    """
    found = {}
    for statistic in STATISTICS:
        values = np.stack([statistic.of(agreement) for agreement in agreements]).mean(0)
        found[statistic.name] = values.reshape(n_layers, -1, *values.shape[1:]).mean(1)
    return found
