"""Activations to decoding targets: principal components per layer, honest about which words they were fitted on.

Why two steps: projecting every word once onto a wide basis lets the sums over words be made in one pass; the components
of each fold's own training words are then a small rotation inside that basis, found from Y'Y alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

WIDE = 2
"""The wide basis holds this many times the components that are kept."""


class Layers(Protocol):
    """(word, layer, dim): an array, or something on disk that hands out parts of one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> np.ndarray: ...


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """mean : (layer, dim); basis : (layer, dim, wide), orthonormal, leading component first; variance : (layer, wide),
    each component's share of the layer's variance; components : how many of them are targets."""

    mean: np.ndarray
    basis: np.ndarray
    variance: np.ndarray
    components: int

    @property
    def wide(self) -> int:
        return int(self.basis.shape[2])

    def project(self, activations: Layers, width: int | None = None) -> np.ndarray:
        """(word, layer, dim) to (word, layer x width) in float32, layer-major; width is the components by default."""
        width = width or self.components
        out = np.empty((len(activations), len(self.mean), width), np.float32)
        for layer, (mean, basis) in enumerate(zip(self.mean, self.basis, strict=True)):
            for first in range(0, len(activations), 8192):
                block = activations[first : first + 8192, layer].astype(np.float32) - mean.astype(np.float32)
                out[first : first + 8192, layer] = block @ basis[:, :width].astype(np.float32)
        return out.reshape(len(out), -1)


def fit_projection(activations: Sequence[Layers], components: int) -> Projection:
    """The wide basis of every layer.  activations : one (word, layer, dim) array per recording, of the words in use."""
    n_words = sum(len(a) for a in activations)
    _, n_layers, dim = activations[0].shape
    components = min(components or dim, dim, n_words - 1)
    wide = min(WIDE * components, dim)
    means, bases, shares = [], [], []
    for layer in range(n_layers):
        mean, covariance = _covariance([a[:, layer] for a in activations])
        values, vectors = np.linalg.eigh(covariance)
        order = np.argsort(values)[::-1][:wide]
        means.append(mean)
        bases.append(_signed(vectors[:, order]))
        shares.append(np.maximum(values[order], 0) / max(np.trace(covariance), np.finfo(float).tiny))
    return Projection(np.array(means), np.array(bases, np.float32), np.array(shares, np.float32), components)


def rotation(yy: np.ndarray, components: int) -> np.ndarray:
    """The leading components inside the wide basis.  yy : (layer, wide, wide), centred; returns (layer, wide, comp)."""
    _, vectors = np.linalg.eigh(yy)
    return np.stack([_signed(v[:, ::-1][:, :components]) for v in vectors])


def _covariance(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance sums of (word, dim) parts, in float64 and in blocks."""
    n = sum(len(p) for p in parts)
    mean = sum(p.sum(axis=0, dtype=np.float64) for p in parts) / n
    total = np.zeros((parts[0].shape[1],) * 2)
    for part in parts:
        for first in range(0, len(part), 8192):
            block = part[first : first + 8192] - mean
            total += block.T @ block
    return mean, total


def _signed(vectors: np.ndarray) -> np.ndarray:
    """(dim, component) with the largest entry of each column positive, so that runs agree on signs."""
    top = np.abs(vectors).argmax(axis=0)
    return vectors * np.sign(vectors[top, np.arange(vectors.shape[1])])
