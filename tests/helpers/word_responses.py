"""Recordings of noise in which words or a repeated sound have a planted response."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rtalign.core.records import BadStretch, Chunk, Sensor, Word

ONSETS = 8.0 + np.cumsum(np.random.default_rng(6).uniform(0.5, 1.1, 120))


class WordResponses:
    """A recording of noise in which two sensors respond to every word, `after` seconds later."""

    def __init__(self, after: float, onsets: np.ndarray, strength: float) -> None:
        self.name, self.subject, self.sfreq, self.start = "responses", "01", 300.0, 0.0
        self.n_samples, self.seconds, self.notes = 36000, 120.0, ()
        self.bad_stretches: tuple[BadStretch, ...] = ()
        self.sensors = tuple(Sensor(f"M{i}", "mag", (0, 0, 0), (0, 0, 1)) for i in range(4))
        self.words = tuple(Word(i, "w", float(t)) for i, t in enumerate(onsets))
        time = np.arange(self.n_samples) / self.sfreq
        self.data = 1e-13 * np.random.default_rng(5).standard_normal((self.n_samples, 4))
        for onset in onsets:
            self.data[:, :2] += strength * np.exp(-0.5 * ((time - onset - after) / 0.03) ** 2)[:, None]

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterable[Chunk]:
        n = round(seconds * self.sfreq)
        for a in range(0, self.n_samples, n):
            yield Chunk(self.data[a : a + n], a / self.sfreq, self.sfreq)

    def fingerprint(self) -> str:
        return "responses"

    def signal_fingerprint(self) -> str:
        return self.fingerprint()


def repeat_of_a_sound(seed: int, share: np.ndarray) -> WordResponses:
    """A repeat of one sound: a share of the variance of each sensor is the sound's, the rest is its own."""
    from scipy.ndimage import gaussian_filter1d

    repeat = WordResponses(0.2, ONSETS[:1], 0.0)
    n = repeat.n_samples
    same, own = (gaussian_filter1d(np.random.default_rng(s).standard_normal((n, 4)), 12, axis=0) for s in (0, seed))
    repeat.data = 1e-12 * (np.sqrt(share) * same + np.sqrt(1 - share) * own)
    return repeat
