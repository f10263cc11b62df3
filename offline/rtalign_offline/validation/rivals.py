"""Recordings that a plain ladder is fooled by, or is right about; each with what a control has to know."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import lfilter

from rtalign.core.recipe import FitRecipe
from rtalign.core.records import Word
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding.controls.nuisance_basis import NuisanceBasis
from rtalign.decoding.folds import assign_folds
from rtalign.decoding.ridge import shared_penalties
from rtalign.report.read import Summary
from rtalign.report.summary import as_json, ladder
from rtalign.scoring.findings import assess
from rtalign.training.controls.baselines import brain_free
from rtalign.training.controls.nuisances import Nuisances
from rtalign.training.controls.runs import ControlRun, OtherTargets, merged
from rtalign.training.controls.unique import LagResults, UniqueControl
from rtalign.training.lag.fit import SEARCH_STEP, fit_words, search_penalties, searched_lags
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords
from rtalign_offline.validation.drawn import SFREQ, DrawnKind, DrawnRecording, answer, draw, read_layers
from rtalign_offline.validation.drawn_fit import drawn_curves

STATIC = 10
"""Dimensions of the static vectors."""
TIMED = 0.6
"""Share of the intervals around a word in a target, where targets know of timing."""


@dataclass(frozen=True, slots=True, eq=False)
class Rival:
    """A drawn recording and the static vector of each word, (word, dim)."""

    drawn: DrawnRecording
    static: np.ndarray


@dataclass(frozen=True, slots=True)
class SharedDrift:
    """Drifts that are in all sensors and, the deeper the more, in the targets.

    memory_s : how long they last.
    follows_s : by how much the brain is behind the story.
    first_at_s : when the brain answers what the first layer adds, or None.
    """

    memory_s: float
    follows_s: float = 0.0
    first_at_s: float | None = None


DRIFT = 0.7
"""Size of the slow drift that signal and late targets share."""
DRIFTS = {
    "shared drift": SharedDrift(30.0),
    "followed drift": SharedDrift(2.0, 0.3),
    **{f"late drift of {memory_s} s": SharedDrift(memory_s, 0.4, 0.15) for memory_s in (1, 2, 4)},
}
KINDS = ("onsets", "next word", *DRIFTS, "nothing", "true ladder", "model ladder")
MODEL, MODEL_WORDS, MODEL_LAYERS, MODEL_STATIC = "smollm2", 4995, 9, 20
"""The packaged model and how much of the packaged story it reads; layers, and components of its static vectors."""


def draw_rival(kind: str, seed: int, n_words: int = 1500, strength: float = 1.0) -> Rival:
    """Draw a recording of one kind.

    onsets : every word has the same response at 100 and 200 ms; targets know the intervals around their word.
    shared drift : slow drifts are in all sensors and, the deeper the more, in the targets; nothing is answered.
    followed drift : the same with drifts of two seconds, which the brain follows 300 ms later.
    late drift of N s : the same 400 ms later, where the brain answers what the first layer holds at 150 ms.
    next word : the brain answers the static vector of each word at one latency; deeper targets hold more of that of the
    next word.
    nothing : nothing is answered.
    true ladder : each layer's own content at its own latency, over static vectors of word and next word that the brain
    answers at one latency.
    model ladder : what each layer of the packaged model adds to the one below, at its own latency, in forty minutes of
    the packaged story; n_words does not matter.

    Parameters
    ----------
    kind : str
        One of KINDS.
    seed : int
        Of everything random.
    n_words : int
        Length of the story.
    strength : float
        Of the answers beside the noise.

    Returns
    -------
    Rival
    """
    if kind == "model ladder":
        return _model_ladder(seed, strength)
    drift = DRIFTS.get(kind)
    latencies = (drift.first_at_s,) if drift and drift.first_at_s else ()
    if kind == "true ladder":
        latencies = tuple(np.linspace(0.15, 0.45, 5))
    base = DrawnKind(
        n_words=n_words,
        latencies_s=latencies,
        strength=strength if latencies else 0.0,
        share=0.5,
        common=(0.1, 0.2) if kind == "onsets" else (),
    )
    drawn = draw(base, [seed, 0xC0])
    rng = np.random.default_rng([seed, 0xC1])
    static = rng.standard_normal((n_words, STATIC)).astype(np.float32)
    if drift:
        added = _drifting(drawn, rng, drift)
    else:
        added = _timed(drawn, rng) if kind == "onsets" else _shared(drawn, static)
    targets = drawn.targets.reshape(n_words, base.n_layers, -1) + added
    if kind in ("next word", "true ladder"):
        pattern = np.random.default_rng(0xC2).standard_normal((STATIC, base.n_sensors)) / np.sqrt(STATIC)
        answer(drawn.signal, drawn.onsets, 0.2, (strength * static @ pattern).astype(np.float32))
    return Rival(replace(drawn, targets=targets.reshape(n_words, -1).astype(np.float32)), static)


def _model_ladder(seed: int, strength: float) -> Rival:
    """Nine layers of the packaged model answered at 150 to 450 ms; static vectors are those of its state 0."""
    latencies = tuple(np.linspace(0.15, 0.45, MODEL_LAYERS))
    kind = DrawnKind(
        n_words=MODEL_WORDS, n_layers=MODEL_LAYERS, latencies_s=latencies, strength=strength, gap_s=0.48, model=MODEL,
        story_words=MODEL_WORDS,
    )  # fmt: skip
    drawn = draw(kind, [seed, 0xC3])
    return Rival(drawn, read_layers(MODEL, "0,1", MODEL_STATIC, MODEL_WORDS)[drawn.story, 0])


def _timed(drawn: DrawnRecording, rng: np.random.Generator) -> np.ndarray:
    """(word, layer, component): the intervals before and after a word, mixed anew in each layer."""
    gaps = np.diff(drawn.onsets, prepend=drawn.onsets[0], append=drawn.onsets[-1]) / SFREQ
    around = np.column_stack([gaps[:-1], gaps[1:]])
    around = (around - around.mean(0)) / around.std(0)
    shape = (drawn.kind.n_layers, 2, drawn.kind.components)
    return TIMED * np.einsum("wi,lic->wlc", around, rng.standard_normal(shape))


def _drifting(drawn: DrawnRecording, rng: np.random.Generator, kind: SharedDrift) -> np.ndarray:
    """(word, layer, component): a drift, added to the signal too; the deeper, the more."""
    keep, behind, signal = 1 - 1 / (kind.memory_s * SFREQ), round(kind.follows_s * SFREQ), drawn.signal
    drift = lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.standard_normal((len(signal) + behind, 3)), axis=0)
    signal += (DRIFT * drift[: len(signal)] @ rng.standard_normal((3, drawn.kind.n_sensors))).astype(np.float32)
    into = rng.standard_normal((3, drawn.kind.components))
    return DRIFT * np.linspace(0, 1, drawn.kind.n_layers)[:, None] * (drift[drawn.onsets + behind] @ into)[:, None]


def _shared(drawn: DrawnRecording, static: np.ndarray) -> np.ndarray:
    """(word, layer, component): static vectors of word and next word; the deeper, the more of the next."""
    following = np.roll(static, -1, axis=0)
    share = np.linspace(0, 1, drawn.kind.n_layers)[:, None]
    return (1 - share) * static[:, None, :] + share * following[:, None, :]


def drawn_nuisances(rival: Rival, kept: np.ndarray) -> Nuisances:
    """Timing, position and static neighbours of all words of one story; those in `kept` give the columns."""
    words = [Word(i, "w", float(onset) / SFREQ) for i, onset in enumerate(rival.drawn.onsets)]
    unknown = np.full(len(words), np.nan)
    basis = NuisanceBasis.fit([words], [rival.static], [unknown], [np.flatnonzero(kept)], rival.static.shape[1])
    facts = basis.facts(words, basis.project(rival.static), unknown)
    return Nuisances(basis.values(facts, np.arange(len(words))).astype(np.float32), basis.groups)


def summary_of(rival: Rival, recipe: FitRecipe, lags_s: np.ndarray) -> Summary:
    """What training with controls says of a recording, as its summary.json holds it."""
    drawn, kind = rival.drawn, rival.drawn.kind
    onsets = [drawn.onsets[drawn.run == k] / SFREQ for k in range(kind.n_runs)]
    fold = assign_folds(onsets, recipe, float(np.ptp(lags_s)))
    rows = [fold == k for k in range(recipe.folds)]
    blocks = [assign_blocks(drawn.run[own]) for own in rows]
    targets = LagTargets.of([drawn.targets[own] for own in rows], kind.n_layers, kind.components, blocks, recipe)
    nuisances = drawn_nuisances(rival, fold >= 0)
    control, adds = UniqueControl.of(targets, nuisances, fold, recipe), OtherTargets.innovations(targets, recipe)
    lags = [LagWords([drawn.at(float(lag))[own] for own in rows], targets, recipe) for lag in lags_s]
    plain_alpha = shared_penalties([search_penalties(lags[i]) for i in searched_lags(len(lags))], recipe.alphas)
    searched = [(own, own.sums().moments) for own in lags[:: 2 * SEARCH_STEP]]
    alpha, added_alpha = (
        shared_penalties([one.search(*own) for own in searched], recipe.alphas) for one in (control, adds)
    )
    groups, shape = list(control.twin.columns), (kind.n_layers, len(lags), recipe.null_draws)
    fits, results, added = [], LagResults(targets.block_words, *shape, groups), LagResults(targets.block_words, *shape)
    for index, words in enumerate(lags):
        fits.append(fit_words(words, plain_alpha))
        results.write(index, control.fit(words, fits[-1], alpha))
        added.write(index, adds.fit(words, fits[-1], added_alpha))
    curves = drawn_curves(drawn, lags_s, fits, targets)
    runs = [
        ControlRun("nuisances", control, results, nuisances.sizes, brain_free(targets, nuisances, fold)),
        ControlRun("innovation", adds, added),
    ]
    contents = {"lags_s": lags_s, **ladder(assess(curves, recipe.peak)), **merged(runs, curves, recipe.peak)}
    return Summary.model_validate(as_json(contents))
