"""Unique R tells rival explanations from a true ladder, in recordings where plain R is fooled; the study in small."""

from __future__ import annotations

from rtalign_offline.validation.rivals import study

SMALL = {"seeds": [3], "n_words": 800, "step_s": 0.1}


def test_a_brain_that_knows_only_of_onsets_keeps_no_unique_peak() -> None:
    (row,) = study("onsets", **SMALL)  # type: ignore[arg-type]
    assert row["plain"]["peaks"] >= 4
    assert row["unique"]["peaks"] == 0


def test_a_ladder_made_of_the_next_word_is_gone() -> None:
    (row,) = study("next word", **SMALL)  # type: ignore[arg-type]
    assert row["plain"]["r"] > 0.9
    assert row["unique"]["r"] is None


def test_a_true_ladder_is_kept_and_comes_nearer_to_its_length() -> None:
    (row,) = study("true ladder", strength=0.5, **SMALL)  # type: ignore[arg-type]
    assert row["unique"]["peaks"] == 5
    assert row["unique"]["r"] > 0.95
    assert abs(row["unique"]["slope_ms"] - 300) < abs(row["plain"]["slope_ms"] - 300)
