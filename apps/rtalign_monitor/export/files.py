"""Pictures of what is shown, written to files and to the clipboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from qtpy.QtCore import QBuffer, QMarginsF, QPoint, QRect, QSize, QSizeF, Qt
from qtpy.QtGui import QFont, QFontInfo, QFontMetrics, QGuiApplication, QImage, QPageSize, QPainter, QPdfWriter
from qtpy.QtSvg import QSvgGenerator
from qtpy.QtWidgets import QWidget

from rtalign.core.session import Session
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.widgets import theme as themes
from rtalign_monitor.widgets.painted import PaintedWidget
from rtalign_monitor.widgets.theme import THEMES

PIXEL_RATIO = 2.0
"""Pixels of a saved picture for each one on the screen: fit for print."""
MAX_CLIPBOARD_PIXELS = 3840 * 2160
"""Of a picture on the clipboard, unless the widget itself has more."""
CAPTION_MARGIN = 8
"""Around the caption below a picture, in pixels of the screen."""
COLUMN_MM, COLUMN_PX = 89.0, 500.0
"""Width of a journal's column, and of a panel whose type has the usual size in it: 13 pixels are 6.5 points."""
POSTER_PX = 6000
"""Width of a picture for a poster: half a metre at 300 pixels an inch."""
MOST_SENSORS = 5
"""Names of sensors in a caption."""
SCREEN_DPI = 96
"""Pixels of an inch in SVG."""


def picture(widget: QWidget, ratio: float = PIXEL_RATIO, caption: str = "") -> QImage:
    """Paint what the widget shows at a higher resolution.

    Parameters
    ----------
    widget : QWidget
        What to paint.
    ratio : float
        Pixels of the picture for each one on the screen.
    caption : str
        What the picture is of, below it; none where it is empty.

    Returns
    -------
    QImage
    """
    size = QSize(widget.width(), widget.height() + _caption_box(widget, caption).height()) * ratio
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(widget.palette().window().color())
    painter = QPainter(image)
    widget.render(painter, QPoint())
    _write_caption(painter, widget, caption)
    painter.end()
    return image


def caption_of(session: Session | None, snapshot: Snapshot, source: str, when: datetime) -> str:
    """What a picture is of: who, which bank, which recording, how many words, when, and what it is no evidence of.

    Parameters
    ----------
    session : Session or None
        What runs.
    snapshot : Snapshot
        What is shown.
    source : str
        What nobody should take for a person, as `start.sessions.source_of` says.
    when : datetime
        Date of the picture.

    Returns
    -------
    str
        One line.
    """
    recording = session.recording if session else None
    parts = [
        session.label.replace("_", " ") if session else "",
        tr("bank {name}", name=Path(snapshot.bank).name) if snapshot.bank else "",
        tr("replay of {name}", name=recording.name) if recording else tr("live streams"),
        snapshot.model.rsplit("/", 1)[-1],
        tr("n = {n_words:,} words", n_words=snapshot.n_words),
        without_sensors(snapshot.left_out),
        f"{when:%Y-%m-%d %H:%M}",
        source,
        tr("No evidence: {training_overlap}", training_overlap=snapshot.training_overlap)
        if snapshot.training_overlap
        else "",
    ]
    return "   ".join(part for part in parts if part)


def without_sensors(names: Sequence[str]) -> str:
    """Which sensors are left out of the numbers; empty where none is."""
    more = tr(" and {n} more sensors", n=len(names) - MOST_SENSORS) if len(names) > MOST_SENSORS else ""
    return tr("without {names}{more}", names=", ".join(names[:MOST_SENSORS]), more=more) if names else ""


def _caption_box(widget: QWidget, caption: str) -> QRect:
    """Where a caption stands: below the widget, in as many lines as it needs."""
    if not caption:
        return QRect(0, widget.height(), widget.width(), 0)
    room = QRect(CAPTION_MARGIN, 0, widget.width() - 2 * CAPTION_MARGIN, 1000)
    lines = QFontMetrics(_caption_font(widget)).boundingRect(room, Qt.TextFlag.TextWordWrap, caption)
    return QRect(0, widget.height(), widget.width(), lines.height() + CAPTION_MARGIN)


def _caption_font(widget: QWidget) -> QFont:
    return themes.font(widget.font_px(11) if isinstance(widget, PaintedWidget) else 12)


def _write_caption(painter: QPainter, widget: QWidget, caption: str) -> None:
    if caption:
        painter.setFont(_caption_font(widget))
        painter.setPen(widget.palette().windowText().color())
        box = _caption_box(widget, caption).adjusted(CAPTION_MARGIN, 0, -CAPTION_MARGIN, 0)
        painter.drawText(box, Qt.TextFlag.TextWordWrap, caption)


def save_picture(widget: QWidget, path: Path, caption: str = "") -> None:
    """Save a picture as PNG or SVG, as the name's ending says.

    Parameters
    ----------
    widget : QWidget
        What to paint.
    path : Path
        The file.
    caption : str
        As of `picture`.

    Raises
    ------
    ValueError
        Where the name does not end in .png or .svg, or the file cannot be written.
    """
    painted(widget, path, caption)(path)


