"""The products that grow with the number of words, on a GPU: a lag's words become sums of the size of the sensors.

Everything after the sums (directions, penalties, decoders, scores) takes as long for ten hours as for one, and stays on
the processor, lags side by side.  Why all blocks are multiplied at once, padded to one length: the threads of many lags
share one interpreter, and every small call to the GPU would wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import torch

from rtalign.decoding.block_moments import BlockMoments, BlockSums
from rtalign.decoding.moments import BLOCK, Moments, Precision


class GpuTargets:
    """The targets of all words in a GPU's memory, for the signals of one lag after another.

    Parameters
    ----------
    values : sequence of ndarray, shape (word of the fold, target)
        One a fold.
    blocks : sequence of sequence of slice
        Stretches of neighbouring words of each fold.
    device : str
        A device of torch.
    dtype : {"float32", "float64"}
        Precision of the products; they are summed in float64.
    """

    def __init__(
        self, values: Sequence[np.ndarray], blocks: Sequence[Sequence[slice]], device: str, dtype: Precision
    ) -> None:
        self.device, self.dtype = torch.device(device), getattr(torch, dtype)
        self.lock = threading.Lock()  # one lag at a time: the GPU would take them in turn, and hold them all
        starts = np.cumsum([0, *map(len, values)])
        rows = [
            range(start + of.start, start + of.stop) for start, fold in zip(starts, blocks, strict=False) for of in fold
        ]
        self.sizes = np.array([len(of_block) for of_block in rows])
        self.fold_of = np.repeat(np.arange(len(blocks)), [len(fold) for fold in blocks])
        self.of_folds = [np.flatnonzero(self.fold_of == k) for k in range(len(blocks))]
        self.n_parts = -(-int(self.sizes.max()) // BLOCK)
        longest = -(-int(self.sizes.max()) // self.n_parts) * self.n_parts
        index = np.zeros((len(rows), longest), np.int64)
        for row, words in zip(index, rows, strict=True):
            row[: len(words)] = words
        self._index = torch.as_tensor(index).to(self.device)
        sizes = torch.as_tensor(self.sizes).to(self.device)
        self.n = sizes[:, None, None]
        self.valid = (torch.arange(longest, device=self.device) < sizes[:, None])[:, :, None]
        self.centred, means = self.centre(self.in_blocks(values))
        self.means = means.cpu().numpy()

    def in_blocks(self, values: Sequence[np.ndarray]) -> torch.Tensor:
        """(block, word, column) of values (word of the fold, column), one a fold; words beyond a block's are wrong."""
        together = torch.cat([torch.as_tensor(part).to(self.device) for part in values])
        return together[self._index]

    def centre(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Blocks about their means, 0 beyond their words, and the means (block, column) in float64.

        As `moments.centred`: a row of the data is subtracted first, so that no digit is lost to a common offset.
        """
        first = values[:, :1]
        shifted = torch.where(self.valid, values.to(torch.promote_types(values.dtype, self.dtype)) - first, 0)
        mean = shifted.sum(1, keepdim=True, dtype=torch.float64) / self.n
        about = torch.where(self.valid, shifted - mean.to(shifted.dtype), 0)
        return about.to(self.dtype), (first.double() + mean)[:, 0]


class GpuProducts:
    """Products of the signal of one lag with itself and with the targets.

    Parameters
    ----------
    targets : GpuTargets
        Of the same words.
    signals : sequence of ndarray, shape (word of the fold, sensor)
        One a fold.

    Attributes
    ----------
    parts : list of list of BlockMoments
        Of each fold's blocks.
    sensors : list of Moments
        Of each fold's signal alone.
    """

    def __init__(self, targets: GpuTargets, signals: Sequence[np.ndarray]) -> None:
        self._targets, self._signals = targets, signals
        with targets.lock:
            x, mean = targets.centre(targets.in_blocks(signals))
            xy = self._products(x, targets.centred).to(targets.dtype)
            means, xx, each = (part.cpu().numpy() for part in (mean, self._products(x, x), xy))
            del x, xy
        blocks = [BlockMoments(*part) for part in zip(targets.sizes.tolist(), means, targets.means, each, strict=True)]
        self.parts = [[blocks[b] for b in fold] for fold in targets.of_folds]
        self.sensors = [Moments.sum([_of_signal(blocks[b], xx[b]) for b in fold]) for fold in targets.of_folds]

    def _products(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """(block, column of a, column of b): inner products over so few rows each that no digit is lost."""
        n = self._targets.n_parts
        parts = a.unflatten(1, (n, -1)).flatten(0, 1).mT @ b.unflatten(1, (n, -1)).flatten(0, 1)
        return parts.unflatten(0, (len(a), n)).sum(1, dtype=torch.float64)

    def predicted(self, weights: np.ndarray, bias: np.ndarray) -> list[BlockSums]:
        """Sums over each block of the predictions by each fold's decoder.

        Parameters
        ----------
        weights : ndarray, shape (fold, sensor, target)
        bias : ndarray, shape (fold, target)

        Returns
        -------
        list of BlockSums
        """
        targets, fold_of = self._targets, self._targets.fold_of
        with targets.lock:
            w, b = (torch.as_tensor(part).to(targets.device) for part in (weights, bias))
            values = targets.in_blocks(self._signals).to(w.dtype) @ w[fold_of] + b[fold_of][:, None]
            sums = torch.where(targets.valid, values, 0).sum(1, dtype=torch.float64).cpu().numpy()
            means = [sums[fold].sum(0) / targets.sizes[fold].sum() for fold in targets.of_folds]
            about = torch.where(
                targets.valid, values - torch.as_tensor(np.stack(means)).to(values)[fold_of][:, None], 0
            )
            total, squares = (part.sum(1, dtype=torch.float64).cpu().numpy() for part in (about, about**2))
            del values, about
        n = targets.sizes.astype(float)
        return [BlockSums(n[fold], total[fold], squares[fold]) for fold in targets.of_folds]


def _of_signal(block: BlockMoments, xx: np.ndarray) -> Moments:
    n_sensors = len(block.mean_x)
    return Moments(block.n, block.mean_x, np.zeros(0), xx, np.zeros((n_sensors, 0)), np.zeros((0, 1, 1)))
