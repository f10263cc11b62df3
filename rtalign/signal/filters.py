"""Streaming filters: each remembers its state between chunks."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.signal import butter, firwin, lfilter

STOPBAND_DB = 70.0
BLOCKS_AT_ONCE = 16
"""Decimator blocks multiplied together: enough to keep the processor busy, few enough to stay in its cache."""


def lowpass(sfreq: float, pass_hz: float, stop_hz: float) -> np.ndarray:
    """Taps (tap,) of a linear-phase low-pass by Kaiser's design: an odd number of taps, unit gain at 0 Hz."""
    width = 2 * np.pi * (stop_hz - pass_hz) / sfreq
    n_taps = 2 * int(np.ceil((STOPBAND_DB - 7.95) / (2.285 * width) / 2)) + 1
    beta = 0.1102 * (STOPBAND_DB - 8.7)
    edge = min((pass_hz + stop_hz) / 2, 0.49 * sfreq)
    return firwin(n_taps, edge, window=("kaiser", beta), fs=sfreq)


class Decimator:
    """A causal FIR low-pass that computes only every factor-th output, the first at the first sample.

    Why blocks: each block of `factor` samples meets the taps in a product of its own, always of the same shape, so a
    result does not depend, to the last bit, on how the signal was cut into chunks.
    """

    def __init__(self, taps: np.ndarray, factor: int, n_sensors: int) -> None:
        n_blocks = -(-len(taps) // factor)
        padded = np.zeros(n_blocks * factor)
        padded[: len(taps)] = taps
        self._taps = np.ascontiguousarray(padded.reshape(n_blocks, factor)[:, ::-1])
        # The first block ends with the first sample; what comes before counts as zero, and those outputs are masked.
        self._pending = np.zeros((factor - 1, n_sensors))
        self._partial_sums = np.zeros((n_blocks - 1, n_sensors))

    def push(self, x: np.ndarray) -> np.ndarray:
        """Filter the next samples (sample, sensor); returns (output, sensor)."""
        n_blocks, factor = self._taps.shape
        if len(self._pending):
            x = np.concatenate([self._pending, x])
        n = len(x) // factor
        blocks = x[: n * factor].reshape(n, factor, x.shape[1])
        self._pending = x[n * factor :].copy()
        out = np.empty((n, x.shape[1]))
        for first in range(0, n, BLOCKS_AT_ONCE):
            part = blocks[first : first + BLOCKS_AT_ONCE]
            out[first : first + len(part)] = self._add(self._taps @ part, n_blocks)
        return out

    def _add(self, products: np.ndarray, n_blocks: int) -> np.ndarray:
        """Add products (block, lag, sensor), lag in blocks from input to output; return the outputs now complete."""
        n = len(products)
        sums = np.zeros((n + n_blocks - 1, products.shape[2]))
        sums[: n_blocks - 1] = self._partial_sums
        for lag in range(n_blocks - 1, -1, -1):  # older blocks first, so that rounding does not depend on the chunks
            sums[lag : lag + n] += products[:, lag]
        self._partial_sums = sums[n:]
        return sums[:n]


class Highpass(Protocol):
    """Removes the slow drift from one unbroken stretch; the first `mask` rows, its warm-up, are never returned."""

    mask: int

    def push(self, x: np.ndarray) -> np.ndarray: ...

    def finish(self) -> np.ndarray: ...


class NoHighpass:
    """Passes everything unchanged."""

    mask = 0

    def push(self, x: np.ndarray) -> np.ndarray:
        return x

    def finish(self) -> np.ndarray:
        return np.empty((0, 0))


class CausalHighpass:
    """A first-order high-pass that starts settled on its first sample, so that an offset makes no transient.

    Why a mask: the difference of the first sample from the signal's level fades by a factor of e each time constant.
    """

    def __init__(self, corner_hz: float, rate: float, mask: int) -> None:
        self.mask = self._masked = mask
        self._b, self._a = butter(1, corner_hz, "highpass", fs=rate)
        self._state: np.ndarray | None = None

    def push(self, x: np.ndarray) -> np.ndarray:
        """Filter the next samples (sample, sensor); returns (sample, sensor) without the warm-up."""
        if not len(x):
            return x
        state = settled_state(self._b, x[0]) if self._state is None else self._state
        y, self._state = lfilter(self._b, self._a, x, axis=0, zi=state)
        masked = min(self._masked, len(y))
        self._masked -= masked
        return y[masked:]

    def finish(self) -> np.ndarray:
        return np.empty((0, 0))


class ZeroPhaseHighpass:
    """The same high-pass forwards, then backwards from so far ahead that the backward start has no effect.

    Why blocks: a stretch of ten hours is never held in memory, and blocks counted from its start give the same numbers
    however the signal was cut into chunks.
    """

    def __init__(self, corner_hz: float, rate: float, mask: int) -> None:
        self.mask = mask
        self._forwards = CausalHighpass(corner_hz, rate, mask)
        self._b, self._a = butter(1, corner_hz, "highpass", fs=rate)
        # Sixteen time constants leave 1e-7 of the value that the backward pass started on.
        self._ahead = max(int(np.ceil(16 * rate / (2 * np.pi * corner_hz))), 2 * mask)
        self._waiting: list[np.ndarray] = []
        self._n_waiting = 0

    def push(self, x: np.ndarray) -> np.ndarray:
        """Filter the next samples (sample, sensor); returns the rows whose future is known far enough."""
        self._wait(self._forwards.push(x))
        out = [x[:0]]
        while self._n_waiting >= 2 * self._ahead:
            block = np.concatenate(self._waiting)
            out.append(self._backwards(block[: 2 * self._ahead])[: self._ahead])
            self._waiting, self._n_waiting = [], 0
            self._wait(block[self._ahead :])
        return np.concatenate(out)

    def finish(self) -> np.ndarray:
        """The rows that were waiting, without a warm-up at the end as at the start."""
        if self._n_waiting <= self.mask:
            return np.empty((0, 0))
        return self._backwards(np.concatenate(self._waiting))[: -self.mask]

    def _wait(self, rows: np.ndarray) -> None:
        if len(rows):
            self._waiting.append(rows)
            self._n_waiting += len(rows)

    def _backwards(self, x: np.ndarray) -> np.ndarray:
        return lfilter(self._b, self._a, x[::-1], axis=0, zi=settled_state(self._b, x[-1]))[0][::-1]


def settled_state(b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """State (1, sensor) of a first-order high-pass whose input has always been x (sensor,)."""
    return b[1] * x[None]