def painted(widget: QWidget, path: Path, caption: str = "") -> Callable[[Path], None]:
    """Paint a widget now, and return what writes the picture: that takes longer, and any thread may do it.

    Parameters
    ----------
    widget : QWidget
        What to paint.
    path : Path
        The file that is meant, for its ending and for messages.
    caption : str
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
            image = picture(widget, caption=caption)
            return lambda to: _write_png(image, to, path)
        case ".svg":
            drawing = _svg(widget, caption)
            return lambda to: _write_svg(drawing, to, path)
        case other:
            raise ValueError(
                tr("{name} ends in {ending}; pictures are .png or .svg", name=path.name, ending=other or tr("nothing"))
            )


def copy_picture(widget: QWidget, caption: str = "") -> None:
    """Put a picture on the clipboard, of a large widget at less resolution: pasting waits for its compression."""
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        area = widget.width() * widget.height()
        clipboard.setImage(picture(widget, min(PIXEL_RATIO, max((MAX_CLIPBOARD_PIXELS / area) ** 0.5, 1.0)), caption))


def _write_png(image: QImage, to: Path, path: Path) -> None:
    if not image.save(str(to), "PNG"):
        raise ValueError(tr("{path} cannot be written - choose another folder", path=path))


def _write_bytes(content: bytes, to: Path, path: Path) -> None:
    try:
        to.write_bytes(content)
    except OSError as error:
        raise ValueError(
            tr("{path} cannot be written ({strerror}) - choose another folder", path=path, strerror=error.strerror)
        ) from None


def _write_svg(drawing: str, to: Path, path: Path) -> None:
    _write_bytes(drawing.encode(), to, path)


def _svg(widget: QWidget, caption: str, width_mm: float | None = None) -> str:
    """The widget as SVG, in lines and letters."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    area = QRect(0, 0, widget.width(), widget.height() + _caption_box(widget, caption).height())
    generator.setSize(area.size())
    generator.setResolution(SCREEN_DPI)
    generator.setViewBox(area)
    generator.setTitle(widget.accessibleName() or widget.windowTitle() or "rtalign")
    painter = QPainter(generator)
    painter.fillRect(area, widget.palette().window())
    widget.render(painter, QPoint())
    _write_caption(painter, widget, caption)
    painter.end()
    drawing = _corrected(buffer.data().data().decode())
    if width_mm is None:
        return drawing
    height_mm = width_mm * area.height() / area.width()
    size = f'width="{width_mm:.2f}mm" height="{height_mm:.2f}mm"'
    return re.sub(r'width="[\d.]+mm" height="[\d.]+mm"', size, drawing, count=1)


def _pdf(widget: QWidget, caption: str, width_mm: float) -> bytes:
    """The widget as one page of PDF, as large as it is to be printed."""
    area = QRect(0, 0, widget.width(), widget.height() + _caption_box(widget, caption).height())
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    size = QSizeF(width_mm, width_mm * area.height() / area.width())
    writer.setPageSize(QPageSize(size, QPageSize.Unit.Millimeter))
    writer.setPageMargins(QMarginsF())
    writer.setTitle(widget.accessibleName())
    painter = QPainter(writer)
    painter.setWindow(area)
    painter.fillRect(area, widget.palette().window())
    widget.render(painter, QPoint())
    _write_caption(painter, widget, caption)
    painter.end()
    return bytes(buffer.data().data())


def for_print(panel: PaintedWidget, path: Path, caption: str) -> Callable[[Path], None]:
    """Paint a panel as it is printed: light, a journal's column wide in SVG and PDF, as large as a poster in PNG.

    Parameters
    ----------
    panel : PaintedWidget
        What to paint; it looks as before when this returns.
    path : Path
        The file that is meant: .svg, .pdf or .png.
    caption : str
        As of `picture`.

    Returns
    -------
    callable
        Writes the picture to the path that it is given; raises ValueError where that fails.

    Raises
    ------
    ValueError
        Where the name has another ending.
    """
    theme, scale, palette = panel.theme, panel.scale, panel.palette()
    panel.setPalette(THEMES["light"].qt_palette())
    panel.set_theme(THEMES["light"])
    panel.set_scale(panel.width() / COLUMN_PX)
    try:
        match path.suffix.lower():
            case ".svg":
                drawing = _svg(panel, caption, COLUMN_MM)
                return lambda to: _write_svg(drawing, to, path)
            case ".pdf":
                page = _pdf(panel, caption, COLUMN_MM)
                return lambda to: _write_bytes(page, to, path)
            case ".png":
                image = picture(panel, POSTER_PX / panel.width(), caption)
                return lambda to: _write_png(image, to, path)
            case other:
                raise ValueError(
                    tr(
                        "{name} ends in {ending}; for print it is .svg, .pdf or .png",
                        name=path.name,
                        ending=other or tr("nothing"),
                    )
                )
    finally:
        panel.set_scale(scale)
        panel.set_theme(theme)
        panel.setPalette(palette)


def _corrected(drawing: str) -> str:
    """SVG with the font that was used instead of the one that was wished for, and with the map's cells not smoothed."""
    used = QFontInfo(themes.font(13)).family()
    drawing = re.sub('font-family="[^"]*"', f'font-family="{escape(used)}, sans-serif"', drawing)
    return drawing.replace("<image ", '<image style="image-rendering:pixelated" ')
