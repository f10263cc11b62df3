"""What else a result could be: each rival explanation, what was done about it, and what is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.report.read import ControlResult, Summary
from rtalign.report.summary import MODEL_TWINS
from rtalign.report.text import refusal, several, signed
from rtalign.scoring.findings import TWIN, UNIQUE, too_few_layers
from rtalign.scoring.headline import headline
from rtalign.scoring.peaks import Peak

INNOVATION, WHOLE = "innovation", "all"
NOTHING_DONE = (
    "timing and length of words",
    "static vectors of the word and its neighbours",
    "surprisal",
    "autocorrelation",
)
"""What is not controlled where no control was computed, beside `not_controlled` of a summary."""
ENVELOPE = "envelope"
"""Group of nuisances that only a training with the sound has."""
SOUND = "the sound itself (its envelope)"
NOT_CONTROLLED = (
    SOUND,
    "the model\u2019s context beyond static vectors of five words",
    "what nuisances do other than by straight or broken lines",
)
"""What no control takes out, in words."""
BEFORE_S, LASTING = 0.3, 1 / 3
"""Seconds before a word, and the share of its highest R that R may have there before it is taken for a drift, which
decays on its way to the peak (docs/decisions/041)."""
NUISANCE_BASELINES = ("position and word rate", "durations")
"""Baselines that predict from nuisances alone."""
GROUPS = {
    "timing": "the intervals between words",
    "duration": "their durations",
    "position": "their place in story and sentence",
    "form": "their length and frequency",
    "surprisal": "surprisal",
    "neighbours": "static vectors of the word and of two words before and after",
    ENVELOPE: "how loud the sound is around the word",
}
"""What each group of nuisances holds, in words."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rival explanation.

    Attributes
    ----------
    name : str
        The explanation.
    done : str
        What was done about it.
    left : str
        What is left of the result.
    explains : bool
        Whether it explains most of the result, so that the headline needs it named.
    """

    name: str
    done: str
    left: str
    explains: bool


def rivals(summary: Summary) -> list[Explanation]:
    """The rival explanations that were tested; empty where no control was computed."""
    unique, found = summary.controls.get(UNIQUE), list[Explanation]()
    if unique is not None:
        static = _nuisances(summary, unique)
        found = [static, *_twins(summary, static.explains)]
    if summary.baselines:
        found.append(_baselines(summary, unique is not None and not found[0].explains))
    found += _models(summary)
    return [*found, _drift(summary, unique)] if found else []


def verdict(summary: Summary) -> str:
    """What the controls say of the headline, in a sentence or two, with what was not controlled."""
    tested = rivals(summary)
    nothing_done = () if UNIQUE in summary.controls else NOTHING_DONE
    missing = "; ".join([*nothing_done, *summary.not_controlled])
    not_controlled = f"Not controlled: {missing}." if missing else ""
    if not tested:
        return not_controlled
    explaining = [rival for rival in tested if rival.explains]
    if not any(layer.ok for layer in summary.layers):
        return f"No layer has a peak that a rival explanation could explain. {not_controlled}".strip()
    if not explaining:
        return f"The controls leave it standing: {tested[0].left}. {not_controlled}".strip()
    named = "; ".join(f"{rival.name} ({rival.left})" for rival in explaining)
    return f"It could be something else: {named}. {not_controlled}".strip()


def not_controlled(groups: Iterable[str]) -> list[str]:
    """What is not controlled where these groups of nuisances are taken out."""
    return [what for what in NOT_CONTROLLED if what != SOUND or ENVELOPE not in groups]


def kept_peaks(summary: Summary, control: ControlResult) -> tuple[int, int, int]:
    """Layers with a plain peak, how many of them keep one in a control, and how many have one there alone."""
    plain, left = ({layer.layer for layer in layers if layer.ok} for layers in (summary.layers, control.layers))
    return len(plain), len(plain & left), len(left - plain)


def _nuisances(summary: Summary, unique: ControlResult) -> Explanation:
    n_plain, kept, gained = kept_peaks(summary, unique)
    left = f"{kept} of {several(n_plain, 'layer')} with a peak {'keep' if kept != 1 else 'keeps'} one"
    left += f", {gained} more {'have' if gained != 1 else 'has'} one only then" if gained else ""
    before, after = _order(summary, summary), _order(summary, unique)
    if before:
        left += f"; {after}" if after else "; no order of depth is left"
    groups = ", ".join(GROUPS.get(name, name) for name in unique.groups)
    return Explanation(
        "timing, word form and static neighbours",
        f"taken out of signal and targets ({several(sum(unique.groups.values()), 'column')}): {groups}",
        left,
        2 * kept < n_plain or bool(before and not after),
    )


def _twins(summary: Summary, nothing_unique: bool) -> list[Explanation]:
    """R that a brain shows whose answers are those that the nuisances explain, at the plain peaks.

    Where a unique ladder stands beside it, a large share is no explanation: brain and layers then hold both.
    """
    twin, peaked = summary.controls.get(TWIN), _peaked(summary)
    if twin is None or not peaked or WHOLE not in twin.explained:
        return []
    shares = {name: _share(summary, twin, name, peaked) for name in twin.explained}
    parts = ", ".join(
        f"{GROUPS.get(name, name)} {100 * share:.0f} %"
        for name, share in shares.items()
        if name != WHOLE and share > 0.02
    )
    same = _order(summary, twin)
    return [Explanation(
        "a brain that answers nothing but these",
        "the part of held-out words\u2019 signal that they explain, sent through the same decoders",
        f"it carries {signed(100 * shares[WHOLE], 0)} % of R at the peaks{f' (each alone: {parts})' if parts else ''}"
        + (f"; alone it shows: {same}" if same else "; alone it shows no order of depth"),
        nothing_unique and shares[WHOLE] > 0.5,
    )]  # fmt: skip


def _share(summary: Summary, twin: ControlResult, name: str, peaked: Sequence[int]) -> float:
    """The median over layers with a peak of the twin's part of R at the highest lag."""
    r, own = (np.array(rows, float)[peaked] for rows in (summary.r, twin.explained[name]))
    at = r.argmax(1)[:, None]
    whole, part = (np.take_along_axis(values, at, 1)[:, 0] for values in (r, own))
    return float(np.median(part / whole))


