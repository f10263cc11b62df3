"""Many lines in one image, at a cost that does not depend on how many there are on each pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtGui import QImage

from rtalign_monitor.widgets.theme import Theme

FULL = 12
"""So many lines on one pixel give it the line's full colour; a single one has half."""
TINT = 0.25
"""Share of the tint's colour in the background of columns that are tinted."""


def cover(top: np.ndarray, bottom: np.ndarray, height: int) -> np.ndarray:
    """How many lines cover each pixel, up to FULL.

    Parameters
    ----------
    top, bottom : ndarray, shape (column, line)
        Pixel rows between which a line lies in a column, from 0 at the top; NaN where it has none.
    height : int
        Rows of the image.

    Returns
    -------
    ndarray of uint8, shape (column, height)
    """
    top, bottom = _joined(top, bottom)
    n_columns = len(top)
    inside = (bottom >= 0) & (top < height)  # False where not a number
    begin = np.broadcast_to(np.arange(n_columns)[:, None] * (height + 1), top.shape)[inside]
    first = begin + np.clip(top[inside], 0, height - 1).astype(np.intp)
    behind = begin + np.clip(bottom[inside], 0, height - 1).astype(np.intp) + 1
    size = n_columns * (height + 1)
    steps = (np.bincount(first, minlength=size) - np.bincount(behind, minlength=size)).astype(np.int16)
    counts = np.cumsum(steps.reshape(n_columns, height + 1)[:, :height], axis=1, dtype=np.int16)
    return np.minimum(counts, FULL).astype(np.uint8)


def coloured(layers: Sequence[tuple[np.ndarray, str]], theme: Theme, tinted: np.ndarray) -> QImage:
    """Layers of coverage on a panel, the later ones over the earlier.

    Parameters
    ----------
    layers : sequence of (ndarray of uint8, str)
        (column, height) as `cover` gives it, and the colour of its lines by its role in the theme.
    theme : Theme
        The colours.
    tinted : ndarray of bool, shape (column,)
        Columns whose background has a share of the colour "lost".

    Returns
    -------
    QImage
        With a pixel for each value.
    """
    panel, lost = theme.colour("panel").rgb(), theme.mixed("lost", TINT).rgb()
    palette, index = [panel], np.zeros_like(layers[0][0])
    for counts, role in layers:
        index = np.where(counts > 0, counts + np.uint8(len(palette) - 1), index)
        palette += [theme.mixed(role, share).rgb() for share in np.linspace(0.5, 1.0, FULL)]
    index[tinted] = np.where(index[tinted] == 0, np.uint8(len(palette)), index[tinted])
    pixels = np.ascontiguousarray(index.T)
    height, width = pixels.shape
    image = QImage(pixels.tobytes(), width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable([*palette, lost])
    return image.convertToFormat(QImage.Format.Format_RGB32)  # which owns its pixels


def _joined(top: np.ndarray, bottom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reach to the column before, so that a steep line has no holes; a NaN there is passed over, one here stays."""
    joined_top, joined_bottom = top.copy(), bottom.copy()
    np.fmin(top[1:], bottom[:-1], out=joined_top[1:], where=~np.isnan(top[1:]))
    np.fmax(bottom[1:], top[:-1], out=joined_bottom[1:], where=~np.isnan(bottom[1:]))
    return joined_top, joined_bottom
