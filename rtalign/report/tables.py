"""Tables and lists of facts in HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rtalign.report.colour import shade
from rtalign.report.html import Markup, join, prose, tag
from rtalign.report.read import Results
from rtalign.report.text import DASH, MINUS, known, milliseconds, signed
from rtalign.scoring.peaks import Peak, centroid, t_max

Cell = tuple[object, str]
"""What stands in a cell, and the cell's class."""


def table(head: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> Markup:
    """A table that scrolls sideways rather than break the page."""
    top = tag("tr", [tag("th", name, class_=cls or None) for name, cls in head])
    body = [tag("tr", [tag("td", value, class_=cls or None) for value, cls in row]) for row in rows]
    return tag("div", tag("table", tag("thead", top), tag("tbody", body)), class_="scroll")


def facts(pairs: Iterable[tuple[str, object]]) -> Markup:
    """Names and values; values that are missing leave their name out."""
    return tag(
        "dl",
        [join(tag("dt", name), tag("dd", value)) for name, value in pairs if value not in (None, "", [], {})],
        class_="facts",
    )


def layer_table(results: Results) -> Markup:
    """Every layer: status, peak with interval, the other ways to place it, height of peak and null."""
    head = [("layer", "l"), ("depth", ""), ("status", "l"), (prose("T_max (ms)"), ""), ("95 % interval", "")]
    head += [(name, "") for name in ("90 %", "98 %", "argmax", "centroid")]
    if results.summary.planted:
        head.append(("planted", ""))
    head += [("peak R", ""), ("chance R", "")]
    other = _other_rules(results)
    return table(head, [_row(results, layer, other[i]) for i, layer in enumerate(results.summary.layers)])


def _row(results: Results, layer: Peak, other: Sequence[float | None]) -> list[Cell]:
    """Latencies of a layer whose peak is refused are not shown under any rule."""
    dot = tag("span", "", class_=f"swatch {shade(layer.depth)}" if layer.ok else "swatch hollow")
    interval = DASH
    if layer.ok and layer.ci_s:
        low, high = (milliseconds(v) for v in layer.ci_s)
        interval = f"{low} to {high}"
    latencies = [layer.peak_s, *other] if layer.ok else [None] * 5
    cells = [milliseconds(v) for v in latencies]
    row: list[Cell] = [
        (join(dot, str(layer.layer)), "l"),
        (f"{100 * layer.depth:.0f} %", ""),
        (layer.status, "l" if layer.ok else "l off"),
        (tag("b", cells[0]) if layer.ok else DASH, ""),
        (interval, ""),
        *((cell, "" if layer.ok else "off") for cell in cells[1:]),
    ]
    if results.summary.planted:
        row.append((milliseconds(results.summary.planted.get(str(layer.layer))), ""))
    return [*row, (signed(layer.peak_r, 3), ""), (signed(layer.null_r, 3), "")]


def _other_rules(results: Results) -> list[list[float | None]]:
    """(layer, rule) peaks at 90 % and 98 % of the maximum, argmax and centroid: as written, else from R itself."""
    rows: list[list[float | None]] = []
    for i, layer in enumerate(results.summary.layers):
        r, lags = results.r[i], results.lags
        whole = bool(np.isfinite(r).all())
        written = [_written(results, key, i) for key in ("90", "98")]
        levels = [float(t_max(lags, r, level)) if whole else None for level in (0.90, 0.98)]
        middle = layer.centroid_s if known(layer.centroid_s) else (float(centroid(lags, r)) if whole else None)
        rows.append(
            [*(a if a is not None else b for a, b in zip(written, levels, strict=True)), layer.argmax_s, middle]
        )
    return rows


def _written(results: Results, key: str, i: int) -> float | None:
    values = results.summary.robustness.get(key)
    value = values[i] if isinstance(values, list) and len(values) == len(results.summary.layers) else None
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None


def rule_table(results: Results) -> Markup | None:
    """The temporal score under other ways to place a peak."""
    rules = {name: v for name, v in results.summary.robustness.items() if isinstance(v, Mapping)}
    if not rules:
        return None
    rows: list[list[Cell]] = []
    score = results.summary.temporal_score
    if score is not None:
        rows.append(
            [
                (prose("95 % of the maximum (T_max)"), "l"),
                (signed(score.r), ""),
                (signed(score.slope_ms, 0, plus=True), ""),
            ]
        )
    for name, value in rules.items():
        r, slope = (_plain(value.get(key)) for key in ("r", "slope_ms"))
        rows.append([(_rule(name), "l"), (signed(r), ""), (signed(slope, 0, plus=True), "")])
    return table([("peak placed at", "l"), ("r with depth", ""), ("slope (ms)", "")], rows)


def _rule(name: str) -> str:
    named = {"argmax": "the highest lag alone", "centroid": "the centre of gravity of its upper half"}
    levels = {"level 0.90": "90 % of the maximum", "level 0.98": "98 % of the maximum"}
    return (named | levels).get(name, name)


def _plain(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None


def skipped_table(results: Results) -> Markup:
    """Words that were left out, and why; most frequent first."""
    skipped, used = results.summary.skipped, results.summary.n_words
    total = used + sum(skipped.values())
    rows: list[list[Cell]] = [[("used", "l"), (f"{used:,}", ""), (_share(used, total), "")]]
    for reason, n in sorted(skipped.items(), key=lambda item: -item[1]):
        rows.append([(reason, "wrap"), (f"{n:,}", ""), (_share(n, total), "")])
    return table([("words", "l"), ("count", ""), ("share", "")], rows)


def _share(n: int, total: int) -> str:
    if not total:
        return DASH
    return "< 0.1 %" if 0 < n / total < 0.0005 else f"{100 * n / total:.1f} %"


def value_text(value: object) -> str:
    """A value of a passport as a person writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", MINUS)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {value_text(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(value_text(v) for v in value)
    return DASH if value is None else str(value)
