"""The words of a job by quartile of the model's own surprisal, scored by decoders of all words or by their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtalign.core.progress import Progress
from rtalign.decoding import folds
from rtalign.language import QUARTILES, surprisal_quartiles
from rtalign.training.lag.fit import LagFit, fit_words
from rtalign.training.lag.subsets import SubsetScores, WordSubset, score_subsets
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords
from rtalign.training.trainer import FitInputs, find_penalties

N_QUARTILES = len(QUARTILES)

SCORES = ("r", "null", "left_out", "excess")
"""What is kept of each quartile."""


@dataclass(frozen=True, slots=True, eq=False)
class Quartiles:
    """The quartiles of one job.

    Attributes
    ----------
    subsets : sequence of WordSubset
        The words of each quartile; quartile 0 is that of the most expected words.
    refits : sequence of FitInputs
        Of these words alone, where decoders are fitted to them; empty where they are those of all words.
    about : dict
        Bounds and counts, as job.json has them.
    """

    subsets: Sequence[WordSubset]
    refits: Sequence[FitInputs]
    about: dict[str, list[float]]

    @classmethod
    def of(
        cls, inputs: FitInputs, surprisal: np.ndarray, *, refit: bool = False, n_workers: int = 1
    ) -> Quartiles | None:
        """Sort the usable words by surprisal (word,), and choose penalties where decoders are to be fitted.

        None where the model has no surprisal, or a block of words has none of a quartile.  n_workers : lags that are
        searched at the same time.
        """
        fold, targets = inputs.fold, inputs.targets
        known = np.isfinite(surprisal) & (fold != folds.PURGED)
        if known.sum() < 40 * inputs.recipe.fit.folds:
            return None
        which = surprisal_quartiles(np.where(known, surprisal, np.nan))
        members = [np.flatnonzero(fold == k) for k in range(inputs.recipe.fit.folds)]
        rows = [[np.flatnonzero(which[words] == q) for words in members] for q in range(N_QUARTILES)]
        if min(len(own) for quartile in rows for own in quartile) < 1:
            return None
        subsets = [WordSubset.of(targets, quartile, inputs.recipe.fit) for quartile in rows]
        if min(min(subset.block_words) for subset in subsets) < 1:
            return None
        about = {
            "bounds_nats": [float(surprisal[which == q].min()) for q in range(1, N_QUARTILES)],
            "n_words": [float((which == q).sum()) for q in range(N_QUARTILES)],
            "mean_nats": [float(surprisal[which == q].mean()) for q in range(N_QUARTILES)],
        }
        refits = [_refit(inputs, which == q, subset, n_workers) for q, subset in enumerate(subsets)] if refit else []
        return cls(subsets, refits, about)

    def score(self, words: LagWords, fitted: LagFit) -> dict[str, np.ndarray]:
        """Arrays (quartile, ...) of one lag, named as those of all words."""
        found: list[LagFit] | list[SubsetScores]
        if self.refits:
            found = [_fit(words, refit, subset) for refit, subset in zip(self.refits, self.subsets, strict=True)]
        else:
            found = score_subsets(words, fitted, self.subsets)
        names = (*SCORES, "halves") if self.refits else SCORES
        return {
            f"quartile_{name}": np.stack([getattr(one, name) for one in found]).astype(np.float32) for name in names
        }

    @property
    def block_words(self) -> np.ndarray:
        """(quartile, block): number of words of each block that is left out."""
        return np.array([subset.block_words for subset in self.subsets])


def _refit(inputs: FitInputs, own: np.ndarray, subset: WordSubset, n_workers: int) -> FitInputs:
    """The fit of some of the words (word,) alone: the others are purged."""
    components = inputs.targets.rotations.final.shape[2]
    values = [y[rows] for y, rows in zip(inputs.targets.values, subset.rows, strict=True)]
    targets = LagTargets.of(values, inputs.targets.n_layers, components, subset.blocks, inputs.recipe.fit)
    fold = np.where(own, inputs.fold, folds.PURGED)
    alone = replace(inputs, fold=fold, targets=targets, gpu=None, penalties=None, sensor_moments=None)
    return find_penalties(alone, Progress(quiet=True), n_workers)


def _fit(words: LagWords, refit: FitInputs, subset: WordSubset) -> LagFit:
    signals = [x[rows] for x, rows in zip(words.signals, subset.rows, strict=True)]
    return fit_words(LagWords(signals, refit.targets, words.recipe), refit.penalties)
