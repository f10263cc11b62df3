"""The noise ceiling is the one that was planted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import Chunk
from rtalign.recordings import open_repeats
from rtalign.recordings.quality import estimate_noise_ceiling
from tests.helpers.dataset_folders import HELMET, armeni_session
from tests.helpers.word_responses import ONSETS, WordResponses, repeat_of_a_sound


def test_the_noise_ceiling_is_what_was_planted() -> None:
    share = np.array([0.0, 0.2, 0.5, 0.9])
    found = estimate_noise_ceiling([repeat_of_a_sound(seed, share) for seed in range(1, 9)])  # type: ignore[arg-type]
    np.testing.assert_allclose(found.r, share, atol=0.06)
    np.testing.assert_allclose(found.best[1:], np.sqrt(share[1:]), atol=0.06)
    assert (found.n_repeats, found.sensors) == (8, ("M0", "M1", "M2", "M3"))
    assert 100 < found.seconds < 120  # the filters' warm-up is left out
    assert (found.error < 0.05).all()


def test_a_broken_repeat_is_left_out_and_counted() -> None:
    class Broken(WordResponses):
        def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterable[Chunk]:
            return (chunk for chunk in super().chunks(seconds, start) if not 40 < chunk.start < 50)

    share = np.full(4, 0.5)
    whole, broken = [repeat_of_a_sound(seed, share) for seed in (1, 2, 3)], Broken(0.2, ONSETS[:1], 0.0)
    broken.data = repeat_of_a_sound(4, share).data
    found = estimate_noise_ceiling([*whole, broken])  # type: ignore[list-item]
    assert (found.n_repeats, found.n_broken) == (3, 1)
    np.testing.assert_array_equal(found.r, estimate_noise_ceiling(whole).r)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is the only repeat without a break; a noise ceiling needs two whole ones"):
        estimate_noise_ceiling([whole[0], broken])  # type: ignore[list-item]


def test_a_ceiling_needs_two_repeats_of_the_same_sensors(tmp_path: Path) -> None:
    armeni_session(tmp_path)
    repeats = open_repeats(tmp_path)
    assert estimate_noise_ceiling(repeats).n_repeats == 2
    with pytest.raises(ValueError, match="played twice or more; there are 1"):
        estimate_noise_ceiling(repeats[:1])
    with pytest.raises(ValueError, match="repeat-2 has other sensors or another rate"):
        estimate_noise_ceiling([repeats[0], repeats[1].pick(HELMET[:2])])
