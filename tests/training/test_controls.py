"""Controls of training: unique R of a whole run, what it refuses, and that plain training does not change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.decoding.bank import DecoderBank
from rtalign.report.read import read_results
from rtalign.report.verdict import verdict
from rtalign.training.evaluation import evaluate
from rtalign.training.trainer import train
from tests.helpers.small_world import LATENCIES, FakeModel, small_recipe, world


def test_a_ladder_of_each_layers_own_content_is_kept(tmp_path: Path) -> None:
    """State 0 of the small world is one layer of its own: taking it out must leave the others where they are."""
    recording, model = world(n_words=700, n_sensors=12)
    recipe, store = small_recipe().with_settings("lags", step_s=0.05), tmp_path / "store"
    plain = train([recording], model, recipe, tmp_path / "plain", store=store)
    both = train([recording], model, recipe, tmp_path / "both", store=store, controls=["nuisances", "breakdown"])
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
    check_breakdown(both)
    fresh, more = world(n_words=250, n_sensors=12, seed=5, prefix="v")
    model.table |= more.table
    bank = DecoderBank.load(tmp_path / "plain")
    evaluate(bank, [fresh], model, tmp_path / "scores", store=store, controls=["nuisances", "breakdown"])
    check_breakdown(json.loads((tmp_path / "scores" / "summary.json").read_text()))
    scored = read_results(tmp_path / "scores").summary
    assert [layer.status for layer in scored.controls["nuisances"].layers[1:]] == ["ok"] * 5
    assert scored.controls["static twin"].layers[-1].status == "below null"
    assert verdict(scored).startswith("The controls leave it standing: ")
    page = (tmp_path / "scores" / "report.html").read_text()
    assert "Where it comes from" in page
    with pytest.raises(ValueError, match="evaluation has no control called innovation"):
        evaluate(bank, [fresh], model, tmp_path / "scores", store=store, controls=["innovation"])


def check_breakdown(summary: dict[str, Any]) -> None:
    """At its own lag a decoder has plain R, and so have all words; halves of the words lie around it."""
    found, r = summary["breakdown"], np.array(summary["r"])
    at = np.searchsorted(np.array(summary["lags_s"]) + 1e-6, found["lags_s"])
    kinds = {kind["name"]: kind for kind in found["kinds"]}
    assert np.abs(np.diagonal(found["across"], axis1=1, axis2=2) - r[:, at]).max() < 1e-4
    assert np.abs(kinds["all words"]["r"] - r[:, at]).max() < 1e-4
    assert kinds["first half"]["n_words"] + kinds["second half"]["n_words"] == kinds["all words"]["n_words"]
    halves = [np.array(kinds[name]["r"]) for name in ("first half", "second half")]
    assert np.abs(np.mean(halves, axis=0) - r[:, at]).max() < 0.1
    long = next(kind for name, kind in kinds.items() if name.startswith("next word after"))
    assert abs(long["n_words"] / kinds["all words"]["n_words"] - 0.25) < 0.05


def test_a_control_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    recording, model = world(n_words=20)
    with pytest.raises(ValueError, match="no control is called"):
        train([recording], model, small_recipe(), tmp_path / "bank", store=tmp_path, controls=["timing"])


def test_twins_of_the_model_are_what_banks_of_their_own_would_be(tmp_path: Path) -> None:
    """One run and one report: R of each twin, to the last digit kept, with another seed's vectors for untrained."""
    recording, model = world(n_words=200, n_sensors=12)
    other = FakeModel({word: values[::-1].copy() for word, values in model.table.items()})
    other.info.revision = "2"
    recipe, store = small_recipe().with_settings("lags", step_s=0.1), tmp_path / "store"
    twins = {"untrained": lambda: other, "static": lambda: model}
    summary = train([recording], model, recipe, tmp_path / "bank", store=store, twins=twins)
    plain = train([recording], model, recipe, tmp_path / "plain", store=store)
    alone = train([recording], other, recipe, tmp_path / "alone", store=store)
    assert (summary["r"], summary["layers"]) == (plain["r"], plain["layers"])
    found = summary["controls"]["untrained"]
    assert np.abs(np.subtract(found["r"], alone["r"])).max() < 1e-5
    assert [layer["status"] for layer in found["layers"]] == [layer["status"] for layer in alone["layers"]]
    static = summary["controls"]["static"]
    assert [layer["index"] for layer in static["layers"]] == [0]
    assert np.abs(np.subtract(static["r"], plain["r"][:1])).max() < 1e-5
    at = np.argmax(plain["r"], axis=1)
    parts = np.array([part["r"] for part in plain["stretches"]])
    assert np.allclose(parts.mean(0), np.array(plain["r"])[np.arange(6), at], atol=1e-5)
    assert sum(part["n_words"] for part in plain["stretches"]) == plain["n_words"]
    page = (tmp_path / "bank" / "report.html").read_text()
    assert "Where in the session" in page
    assert "the architecture, or words without their context" in page
    assert "TwoNN dimension" in page
    assert verdict(read_results(tmp_path / "bank").summary)
