"""Colours can be read and told apart, in both themes."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtGui import QColor

from rtalign_monitor.widgets.theme import THEMES, Theme, contrast


@pytest.mark.parametrize("name", sorted(THEMES))
def test_every_colour_can_be_read_on_its_panel(name: str) -> None:
    theme = Theme.of(name)
    for role in ("text", "muted", "accent", "live", "stale", "lost"):
        assert contrast(theme.colour(role), theme.colour("panel")) >= 4.5
    for depth in np.linspace(0, 1, 31):
        assert contrast(theme.depth(float(depth)), theme.colour("panel")) >= 3


@pytest.mark.parametrize("name", sorted(THEMES))
def test_every_fourth_layer_of_31_differs_to_the_eye(name: str) -> None:
    """By ten in CIE Lab, where two is what one just sees side by side."""
    colours = np.array([lab(Theme.of(name).depth(float(depth))) for depth in np.linspace(0, 1, 31)[::4]])
    assert np.linalg.norm(np.diff(colours, axis=0), axis=1).min() > (11 if name == "light" else 9)


def lab(colour: QColor) -> np.ndarray:
    """CIE L*a*b* of an sRGB colour."""
    parts = np.array(colour.getRgbF()[:3], float)
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ linear / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_contrast_agrees_with_black_on_white() -> None:
    assert contrast(QColor("black"), QColor("white")) == pytest.approx(21)
