"""Hours of a simulated listener on disk: one 16-bit FIF file a session, in a folder that `rtalign train` reads."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import mne
import numpy as np

from rtalign.core.recipe import LanguageRecipe
from rtalign.core.records import Sensor, Word
from rtalign.simulation import (
    Background,
    SimulatedRun,
    SimulationPlan,
    SpokenWord,
    assign_times,
    helmet_sensors,
    measurement_info,
    own_information,
    shipped_story,
    split_words,
    synthesise,
)
from rtalign.simulation.recording import TAIL_S

SFREQ, SENSORS = 1200.0, "ctf275"
WORDS_AN_HOUR = 8500
BLOCK_S, HOP_S, FADE_S = 120.0, 8.0, 1.0


class Recycled:
    """Two minutes of background for ever: places drawn at random, signs drawn at random, one faded into the next.

    Why: hours of fresh background take a minute of computing each.  Of stretches that are independent the sum of
    squared weights is one, so that the power is everywhere that of the original.
    """

    def __init__(self, sensors: tuple[Sensor, ...], sfreq: float, seed: int) -> None:
        self._block = Background(sensors, sfreq, 0, 0).take(int(BLOCK_S * sfreq))
        self._block -= self._block.mean(axis=0)
        self._rng = np.random.default_rng([seed, 0x10])
        self._hop, fade = int(HOP_S * sfreq), int(FADE_S * sfreq)
        ramp = (np.pi / 2 * (np.arange(fade) + 0.5) / fade).astype(np.float32)[:, None]
        self._rise, self._fall = np.sin(ramp), np.cos(ramp)
        self._tail = self._draw()[:fade]

    def pieces(self, n_samples: int) -> Iterator[np.ndarray]:
        """(sample, sensor) float32, n_samples in all."""
        fade = len(self._rise)
        for first in range(0, n_samples, self._hop):
            drawn = self._draw()
            piece, tail = drawn[: self._hop].copy(), drawn[self._hop :]
            piece[:fade] = piece[:fade] * self._rise + self._tail * self._fall
            self._tail = tail
            yield piece[: n_samples - first]

    def peak(self) -> np.ndarray:
        """(sensor,)"""
        return np.abs(self._block).max(axis=0)

    def _draw(self) -> np.ndarray:
        n = self._hop + len(self._rise)
        start = int(self._rng.integers(0, len(self._block) - n))
        return self._block[start : start + n] * np.float32(self._rng.choice([-1.0, 1.0]))


class InOrder:
    """Pieces as they are made, handed out in other sizes."""

    def __init__(self, pieces: Iterator[np.ndarray]) -> None:
        self._pieces, self._rest, self._at = pieces, next(pieces), 0

    def take(self, start: int, stop: int) -> np.ndarray:
        """(sample, sensor) from start to stop; what lies before start is gone for good."""
        if start < self._at:
            raise ValueError(f"samples from {start} on were asked for; they are made in order, and {self._at} is next")
        while self._at + len(self._rest) < stop:
            self._rest, self._at = self._rest[start - self._at :], start
            self._rest = np.concatenate([self._rest, next(self._pieces)])
        return self._rest[start - self._at : stop - self._at]


class Made(mne.io.BaseRaw):  # type: ignore[misc]
    """A recording for mne to write, whose samples are made as they are asked for."""

    def __init__(self, info: Any, n_samples: int, pieces: Iterator[np.ndarray]) -> None:
        super().__init__(info, last_samps=[n_samples - 1], raw_extras=[{"pieces": InOrder(pieces)}], verbose="ERROR")

    def _read_segment_file(self, data: np.ndarray, idx: Any, fi: int, start: int, stop: int, *_: Any) -> None:
        data[:] = self._raw_extras[fi]["pieces"].take(start, stop)[:, idx].T


def sessions(n_hours: int, text: str | None, seed: int = 0) -> list[tuple[Word, ...]]:
    """One story an hour: of the text as it goes on, or of the packaged story with its sentences in another order."""
    told = split_words(text) if text is not None else _shuffled(n_hours, seed)
    if len(told) < n_hours * WORDS_AN_HOUR:
        raise ValueError(f"the text has {len(told)} words; {n_hours * WORDS_AN_HOUR} are needed - give a longer one")
    return [_hour(told[i * WORDS_AN_HOUR : (i + 1) * WORDS_AN_HOUR], seed + i) for i in range(n_hours)]


def _shuffled(n_hours: int, seed: int) -> list[SpokenWord]:
    sentences: list[list[SpokenWord]] = [[]]
    for word in split_words(shipped_story()):
        sentences[-1].append(word)
        if word.pause in ("stop", "paragraph"):
            sentences.append([])
    rng, told = np.random.default_rng(seed), list[SpokenWord]()
    while len(told) < n_hours * WORDS_AN_HOUR:
        told += [word for i in rng.permutation(len(sentences)) for word in sentences[i]]
    return told


def _hour(part: Sequence[SpokenWord], seed: int) -> tuple[Word, ...]:
    """Words spoken so slowly that they fill an hour."""
    words = assign_times(part, seed)
    slower = (3600 - TAIL_S - 1) / words[-1].onset
    return tuple(Word(w.index, w.text, round(w.onset * slower, 4), w.duration) for w in words)


def planted(model: Any, told: Sequence[Sequence[Word]], n_dims: int = 12) -> np.ndarray:
    """(word, layer, dim) what each layer adds to those below, every word read without context.

    Why: a text has ten times fewer different words than words, and what a layer makes of a word alone is a good part
    of what it makes of it in a story.
    """
    recipe = LanguageRecipe(context="window:0")
    layers = recipe.layer_indices(model.info.n_layers)
    texts = [word.text for story in told for word in story]
    known = {text: place for place, text in enumerate(sorted(set(texts)))}
    read = model.encode(list(known), recipe, [layers[0] // 2, *layers], surprisal=False).activations
    information = own_information(read[:, 1:], n_dims, read[:, 0])[[known[text] for text in texts]]
    return (information - information.mean(axis=0)) / information.std(axis=0)


def write(root: Path, n_hours: int, model: Any, text: str | None, n_at_once: int) -> None:
    """The data set, a session an hour, so many made at once."""
    told = sessions(n_hours, text)
    runs = synthesise(SimulationPlan(sensors=SENSORS, sfreq=SFREQ, noise_free=True), told, planted(model, told))
    with get_context("spawn").Pool(n_at_once) as pool:
        for number in pool.imap_unordered(partial(write_session, root), list(enumerate(runs, 1)), 1):
            print(f"session {number} of {n_hours} is made", file=sys.stderr, flush=True)


def write_session(root: Path, numbered: tuple[int, SimulatedRun]) -> int:
    """Signal and words of one session."""
    number, run = numbered
    folder = root / "sub-01" / f"ses-{number:03d}" / "meg"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"sub-01_ses-{number:03d}_task-story"
    write_signal(folder / f"{name}_meg.fif", run, number)
    rows = [f"{w.onset:.4f}\t{w.duration:.4f}\tword\t{w.text}" for w in run.words]
    table = "\n".join(["onset\tduration\ttrial_type\tvalue", *rows]) + "\n"
    (folder / f"{name}_events.tsv").write_text(table, encoding="utf-8")
    return number


def write_signal(path: Path, run: SimulatedRun, seed: int) -> None:
    """One session in 16 bits a sample, as many FIF files as its size takes."""
    noise = Recycled(helmet_sensors(SENSORS), run.sfreq, seed)
    info = measurement_info(run.sensors, run.sfreq, 50.0)
    for channel, peak in zip(info["chs"], noise.peak(), strict=True):
        channel["cal"] = 12 * peak / 32767  # room for what words evoke
    evoked = run.chunks(HOP_S)
    pieces = (a + b.data for a, b in zip(noise.pieces(run.n_samples), evoked, strict=True))
    Made(info, run.n_samples, pieces).save(
        path, fmt="short", split_size="1900MB", split_naming="bids", overwrite=True, verbose="ERROR"
    )
