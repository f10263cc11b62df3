"""The covariance of a layer's activations on a GPU, and its principal directions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from rtalign.decoding.moments import Precision


class GpuWords:
    """The words of one layer in a GPU's memory, as `projection.Words`.

    Parameters
    ----------
    parts : sequence of ndarray, shape (word, dim)
        One a recording.
    device : str
        A device of torch.
    block : int
        Words whose products are summed in one precision; sums over blocks are float64.

    Attributes
    ----------
    mean : ndarray, shape (dim,)
        Of all words.
    """

    def __init__(self, parts: Sequence[np.ndarray], device: str, block: int) -> None:
        self._words, self._block = torch.cat([torch.as_tensor(part).to(device) for part in parts]), block
        self._mean = self._words.sum(0, dtype=torch.float64) / len(self._words)
        self.mean: np.ndarray = self._mean.cpu().numpy()

    def covariance(self, dtype: Precision) -> GpuCovariance:
        """Sums of centred products."""
        kind = getattr(torch, dtype)
        total = torch.zeros((len(self.mean),) * 2, dtype=torch.float64, device=self._words.device)
        for block in self._words.split(self._block):
            about = block.to(kind) - self._mean.to(kind)
            total += about.T @ about
        return GpuCovariance(total)


class GpuCovariance:
    """A symmetric matrix (dim, dim) in a GPU's memory, as `projection.Covariance`."""

    def __init__(self, matrix: torch.Tensor) -> None:
        self._matrix = matrix
        self.dim, self.total = len(matrix), float(matrix.trace())

    def times(self, vector: np.ndarray) -> np.ndarray:
        """The matrix times a vector (dim,)."""
        return np.asarray((self._matrix @ torch.as_tensor(vector.ravel()).to(self._matrix.device)).cpu().numpy())

    def largest(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The n largest eigenvalues, falling, and their vectors (dim, n)."""
        values, vectors = torch.linalg.eigh(self._matrix)
        return values.flip(0)[:n].cpu().numpy(), vectors.flip(1)[:, :n].cpu().numpy()
