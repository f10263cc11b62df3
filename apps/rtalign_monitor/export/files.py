"""Pictures of what is shown, written to files and to the clipboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from PyQt6.QtCore import QBuffer, QPoint, QRect, QSize, Qt
from PyQt6.QtGui import QFontInfo, QGuiApplication, QImage, QPainter
from PyQt6.QtSvg import QSvgGenerator
from PyQt6.QtWidgets import QWidget

from rtalign_monitor.widgets import theme as themes

PIXEL_RATIO = 2.0
"""Pixels of a saved picture for each one on the screen: fit for print."""
MAX_CLIPBOARD_PIXELS = 3840 * 2160
"""Of a picture on the clipboard, unless the widget itself has more."""
MARK_HEIGHT = 24
"""Of the line below a picture that says what it is no evidence of, in pixels of the screen."""
SCREEN_DPI = 96
"""Pixels of an inch in SVG."""


def picture(widget: QWidget, ratio: float = PIXEL_RATIO, mark: str = "") -> QImage:
    """Paint what the widget shows at a higher resolution.

    Parameters
    ----------
    widget : QWidget
        What to paint.
    ratio : float
        Pixels of the picture for each one on the screen.
    mark : str
        What the picture is no evidence of, on a line of its own below; none where it is empty.

    Returns
    -------
    QImage
    """
    size = QSize(widget.width(), widget.height() + (MARK_HEIGHT if mark else 0)) * ratio
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(widget.palette().window().color())
    painter = QPainter(image)
    widget.render(painter, QPoint())
    _write_mark(painter, widget, mark)
    painter.end()
    return image


def _write_mark(painter: QPainter, widget: QWidget, mark: str) -> None:
    if mark:
        painter.setFont(themes.font(12, True))
        painter.setPen(widget.palette().windowText().color())
        box = QRect(8, widget.height(), widget.width() - 16, MARK_HEIGHT)
        line = painter.fontMetrics().elidedText(f"No evidence: {mark}", Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, line)


def save_picture(widget: QWidget, path: Path, mark: str = "") -> None:
    """Save a picture as PNG or SVG, as the name's ending says.

    Parameters
    ----------
    widget : QWidget
        What to paint.
    path : Path
        The file.
    mark : str
        As of `picture`.

    Raises
    ------
    ValueError
        Where the name does not end in .png or .svg, or the file cannot be written.
    """
    painted(widget, path, mark)(path)


def painted(widget: QWidget, path: Path, mark: str = "") -> Callable[[Path], None]:
    """Paint a widget now, and return what writes the picture: that takes longer, and any thread may do it.

    Parameters
    ----------
    widget : QWidget
        What to paint.
    path : Path
        The file that is meant, for its ending and for messages.
    mark : str
        As of `picture`.

    Returns
    -------
    callable
        Writes the picture to the path that it is given; raises ValueError where that fails.

    Raises
    ------
    ValueError
        Where the name does not end in .png or .svg.
    """
    match path.suffix.lower():
        case ".png":
            image = picture(widget, mark=mark)
            return lambda to: _write_png(image, to, path)
        case ".svg":
            drawing = _svg(widget, mark)
            return lambda to: _write_svg(drawing, to, path)
        case other:
            raise ValueError(f"{path.name} ends in {other or 'nothing'}; pictures are .png or .svg")


def copy_picture(widget: QWidget, mark: str = "") -> None:
    """Put a picture on the clipboard, of a large widget at less resolution: pasting waits for its compression."""
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        area = widget.width() * widget.height()
        clipboard.setImage(picture(widget, min(PIXEL_RATIO, max((MAX_CLIPBOARD_PIXELS / area) ** 0.5, 1.0)), mark))


def _write_png(image: QImage, to: Path, path: Path) -> None:
    if not image.save(str(to), "PNG"):
        raise ValueError(f"{path} cannot be written - choose another folder")


def _write_svg(drawing: str, to: Path, path: Path) -> None:
    try:
        to.write_text(drawing, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}) - choose another folder") from None


def _svg(widget: QWidget, mark: str = "") -> str:
    """The widget as SVG, in lines and letters."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    area = QRect(0, 0, widget.width(), widget.height() + (MARK_HEIGHT if mark else 0))
    generator.setSize(area.size())
    generator.setResolution(SCREEN_DPI)
    generator.setViewBox(area)
    generator.setTitle(widget.accessibleName() or widget.windowTitle() or "rtalign")
    painter = QPainter(generator)
    painter.fillRect(area, widget.palette().window())
    widget.render(painter, QPoint())
    _write_mark(painter, widget, mark)
    painter.end()
    return _corrected(buffer.data().data().decode())


def _corrected(drawing: str) -> str:
    """SVG with the font that was used instead of the one that was wished for, and with the map's cells not smoothed."""
    used = QFontInfo(themes.font(13)).family()
    drawing = re.sub('font-family="[^"]*"', f'font-family="{escape(used)}, sans-serif"', drawing)
    return drawing.replace("<image ", '<image style="image-rendering:pixelated" ')
