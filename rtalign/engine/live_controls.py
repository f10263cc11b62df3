"""Controls of a live session: scored words joined with their nuisances, which are known two words later."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from rtalign.decoding.controls.nuisance_basis import REACH, NuisanceBasis, StoryPlace
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.language import EncodedWord
from rtalign.scoring.unique_board import UniqueBoard

KEPT = 600
"""Words that are remembered; those with which the language model is farther behind are skipped by the engine."""


class LiveControls:
    """Unique R and the static twin of a session.

    What a word brings along needs no later word.  Its intervals, letters and static vectors of neighbours need the two
    next words, so it is scored here when these have been read; before a long pause that is later than its plain score.
    A word with a neighbour that was never read, or came before a jump of the source, is left out and counted.

    Parameters
    ----------
    basis : NuisanceBasis
        How words become nuisances.
    setup : DecoderSetup
        Layers, lags and components.
    stories : sequence of int
        Indices of the first words of stories, rising, where they are known in advance; else the first word that is
        read begins one.

    Attributes
    ----------
    board : UniqueBoard
        Takes the words.
    n_left_out : int
        Scored words whose nuisances cannot be known.
    """

    def __init__(self, basis: NuisanceBasis, setup: DecoderSetup, stories: Sequence[int] = ()) -> None:
        self._basis, self._setup, self._stories = basis, setup, list(stories)
        self.restart()
        self.reset()

    def reset(self) -> None:
        """Begin the scores anew."""
        d = self._setup
        error = d.bank.error if d.bank else None
        size = d.lags_s, d.layers, d.n_layers, d.projection.components
        self.board = UniqueBoard(self._basis.n, self._basis.words_needed, *size, decoders=error)
        self.n_left_out = 0
        self._waiting: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def restart(self) -> None:
        """The source goes on elsewhere: what came before are no neighbours of what comes."""
        self._facts: dict[int, np.ndarray] = {}
        self._place, self._newest = StoryPlace(), -1
        self._waiting = {}

    def add_reading(self, encoded: EncodedWord, static: np.ndarray) -> None:
        """A word that the language model has read.  static : (component,) of its static vector."""
        index = encoded.word.index
        if not (self._facts or self._stories):
            self._stories = [index]
        begin, _ = self._story(index)
        since = 0 if index == begin else self._place.since
        self._place = StoryPlace(index - begin, since)
        surprisal = np.array([encoded.surprisal])
        self._facts[index] = self._basis.facts([encoded.word], static[None], surprisal, self._place)[0]
        self._newest = max(self._newest, index)
        if len(self._facts) > KEPT:
            del self._facts[next(iter(self._facts))]

    def add_score(self, index: int, predicted: np.ndarray, target: np.ndarray) -> None:
        """A word that has been scored.  predicted : (lag, target).    target : (target,)."""
        self._waiting[index] = predicted, target

    def step(self, at_end: bool = False) -> None:
        """Hand on the words whose nuisances are known; at the end of a session, as if no word were to come."""
        if at_end and self._facts:
            self._stories = [*self._stories[: bisect_right(self._stories, self._newest)], self._newest + 1]
        for index in list(self._waiting):
            around = [self._row(at, index) for at in range(index - REACH, index + REACH + 1)]
            known = [row for row in around if row is not None]
            if len(known) == len(around):
                nuisances = self._basis.values(np.stack(known), np.array([REACH]))[0]
                self.board.add(index, nuisances, *self._waiting.pop(index))
            elif at_end or index + REACH <= self._newest:
                del self._waiting[index]
                self.n_left_out += 1

    def _row(self, at: int, index: int) -> np.ndarray | None:
        """What a neighbour of a word brings along: nothing beyond the story, None where it is not known."""
        begin, end = self._story(index)
        if not begin <= at < end:
            return np.full(len(next(iter(self._facts.values()))), np.nan)
        return self._facts.get(at)

    def _story(self, index: int) -> tuple[int, float]:
        """First word of a word's story, and of the next one."""
        at = bisect_right(self._stories, index)
        return self._stories[max(at - 1, 0)], self._stories[at] if at < len(self._stories) else np.inf
