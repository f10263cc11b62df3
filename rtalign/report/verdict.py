"""What else a result could be: each rival explanation, what was done about it, and what is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.text.translation import tr
from rtalign.report.read import ControlResult, Summary
from rtalign.report.summary import MODEL_TWINS
from rtalign.report.text import refusal, signed
from rtalign.scoring.findings import TWIN, UNIQUE, too_few_layers
from rtalign.scoring.headline import headline
from rtalign.scoring.peaks import Peak

INNOVATION, WHOLE = "innovation", "all"
NOTHING_DONE = (
    tr("timing and length of words"),
    tr("static vectors of the word and its neighbours"),
    tr("surprisal"),
    tr("autocorrelation"),
)
"""What is not controlled where no control was computed, beside `not_controlled` of a summary."""
ENVELOPE = "envelope"
"""Group of nuisances that only a training with the sound has."""
SOUND = "the sound itself (its envelope)"
NOT_CONTROLLED = {
    SOUND: tr("the sound itself (its envelope)"),
    "the model\u2019s context beyond static vectors of five words": tr(
        "the model\u2019s context beyond static vectors of five words"
    ),
    "what nuisances do other than by straight or broken lines": tr(
        "what nuisances do other than by straight or broken lines"
    ),
}
"""What no control takes out: as files hold it, and in words."""
BEFORE_S, LASTING = 0.3, 1 / 3
"""Seconds before a word, and the share of its highest R that R may have there before it is taken for a drift, which
decays on its way to the peak (docs/decisions/041)."""
NUISANCE_BASELINES = ("position and word rate", "durations")
"""Baselines that predict from nuisances alone."""
BASELINES = {
    "position and word rate": tr("position and word rate"),
    "durations": tr("durations"),
    "autocorrelation": tr("autocorrelation"),
}
"""What each baseline predicts from, in words."""
GROUPS = {
    "timing": tr("the intervals between words"),
    "duration": tr("their durations"),
    "position": tr("their place in story and sentence"),
    "form": tr("their length and frequency"),
    "surprisal": tr("surprisal"),
    "neighbours": tr("static vectors of the word and of two words before and after"),
    ENVELOPE: tr("how loud the sound is around the word"),
}
"""What each group of nuisances holds, in words."""
STATIC = tr("timing, word form and static neighbours")
BRAIN_FREE = tr("nothing of the brain")
ARCHITECTURE = tr("the architecture, or words without their context")
DRIFTS = tr("slow drifts that brain and layers share")
"""Names of rival explanations."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rival explanation.

    Attributes
    ----------
    name : str
        The explanation.
    done : str
        What was done about it, or would have to be.
    left : str
        What is left of the result; empty where nothing was done.
    explains : bool or None
        Whether it explains most of the result, so that the headline needs it named; None where it was not tested.
    """

    name: str
    done: str
    left: str
    explains: bool | None


def explanations(summary: Summary, waits_for: str = "") -> list[Explanation]:
    """Each rival explanation, tested or not.

    Parameters
    ----------
    summary : Summary
    waits_for : str
        What unique R waits for, of a session that has none yet but will.
    """
    unique, by_nuisances = summary.controls.get(UNIQUE), _how_to_test("nuisances", summary.kind)
    trained, in_training = summary.kind == "train", tr("tested in training alone; see the bank\u2019s own results")
    if unique is not None:
        found = [_nuisances(summary, unique)]
        found += _twins(summary, bool(found[0].explains))
    else:
        waits = tr("this session tests it: {reason}", reason=waits_for) if waits_for else by_nuisances
        found = [Explanation(STATIC, waits, "", None)]
    if summary.baselines:
        found.append(_baselines(summary, found[0].explains is False))
    else:
        found.append(Explanation(BRAIN_FREE, by_nuisances if trained else in_training, "", None))
    models = _how_to_test(",".join(MODEL_TWINS), summary.kind) if trained else in_training
    return [*found, *(_models(summary) or [Explanation(ARCHITECTURE, models, "", None)]), _drift(summary, unique)]


def rivals(summary: Summary) -> list[Explanation]:
    """The rival explanations that were tested; empty where no control was computed."""
    tested = [rival for rival in explanations(summary) if rival.explains is not None]
    return tested if len(tested) > 1 else []  # drifts are always looked for


def _how_to_test(name: str, kind: str) -> str:
    if kind == "session":
        return tr("to test it: a bank that was trained with --controls {name}", name=name)
    return tr("to test it: rtalign {command} --controls {name}", command=kind, name=name)


def verdict(summary: Summary) -> str:
    """What the controls say of the headline, in a sentence or two, with what was not controlled."""
    return " ".join(part for part in (claim(summary), not_controlled(summary)) if part)


def claim(summary: Summary) -> str:
    """What the controls say of the headline; empty where no control was computed."""
    tested = rivals(summary)
    named = [f"{rival.name} ({rival.left})" for rival in tested if rival.explains]
    if not tested:
        return ""
    if not any(layer.ok for layer in summary.layers):
        return tr("No layer has a peak that a rival explanation could explain.")
    if named:
        return tr("It could be something else: {named}.", named="; ".join(named))
    return tr("The controls leave it standing: {left}.", left=tested[0].left)


def not_controlled(summary: Summary) -> str:
    """What was not controlled, in a sentence; empty where that is not known."""
    nothing_done = () if UNIQUE in summary.controls else NOTHING_DONE
    missing = [*nothing_done, *(NOT_CONTROLLED.get(one, one) for one in summary.not_controlled)]
    return tr("Not controlled: {missing}.", missing="; ".join(missing)) if missing else ""


def left_uncontrolled(groups: Iterable[str]) -> list[str]:
    """What is not controlled where these groups of nuisances are taken out, as files hold it."""
    return [what for what in NOT_CONTROLLED if what != SOUND or ENVELOPE not in groups]


def kept_peaks(summary: Summary, control: ControlResult) -> tuple[int, int, int]:
    """Layers with a plain peak, how many of them keep one in a control, and how many have one there alone."""
    plain, left = ({layer.layer for layer in layers if layer.ok} for layers in (summary.layers, control.layers))
    return len(plain), len(plain & left), len(left - plain)


def _nuisances(summary: Summary, unique: ControlResult) -> Explanation:
    n_plain, kept, gained = kept_peaks(summary, unique)
    count = {"kept": kept, "layers": _layers(n_plain)}
    left = (
        tr("{kept} of {layers} with a peak keeps one", **count)
        if kept == 1
        else tr("{kept} of {layers} with a peak keep one", **count)
    )
    left += ", " + tr("{layers} more with one only then", layers=_layers(gained)) if gained else ""
    before, after = _order(summary, summary), _order(summary, unique)
    if before:
        left += "; " + (after or tr("no order of depth is left"))
    groups = ", ".join(GROUPS.get(name, name) for name in unique.groups)
    n = sum(unique.groups.values())
    done = tr("taken out of signal and targets ({n:,} columns): {groups}", n=n, groups=groups)
    return Explanation(STATIC, done, left, 2 * kept < n_plain or bool(before and not after))


def _twins(summary: Summary, nothing_unique: bool) -> list[Explanation]:
    """R that a brain shows whose answers are those that the nuisances explain, at the plain peaks.

    Where a unique ladder stands beside it, a large share is no explanation: brain and layers then hold both.
    """
    twin, peaked = summary.controls.get(TWIN), _peaked(summary)
    if twin is None or not peaked or WHOLE not in twin.explained:
        return []
    shares = {name: _share(summary, twin, name, peaked) for name in twin.explained}
    each = ", ".join(
        f"{GROUPS.get(name, name)} {100 * share:.0f}\u00a0%"
        for name, share in shares.items()
        if name != WHOLE and share > 0.02
    )
    carries = tr("it carries {share} % of R at the peaks", share=signed(100 * shares[WHOLE], 0))
    same, alone = _order(summary, twin), f" ({tr('each alone: {parts}', parts=each)})" if each else ""
    shows = tr("alone it shows: {order}", order=same) if same else tr("alone it shows no order of depth")
    return [Explanation(
        tr("a brain that answers nothing but these"),
        tr("the part of held-out words\u2019 signal that they explain, sent through the same decoders"),
        f"{carries}{alone}; {shows}",
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
    against = [name for name in summary.baselines if not taken_out or name not in NUISANCE_BASELINES]
    highest = {name: np.maximum(np.array(r, float), 0) for name, r in summary.baselines.items()}
    best = np.max([highest[name] for name in against], axis=0) if against else np.zeros(len(summary.layers))
    above = [i for i in peaked if summary.layers[i].peak_r > best[i]]
    up_to = {
        name: tr("{name} R up to {r}", name=BASELINES.get(name, name), r=signed(float(r.max()), 3))
        for name, r in highest.items()
    }
    most = max(against, key=lambda name: float(highest[name].max()), default="")
    left = tr(
        "R of {above} of {layers} with a peak is above the best of these",
        above=len(above), layers=_layers(len(peaked)),
    )  # fmt: skip
    left += f" ({up_to[most]})" if against else ""
    free = ", ".join(text for name, text in up_to.items() if name not in against)
    left += "; " + tr("{baselines}, which unique R is free of", baselines=free) if free else ""
    names = ", ".join(BASELINES.get(name, name) for name in summary.baselines)
    done = tr("held-out words predicted without it, from {names}", names=names)
    return Explanation(BRAIN_FREE, done, left, 2 * len(above) < len(peaked))


def _models(summary: Summary) -> list[Explanation]:
    """What other models show in the same fit; a ladder that needs no training is explained by the architecture."""
    twins = {name: summary.controls[name] for name in MODEL_TWINS if name in summary.controls}
    if not twins:
        return []
    best = {name: max(layer.peak_r for layer in twin.layers) for name, twin in twins.items()}
    plain = max(layer.peak_r for layer in summary.layers)
    each = ", ".join(f"{name} {signed(r, 3)}" for name, r in best.items())
    left = tr("R of the best layer: this model {plain}, {twins}", plain=signed(plain, 3), twins=each)
    order = _order(summary, twins["untrained"]) if "untrained" in twins else ""
    if "untrained" in twins:
        left += "; " + (tr("untrained: {order}", order=order) if order else tr("untrained, no order of depth"))
    return [Explanation(
        ARCHITECTURE,
        tr("the same fit to the same words with twins of the model: {names}", names=", ".join(twins)),
        left,
        bool(order and _order(summary, summary)) or max(best.values()) >= plain,
    )]  # fmt: skip


def _drift(summary: Summary, unique: ControlResult | None) -> Explanation:
    """What lasts longer than a word: curves that are flat, or that were there before the word is heard.

    A drift of a few seconds has a peak, at the lag by which the brain follows it, and no nuisance takes it out.
    """
    flat = sum(layer.status == "flat" for layer in summary.layers)
    says = (
        tr("{layers} refused: {reason}", layers=_layers(flat), reason=refusal_text(summary))
        if flat
        else tr("no layer is refused for it")
    )
    # The timing and static vectors of neighbours are before the word too, and no drift: unique R, where it is known.
    ladder = summary if unique is None else unique
    left = [i for i in _peaked(summary) if ladder.layers[i].peak_r > ladder.layers[i].null_r]
    before = share_before(ladder.r, summary.lags_s) if left else np.empty(0)  # a session begins without curves
    lasting = [i for i in left if before[i] > LASTING]
    if left and np.isfinite(before[left]).all():
        says += "; " + tr(
            "R before the word is more than {share} % of the highest in {n} of {layers} with a peak",
            share=f"{100 * LASTING:.0f}", n=len(lasting), layers=_layers(len(left)),
        )  # fmt: skip
    rest = [i for i in left if i not in lasting]
    done = (
        tr("folds of neighbouring words with a gap; a peak must stand above lags far from it and before the word")
        if summary.kind == "train"
        else tr("a peak must stand above lags far from it and before the word")
    )
    explains = 2 * flat >= len(summary.layers) or (bool(lasting) and not _carries(summary, rest, len(lasting)))
    return Explanation(DRIFTS, done, says, explains)


def _layers(n: int) -> str:
    return tr("1 layer") if n == 1 else tr("{n:,} layers", n=n)


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
