"""The word-locked field is found when it was planted, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.recordings.quality import field_strength
from tests.helpers.word_responses import ONSETS, WordResponses


@pytest.mark.parametrize("after", [0.1, 0.4])
def test_a_planted_response_is_found_at_its_lag(after: float) -> None:
    locked = field_strength(WordResponses(after, ONSETS, 1e-13))  # type: ignore[arg-type]
    assert locked.peak_s == pytest.approx(after, abs=0.03)
    assert locked.ratio > 3


def test_a_field_without_a_response_stays_near_one() -> None:
    locked = field_strength(WordResponses(0.2, ONSETS, 0.0))  # type: ignore[arg-type]
    assert 0.5 < np.median(locked.strength) < 1.7
    assert locked.ratio < 2.5
    assert locked.peak_s is None
    with pytest.raises(ValueError, match="has 5 words with whole epochs; 20 are needed"):
        field_strength(WordResponses(0.2, ONSETS[:5], 0.0))  # type: ignore[arg-type]
