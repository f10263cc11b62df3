"""The section on rival explanations is plain about what is left, and about what was not controlled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtalign.report.page import write_page
from tests.helpers.report_folders import make_folder


def page(folder: Path, controls: dict[str, Any], n_columns: int = 27, **extra: Any) -> str:
    make_folder(folder, whole=False)
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    for control in controls.values():
        control.setdefault("layers", summary["layers"])
        control |= {"r": summary["r"], "groups": {"timing": n_columns, "<b>sly</b>": 1}}
    path.write_text(json.dumps(summary | {"controls": controls, "not_controlled": ["<i>the sound</i>"]} | extra))
    return write_page(folder).read_text()


def lost(folder: Path) -> dict[str, Any]:
    """A control in which no layer keeps its peak."""
    layers = json.loads((make_folder(folder, whole=False) / "summary.json").read_text())["layers"]
    gone = [layer | {"status": "below null", "peak_s": None, "ci_s": None} for layer in layers]
    return {"layers": gone, "temporal_score_reason": f"0 of {len(gone)} layers have a peak"}


def test_without_a_control_it_is_said_what_was_not_controlled(tmp_path: Path) -> None:
    text = page(tmp_path, {})
    assert "What else could this be?" in text
    assert text.count("Not controlled: timing and length of words") == 2
    assert "<i>the sound" not in text


def test_a_ladder_that_is_lost_is_said_to_be(tmp_path: Path) -> None:
    text = page(tmp_path / "page", {"nuisances": lost(tmp_path)})
    assert "It could be something else: timing, word form and static neighbours (0 of " in text
    assert "no order of depth is left" in text
    assert "Not controlled: &lt;i&gt;the sound" in text
    assert "<b>sly" not in text


def test_a_ladder_that_is_kept_is_said_to_stand(tmp_path: Path) -> None:
    score = json.loads((make_folder(tmp_path, whole=False) / "summary.json").read_text())["temporal_score"]
    assert "The controls leave it standing" in page(tmp_path / "page", {"nuisances": {"temporal_score": score}})


def test_what_the_twin_carries_is_shown(tmp_path: Path) -> None:
    summary = json.loads((make_folder(tmp_path, whole=False) / "summary.json").read_text())
    half = [[value / 2 for value in row] for row in summary["r"]]
    controls = {"nuisances": lost(tmp_path), "static twin": {"explained": {"timing": half, "all": half}}}
    text = page(tmp_path / "page", controls, baselines={"durations": [9.0] * len(half)})
    assert "it carries 50 % of R at the peaks" in text
    assert f"R of 0 of {len(half)} layers with a peak is above the best of these (durations" in text


@pytest.mark.parametrize("name", ["durations", "autocorrelation"])
def test_a_baseline_of_nuisances_explains_nothing_that_is_left_without_them(tmp_path: Path, name: str) -> None:
    summary = json.loads((make_folder(tmp_path, whole=False) / "summary.json").read_text())
    baselines = {name: [9.0] * len(summary["r"])}
    kept = {"nuisances": {"temporal_score": summary["temporal_score"]}}
    text = page(tmp_path / "page", kept, baselines=baselines)
    assert ("The controls leave it standing" in text) == (name == "durations")
    assert ("durations R up to 9.000, which unique R is free of" in text) == (name == "durations")


@pytest.mark.parametrize("n_columns", [27, 2000])
def test_too_few_words_for_the_nuisances_are_said_to_be(tmp_path: Path, n_columns: int) -> None:
    text = page(tmp_path, {"nuisances": {}}, n_columns)
    assert ("few words for so many columns" in text) == (n_columns == 2000)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"explained": {"all": [[0.1]]}}, "controls, nuisances, all is not"),
        ({"layers": [{"index": 3, "depth": 0.1, "status": "below null", "peak_r": 0.1}] * 2}, "order of depth"),
        ({"layers": [{"index": 3, "depth": 0.1, "status": "below null", "peak_r": 0.1}]}, "not those of R"),
    ],
)
def test_a_control_that_does_not_fit_is_refused(tmp_path: Path, broken: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        page(tmp_path, {"nuisances": broken})
