"""What else a ladder could be: the plain one beside the same with a rival explanation taken out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rtalign.report.figures.ladder import ladder, latency_span
from rtalign.report.html import Markup, join, prose, tag
from rtalign.report.read import Control, Results
from rtalign.report.tables import Cell, table
from rtalign.report.text import DASH, milliseconds, refusal, several, signed
from rtalign.scoring.headline import p_text
from rtalign.scoring.peaks import Peak

CONTENT = {
    "timing": "onset intervals to two words before and after, duration and position in the recording",
    "form": "length in letters of the word and of two words before and after",
    "surprisal": "the model\u2019s own surprisal",
    "neighbours": "static vectors (state 0 of the model) of the word itself and of two words before and after",
}
"""What each group of nuisances holds, in words."""

FEW_WORDS = 10
"""Words a nuisance below which the null is too narrow (docs/decisions/018-nuisances-travel-as-columns.md)."""
NOT_CONTROLLED = (
    "Not controlled: the sound itself (its envelope), word frequency, the model\u2019s context beyond static vectors, "
    "autocorrelation alone, and what nuisances do other than by straight or broken lines."
)


def controls(results: Results) -> Markup | None:
    """The ladder with nuisances partialled out beside the plain one; None where no control was asked for."""
    control = results.summary.controls.get("nuisances")
    if control is None:
        return None
    unique = unique_results(results, control)
    spans = [latency_span(one) for one in (results, unique) if one.peaked] or [latency_span(results)]
    span = min(low for low, _ in spans), max(high for _, high in spans)
    drawn = tag(
        "div",
        tag("div", tag("h3", "Plain"), ladder(results, span), class_="scroll"),
        tag("div", tag("h3", "Unique"), ladder(unique, span), class_="scroll"),
        class_="pair even",
    )
    caption = "Left, as above. Right, with nuisances taken out of signal and targets."
    heading = tag("figcaption", tag("b", "Peak latency, plain and unique."), " ", prose(caption))
    return join(
        tag("h2", "What else could this be?"),
        tag("figure", heading, drawn, class_="long"),
        tag("div", _layers(results, control), class_="panel long"),
        tag("p", tag("b", "What is left. "), prose(verdict(results, unique)), class_="note"),
        tag("p", tag("b", "What was done. "), prose(what_was_done(control, results.summary.n_words)), class_="note"),
    )


def unique_results(results: Results, control: Control) -> Results:
    """The same results with the control's ladder in the place of the plain one."""
    own: dict[str, Any] = {
        name: getattr(control, name) for name in ("layers", "temporal_score", "temporal_score_reason")
    }
    own |= {"half_words": None, "estimators": {}}
    return replace(results, summary=results.summary.model_copy(update=own))


def verdict(results: Results, unique: Results) -> str:
    """What is left of peaks and ladder, in a sentence or two."""
    plain, left = ({layer.layer for layer in one.peaked} for one in (results, unique))
    kept = f"{len(left & plain)} of {len(plain)} layers with a peak keep one"
    gained = f"; {several(len(left - plain), 'other')} only then {'has' if len(left - plain) == 1 else 'have'} one"
    text = f"With the nuisances below taken out, {kept}{gained if left - plain else ''}."
    before, after = results.summary.temporal_score, unique.summary.temporal_score
    if before is None:
        return text
    score = f"r = {signed(before.r)} ({p_text(before)}, {signed(before.slope_ms, 0, plus=True)} ms)"
    if after is None:
        reason = unique.summary.temporal_score_reason or "too few peaks"
        return f"{text} The plain ladder, {score}, has no unique one beside it: {reason}."
    now = f"r = {signed(after.r)} ({p_text(after)}, {signed(after.slope_ms, 0, plus=True)} ms)"
    return f"{text} The plain ladder has {score}, the unique one {now}."


def what_was_done(control: Control, n_words: int) -> str:
    """What was taken out, and what was not."""
    groups = [f"{CONTENT.get(name, name)} ({several(n, 'column')})" for name, n in control.groups.items()]
    missing = [CONTENT[name] for name in CONTENT if name not in control.groups]
    absent = f" Not known or without variation in these recordings: {'; '.join(missing)}." if missing else ""
    few = n_words < FEW_WORDS * sum(control.groups.values())
    wider = " There are few words for so many columns: chance R may be up to 15 % above what is shown." if few else ""
    return (
        f"Taken out by least squares of signal and targets: {'; '.join(groups)}. Coefficients are those of each "
        f"decoder\u2019s own training words and are applied to its held-out words.{absent}{wider} {NOT_CONTROLLED}"
    )


def _layers(results: Results, control: Control) -> Markup:
    head: list[Cell] = [("layer", "l"), ("plain latency (ms)", ""), ("plain R", ""), ("unique latency (ms)", "")]
    head += [("95 % interval", ""), ("unique R", ""), ("chance R", "")]
    plain = {layer.layer: layer for layer in results.summary.layers}
    rows: list[list[Cell]] = []
    for layer in control.layers:
        before = plain.get(layer.layer)
        low, high = (milliseconds(end) for end in layer.ci_s or (None, None))
        interval = f"{low} to {high}" if layer.ok and layer.ci_s else DASH
        rows.append([
            (str(layer.layer), "l"), *(_latency(before) if before else [(DASH, ""), (DASH, "")]),
            _latency(layer)[0], (interval, ""), _latency(layer)[1], (signed(layer.null_r, 3), ""),
        ])  # fmt: skip
    return table(head, rows)


def _latency(layer: Peak) -> list[Cell]:
    latency: Cell = (tag("b", milliseconds(layer.peak_s)), "") if layer.ok else (refusal(layer, short=True), "off")
    return [latency, (signed(layer.peak_r, 3), "")]
