"""The signal chain: raw chunks in, the slow part of the signal in display units out, with its delay removed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rtalign.core.recipe import ChainRecipe
from rtalign.core.records import DISPLAY_SCALES, Chunk, Sensor
from rtalign.signal.filters import CausalHighpass, Decimator, Highpass, NoHighpass, ZeroPhaseHighpass, lowpass
from rtalign.signal.plausibility import SampleJudge

LINE_HZ = 49.0
"""The stop band begins below the mains (50 or 60 Hz), even if the decimation would allow more."""
MAX_BAD_VALUES = 1000
"""Breaks by bad values that wait to be taken; hostile data could make one of every second sample."""
CLOCK_S = 5.0
"""Time constant over which time stamps are smoothed before a gap is detected."""


@dataclass(frozen=True)
class ChainDesign:
    """The numbers of a chain at one input rate; ValueError if the recipe cannot be built at this rate.

    Attributes
    ----------
    recipe : ChainRecipe
        The filters wanted.
    sfreq : float
        Input rate in Hz.
    factor, rate : int, float
        Of the decimation, and the output rate in Hz.
    taps : ndarray, shape (tap,)
        The FIR low-pass.
    delay_samples : int
        Its delay, in input samples; the chain subtracts it from the time stamps.
    fir_mask, highpass_mask : int
        Outputs that the warm-up of the two filters takes; they are never returned.
    """

    recipe: ChainRecipe
    sfreq: float

    def __post_init__(self) -> None:
        least, edge = self.recipe.min_rate_hz, self.recipe.lowpass_hz
        if not (np.isfinite(self.sfreq) and self.sfreq * (1 + 1e-6) >= least):
            raise ValueError(
                f"the signal has {self.sfreq:g} Hz and the recipe needs at least {least:g} Hz after decimation - "
                "lower chain.min_rate_hz"
            )
        if self.rate < 4 * edge * (1 - 1e-6):  # interpolation is exact up to a quarter of the rate
            raise ValueError(
                f"a low-pass of {edge:g} Hz needs {4 * edge:g} Hz after decimation, here {self.rate:g} Hz - "
                "raise chain.min_rate_hz or lower chain.lowpass_hz"
            )

    @cached_property
    def factor(self) -> int:
        return max(int(self.sfreq / self.recipe.min_rate_hz * (1 + 1e-6)), 1)

    @cached_property
    def rate(self) -> float:
        return self.sfreq / self.factor

    @cached_property
    def taps(self) -> np.ndarray:
        return lowpass(self.sfreq, self.recipe.lowpass_hz, self.stop_hz)

    @property
    def stop_hz(self) -> float:
        """Where the stop band begins: where the recipe says, but below the mains and what decimation would fold."""
        most = min(self.rate - self.recipe.lowpass_hz, LINE_HZ)
        return min(self.recipe.lowpass_stop_hz, most) if self.recipe.lowpass_stop_hz else most

    @property
    def delay_samples(self) -> int:
        return (len(self.taps) - 1) // 2

    @property
    def fir_mask(self) -> int:
        """Outputs computed before the FIR has received as many samples as it has taps."""
        return -(-(len(self.taps) - 1) // self.factor)

    @property
    def highpass_mask(self) -> int:
        """Outputs of the high-pass's warm-up: two time constants, at least one second and at most ten."""
        if not self.recipe.highpass_hz:
            return 0
        return int(np.ceil(self.rate * min(max(1 / (np.pi * self.recipe.highpass_hz), 1.0), 10.0)))

    @property
    def warmup_s(self) -> float:
        """From a stretch's first sample to the first output that is returned, s."""
        n_out = self.fir_mask + self.highpass().mask
        return (n_out * self.factor - self.delay_samples) / self.sfreq

    def attenuation_db(self, hz: float) -> float:
        """How much the low-pass weakens a wave."""
        wave = np.exp(-2j * np.pi * hz / self.sfreq * np.arange(len(self.taps)))
        return float(-20 * np.log10(max(abs(self.taps @ wave), 1e-10)))

    def highpass(self) -> Highpass:
        """A new high-pass for one stretch."""
        if not self.recipe.highpass_hz:
            return NoHighpass()
        kind = CausalHighpass if self.recipe.phase == "causal" else ZeroPhaseHighpass
        return kind(self.recipe.highpass_hz, self.rate, self.highpass_mask)


