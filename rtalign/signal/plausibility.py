"""Which samples can be signal: each value is judged by its channel's kind and by how that channel moved so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rtalign.core.records import DISPLAY_SCALES, DISPLAY_UNITS, Sensor

GAP = "gap in the signal"
"""Reason of a word whose signal is not there."""
LARGEST = {"axial": 1e10, "mag": 1e10, "planar": 1e10, "eeg": 1e7}
"""In display units, by kind: 10 uT, 10 uT/cm and 10 V are beyond what such a sensor can give, offsets included."""
LEAST_JUMP = {"axial": 1e4, "mag": 1e4, "planar": 1e4, "eeg": 1e4}
"""In display units, by kind: smaller steps are never a jump, however quiet the channel."""
SIZES = {"axial": (0.1, 1e6), "mag": (0.1, 1e6), "planar": (0.03, 1e6), "eeg": (0.01, 2e4)}
"""Standard deviations over some seconds, in display units, by kind: outside, the unit is another than is stated."""
JUMP_FACTOR = 100.0
"""A step from one sample to the next beyond so many times their rms is a jump, as of a SQUID that lost its lock."""
FIRST_FACTOR = 1000.0
"""Before the first block is full there is nothing to compare with: a jump then is so many times the least one."""
BLOCK_S = 1.0
"""The rms of the steps is taken over blocks of this length, counted in samples, so that chunks do not matter."""
KEEP = 0.9
"""Of the square of the rms, from block to block, where the newer one is smaller: a quiet second proves little."""


class SampleJudge:
    """Cuts the signal where its values cannot be signal: not finite, too large for the kind of sensor, or a jump.

    A row behind a jump begins anew at its own level, so a step costs one row, and the values behind it are believed.
    Before the first block is full, only a step that no magnetic shielding lets through is a jump.

    Parameters
    ----------
    sensors : sequence of Sensor
        Columns of the signal.
    sfreq : float
        Its rate, Hz.
    """

    def __init__(self, sensors: Sequence[Sensor], sfreq: float) -> None:
        self._sensors = tuple(sensors)
        scales = np.array([DISPLAY_SCALES[sensor.kind] for sensor in sensors])
        self._largest = np.array([LARGEST[sensor.kind] for sensor in sensors]) / scales
        self._least = np.array([LEAST_JUMP[sensor.kind] for sensor in sensors]) / scales
        self._block = max(round(BLOCK_S * sfreq), 2)
        self._n_rows = self._n_steps = 0
        self._energy = np.zeros(len(scales))
        self._mean_square: np.ndarray | None = None
        self._jump = FIRST_FACTOR * self._least
        self._last: np.ndarray | None = None

    def push(self, x: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Judge the next rows.

        Parameters
        ----------
        x : ndarray of float, shape (sample, sensor)
            In SI units.

        Yields
        ------
        rows : ndarray, shape (sample, sensor)
            Rows that follow each other and are of one sort.
        bad : ndarray of bool or None, shape (sample, sensor)
            Which values cannot be signal; None where all can.
        """
        first = 0
        while first < len(x):
            rows = x[first : first + self._block - self._n_rows % self._block]
            yield from self._judge(rows)
            first += len(rows)
            self._n_rows += len(rows)
            if self._n_rows % self._block == 0:
                self._close_block()

    def restart(self) -> None:
        """The next row does not follow the one before: there is no step between them."""
        self._last = None

    def describe(self, rows: np.ndarray, bad: np.ndarray) -> tuple[str, str]:
        """The first bad value with its channel; and the same as a word's reason, of which there are few.

        Where no channel has a value, it is a gap.
        """
        row, column = np.argwhere(bad)[0]
        name, kind, value = self._sensors[column].name, self._sensors[column].kind, rows[row, column]
        n_channels = int(bad.any(axis=0).sum())
        text = f"{value} on {name}"
        if np.isfinite(value):
            sort = "" if abs(value) > self._largest[column] else "a jump to "
            text = f"{sort}{value * DISPLAY_SCALES[kind]:.3g} {DISPLAY_UNITS[kind]} on {name}"
        if n_channels == len(self._sensors) > 1:
            return f"{text} and all others", GAP
        if n_channels == 1:
            return text, f"bad value on {name}"
        return f"{text} and {n_channels - 1} more", f"bad values on {name} and other channels"

    def _judge(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        with np.errstate(invalid="ignore", over="ignore"):
            steps = np.diff(rows, axis=0, prepend=rows[:1] if self._last is None else self._last[None])
            good = _within(rows, self._largest) and _within(steps, self._jump)
            bad = None if good else self._find_bad(rows, steps)
        if bad is None:
            self._count(steps)
            self._last = rows[-1].copy()
            yield rows, None
            return
        is_bad = np.asarray(bad.any(axis=1))
        follows = ~is_bad & ~np.concatenate([[self._last is None], is_bad[:-1]])
        self._count(steps[follows])
        self._last = None if is_bad[-1] else rows[-1].copy()
        edges = np.flatnonzero(np.diff(is_bad)) + 1
        for part, faults in zip(np.split(rows, edges), np.split(bad, edges), strict=True):
            yield part, faults if faults.any() else None

    def _find_bad(self, rows: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """(sample, sensor): a jump is one only from a row that is not bad itself."""
        bad = np.asarray(~(np.abs(rows) <= self._largest))
        jumps = np.asarray(~bad & (np.abs(steps) > self._jump))
        is_bad = np.asarray(bad.any(axis=1))
        for row in np.flatnonzero(jumps.any(axis=1)):
            before_is_bad = is_bad[row - 1] if row else self._last is None
            if is_bad[row] or before_is_bad:
                continue
            bad[row], is_bad[row] = jumps[row], True
        return bad

    def _count(self, steps: np.ndarray) -> None:
        self._energy += np.einsum("ij,ij->j", steps, steps)
        self._n_steps += len(steps)

    def _close_block(self) -> None:
        """A block of which half was bad says nothing of the steps."""
        if 2 * self._n_steps >= self._block:
            mean_square = self._energy / self._n_steps
            before = self._mean_square if self._mean_square is not None else mean_square
            self._mean_square = np.maximum(mean_square, KEEP * before)
            self._jump = np.maximum(JUMP_FACTOR * np.sqrt(self._mean_square), self._least)
        self._energy, self._n_steps = np.zeros_like(self._energy), 0


def find_wrong_units(x: np.ndarray, sensors: Sequence[Sensor]) -> list[str]:
    """Tell by the size of the signal whether its unit can be right.

    Parameters
    ----------
    x : ndarray, shape (sample, sensor)
        In SI units, or what is believed to be.
    sensors : sequence of Sensor
        Its columns.

    Returns
    -------
    list of str
        One line for each kind of sensor whose typical size no brain has; a flat signal has no size.
    """
    kinds = np.array([sensor.kind for sensor in sensors])
    finite = np.isfinite(x)
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.where(finite, x, 0.0).astype(float)
        n = np.maximum(finite.sum(axis=0), 1)
        centred = np.where(finite, values - values.sum(axis=0) / n, 0.0)
        sizes = np.sqrt((centred**2).sum(axis=0) / n)
    lines = []
    for kind in dict.fromkeys(kinds.tolist()):
        size = float(np.median(sizes[kinds == kind])) * DISPLAY_SCALES[kind]
        low, high = SIZES[kind]
        if size > 0 and not low <= size <= high:
            unit = DISPLAY_UNITS[kind]
            lines.append(
                f"the {kind} sensors have a standard deviation of {size:.2g} {unit}, as no brain has "
                f"({low:g} to {high:g} {unit}); is the unit right?"
            )
    return lines


def _within(x: np.ndarray, bound: np.ndarray) -> bool:
    """Whether no value lies beyond its column's bound; NaN does."""
    return bool((x.min(axis=0) >= -bound).all() and (x.max(axis=0) <= bound).all())
