"""Tables and lists of facts in HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rtalign.report.colour import shade
from rtalign.report.html import Markup, join, prose, tag
from rtalign.report.read import Results
from rtalign.report.text import DASH, MINUS, milliseconds, signed
from rtalign.scoring.latency import TITLES, latency
from rtalign.scoring.peaks import Peak

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


SHOWN_RULES = ("centroid", "published", "contiguous", "maximum")
"""Those of the table of layers; all are in the table of rules."""


def layer_table(results: Results) -> Markup:
    """Every layer: status, peak with interval, other ways to place it, R with its interval, and what it must pass."""
    rule = results.summary.peak_rule
    others = [name for name in SHOWN_RULES if name != rule]
    head = [("layer", "l"), ("depth", ""), ("status", "l"), ("latency (ms)", ""), ("95 % interval", "")]
    head += [(prose({"published": "T_max"}.get(name, name)), "") for name in others]
    if results.summary.planted:
        head.append(("planted", ""))
    head += [("peak R", ""), ("95 % interval", ""), ("chance R", "")]
    sizes = _dimensions(results)
    head += [(name, "") for name in sizes]
    other = [_by_rule(results, name) for name in others]
    rows = [
        [*_row(results, layer, [v[i] for v in other]), *((signed(v[i], 1), "") for v in sizes.values())]
        for i, layer in enumerate(results.summary.layers)
    ]
    return table(head, rows)


def _dimensions(results: Results) -> dict[str, list[float | None]]:
    """Intrinsic dimensions of each layer by their titles; those that a folder lacks are left out."""
    titles, found = {"participation_ratio": "participation ratio", "two_nn": "TwoNN dimension"}, {}
    for name, title in titles.items():
        values = results.summary.dimension.get(name)
        if isinstance(values, list) and len(values) == len(results.summary.layers):
            found[title] = [float(v) if isinstance(v, (int, float)) else None for v in values]
    return found


def _row(results: Results, layer: Peak, other: Sequence[float | None]) -> list[Cell]:
    """Latencies of a layer whose peak is refused are not shown under any rule."""
    dot = tag("span", "", class_=f"swatch {shade(layer.depth)}" if layer.ok else "swatch hollow")
    interval = DASH
    if layer.ok and layer.ci_s:
        low, high = (milliseconds(v) for v in layer.ci_s)
        interval = f"{low} to {high}"
    latencies = [layer.peak_s, *other] if layer.ok else [None] * (1 + len(other))
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
    around = f"{signed(layer.r_ci[0], 3)} to {signed(layer.r_ci[1], 3)}" if layer.r_ci else DASH
    return [*row, (signed(layer.peak_r, 3), ""), (around, ""), (signed(layer.null_r, 3), "")]


def _by_rule(results: Results, rule: str) -> list[float | None]:
    """(layer,) latencies: as written, else from R itself."""
    written = results.summary.estimators.get(rule)
    if written is not None and len(written.peak_s) == len(results.summary.layers):
        return list(written.peak_s)
    whole = np.isfinite(results.r).all(axis=1)
    return [float(latency(rule, results.lags, r)) if ok else None for r, ok in zip(results.r, whole, strict=True)]


def rule_table(results: Results) -> Markup | None:
    """The temporal score under every way to place a peak, the one in use first."""
    estimators = results.summary.estimators
    if not estimators:
        return None
    used = results.summary.peak_rule
    rows: list[list[Cell]] = []
    for name in sorted(estimators, key=lambda name: name != used):
        found = estimators[name]
        low, high = found.slope_ci_ms or (None, None)
        interval = f"{signed(low, 0)} to {signed(high, 0)}" if found.slope_ci_ms else DASH
        title = prose(TITLES.get(name, name))
        rows.append([
            (tag("b", title) if name == used else title, "wrap"), (signed(found.r), ""),
            (signed(found.slope_ms, 0, plus=True), ""), (interval, ""),
        ])  # fmt: skip
    half = results.summary.half_words
    if half is not None:
        rows.append([
            (f"{TITLES.get(used, used)}, half of the words", "wrap"), (signed(half.r), ""),
            (signed(half.slope_ms, 0, plus=True), ""), (DASH, ""),
        ])  # fmt: skip
    return table([("peak placed at", "l"), ("r with depth", ""), ("slope (ms)", ""), ("95 % interval", "")], rows)


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
