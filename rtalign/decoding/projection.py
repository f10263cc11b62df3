"""Activations to decoding targets: principal components per layer, fitted without the words that they are tested on.

Why two steps: projecting every word once onto a wide basis lets the sums over words be made in one pass; the components
of each fold's own training words are then a small rotation inside that basis, computed from Y'Y alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rtalign.decoding.moments import Precision

if TYPE_CHECKING:  # importing it imports torch
    from rtalign.decoding.gpu.projection import GpuCovariance, GpuWords

WIDE_FACTOR = 2
"""The wide basis holds this many times the components that are kept."""

STEEPEST = 1e3
"""Where the first component has so many times the variance of the last one, products in float32 would turn that by
more than 1e-4 (a ratio of 160 turns it by 1e-5)."""

FEW = 8
"""Components that are so small a part of all dimensions are found by Lanczos's method, without the others."""

BLOCK_OF_WORDS = 8192
"""Words whose products are summed in float32: each sum in float64 is a pass over (dim, dim)."""


class ActivationArray(Protocol):
    """Activations (word, layer, dim): an array, or an object on disk that reads parts of one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> np.ndarray: ...


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Principal components of every layer's activations.

    Attributes
    ----------
    mean : ndarray, shape (layer, dim)
        Mean activation.
    basis : ndarray, shape (layer, dim, wide)
        Orthonormal, the leading component first.
    variance : ndarray, shape (layer, wide)
        Each component's share of the layer's variance.
    components : int
        How many of the components are decoding targets.
    """

    mean: np.ndarray
    basis: np.ndarray
    variance: np.ndarray
    components: int

    @property
    def wide(self) -> int:
        """Components of the wide basis."""
        return int(self.basis.shape[2])

    def project(self, activations: ActivationArray, width: int | None = None) -> np.ndarray:
        """Project activations onto the leading components.

        Parameters
        ----------
        activations : ndarray or ActivationArray, shape (word, layer, dim)
            What the model computed.
        width : int, optional
            Components kept; by default those that are targets.

        Returns
        -------
        ndarray of float32, shape (word, layer x width)
            Layer-major.
        """
        width = width or self.components
        out = np.empty((len(activations), len(self.mean), width), np.float32)
        for layer, (mean, basis) in enumerate(zip(self.mean, self.basis, strict=True)):
            for first in range(0, len(activations), BLOCK_OF_WORDS):
                block = activations[first : first + BLOCK_OF_WORDS, layer].astype(np.float32) - mean.astype(np.float32)
                out[first : first + BLOCK_OF_WORDS, layer] = block @ basis[:, :width].astype(np.float32)
        return out.reshape(len(out), -1)


def fit_projection(activations: Sequence[ActivationArray], components: int, device: str = "cpu") -> Projection:
    """Fit the wide basis of every layer.

    Parameters
    ----------
    activations : sequence of ndarray or ActivationArray, shape (word, layer, dim)
        One a recording, of the words in use.
    components : int
        Components that are targets; 0 for all dimensions.
    device : str
        "cpu", or a device of torch.

    Returns
    -------
    Projection
        The basis, WIDE_FACTOR times as wide where there are so many dimensions.
    """
    n_words = sum(len(a) for a in activations)
    _, n_layers, dim = activations[0].shape
    components = min(components or dim, dim, n_words - 1)
    wide = min(WIDE_FACTOR * components, dim)
    means, bases, shares = [], [], []
    for layer in range(n_layers):
        mean, values, vectors, total = _leading([a[:, layer] for a in activations], wide, device)
        means.append(mean)
        bases.append(_with_fixed_signs(vectors))
        shares.append(np.maximum(values, 0) / max(total, np.finfo(float).tiny))
    return Projection(np.array(means), np.array(bases, np.float32), np.array(shares, np.float32), components)


def leading_rotation(yy: np.ndarray, components: int) -> np.ndarray:
    """The leading components inside the wide basis.

    yy : (layer, wide, wide), centred inner products of targets in the wide basis.  Returns (layer, wide, component).
    """
    _, vectors = np.linalg.eigh(yy)
    return np.stack([_with_fixed_signs(v[:, ::-1][:, :components]) for v in vectors])


class Covariance:
    """A symmetric matrix (dim, dim)."""

    def __init__(self, matrix: np.ndarray) -> None:
        self._matrix = matrix
        self.dim, self.total = len(matrix), float(np.trace(matrix))

    def times(self, vector: np.ndarray) -> np.ndarray:
        """The matrix times a vector (dim,)."""
        return np.asarray(self._matrix @ vector)

    def largest(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The n largest eigenvalues, falling, and their vectors (dim, n)."""
        from scipy.linalg import eigh

        values, vectors = eigh(self._matrix, subset_by_index=[self.dim - n, self.dim - 1], driver="evr")
        return values[::-1], vectors[:, ::-1]


class Words:
    """The words of one layer.

    parts : (word, dim), one a recording.    mean : (dim,).
    """

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self._parts = parts
        self.mean: np.ndarray = sum(p.sum(axis=0, dtype=np.float64) for p in parts) / sum(len(p) for p in parts)

    def covariance(self, dtype: Precision) -> Covariance:
        """Sums of centred products; sums over blocks are float64."""
        total, mean = np.zeros((len(self.mean),) * 2), self.mean.astype(dtype)
        for part in self._parts:
            for first in range(0, len(part), BLOCK_OF_WORDS):
                block = part[first : first + BLOCK_OF_WORDS].astype(dtype, copy=False) - mean
                total += block.T @ block
        return Covariance(total)


def _leading(parts: Sequence[np.ndarray], wide: int, device: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean, variances and directions (dim, wide) of the leading components of (word, dim) parts, and all variance.

    Products are in float32, twice as fast, and in float64 where that would move a component.
    """
    words = _words(parts, device)
    covariance: Covariance | GpuCovariance = words.covariance("float32")
    values, vectors = _largest(covariance, wide)
    if values[0] > STEEPEST * values[-1]:
        covariance = words.covariance("float64")
        values, vectors = _largest(covariance, wide)
    return words.mean, values, vectors, covariance.total


def _words(parts: Sequence[np.ndarray], device: str) -> Words | GpuWords:
    if device == "cpu":
        return Words(parts)
    from rtalign.decoding.gpu.projection import GpuWords

    return GpuWords(parts, device, BLOCK_OF_WORDS)


def _largest(covariance: Covariance | GpuCovariance, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The n largest eigenvalues, falling, and their vectors (dim, n)."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    dim = covariance.dim
    if n * FEW < dim:
        operator = LinearOperator((dim, dim), matvec=covariance.times, dtype=np.float64)
        try:
            # Always from the same vector, so that runs agree.
            values, vectors = eigsh(operator, k=n, which="LA", v0=np.ones(dim))
            order = np.argsort(values)[::-1]
            return values[order], vectors[:, order]
        except ArpackNoConvergence:  # where there are fewer words than components
            pass
    return covariance.largest(n)


def _with_fixed_signs(vectors: np.ndarray) -> np.ndarray:
    """Vectors (dim, component), the largest entry of each column made positive, so that runs agree on signs."""
    top = np.abs(vectors).argmax(axis=0)
    return vectors * np.sign(vectors[top, np.arange(vectors.shape[1])])
