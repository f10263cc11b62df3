"""How each sensor does beside the others of its kind: flat, noisy, jumping, or full of line noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.fft import rfft

from rtalign.core.records import DISPLAY_SCALES, DISPLAY_UNITS, Chunk, Sensor

BLOCK_S = 1.0
"""Signal is judged over blocks of this length, counted in samples, so that chunks do not matter."""
BAND_HZ = (30.0, 100.0)
"""Where the noise density is taken: above what a brain gives, below what acquisitions filter away."""
LINES_HZ = (50.0, 60.0)
BESIDE_HZ = 2.0
"""So near to a mains frequency, or to twice it, a spectrum is the line's."""
FLAT = 1e-3
"""A density below this part of the kind's median is that of no sensor."""
NOISY, QUIET = 3.0, 0.2
"""Times the kind's median, beyond which a density is that of a fault; and beyond N_SPREADS of how the kind spreads."""
N_SPREADS = 6.0
JUMP = 25.0
"""Times the mean of a sensor's steps: a step beyond that is a jump of its electronics."""
LINE = 8.0
"""Times the kind's median, beyond which the line's amplitude is that of a loose contact or a bad shield."""
N_BAD = 4
"""A sensor with the same fault in so many blocks, of twice as many, has it."""
N_GOOD = 20
"""It is well again after so many blocks without."""

N_BINS = 64
"""Of the spectra, evenly spaced on a logarithmic axis, as far as a block resolves them."""
N_NAMED = 5
LARGEST = 1e15
"""In display units: what is beyond is no signal, and its square would be no number."""
FAULTS = ("flat", "jumping", "noisy", "quiet", "line noise")


@dataclass(frozen=True, slots=True)
class SensorState:
    """One sensor as it is now.

    Attributes
    ----------
    name, kind : str
        Of the sensor.
    density : float
        Noise density, in display units per square root of a hertz.
    line : float
        Amplitude of the mains, in display units.
    fault : str
        One of FAULTS, or empty.
    usual : float
        The median of its kind of what the fault is about.
    """

    name: str
    kind: str
    density: float
    line: float
    fault: str
    usual: float

    @property
    def text(self) -> str:
        """The fault with its number, as a sentence without its end."""
        unit = DISPLAY_UNITS[self.kind]
        if self.fault == "line noise":
            return f"{self.name} has {self.line:.3g} {unit} of line noise, where its kind has {self.usual:.3g}"
        return f"{self.name} is {self.fault}: {self.density:.3g} {unit}/rHz, where its kind has {self.usual:.3g}"


