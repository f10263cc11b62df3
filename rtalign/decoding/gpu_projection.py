"""The principal components of a layer's activations, on a GPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from rtalign.decoding.projection import BLOCK_OF_WORDS, FEW, STEEPEST, largest_by_lanczos


def leading(parts: Sequence[np.ndarray], wide: int, device: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean, variances and directions (dim, wide) of the leading components of (word, dim) parts, and all variance.

    As on the processor, products in float32 are summed in float64, and made in float64 where that would move a
    component.

    Parameters
    ----------
    parts : sequence of ndarray, shape (word, dim)
        One a recording.
    wide : int
        How many components.
    device : str
        A device of torch.
    """
    words = torch.cat([torch.as_tensor(part).to(device) for part in parts])
    mean = words.sum(0, dtype=torch.float64) / len(words)
    covariance = _covariance(words, mean, torch.float32)
    values, vectors = _largest(covariance, wide)
    if values[0] > STEEPEST * values[-1]:
        covariance = _covariance(words, mean, torch.float64)
        values, vectors = _largest(covariance, wide)
    return mean.cpu().numpy(), values, vectors, float(covariance.trace())


def _covariance(words: torch.Tensor, mean: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """(dim, dim) sums of centred products in float64."""
    total = torch.zeros((len(mean),) * 2, dtype=torch.float64, device=words.device)
    for block in words.split(BLOCK_OF_WORDS):
        about = block.to(dtype) - mean.to(dtype)
        total += about.T @ about
    return total


def _largest(covariance: torch.Tensor, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The n largest eigenvalues, falling, and their vectors (dim, n)."""
    from scipy.sparse.linalg import LinearOperator

    def times(vector: np.ndarray) -> np.ndarray:
        there = torch.as_tensor(vector.ravel()).to(covariance.device)
        return np.asarray((covariance @ there).cpu().numpy())

    if n * FEW < len(covariance):
        operator = LinearOperator(covariance.shape, matvec=times, dtype=np.float64)
        if found := largest_by_lanczos(operator, n):
            return found
    values, vectors = torch.linalg.eigh(covariance)
    return values.flip(0)[:n].cpu().numpy(), vectors.flip(1)[:, :n].cpu().numpy()
