"""Wav files, written without the project's own code."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np


def write_wav(path: Path, values: np.ndarray, rate: int = 8000, channels: int = 1, width: int = 2) -> Path:
    """PCM samples of `width` bytes; values : (frame * channel,) from -1 to 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        whole = np.round(values * (2 ** (8 * width - 1) - 1)).astype("<i4")
        if width == 1:
            file.writeframes((whole + 128).astype(np.uint8).tobytes())
        else:
            file.writeframes(np.ascontiguousarray(whole.view(np.uint8).reshape(-1, 4)[:, :width]).tobytes())
    return path
