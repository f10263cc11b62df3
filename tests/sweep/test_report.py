"""The report of a sweep: what is there is drawn, what is not is said, and the tables hold the same numbers."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from rtalign.report.text import DASH
from rtalign.scoring.findings import assess
from rtalign.scoring.latency import latency
from rtalign_cli import main
from rtalign_offline.sweep.report.csv_tables import quartile_curve_rows
from rtalign_offline.sweep.report.mean_peaks import average_peaks
from rtalign_offline.sweep.report.page import render_page
from rtalign_offline.sweep.report.paper import MAIN, compare
from rtalign_offline.sweep.report.study import Study, fit_growth, growth_with_size, load_study, pool
from rtalign_offline.sweep.report.tables import filled_table
from tests.helpers.sweep_folders import MODELS, make_sweep

FEW = [MODELS[0], MODELS[2], MODELS[7], MODELS[9], MODELS[10]]
CONTEXTS = ("window:0", "window:5", "window:50")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three attention models (one of random weights), a state-space and a bidirectional one, by three contexts."""
    return make_sweep(tmp_path_factory.mktemp("study"), [*FEW, MODELS[6]], CONTEXTS, ("ann", "bob"))


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return load_study(folder)


class Whole(HTMLParser):
    """Every element that is opened is closed, and nothing comes from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(html: str) -> Whole:
    parser = Whole()
    parser.feed(html)
    assert not parser.open
    return parser


def test_the_page_is_valid_and_self_contained(study: Study) -> None:
    html = render_page(study)
    parser = read(html)
    assert all(re.fullmatch(r"jobs/[\w-]+/report\.html", link) for link in parser.links)
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    text = " ".join(parser.texts)
    for title in ("Larger models", "Longer contexts", "By architecture", "Expected and surprising words",
                  "Trained and with random weights", "The two scores together", "Growth", "Every job"):  # fmt: skip
        assert title in text
    assert "nan" not in html.lower().replace("finance", "")
    assert html.count("<svg") == 11 + 5


def test_a_failed_job_is_named_with_its_reason(study: Study) -> None:
    text = " ".join(read(render_page(study)).texts)
    assert "1 of 37 jobs failed" in text
    assert "neither a folder nor in the local cache" in text


def test_pooled_r_is_the_mean_over_people(study: Study) -> None:
    for pooled in study.pooled:
        people = study.people(pooled.condition)
        assert len(people) == 2
        mean = np.mean([p.curves.r for p in people], axis=0)
        assert np.allclose(pooled.curves.r, mean)
        score = assess(people[0].curves, people[0].findings.rule).temporal
        assert people[0].temporal_r == (score.r if score else None)


def test_growth_is_a_least_squares_line(study: Study) -> None:
    entries = [e for e in study.at("window:5") if e.condition.trained]
    x, y = np.log10([e.condition.n_parameters for e in entries]), [e.alignment_r for e in entries]
    slope, at_one = np.polyfit(x, y, 1)
    found = growth_with_size(study.at("window:5"), "alignment")
    assert found is not None
    assert (found.rate, found.at_one, found.n) == (pytest.approx(slope), pytest.approx(at_one), len(entries))
    slopes = [np.polyfit(x, [e.alignment[i] for e in entries], 1)[0] for i in range(len(entries[0].alignment))]
    low, high = entries[0].curves.left_out.interval(slope, np.array(slopes))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert fit_growth([(1.0, entries[0]), (1.0, entries[1])], "alignment") is None


def test_csv_and_parquet_hold_the_same_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["report", str(folder), "--quiet"]) == 0
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    for name in ("scores", "layers", "quartiles", "quartile_curves", "growth", "mean_peaks"):
        with (folder / "tables" / f"{name}.csv").open() as file:
            rows = list(csv.DictReader(file))
        table = parquet.read_table(folder / "tables" / f"{name}.parquet").to_pylist()
        assert len(rows) == len(table) > 0
        assert list(rows[0]) == list(table[0])
        for row, other in zip(rows, table, strict=True):
            for key, value in other.items():
                if isinstance(value, float):
                    assert float(row[key]) == pytest.approx(value, rel=1e-5, nan_ok=True)
                else:
                    assert row[key] == ("" if value is None else str(value))


def test_curves_of_quarters_are_means_over_layers_and_people(study: Study) -> None:
    rows = [r for r in quartile_curve_rows(study) if r["context"] == "window:5" and r["model"] == "Mamba 1.4B"]
    assert len(rows) == 4 * len(study.jobs[0].curves.lags_s)
    people = [e for e in study.jobs if e.condition.model == "Mamba 1.4B" and e.condition.context == "window:5"]
    for q in range(4):
        want = np.mean([e.quartiles[q].curves.r.mean(axis=0) for e in people], axis=0)
        assert np.allclose([r["r"] for r in rows if r["quartile"] == q + 1], want)
    draws = np.mean([e.quartiles[3].curves.null for e in people], axis=0).mean(axis=1)
    share = np.mean((draws >= [r["null_low"] for r in rows if r["quartile"] == 4])
                    & (draws <= [r["null_high"] for r in rows if r["quartile"] == 4]))  # fmt: skip
    assert 0.93 < share < 0.97


def test_peaks_are_averaged_over_models_and_people(study: Study) -> None:
    found = average_peaks(study)
    assert found is not None
    entries = [e for e in study.jobs if e.condition.trained and e.condition.context == study.reference]
    peaks = np.array([[np.nan if p.peak_s is None else p.peak_s for p in e.findings.peaks] for e in entries], float)
    np.testing.assert_allclose(found.peak_s, np.nanmean(peaks, 0))
    assert found.r == pytest.approx(np.corrcoef(found.depth, found.peak_s)[0, 1])
    assert (found.n_models, found.n_people) == (5, 2)
    assert np.all((found.ci_s[:, 0] < found.peak_s) & (found.peak_s < found.ci_s[:, 1]))


def test_the_interval_of_mean_peaks_holds_people_and_words(study: Study) -> None:
    """Of one model and two people who differ by 100 ms, the means of draws are at either person's or between."""
    job = next(e for e in study.jobs if e.condition.trained and e.n_peaks == len(e.findings.peaks))
    late = replace(job.curves, lags_s=job.curves.lags_s + 0.1)
    other = replace(job, person="late", curves=late, findings=assess(late, job.findings.rule))
    alone = average_peaks(replace(study, jobs=(job,), pooled=(job,)))
    both = average_peaks(replace(study, jobs=(job, other), pooled=(pool([job, job]),)))
    assert alone is not None
    assert both is not None
    np.testing.assert_allclose(both.peak_s, alone.peak_s + 0.05)
    width = np.ptp(alone.ci_s, axis=1)
    error = [job.curves.left_out.error(at, without) for at, without in zip(
        alone.peak_s, latency(job.findings.rule, late.lags_s - 0.1, late.left_out.curves, late.noise).T, strict=True
    )]  # fmt: skip
    np.testing.assert_allclose(width, 3.92 * np.array(error), rtol=0.15, atol=1e-6)
    assert np.all(np.ptp(both.ci_s, axis=1) > 0.1 - 1e-6)


