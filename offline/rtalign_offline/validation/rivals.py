"""Recordings that a plain ladder is fooled by, or is right about; each with what a control has to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtalign.core.progress import Progress
from rtalign.core.recipe import FitRecipe
from rtalign.core.records import Word
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding.folds import assign_folds
from rtalign.scoring.findings import Findings, assess
from rtalign.training.nuisances import Nuisances, neighbours, timing
from rtalign.training.unique import UniqueInputs, fit_unique, partialled_targets
from rtalign_offline.validation.drawn import SFREQ, DrawnKind, DrawnRecording, answer, draw

STATIC = 10
"""Dimensions of the static vectors."""
TIMED = 0.6
"""Share of the intervals around a word in a target, where targets know of timing."""


@dataclass(frozen=True, slots=True, eq=False)
class Rival:
    """A drawn recording and the static vector of each word, (word, dim)."""

    drawn: DrawnRecording
    static: np.ndarray


KINDS = ("onsets", "next word", "true ladder")


def draw_rival(kind: str, seed: int, n_words: int = 1500, strength: float = 1.0) -> Rival:
    """Draw a recording of one kind.

    onsets : every word has the same response at 100 and 200 ms; targets know the intervals around their word.
    next word : the brain answers the static vector of each word at one latency; deeper targets hold more of that of the
    next word.
    true ladder : each layer's own content at its own latency, over static vectors of word and next word that the brain
    answers at one latency.

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
    true = kind == "true ladder"
    base = DrawnKind(
        n_words=n_words,
        latencies_s=tuple(np.linspace(0.15, 0.45, 5)) if true else (),
        strength=strength if true else 0.0,
        share=0.5,
        common=(0.1, 0.2) if kind == "onsets" else (),
    )
    drawn = draw(base, [seed, 0xC0])
    rng = np.random.default_rng([seed, 0xC1])
    static = rng.standard_normal((n_words, STATIC)).astype(np.float32)
    added = _timed(drawn, rng) if kind == "onsets" else _shared(drawn, static)
    targets = drawn.targets.reshape(n_words, base.n_layers, -1) + added
    if kind != "onsets":
        pattern = np.random.default_rng(0xC2).standard_normal((STATIC, base.n_sensors)) / np.sqrt(STATIC)
        answer(drawn.signal, drawn.onsets, 0.2, (strength * static @ pattern).astype(np.float32))
    return Rival(replace(drawn, targets=targets.reshape(n_words, -1).astype(np.float32)), static)


def _timed(drawn: DrawnRecording, rng: np.random.Generator) -> np.ndarray:
    """(word, layer, component): the intervals before and after a word, mixed anew in each layer."""
    gaps = np.diff(drawn.onsets, prepend=drawn.onsets[0], append=drawn.onsets[-1]) / SFREQ
    around = np.column_stack([gaps[:-1], gaps[1:]])
    around = (around - around.mean(0)) / around.std(0)
    shape = (drawn.kind.n_layers, 2, drawn.kind.components)
    return TIMED * np.einsum("wi,lic->wlc", around, rng.standard_normal(shape))


def _shared(drawn: DrawnRecording, static: np.ndarray) -> np.ndarray:
    """(word, layer, component): static vectors of word and next word; the deeper, the more of the next."""
    following = np.roll(static, -1, axis=0)
    share = np.linspace(0, 1, drawn.kind.n_layers)[:, None]
    return (1 - share) * static[:, None, :] + share * following[:, None, :]


def findings(rival: Rival, recipe: FitRecipe, lags_s: np.ndarray, *, control: bool) -> Findings:
    """The plain ladder of a recording, or the unique one; both by the same route, the plain one without nuisances."""
    drawn, kind = rival.drawn, rival.drawn.kind
    onsets = [drawn.onsets[drawn.run == k] / SFREQ for k in range(kind.n_runs)]
    fold = assign_folds(onsets, recipe, float(np.ptp(lags_s)))
    kept = fold >= 0
    nuisances = nuisances_of(rival, kept).values if control else np.empty((kind.n_words, 0), np.float32)
    rows = [fold == k for k in range(recipe.folds)]
    z = [nuisances[own] for own in rows]
    blocks = [assign_blocks(drawn.run[own]) for own in rows]
    values = [drawn.targets[own] for own in rows]
    targets = partialled_targets(values, z, kind.n_layers, kind.components, blocks, recipe)
    inputs = UniqueInputs(lambda i: [drawn.at(float(lags_s[i]))[own] for own in rows], lags_s, z, targets, recipe)
    return assess(fit_unique(inputs, range(kind.n_layers), kind.n_layers, Progress(quiet=True)), recipe.peak)


def nuisances_of(rival: Rival, kept: np.ndarray) -> Nuisances:
    """Timing and static neighbours of all words of one story."""
    words = [Word(i, "w", float(onset) / SFREQ) for i, onset in enumerate(rival.drawn.onsets)]
    used = [np.arange(len(words))]
    return Nuisances.of({
        "timing": timing([words], used), "neighbours": neighbours([rival.static], used, kept, STATIC)
    })  # fmt: skip


def study(
    kind: str, seeds: Sequence[int], n_words: int = 1500, strength: float = 1.0, step_s: float = 0.04
) -> list[dict[str, dict[str, float | None]]]:
    """Plain and unique findings of one kind, a row a seed.

    Parameters
    ----------
    kind : str
        One of KINDS.
    seeds : sequence of int
        One recording each.
    n_words : int
        Length of each story.
    strength : float
        Of the answers.
    step_s : float
        Between two lags.

    Returns
    -------
    list of dict
        By "plain" and "unique": layers with a peak, highest R, r and slope of the ladder, p of the permutation.
    """
    recipe, lags_s = FitRecipe(null_draws=500), np.round(np.arange(-0.3, 0.9001, step_s), 3)
    rows = []
    for seed in seeds:
        rival = draw_rival(kind, seed, n_words, strength)
        both = (("plain", False), ("unique", True))
        rows.append({name: outcome(findings(rival, recipe, lags_s, control=control)) for name, control in both})
    return rows


def outcome(found: Findings) -> dict[str, float | None]:
    """What is counted of one analysis."""
    score = found.temporal
    return {
        "peaks": sum(peak.peak_s is not None for peak in found.peaks),
        "best": found.alignment.best,
        "r": score.r if score else None,
        "slope_ms": score.slope_ms if score else None,
        "p": score.p_permutation if score else None,
    }
