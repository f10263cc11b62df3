"""Controls tell rival explanations from a true ladder, in recordings where plain R is fooled; the study in small."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from rtalign.core.recipe import FitRecipe
from rtalign.core.word_blocks import assign_blocks
from rtalign.report.read import Summary
from rtalign.report.verdict import INNOVATION, TWIN, UNIQUE, rivals, share_before, verdict
from rtalign.training.controls.baselines import least_squares, smoothed_identity
from rtalign.training.lag.targets import LagTargets
from rtalign_offline.validation.controls_study import CONDITIONS, write_pages
from rtalign_offline.validation.page import CONTROLS, write_page
from rtalign_offline.validation.rivals import draw_rival, summary_of

LAGS = np.round(np.arange(-0.3, 0.9001, 0.1), 3)
FIT = FitRecipe(null_draws=200, alphas=tuple(np.logspace(0, 4, 5)))


@cache
def found(kind: str, strength: float = 1.0) -> Summary:
    return summary_of(draw_rival(kind, 3, 1200, strength), FIT, LAGS)


def peaks(ladder: object) -> int:
    return sum(layer.ok for layer in ladder.layers)  # type: ignore[attr-defined]


def test_a_brain_that_knows_only_of_onsets_keeps_no_unique_peak() -> None:
    summary = found("onsets")
    assert peaks(summary) >= 4
    assert peaks(summary.controls[UNIQUE]) == 0
    at = np.array(summary.r).argmax(1)
    timing, plain = (np.array(r)[np.arange(5), at] for r in (summary.controls[TWIN].explained["timing"], summary.r))
    assert np.abs(timing / plain - 1).max() < 0.25
    assert next(rival.name for rival in rivals(summary) if rival.explains) == "timing, word form and static neighbours"


def test_a_ladder_made_of_the_next_word_is_gone() -> None:
    summary = found("next word")
    score, twin = summary.temporal_score, summary.controls[TWIN].temporal_score
    assert score is not None
    assert twin is not None
    assert min(score.r, twin.r) > 0.9
    assert summary.controls[UNIQUE].temporal_score is None


def test_a_ladder_that_ends_in_a_drift_of_seconds_is_named() -> None:
    """Plain and unique R both claim an order: no nuisance knows of the drift, too short for curves to be flat."""
    summary = found("late drift of 2 s", 0.05)
    assert summary.temporal_score is not None
    assert summary.controls[UNIQUE].temporal_score is not None
    assert [rival.name for rival in rivals(summary) if rival.explains] == ["slow drifts that brain and layers share"]
    assert verdict(summary).startswith("It could be something else: slow drifts")


def test_what_is_there_before_a_word_is_a_share_of_the_peak() -> None:
    r: list[list[float | None]] = [[9.0, 0.1, 0.3, 0.4, 0.8], [9.0, None, 0.0, 0.1, 0.2]]
    assert share_before([row[1:] for row in r], [-0.3, -0.1, 0.0, 0.1])[0] == pytest.approx(0.25)
    assert share_before(r, [-0.4, -0.3, -0.1, 0.0, 0.1])[0] == pytest.approx(0.2 / 9)
    assert np.isnan(share_before(r, [0.0, 0.1, 0.2, 0.3, 0.4])).all()


def test_a_true_ladder_is_kept_and_comes_nearer_to_its_length() -> None:
    summary = found("true ladder", 0.5)
    plain, unique = summary.temporal_score, summary.controls[UNIQUE].temporal_score
    assert plain is not None
    assert unique is not None
    assert peaks(summary.controls[UNIQUE]) == 5
    assert unique.r > 0.95
    assert abs(unique.slope_ms - 300) < abs(plain.slope_ms - 300)
    assert not any(rival.explains for rival in rivals(summary))
    adds = summary.controls[INNOVATION].temporal_score
    assert adds is not None
    assert abs(adds.slope_ms - 300) < abs(plain.slope_ms - 300)


def targets_of(values: np.ndarray, fold: np.ndarray, n_layers: int) -> LagTargets:
    folds = [values[fold == k] for k in range(fold.max() + 1)]
    blocks = [assign_blocks(np.zeros(len(own))) for own in folds]
    return LagTargets.of(folds, n_layers, values.shape[1] // n_layers, blocks, FIT)


def test_baselines_are_least_squares_and_kernel_means() -> None:
    """Against a plain loop over folds and words."""
    rng = np.random.default_rng(8)
    values = np.cumsum(rng.standard_normal((90, 4)), axis=0).astype(np.float32)
    z = np.column_stack([np.linspace(-1, 1, 90), rng.standard_normal(90)])
    fold = np.arange(90) // 30
    fold[[29, 30, 59, 60]] = -1
    targets = targets_of(values, fold, 1)
    direct, smooth = np.zeros(4), {}
    for k, turn in enumerate(targets.rotations.outer):
        known, held, y = (fold >= 0) & (fold != k), fold == k, values.astype(float) @ turn[0]
        design = np.column_stack([np.ones(90), z])
        weights = np.linalg.lstsq(design[known], y[known], rcond=None)[0]
        direct += [np.corrcoef(p, t)[0, 1] / 3 for p, t in zip((design[held] @ weights).T, y[held].T, strict=True)]
        centred = y[known] - y[known].mean(0)
        for width in (1.0, 3.0, 10.0, 30.0, 100.0):
            place = np.arange(90)
            near = np.abs(place[held][:, None] - place[known]) <= 4 * width + 0.5
            mean = (norm.pdf(place[held][:, None] - place[known], scale=width) * near) @ centred
            varies = mean.std(0) > 0
            r = [np.corrcoef(p, t)[0, 1] if v else 0.0 for p, t, v in zip(mean.T, y[held].T, varies, strict=True)]
            smooth[width] = smooth.get(width, 0.0) + np.mean(r) / 3
    assert least_squares(targets, z, fold)[0] == pytest.approx(direct.mean(), abs=1e-6)
    assert smoothed_identity(targets, fold)[0] == pytest.approx(max(smooth.values()), abs=1e-4)


def test_pages_of_the_study_hold_every_brain_and_leave_the_rest(tmp_path: Path) -> None:
    summary = found("true ladder", 0.5).model_dump(mode="json", exclude_defaults=True)
    records = [{"key": f"{name}|{seed}", "summary": summary} for name in CONDITIONS for seed in range(2)]
    page, validation = tmp_path / "controls.md", tmp_path / "validation.md"
    validation.write_text(f"# Rates\n\n{CONTROLS}\n\nof before\n\n## The headline\n\nas it was\n")
    for _ in range(2):
        write_pages(page, validation, records)
        text, whole = page.read_text(), validation.read_text()
        assert all(f"| {name} (2)" in part for name in CONDITIONS for part in (text, whole))
        assert "100 % [34, 100]" in text
        assert whole.startswith(f"# Rates\n\n{CONTROLS}\n\nBrains that")
        assert whole.endswith("|\n\n## The headline\n\nas it was\n")
        assert "of before" not in whole
    write_page(validation, [])
    assert whole[whole.index(CONTROLS) : whole.index("## The headline")].strip() in validation.read_text()
