"""What is written can be read back, is whole, and keeps to the format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rtalign.report.summary import (
    read_curves_csv,
    read_summary,
    summary,
    write_curves_csv,
    write_summary,
)
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import Findings, assess
from rtalign.scoring.left_out import LeftOut

LAGS = np.linspace(-0.2, 0.8, 51)
MODEL = {"id": "tiny", "family": "llama", "n_layers": 5, "revision": "abc"}


def findings(height: float = 0.2) -> Findings:
    rng = np.random.default_rng(0)
    layers = np.arange(4)
    r = height * np.exp(-0.5 * ((LAGS - 0.2 - 0.05 * layers[:, None]) / 0.08) ** 2) + 0.001
    null, changes = (0.005 * rng.standard_normal((30, *r.shape)) for _ in range(2))
    return assess(Curves(LAGS, layers, layers / 4, r, null, LeftOut.of(r + changes / 6, [30] * 30)))


def contents(**changes):
    values = dict(
        kind="train", model=MODEL, context="growing:1000", n_words=2810, skipped={"window before recording": 1},
        curves=findings(), seconds={"language": 1.23456789, "total": np.float32(2.5)}, peak_rss_mb=812.3,
    )  # fmt: skip
    return summary(**(values | changes))


def test_a_summary_has_the_keys_and_types_of_the_format() -> None:
    found = contents()
    assert (found["format"], found["version"], found["kind"]) == ("rtalign-summary", 2, "train")
    assert {"model", "context", "n_words", "skipped", "lags_s", "seconds", "peak_rss_mb"} < set(found)
    assert np.array(found["r"]).shape == (4, len(found["lags_s"]))
    layer = found["layers"][1]
    assert set(layer) == {
        "index", "depth", "status", "peak_s", "ci_s", "argmax_s", "centroid_s", "peak_r", "null_r", "r_ci",
    }  # fmt: skip
    assert (layer["index"], layer["depth"], layer["status"]) == (1, 0.25, "ok")
    assert layer["peak_s"] == pytest.approx(0.25, abs=0.02)
    assert len(layer["ci_s"]) == 2
    assert {"r", "p", "p_permutation", "spearman", "slope_ms", "ci", "n_layers"} <= set(found["temporal_score"])
    assert set(found["alignment_score"]) == {"best", "best_layer", "mean_of_max"}


def test_a_refused_peak_is_null_and_the_reason_for_no_score_is_told() -> None:
    found = contents(curves=findings(height=0.0))
    assert [layer["peak_s"] for layer in found["layers"]] == [None] * 4
    assert [layer["ci_s"] for layer in found["layers"]] == [None] * 4
    assert found["temporal_score"] is None
    assert found["temporal_score_reason"] == "0 of 4 layers have a peak; a temporal score needs 3"


def test_numbers_are_rounded_and_what_is_not_finite_is_null(tmp_path: Path) -> None:
    found = contents(planted={"3": np.float64(0.123456789), "4": float("nan")}, notes=("a", np.int64(3)))
    assert found["planted"] == {"3": 0.123457, "4": None}
    assert found["notes"] == ["a", 3]
    assert found["seconds"] == {"language": 1.23457, "total": 2.5}
    write_summary(tmp_path / "summary.json", found)
    assert "NaN" not in (tmp_path / "summary.json").read_text()


def test_what_the_format_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="kind 'tain' does not exist; there are train, evaluate, session"):
        contents(kind="tain")
    with pytest.raises(ValueError, match="no place for colour"):
        contents(colour="red")


def test_a_summary_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_summary(path, contents())
    assert read_summary(path) == contents()


@pytest.mark.parametrize("text", ['{"format": "rtalign-summary", "version": 9}', "[]", "{"])
def test_another_version_or_a_broken_file_is_one_readable_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "summary.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"summary\.json (is of format|is not valid JSON|holds a list)") as caught:
        read_summary(path)
    assert "\n" not in str(caught.value)


def test_curves_read_back_as_they_were_written(tmp_path: Path) -> None:
    found = findings()
    write_curves_csv(tmp_path / "curves.csv", found, "01, 02", 'a "large" model')
    table = read_curves_csv(tmp_path / "curves.csv")
    np.testing.assert_array_equal(table.layers, found.curves.layers)
    np.testing.assert_allclose(table.depth, found.curves.depth)
    np.testing.assert_allclose(table.lags_s, LAGS, atol=1e-6)
    for name, expected in (("r", found.curves.r), ("null_lo", found.null_lo), ("null_hi", found.null_hi)):
        np.testing.assert_allclose(getattr(table, name), expected, rtol=1e-5)
    head = (tmp_path / "curves.csv").read_text().splitlines()
    assert head[0] == "layer,depth,lag_s,r,null_lo,null_hi,subject,model"
    assert head[1].startswith("0,0,-0.2,")
    assert head[1].endswith(',"01, 02","a ""large"" model"')
    assert len(head) == 1 + 4 * len(LAGS)


def test_curves_of_before_have_no_names_and_are_read_alike(tmp_path: Path) -> None:
    write_curves_csv(tmp_path / "new.csv", findings(), "01", "model")
    rows = [line.rsplit(",", 2)[0] for line in (tmp_path / "new.csv").read_text().splitlines()]
    (tmp_path / "old.csv").write_text("\n".join(rows))
    new, old = (read_curves_csv(tmp_path / name) for name in ("new.csv", "old.csv"))
    np.testing.assert_array_equal(new.r, old.r)
    np.testing.assert_array_equal(new.lags_s, old.lags_s)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("layer,r\n1,2\n", "has the columns layer, r"),
        ("layer,depth,lag_s,r,null_lo,null_hi\n0,0,0,1,1,1\n0,0,1,1,1,1\n1,1,0,1,1,1\n", "3 rows for 2 layers"),
        ("layer,depth,lag_s,r,null_lo,null_hi\n0,0,0,one,1,1\n", "not a number"),
        ("layer,depth,lag_s,r,null_lo,null_hi\n0,0,0\n", "not a number"),
    ],
)
def test_a_spoilt_table_of_curves_is_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "curves.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=told):
        read_curves_csv(path)


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    write_summary(tmp_path / "summary.json", contents())
    assert json.loads((tmp_path / "summary.json").read_text())["context"] == "growing:1000"
