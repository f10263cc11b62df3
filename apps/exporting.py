"""Pictures and tables of what is shown, to files and to the clipboard."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PyQt6.QtCore import QPoint, QSize
from PyQt6.QtGui import QFontInfo, QGuiApplication, QImage, QPainter
from PyQt6.QtSvg import QSvgGenerator
from PyQt6.QtWidgets import QWidget

from apps import theme as themes
from rtalign.snapshot import Snapshot

SHARPNESS = 2.0
"""Pixels of a saved picture for each one on the screen: fit for print."""
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
    match path.suffix.lower():
        case ".png":
            if not picture(widget).save(str(path), "PNG"):
                raise ValueError(f"{path} cannot be written - choose another folder")
        case ".svg":
            _save_svg(widget, path)
        case other:
            raise ValueError(f"{path.name} ends in {other or 'nothing'}; pictures are .png or .svg")


def copy_picture(widget: QWidget) -> None:
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        clipboard.setImage(picture(widget))


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
    if not seen.rungs:
        raise ValueError(f"there is no ladder yet: {seen.why or 'no word has been scored'}")
    names = ("layer", "depth", "status", "peak_s", "low_s", "high_s", "peak_r", "null_r")
    rows = [
        (*("" if (value := getattr(rung, name)) is None else value for name in names), seen.n_assessed)
        for rung in seen.rungs
    ]
    _write(path, (*names, "n_words"), rows)


def _save_svg(widget: QWidget, path: Path) -> None:
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(QSize(widget.width(), widget.height()))
    generator.setResolution(SCREEN_DPI)
    generator.setViewBox(widget.rect())
    generator.setTitle(widget.accessibleName() or widget.windowTitle() or "rtalign")
    painter = QPainter()
    if not painter.begin(generator):
        raise ValueError(f"{path} cannot be written - choose another folder")
    painter.fillRect(widget.rect(), widget.palette().window())
    widget.render(painter, QPoint())
    painter.end()
    _mend(path)


def _mend(path: Path) -> None:
    """The font that was there rather than the one wished for first; cells of the map with their edges, not smoothed."""
    drawing, wished = path.read_text(encoding="utf-8"), themes.font(13)
    there = QFontInfo(wished).family()
    drawing = re.sub('font-family="[^"]*"', f'font-family="{escape(there)}, sans-serif"', drawing)
    drawing = drawing.replace("<image ", '<image style="image-rendering:pixelated" ')
    path.write_text(drawing, encoding="utf-8")


def _write(path: Path, header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
