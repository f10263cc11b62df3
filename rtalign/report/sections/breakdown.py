"""Where a result comes from: kinds of words, recordings and halves, and decoders of one lag at another."""

from __future__ import annotations

import numpy as np

from rtalign.report.figures.breakdown import kind_panel, square
from rtalign.report.figures.svg import panels
from rtalign.report.html import Markup, join, prose, tag
from rtalign.report.read import Breakdown, Results
from rtalign.report.tables import Cell, table
from rtalign.report.text import DASH, milliseconds, several, signed


def breakdown(results: Results) -> Markup | None:
    """Tables and figures of a breakdown; None where there is none."""
    found = results.summary.breakdown
    if found is None:
        return None
    parts = tag("h2", "Where it comes from"), *_kinds(results, found), *_across(results, found)
    return join(*parts)


def thirds(results: Results) -> list[tuple[str, np.ndarray]]:
    """Three groups of neighbouring layers, fewer where layers are few: what each is called, and its rows."""
    layers = results.summary.layers
    groups = np.array_split(np.arange(len(layers)), min(3, len(layers)))
    return [(_name([layers[i].layer for i in rows]), rows) for rows in groups]


def _name(numbers: list[int]) -> str:
    return f"layers {numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"layer {numbers[0]}"


def _values(rows: list[list[float | None]]) -> np.ndarray:
    return np.array([[np.nan if v is None else v for v in row] for row in rows], float)


def _kinds(results: Results, found: Breakdown) -> list[Markup]:
    """R of kinds of words: as a table at the lag where R of all of them is highest, and over lag."""
    if not found.kinds:
        return []
    lags, groups = np.array(found.lags_s), thirds(results)
    at = np.nan_to_num(_values(found.kinds[0].r), nan=-1).argmax(1)[:, None]
    rows: list[list[Cell]] = []
    curves = []
    for kind in found.kinds:
        r, error = _values(kind.r), _values(kind.error)
        highest, sure = (np.take_along_axis(values, at, 1)[:, 0] for values in (r, error))
        cells = [(_with_error(float(highest[own].mean()), float(sure[own].mean())), "") for _, own in groups]
        rows.append([(kind.name, "l"), (f"{kind.n_words:,}", ""), *cells])
        curves.append(np.stack([r[own].mean(0) for _, own in groups]))
    head: list[Cell] = [("words", "l"), ("count", ""), *((f"R, {name}", "") for name, _ in groups)]
    errors = "; after \u00b1, the standard error over folds" if np.isfinite(_values(found.kinds[0].error)).any() else ""
    caption = (
        "R of held-out words of each kind by the decoders of all words, at the lag where R of all words is highest"
        f"{errors}. What comes from the next word, or from words that run into each other, is missing where the next "
        "word is late."
    )
    known = np.stack(curves)
    low, high = float(np.nanmin(known, initial=0.0)), float(np.nanmax(known, initial=1e-3))
    span = low - 0.04 * (high - low), high + 0.06 * (high - low)
    depths = np.array([results.depths[own].mean() for _, own in groups])
    grid, width = panels(len(curves))
    small = [
        kind_panel(lags, values, depths, span, kind.name, width)
        for kind, values in zip(found.kinds, curves, strict=True)
    ]
    drawn = tag(
        "figure",
        tag("figcaption", tag("b", "R of each kind over lag."), f" In ms; dark is shallow, bright is deep: "
            f"{', '.join(name for name, _ in groups)}. Every {_step(lags):.0f} ms."),
        tag("div", small, class_=grid),
        class_="long" if len(small) > 12 else None,
    )  # fmt: skip
    return [tag("p", prose(caption)), tag("div", table(head, rows), class_="panel long"), drawn]


def _with_error(value: float, error: float) -> str:
    if not np.isfinite(value):
        return DASH
    return f"{signed(value, 3)} \u00b1 {error:.3f}" if np.isfinite(error) else signed(value, 3)


def _step(lags: np.ndarray) -> float:
    return float(1000 * np.median(np.diff(lags)))


def _across(results: Results, found: Breakdown) -> list[Markup]:
    """Decoders of one lag at another, for groups of layers, and how long each layer's best decoder serves."""
    lags, across = np.array(found.lags_s), np.stack([_values(rows) for rows in found.across])
    groups = [(name, across[own].mean(0)) for name, own in thirds(results)]
    top = max(float(np.nanmax(r, initial=0.0)) for _, r in groups) or 1.0
    caption = (
        " Decoders of each lag (rows) on the signal of each lag (columns). A code that lasts fills a square, one that "
        "moves over the sensors stays on the line, where both lags are the same. Negative R is drawn as 0."
    )
    maps = tag(
        "figure",
        tag("figcaption", tag("b", "Temporal generalisation."), caption),
        tag("div", [square(lags, r, top, name) for name, r in groups], class_="many three"),
    )
    rows: list[list[Cell]] = []
    for layer, r in zip(results.summary.layers, across, strict=True):
        best = int(np.nan_to_num(np.diagonal(r), nan=-1).argmax())
        low, high = _half(lags, r[best], best)
        rows.append([(str(layer.layer), "l"), (milliseconds(lags[best]), ""), (signed(float(r[best, best]), 3), ""),
                     (f"{milliseconds(low)} to {milliseconds(high)}", ""), (milliseconds(high - low), "")])  # fmt: skip
    head: list[Cell] = [("layer", "l"), ("best decoder of (ms)", ""), ("R there", "")]
    head += [("keeps half of it from (ms)", ""), ("for (ms)", "")]
    said = f"The best decoder of each of {several(len(rows), 'layer')}, and the lags around its own at which it serves."
    return [maps, tag("p", said), tag("div", table(head, rows), class_="panel long")]


def _half(lags: np.ndarray, r: np.ndarray, best: int) -> tuple[float, float]:
    """First and last lag around the best one until which R stays above half of what it is there, between the lags."""
    level = r[best] / 2
    ends = []
    for step in (-1, 1):
        at = best
        while 0 <= at + step < len(r) and r[at + step] >= level:
            at += step
        if not 0 <= at + step < len(r) or r[at] <= r[at + step]:
            ends.append(float(lags[at]))
            continue
        share = (r[at] - level) / (r[at] - r[at + step])
        ends.append(float(lags[at] + share * (lags[at + step] - lags[at])))
    return ends[0], ends[1]