class SensorCheck:
    """Watches the raw signal block by block; a fault must last to be one, and its end to be believed.

    Parameters
    ----------
    sensors : sequence of Sensor
        Columns of the chunks.
    sfreq : float
        Their rate, Hz.

    Attributes
    ----------
    n_blocks : int
        Blocks judged so far.
    hz : ndarray, shape (bin,)
        Middles of the bins of `spectra`.
    """

    def __init__(self, sensors: Sequence[Sensor], sfreq: float) -> None:
        self._sensors = tuple(sensors)
        self._kinds = np.array([sensor.kind for sensor in sensors])
        self._scales = np.array([DISPLAY_SCALES[sensor.kind] for sensor in sensors])
        n = max(round(BLOCK_S * sfreq), 8)
        hz = np.fft.rfftfreq(n, 1 / sfreq)
        self._window = np.hanning(n)
        self._norm = 2 / (sfreq * (self._window**2).sum())
        near = np.array([np.abs(hz - harmonic * line) <= BESIDE_HZ for line in LINES_HZ for harmonic in (1, 2)])
        self._is_line = near[::2].any(axis=0)
        top = min(BAND_HZ[1], 0.4 * sfreq)
        self._in_band = (hz >= min(BAND_HZ[0], top / 2)) & (hz <= top) & ~near.any(axis=0)
        self._bin_hz = sfreq / n
        self._edges = np.unique(np.geomspace(1, len(hz), N_BINS + 1).astype(int))
        self.hz = np.array([np.sqrt(hz[a] * hz[b - 1]) for a, b in pairwise(self._edges.tolist())])
        self._power = np.zeros((len(self.hz), len(self._sensors)), np.float32)
        self._rows = np.empty((n, len(self._sensors)))
        self._n_rows, self.n_blocks = 0, 0
        self._usual_step: np.ndarray | None = None
        self._last: np.ndarray | None = None
        self._density, self._line = np.full(len(sensors), np.nan), np.full(len(sensors), np.nan)
        self._recent = np.zeros((2 * N_BAD, len(FAULTS), len(sensors)), bool)
        self._n_good = np.zeros((len(FAULTS), len(sensors)), int)
        self._has = np.zeros((len(FAULTS), len(sensors)), bool)
        self._told, self._n_told = [""] * len(self._sensors), 0

    def push(self, chunk: Chunk) -> None:
        """The next samples, in SI units."""
        first = 0
        while first < len(chunk.data):
            n = min(len(chunk.data) - first, len(self._rows) - self._n_rows)
            self._rows[self._n_rows : self._n_rows + n] = chunk.data[first : first + n]
            self._n_rows, first = self._n_rows + n, first + n
            if self._n_rows == len(self._rows):
                self._judge(self._rows)
                self._n_rows = 0

    @property
    def states(self) -> list[SensorState]:
        """Every sensor; of several faults, the first in the order of FAULTS."""
        usual = {
            (kind, line): float(np.median(values[self._kinds == kind])) if self.n_blocks else float("nan")
            for kind in np.unique(self._kinds).tolist()
            for line, values in ((True, self._line), (False, self._density))
        }
        found = []
        for i, sensor in enumerate(self._sensors):
            fault = next((fault for fault, has in zip(FAULTS, self._has[:, i], strict=True) if has), "")
            own = usual[sensor.kind, fault == "line noise"]
            state = SensorState(sensor.name, sensor.kind, float(self._density[i]), float(self._line[i]), fault, own)
            found.append(state)
        return found

    @property
    def spectra(self) -> np.ndarray:
        """(bin, sensor): amplitude spectral density, in display units per square root of a hertz."""
        return np.sqrt(self._power)

    def take_lines(self) -> list[str]:
        """What has changed since the last call, in words."""
        if self._n_told == self.n_blocks:
            return []
        self._n_told = self.n_blocks
        fault_of = np.where(self._has.any(axis=0), self._has.argmax(axis=0), -1)
        now = [FAULTS[fault] if fault >= 0 else "" for fault in fault_of.tolist()]
        if now == self._told:
            return []
        states, before = self.states, self._told
        self._told = now
        lines = []
        for fault in (*FAULTS, ""):
            changed = [state for state, old in zip(states, before, strict=True) if state.fault == fault != old]
            if len(changed) == 1 and fault:
                lines.append(changed[0].text)
            elif changed:
                names = ", ".join(state.name for state in changed[:N_NAMED])
                more = f" and {len(changed) - N_NAMED} more" if len(changed) > N_NAMED else ""
                lines.append(f"{names}{more}: {fault or 'fit again'}")
        return lines

    def _judge(self, x: np.ndarray) -> None:
        """x : (sample, sensor), one block in SI units."""
        with np.errstate(over="ignore", invalid="ignore"):
            x = np.nan_to_num(np.clip(x * self._scales, -LARGEST, LARGEST))
        steps = np.diff(x, axis=0, prepend=x[:1] if self._last is None else self._last[None])
        self._last = x[-1].copy()
        spectrum = rfft(((x - x.mean(axis=0)) * self._window[:, None]).astype(np.float32), axis=0)
        power = (spectrum.real**2 + spectrum.imag**2) * self._norm
        density = np.sqrt(np.median(power[self._in_band], axis=0) / np.log(2))  # the median of noise to its mean
        line = np.sqrt(2 * np.maximum(power[self._is_line] - density**2, 0.0).sum(axis=0) * self._bin_hz)
        flat, noisy, quiet = self._compare(density)
        now = np.stack([flat, self._jumps(steps), noisy, quiet, self._exceeds(line, LINE)])
        weight = 1.0 if not self.n_blocks else max(1 / (self.n_blocks + 1), 0.1)
        binned = np.add.reduceat(power, self._edges[:-1], axis=0) / np.diff(self._edges)[:, None]
        self._power += np.float32(weight) * (binned.astype(np.float32) - self._power)
        self._density, self._line = (
            np.where(np.isfinite(old), (1 - weight) * old + weight * new, new)
            for old, new in ((self._density, density), (self._line, line))
        )
        self._recent[self.n_blocks % len(self._recent)] = now
        self._n_good = np.where(now, 0, self._n_good + 1)
        begins = self._recent.sum(axis=0) >= N_BAD
        self._has = (self._has & (self._n_good < N_GOOD)) | (begins & now)
        self.n_blocks += 1

    def _compare(self, density: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(sensor,) each: flat, noisy, quiet beside its kind."""
        flat, noisy, quiet = (np.zeros(len(density), bool) for _ in range(3))
        for kind in np.unique(self._kinds):
            own = self._kinds == kind
            usual, spread = self._spread(density[own])
            flat[own] = density[own] <= FLAT * usual
            level = np.log(np.maximum(density[own], 1e-30) / max(usual, 1e-30))
            noisy[own] = level > max(np.log(NOISY), N_SPREADS * spread)
            quiet[own] = ~flat[own] & (level < min(np.log(QUIET), -N_SPREADS * spread))
        return flat, noisy, quiet

    def _exceeds(self, values: np.ndarray, times: float) -> np.ndarray:
        found = np.zeros(len(values), bool)
        for kind in np.unique(self._kinds):
            own = self._kinds == kind
            found[own] = values[own] > times * max(float(np.median(values[own])), float(np.median(self._noise(own))))
        return found

    def _noise(self, own: np.ndarray) -> np.ndarray:
        """What noise alone gives in the width of a line; zeros before the first block."""
        return np.nan_to_num(self._density[own]) * np.sqrt(2 * BESIDE_HZ)

    def _jumps(self, steps: np.ndarray) -> np.ndarray:
        """(sensor,) whether a step of this block is far beyond the usual ones."""
        sizes = np.abs(steps)
        mean = sizes.mean(axis=0)
        usual, self._usual_step = self._usual_step, mean
        usual = mean if usual is None else np.minimum(usual, mean)
        return np.asarray(sizes.max(axis=0) > JUMP * usual) & (usual > 0)

    @staticmethod
    def _spread(values: np.ndarray) -> tuple[float, float]:
        """The median, and the robust standard deviation of the logarithms around it."""
        good = values[values > 0]
        if not len(good):
            return 0.0, 0.0
        usual = float(np.median(good))
        return usual, float(1.4826 * np.median(np.abs(np.log(good / usual))))
