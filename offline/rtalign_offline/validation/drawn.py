"""Recordings drawn at random, with targets drawn too or those of a language model: quick to draw by the hundred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy.signal import lfilter

from rtalign.core.storage.cache import cache_folder, content_key, is_stored, stored_folder

SFREQ = 50.0
NARROW_S = 0.06
"""Standard deviation of a response over time."""
STORY_WORDS = 2500
"""Words of the story that comes with the package that a language model reads."""


@dataclass(frozen=True, slots=True)
class DrawnKind:
    """What a drawn recording is like.

    Attributes
    ----------
    n_words, n_sensors, n_layers, components : int
        Its size.
    latencies_s : tuple of float
        When the brain answers to what each layer adds to those below; empty for a brain that answers to nothing.
    strength : float
        Size of the answers beside the noise.
    share : float
        How much of the layer below each layer keeps.
    memory : float
        Correlation of a target with that of the word before.
    drift : float
        Size of slow noise of the sensors beside the quick one.
    common : tuple of float
        When the brain answers to every word in the same way.
    n_runs : int
        Recordings that the words come in.
    gap_s : float
        From word to word, on average.
    scored : float
        Share of the words that are decoded, drawn at random; the brain answers to all.
    broken : int
        Sensors with steps many times as large as the noise.
    model : str
        A language model whose principal components of the story that comes with the package are the targets; empty
        where targets are drawn.
    story_words : int
        Words of the story that the model reads.
    """

    n_words: int = 1500
    n_sensors: int = 30
    n_layers: int = 5
    components: int = 10
    latencies_s: tuple[float, ...] = ()
    strength: float = 0.0
    share: float = 0.8
    memory: float = 0.3
    drift: float = 0.0
    common: tuple[float, ...] = ()
    n_runs: int = 1
    gap_s: float = 0.3
    scored: float = 1.0
    broken: int = 0
    model: str = ""
    story_words: int = STORY_WORDS
    lags_s: np.ndarray = field(default_factory=lambda: np.round(np.arange(-0.2, 0.8001, 0.02), 3), compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnRecording:
    """signal : (sample, sensor); onsets : (word,) samples; run : (word,); targets : (word, layer x component);
    story : (word,) which word of a model's story it is, or None."""

    kind: DrawnKind
    signal: np.ndarray
    onsets: np.ndarray
    run: np.ndarray
    targets: np.ndarray
    story: np.ndarray | None = None

    def at(self, lag_s: float) -> np.ndarray:
        """(word, sensor) at one lag."""
        return self.signal[self.onsets + round(lag_s * SFREQ)]


def draw(kind: DrawnKind, seed: Sequence[int], brain: int = 0) -> DrawnRecording:
    """Draw a recording; `brain` fixes how answers appear on the sensors, the same for one person's recordings."""
    rng = np.random.default_rng(seed)
    gaps = rng.gamma(4.0, kind.gap_s / 4.0, kind.n_words).clip(0.08, 1.5)
    run = np.arange(kind.n_words) * kind.n_runs // kind.n_words
    onsets = np.round((np.cumsum(gaps) + 5 + 5 * run) * SFREQ).astype(int)
    n_samples = int(onsets[-1] + 5 * SFREQ)
    story = (rng.integers(kind.story_words) + np.arange(kind.n_words)) % kind.story_words if kind.model else None
    added, targets = _drawn_targets(kind, rng) if story is None else _of_model(kind, story)
    signal = _noise(kind, n_samples, rng)
    if kind.broken:
        steps = np.cumsum(rng.standard_normal((n_samples, kind.broken)) * (rng.random((n_samples, 1)) < 0.01), axis=0)
        signal[:, : kind.broken] += 10 * steps.astype(np.float32)
    person = np.random.default_rng([brain, 0xB12A])
    for layer, latency in enumerate(kind.latencies_s):
        pattern = person.standard_normal((kind.components, kind.n_sensors)) / np.sqrt(kind.components)
        answer(signal, onsets, latency, kind.strength * added[:, layer] @ pattern.astype(np.float32))
    for latency in kind.common:
        one = np.tile(person.standard_normal((1, kind.n_sensors)), (kind.n_words, 1))
        answer(signal, onsets, latency, one.astype(np.float32))
    kept = np.flatnonzero(rng.random(kind.n_words) < kind.scored)
    targets = targets.reshape(kind.n_words, -1)[kept]
    return DrawnRecording(kind, signal, onsets[kept], run[kept], targets, None if story is None else story[kept])