def test_missing_figures_are_explained(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "one", [FEW[0]], ("growing:100",), ("ann",), failed=False)
    text = " ".join(read(render_page(load_study(folder))).texts)
    for said in (
        "all models of this plan are of one size",
        "the plan has one context of each kind",
        "trained models of one alone",
        "no model of the plan has a twin with random weights",
        "fewer than two models have a temporal score",
        "No growth is shown",
    ):
        assert said in text


def drop(folder: Path, gone: Callable[[dict[str, str]], bool]) -> Study:
    """The study without some of its jobs, as if their models were not read in those contexts."""
    path = folder / "sweep.json"
    state = json.loads(path.read_text())
    state["jobs"] = [job for job in state["jobs"] if not gone(job)]
    path.write_text(json.dumps(state))
    return load_study(folder)


def test_models_are_compared_in_the_context_that_most_of_them_were_read_in(tmp_path: Path) -> None:
    """Only the smallest was read in the longest context: sizes are not said to be one."""
    contexts = ("window:5", "window:1000")
    folder = make_sweep(tmp_path / "sizes", [MODELS[0], MODELS[3], MODELS[4]], contexts, ("ann",), failed=False)
    study = drop(folder, lambda job: job["context"] == "window:1000" and job["model"] != "Pythia 14M")
    text = " ".join(read(render_page(study)).texts)
    assert study.reference == "window:5"
    assert "are of one size" not in text
    assert "Scores against the number of parameters" in text
    apart = drop(folder, lambda job: (job["context"] == "window:1000") != (job["model"] == "Pythia 14M"))
    lone = drop(folder, lambda job: job["model"] == "Pythia 12B")
    assert len({e.condition.n_parameters for e in apart.pooled}) > 1
    assert "no context was read by models of different sizes" in " ".join(read(render_page(lone)).texts)


