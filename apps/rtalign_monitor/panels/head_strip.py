"""HeadStripPanel: the field patterns of one layer at several lags, one beside the other."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize
from qtpy.QtGui import QPainter

from rtalign.core.text.time_format import signed_ms
from rtalign.core.text.translation import tr
from rtalign_monitor.panels.head import HeadPanel, colour_limit
from rtalign_monitor.panels.panel import PanelSpec

STRIP_LAGS_S = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Lags of the strip of heads, in seconds."""


class HeadStripPanel(HeadPanel):
    """The pattern of the layer that is pointed at, or of the strongest one, at several lags on one scale."""

    spec = PanelSpec("heads", tr("Heads over lags"), "Ctrl+8", place="strip", columns=12, in_turns=True, in_demo=False)
    title = tr("Where on the head")
    description = tr("Field patterns of one layer at lags from left to right, from above, nose up, on one scale")
    minimum_size = QSize(320, 92)

    def has_plot(self) -> bool:
        return False

    def layer_and_lag(self) -> tuple[int, float] | None:
        """The layer; its lags are always the same, also where it has no peak."""
        layer = self._layer()
        return None if layer is None else (layer, STRIP_LAGS_S[0])

    def paint_content(self, painter: QPainter) -> None:
        lags = [lag for lag in STRIP_LAGS_S if len(self._lags) and self._lags[0] <= lag <= self._lags[-1]]
        patterns = [values for lag in lags if (values := self._values(lag)) is not None]
        if not patterns or self._shown is None:
            super().paint_content(painter)
            return
        box, width = self.inner_box(), 0.16 * self.width()
        notes = tr("layer {layer}", layer=self._shown[0]), tr("after word onset"), tr("from above")
        for i, note in enumerate(notes):
            self.write_parts(painter, QRectF(box.left(), box.top() + self.px(24 + 17 * i), width, self.px(17)), [note])
        limit = colour_limit(patterns)
        pitch = (box.width() - width) / len(lags)
        side = max(min(0.86 * pitch, box.height() - self.px(26)), 20.0)
        for i, (lag, values) in enumerate(zip(lags, patterns, strict=True)):
            middle = box.left() + width + (i + 0.5) * pitch
            disc = QRectF(middle - side / 2, box.top() + self.px(6), side, side)
            self._field(painter, disc, values / limit, with_sensors=False)
            self._outline(painter, disc)
            text = QRectF(middle - pitch / 2, disc.bottom() + self.px(2), pitch, self.px(18))
            lag_text = tr("{lag} ms", lag=signed_ms(float(self._lags[self._column(lag)])))
            self.write(painter, text, lag_text, "muted", 12, align="centre")
