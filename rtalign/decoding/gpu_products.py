"""The products that grow with the number of words, on a GPU: a lag's words become sums of the size of the sensors.

Everything after the sums (directions, penalties, decoders, scores) takes as long for ten hours as for one, and stays on
the processor, lags side by side.
"""

from __future__ import annotations

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
        self.blocks, self.device, self.dtype = blocks, torch.device(device), getattr(torch, dtype)
        self.centred = [[self.centre(self.put(y)[rows]) for rows in of] for y, of in zip(values, blocks, strict=True)]
        self.means = [[mean.cpu().numpy() for _, mean in fold] for fold in self.centred]

    def put(self, values: np.ndarray) -> torch.Tensor:
        """Values in the GPU's memory."""
        return torch.as_tensor(values).to(self.device)

    def centre(self, block: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A block about its mean, ready to be multiplied, and that mean in float64; as `moments.centred`."""
        shifted = block.to(torch.promote_types(block.dtype, self.dtype)) - block[0]
        mean = shifted.double().mean(0)
        return (shifted - mean.to(shifted.dtype)).to(self.dtype), block[0].double() + mean


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
        self._targets = targets
        self._signals = [targets.put(x) for x in signals]
        self.parts: list[list[BlockMoments]] = []
        self.sensors: list[Moments] = []
        for x, blocks, ys, means in zip(self._signals, targets.blocks, targets.centred, targets.means, strict=True):
            xs = [targets.centre(x[rows]) for rows in blocks]
            xx = torch.stack([_products(block, block) for block, _ in xs]).cpu().numpy()
            xy = torch.stack([_products(a, b).to(targets.dtype) for (a, _), (b, _) in zip(xs, ys, strict=True)])
            mean_x, each = torch.stack([mean for _, mean in xs]).cpu().numpy(), xy.cpu().numpy()
            sizes = [len(block) for block, _ in xs]
            self.parts.append([BlockMoments(*part) for part in zip(sizes, mean_x, means, each, strict=True)])
            self.sensors.append(Moments.sum([_of_signal(*part) for part in zip(sizes, mean_x, xx, strict=True)]))

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
        found = []
        for x, w, b, blocks in zip(self._signals, weights, bias, self._targets.blocks, strict=True):
            values = (x.to(self._targets.dtype) @ self._targets.put(w) + self._targets.put(b)).double()
            values -= values.mean(0)
            parts = [values[rows] for rows in blocks]
            total, squares = (torch.stack(sums).cpu().numpy() for sums in zip(*map(_sums, parts), strict=True))
            found.append(BlockSums(np.array([float(len(part)) for part in parts]), total, squares))
        return found


def _products(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(column of a, column of b): inner products, in float64, of so few rows each that no digit is lost."""
    return sum((x.T @ y).double() for x, y in zip(a.split(BLOCK), b.split(BLOCK), strict=True))  # type: ignore[return-value]


def _sums(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return values.sum(0), (values**2).sum(0)


def _of_signal(n: int, mean_x: np.ndarray, xx: np.ndarray) -> Moments:
    return Moments(n, mean_x, np.zeros(0), xx, np.zeros((len(mean_x), 0)), np.zeros((0, 1, 1)))
