"""Small worlds for tests: a recording in memory whose brain answers known layers at known latencies."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from rtalign.core.recipe import LanguageRecipe, Recipe
from rtalign.core.records import BadStretch, Chunk, Sensor, Word

N_LAYERS, DIM = 6, 12
LATENCIES = np.linspace(0.12, 0.42, N_LAYERS)


@dataclass(eq=False)
class MemoryRecording:
    """A recording held in an array, in tesla."""

    data: np.ndarray
    words: tuple[Word, ...]
    sfreq: float = 250.0
    name: str = "world"
    subject: str = "01"
    start: float = 0.0
    notes: tuple[str, ...] = ()
    sensors: tuple[Sensor, ...] = field(default=())
    bad_stretches: tuple[BadStretch, ...] = ()

    def __post_init__(self) -> None:
        if not self.sensors:
            self.sensors = sensors(self.data.shape[1])
        self.n_samples = len(self.data)

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sfreq

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        size = max(int(seconds * self.sfreq), 1)
        begin = 0 if start is None else max(round((start - self.start) * self.sfreq), 0)
        for first in range(begin, len(self.data), size):
            yield Chunk(self.data[first : first + size], self.start + first / self.sfreq, self.sfreq)

    def fingerprint(self) -> str:
        words = repr([(w.text, w.onset) for w in self.words]).encode()
        return hashlib.sha256(self.data.tobytes() + words).hexdigest()

    def signal_fingerprint(self) -> str:
        return hashlib.sha256(self.data.tobytes()).hexdigest()


class FakeModel:
    """Looks each word up in a table: activations that depend on the word and its place alone."""

    def __init__(self, activations: dict[str, np.ndarray]) -> None:
        self.table = activations
        self.encoded = 0
        self.info = SimpleNamespace(
            id="fake",
            family="fake",
            n_layers=N_LAYERS,
            dim=DIM,
            n_parameters=0,
            n_bytes=0,
            revision="1",
            tokenizer="t",
            has_bos=False,
        )

    def context_warning(self, recipe: LanguageRecipe) -> str | None:
        return "it reads twenty words at most" if recipe.context == "growing:30" else None

    def stream(
        self,
        words: Sequence[str],
        recipe: LanguageRecipe,
        layers: Sequence[int],
        surprisal: bool = True,
        wanted: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Any]]:
        """In blocks of seven words."""
        assert wanted is None, "contexts of this model grow"
        for first in range(0, len(words), 7):
            yield first, self.encode(words[first : first + 7], recipe, layers, surprisal=surprisal)

    def reader(self, recipe: LanguageRecipe, layers: Sequence[int]) -> Any:
        def read(words: Sequence[str]) -> Any:
            return self.encode(words, recipe, layers)

        return SimpleNamespace(
            read=read, push=lambda word: read([word]), skip=lambda words: None, prepare=lambda *_: False
        )

    def encode(
        self,
        words: Sequence[str],
        recipe: LanguageRecipe,
        layers: Sequence[int],
        progress: Any = None,
        surprisal: bool = True,
    ) -> Any:
        self.encoded += 1
        rows = np.stack([self.table[word] for word in words])[:, list(layers)]
        if progress:
            progress(len(words))
        return SimpleNamespace(
            activations=rows.astype(np.float32), surprisal=np.zeros(len(words)), n_tokens=np.ones(len(words), int)
        )


def sensors(n: int) -> tuple[Sensor, ...]:
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    places = [(0.1 * float(np.cos(a)), 0.1 * float(np.sin(a)), 0.05) for a in angle]
    return tuple(Sensor(f"M{i:03d}", "axial", p, p) for i, p in enumerate(places))


def world(
    n_words: int = 600, n_sensors: int = 24, snr: float = 1.0, seed: int = 0, prefix: str = "w"
) -> tuple[MemoryRecording, FakeModel]:
    """A recording of n_words in which layer k answers LATENCIES[k] after each word, and the model that knows them."""
    rng = np.random.default_rng(seed)
    sfreq = 250.0
    gaps = rng.uniform(0.25, 0.6, n_words)
    onsets = 4.0 + np.cumsum(gaps)
    values = rng.standard_normal((n_words, N_LAYERS, DIM))
    texts = [f"{prefix}{i}" for i in range(n_words)]
    n_samples = int((onsets[-1] + 4) * sfreq)
    times = np.arange(n_samples) / sfreq
    signal = np.zeros((n_samples, n_sensors))
    mixing = np.random.default_rng(99).standard_normal((N_LAYERS, DIM, n_sensors))
    for k, latency in enumerate(LATENCIES):
        source = np.zeros((n_samples, DIM))
        for i, onset in enumerate(onsets):
            near = slice(*np.searchsorted(times, [onset + latency - 0.3, onset + latency + 0.3]))
            source[near] += values[i, k] * np.exp(-0.5 * ((times[near] - onset - latency) / 0.05) ** 2)[:, None]
        signal += source @ mixing[k]
    noise = np.cumsum(rng.standard_normal((n_samples, n_sensors)), axis=0) * 0.05
    noise += rng.standard_normal((n_samples, n_sensors)) * 4
    data = (snr * signal + noise - noise.mean(axis=0)) * 1e-14 + 3e-12
    words = tuple(Word(i, text, float(onset), 0.2) for i, (text, onset) in enumerate(zip(texts, onsets, strict=True)))
    model = FakeModel(dict(zip(texts, values, strict=True)))
    return MemoryRecording(data, words, name=f"world-{seed}"), model


def small_recipe(**fit: Any) -> Recipe:
    """Every layer, few lags, few draws: seconds instead of minutes."""
    recipe = Recipe().with_settings("lags", start_s=-0.2, stop_s=0.8, step_s=0.04)
    recipe = recipe.with_settings("language", layers="all", components=4)
    return recipe.with_settings("fit", null_draws=40, boot_draws=40, **fit)


def two_worlds() -> tuple[list[MemoryRecording], FakeModel]:
    """Two recordings, and one model that knows the words of both."""
    (first, model), (second, more) = world(n_words=150, seed=1), world(n_words=120, seed=2, prefix="v")
    model.table |= more.table
    return [first, second], model


def slowed(model: FakeModel, seconds: float) -> FakeModel:
    """The same model, which waits before each part of a story."""
    stream = model.stream

    def slow(*args: Any, **how: Any) -> Iterator[tuple[int, Any]]:
        for part in stream(*args, **how):
            time.sleep(seconds)
            yield part

    model.stream = slow  # type: ignore[method-assign]
    return model
