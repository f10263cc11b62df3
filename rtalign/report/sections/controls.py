"""What else a result could be: rival explanations, the ladder without them, and that of the static twin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from rtalign.core.text.translation import tr
from rtalign.report.figures.ladder import ladder, latency_span
from rtalign.report.figures.lag_map import lag_map
from rtalign.report.html import Markup, join, prose, tag
from rtalign.report.read import ControlResult, Results, Summary
from rtalign.report.summary import MODEL_TWINS
from rtalign.report.tables import Cell, table
from rtalign.report.text import DASH, milliseconds, refusal, signed
from rtalign.report.verdict import INNOVATION, Explanation, explanations, rivals, verdict
from rtalign.scoring.findings import TWIN, UNIQUE
from rtalign.scoring.peaks import Peak

SHOWN = {UNIQUE: "Unique", TWIN: "Static twin", INNOVATION: "What a layer adds", "untrained": "Untrained"}
"""Titles of the controls that have a ladder and a map."""
MEANING = {
    "Unique": "nuisances taken out of signal and targets.",
    "Static twin": "what the same decoders show on a brain that answers nothing but the nuisances, which needs no "
    "context and no depth.",
    "Untrained": "the same architecture with random weights, fitted to the same words.",
    "What a layer adds": "targets of each layer with those of all layers below taken out.",
}
CARRIED = (
    "What each group carries.",
    "R at the plain peak of the static twin of one group of nuisances alone, and of all of them.",
)
WITHOUT = (
    "Each group taken out.",
    "R of the plain decoders at the plain peak, with one group taken out of held-out words: partial correlations.",
)
"""Titles of the tables of groups, and what they show."""
FEW_WORDS = 25
"""Words a nuisance below which unique R has lost a fifth of its words' degrees of freedom or more."""
HOW = (
    "Each fold\u2019s signal and targets are regressed on the nuisances of the fold\u2019s own words, so that decoders "
    "know nothing of the words they are scored on. Shares are parts of R that add up: what the decoders make of the "
    "signal that nuisances explain, and of the rest. Intervals and durations act by broken lines, others by straight "
    "ones."
)


def controls(results: Results) -> Markup:
    """Each rival explanation with what was done and what is left; without controls, what was not controlled."""
    summary = results.summary
    heading = tag("h2", tr("What else could this be?"))
    shown = {
        title: control_results(results, summary.controls[name])
        for name, title in SHOWN.items()
        if name in summary.controls
    }
    said = tag(
        "p", tag("b", "Verdict. " if rivals(summary) else "No rival explanation was tested. "), prose(verdict(summary))
    )
    boxed = tag("div", said, tag("ul", [_item(rival) for rival in explanations(summary)]), class_="panel")
    unique = summary.controls.get(UNIQUE)
    twins = (
        [tag("div", _twins(results), class_="panel long")] if any(n in summary.controls for n in MODEL_TWINS) else []
    )
    if unique is None:
        return join(heading, boxed, _figures(results, shown), twins)
    twin = summary.controls.get(TWIN)
    few = summary.n_words < FEW_WORDS * sum(unique.groups.values())
    fewer = " There are few words for so many columns, which makes unique R noisy." if few else ""
    return join(
        heading,
        boxed,
        _figures(results, shown),
        twins,
        tag("div", _layers(results, unique), class_="panel long"),
        _by_group(results, *CARRIED, twin.explained) if twin is not None and twin.explained else None,
        _by_group(results, *WITHOUT, unique.without) if unique.without else None,
        tag("p", tag("b", "How. "), prose(HOW + fewer), class_="note"),
    )


def _item(rival: Explanation) -> Markup:
    if rival.explains is None:
        return tag("li", tag("b", rival.name), f": not tested; {rival.done}.")
    return tag("li", tag("b", rival.name), f": {rival.done}. ", tag("b", "Left: "), f"{rival.left}.")


def control_results(results: Results, control: ControlResult) -> Results:
    """The same results with a control's R and ladder in the place of the plain ones."""
    own: dict[str, Any] = {
        name: getattr(control, name) for name in ("layers", "temporal_score", "temporal_score_reason")
    }
    own |= {"half_words": None, "estimators": {}}
    r = np.array(control.r, float)
    summary = results.summary.model_copy(update=own)
    # The map's outline is drawn where R passes what its layer's maximum must pass.
    return replace(results, summary=summary, r=r if r.shape == results.r.shape else results.r, map_hi=None)


