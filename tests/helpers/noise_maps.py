"""Maps of noise as layers and lags have it: smooth over lags, alike between neighbouring layers."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from rtalign.scoring.left_out import LeftOut

LAGS = np.round(np.arange(-0.5, 1.5001, 0.02), 3)
DEPTH = np.linspace(0.1, 0.9, 9)
SPREAD = 0.01


def noise(rng: np.random.Generator, *shape: int, smooth: float = 3.0, share: float = 0.9) -> np.ndarray:
    """(..., layer, lag) of standard deviation SPREAD."""
    apart = np.abs(np.subtract.outer(np.arange(len(DEPTH)), np.arange(len(DEPTH))))
    mixed = np.linalg.cholesky(share**apart) @ rng.standard_normal((*shape, len(DEPTH), len(LAGS) + 40))
    smoothed = gaussian_filter1d(mixed, smooth, axis=-1)[..., 20:-20]
    return smoothed / np.sqrt(np.mean(smoothed**2)) * SPREAD


def left_out(rng: np.random.Generator, r: np.ndarray, n_blocks: int = 20, share: float = 0.9) -> LeftOut:
    """Maps without one block, as r (layer, lag) with noise of standard deviation SPREAD would have them."""
    changes = noise(rng, n_blocks, share=share)[:, : len(r)] / np.sqrt(n_blocks - 1)
    return LeftOut.of(r + changes - changes.mean(0), [1] * n_blocks)
