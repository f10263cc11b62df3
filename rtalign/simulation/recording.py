"""Simulated recordings: stories told to a head that follows them, each a Recording that needs no disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache

import numpy as np

from rtalign.core.records import Chunk, Sensor, Word
from rtalign.simulation.background import Background
from rtalign.simulation.evoked import Evoked, common_parts, layer_parts, layer_patterns, scaled
from rtalign.simulation.helmet import helmet

TAIL_S = 3.0
"""Silence after the last word of a run: room for the last lags."""

BAND_HZ = (0.1, 20.0)
"""The band in which snr compares what words evoke with the background."""

FEWEST_WORDS = 20
"""A story or a run with fewer is a slip of the hand."""

STRIDE = 4096
"""Samples made at once, so that chunks of any size hold the same numbers."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides what a simulated recording holds, but for the text and the language model."""

    n_words: int | None = None
    """How many words of the story are told; None tells it all."""
    run_words: int = 600
    layers: str = "9"
    """Which layers of a language model are planted, in the words of a recipe."""
    sensors: str = "ctf275"
    sfreq: float = 300.0
    snr: float = 1.2
    ladder: tuple[float, float] = (0.2, 0.4)
    """Latency of the first and the last layer, s; the others lie evenly between."""
    null: bool = False
    """Plant nothing: background alone."""
    noise_free: bool = False
    """Leave the background out: the same evoked signal, alone."""
    seed: int = 0
    sd_s: float = 0.07
    """Standard deviation of the bump that carries a layer's information."""
    n_dims: int = 12
    """Dimensions in which a layer's own information is planted."""
    contextual: bool = False
    """Plant what a model's layers know from the wider context alone, and nothing that words say by themselves."""

    def check(self) -> None:
        """Raise ValueError at the first setting that makes no recording."""
        first, last = self.ladder
        faults = {
            f"sfreq {self.sfreq:g} Hz: take 60 to 20000": not 60 <= self.sfreq <= 20000,
            f"snr {self.snr:g}: take a number of 0 or more (1.2 is the default)": not 0 <= self.snr < np.inf,
            f"ladder {first:g},{last:g}: latencies are seconds between 0 and 2, first and last": not (
                0 <= first <= 2 and 0 <= last <= 2
            ),
            f"seed {self.seed}: take a whole number of 0 or more": self.seed < 0,
            f"bumps of {self.sd_s:g} s: take a deviation of 0.01 to 0.5 s": not 0.01 <= self.sd_s <= 0.5,
            f"{self.n_dims} dimensions a layer: take 1 to 50": not 1 <= self.n_dims <= 50,
            f"{self.n_words} words: a story needs {FEWEST_WORDS}": (self.n_words or FEWEST_WORDS) < FEWEST_WORDS,
            f"runs of {self.run_words} words: take {FEWEST_WORDS} or more": self.run_words < FEWEST_WORDS,
            "null and noise_free together leave nothing to record": self.null and self.noise_free,
        }
        for fault, found in faults.items():
            if found:
                raise ValueError(fault)
        helmet(self.sensors)

    def latencies_s(self, n_layers: int) -> np.ndarray:
        """(layer,) the planted latencies; one layer alone takes the first."""
        return np.linspace(*self.ladder, n_layers)


