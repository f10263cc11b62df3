"""Controls of training: unique R of a whole run, what it refuses, and that plain training does not change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import Word
from rtalign.decoding.bank import DecoderBank
from rtalign.report.read import read_results
from rtalign.report.verdict import verdict
from rtalign.training.evaluation import evaluate
from rtalign.training.nuisances import NEIGHBOURS, Nuisances, neighbours, timing
from rtalign.training.trainer import train
from tests.helpers.small_world import LATENCIES, small_recipe, world


def test_a_ladder_of_each_layers_own_content_is_kept(tmp_path: Path) -> None:
    """State 0 of the small world is one layer of its own: taking it out must leave the others where they are."""
    recording, model = world(n_words=700, n_sensors=12)
    recipe, store = small_recipe().with_settings("lags", step_s=0.05), tmp_path / "store"
    plain = train([recording], model, recipe, tmp_path / "plain", store=store)
    both = train([recording], model, recipe, tmp_path / "both", store=store, controls=["nuisances"])
    assert (both["r"], both["layers"]) == (plain["r"], plain["layers"])
    assert (plain["controls"], plain["baselines"]) == ({}, {})
    shown = read_results(tmp_path / "both").summary
    unique, twin = shown.controls["nuisances"], shown.controls["static twin"]
    assert [layer.status for layer in unique.layers[1:]] == ["ok"] * 5
    peaks = np.array([layer.peak_s for layer in unique.layers[1:]])
    assert np.abs(peaks - LATENCIES[1:]).max() < 0.03
    assert set(unique.groups) == {"timing", "position", "form", "neighbours"}
    assert set(twin.explained) == {*unique.groups, "all"}
    assert set(shown.baselines) == {"autocorrelation", "position and word rate"}
    assert verdict(shown).startswith("The controls leave it standing: ")
    fresh, more = world(n_words=250, n_sensors=12, seed=5, prefix="v")
    model.table |= more.table
    bank = DecoderBank.load(tmp_path / "plain")
    evaluate(bank, [fresh], model, tmp_path / "scores", store=store, controls=["nuisances"])
    scored = read_results(tmp_path / "scores").summary
    assert [layer.status for layer in scored.controls["nuisances"].layers[1:]] == ["ok"] * 5
    assert scored.controls["static twin"].layers[-1].status == "below null"
    assert verdict(scored).startswith("The controls leave it standing: ")
    with pytest.raises(ValueError, match="evaluation has no control called innovation"):
        evaluate(bank, [fresh], model, tmp_path / "scores", store=store, controls=["innovation"])


@pytest.mark.parametrize(("name", "says"), [("static", "comes later"), ("timing", "no control is called")])
def test_a_control_that_does_not_exist_is_refused(name: str, says: str, tmp_path: Path) -> None:
    recording, model = world(n_words=20)
    with pytest.raises(ValueError, match=says):
        train([recording], model, small_recipe(), tmp_path / "bank", store=tmp_path, controls=[name])


def test_neighbours_are_those_of_the_whole_story() -> None:
    """Of the words around, also those that are not used, and never those of another recording."""
    rng = np.random.default_rng(0)
    static = [rng.standard_normal((6, 3)), rng.standard_normal((5, 3))]
    used, kept = [np.array([0, 3]), np.array([1, 4])], np.ones(4, bool)
    columns = neighbours(static, used, kept, 3).reshape(4, len(NEIGHBOURS), 3)
    assert np.allclose(columns[0, :2], 0)
    assert np.allclose(columns[3, 3:], 0)
    spread = np.linalg.norm(columns[1, 4] - columns[1, 0])
    assert spread == pytest.approx(np.linalg.norm(static[0][5] - static[0][1]))
    apart = np.linalg.norm(columns[1, 3] - columns[2, 1])
    assert apart == pytest.approx(np.linalg.norm(static[0][4] - static[1][0]))


def test_timing_holds_intervals_that_a_line_explains() -> None:
    rng = np.random.default_rng(1)
    onsets = np.cumsum(rng.uniform(0.2, 0.9, 300))
    words = [Word(i, "word", float(onset)) for i, onset in enumerate(onsets)]
    columns = Nuisances.of({"timing": timing([words], [np.arange(300)])}).values
    for step in (-2, -1, 1, 2):
        inside = np.arange(2, 298)
        gap = np.abs(onsets[inside + step] - onsets[inside])
        design = np.column_stack([np.ones(len(inside)), columns[inside]])
        left = gap - design @ np.linalg.lstsq(design, gap, rcond=None)[0]
        assert left.std() < 1e-3 * gap.std()
