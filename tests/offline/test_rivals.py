"""Controls tell rival explanations from a true ladder, in recordings where plain R is fooled; the study in small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from rtalign.core.recipe import FitRecipe
from rtalign.core.word_blocks import assign_blocks
from rtalign.report.read import Summary
from rtalign.report.verdict import TWIN, UNIQUE, rivals
from rtalign.training.baselines import least_squares, smoothed_identity
from rtalign.training.lag.targets import LagTargets
from rtalign_offline.validation.controls_study import CONDITIONS, write_page
from rtalign_offline.validation.rivals import draw_rival, summary_of

LAGS = np.round(np.arange(-0.3, 0.9001, 0.1), 3)
FIT = FitRecipe(null_draws=200, alphas=tuple(np.logspace(0, 4, 5)))


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


def test_a_true_ladder_is_kept_and_comes_nearer_to_its_length() -> None:
    summary = found("true ladder", 0.5)
    plain, unique = summary.temporal_score, summary.controls[UNIQUE].temporal_score
    assert plain is not None
    assert unique is not None
    assert peaks(summary.controls[UNIQUE]) == 5
    assert unique.r > 0.95
    assert abs(unique.slope_ms - 300) < abs(plain.slope_ms - 300)
    assert not any(rival.explains for rival in rivals(summary))


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


def test_the_page_of_the_study_holds_every_brain(tmp_path: Path) -> None:
    ladder = {"status": ["ok"] * 5, "r": 0.2, "slope_ms": 300.0, "score": 0.9, "holds": True}
    share = {"timing": 0.1, "position": 0.0, "neighbours": 0.3, "all": 0.4}
    records = [
        {"key": f"{name}|{seed}", "plain": ladder, "unique": ladder, "twin": ladder, "share": share,
         "baseline": 0.01, "flagged": []}
        for name in CONDITIONS for seed in range(2)
    ]  # fmt: skip
    write_page(tmp_path / "controls.md", records)
    text = (tmp_path / "controls.md").read_text()
    assert all(f"| {name} (2)" in text for name in CONDITIONS)
    assert "100 % [34, 100]" in text
