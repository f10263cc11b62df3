"""The offset between a sender's clock and the local one, smoothed over its measurements."""

from __future__ import annotations

from collections import deque

import numpy as np

KEPT = 36
"""Measurements in the fit: three minutes at one every 5 s."""
SLOPE_AFTER_S = 30.0
"""Before that, noise would make a steeper slope than any quartz clock has."""
JUMP_S = 5e-3
SAME_S = 1e-3
"""Streams of one machine share one clock; an offset measured between them that is below this is noise."""


class ClockOffset:
    """A straight line through the newest measurements of an offset.

    Why a line: two quartz clocks drift apart steadily, and single measurements are noisy.  A measurement far off the
    line is accepted when the next one confirms it: the sender's clock was set.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[float, float, float]] = deque(maxlen=KEPT)
        self._outlier: tuple[float, float, float] | None = None
        self._line = (0.0, 0.0, 0.0)

    @property
    def newest(self) -> tuple[float, float] | None:
        """(offset_s, uncertainty_s) as measured last; None before the first measurement."""
        return self._kept[-1][1:] if self._kept else None

    @property
    def is_doubtful(self) -> bool:
        """Whether the last measurement was far off the line and waits to be confirmed."""
        return self._outlier is not None

    @property
    def tolerance(self) -> float:
        """An offset below this may be none at all, s."""
        return max(SAME_S, 3 * min((uncertainty for *_, uncertainty in self._kept), default=0.0))

    def push(self, time: float, offset_s: float, uncertainty_s: float) -> bool:
        """Add a measurement made at a local time; True when it confirms that the sender's clock was set."""
        new = (time, offset_s, max(uncertainty_s, 1e-6))
        if not np.isfinite(new).all():
            return False
        far = bool(self._kept) and abs(offset_s - self.at(time)) > max(JUMP_S, 3 * new[2])
        if far and self._outlier is None:
            self._outlier = new
            return False
        self._outlier = None
        if far:
            self._kept.clear()
        self._kept.append(new)
        self._fit()
        return far

    def at(self, time: float) -> float:
        """The offset at a local time, s: the sender's time plus this is local time."""
        time0, level, slope = self._line
        return level + slope * (time - time0)

    def _fit(self) -> None:
        times, offsets, uncertainties = np.array(self._kept).T
        weights = 1 / uncertainties**2
        time0 = float(np.average(times, weights=weights))
        level = float(np.average(offsets, weights=weights))
        t = times - time0
        sloped = times[-1] - times[0] >= SLOPE_AFTER_S
        slope = float(weights @ (t * (offsets - level)) / (weights @ t**2)) if sloped else 0.0
        self._line = time0, level, slope
