"""PaintedWidget: a card painted in three layers, each of which is kept until something on it changes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import (
    QColor,
    QFocusEvent,
    QPaintEngine,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)  # fmt: skip
from qtpy.QtWidgets import QFrame, QWidget

from rtalign_monitor.widgets import theme as themes
from rtalign_monitor.widgets.theme import Theme

CORNER_RADIUS = 6.0
LARGE_SCALE, LARGE_FONT = 1.5, 13.0
"""From this scale on the widget is read from afar, and no font is smaller than this size times the scale."""
SEPARATOR = "   "
"""Between the parts of a line."""
BY_KEY = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
_ALIGN = {
    "left": Qt.AlignmentFlag.AlignLeft, "right": Qt.AlignmentFlag.AlignRight, "centre": Qt.AlignmentFlag.AlignHCenter,
}  # fmt: skip


def is_vector(painter: QPainter) -> bool:
    """Whether what is painted is kept as lines and letters: SVG, PDF."""
    engine = painter.paintEngine()
    return engine is not None and engine.type() in (QPaintEngine.Type.SVG, QPaintEngine.Type.Pdf)


class PaintedWidget(QFrame):
    """A widget that paints a background, its content, and an overlay for what moves.

    Why a frame: screen readers pass over a plain QWidget, as over a filler.

    A subclass overrides `paint_background`, `paint_content` and `paint_overlay`.  The background is painted again when
    the size, theme, scale or `background_key` changes, the content after `invalidate`, the overlay with every paint.

    Attributes
    ----------
    title : str
        Name of the widget, for its header and for screen readers.
    description : str
        What it shows, for the tooltip and for screen readers.
    minimum_size : QSize
        Smallest useful size, in pixels at scale 1.
    theme : Theme
        Colours in use.
    scale : float
        Factor of all lengths and font sizes.
    """

    title: ClassVar[str]
    description: ClassVar[str]
    minimum_size: ClassVar[QSize]

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.of("dark")
        self.scale = 1.0
        self._background: tuple[Hashable, QPixmap] | None = None
        self._content: QPixmap | None = None
        self._pixel_ratio, self._has_focus_ring = 1.0, False
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # do not paint anything behind the card
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(self.title)
        self.setAccessibleDescription(self.description)
        self.setToolTip(self.description)
        self.setMinimumSize(self.minimum_size)

    def background_key(self) -> Hashable:
        """What the background depends on besides size, theme and scale."""
        return None

    def paint_background(self, painter: QPainter) -> None:
        """Paint titles, axes and labels: what stays until `background_key` changes."""

    def paint_content(self, painter: QPainter) -> None:
        """Paint what stays until `invalidate`."""

    def paint_overlay(self, painter: QPainter) -> None:
        """Paint what moves."""

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.invalidate()

    def set_scale(self, factor: float) -> None:
        self.scale = factor
        self.invalidate()

    def invalidate(self) -> None:
        """Have the content painted again."""
        self._content = None
        self.update()

    @property
    def is_stale(self) -> bool:
        """Whether the content will be painted again."""
        return self._content is None

    # Lengths

    def px(self, length: float) -> float:
        """Pixels of a length at the present scale."""
        return length * self.scale

    def font_px(self, size: float) -> int:
        """Pixels of a font size at the present scale."""
        return max(round(self.px(max(size, LARGE_FONT) if self.scale >= LARGE_SCALE else size)), 6)

    def snap(self, pixel: float) -> float:
        """The nearest edge between two pixels of the screen."""
        return round(pixel * self._pixel_ratio) / self._pixel_ratio

    def inner_box(self, margin: float = 14.0) -> QRectF:
        """The card without its margins."""
        m = self.px(margin)
        return QRectF(self.rect()).adjusted(m, self.px(10), -m, -self.px(8))

    # Text

    def write(
        self, painter: QPainter, box: QRectF, text: str, role: str | QColor = "text", size: float = 13,
        bold: bool = False, align: str = "left",
    ) -> float:  # fmt: skip
        """Write one line of text in a box, shortened with an ellipsis where it is too long.

        Parameters
        ----------
        painter : QPainter
            What to paint with.
        box : QRectF
            Where to write; the text is centred vertically.
        text : str
            One line.
        role : str or QColor
            A colour, by its role in the theme or as it is.
        size : float
            Font size at scale 1.
        bold : bool
            Whether the font is bold.
        align : {"left", "right", "centre"}
            Horizontal alignment.

        Returns
        -------
        float
            Width of the text in pixels.
        """
        pixels, width = self.font_px(size), themes.advance(text, self.font_px(size), bold)
        if width > box.width() + 1:
            text = themes.shortened(text, pixels, bold, int(box.width() + 1))
            width = themes.advance(text, pixels, bold)
        painter.setFont(themes.font(pixels, bold))
        painter.setPen(self.theme.colour(role) if isinstance(role, str) else role)
        painter.drawText(box, _ALIGN[align] | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip, text)
        return width

    def text_width(self, text: str, size: float = 13, bold: bool = False) -> float:
        return themes.advance(text, self.font_px(size), bold)

    def write_title(self, painter: QPainter, note: str = "", right_margin: float = 0.0) -> None:
        """Write the title with a note beside it."""
        box = self.inner_box().adjusted(0, 0, -right_margin, 0)
        box.setHeight(self.px(20))
        used = self.write(painter, box, self.title, size=14, bold=True)
        self.write_parts(painter, box.adjusted(used + self.px(10), 0, 0, 0), note.split(SEPARATOR), "muted")

    def write_parts(
        self, painter: QPainter, box: QRectF, parts: Sequence[str], role: str = "text", size: float = 12
    ) -> None:
        """Write as many parts as there is room for; a part is whole or left out."""
        text = ""
        for part in parts:
            longer = f"{text}{SEPARATOR}{part}" if text else part
            if self.text_width(longer, size) > box.width() + 1:
                break
            text = longer
        self.write(painter, box, text, role, size)

    def write_fitting(
        self, painter: QPainter, box: QRectF, choices: Sequence[str], role: str = "muted", size: float = 12,
        align: str = "left",
    ) -> None:  # fmt: skip
        """Write the first of several texts that there is room for; none of them: the last, shortened."""
        fitting = (text for text in choices if self.text_width(text, size) <= box.width() + 1)
        self.write(painter, box, next(fitting, choices[-1]), role, size, align=align)

    def write_placeholder(self, painter: QPainter, box: QRectF, text: str, hint: str = "") -> None:
        """In the middle of an empty box: what it waits for, and a hint when that comes."""
        wanted = max(self.text_width(text, 13), self.text_width(hint, 12)) + self.px(28)
        back = QRectF(0, 0, min(wanted, box.width()), self.px(56 if hint else 34))
        back.moveCenter(box.center())
        painter.fillRect(back, self.theme.colour("panel"))
        upper = QRectF(back.left(), back.top() + self.px(8), back.width(), self.px(19))
        self.write(painter, upper, text, "text", 13, align="centre")
        self.write(painter, upper.translated(0, self.px(20)), hint, "muted", 12, align="centre")

    # Lines

    def vertical_line(
        self, painter: QPainter, x: float, top: float, bottom: float, colour: QColor, width: float = 1.0
    ) -> None:
        """Draw a vertical line on whole pixels of the screen: crisp, and cheaper than an antialiased one."""
        snapped = max(self.snap(width), 1 / self._pixel_ratio)
        top = self.snap(top)
        painter.fillRect(QRectF(self.snap(x - snapped / 2), top, snapped, max(self.snap(bottom) - top, 0.0)), colour)

    def vertical_lines(
        self, painter: QPainter, xs: Sequence[float], top: float, bottom: float, colour: QColor, width: float = 1.0
    ) -> None:
        """Draw many vertical lines at once."""
        if not xs:
            return
        snapped, top = max(self.snap(width), 1 / self._pixel_ratio), self.snap(top)
        height = max(self.snap(bottom) - top, 0.0)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for x in xs:
            painter.drawRect(QRectF(self.snap(x - snapped / 2), top, snapped, height))
        painter.restore()

    def horizontal_line(
        self, painter: QPainter, y: float, left: float, right: float, colour: QColor, width: float = 1.0
    ) -> None:
        """Draw a horizontal line on whole pixels of the screen."""
        height = max(self.snap(width), 1 / self._pixel_ratio)
        left = self.snap(left)
        painter.fillRect(QRectF(left, self.snap(y - height / 2), max(self.snap(right) - left, 0.0), height), colour)

    def hatch(self, painter: QPainter, box: QRectF) -> None:
        """Mark a box as missing data; Qt's own patterns grow finer with the screen until they vanish."""
        painter.save()
        painter.setClipRect(box)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pitch, height = self.px(7), box.height()
        first, n = box.left() - height - (box.left() + box.bottom()) % pitch, int((box.width() + height) / pitch) + 2
        starts = [QPointF(first + i * pitch, box.bottom()) for i in range(n)]
        for start in starts:
            self.thin_line(painter, QPolygonF([start, start + QPointF(height, -height)]), self.theme.colour("faint"))
        painter.restore()

    def thin_line(self, painter: QPainter, line: QPolygonF | QPainterPath, colour: QColor, steep: bool = False) -> None:
        """Draw a line of many segments, one pixel wide at scale 1 of the screen.

        Why pixel by pixel: Qt draws a line of one pixel of the screen twenty times as fast as one of two, so that on a
        high-resolution screen two lines beside each other, or one over the other, are the cheaper way to that width.
        """
        pen = QPen(colour, 1)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        step = 1 / self._pixel_ratio
        for i in range(max(round(self._pixel_ratio), 1)):
            shift = QPointF(i * step, 0) if steep else QPointF(0, i * step)
            painter.translate(shift)
            if isinstance(line, QPolygonF):
                painter.drawPolyline(line)
            else:
                painter.drawPath(line)
            painter.translate(-shift)

    # Painting and focus

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Paint from the kept layers; an SVG or PDF file is painted from scratch, in lines and letters."""
        painter = QPainter(self)
        if is_vector(painter):
            self._pixel_ratio = 1.0
            self._paint_card(painter)
            self.paint_content(painter)
        else:
            # Not the device's own ratio: a picture of the widget at twice its size has that in its transform.
            ratio = painter.deviceTransform().m11()
            if self._content is None or self._content.devicePixelRatioF() != ratio:
                self._pixel_ratio = ratio
                self._content = self._render(ratio)
            painter.drawPixmap(0, 0, self._content)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_overlay(painter)
        if self._has_focus_ring:
            painter.setPen(QPen(self.theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), CORNER_RADIUS, CORNER_RADIUS)
        painter.end()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: ARG002
        self.invalidate()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show a ring where the focus came by key; a mouse shows where it is anyway."""
        self._has_focus_ring = event is not None and event.reason() in BY_KEY
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:  # noqa: ARG002
        self._has_focus_ring = False
        self.update()

    def _render(self, ratio: float) -> QPixmap:
        key = ratio, self.width(), self.height(), self.theme.name, self.scale, self.background_key()
        if self._background is None or self._background[0] != key:
            background = QPixmap((self.size().toSizeF() * ratio).toSize().expandedTo(QSize(1, 1)))
            background.setDevicePixelRatio(ratio)
            painter = QPainter(background)
            self._paint_card(painter)
            painter.end()
            self._background = key, background
        content = QPixmap(self._background[1])
        painter = QPainter(content)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_content(painter)
        painter.end()
        return content

    def _paint_card(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), self.theme.colour("window"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.theme.colour("edge"))
        painter.setBrush(self.theme.colour("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), CORNER_RADIUS, CORNER_RADIUS)
        self.paint_background(painter)
