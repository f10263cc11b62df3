"""Simulated recordings of a story: each run is a Recording whose samples are computed on demand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache

import numpy as np

from rtalign.core.records import BadStretch, Chunk, Sensor, Word
from rtalign.simulation.background import Background
from rtalign.simulation.evoked import EvokedSignal, common_parts, layer_parts, layer_patterns, scale_to_snr
from rtalign.simulation.helmet import helmet_sensors

TAIL_S = 3.0
"""Silence after the last word of a run, for the last lags."""

BAND_HZ = (0.1, 20.0)
"""The band in which snr compares the evoked signal with the background."""

MIN_WORDS = 20
"""A story or a run with fewer words is taken for a mistake."""

STRIDE = 4096
"""Samples made at once, so that chunks of any size hold the same numbers."""


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """Everything that determines a simulated recording except the text and the language model.

    Attributes
    ----------
    n_words : int or None
        Words of the story that are used; None for all.
    run_words : int
        Words of a run, about.
    layers : str
        Layers of a language model that are planted, as in a recipe.
    sensors : {"ctf275", "neuromag306"}
        Helmet.
    sfreq : float
        Samples per second.
    snr : float
        Root mean square, over sensors, of rms of the layers' evoked signal / rms of the background in BAND_HZ.
    ladder : tuple of float
        Latency of the first and of the last layer, s; the others are evenly spaced between them.
    null : bool
        Plant nothing: background only.
    noise_free : bool
        Leave the background out: the same evoked signal only.
    seed : int
        Seed of everything random.
    sd_s : float
        Standard deviation of the bump that carries a layer's information, s.
    n_dims : int
        Dimensions in which a layer's information is planted.
    contextual : bool
        Plant what the layers hold of a word's wider context, and nothing of the word itself.
    """

    n_words: int | None = None
    run_words: int = 600
    layers: str = "9"
    sensors: str = "ctf275"
    sfreq: float = 300.0
    snr: float = 1.2
    ladder: tuple[float, float] = (0.2, 0.4)
    null: bool = False
    noise_free: bool = False
    seed: int = 0
    sd_s: float = 0.07
    n_dims: int = 12
    contextual: bool = False

    def check(self) -> None:
        """Raise ValueError at the first setting that is not possible."""
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
            f"{self.n_words} words: a story needs {MIN_WORDS}": (self.n_words or MIN_WORDS) < MIN_WORDS,
            f"runs of {self.run_words} words: take {MIN_WORDS} or more": self.run_words < MIN_WORDS,
            "null and noise_free together leave nothing to record": self.null and self.noise_free,
        }
        for fault, present in faults.items():
            if present:
                raise ValueError(fault)
        helmet_sensors(self.sensors)

    def latencies_s(self, n_layers: int) -> np.ndarray:
        """The planted latencies.

        Parameters
        ----------
        n_layers : int
            Number of layers.

        Returns
        -------
        ndarray, shape (layer,)
            Seconds; a single layer has the first.
        """
        return np.linspace(*self.ladder, n_layers)


@dataclass(eq=False)
class SimulatedRun:
    """One run of a simulated story: a Recording whose samples are computed on demand.

    Attributes
    ----------
    plan : SimulationPlan
        How it is made.
    index : int
        Number of the run, from 0.
    words : tuple of Word
        The words of the run.
    information : ndarray, shape (word, layer, dim), or None
        What is planted for each word, standardised over the whole story; None for nothing.
    words_a_second : float
        Rate of words in the whole story, so that all runs are scaled alike.
    subject : str
        Label of the simulated person.
    start : float
        Time of the first sample, s.
    bad_stretches : tuple of BadStretch
        None: what is simulated is good.
    notes : tuple of str
        Remarks for reports.
    """

    plan: SimulationPlan
    index: int
    words: tuple[Word, ...]
    information: np.ndarray | None
    words_a_second: float
    subject: str = "01"
    start: float = 0.0
    notes: tuple[str, ...] = ()
    bad_stretches: tuple[BadStretch, ...] = ()

    @property
    def name(self) -> str:
        return f"sub-{self.subject}_task-story_run-{self.index + 1:02d}"

    @property
    def sfreq(self) -> float:
        return self.plan.sfreq

    @property
    def sensors(self) -> tuple[Sensor, ...]:
        return helmet_sensors(self.plan.sensors)

    @cached_property
    def n_samples(self) -> int:
        last = self.words[-1]
        return int(np.ceil((last.onset + (last.duration or 0.0) + TAIL_S) * self.sfreq))

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sfreq

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        """The signal in order, in chunks of any length; the numbers do not depend on it.

        Parameters
        ----------
        seconds : float
            Length of a chunk.
        start : float or None
            Time of the first sample; None for the beginning of the run.

        Yields
        ------
        Chunk
            Samples in float32, T and T/m.
        """
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
        """A hash of everything from which the samples are computed."""
        digest = hashlib.sha256(repr((asdict(self.plan), self.index, self.words, self.words_a_second)).encode())
        if self.information is not None:
            digest.update(np.ascontiguousarray(self.information).tobytes())
        return digest.hexdigest()

    def signal_fingerprint(self) -> str:
        """The same: the words are what the signal is computed from."""
        return self.fingerprint()

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

    def _evoked(self) -> EvokedSignal | None:
        if self.plan.null:
            return None
        parts = common_parts(self.sensors, self.words, self.plan.seed)
        if self.information is not None and self.plan.snr > 0:
            n_layers, n_dims = self.information.shape[1:]
            patterns = layer_patterns(self.sensors, n_layers, n_dims, self.plan.seed)
            noise = background_rms(self.plan.sensors, self.plan.seed)
            patterns = scale_to_snr(patterns, noise, self.plan.snr, self.words_a_second, self.plan.sd_s)
            latencies_s = self.plan.latencies_s(n_layers)
            parts += layer_parts(self.words, self.information, latencies_s, patterns, self.plan.sd_s)
        return EvokedSignal(parts)


def synthesise(
    plan: SimulationPlan, story: Sequence[tuple[Word, ...]], information: np.ndarray | None = None
) -> tuple[SimulatedRun, ...]:
    """Simulate the recordings of a story, one for each run.

    Parameters
    ----------
    plan : SimulationPlan
        How they are made.
    story : sequence of tuples of Word
        The words of each run with their times.
    information : ndarray, shape (word, layer, dim), or None
        What is planted, as it is (so standardise it), for the words of all runs in order.  Layer k responds
        ``plan.latencies_s(n_layers)[k]`` after each word's onset.  None plants no layer.

    Returns
    -------
    tuple of SimulatedRun
        The runs.

    Raises
    ------
    ValueError
        If the plan is not possible, or the information has another number of words.
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
    """(sensor,) rms of a head's background in BAND_HZ, over two minutes that are part of no recording."""
    from scipy.signal import butter, sosfiltfilt

    sfreq = 150.0
    never_recorded = 2**31
    signal = Background(helmet_sensors(sensors), sfreq, seed, never_recorded).take(int(120 * sfreq))
    band = butter(2, BAND_HZ, "bandpass", fs=sfreq, output="sos")
    rms = sosfiltfilt(band, signal.astype(np.float64), axis=0).std(axis=0)
    rms.setflags(write=False)
    return rms
