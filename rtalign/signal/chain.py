"""The signal chain: raw chunks in, the slow part of the signal in display units out, stamped with true time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rtalign.core.recipe import ChainRecipe
from rtalign.core.records import SCALES, Chunk, Sensor
from rtalign.signal.filters import CausalHighpass, Decimator, Highpass, NoHighpass, ZeroPhaseHighpass, lowpass

LINE_HZ = 49.0
"""The stop band begins below the mains (50 or 60 Hz), whatever the decimation would allow."""
CLOCK_S = 5.0
"""Time stamps are smoothed over this long before a gap is judged."""


@dataclass(frozen=True)
class Design:
    """The numbers of a chain at one input rate."""

    recipe: ChainRecipe
    sfreq: float

    def __post_init__(self) -> None:
        least, edge = self.recipe.min_rate_hz, self.recipe.lowpass_hz
        if not (np.isfinite(self.sfreq) and self.sfreq * (1 + 1e-6) >= least):
            raise ValueError(
                f"the signal comes at {self.sfreq:g} Hz and the recipe wants at least {least:g} Hz after decimation - "
                "lower chain.min_rate_hz"
            )
        if self.rate < 4 * edge * (1 - 1e-6):  # what reads between the samples is exact up to a quarter of their rate
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
        return lowpass(self.sfreq, self.recipe.lowpass_hz, min(self.rate - self.recipe.lowpass_hz, LINE_HZ))

    @property
    def delay_samples(self) -> int:
        return (len(self.taps) - 1) // 2

    @property
    def fir_mask(self) -> int:
        """Outputs computed before the FIR has heard as many samples as it has taps."""
        return -(-(len(self.taps) - 1) // self.factor)

    @property
    def highpass_mask(self) -> int:
        """Outputs of the high-pass's warm-up: two time constants, at least one second and at most ten."""
        if not self.recipe.highpass_hz:
            return 0
        return int(np.ceil(self.rate * min(max(1 / (np.pi * self.recipe.highpass_hz), 1.0), 10.0)))

    def attenuation_db(self, hz: float) -> float:
        """How much weaker the low-pass leaves a wave."""
        wave = np.exp(-2j * np.pi * hz / self.sfreq * np.arange(len(self.taps)))
        return float(-20 * np.log10(max(abs(self.taps @ wave), 1e-10)))

    def highpass(self) -> Highpass:
        if not self.recipe.highpass_hz:
            return NoHighpass()
        kind = CausalHighpass if self.recipe.phase == "causal" else ZeroPhaseHighpass
        return kind(self.recipe.highpass_hz, self.rate, self.highpass_mask)


class Run:
    """One unbroken stretch of signal on its way through the filters.

    Why its own clock: outputs are stamped by counting samples from the stretch's first, so that the jitter of single
    chunks never reaches a latency.
    """

    def __init__(self, design: Design, scales: np.ndarray, start: float) -> None:
        self._design, self._scales, self._start = design, scales, start
        self._lowpass = Decimator(design.taps, design.factor, len(scales))
        self._highpass = design.highpass()
        self._mask = design.fir_mask
        self._n_out = design.fir_mask + self._highpass.mask
        self._n_in = 0

    @property
    def clock(self) -> float:
        """When the next sample is due, counted from the first."""
        return self._start + self._n_in / self._design.sfreq

    def push(self, x: np.ndarray) -> list[Chunk]:
        """x : (sample, sensor) float64, all finite."""
        self._n_in += len(x)
        y = self._lowpass.push(x)
        masked = min(self._mask, len(y))
        self._mask -= masked
        return self._stamp(self._highpass.push(y[masked:]))

    def finish(self) -> list[Chunk]:
        return self._stamp(self._highpass.finish())

    def _stamp(self, y: np.ndarray) -> list[Chunk]:
        if not len(y):
            return []
        design = self._design
        start = self._start + (self._n_out * design.factor - design.delay_samples) / design.sfreq
        self._n_out += len(y)
        return [Chunk((y * self._scales).astype(np.float32), start, design.rate)]


