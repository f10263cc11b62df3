"""Every word of a session is accounted for, whatever order things come in."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtalign.core.records import Epoch, SkippedWord, Word
from rtalign.engine.ledger import MOST_WAITING, TOO_SLOW, Ledger
from rtalign.language import EncodedWord


def word(index: int) -> Word:
    return Word(index, f"w{index}", 0.4 * index)


def understood(index: int) -> EncodedWord:
    return EncodedWord(word(index), np.full(2, float(index)), 1.0, 1, 0.01)


def epoch(index: int) -> Epoch:
    return Epoch(word(index), np.full((3, 2), float(index)))


@given(st.permutations(range(12)), st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_words_are_scored_once_with_their_own_epoch_and_target(heard: list, whole: list, gone: set) -> None:
    ledger = Ledger()
    for index in heard:
        assert ledger.hear(word(index))
        ledger.understand(understood(index))
    for index in whole:
        ledger.measure(SkippedWord(word(index), "gap") if index in gone else epoch(index), 0.0)
    pairs = ledger.pairs(100)
    assert {pair.word.index for pair in pairs} == set(range(12)) - gone
    for pair in pairs:
        assert pair.target[0] == pair.epoch[0, 0] == pair.word.index
        ledger.score(pair.word, 0.01)
    assert ledger.n_waiting == 0
    assert (ledger.n_scored, ledger.skipped["gap"]) == (12 - len(gone), len(gone))
    assert not any(ledger.hear(word(index)) for index in heard)
    assert not ledger._closed  # nothing is kept of words that are done, however many


def test_a_language_model_far_behind_costs_the_oldest_words_and_says_so() -> None:
    ledger = Ledger()
    for index in range(MOST_WAITING + 5):
        ledger.hear(word(index))
        ledger.measure(epoch(index), 0.0)
    assert ledger.skipped == {TOO_SLOW: 5}
    assert [entry.word.index for entry in ledger.recent] == list(range(5))


def test_words_under_way_at_a_seek_are_as_if_not_heard() -> None:
    ledger = Ledger()
    ledger.hear(word(0))
    ledger.skip(word(0), "gap")
    ledger.hear(word(1))
    ledger.forget_waiting()
    assert ledger.n_received == 1
    assert ledger.hear(word(1))
    assert not ledger.hear(word(0))


def test_what_is_still_waiting_at_the_end_is_given_up_by_name() -> None:
    ledger = Ledger()
    for index in range(3):
        ledger.hear(word(index))
    assert [entry.reason for entry in ledger.give_up("the session ended")] == ["the session ended"] * 3
    assert [entry.word.index for entry in ledger.entries] == [0, 1, 2]
