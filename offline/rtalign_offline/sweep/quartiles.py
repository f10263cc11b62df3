"""The held-out words of a job scored by quartile of the model's own surprisal.

The decoders are those of all words; only the words that they are scored on differ between quartiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.decoding import folds
from rtalign.decoding.moments import rotate
from rtalign.language import QUARTILES, surprisal_quartiles
from rtalign.scoring.cross_validated import Draws, Prepared, score
from rtalign.training.trainer import FitInputs

N_QUARTILES = len(QUARTILES)


@dataclass(frozen=True, slots=True, eq=False)
class Quartiles:
    """Scores the quartiles of one inputs.

    rows : for each quartile and fold, the words of the fold that belong to it; quartile 0 is the most expected words.
    about : bounds and counts, as inputs.json has them.
    """

    rows: Sequence[Sequence[np.ndarray]]
    draws: Sequence[Draws]
    prepared: Sequence[Prepared]
    about: dict[str, list[float]]

    @classmethod
    def of(cls, inputs: FitInputs, surprisal: np.ndarray) -> Quartiles | None:
        """None where the model has no surprisal, or a fold has too few words of a quartile.

        surprisal : (word,) of the usable words.
        """
        known = np.isfinite(surprisal) & (inputs.fold != folds.PURGED)
        if known.sum() < 40 * inputs.recipe.fit.folds:
            return None
        which = surprisal_quartiles(np.where(known, surprisal, np.nan))
        members = [np.flatnonzero(inputs.fold == k) for k in range(inputs.recipe.fit.folds)]
        rows = [[np.flatnonzero(which[words] == q) for words in members] for q in range(N_QUARTILES)]
        if min(len(part) for quartile in rows for part in quartile) < 4:
            return None
        n_layers = inputs.targets.n_layers
        plans = [
            Draws.plan(np.where(which == q, inputs.fold, folds.PURGED), n_layers, inputs.recipe.fit)
            for q in range(N_QUARTILES)
        ]
        turns = [turn.astype(np.float32) for turn in inputs.targets.rotations.outer]
        targets = [rotate(y, turn) for y, turn in zip(inputs.targets.values, turns, strict=True)]
        prepared = [
            plan.prepare([y[part] for y, part in zip(targets, quartile, strict=True)])
            for plan, quartile in zip(plans, rows, strict=True)
        ]
        about = {
            "bounds_nats": [float(surprisal[which == q].min()) for q in range(1, N_QUARTILES)],
            "n_words": [float((which == q).sum()) for q in range(N_QUARTILES)],
            "mean_nats": [float(surprisal[which == q].mean()) for q in range(N_QUARTILES)],
        }
        return cls(rows, plans, prepared, about)

    def score(self, predicted: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """r (quartile, layer), null (quartile, draw, layer) and left_out (quartile, block, layer) of one lag.

        predicted : one (word of the fold, target) a fold.
        """
        found = [
            score(plan, [p[part] for p, part in zip(predicted, quartile, strict=True)], prepared)
            for plan, quartile, prepared in zip(self.draws, self.rows, self.prepared, strict=True)
        ]
        return {
            "quartile_r": np.stack([one.r for one in found]),
            "quartile_null": np.stack([one.null for one in found]).astype(np.float32),
            "quartile_left_out": np.stack([one.left_out for one in found]).astype(np.float32),
        }

    @property
    def block_words(self) -> np.ndarray:
        """(quartile, block): number of words of each block that is left out."""
        return np.array([plan.block_words for plan in self.draws])