def _drawn_targets(kind: DrawnKind, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(word, layer, component): what each layer adds to the one below, and all that it holds."""
    added = rng.standard_normal((kind.n_words, kind.n_layers, kind.components)).astype(np.float32)
    if kind.memory:
        added = lfilter([np.sqrt(1 - kind.memory**2)], [1, -kind.memory], added, axis=0).astype(np.float32)
    targets = np.empty_like(added)
    targets[:, 0] = added[:, 0]
    for layer in range(1, kind.n_layers):
        targets[:, layer] = kind.share * targets[:, layer - 1] + np.sqrt(1 - kind.share**2) * added[:, layer]
    return added, targets


def _of_model(kind: DrawnKind, story: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of a language model: a stretch of the story that begins anywhere, from its end on at its beginning."""
    added, targets = read_story(kind.model, kind.n_layers, kind.components, kind.story_words)
    return added[story], targets[story]


@lru_cache(maxsize=2)
def read_story(model: str, n_layers: int, components: int, n_words: int = STORY_WORDS) -> tuple[np.ndarray, np.ndarray]:
    """(word, layer, component) of a language model reading the shipped story, each component scaled to a variance of 1.

    Returns
    -------
    added : ndarray
        What a layer's components do not share with those of the layer below, by regression.
    targets : ndarray
        The leading principal components of each layer.
    """
    targets = read_layers(model, str(n_layers), components, n_words)
    added = targets.copy()
    for layer in range(1, n_layers):
        below = targets[:, layer - 1]
        rest = targets[:, layer] - below @ np.linalg.lstsq(below, targets[:, layer], rcond=None)[0]
        added[:, layer] = rest / rest.std(0)
    return added, targets


def read_layers(model: str, layers: str, components: int, n_words: int = STORY_WORDS) -> np.ndarray:
    """(word, layer, component): leading principal components of some layers, as a recipe names them; kept on disk."""
    folder = cache_folder() / "validation" / content_key("2", model, layers, components, n_words)[:24]
    if not is_stored(folder):
        with stored_folder(folder) as partial:
            np.save(partial / "targets.npy", _read(model, layers, components, n_words), allow_pickle=False)
    return np.asarray(np.load(folder / "targets.npy", allow_pickle=False))


def _read(model: str, layers: str, components: int, n_words: int) -> np.ndarray:
    from rtalign.core.recipe import LanguageRecipe
    from rtalign.language import load
    from rtalign.simulation.story import shipped_story, story_words

    language, recipe = load(model), LanguageRecipe(layers=layers)
    words, chosen = story_words(shipped_story())[:n_words], recipe.layer_indices(language.info.n_layers)
    states = language.encode(words, recipe, chosen, surprisal=False).activations
    return np.stack([_components(states[:, layer], components) for layer in range(len(chosen))], axis=1)


def _components(states: np.ndarray, n: int) -> np.ndarray:
    centred = states - states.mean(0)
    scores = centred @ np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :n]
    return np.asarray(scores / scores.std(0), np.float32)


def _noise(kind: DrawnKind, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of some hundred milliseconds' memory that neighbours share, with slow drifts where asked for."""
    sources = rng.standard_normal((n_samples, kind.n_sensors)).astype(np.float32)
    quick = lfilter([np.sqrt(1 - 0.8**2)], [1, -0.8], sources, axis=0)
    if kind.drift:
        slow = 1 - 1 / (2 * SFREQ)
        other = rng.standard_normal((n_samples, kind.n_sensors)).astype(np.float32)
        quick = quick + kind.drift * lfilter([np.sqrt(1 - slow**2)], [1, -slow], other, axis=0)
    mixing = np.random.default_rng(0x5E45).standard_normal((kind.n_sensors, kind.n_sensors))
    scaled = mixing * np.logspace(0, -1, kind.n_sensors)[:, None]
    mixed = quick @ scaled + 0.2 * rng.standard_normal(quick.shape)
    return (mixed / mixed.std()).astype(np.float32)


def answer(signal: np.ndarray, onsets: np.ndarray, latency_s: float, sizes: np.ndarray) -> None:
    """Add sizes (word, sensor) to the signal, as a bump around the latency after each onset."""
    reach = round(3 * NARROW_S * SFREQ)
    centre = latency_s * SFREQ
    for step in range(round(centre) - reach, round(centre) + reach + 1):
        height = np.exp(-0.5 * ((step - centre) / (NARROW_S * SFREQ)) ** 2)
        np.add.at(signal, onsets + step, np.float32(height) * sizes)
