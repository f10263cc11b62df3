"""The one route from chunks and words to epochs, for everything that runs while the story does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rtalign.core.recipe import Recipe
from rtalign.core.records import Chunk, Epoch, Sensor, SkippedWord, Word
from rtalign.signal.chain import Chain
from rtalign.signal.epochs import Epocher
from rtalign.signal.ring_buffer import Ring

SLACK_S = 10.0
"""How far, in signal time, a word may come behind its samples."""
PIECE_S = 1.0
"""Larger chunks are taken in pieces this long, so that epochs are read before the ring moves on."""


class Pipeline:
    """Chunks and words in the order of arrival become epochs.

    A word may be pushed before its samples, or up to SLACK_S of signal after them; a driver that reads a recording in
    longer chunks pushes the words first.
    """

    def __init__(self, recipe: Recipe, sensors: Sequence[Sensor], sfreq: float) -> None:
        if recipe.chain.phase != "causal":
            raise ValueError(
                'chain.phase is "zero": it uses the future of the signal and cannot run live - '
                'train a bank with chain.phase = "causal" (the live preset)'
            )
        lags = recipe.lags.seconds
        self.chain = Chain(recipe.chain, sensors, sfreq)
        seconds = max(float(lags[-1]), 0.0) - min(float(lags[0]), 0.0) + SLACK_S + PIECE_S
        self.ring = Ring(self.chain.rate, len(sensors), seconds)
        self._epocher = Epocher(lags, self.ring)

    def push(self, item: Chunk | Word) -> list[Epoch | SkippedWord]:
        """Whatever became whole, or is known never to."""
        if isinstance(item, Word):
            self._epocher.push_word(item)
            return self._epocher.collect()
        done: list[Epoch | SkippedWord] = []
        for piece in _pieces(item):
            for filtered in self.chain.push(piece):
                self.ring.append(filtered)
            done += self._epocher.collect()
        return done

    def finish(self) -> list[Epoch | SkippedWord]:
        """The words that were still waiting when the signal ended."""
        for filtered in self.chain.finish():
            self.ring.append(filtered)
        return self._epocher.collect(ended=True)


def _pieces(chunk: Chunk) -> Iterator[Chunk]:
    n = max(int(PIECE_S * chunk.sfreq), 1)
    if len(chunk.data) <= n:
        yield chunk
        return
    for first in range(0, len(chunk.data), n):
        yield Chunk(chunk.data[first : first + n], chunk.start + first / chunk.sfreq, chunk.sfreq)
