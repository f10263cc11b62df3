"""The offset between a sender's clock and the local one, smoothed over its measurements."""

from __future__ import annotations

from collections import deque

import numpy as np

KEPT = 36
"""Measurements in the fit: three minutes at one every 5 s."""
SLOPE_AFTER_S = 30.0
"""Before that, noise would make a steeper slope than any quartz has."""
JUMP_S = 5e-3
SAME_S = 1e-3
"""Clocks of streams on one machine are one clock; what is measured between them below this is noise."""


class OffsetTrack:
    """A straight line through the newest measurements: two quartzes part evenly, and single measurements are noisy.

    A measurement far off the line is believed when the next one confirms it: the sender's clock was set.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[float, float, float]] = deque(maxlen=KEPT)
        self._stray: tuple[float, float, float] | None = None
        self._line = (0.0, 0.0, 0.0)

    @property
    def newest(self) -> tuple[float, float] | None:
        """(offset_s, uncertainty_s) as measured last."""
        return self._kept[-1][1:] if self._kept else None

    @property
    def tolerance(self) -> float:
        """An offset below this may be none at all."""
        return max(SAME_S, 3 * min((uncertainty for *_, uncertainty in self._kept), default=0.0))

    def push(self, time: float, offset_s: float, uncertainty_s: float) -> bool:
        """Take a measurement made at a local time; True when it shows that the sender's clock was set."""
        new = (time, offset_s, max(uncertainty_s, 1e-6))
        if not np.isfinite(new).all():
            return False
        far = bool(self._kept) and abs(offset_s - self.at(time)) > max(JUMP_S, 3 * new[2])
        if far and self._stray is None:
            self._stray = new
            return False
        self._stray = None
        if far:
            self._kept.clear()
        self._kept.append(new)
        self._fit()
        return far

    def at(self, time: float) -> float:
        """What is added to the sender's time to get local time, at a local time."""
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