def _baselines(summary: Summary, taken_out: bool) -> Explanation:
    """What knows no brain.

    taken_out : whether unique R stands.  What place and timing of words predict by themselves is then no explanation,
    however much it is: both are taken out of signal and targets there.  Autocorrelation is not.
    """
    peaked = _peaked(summary)
    rivals = [name for name in summary.baselines if not taken_out or name not in NUISANCE_BASELINES]
    highest = {name: np.maximum(np.array(r, float), 0) for name, r in summary.baselines.items()}
    best = np.max([highest[name] for name in rivals], axis=0) if rivals else np.zeros(len(summary.layers))
    above = [i for i in peaked if summary.layers[i].peak_r > best[i]]
    most = max(rivals, key=lambda name: float(highest[name].max()), default="")
    others = [f"{name} R up to {signed(float(highest[name].max()), 3)}" for name in highest if name not in rivals]
    left = f"R of {len(above)} of {several(len(peaked), 'layer')} with a peak is above the best of these"
    left += f" ({most}, R up to {signed(float(best.max()), 3)})" if rivals else ""
    left += f"; {', '.join(others)}, which unique R is free of" if others else ""
    return Explanation(
        "nothing of the brain",
        f"held-out words predicted without it, from {', '.join(summary.baselines)}",
        left,
        2 * len(above) < len(peaked),
    )


