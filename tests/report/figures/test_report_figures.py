"""Colours, images, ticks and heads of the report are what they say."""

import base64
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtalign.core.head.shape import flatten_positions
from rtalign.report import colour, html
from rtalign.report.figures import heads, svg
from rtalign.report.read import read_results
from tests.helpers.report_folders import helmet, make_folder


@pytest.fixture(scope="module")
def place():
    return heads.layout(helmet(275))


class TestTopography:
    def test_left_is_left_and_the_nose_is_up(self, place):
        at = helmet(275) / 0.11
        for source, row, column in (((-0.8, 0, 0.6), 0, -1), ((0.8, 0, 0.6), 0, 1), ((0, 0.8, 0.6), -1, 0)):
            values = np.exp(-0.5 * (np.linalg.norm(at - source, axis=1) / 0.3) ** 2)
            peak = np.unravel_index(np.nanargmax(place.picture(values)), place.inside.shape)
            away = (np.array(peak) + 0.5) / heads.GRID * 2 - 1
            assert away @ (row, column) > 0.9 * np.linalg.norm(away) > 0.3

    def test_a_smooth_field_comes_back_at_its_sensors(self, place):
        x, y = heads.REACH * flatten_positions(helmet(275)).T
        values = 3 + 2 * x - y + x * y
        picture = place.picture(values)
        rows, columns = (np.round((v + 1) / 2 * heads.GRID - 0.5).astype(int) for v in (-y, x))
        np.testing.assert_allclose(picture[rows, columns], values, atol=0.08)

    def test_a_planar_pair_is_the_length_of_its_gradient(self):
        positions = np.repeat(helmet(102), 2, axis=0)
        place = heads.layout(positions)
        np.testing.assert_allclose(place.places(np.tile([3.0, 4.0], 102)), 5.0)

    def test_sensors_that_span_no_head_have_no_layout(self):
        assert heads.layout(np.zeros((275, 3))) is None
        assert heads.layout(np.linspace([0, 0, 0], [0.1, 0, 0], 40)) is None


def test_the_colours_are_those_of_cividis():
    from matplotlib import colormaps

    values = np.linspace(0, 1, 256)
    wanted = colormaps["cividis"](values)[:, :3] * 255
    assert np.abs(colour.cividis(values) - wanted).max() < 3


def test_an_image_comes_back_from_its_png(tmp_path):
    from matplotlib import image

    levels = np.random.default_rng(0).integers(0, 5, (7, 11)).astype(np.uint8)
    palette = np.array(
        [[0, 0, 0, 0], [255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [9, 99, 199, 255]], np.uint8
    )
    (tmp_path / "a.png").write_bytes(base64.b64decode(colour.png(levels, palette).split(",")[1]))
    np.testing.assert_array_equal((image.imread(tmp_path / "a.png") * 255).round(), palette[levels])


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 12))
def test_ticks_are_round_few_and_inside(low, width, about):
    values = svg.ticks((low, low + width), about)
    assert len(values) <= about + 1
    assert (values >= low - 1e-6 * width).all()
    assert (values <= low + width + 1e-6 * width).all()


def test_plain_strings_are_escaped_in_elements_and_in_attributes():
    drawn = html.tag("a", "<b>", title="\"'><b onclick=x>")
    read = ET.fromstring(drawn)
    assert (read.text, read.get("title"), list(read)) == ("<b>", "\"'><b onclick=x>", [])
    assert html.tag("p", html.tag("b", "x")) == "<p><b>x</b></p>"
    with pytest.raises(TypeError, match="object has no place in markup"):
        html.escape(object())


def test_no_coordinate_is_missing():
    with pytest.raises(ValueError, match="leave missing values out"):
        html.number(float("nan"))


def test_labels_of_the_heads_give_the_peaks_of_the_table(tmp_path: Path) -> None:
    """A peak between two lags is printed as the peak it is; the lag that is drawn for it stands beside it."""
    results = read_results(make_folder(tmp_path / "bank"))
    ((_, drawing),) = heads.heads(results)
    texts = re.findall(r">([^<>]+)</text>", str(drawing))
    for i in heads.chosen_layers(results):
        layer = results.summary.layers[i]
        assert layer.peak_s is not None
        assert f"peak {1000 * layer.peak_s:.0f} ms" in texts
        drawn = results.lags[np.abs(results.lags - layer.peak_s).argmin()]
        assert (f"drawn {1000 * drawn:.0f} ms" in texts) == (round(1000 * drawn) != round(1000 * layer.peak_s))


def test_the_scale_of_magnitudes_starts_at_zero(tmp_path: Path) -> None:
    results = read_results(make_folder(tmp_path / "bank"))
    pictures: list[list[np.ndarray | None]] = [[np.array([[3.0, 5.0]]), None]]
    assert heads._limits(pictures) == (0.0, 8.0)
    ((_, drawing),) = heads.heads(results)
    assert ">0</text>" in str(drawing)
    assert "\u2212" not in str(drawing)