class StretchFilter:
    """The filters of one unbroken stretch of signal.

    Why a clock of its own: outputs get their times by counting samples from the stretch's first, so that the jitter of
    single chunks never reaches a latency.
    """

    def __init__(self, design: ChainDesign, scales: np.ndarray, start: float) -> None:
        self._design, self._scales, self._start = design, scales, start
        self._lowpass = Decimator(design.taps, design.factor, len(scales))
        self._highpass = design.highpass()
        self._mask = design.fir_mask
        self._n_out = design.fir_mask + self._highpass.mask
        self._n_in = 0

    @property
    def clock(self) -> float:
        """Time at which the next sample is expected, counted from the first."""
        return self._start + self._n_in / self._design.sfreq

    def push(self, x: np.ndarray) -> list[Chunk]:
        """Filter samples (sample, sensor) float64, all finite."""
        self._n_in += len(x)
        y = self._lowpass.push(x)
        masked = min(self._mask, len(y))
        self._mask -= masked
        return self._stamp(self._highpass.push(y[masked:]))

    def finish(self) -> list[Chunk]:
        """Return what was waiting for later samples."""
        return self._stamp(self._highpass.finish())

    def _stamp(self, y: np.ndarray) -> list[Chunk]:
        if not len(y):
            return []
        design = self._design
        start = self._start + (self._n_out * design.factor - design.delay_samples) / design.sfreq
        self._n_out += len(y)
        return [Chunk((y * self._scales).astype(np.float32), start, design.rate)]