def _models(summary: Summary) -> list[Explanation]:
    """What other models show in the same fit; a ladder that needs no training is explained by the architecture."""
    twins = {name: summary.controls[name] for name in MODEL_TWINS if name in summary.controls}
    if not twins:
        return []
    best = {name: max(layer.peak_r for layer in twin.layers) for name, twin in twins.items()}
    plain = max(layer.peak_r for layer in summary.layers)
    said = ", ".join(f"{name} {signed(r, 3)}" for name, r in best.items())
    order = _order(summary, twins["untrained"]) if "untrained" in twins else ""
    ladder = (f"; untrained: {order}" if order else "; untrained, no order of depth") if "untrained" in twins else ""
    return [Explanation(
        "the architecture, or words without their context",
        f"the same fit to the same words with twins of the model: {', '.join(twins)}",
        f"R of the best layer: this model {signed(plain, 3)}, {said}{ladder}",
        bool(order and _order(summary, summary)) or max(best.values()) >= plain,
    )]  # fmt: skip


def _drift(summary: Summary, unique: ControlResult | None) -> Explanation:
    """What lasts longer than a word: curves that are flat, or that were there before the word is heard.

    A drift of a few seconds has a peak, at the lag by which the brain follows it, and no nuisance takes it out.
    """
    flat = sum(layer.status == "flat" for layer in summary.layers)
    says = f"{several(flat, 'layer')} refused: {refusal_text(summary)}" if flat else "no layer is refused for it"
    # The timing and static vectors of neighbours are before the word too, and no drift: unique R, where it is known.
    ladder = summary if unique is None else unique
    left = [i for i in _peaked(summary) if ladder.layers[i].peak_r > ladder.layers[i].null_r]
    before = share_before(ladder.r, summary.lags_s)
    lasting = [i for i in left if before[i] > LASTING]
    if left and np.isfinite(before[left]).all():
        says += f"; R before the word is more than {100 * LASTING:.0f} % of the highest in {len(lasting)} of "
        says += f"{several(len(left), 'layer')} with a peak"
    rest = [i for i in left if i not in lasting]
    return Explanation(
        "slow drifts that brain and layers share",
        "folds of neighbouring words with a gap; a peak must stand above lags far from it, and above what is there "
        "before the word",
        says,
        2 * flat >= len(summary.layers) or (bool(lasting) and not _carries(summary, rest, len(lasting))),
    )


def _carries(summary: Summary, rows: Sequence[int], others: int) -> bool:
    """Whether these layers are more than the others, and enough of them for the order of depth that is claimed."""
    depth = [layer.depth for layer in summary.layers]
    missed = too_few_layers(depth, [depth[i] for i in rows])
    return len(rows) > others and not (missed and _order(summary, summary))


def share_before(r: Sequence[Sequence[float | None]], lags_s: Sequence[float]) -> np.ndarray:
    """(layer,): mean R in the BEFORE_S before the onset beside the highest R; NaN without such lags."""
    curves, lags = np.array(r, float), np.array(lags_s)
    before = (lags < -1e-6) & (lags > -BEFORE_S - 1e-6)
    if not before.any():
        return np.full(len(curves), np.nan)
    return np.asarray(curves[:, before].mean(1) / np.maximum(curves.max(1), 1e-12))


def refusal_text(summary: Summary) -> str:
    """Why flat layers are refused, as the report says it."""
    return next(refusal(layer, short=True) for layer in summary.layers if layer.status == "flat")


def _peaked(ladder: Summary | ControlResult) -> list[int]:
    return [i for i, layer in enumerate(ladder.layers) if layer.ok]


def _order(summary: Summary, ladder: Summary | ControlResult) -> str:
    """The claim of a ladder's headline with its evidence; empty where it claims no order."""
    layers: list[Peak] = list(ladder.layers)
    found = headline(ladder.temporal_score, layers, summary.lags_s, ladder.temporal_score_reason, final=True)
    return f"{found.claim[0].lower()}{found.claim[1:]}, {found.detail}" if found.holds else ""
