"""The page around the figures: contents, whose data, and the notes that a reader needs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.storage.tensorfile import TensorFile, save_tensors
from rtalign.report import read_results, render_page
from rtalign.report.sections.outcome import operator_annotations
from tests.helpers.report_folders import make_folder


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "bank")


def page(folder: Path) -> str:
    return render_page(read_results(folder))


def change(folder: Path, **entries: object) -> None:
    path = folder / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | entries), "utf-8")


def test_the_contents_lead_to_every_heading(bank: Path) -> None:
    html = page(bank)
    links = dict(re.findall(r'<a href="#(s\d+)">(.*?)</a>', html))
    assert links == dict(re.findall(r'<h2 id="(s\d+)">(.*?)</h2>', html))
    assert html.count("<h2") == len(links) >= 8


def test_the_head_says_whose_recording_it_is(bank: Path) -> None:
    results = read_results(bank)
    head = page(bank).split("<h1>")[0]
    assert [f"subject {s}" for s in results.subjects] == re.findall(r"<span>(subject .*?)</span>", head)
    names = [entry["name"] for entry in results.recordings]
    expected = names[0] if len(names) == 1 else f"{len(names)} recordings"
    assert f"<span>{expected}</span>" in head


def test_what_the_operator_wrote_has_the_time_of_day_or_of_the_recording(bank: Path) -> None:
    assert operator_annotations(read_results(bank)) is None
    change(bank, annotations=[{"time": 84.2, "text": "<b>coughs"}, {"time": 9e4, "text": "", "clock": "14:02:31"}])
    cells = re.findall(r"<td.*?>(.*?)</td>", str(operator_annotations(read_results(bank))))
    assert cells == ["1:24", "&lt;b&gt;coughs", "14:02:31", "bookmark"]


def test_a_stretch_of_one_recording_names_it_once(bank: Path) -> None:
    summary = json.loads((bank / "summary.json").read_text("utf-8"))
    r = [0.1] * len(summary["layers"])
    ends = [(["run-01", 125.0], ["run-01", 150.0]), (["run-01", 151.0], ["run-02", 41.0])]
    change(bank, stretches=[{"begin": begin, "end": end, "n_words": 90, "r": r} for begin, end in ends])
    html = page(bank)
    assert "run-01, 2:05 to 2:30<" in html
    assert "run-01, 2:31 to run-02, 0:41<" in html
    layers = [layer.layer for layer in read_results(bank).summary.layers]
    for third in np.array_split(layers, min(3, len(layers))):
        named = f"layer {third[0]}" if len(third) == 1 else f"layers {third[0]} to {third[-1]}"
        assert f">R, {named}<" in html


def test_r_far_below_chance_is_explained(bank: Path) -> None:
    assert "below the band of chance" not in page(bank)
    r = np.array(json.loads((bank / "summary.json").read_text("utf-8"))["r"])
    change(bank, r=(-np.abs(r) - 0.1).tolist())
    assert "At 100 % of cells R lies below the band of chance" in page(bank)


@pytest.mark.parametrize(("end", "side"), [(0, "smallest"), (-1, "largest")])
def test_penalties_at_the_end_of_the_grid_are_told(bank: Path, end: int, side: str) -> None:
    file = TensorFile(bank / "bank.safetensors")
    arrays = {name: np.array(file[name]) for name in file.names()}
    arrays["alphas"][:] = 100.0
    save_tensors(bank / "bank.safetensors", arrays)
    assert "penalties are the" not in page(bank)
    from rtalign.core.recipe import Recipe

    grid = Recipe.from_saved((bank / "recipe.toml").read_text("utf-8")).fit.alphas
    arrays["alphas"][: len(arrays["alphas"]) // 2] = sorted(grid)[end]
    save_tensors(bank / "bank.safetensors", arrays)
    assert re.search(rf"\d+ % of penalties are the {side} that was tried", page(bank))


def test_planted_diamonds_are_explained_where_there_are_any(bank: Path) -> None:
    change(bank, planted={})
    assert "Diamonds are" not in page(bank)
    change(bank, planted={str(layer.layer): 0.3 for layer in read_results(bank).summary.layers})
    assert "Diamonds are what was planted" in page(bank)
