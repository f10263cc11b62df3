"""Screenshots: pictures that a window without a screen leaves behind, at certain words, at the end, as a film strip."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPixmap
from qtpy.QtWidgets import QWidget

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.widgets import theme as themes

AT_WORDS = (1, 50, 300, 1000)
MAX_FRAMES = 12
FRAMES_PER_ROW = 3
FRAME_WIDTH = 640
"""Of a frame of the film strip, in pixels."""
GAP, CAPTION_HEIGHT = 12, 26


class Screenshots:
    """Takes pictures of a widget as words are scored.

    Frames of the film strip are thinned as the session grows, so that it always covers all of it.

    Parameters
    ----------
    folder : Path
        Where the pictures go; created where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._frames: list[tuple[int, QPixmap]] = []
        self._every_words = 4
        self._taken: set[int] = set()
        self._finished = False

    def update(self, widget: QWidget, snapshot: Snapshot | None, last: bool = False) -> None:
        """Take the pictures that are due.

        Parameters
        ----------
        widget : QWidget
            What to take pictures of.
        snapshot : Snapshot or None
            What it shows.
        last : bool
            Whether nothing more will come; the last picture and the film strip are then written.
        """
        if self._finished or snapshot is None or snapshot.phase == "loading":
            return
        n = snapshot.n_scored
        for at in AT_WORDS:
            if n >= at and at not in self._taken:
                self._taken.add(at)
                widget.grab().save(str(self._folder / f"words-{at}.png"))
        if last or not self._frames or n >= self._frames[-1][0] + self._every_words:
            self._add_frame(n, widget.grab())
        if last:
            self._finished = True
            widget.grab().save(str(self._folder / "end.png"))
            film_strip(self._frames).save(str(self._folder / "film.png"))

    def _add_frame(self, n: int, picture: QPixmap) -> None:
        small = picture.scaledToWidth(FRAME_WIDTH, Qt.TransformationMode.SmoothTransformation)
        small.setDevicePixelRatio(1.0)
        self._frames.append((n, small))
        if len(self._frames) > MAX_FRAMES:
            self._frames = [*self._frames[:-1:2], self._frames[-1]]
            self._every_words *= 2


def film_strip(frames: list[tuple[int, QPixmap]]) -> QImage:
    """Frames side by side, each under the number of words that had been scored.

    Parameters
    ----------
    frames : list of (int, QPixmap)
        The number of words, and the picture.

    Returns
    -------
    QImage
    """
    height = max(picture.height() for _, picture in frames)
    n_rows = -(-len(frames) // FRAMES_PER_ROW)
    size = GAP + FRAMES_PER_ROW * (FRAME_WIDTH + GAP), GAP + n_rows * (height + CAPTION_HEIGHT + GAP)
    strip = QImage(*size, QImage.Format.Format_RGB32)
    strip.fill(QColor("#0F1318"))
    painter = QPainter(strip)
    painter.setPen(QColor("#E8EDF2"))
    painter.setFont(themes.font(14, True))
    for i, (n, picture) in enumerate(frames):
        x = GAP + i % FRAMES_PER_ROW * (FRAME_WIDTH + GAP)
        y = GAP + i // FRAMES_PER_ROW * (height + CAPTION_HEIGHT + GAP)
        caption = QRect(x, y, FRAME_WIDTH, CAPTION_HEIGHT)
        painter.drawText(caption, Qt.AlignmentFlag.AlignVCenter, tr("{n:,} words scored", n=n))
        painter.drawPixmap(x, y + CAPTION_HEIGHT, picture)
    painter.end()
    return strip
