"""Pictures and tables of what is shown, to files and to the clipboard."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from PyQt6.QtCore import QBuffer, QPoint, QSize
from PyQt6.QtGui import QFontInfo, QGuiApplication, QImage, QPainter
from PyQt6.QtSvg import QSvgGenerator
from PyQt6.QtWidgets import QWidget

from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.widgets import theme as themes

SHARPNESS = 2.0
"""Pixels of a saved picture for each one on the screen: fit for print."""
MOST_COPIED = 3840 * 2160
"""Pixels of a picture on the clipboard, unless the screen itself has more."""
SCREEN_DPI = 96
"""What an inch is in SVG."""


def picture(widget: QWidget, sharpness: float = SHARPNESS) -> QImage:
    """What the widget shows, painted anew at a higher resolution."""
    size = widget.size() * sharpness
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(sharpness)
    image.fill(widget.palette().window().color())
    painter = QPainter(image)
    widget.render(painter, QPoint())
    painter.end()
    return image


def save_picture(widget: QWidget, path: Path) -> None:
    """PNG or SVG, as the name says; refused in one line where it cannot be written."""
    painted(widget, path)(path)


def painted(widget: QWidget, path: Path) -> Callable[[Path], None]:
    """Painted now; what is left is packing it, which any thread may do, and takes longer."""
    match path.suffix.lower():
        case ".png":
            image = picture(widget)
            return lambda to: _pack(image, to, path)
        case ".svg":
            drawing = _drawing(widget)
            return lambda to: _put(drawing, to, path)
        case other:
            raise ValueError(f"{path.name} ends in {other or 'nothing'}; pictures are .png or .svg")


def copy_picture(widget: QWidget) -> None:
    """Of the largest windows less sharp: whoever pastes a picture waits until it has been packed."""
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        area = widget.width() * widget.height()
        clipboard.setImage(picture(widget, min(SHARPNESS, max((MOST_COPIED / area) ** 0.5, 1.0))))


def save_scores(seen: Snapshot, path: Path) -> None:
    """R(layer, lag) as the map shows it, a row a value, with the band of its null."""
    if seen.r is None or seen.lags_s is None:
        raise ValueError("there are no scores yet - wait until a few words have been scored")
    low, high = seen.null_lo, seen.null_hi
    rows = [
        (
            layer,
            f"{lag:.4f}",
            f"{seen.r[i, j]:.6f}",
            "" if low is None else f"{low[i, j]:.6f}",
            "" if high is None else f"{high[i, j]:.6f}",
            seen.n_words,
        )
        for i, layer in enumerate(seen.layers)
        for j, lag in enumerate(seen.lags_s)
    ]
    _write(path, ("layer", "lag_s", "r", "null_low", "null_high", "n_words"), rows)


def save_ladder(seen: Snapshot, path: Path) -> None:
    """The ladder as it is shown, a row a layer; no peak is an empty cell, with its reason beside it."""
    if not seen.peaks:
        raise ValueError(f"there is no ladder yet: {seen.reason or 'no word has been scored'}")
    rows = [peak.row() | {"n_words": seen.n_assessed} for peak in seen.peaks]
    _write(path, tuple(rows[0]), [tuple("" if value is None else value for value in row.values()) for row in rows])


def _pack(image: QImage, to: Path, path: Path) -> None:
    if not image.save(str(to), "PNG"):
        raise ValueError(f"{path} cannot be written - choose another folder")


def _put(drawing: str, to: Path, path: Path) -> None:
    try:
        to.write_text(drawing, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}) - choose another folder") from None


def _drawing(widget: QWidget) -> str:
    """The widget in lines and letters, as SVG."""
    kept = QBuffer()
    kept.open(QBuffer.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(kept)
    generator.setSize(QSize(widget.width(), widget.height()))
    generator.setResolution(SCREEN_DPI)
    generator.setViewBox(widget.rect())
    generator.setTitle(widget.accessibleName() or widget.windowTitle() or "rtalign")
    painter = QPainter(generator)
    painter.fillRect(widget.rect(), widget.palette().window())
    widget.render(painter, QPoint())
    painter.end()
    return _mended(kept.data().data().decode())


def _mended(drawing: str) -> str:
    """The font that was there rather than the one wished for first; cells of the map with their edges, not smoothed."""
    there = QFontInfo(themes.font(13)).family()
    drawing = re.sub('font-family="[^"]*"', f'font-family="{escape(there)}, sans-serif"', drawing)
    return drawing.replace("<image ", '<image style="image-rendering:pixelated" ')


def _write(path: Path, header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
