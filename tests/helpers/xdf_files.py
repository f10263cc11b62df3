"""XDF files, written sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.records import Sensor
from rtalign.recordings.xdf import StreamChoice, open_xdf, writer
from rtalign.recordings.xdf.recording import XdfRecording

SFREQ = 200.0
SENSORS = (
    Sensor("MLC11", "axial", (0.01, 0.02, 0.1), (0.0, 0.6, 0.8)),
    Sensor("MEG0112", "planar", (-0.03, 0.02, 0.09), (0.6, 0.0, 0.8)),
    Sensor("MEG0111", "mag", (0.05, -0.02, 0.09), (0.0, 0.0, 1.0)),
)
MEG = writer.SignalStream("meg", SFREQ, tuple(s.name for s in SENSORS), SENSORS, format="double64")


def noise(n: int, seed: int = 0) -> np.ndarray:
    return 1e-13 * np.random.default_rng(seed).standard_normal((n, len(SENSORS)))


def write(
    path: Path,
    stamps: np.ndarray,
    data: np.ndarray | None = None,
    markers: Sequence[tuple[str, float]] = (("Once", 1.0), ("upon", 2.0)),
    offsets: Sequence[tuple[float, float]] = (),
    signal: writer.SignalStream = MEG,
    size: int = 100,
) -> Path:
    """A file of one signal in chunks, one stream of words, clock offsets of the signal."""
    data = noise(len(stamps)) if data is None else data
    parts = [writer.file_header({}), writer.signal_header(7, signal, 0.0), writer.text_header(9, "words", 0.0)]
    for a in range(0, len(stamps), size):
        parts.append(writer.numbers(7, data[a : a + size], stamps[a : a + size], signal.format))
        parts.append(writer.boundary())
    parts += [writer.clock_offset(7, *pair) for pair in offsets]
    if markers:
        parts.append(writer.texts(9, markers))
    path.write_bytes(b"".join(parts))
    return path


def open_one(
    path: Path, *, meg: str | None = None, words: str | None = None, dejitter: bool = True, **how: Any
) -> XdfRecording:
    (recording,) = open_xdf(path, StreamChoice(meg, words, dejitter), **how)
    return recording