def test_a_context_without_results_has_no_column(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "gone", [FEW[0], FEW[1]], ("window:0", "window:7"), ("ann",), failed=False)
    html = render_page(drop(folder, lambda job: job["context"] == "window:7"))
    matrix = html.split('class="matrix"')[1].split("</table>")[0]
    assert matrix.count("<th") == 1 + 2  # with thead


def test_a_column_of_nothing_but_dashes_is_left_out() -> None:
    rows = [[("a", "l"), (DASH, "off"), ("0.2", "")], [("b", "l"), (DASH, ""), (DASH, "")]]
    html = filled_table([("model", "l"), ("slope", ""), ("R", "")], rows)
    assert "slope" not in html
    assert html.count("<th") == 1 + 2
    assert html.count("<td") == 4


def test_two_points_are_no_trend(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "two", [FEW[0], FEW[1]], ("window:0", "window:50"), ("ann",), failed=False)
    study = load_study(folder)
    assert growth_with_size(study.at("window:50"), "alignment") is None
    page = render_page(study)
    assert "per tenfold" not in page
    assert "it needs three sizes or three contexts with a score" in " ".join(read(page).texts)


def test_a_name_from_outside_cannot_become_markup(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "one", [FEW[0]], ("growing:100",), ("ann",))
    state = folder / "sweep.json"
    state.write_text(state.read_text().replace("models/", "").replace("nowhere", "<script>alert(1)</script>"))
    html = render_page(load_study(folder))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_published_numbers_are_compared_with_the_sweep(study: Study) -> None:
    told = {what: ours for what, _, ours in compare(study)}
    pythia = next(e for e in study.at("window:50") if e.condition.model == "Pythia 14M")
    assert told["Pythia 14M, temporal score"] == pythia.temporal_r
    llama = next(e for e in study.at("window:0") if e.condition.model == "Llama-3.2-3B")
    assert told["Llama-3.2-3B, no context"] == llama.temporal_r
    assert told["GPT2-XL, temporal score"] == "not in this plan"
    trained = [e for e in study.at("window:50") if e.condition.trained]
    both = np.corrcoef([e.alignment_r for e in trained], [e.temporal_r for e in trained])[0, 1]
    assert told["r of temporal with alignment score"] == pytest.approx(both)
    causal = [e.quartiles[3].temporal_r for e in trained if e.condition.model != "BERT"]
    assert told["Most surprising quarter of words"] == pytest.approx(np.mean(causal))


def test_the_main_models_peaks_are_averaged_layer_by_layer(tmp_path: Path) -> None:
    nine = [(name, "any", "attention", 1000 * (i + 1)) for i, name in enumerate(MAIN)]
    study = load_study(make_sweep(tmp_path / "nine", nine, ("window:50",), ("ann",), failed=False))
    told = {what: ours for what, _, ours in compare(study)}
    peaks = np.mean([[p.peak_s for p in e.findings.peaks] for e in study.pooled], axis=0)
    want = np.corrcoef(peaks, study.pooled[0].curves.depth)[0, 1]
    assert told["Nine main models, r of their mean peaks with depth"] == pytest.approx(want)
    eight = load_study(make_sweep(tmp_path / "eight", nine[1:], ("window:50",), ("ann",), failed=False))
    assert next(ours for what, _, ours in compare(eight) if "main" in what) == "8 of 9 models with a score"
