"""The report says what the folder holds, refuses what it must, and lets no stranger's text out as markup."""

import base64
import json
import re
import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.recipe import Recipe
from rtalign.report import page as report
from rtalign.report import summary as written
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import assess
from rtalign.scoring.left_out import LeftOut
from tests.helpers.report_folders import LAGS, MODEL, make_folder


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> Path:
    return make_folder(tmp_path_factory.mktemp("report") / "bank")


@pytest.fixture(scope="module")
def page(bank) -> "Reader":
    return read(bank)


class Reader(HTMLParser):
    """What a browser would make of a page: elements in order, attributes, and the text a person reads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == [], "elements were left open"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def read(folder: Path) -> Reader:
    return Reader(report.write_page(folder).read_text(encoding="utf-8"))


def edit(folder: Path, name: str, change) -> None:
    contents = json.loads((folder / name).read_text())
    change(contents)
    (folder / name).write_text(json.dumps(contents))


def svg(text: str) -> ET.Element:
    return ET.fromstring(text)


def elements(root: ET.Element, cls: str) -> list[ET.Element]:
    return [e for e in root.iter() if cls in e.get("class", "").split()]


def test_one_file_holds_everything_and_asks_for_nothing(bank, page):
    path = bank / "report.html"
    assert path.stat().st_size < 3_000_000
    assert not {"script", "link", "iframe", "object", "img", "form"} & set(page.tags)
    linked = [value for _, name, value in page.attributes if name in ("src", "href", "action", "srcset")]
    linked = [value for value in linked if not value.startswith("#")]  # places in the page itself
    assert linked
    assert all(value.startswith("data:image/png;base64,") for value in linked)
    css = path.read_text().split("<style>")[1].split("</style>")[0]
    assert not re.search(r"@import|url\(", css)


def test_the_same_folder_gives_the_same_report(bank, page):
    first = (bank / "report.html").read_bytes()
    assert report.write_page(bank).read_bytes() == first


def test_the_headline_says_direction_and_ends_and_the_scores_stand_below(bank, page):
    summary = json.loads((bank / "summary.json").read_text())
    depth, peak_s = ([layer[key] for layer in summary["layers"] if layer["peak_s"]] for key in ("depth", "peak_s"))
    span = summary["layers"][-1]["depth"] - summary["layers"][0]["depth"]
    slope = summary["temporal_score"]["slope_ms"] / span
    first, last = (round(1000 * np.mean(peak_s) + slope * (depth[i] - np.mean(depth))) for i in (0, -1))
    flat = page.text.replace("\u00a0", " ")
    assert f"Deeper layers answer later: from {first} ms to {last} ms, depth-latency r = 0.97 [0.90, 0.99]." in flat
    assert "0.90 to 0.99" in flat
    assert "+151 ms" in flat
    assert "p = 0.005 against circular shifts" in flat
    assert "p < 0.001 by the t-test" in flat
    assert f"R = {summary['alignment_score']['best']:.3f}" in flat


def test_the_report_says_that_layers_share_information(page):
    assert "property of a layer\u2019s whole content" in page.text.replace("T   max", "T_max")


def test_recipe_passport_and_skipped_words_are_shown_in_full(bank, page):
    text = page.text
    for line in (bank / "recipe.toml").read_text().splitlines():
        assert line in text
    for shown in ("window before recording", "gap in the signal", "275 channels", "108.3", "62.1", "5f1c0e9a77d2",
                  "9d1c4be2f70a", "2.13.0", "1,480 MB", "M274"):  # fmt: skip
        assert shown in text


def test_sensors_that_were_left_out_are_named_with_their_reasons(bank, tmp_path):
    folder = shutil.copytree(bank, tmp_path / "session")
    passport = json.loads((folder / "passport.json").read_text())
    passport["sensor_faults"] = [
        {"name": "M007", "left_out": True, "reason": "marked as bad"},
        {"name": "M012", "left_out": False, "reason": "M012 is noisy"},
    ]
    (folder / "passport.json").write_text(json.dumps(passport))
    text = report.write_page(folder).read_text(encoding="utf-8")
    assert "left out: marked as bad" in text
    assert "used: M012 is noisy" in text


def test_ladder_dots_lie_where_the_latencies_are(bank):
    root = svg(report.standalone_figures(bank)["ladder"])
    layers = json.loads((bank / "summary.json").read_text())["layers"]
    rungs = [e for e in root.iter() if e.find("{*}title") is not None and "peak at" in e.find("{*}title").text]
    x = np.array([float(elements(rung, "dot")[0].get("cx")) for rung in rungs])
    y = np.array([float(elements(rung, "dot")[0].get("cy")) for rung in rungs])
    peaks, depths = (np.array([layer[key] for layer in layers]) for key in ("peak_s", "depth"))
    # The axis itself, read from its ticks, is the independent ruler.
    marks = [e for e in root.iter() if e.get("class") == "tick" and e.get("text-anchor") == "middle"]
    slope, start = np.polyfit([float(m.get("x")) for m in marks], [float(m.text) for m in marks], 1)
    np.testing.assert_allclose(slope * x + start, 1000 * peaks, atol=0.1)
    np.testing.assert_allclose(np.corrcoef(y, depths)[0, 1], -1, atol=1e-6)


def test_the_map_is_brightest_where_r_is_largest(bank, tmp_path):
    from matplotlib import image

    root = svg(report.standalone_figures(bank)["map"])
    picture = next(e for e in root.iter() if e.get("class") == "cells")
    (tmp_path / "map.png").write_bytes(base64.b64decode(picture.get("href").split(",")[1]))
    pixels = image.imread(tmp_path / "map.png")[..., :3].sum(-1)
    r = np.array(json.loads((bank / "summary.json").read_text())["r"])
    rows = np.linspace(0, len(pixels), 2 * len(r) + 1)[1::2].astype(int)
    column = pixels.shape[1] // r.shape[1]
    found = pixels[rows][:, column // 2 :: column].argmax(1)[::-1]
    assert np.abs(found - r.argmax(1)).max() <= 1


def test_nothing_found_is_said_and_no_latency_is_drawn(tmp_path):
    folder = make_folder(tmp_path / "null", null=True, whole=False)
    page = read(folder)
    assert "No order of depth: 0 of " in page.text
    assert "No temporal score is given: 0 of 9 layers have a peak" in page.text
    assert "not above chance" in page.text
    drawn = svg(report.standalone_figures(folder)["overview"])
    for mark in ("dot", "bar", "fit", "peak", "outline", "planted"):
        assert not elements(drawn, mark), mark
    assert len(elements(drawn, "refused")) == 9


@pytest.mark.parametrize("status", ["below null", "edge", "multimodal", "unheard of"])
def test_a_refused_peak_never_shows_a_number(tmp_path, status):
    folder = make_folder(tmp_path / "bank", planted=False, whole=False)

    def refuse(summary):
        layer = summary["layers"][4]
        layer |= {
            "status": status,
            "peak_s": 0.8731,
            "ci_s": [0.8742, 0.8753],
            "argmax_s": 0.8764,
            "centroid_s": 0.8775,
        }
        summary["r"][4] = [0.3 if abs(t - 0.88) < 0.005 else v for t, v in zip(LAGS, summary["r"][4], strict=True)]

    edit(folder, "summary.json", refuse)
    page = read(folder)
    assert not re.search(r"\b8[78]\d\b", page.text)
    assert "8 of 9 layers" in page.text
    assert len(elements(svg(report.standalone_figures(folder)["ladder"]), "dot")) == 8 + 1  # the legend has one


HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;</style></svg>]]>\u202e\x00"


def poison(value):
    """Every string of a JSON value, keys of free dictionaries too, made hostile."""
    if isinstance(value, dict):
        return {k: poison(v) for k, v in value.items()}
    if isinstance(value, list):
        return [poison(v) for v in value]
    return value + HOSTILE if isinstance(value, str) else value


def test_no_string_of_any_file_gets_out_as_markup(tmp_path, page):
    harmless = page
    folder = make_folder(tmp_path / "bank")

    def spoil(summary):
        kept = {key: summary[key] for key in ("format", "version")}
        summary.update(poison(summary) | kept)
        for key in ("skipped", "planted", "estimators", "seconds"):
            summary[key] = {k + HOSTILE: v for k, v in summary[key].items()}
        summary |= {"notes": [HOSTILE], "temporal_score_reason": HOSTILE, "context": HOSTILE}
        summary["layers"][0]["status"] = HOSTILE
        for layer in summary["layers"][1:]:
            layer["status"] = "ok"

    def spoil_passport(passport):
        passport.update(poison(passport))
        for key in ("chain", "model", "versions"):
            passport[key] |= {HOSTILE: HOSTILE}
        passport["chain"]["phase_error_ms"] = {HOSTILE: HOSTILE}

    edit(folder, "summary.json", spoil)
    edit(folder, "passport.json", spoil_passport)
    (folder / "recipe.toml").write_text(HOSTILE.replace("\x00", "") + "\n# " + HOSTILE)
    page = read(folder)
    assert set(page.tags) <= {*harmless.tags, "ul", "li"}
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "alert(1)" in page.text
    text = (folder / "report.html").read_text()
    assert "\u202e" not in text
    assert "\x00" not in text
    for figure in report.standalone_figures(folder).values():
        assert not [e for e in svg(figure).iter() if e.tag.split("}")[-1] in ("script", "img")]


def test_a_folder_with_nothing_but_a_summary_still_reports(tmp_path, bank):
    (tmp_path / "summary.json").write_text((bank / "summary.json").read_text())
    text = read(tmp_path).text
    assert "Topographies are left out" in text
    assert "holds no passport.json" in text
    assert "holds no recipe.toml" in text
    assert "no band of chance was written" in text


def test_missing_values_leave_holes_and_nothing_breaks(tmp_path):
    folder = make_folder(tmp_path / "bank", whole=False)

    def hole(summary):
        summary["r"][2] = [None] * len(LAGS)
        summary["r"][3][10:20] = [float("nan")] * 10
        summary["layers"][2] |= {"status": "below null", "peak_s": None, "ci_s": None, "peak_r": None, "null_r": None}
        summary["layers"][3]["ci_s"] = [None, 0.4]
        summary["temporal_score"] |= {"ci": None, "slope_ci_ms": None, "p": None}
        summary |= {"pca_variance": [None, *summary["pca_variance"][1:]], "peak_rss_mb": None}

    edit(folder, "summary.json", hole)
    assert "nan" not in read(folder).text.lower().split()


@pytest.mark.parametrize("layers", [[0], [0, 30], [4, 5, 30], list(range(31)), list(range(100))])
def test_any_choice_of_layers_can_be_drawn(tmp_path, layers):
    make = make_many if layers[-1] > 30 else make_folder
    folder = make(tmp_path / "bank", layers=layers)
    page = read(folder)
    assert page.tags.count("svg") > len(layers)


def make_many(folder: Path, layers: list[int]) -> Path:
    make_folder(folder, layers=layers, whole=False)

    def shrink(summary):
        for layer in summary["layers"]:
            layer["depth"] = layer["index"] / layers[-1]

    (folder / "curves.csv").unlink()
    edit(folder, "summary.json", shrink)
    return folder


def test_planar_pairs_are_one_place_and_kinds_have_their_own_figure(tmp_path):
    text = read(make_folder(tmp_path / "bank", helmet_kind="neuromag")).text
    assert "Forward patterns, magnetometers." in text
    assert "Forward patterns, planar gradiometers." in text
    assert "204 channels" in text


def test_figures_by_themselves_need_no_style_from_elsewhere(bank):
    drawn = report.standalone_figures(bank)
    assert set(drawn) == {"ladder", "map", "overview"}
    for text in drawn.values():
        root = svg(text)
        assert root.tag.endswith("svg")
        assert "var(" not in text
        assert not re.search(r'href="(?!data:)', text)


def test_a_report_is_whole_or_the_old_one_stays(bank, page, monkeypatch):
    old = (bank / "report.html").read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        report.write_page(bank)
    assert (bank / "report.html").read_bytes() == old
    assert not list(bank.glob("*.partial*"))


@pytest.mark.parametrize(
    ("name", "spoil", "said"),
    [
        ("summary.json", lambda s: s.update(version=3), "version 3"),
        ("summary.json", lambda s: s["r"].pop(), "9 layers x 101 lags"),
        ("summary.json", lambda s: s.update(layers=[]), "layers"),
        ("summary.json", lambda s: s["layers"][0].update(depth="deep"), "layers.0.depth"),
        ("summary.json", lambda s: s["layers"].reverse(), "order of depth"),
        ("summary.json", lambda s: s["lags_s"].reverse(), "rising order"),
        ("passport.json", lambda p: p["sensors"][0].update(position=[1, 2]), "sensors.0.position"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, name, spoil, said):
    folder = make_folder(tmp_path / "bank", whole=False)
    edit(folder, name, spoil)
    with pytest.raises(ValueError, match=said) as error:
        report.write_page(folder)
    assert "\n" not in str(error.value)
    assert not (folder / "report.html").exists()


def test_a_folder_of_something_else_is_refused_with_the_cure(tmp_path):
    with pytest.raises(ValueError, match=r"holds no summary\.json; a report needs a folder"):
        report.write_page(tmp_path)
    (tmp_path / "summary.json").write_text("[1")
    with pytest.raises(ValueError, match="not valid JSON"):
        report.write_page(tmp_path)


def test_curves_of_other_layers_are_refused(tmp_path):
    folder = make_folder(tmp_path / "bank", whole=False)
    lines = (folder / "curves.csv").read_text().splitlines()
    (folder / "curves.csv").write_text("\n".join(lines[:-101]))
    with pytest.raises(ValueError, match="other layers or lags"):
        report.write_page(folder)


def test_shuffled_folds_and_zero_phase_are_warned_of(tmp_path, page):
    assert "Note:" not in page.text
    folder = make_folder(tmp_path / "bank", whole=False)
    recipe = Recipe().with_settings("fit", fold_kind="legacy").with_settings("chain", phase="zero")
    (folder / "recipe.toml").write_text(recipe.to_toml())
    text = read(folder).text
    assert "Folds were shuffled (legacy)" in text
    assert "cannot run live" in text


def test_the_report_reads_what_the_summary_writes(tmp_path):
    rng = np.random.default_rng(1)
    lags, layers = np.arange(-0.2, 0.8, 0.02), np.array([1, 2, 3, 4])
    bump = np.exp(-0.5 * ((lags - (0.2 + 0.05 * layers[:, None])) / 0.08) ** 2)
    noise = rng.normal(0, 0.01, (2, 40, 4, len(lags)))
    found = assess(
        Curves(lags, layers, layers / 5, 0.3 * bump, noise[0], LeftOut.of(0.3 * bump + noise[1] / 10, [30] * 40))
    )
    contents = written.summary("evaluate", MODEL, "window:5", 900, {}, found, {"total": 3.0}, 512.0)
    written.write_summary(tmp_path / "summary.json", contents)
    written.write_curves_csv(tmp_path / "curves.csv", found)
    text = read(tmp_path).text
    assert "Deeper layers answer later" in text
    assert "Temporal score under other rules" in text
    assert "evaluation on recordings not seen before" in text