class Chain:
    """Low-pass, decimation, high-pass; any chunking gives the same output.

    A gap, an overlap, or a row that holds NaN or infinity breaks the stream: the filters start anew behind it and their
    warm-up is never returned.  `breaks` keeps the newest as (time, reason).  Samples that come twice are dropped.
    Stamps that wander slowly off the counted clock are no gap.  Output follows the counted clock, so a live source
    whose true rate is not its nominal one should give the true rate.
    """

    def __init__(self, recipe: ChainRecipe, sensors: Sequence[Sensor], sfreq: float) -> None:
        unknown = sorted({sensor.kind for sensor in sensors} - set(SCALES))
        if unknown or not sensors:
            raise ValueError(f"sensors of kind {', '.join(unknown) or '(none)'}; known kinds are {', '.join(SCALES)}")
        self._design = Design(recipe, float(sfreq))
        self._names = [sensor.name for sensor in sensors]
        self._scales = np.array([SCALES[sensor.kind] for sensor in sensors])
        self._run: Run | None = None
        self._due: float | None = None
        self.factor = self._design.factor
        self.rate = self._design.rate
        self.delay_s = self._design.delay_samples / self._design.sfreq
        self.breaks: deque[tuple[float, str]] = deque(maxlen=1000)

    def push(self, chunk: Chunk) -> list[Chunk]:
        """Whatever became final: (sample, sensor) float32 chunks in display units, at `rate`, oldest first."""
        out, x, clock = self._follow(self._checked(chunk), float(chunk.start))
        for rows, whole in _patches(x):
            if not whole:
                out += self._break(clock, self._fault(rows))
            else:
                self._run = self._run or Run(self._design, self._scales, clock)
                out += self._run.push(np.ascontiguousarray(rows, dtype=float))
            clock += len(rows) / self._design.sfreq
        if len(x):
            self._due = clock
        return out

    def finish(self) -> list[Chunk]:
        """What was waiting for its future (zero phase), at the end of the recording."""
        run, self._run = self._run, None
        return run.finish() if run else []

    def _checked(self, chunk: Chunk) -> np.ndarray:
        x, n = np.asarray(chunk.data), len(self._names)
        if x.ndim != 2 or x.shape[1] != n:
            raise ValueError(f"a chunk of shape {x.shape} came; the chain was made for (sample, {n} sensors)")
        if x.dtype.kind not in "fiu":
            raise ValueError(f"a chunk of {x.dtype} came; the chain takes real numbers, in SI units")
        if not abs(chunk.sfreq - self._design.sfreq) <= 1e-4 * self._design.sfreq:
            raise ValueError(
                f"a chunk at {chunk.sfreq:g} Hz came; the chain was made for {self._design.sfreq:g} Hz - make a new one"
            )
        if not np.isfinite(chunk.start):
            raise ValueError(f"a chunk came that starts at {chunk.start} s; every chunk needs its time in seconds")
        return x

    def _follow(self, x: np.ndarray, start: float) -> tuple[list[Chunk], np.ndarray, float]:
        """What a break in time set free, the samples not heard before, and the smoothed time of the first."""
        if self._due is None or not len(x):
            return [], x, start
        sfreq = self._design.sfreq
        late = start - self._due
        if late > 1.5 / sfreq:
            return self._break(self._due, f"gap of {late:.4g} s"), x, start
        if late < -1.5 / sfreq:
            n = min(round(-late * sfreq), len(x))
            return self._break(self._due, f"{n} samples came twice"), x[n:], start + n / sfreq
        return [], x, self._due + late * -np.expm1(-len(x) / sfreq / CLOCK_S)

    def _break(self, time: float, reason: str) -> list[Chunk]:
        if self._run or not self.breaks or self.breaks[-1][1] != reason:
            self.breaks.append((time, reason))
        return self.finish()

    def _fault(self, rows: np.ndarray) -> str:
        row, column = np.argwhere(~np.isfinite(rows))[0]
        return f"{rows[row, column]} on {self._names[column]}"


def _patches(x: np.ndarray) -> Iterator[tuple[np.ndarray, bool]]:
    """x : (sample, sensor), cut where rows that are finite throughout meet rows that are not."""
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(x.sum()):  # one pass for the usual case; a sum that overflows is looked at again below
            if len(x):
                yield x, True
            return
    whole = np.isfinite(x).all(axis=1)
    edges = np.flatnonzero(np.diff(whole)) + 1
    for rows, good in zip(np.split(x, edges), np.split(whole, edges), strict=True):
        yield rows, bool(good[0])


def response(recipe: ChainRecipe, sfreq: float, freqs_hz: np.ndarray) -> np.ndarray:
    """(frequency,) complex gain of the chain, measured with an impulse sent through it.

    A delay that is known and removed leaves no phase; what phase there is belongs to the high-pass.
    """
    design = Design(recipe, float(sfreq))
    seconds = 20 + 4 / (recipe.highpass_hz or 1)
    chain = Chain(recipe, [Sensor("impulse", "eeg", (0.0, 0.0, 0.0), (0.0, 0.0, 1.0))], sfreq)
    x = np.zeros((int(seconds * sfreq), 1))
    at = len(x) // 2
    x[at] = design.factor / SCALES["eeg"]
    heard = chain.push(Chunk(x, 0.0, sfreq)) + chain.finish()
    times = np.concatenate([part.start + np.arange(len(part.data)) / part.sfreq for part in heard])
    values = np.concatenate([part.data[:, 0] for part in heard])
    return np.exp(-2j * np.pi * np.outer(freqs_hz, times - at / sfreq)) @ values.astype(float)


def phase_error(recipe: ChainRecipe, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """freqs_hz and error_ms, (frequency,) each, measured: how much too late a wave leaves the chain (-: too early)."""
    freqs_hz = np.arange(0.5, 20.01, 0.25)
    return freqs_hz, -np.angle(response(recipe, sfreq, freqs_hz)) / (2e-3 * np.pi * freqs_hz)


def describe(recipe: ChainRecipe, sfreq: float) -> dict[str, Any]:
    """What the passport of a bank says of its chain at one input rate."""
    design = Design(recipe, float(sfreq))
    freqs_hz, error_ms = phase_error(recipe, sfreq)
    shown = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    time_constant_s = 1 / (2 * np.pi * recipe.highpass_hz) if recipe.highpass_hz else np.inf
    highpass_s = design.highpass_mask / design.rate
    return {
        "phase": recipe.phase,
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
