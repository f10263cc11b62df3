"""The study of the program's statements in a small form: what is said of drawn recordings holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.recipe import FitRecipe
from rtalign.scoring.findings import assess
from rtalign.scoring.latency import latency
from rtalign.scoring.left_out import LeftOut
from rtalign_offline.validation import study
from rtalign_offline.validation.drawn import SFREQ, DrawnKind, draw
from rtalign_offline.validation.drawn_fit import evaluate_drawn, score_live, train_drawn
from rtalign_offline.validation.page import write_page

LAGS = np.round(np.arange(-0.2, 0.7001, 0.04), 3)
SMALL = DrawnKind(n_words=600, n_sensors=12, n_layers=3, components=5, lags_s=LAGS)
LADDER = replace(SMALL, latencies_s=(0.16, 0.28, 0.4), strength=0.2)
FIT = FitRecipe(alphas=tuple(np.logspace(-1, 4, 6)), null_draws=200)


def test_answers_are_where_and_as_large_as_planted() -> None:
    """The mean answer to a common event, against the same recording without it."""
    with_answer, without = (draw(replace(SMALL, common=where), [3]) for where in ((0.2,), ()))
    change = np.abs(with_answer.at(0.2) - without.at(0.2)).mean()
    assert change > 2 * np.abs(with_answer.at(-0.2) - without.at(-0.2)).mean()
    assert np.all(np.diff(with_answer.onsets) >= 0.08 * SFREQ - 1)
    np.testing.assert_array_equal(with_answer.targets, without.targets)


def test_slopes_of_noisy_ladders_are_those_of_a_noise_free_one() -> None:
    """16 recordings: the mean slope is known to a few per cent, and intervals that hold miss once."""
    clean = train_drawn(draw(replace(LADDER, n_words=2000, strength=5.0), [1]), FIT).curves
    peaks = latency("centroid", clean.lags_s, clean.r, clean.noise)
    true = 1e3 * np.polyfit(clean.depth, peaks, 1)[0] * np.ptp(clean.depth)
    found = [assess(train_drawn(draw(LADDER, [2, seed]), FIT).curves).temporal for seed in range(16)]
    scores = [score for score in found if score is not None]
    assert len(scores) >= 14
    assert np.mean([score.slope_ms for score in scores]) == pytest.approx(true, rel=0.15)
    assert sum(low <= true <= high for low, high in (score.slope_ci_ms for score in scores)) >= len(scores) - 3


def test_brains_of_nothing_show_nothing_by_any_route() -> None:
    shown = {"train": 0, "evaluate": 0, "live": 0}
    for seed in range(10):
        record = study.null_record(SMALL, seed)
        for route, found in record.items():
            shown[route] += found["peaks"]
            assert found["above"] < 0.2 * found["cells"]
    assert max(shown.values()) <= 3, shown


def test_evaluation_and_live_say_the_same_of_the_same_words() -> None:
    bank, fresh = train_drawn(draw(LADDER, [5]), FIT), draw(LADDER, [6])
    offline, live = evaluate_drawn(bank, fresh, FIT), score_live(bank, fresh)
    np.testing.assert_allclose(live.r, offline.r, atol=1e-5)
    known, found = assess(offline).temporal, assess(live).temporal
    assert found.slope_ms == pytest.approx(known.slope_ms, abs=0.5)
    widths = [np.ptp(score.slope_ci_ms) for score in (known, found)]
    assert widths[1] / widths[0] == pytest.approx(1, abs=0.5)


def test_the_error_that_a_bank_tells_of_its_decoders_is_the_spread_over_banks() -> None:
    """12 banks score the same new words: a spread is known to 1 in 5, the mean over cells or layers to less."""
    kind, r, peaks, told_r, told_peaks = replace(LADDER, strength=0.08), [], [], [], []
    fresh = draw(kind, [7])
    for seed in range(12):
        bank = train_drawn(draw(kind, [8, seed]), FIT)
        found = evaluate_drawn(bank, fresh, FIT)
        alone = LeftOut.of(found.r + bank.error.changes, bank.error.block_words)
        at, without = (latency("centroid", LAGS, values, found.noise) for values in (found.r, alone.curves))
        r.append(found.r[:, 8:16])
        peaks.append(at)
        told_r.append(alone.error(found.r, alone.curves)[:, 8:16])
        told_peaks.append(alone.error(at, without))
    for values, told in ((r, told_r), (peaks, told_peaks)):
        ratio = np.std(values, axis=0, ddof=1) / np.sqrt(np.mean(np.square(told), axis=0))
        assert ratio.mean() == pytest.approx(1, abs=0.3)


def test_the_truth_of_a_brain_is_known_from_its_own_answers() -> None:
    """Larger answers beside the same noise are another brain: decoders weigh its sensors otherwise."""
    known = study.truths()
    for kind in (DrawnKind(strength=0.0155), study.OTHERS["40 minutes"], study.OTHERS["quick speech"]):
        own = study.whole(kind)
        assert (own.strength, own.gap_s, own.n_words) == (kind.strength, kind.gap_s, study.TRUTH_WORDS)
        jobs = study.study(1, 1, 1, 1, first=7000)
        assert sum(key.startswith(f"truth|{known[own]}|") for key in jobs) == study.TRUTH_RECORDINGS


def test_the_page_counts_what_the_records_hold(tmp_path: Path) -> None:
    one = {"peaks": 1, "layers": 5, "map": True, "above": 10, "cells": 200, "squares": 1.21, "temporal": False}
    other = one | {"peaks": 0, "map": False, "above": 0, "squares": 0.81}
    records = [
        {"key": f"null|one run|{seed}"} | dict.fromkeys(("train", "evaluate", "live"), found)
        for seed, found in enumerate([one, other])
    ]
    write_page(tmp_path / "page.md", records)
    row = next(
        line for line in (tmp_path / "page.md").read_text().splitlines() if line.startswith("| one run (2) | train")
    )
    cells = [cell.strip() for cell in row.split("|")[3:8]]
    assert [cell.split(" [")[0] for cell in cells] == ["10.0 %", "50.0 %", "2.5 %", "0.0 %", "1.00"]
    # Two recordings, of 5 % and of 0 %, and of spreads of 1.1 and 0.9: means of either alone are as likely as not.
    assert [cells[i].split(" [")[1] for i in (2, 4)] == ["0.0, 5.0]", "0.90, 1.10]"]


def test_coverage_is_counted_against_the_mean_of_the_recordings_of_the_same_brain(tmp_path: Path) -> None:
    """Two recordings that are off by 10 ms either way, and two that cover or miss their mean in one layer of five."""
    at, rules = np.linspace(0.18, 0.38, 5), study.SHOWN
    records = [
        {"key": f"truth|0.1|{seed}", "s": {rule: (at + off).tolist() for rule in rules}}
        for seed, off in enumerate((-0.01, 0.01))
    ]
    for seed, reach in enumerate((0.005, 0.0)):
        ci = np.stack([at - reach - 1e-9, at + reach + 1e-9], axis=-1)
        ci[4] += 0.02
        r = np.full(5, 0.1 + 0.02 * seed)
        one = {
            "peak_r": 0.2, "status": ["ok"] * 5, "r": r.tolist(), "p": 0.01,
            "r_ci": np.stack([r - 0.02, r + np.array([0.02, 0.02, 0.02, 0.02, 0.0])], axis=-1).tolist(),
            "rules": {"centroid": {"ci": ci.tolist()}}, "slope": {"centroid": (150.0, (150.0, 201.0 + 10 * seed))},
        }  # fmt: skip
        records.append({"key": f"signal|40 minutes|{seed}", "train": one, "evaluate": one})
    write_page(tmp_path / "page.md", records)
    row = next(line for line in (tmp_path / "page.md").read_text().splitlines() if line.startswith("| 40 minutes (2)"))
    cells = [cell.strip().split(" [")[0] for cell in row.split("|")[3:-2]]
    assert cells == ["0.20", "100 %", "90.0 %", "80.0 %", "200", "-25 %", "100.0 %"]
