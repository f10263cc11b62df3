"""Numbers and findings in words."""

from __future__ import annotations

import math
from typing import TypeGuard

from rtalign.core.text.translation import tr
from rtalign.report.read import Results
from rtalign.scoring import headline as headlines
from rtalign.scoring.outlook import outlook_text
from rtalign.scoring.peaks import Peak

MINUS = "\u2212"
DASH = "\u2013"
REFUSALS = {
    "below null": (tr("no peak: not above chance"), tr("not above chance")),
    "edge": (tr("no peak: at the edge of the window"), tr("at the edge")),
    "multimodal": (tr("no single peak: several peaks"), tr("several peaks")),
    "flat": (tr("no peak: no higher than far lags"), tr("no higher than far lags")),
}


def known(value: float | None) -> TypeGuard[float]:
    """Whether there is a number: a record holds None or NaN where a file has none."""
    return value is not None and math.isfinite(value)


NULLS = {"mismatched": "mismatched words", "shifts": "circular shifts", "signs": "random signs of blocks"}
"""How a result's null was drawn, in words."""


def null_method(results: Results) -> str:
    """Key of NULLS; results from before the method was noted used mismatched words live, and shifts otherwise."""
    noted = str(results.summary.null.get("method", ""))
    return noted if noted in NULLS else "mismatched" if results.summary.kind == "session" else "shifts"


def signed(value: float | None, digits: int = 2, plus: bool = False) -> str:
    """A number with a true minus sign."""
    if not known(value):
        return DASH
    rounded = round(value, digits) + 0.0  # -0.0 becomes 0.0
    return f"{rounded:{'+' if plus and rounded else ''}.{digits}f}".replace("-", MINUS)


def milliseconds(value: float | None) -> str:
    """Seconds as whole milliseconds."""
    return signed(value * 1000, 0) if known(value) else DASH


def p_value(value: float | None) -> str:
    if not known(value):
        return "p not known"
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}" if value < 0.1 else f"p = {value:.2f}"


def refusal(layer: Peak, short: bool = False) -> str:
    """Why a layer shows no peak."""
    if layer.status in REFUSALS:
        return REFUSALS[layer.status][short]
    return "no peak" if short or layer.status == "ok" else f"no peak: {layer.status}"


def power(value: float) -> str:
    """A power of ten as such, other numbers as they are."""
    exponent = round(math.log10(value)) if value > 0 else 0
    if exponent == 0 or not math.isclose(value, 10.0**exponent):
        return f"{value:g}"
    return "10" + str(exponent).translate(
        str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
    )


def several(n: int, name: str) -> str:
    """A count with its noun."""
    return f"{n:,} {name}" if n == 1 else f"{n:,} {name}s"


def model_name(results: Results) -> str:
    return str(results.summary.model.get("id") or "the model")


def headline(results: Results) -> str:
    """What was found, in one sentence: the one of every view."""
    if warning := results.summary.overlap_warning:
        return f"No evidence: {warning}."
    summary, score = results.summary, results.summary.temporal_score
    score = score if score is not None and known(score.r) else None
    reason = summary.temporal_score_reason
    return headlines.headline(score, summary.layers, results.lags, reason, final=True).sentence.replace(
        " ms", "\u00a0ms"
    )


def standfirst(results: Results) -> list[str]:
    """The sentences below the headline: peaks and refusals, the temporal score, the alignment score."""
    return [s for s in (_peaks(results), _outlook(results), _temporal(results), _alignment(results)) if s]


def _outlook(results: Results) -> str:
    """How many more minutes layers below their limit need; nothing where the bank was trained on what it scores."""
    found, summary = results.summary.outlook, results.summary
    if found is None or summary.overlap_warning:
        return ""
    return outlook_text(found, summary.n_words, results.minutes)


def _peaks(results: Results) -> str:
    layers, peaked = results.summary.layers, results.peaked
    model = model_name(results)
    if len(layers) == len(peaked):
        return f"All {several(len(layers), 'layer')} of {model} have a peak above chance."
    reasons: dict[str, int] = {}
    for layer in layers:
        if not layer.ok:
            why = refusal(layer, short=True)
            reasons[why] = reasons.get(why, 0) + 1
    refused = ", ".join(f"{n} {why}" for why, n in reasons.items())
    if not peaked:
        return f"None of the {several(len(layers), 'layer')} of {model} has a peak that stands: {refused}."
    verb = "has" if len(peaked) == 1 else "have"
    return f"{len(peaked)} of {several(len(layers), 'layer')} of {model} {verb} a peak that stands; refused: {refused}."


def _temporal(results: Results) -> str:
    score = results.summary.temporal_score
    if score is None or not known(score.r):
        reason = results.summary.temporal_score_reason
        return f"No temporal score is given: {reason}." if reason else "No temporal score is given."
    text = f"Temporal score: depth-latency r = {signed(score.r)}"
    text += f", 95 % interval {signed(score.ci[0])} to {signed(score.ci[1])}" if score.ci else ""
    text += (
        f": {signed(score.slope_ms, 0, plus=True)} ms from the first layer to the last" if known(score.slope_ms) else ""
    )
    if score.slope_ci_ms:
        text += f" ({signed(score.slope_ci_ms[0], 0)} to {signed(score.slope_ci_ms[1], 0)} ms)"
    null = NULLS[null_method(results)]
    tests = [f"{headlines.p_text(score)} against {null}"] if known(score.p_permutation) else []
    tests += [f"{p_value(score.p)} by the t-test, which takes layers for independent"] if known(score.p) else []
    return text + ("; " + ", ".join(tests) if tests else "") + "."


def _alignment(results: Results) -> str:
    score = results.summary.alignment_score
    if score is None or not known(score.best):
        return ""
    text = f"Alignment score: decoding R = {signed(score.best, 3)} in the best layer"
    text += f" ({score.best_layer})"
    text += f", {signed(score.mean_of_max, 3)} on average over layers" if known(score.mean_of_max) else ""
    return text + ("." if clears_null(results) else "; no layer is above chance.")


def clears_null(results: Results) -> bool:
    """Whether any layer's R passes what chance reaches."""
    return any(peak.peak_r > peak.null_r for peak in results.summary.layers)