class Chain:
    """Low-pass, decimation, high-pass; the output does not depend on how the signal was cut into chunks.

    A gap, an overlap, or a row that holds a value which cannot be signal (see `SampleJudge`) breaks the stream: the
    filters start anew behind it, so it never enters them, and their warm-up is never returned.  Samples that come
    twice are dropped.  Time stamps that drift slowly from the counted clock are no gap.  Output follows the counted
    clock, so a live source whose true rate differs from its nominal rate should give the true rate.

    Parameters
    ----------
    recipe : ChainRecipe
        The filters.
    sensors : sequence of Sensor
        Columns of the chunks; their kinds set the units of the output.
    sfreq : float
        Sampling rate of the chunks.

    Attributes
    ----------
    factor, rate : int, float
        Of the decimation, and the output rate in Hz.
    delay_s : float
        Delay of the low-pass, which is already subtracted from the times of the output.
    warmup_s : float
        From the first sample, or the first after a break, to the first output.
    breaks : deque of (float, str)
        The newest breaks of the stream: time and reason.
    """

    def __init__(self, recipe: ChainRecipe, sensors: Sequence[Sensor], sfreq: float) -> None:
        unknown = sorted({sensor.kind for sensor in sensors} - set(DISPLAY_SCALES))
        if unknown or not sensors:
            raise ValueError(
                f"sensors of kind {', '.join(unknown) or '(none)'}; known kinds are {', '.join(DISPLAY_SCALES)}"
            )
        self._design = ChainDesign(recipe, float(sfreq))
        self._n_sensors = len(sensors)
        self._judge = SampleJudge(sensors, float(sfreq))
        self._scales = np.array([DISPLAY_SCALES[sensor.kind] for sensor in sensors])
        self._stretch: StretchFilter | None = None
        self._expected: float | None = None
        self.factor = self._design.factor
        self.rate = self._design.rate
        self.delay_s = self._design.delay_samples / self._design.sfreq
        self.warmup_s = self._design.warmup_s
        self.breaks: deque[tuple[float, str]] = deque(maxlen=1000)
        self._bad_values: list[tuple[float, str]] = []

    def push(self, chunk: Chunk) -> list[Chunk]:
        """Filter a chunk; return what became final: (sample, sensor) float32 chunks in display units, oldest first."""
        out, x, clock = self._align(self._checked(chunk), float(chunk.start))
        for rows, bad in self._judge.push(x):
            if bad is not None:
                out += self._break_at_bad_values(clock, rows, bad)
            else:
                self._stretch = self._stretch or StretchFilter(self._design, self._scales, clock)
                out += self._stretch.push(rows)
            clock += len(rows) / self._design.sfreq
        if len(x):
            self._expected = clock
        return out

    def take_bad_values(self) -> list[tuple[float, str]]:
        """Breaks by bad values since the last call: time, and the reason of the words that they cost."""
        taken, self._bad_values = self._bad_values, []
        return taken

    def finish(self) -> list[Chunk]:
        """Return what was waiting for later samples (zero phase), at the end of the recording."""
        stretch, self._stretch = self._stretch, None
        return stretch.finish() if stretch else []

    def _checked(self, chunk: Chunk) -> np.ndarray:
        x, n = np.asarray(chunk.data), self._n_sensors
        if x.ndim != 2 or x.shape[1] != n:
            raise ValueError(f"a chunk has the shape {x.shape}; the chain was made for (sample, {n} sensors)")
        if x.dtype.kind not in "fiu":
            raise ValueError(f"a chunk holds {x.dtype}; the chain takes real numbers, in SI units")
        if not abs(chunk.sfreq - self._design.sfreq) <= 1e-4 * self._design.sfreq:
            raise ValueError(
                f"a chunk has {chunk.sfreq:g} Hz; the chain was made for {self._design.sfreq:g} Hz - make a new one"
            )
        if not np.isfinite(chunk.start):
            raise ValueError(f"a chunk starts at {chunk.start} s; every chunk needs its time in seconds")
        return np.ascontiguousarray(x, dtype=float)

    def _align(self, x: np.ndarray, start: float) -> tuple[list[Chunk], np.ndarray, float]:
        """The output that a break in time completes, the samples that are new, and the smoothed time of their first."""
        if self._expected is None or not len(x):
            return [], x, start
        sfreq = self._design.sfreq
        late = start - self._expected
        if abs(late) > 1.5 / sfreq:
            self._judge.restart()
        if late > 1.5 / sfreq:
            return self._break(self._expected, f"gap of {late:.4g} s"), x, start
        if late < -1.5 / sfreq:
            n = min(round(-late * sfreq), len(x))
            return self._break(self._expected, f"{n} samples came twice"), x[n:], start + n / sfreq
        return [], x, self._expected + late * -np.expm1(-len(x) / sfreq / CLOCK_S)

    def _break(self, time: float, reason: str) -> list[Chunk]:
        if self._stretch or not self.breaks or self.breaks[-1][1] != reason:
            self.breaks.append((time, reason))
        return self.finish()

    def _break_at_bad_values(self, time: float, rows: np.ndarray, bad: np.ndarray) -> list[Chunk]:
        text, reason = self._judge.describe(rows, bad)
        is_new = self._stretch is not None or not self._bad_values or self._bad_values[-1][1] != reason
        if is_new and len(self._bad_values) < MAX_BAD_VALUES:
            self._bad_values.append((time, reason))
        return self._break(time, text)


