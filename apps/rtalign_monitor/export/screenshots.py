"""Pictures that a window without a screen leaves behind: at certain words, at the end, as a film strip."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QColor, QImage, QPainter, QPixmap

from rtalign_monitor.main_window import MonitorWindow
from rtalign_monitor.widgets import theme as themes

AT_WORDS = (1, 50, 300, 1000)
FRAMES = 12
ACROSS = 3
WIDTH = 640
"""Of a frame of the film strip, pixels."""
GAP, CAPTION = 12, 26


class Pictures:
    """Looks at a window now and then.  The film is thinned as the session grows, so that it always spans all of it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._frames: list[tuple[int, QPixmap]] = []
        self._every = 4
        self._taken: set[int] = set()
        self._done = False

    def look(self, window: MonitorWindow, last: bool = False) -> None:
        seen = window.drawn
        if self._done or seen is None or seen.phase == "loading":
            return
        n = seen.n_scored
        for at in AT_WORDS:
            if n >= at and at not in self._taken:
                self._taken.add(at)
                window.grab().save(str(self._folder / f"words-{at}.png"))
        if last or not self._frames or n >= self._frames[-1][0] + self._every:
            self._take(n, window.grab())
        if last:
            self._done = True
            window.grab().save(str(self._folder / "end.png"))
            film(self._frames).save(str(self._folder / "film.png"))

    def _take(self, n: int, picture: QPixmap) -> None:
        small = picture.scaledToWidth(WIDTH, Qt.TransformationMode.SmoothTransformation)
        small.setDevicePixelRatio(1.0)
        self._frames.append((n, small))
        if len(self._frames) > FRAMES:
            self._frames = [*self._frames[:-1:2], self._frames[-1]]
            self._every *= 2


def film(frames: list[tuple[int, QPixmap]]) -> QImage:
    """Frames side by side, each under the number of words that had been scored."""
    height = max(picture.height() for _, picture in frames)
    rows = -(-len(frames) // ACROSS)
    strip = QImage(GAP + ACROSS * (WIDTH + GAP), GAP + rows * (height + CAPTION + GAP), QImage.Format.Format_RGB32)
    strip.fill(QColor("#0F1318"))
    painter = QPainter(strip)
    painter.setPen(QColor("#E8EDF2"))
    painter.setFont(themes.font(14, True))
    for i, (n, picture) in enumerate(frames):
        x, y = GAP + i % ACROSS * (WIDTH + GAP), GAP + i // ACROSS * (height + CAPTION + GAP)
        painter.drawText(QRect(x, y, WIDTH, CAPTION), Qt.AlignmentFlag.AlignVCenter, f"{n:,} words scored")
        painter.drawPixmap(x, y + CAPTION, picture)
    painter.end()
    return strip
