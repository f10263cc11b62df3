"""draws.safetensors: R with every null draw and without every block of words, for results that are no bank."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtalign.core.storage.tensorfile import TensorFile, save_tensors
from rtalign.scoring.curves import Curves
from rtalign.scoring.left_out import LeftOut
from rtalign.scoring.statistics import STATISTIC

FILE = "draws.safetensors"
NEEDED = (
    "lags_s",
    "layers",
    "depth",
    "r",
    "null",
    "left_out",
    "left_out_weight",
    "left_out_source",
    "left_out_freedom",
)
OPTIONAL = ("noise", "halves", "r_fold", "r_block", "block_words")
AGAIN = "write the folder again"


def write_draws(folder: Path, curves: Curves) -> None:
    """Write curves whole, null draws and blocks in single precision."""
    left_out = curves.left_out
    tensors = {
        "lags_s": curves.lags_s,
        "layers": curves.layers.astype(np.int64),
        "depth": curves.depth,
        "r": curves.r.astype(float),
        "null": curves.null.astype(np.float32),
        "left_out": left_out.curves.astype(np.float32),
        "left_out_weight": left_out.weight,
        "left_out_source": left_out.source.astype(np.int64),
        "left_out_freedom": np.array(left_out.freedom, float),
        **{STATISTIC + name: values.astype(float) for name, values in curves.statistics.items()},
    }
    tensors |= {name: value for name in OPTIONAL if (value := getattr(curves, name)) is not None}
    if left_out.excess is not None:
        tensors["excess"] = left_out.excess
    save_tensors(folder / FILE, tensors)


def read_draws(folder: Path) -> Curves:
    """The curves that `write_draws` wrote; ValueError, in one line, where the file does not hold them."""
    file = TensorFile(folder / FILE)
    _check(file)
    found = {name: np.array(file[name]) for name in file.names()}
    lags, layers, depth, r, null, curves, weight, source, freedom = (found[name] for name in NEEDED)
    beside = {name.removeprefix(STATISTIC): values for name, values in found.items() if name.startswith(STATISTIC)}
    left_out = LeftOut(curves, weight, tuple(map(float, freedom)), source, found.get("excess"))
    optional = {name: found[name] for name in OPTIONAL if name in found}
    return Curves(lags, layers, depth, r, null, left_out, statistics=beside, **optional)


def _check(file: TensorFile) -> None:
    """ValueError where arrays are missing, do not belong together, or hold what is no number."""
    shapes = file.shapes()
    if missing := [name for name in NEEDED if name not in shapes]:
        raise ValueError(f"{file.path} lacks {', '.join(missing)}; {AGAIN}")
    cell = (*shapes["layers"], *shapes["lags_s"])
    blocks, draws = shapes["left_out"][:1], shapes["null"][:1]
    expected = {
        "depth": cell[:1], "r": cell, "null": (*draws, *cell), "left_out": (*blocks, *cell), "left_out_weight": blocks,
        "left_out_source": blocks, "excess": cell, "noise": cell[:1], "halves": (2, *cell),
        "r_fold": (*shapes.get("r_fold", ())[:1], *cell), "r_block": (*shapes.get("block_words", ()), *cell),
    }  # fmt: skip
    for name, shape in shapes.items():
        right = cell if name.startswith(STATISTIC) else expected.get(name, shape)
        if shape != right:
            raise ValueError(f"{file.path}: {name} is {shape}, and {right} belongs there; {AGAIN}")
        if not np.isfinite(file[name]).all():
            raise ValueError(f"{file.path}: {name} holds NaN or infinity; {AGAIN}")
    if len(cell) != 2 or not cell[0] or min(cell[1], *blocks, *draws) < 2 or (np.diff(file["lags_s"]) <= 0).any():
        raise ValueError(f"{file.path} holds no curves over rising lags with draws of chance; {AGAIN}")