@dataclass(eq=False)
class SimulatedRun:
    """One run of a story, a Recording whose samples are made when they are asked for."""

    plan: Plan
    index: int
    words: tuple[Word, ...]
    information: np.ndarray | None
    """(word, layer, dim) of this run's words, standardised over the whole story; None plants nothing."""
    words_a_second: float
    """Of the whole story, so that all runs are scaled alike."""
    subject: str = "01"
    start: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"sub-{self.subject}_task-story_run-{self.index + 1:02d}"

    @property
    def sfreq(self) -> float:
        return self.plan.sfreq

    @property
    def sensors(self) -> tuple[Sensor, ...]:
        return helmet(self.plan.sensors)

    @cached_property
    def n_samples(self) -> int:
        last = self.words[-1]
        return int(np.ceil((last.onset + (last.duration or 0.0) + TAIL_S) * self.sfreq))

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sfreq

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """The signal in order, float32, T and T/m.  However it is cut, the numbers are the same."""
        size = max(1, round(seconds * self.sfreq))
        rest = np.empty((0, len(self.sensors)), np.float32)
        first = 0 if start is None else max(round((start - self.start) * self.sfreq), 0)
        unwanted = first
        for piece in self._strides():
            rest = np.concatenate([rest, piece[unwanted:]])
            unwanted = max(unwanted - len(piece), 0)
            while len(rest) >= size:
                yield Chunk(rest[:size].copy(), self.start + first / self.sfreq, self.sfreq)
                rest, first = rest[size:], first + size
        if len(rest):
            yield Chunk(rest.copy(), self.start + first / self.sfreq, self.sfreq)

    def fingerprint(self) -> str:
        """A hash of what the samples are made from."""
        digest = hashlib.sha256(repr((asdict(self.plan), self.index, self.words, self.words_a_second)).encode())
        if self.information is not None:
            digest.update(np.ascontiguousarray(self.information).tobytes())
        return digest.hexdigest()

    def _strides(self) -> Iterator[np.ndarray]:
        """(sample, sensor) pieces of STRIDE samples, the last one shorter."""
        background = None
        if not self.plan.noise_free:
            background = Background(self.sensors, self.sfreq, self.plan.seed, self.index)
        evoked = self._evoked()
        for first in range(0, self.n_samples, STRIDE):
            n = min(STRIDE, self.n_samples - first)
            piece = np.zeros((n, len(self.sensors)), np.float32) if background is None else background.take(STRIDE)[:n]
            if evoked is not None:
                piece += evoked.at((first + np.arange(n)) / self.sfreq)
            yield piece

    def _evoked(self) -> Evoked | None:
        if self.plan.null:
            return None
        parts = common_parts(self.sensors, self.words, self.plan.seed)
        if self.information is not None and self.plan.snr > 0:
            n_layers, n_dims = self.information.shape[1:]
            patterns = layer_patterns(self.sensors, n_layers, n_dims, self.plan.seed)
            noise = background_rms(self.plan.sensors, self.plan.seed)
            patterns = scaled(patterns, noise, self.plan.snr, self.words_a_second, self.plan.sd_s)
            latencies_s = self.plan.latencies_s(n_layers)
            parts += layer_parts(self.words, self.information, latencies_s, patterns, self.plan.sd_s)
        return Evoked(parts)


def synthesise(
    plan: Plan, story: Sequence[tuple[Word, ...]], information: np.ndarray | None = None
) -> tuple[SimulatedRun, ...]:
    """A story told to a head: one recording a run.

    information : (word, layer, dim), the words of all runs one after the other, planted as it stands (so standardise
    it); layer k answers plan.latencies_s(n_layers)[k] after each word's onset.  None plants no layer.
    """
    plan.check()
    n_words = sum(len(run) for run in story)
    if information is not None and (information.ndim != 3 or len(information) != n_words):
        raise ValueError(f"information is {information.shape}; (word, layer, dim) for {n_words} words was expected")
    seconds = sum(run[-1].onset + (run[-1].duration or 0.0) - run[0].onset for run in story)
    bounds = np.cumsum([0, *(len(run) for run in story)])
    return tuple(
        SimulatedRun(plan, i, run, None if information is None else information[first:last], n_words / seconds)
        for i, (run, first, last) in enumerate(zip(story, bounds[:-1], bounds[1:], strict=True))
    )


@lru_cache(maxsize=8)
def background_rms(sensors: str, seed: int) -> np.ndarray:
    """(sensor,) rms of a head's background in BAND_HZ, measured over two minutes that are in no recording."""
    from scipy.signal import butter, sosfiltfilt

    sfreq = 150.0
    never_recorded = 2**31
    signal = Background(helmet(sensors), sfreq, seed, never_recorded).take(int(120 * sfreq))
    band = butter(2, BAND_HZ, "bandpass", fs=sfreq, output="sos")
    rms = sosfiltfilt(band, signal.astype(np.float64), axis=0).std(axis=0)
    rms.setflags(write=False)
    return rms
