"""How the decoders were fitted: the penalties chosen, and the variance the components keep."""

from __future__ import annotations

import numpy as np

from rtalign.report.colour import shade
from rtalign.report.figures.svg import Frame, figure, label, side_title, text, thinned, ticks, x_axis, y_axis
from rtalign.report.html import Markup, number, tag
from rtalign.report.read import Results

SMALL_HEIGHT = 118
MOST = 12
"""Panels of penalties shown; further layers are left out and the page says so."""


def alpha_layers(results: Results) -> list[int]:
    """Which layers get a panel."""
    return thinned(range(len(results.summary.layers)), MOST)


def alpha_panel(results: Results, i: int, width: float) -> Markup:
    """Median, middle half and range of the penalties of one layer's components, over lags."""
    assert results.alphas is not None
    layer = results.summary.layers[i]
    every = np.log10(np.clip(results.alphas, 1e-12, None))
    low, high = float(every.min()), float(every.max())
    low, high = (low, high) if high > low else (-1.0, 1.0)
    frame = Frame(
        40, 26, width - 40 - 18, SMALL_HEIGHT - 26 - 20, (results.lags[0], results.lags[-1]), (low - 0.5, high + 0.5)
    )
    least, lower, middle, upper, most = np.percentile(every[:, i], [0, 25, 50, 75, 100], axis=1)
    exponents = np.arange(np.ceil(low), high + 0.1, max(1, round((high - low) / 3)))
    return figure(
        width, SMALL_HEIGHT, f"Ridge penalties of layer {layer.layer} over lag",
        text(frame.left, 14, f"layer {layer.layer}", "panel"),
        x_axis(frame, ticks(frame.x, 4), "", 1000, grid=False),
        [_power(frame, value) for value in exponents],
        tag(
            "g",
            tag("path", d=frame.band(results.lags, least, most), class_="range"),
            tag("path", d=frame.band(results.lags, lower, upper), class_="quarters"),
            tag("path", d=frame.line(results.lags, middle), class_="median"),
            class_=shade(layer.depth),
        ),
    )  # fmt: skip


def _power(frame: Frame, exponent: float) -> Markup:
    y = frame.py(exponent)
    power = tag("tspan", label(exponent), dy=-4.0, class_="power")
    line = tag("path", d=f"M{number(frame.left)} {number(y)}H{number(frame.right)}", class_="grid")
    return tag("g", line, tag("text", "10", power, x=frame.left - 6, y=y + 5, class_="tick", text_anchor="end"))


def variance(results: Results) -> Markup | None:
    """The share of each layer's variance that its components keep."""
    kept = results.summary.pca_variance
    layers = results.summary.layers
    if len(kept) != len(layers) or all(v is None for v in kept):
        return None
    frame = Frame(62, 16, 560 - 62 - 14, 240 - 16 - 46, (-0.6, len(layers) - 0.4), (0, 1))
    bars = []
    for i, (layer, value) in enumerate(zip(layers, kept, strict=True)):
        if value is None:
            continue
        top, share = frame.py(min(max(value, 0), 1)), f"{100 * value:.0f} %"
        wide = min(0.7 * frame.width / len(layers), 30)
        rect = tag("rect", tag("title", f"layer {layer.layer}: {share}"), x=frame.px(i) - wide / 2, y=top, width=wide,
                   height=frame.bottom - top, class_=f"fill {shade(layer.depth)}")  # fmt: skip
        bars += [
            rect,
            text(frame.px(i), top - 4, f"{100 * value:.0f}", "tick", "middle") if len(layers) <= 16 else None,
        ]
    names = [
        text(frame.px(i), frame.bottom + 16, str(layers[i].layer), "tick", "middle")
        for i in thinned(range(len(layers)), 17)
    ]
    return figure(
        560, 240, "Variance kept by the principal components of each layer",
        y_axis(frame, np.array([0, 0.25, 0.5, 0.75, 1.0]), "", 100),
        side_title(16, frame.top + frame.height / 2, "variance kept (%)"),
        bars, names, text(frame.left + frame.width / 2, frame.bottom + 36, "layer", "axis", "middle"),
    )  # fmt: skip
