"""The large products of a lag's fit, on a GPU: words become sums of the size of the sensors, blocks become pairs.

What is left (directions, penalties, decoders, scores) is small, and stays on the processor, lags side by side.  Why all
blocks are multiplied at once, padded to one length: the threads of many lags
share one interpreter, and every small call to the GPU would wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from rtalign.core.gpu_copies import to_device, to_host
from rtalign.decoding.block_moments import BlockMoments, BlockSums
from rtalign.decoding.block_pairs import FoldPairs
from rtalign.decoding.moments import BLOCK, Moments, Precision
from rtalign.decoding.penalties import EigenBasis
from rtalign.decoding.ridge import FoldRotations

AT_ONCE = 4
"""Lags whose products a GPU holds at a time: it has work to do while threads fetch or prepare theirs."""


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

    Attributes
    ----------
    n : Tensor, shape (block,)
        Words of each block.
    within : Tensor, shape (fold, block)
        1 where the block is one of the fold's.
    centred : Tensor, shape (block, word, target)
        Targets about their means, 0 beyond the words of a block.
    means : Tensor, shape (block, target)
        These means.
    """

    def __init__(
        self, values: Sequence[np.ndarray], blocks: Sequence[Sequence[slice]], device: str, dtype: Precision
    ) -> None:
        self.device, self.dtype = torch.device(device), getattr(torch, dtype)
        self.turn = threading.Semaphore(AT_ONCE)
        starts = np.cumsum([0, *map(len, values)])
        rows = [
            range(start + of.start, start + of.stop) for start, fold in zip(starts, blocks, strict=False) for of in fold
        ]
        self.sizes = np.array([len(of_block) for of_block in rows])
        self.fold_of = np.repeat(np.arange(len(blocks)), [len(fold) for fold in blocks])
        self.fold_there = to_device(self.fold_of, self.device)
        self.of_folds = [slice(*np.searchsorted(self.fold_of, (k, k + 1)).tolist()) for k in range(len(blocks))]
        self.n_parts = -(-int(self.sizes.max()) // BLOCK)
        longest = -(-int(self.sizes.max()) // self.n_parts) * self.n_parts
        index = np.zeros((len(rows), longest), np.int64)
        for row, words in zip(index, rows, strict=True):
            row[: len(words)] = words
        self._index, sizes = (to_device(part, self.device) for part in (index, self.sizes))
        self.n = sizes.double()
        self.within = (self.fold_there == torch.arange(len(blocks), device=self.device)[:, None]).double()
        self.valid = (torch.arange(longest, device=self.device) < sizes[:, None])[:, :, None]
        self.centred, self.means = self.centre(self.in_blocks(self.waiting(values)))

    def waiting(self, values: Sequence[np.ndarray]) -> torch.Tensor:
        """All values (word of the fold, column), one a fold, where a GPU can take them from by itself."""
        shape = sum(map(len, values)), values[0].shape[1]
        kind = torch.as_tensor(values[0][:0]).dtype
        host = torch.empty(shape, dtype=kind, pin_memory=self.device.type == "cuda")
        np.concatenate(values, out=host.numpy())  # by numpy: torch would start threads of its own in every thread
        return host

    def in_blocks(self, waiting: torch.Tensor) -> torch.Tensor:
        """(block, word, column); words beyond a block's are wrong."""
        return waiting.to(self.device, non_blocking=True)[self._index]

    def centre(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Blocks about their means, 0 beyond their words, and the means (block, column) in float64.

        As `moments.centred`: a row of the data is subtracted first, so that no digit is lost to a common offset.
        """
        first = values[:, :1]
        shifted = torch.where(self.valid, values.to(torch.promote_types(values.dtype, self.dtype)) - first, 0)
        mean = shifted.sum(1, keepdim=True, dtype=torch.float64) / self.n[:, None, None]
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
    cross : ndarray, shape (fold, sensor, target)
        Centred products of each fold's signal and targets.
    sensors : list of Moments
        Of each fold's signal alone.
    """

    def __init__(self, targets: GpuTargets, signals: Sequence[np.ndarray]) -> None:
        self._targets = targets
        with targets.turn:  # pinned memory is slow to get: few lags hold some at a time
            x, self._mean = targets.centre(targets.in_blocks(targets.waiting(signals)))
            self._squares, self._xy = self._products(x, x), self._products(x, targets.centred).to(targets.dtype)
            means, self._xx, cross = self._sums()
            del x
            sent = to_host(means), to_host(self._xx), to_host(cross)
            mean, squares, self.cross = (fetch() for fetch in sent)
        n_words = [int(targets.sizes[of].sum()) for of in targets.of_folds]
        nothing = np.zeros(0), np.zeros((squares.shape[1], 0)), np.zeros((0, 1, 1))
        self.sensors = [
            Moments(n, mean, nothing[0], xx, *nothing[1:]) for n, mean, xx in zip(n_words, mean, squares, strict=True)
        ]

    @property
    def parts(self) -> list[list[BlockMoments]]:
        """Moments of each fold's blocks, fetched when they are asked for."""
        targets = self._targets
        fetched = [part.cpu().numpy() for part in (self._mean, targets.means, self._xy, self._squares)]
        blocks = [BlockMoments(*part) for part in zip(targets.sizes.tolist(), *fetched, strict=True)]
        return [blocks[fold] for fold in targets.of_folds]

    def predicted(self, weights: np.ndarray) -> list[BlockSums]:
        """Sums over each block of the predictions by each fold's decoder, as `BlockSums.of_predictions`.

        Parameters
        ----------
        weights : ndarray, shape (fold, sensor, target)

        Returns
        -------
        list of BlockSums
        """
        targets = self._targets
        with targets.turn:
            w = to_device(weights, targets.device).double()
            _, x, _ = self._about(targets.within)
            away = ((x @ w) * targets.within[:, :, None]).sum(0)
            of_block = w[targets.fold_there]
            squares = ((self._squares @ of_block) * of_block).sum(1)
            n = targets.n[:, None]
            sent = to_host(n * away), to_host(squares + n * away**2)
            total, squares_here = (fetch() for fetch in sent)
        sizes = targets.sizes.astype(float)
        return [BlockSums(sizes[fold], total[fold], squares_here[fold]) for fold in targets.of_folds]

    def pairs(
        self, alpha: np.ndarray, bases: Mapping[tuple[int, ...], EigenBasis], rotations: FoldRotations
    ) -> list[FoldPairs]:
        """What the blocks of each fold do with all others, as `FoldPairs.of`.

        Parameters
        ----------
        alpha : ndarray, shape (fold, target)
            Penalties of each fold's decoder.
        bases : mapping
            `eigen_bases` of the folds.
        rotations : FoldRotations
            Each fold's components of the wide targets.

        Returns
        -------
        list of FoldPairs
        """
        of_folds, folds = self._targets.of_folds, range(len(alpha))
        values, axes = pad_bases([bases[tuple(f for f in folds if f != k)] for k in folds])
        with self._targets.turn:
            sent = [to_host(part) for part in self._pair_sums(axes, values, alpha, np.stack(rotations.outer))]
            products, norms, exact = (fetch() for fetch in sent)
        found = []
        for k, rows in enumerate(of_folds):
            apart = np.delete(np.arange(products.shape[2]), rows)
            between = norms[k][:, apart[:, None], apart]
            found.append(FoldPairs.of_sums(products[k][:, rows, apart], between, exact[k][:, apart]))
        return found

    def _pair_sums(
        self, axes: np.ndarray, values: np.ndarray, alpha: np.ndarray, turns: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The arguments of `FoldPairs.of_sums`, for all folds and with all blocks in place of some.

        axes : (fold, sensor, direction).    values : (fold, direction).    alpha : (fold, target).
        turns : (fold, layer, wide, component).
        """
        outside = 1 - self._targets.within
        v, of, r, penalties = (to_device(part, self._targets.device) for part in (axes, values, turns, alpha))
        h = self._scores(v, r)
        t = h / (of[:, None] + penalties[:, :, None]).to(h.dtype)[:, :, None]
        moved = v.mT @ self._xx
        squares = (moved * v.mT).sum(2).to(t.dtype)[:, None, None]
        together = (t * outside[:, None, :, None].to(t.dtype)).sum(2, dtype=torch.float64) @ (moved @ v).mT
        exact = (t.double() @ together[..., None])[..., 0]
        return (h @ t.mT).double(), ((t * squares) @ t.mT).double(), exact

    def _products(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """(block, column of a, column of b): inner products over so few rows each that no digit is lost."""
        n = self._targets.n_parts
        parts = a.unflatten(1, (n, -1)).flatten(0, 1).mT @ b.unflatten(1, (n, -1)).flatten(0, 1)
        return parts.unflatten(0, (len(a), n)).sum(1, dtype=torch.float64)

    def _sums(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of each fold: the signal's mean, its squares, and its products with the targets."""
        within = self._targets.within
        means, x, y = self._about(within)
        n = (within * self._targets.n)[:, :, None]
        squares = torch.tensordot(within, self._squares, 1) + x.mT @ (n * x)
        return means, squares, torch.tensordot(within, self._xy.double(), 1) + x.mT @ (n * y)

    def _scores(self, axes: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        """(fold, target, block, direction): products of scores and components of all blocks.

        About the means of the fold's blocks in these, and about those of all others in the others.
        """
        targets, dtype = self._targets, self._xy.dtype
        within = targets.within[:, :, None]
        (_, x, y), (_, other_x, other_y) = self._about(targets.within), self._about(1 - targets.within)
        x, y = torch.where(within > 0, x, other_x), torch.where(within > 0, y, other_y)
        by_layer = turns.shape[1:3]
        turned_y = torch.einsum("kblw,klwc->klcb", y.unflatten(2, by_layer), turns)
        xy = torch.einsum("bslw,klwc->klcbs", self._xy.unflatten(2, by_layer), turns.to(dtype))
        xy += (turned_y[..., None] * (targets.n[:, None] * x)[:, None, None]).to(dtype)
        return xy.flatten(1, 2).flatten(1, 2).matmul(axes.to(dtype)).unflatten(1, (-1, len(targets.n)))

    def _about(self, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of chosen (fold, block) blocks: their mean signal, and the means of every block about those of these."""
        share = chosen * self._targets.n
        share /= share.sum(1, keepdim=True)
        x, y = self._mean, self._targets.means
        mean_x, mean_y = share @ x, share @ y
        return mean_x, x - mean_x[:, None], y - mean_y[:, None]


def pad_bases(bases: Sequence[EigenBasis]) -> tuple[np.ndarray, np.ndarray]:
    """Values (basis, direction) and axes (basis, sensor, direction); directions that a basis lacks hold nothing."""
    lacking = [max(len(basis.values) for basis in bases) - len(own.values) for own in bases]
    values = [np.pad(own.values, (0, n), constant_values=1.0) for own, n in zip(bases, lacking, strict=True)]
    axes = [np.pad(own.axes, ((0, 0), (0, n))) for own, n in zip(bases, lacking, strict=True)]
    return np.stack(values), np.stack(axes)