def frequency_response(recipe: ChainRecipe, sfreq: float, freqs_hz: np.ndarray) -> np.ndarray:
    """Complex gain of a chain, measured with an impulse sent through it.

    The delay is known and removed, and leaves no phase: the remaining phase is that of the high-pass.

    Parameters
    ----------
    recipe : ChainRecipe
        The filters.
    sfreq : float
        Input rate in Hz.
    freqs_hz : ndarray, shape (frequency,)
        Where the gain is wanted.

    Returns
    -------
    ndarray of complex, shape (frequency,)
        The gain.
    """
    design = ChainDesign(recipe, float(sfreq))
    seconds = 20 + 4 / (recipe.highpass_hz or 1)
    chain = Chain(recipe, [Sensor("impulse", "eeg", (0.0, 0.0, 0.0), (0.0, 0.0, 1.0))], sfreq)
    x = np.zeros((int(seconds * sfreq), 1))
    at = len(x) // 2
    x[at] = design.factor / DISPLAY_SCALES["eeg"]
    output = chain.push(Chunk(x, 0.0, sfreq)) + chain.finish()
    times = np.concatenate([part.start + np.arange(len(part.data)) / part.sfreq for part in output])
    values = np.concatenate([part.data[:, 0] for part in output])
    return np.exp(-2j * np.pi * np.outer(freqs_hz, times - at / sfreq)) @ values.astype(float)


def phase_error(recipe: ChainRecipe, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """How much too late a wave leaves the chain (negative: too early), measured.

    Parameters
    ----------
    recipe : ChainRecipe
        The filters.
    sfreq : float
        Input rate in Hz.

    Returns
    -------
    freqs_hz : ndarray, shape (frequency,)
        0.5 to 20 Hz.
    error_ms : ndarray, shape (frequency,)
        The error of each, in ms.
    """
    freqs_hz = np.arange(0.5, 20.01, 0.25)
    return freqs_hz, -np.angle(frequency_response(recipe, sfreq, freqs_hz)) / (2e-3 * np.pi * freqs_hz)


def edges_3db(recipe: ChainRecipe, sfreq: float) -> tuple[float, float]:
    """Where a chain's gain has fallen by 3 dB, measured: below and above the pass band; 0 without a high-pass."""
    corner = recipe.highpass_hz
    low_hz = corner * np.geomspace(0.5, 4, 61)
    high_hz = np.linspace(recipe.lowpass_hz, ChainDesign(recipe, float(sfreq)).stop_hz, 59)
    gain = np.abs(frequency_response(recipe, sfreq, np.concatenate([low_hz, high_hz])))
    low = float(np.interp(np.sqrt(0.5), gain[:61], low_hz)) if corner else 0.0
    return low, float(np.interp(-np.sqrt(0.5), -gain[61:], high_hz))


def describe_chain(recipe: ChainRecipe, sfreq: float) -> dict[str, Any]:
    """The properties of a chain that a bank's passport states.

    Parameters
    ----------
    recipe : ChainRecipe
        The filters.
    sfreq : float
        Input rate in Hz.

    Returns
    -------
    dict
        Rate, taps, delay, warm-up, edges of the pass band, attenuation of the mains and phase error, ready for JSON.
    """
    design = ChainDesign(recipe, float(sfreq))
    freqs_hz, error_ms = phase_error(recipe, sfreq)
    shown = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    time_constant_s = 1 / (2 * np.pi * recipe.highpass_hz) if recipe.highpass_hz else np.inf
    highpass_s = design.highpass_mask / design.rate
    low, high = edges_3db(recipe, sfreq)
    return {
        "phase": recipe.phase,
        "minus_3db_low_hz": round(low, 3),
        "minus_3db_high_hz": round(high, 1),
        "stop_hz": round(design.stop_hz, 1),
        "rate_hz": design.rate,
        "factor": design.factor,
        "taps": len(design.taps),
        "delay_ms": 1000 * design.delay_samples / design.sfreq,
        "warmup_s": (design.fir_mask + design.highpass_mask) / design.rate,
        "warmup_left": float(np.exp(-highpass_s / time_constant_s)),
        "attenuation_db": {str(hz): round(design.attenuation_db(hz), 1) for hz in (50, 60) if hz <= sfreq / 2},
        "phase_error_ms": {str(hz): round(float(error_ms[freqs_hz == hz][0]), 3) for hz in shown},
        "phase_error_max_ms": round(float(np.abs(error_ms[freqs_hz >= 2]).max()), 3),
    }
