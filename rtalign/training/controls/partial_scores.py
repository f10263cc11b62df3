"""Unique R of fixed decoders: what predictions and targets share beyond the nuisances of the scored words."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rtalign.core.agreement import Agreement
from rtalign.decoding.controls.partialling import ROUNDING, FoldNuisances
from rtalign.decoding.controls.static_twin import StaticTwin, TwinScores
from rtalign.scoring.cross_validated import Draws, Prepared, score
from rtalign.scoring.curves import LagScore
from rtalign.training.controls.nuisances import Nuisances


@dataclass(frozen=True, slots=True, eq=False)
class PartialScores:
    """The nuisances and residual targets of all scored words.

    Attributes
    ----------
    nuisances : FoldNuisances
        Of all scored words together, with their targets.
    draws : Draws
        As for plain R.
    residuals : Prepared
        Residual targets.
    twin : StaticTwin
        Of the same words.
    targets : ndarray, shape (word, target)
        As they are.
    """

    nuisances: FoldNuisances
    draws: Draws
    residuals: Prepared
    twin: StaticTwin
    targets: np.ndarray

    @classmethod
    def of(cls, nuisances: Nuisances, targets: np.ndarray, draws: Draws) -> PartialScores:
        """From the nuisances and targets of the words that are scored."""
        (fold,) = draws.folds
        own = FoldNuisances.of(nuisances.values, targets, fold.blocks)
        twin = StaticTwin.of([targets], [own], nuisances.groups, targets.shape[1] // draws.n_layers)
        # What the nuisances explain whole is rounding, which signal and targets may share: such a target is constant.
        left, all_of_it = own.residuals.var(0), targets.reshape(len(targets), draws.n_layers, -1).var(0).sum(1)
        kept = left > ROUNDING * np.repeat(all_of_it, targets.shape[1] // draws.n_layers)
        return cls(own, draws, draws.prepare([own.residuals * kept]), twin, targets)

    def score(self, predicted: np.ndarray) -> tuple[LagScore, TwinScores]:
        """Score the predictions (word, target) of one lag with the nuisances taken out.

        Parameters
        ----------
        predicted : ndarray, shape (word, target)
            By decoders that were not trained on these words.

        Returns
        -------
        tuple of LagScore and TwinScores
            Partial correlations with their null and without blocks, and R of the static twin.
        """
        own = self.nuisances
        z = own.values - own.moments.mean_x
        carried = z.T @ (predicted - predicted.mean(0)).astype(np.float64)
        left = predicted - (z @ (own.axes @ (own.axes.T @ carried))).astype(predicted.dtype)
        found = score(self.draws, [left], self.residuals)
        wider = np.sqrt(len(z) / (len(z) - own.axes.shape[1]))
        left_out = found.r + (found.left_out - found.r) * wider
        unique = replace(found, null=found.null * wider, left_out=left_out)
        return unique, self.twin.score([carried], [Agreement.of(predicted, self.targets)])
