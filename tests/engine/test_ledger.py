"""Every word of a session is scored or skipped, whatever the order in which its parts come."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtalign.core.records import Epoch, SkippedWord, Word
from rtalign.engine.ledger import MAX_WAITING_EPOCHS, TOO_SLOW, Ledger
from rtalign.language import EncodedWord


def word(index: int) -> Word:
    return Word(index, f"w{index}", 0.4 * index)


def encoded(index: int) -> EncodedWord:
    return EncodedWord(word(index), np.full(2, float(index)), 1.0, 1, 0.01)


def epoch(index: int) -> Epoch:
    return Epoch(word(index), np.full((3, 2), float(index)))


@given(st.permutations(range(12)), st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_words_are_scored_once_with_their_own_data(received: list, complete: list, gone: set) -> None:
    ledger = Ledger()
    for index in received:
        assert ledger.add_word(word(index))
        ledger.add_activations(encoded(index))
    for index in complete:
        ledger.add_epoch(SkippedWord(word(index), "gap") if index in gone else epoch(index), 0.0)
    ready = ledger.ready_words(100)
    assert {one.word.index for one in ready} == set(range(12)) - gone
    for one in ready:
        assert one.target[0] == one.epoch[0, 0] == one.word.index
        ledger.mark_scored(one.word, 0.01)
    assert ledger.n_waiting == 0
    assert (ledger.n_scored, ledger.skipped["gap"]) == (12 - len(gone), len(gone))
    assert not any(ledger.add_word(word(index)) for index in received)
    assert not ledger._finished  # nothing is kept of words that are done, however many


def test_a_slow_language_model_skips_the_older_half_of_its_words() -> None:
    ledger = Ledger()
    for index in range(MAX_WAITING_EPOCHS + 5):
        ledger.add_word(word(index))
        ledger.add_epoch(epoch(index), 0.0)
    n = MAX_WAITING_EPOCHS // 2 + 1
    assert ledger.skipped == {TOO_SLOW: n}
    assert [entry.word.index for entry in ledger.recent] == list(range(n))


def test_words_under_way_at_a_seek_do_not_count() -> None:
    ledger = Ledger()
    ledger.add_word(word(0))
    ledger.mark_skipped(word(0), "gap")
    ledger.add_word(word(1))
    ledger.drop_waiting()
    assert ledger.n_received == 1
    assert ledger.add_word(word(1))
    assert not ledger.add_word(word(0))


def test_words_still_waiting_at_the_end_are_skipped() -> None:
    ledger = Ledger()
    for index in range(3):
        ledger.add_word(word(index))
    assert [entry.reason for entry in ledger.skip_waiting("the session ended")] == ["the session ended"] * 3
    assert [entry.word.index for entry in ledger.entries] == [0, 1, 2]