def _figures(results: Results, shown: dict[str, Results]) -> list[Markup]:
    """Ladders of all on one span of latencies, and maps."""
    if not shown:
        return []
    every = {"Plain": results, **shown}
    spans = [latency_span(one) for one in every.values() if one.peaked] or [latency_span(results)]
    span = min(low for low, _ in spans), max(high for _, high in spans)
    ladders = [tag("div", tag("h3", name), ladder(one, span), class_="scroll") for name, one in every.items()]
    maps = [tag("div", tag("h3", name), lag_map(one), class_="scroll") for name, one in shown.items()]
    meaning = " ".join(f"{title}: {MEANING[title]}" for title in shown)
    titles = "Peak latency of each layer.", "R by layer and lag."
    captions = (f"Plain: as above. {meaning}", "Of the same, beside the map above.")
    return [
        tag("figure", tag("figcaption", tag("b", title), " ", prose(caption)), tag("div", drawn, class_="pair even"),
            class_="long")
        for title, caption, drawn in zip(titles, captions, (ladders, maps), strict=True)
    ]  # fmt: skip


def _twins(results: Results) -> Markup:
    """This model beside its twins: layers with a peak, the highest R, and the ladder."""
    summary = results.summary
    named: dict[str, Summary | ControlResult] = {"this model": summary}
    named |= {n: summary.controls[n] for n in MODEL_TWINS if n in summary.controls}
    rows: list[list[Cell]] = []
    for name, one in named.items():
        best = max(one.layers, key=lambda layer: layer.peak_r)
        score = one.temporal_score
        rows.append([
            (name, "l"), (f"{sum(layer.ok for layer in one.layers)} of {len(one.layers)}", ""),
            (signed(best.peak_r, 3), ""), (signed(best.null_r, 3), ""), _latency(best)[0],
            (signed(score.r) if score else DASH, ""), (signed(score.slope_ms, 0, plus=True) if score else DASH, ""),
        ])  # fmt: skip
    head: list[Cell] = [("model", "l"), ("layers with a peak", ""), ("highest R", ""), ("chance R", "")]
    return table([*head, ("its latency (ms)", ""), ("depth-latency r", ""), ("slope (ms)", "")], rows)


def _layers(results: Results, unique: ControlResult) -> Markup:
    head: list[Cell] = [("layer", "l"), ("plain latency (ms)", ""), ("plain R", ""), ("unique latency (ms)", "")]
    head += [("95 % interval", ""), ("unique R", ""), ("chance R", "")]
    best = _best_baseline(results)
    head += [("best without brain", "")] if best is not None else []
    rows: list[list[Cell]] = []
    for row, (before, layer) in enumerate(zip(results.summary.layers, unique.layers, strict=False)):
        low, high = (milliseconds(end) for end in layer.ci_s or (None, None))
        interval = f"{low} to {high}" if layer.ok and layer.ci_s else DASH
        rows.append([
            (str(layer.layer), "l"), *_latency(before), _latency(layer)[0], (interval, ""), _latency(layer)[1],
            (signed(layer.null_r, 3), ""), *([(signed(float(best[row]), 3), "")] if best is not None else []),
        ])  # fmt: skip
    return table(head, rows)


def _by_group(results: Results, title: str, meaning: str, parts: Mapping[str, list[list[float | None]]]) -> Markup:
    """A value of each layer at its plain peak for each group of nuisances; parts : (layer, lag) by group."""
    at = results.r.argmax(1)
    head: list[Cell] = [("layer", "l"), ("plain R", ""), *((name, "") for name in parts)]
    rows: list[list[Cell]] = []
    for row, layer in enumerate(results.summary.layers):
        values = [of_group[row][at[row]] for of_group in parts.values()]
        rows.append([(str(layer.layer), "l"), (signed(results.r[row, at[row]], 3), ""),
                     *((signed(value, 3), "") for value in values)])  # fmt: skip
    return tag("div", tag("p", tag("b", title), " ", meaning), table(head, rows), class_="panel long")


def _best_baseline(results: Results) -> np.ndarray | None:
    """(layer,): the highest R of what knows no brain."""
    found = [np.array(r, float) for r in results.summary.baselines.values() if len(r) == len(results.r)]
    return np.max(found, axis=0) if found else None


def _latency(layer: Peak) -> list[Cell]:
    latency: Cell = (tag("b", milliseconds(layer.peak_s)), "") if layer.ok else (refusal(layer, short=True), "off")
    return [latency, (signed(layer.peak_r, 3), "")]
