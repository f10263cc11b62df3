"""The one route from chunks and words to epochs, for everything that runs while the story does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rtalign.core.recipe import Recipe
from rtalign.core.records import BadStretch, Chunk, Epoch, Sensor, SkippedWord, Word
from rtalign.core.session import MAX_WORD_DELAY_S
from rtalign.signal.chain import Chain
from rtalign.signal.epochs import EpochBuilder
from rtalign.signal.ring_buffer import RingBuffer

PIECE_S = 1.0
"""Longer chunks are taken in pieces of this length, so that epochs are read before the buffer overwrites them."""


class Pipeline:
    """Turns chunks and words, in the order of arrival, into epochs.

    A word may be pushed before its samples, or up to MAX_WORD_DELAY_S of signal after them; a driver that reads a
    recording in longer chunks pushes the words first.

    Parameters
    ----------
    recipe : Recipe
        Its chain and lags are used; the chain must be causal.
    sensors : sequence of Sensor
        Columns of the chunks.
    sfreq : float
        Sampling rate of the chunks.

    Attributes
    ----------
    chain : Chain
        The filters, with the breaks they found.
    buffer : RingBuffer
        The newest filtered signal.

    Examples
    --------
    >>> pipeline = Pipeline(recipe, recording.sensors, recording.sfreq)  # doctest: +SKIP
    >>> for word in recording.words:  # doctest: +SKIP
    ...     pipeline.push(word)
    >>> epochs = [e for chunk in recording.chunks() for e in pipeline.push(chunk)] + pipeline.finish()  # doctest: +SKIP
    """

    def __init__(self, recipe: Recipe, sensors: Sequence[Sensor], sfreq: float) -> None:
        if recipe.chain.phase != "causal":
            raise ValueError(
                'chain.phase is "zero": it uses the future of the signal and cannot run live - '
                'train a bank with chain.phase = "causal" (the live preset)'
            )
        lags = recipe.lags.seconds
        self.chain = Chain(recipe.chain, sensors, sfreq)
        seconds = max(float(lags[-1]), 0.0) - min(float(lags[0]), 0.0) + MAX_WORD_DELAY_S + PIECE_S
        self.buffer = RingBuffer(self.chain.rate, len(sensors), seconds, self.chain.warmup_s)
        self._epochs = EpochBuilder(lags, self.buffer)

    def push(self, item: Chunk | Word) -> list[Epoch | SkippedWord]:
        """Add a chunk or a word; return the words that are decided by now."""
        match item:
            case Word():
                self._epochs.push_word(item)
                return self._epochs.collect()
            case Chunk():
                done: list[Epoch | SkippedWord] = []
                for piece in _pieces(item):
                    for filtered in self.chain.push(piece):
                        self.buffer.append(filtered)
                    self.buffer.note_breaks(self.chain.take_bad_values())
                    done += self._epochs.collect()
                return done

    def mark_bad(self, stretches: Iterable[BadStretch]) -> None:
        """Skip the words whose signal reaches into these, as far as they are not decided yet."""
        self.buffer.mark_bad(stretches)

    def finish(self) -> list[Epoch | SkippedWord]:
        """Return the words that were still waiting when the signal ended."""
        for filtered in self.chain.finish():
            self.buffer.append(filtered)
        return self._epochs.collect(ended=True)


def _pieces(chunk: Chunk) -> Iterator[Chunk]:
    n = max(int(PIECE_S * chunk.sfreq), 1)
    if len(chunk.data) <= n:
        yield chunk
        return
    for first in range(0, len(chunk.data), n):
        yield Chunk(chunk.data[first : first + n], chunk.start + first / chunk.sfreq, chunk.sfreq)
