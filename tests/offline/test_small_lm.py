"""Small language models: training is repeatable, learns, and never overwrites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.core.recipe import LanguageRecipe
from rtalign.language import load
from rtalign_offline import SmallModelSettings, train_language_model
from tests.helpers.tiny_models import STORY

QUIET = Progress(quiet=True)


def test_training_is_repeatable_and_never_overwrites(tmp_path: Path) -> None:
    text = tmp_path / "story.txt"
    text.write_text(" ".join(STORY * 20))
    settings = SmallModelSettings("gru", layers=1, dim=32, vocabulary=300, steps=30)
    for name in "ab":
        train_language_model([text], tmp_path / name, settings, QUIET)
    one, two = (load(str(tmp_path / name)) for name in "ab")
    assert one.info.revision == two.info.revision
    new = load(str(tmp_path / "a"), untrained=True)
    trained, untrained = (np.nanmean(m.encode(STORY, LanguageRecipe(), [1]).surprisal) for m in (one, new))
    assert trained < 0.8 * untrained
    with pytest.raises(ValueError, match="exists already"):
        train_language_model([text], tmp_path / "a", settings, QUIET)


@pytest.mark.parametrize("wrong", [{"dim": 30}, {"layers": 0}, {"vocabulary": 200}])
def test_sizes_that_do_not_fit_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be a multiple of 4"):
        SmallModelSettings(**wrong)


def test_a_text_that_is_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("the sea")
    with pytest.raises(ValueError, match="training needs at least 1024"):
        train_language_model([tmp_path / "short.txt"], tmp_path / "out", SmallModelSettings(), QUIET)
    assert not (tmp_path / "out").exists()
