"""The control that takes nuisances out: unique R of every lag, and R of the static twin, from the plain fit's sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rtalign.core.recipe import FitRecipe
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.decoding.block_pairs import SignalBlocks
from rtalign.decoding.controls.partialling import FoldNuisances, ResidualFold, residual_rotations
from rtalign.decoding.controls.static_twin import WHOLE, StaticTwin, TwinScores
from rtalign.decoding.moments import Moments, rotate
from rtalign.decoding.penalties import HeldOut, descending, least_losses
from rtalign.decoding.ridge import eigen_bases
from rtalign.scoring.curves import Curves
from rtalign.scoring.latency import noise_of_decoders
from rtalign.scoring.left_out import LeftOut
from rtalign.training.controls.nuisances import Nuisances
from rtalign.training.lag.fit import ControlFit, LagFit, fit_control, try_penalties
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords


@dataclass(frozen=True, slots=True, eq=False)
class UniqueFit(ControlFit):
    """What the control finds at one lag: that of the residual words, and R of the twin."""

    twin: TwinScores


@dataclass(frozen=True, slots=True, eq=False)
class UniqueControl:
    """What the control needs that does not depend on the lag.

    Attributes
    ----------
    nuisances : sequence of FoldNuisances
        One a fold.
    targets : LagTargets
        Of the residual targets.
    twin : StaticTwin
        Of the same words.
    """

    nuisances: Sequence[FoldNuisances]
    targets: LagTargets
    twin: StaticTwin

    @classmethod
    def of(cls, plain: LagTargets, nuisances: Nuisances, fold: np.ndarray, recipe: FitRecipe) -> UniqueControl:
        """From the plain targets; fold (word,) of all words in use says which of these are in which fold."""
        own = [
            FoldNuisances.of(nuisances.values[fold == k], values, rows, recipe.precision)
            for k, (values, rows) in enumerate(zip(plain.values, plain.blocks, strict=True))
        ]
        find = partial(residual_rotations, whole=plain.moments)
        residuals, components = [one.residuals for one in own], plain.rotations.final.shape[2]
        targets = LagTargets.of(residuals, plain.n_layers, components, plain.blocks, recipe, find_rotations=find)
        turned = [rotate(y, turn.astype(y.dtype)) for y, turn in zip(plain.values, plain.rotations.outer, strict=True)]
        return cls(own, targets, StaticTwin.of(turned, own, nuisances.groups, components))

    @property
    def n_nuisances(self) -> int:
        """How many nuisances there are."""
        return len(self.nuisances[0].axes)

    @property
    def widening(self) -> float:
        """How much wider R spreads than random signs of blocks say, for the degrees of freedom that nuisances take.

        Residuals of n words on q nuisances vary in n - q directions, and correlations with them accordingly.
        """
        n_words = sum(len(own.values) for own in self.nuisances)
        left = n_words - sum(own.axes.shape[1] for own in self.nuisances)
        return float(np.sqrt(n_words / left))

    def take_out(self, words: LagWords, moments: Sequence[Moments]) -> list[ResidualFold]:
        """The signal with the nuisances taken out, fold by fold, from plain moments."""
        folds = zip(self.nuisances, words.signals, moments, strict=True)
        return [ResidualFold.of(*fold, words.recipe.precision) for fold in folds]

    def search(self, words: LagWords, moments: Sequence[Moments]) -> list[HeldOut]:
        """Test every penalty of unique R at one lag, as `ridge.try_penalties`, from the moments of the words."""
        folds = zip(self.take_out(words, moments), self.targets.moments, strict=True)
        left = [fold.with_targets(of_y) for fold, of_y in folds]
        return try_penalties(left, self.targets.rotations, words.recipe, None, words.gpu, final=False)

    def fit(self, words: LagWords, plain: LagFit, penalties: np.ndarray | None = None) -> UniqueFit:
        """Fit and score the decoders of the residual words of one lag.

        Parameters
        ----------
        words : LagWords
            The words as they are.
        plain : LagFit
            Their plain fit, whose sums serve here again.
        penalties : ndarray, shape (decoder, target), optional
            Chosen before, for all lags; else they are chosen for this lag.

        Returns
        -------
        UniqueFit
        """
        recipe, wider = words.recipe, self.widening
        if penalties is None:
            penalties = least_losses(self.search(words, plain.moments), descending(recipe.alphas))
        residual = self.take_out(words, plain.moments)
        folds = [
            SignalBlocks(fold.signal, fold.parts(wide)) for fold, wide in zip(residual, plain.sums.parts, strict=True)
        ]
        bases = eigen_bases([fold.moments for fold in folds], recipe.precision, (1,))

        def predict(weights: Sequence[np.ndarray]) -> list[np.ndarray]:
            return [fold.predict(x, w) for fold, x, w in zip(residual, words.signals, weights, strict=True)]

        found = fit_control(folds, bases, self.targets, penalties, recipe, predict)
        left_out = found.r + (found.left_out - found.r) * wider
        carried = [fold.carried.xy.T @ weights for fold, weights in zip(residual, plain.fit.weights, strict=True)]
        twin = self.twin.score(carried, plain.fit.agreements)
        return UniqueFit(found.r, found.null * wider, left_out, found.excess * wider**2, found.halves, twin)


class LagResults:
    """What a control found, lag by lag: in memory, or in a file beside that of the bank under way.

    Parameters
    ----------
    block_words : sequence of int
        Number of words of each block.
    n_layers, n_lags, n_draws : int
        Layers, lags, and draws of the null.
    groups : sequence of str
        Groups of nuisances whose twins are scored; none without twins.
    path : Path, optional
        The file: as an interrupted run left it, or new; without one, results are kept in memory.
    """

    NAMES = ("r", "null", "left_out", "excess", "halves")

    def __init__(
        self,
        block_words: Sequence[int],
        n_layers: int,
        n_lags: int,
        n_draws: int,
        groups: Sequence[str] = (),
        path: Path | None = None,
    ) -> None:
        self.groups, self._block_words, blocks = groups, block_words, len(block_words)
        shapes: dict[str, tuple[str, tuple[int, ...]]] = {
            "done": ("uint8", (n_lags,)),
            "r": ("float64", (n_layers, n_lags)),
            "null": ("float32", (n_draws, n_layers, n_lags)),
            "left_out": ("float32", (blocks, n_layers, n_lags)),
            "excess": ("float32", (n_layers, n_lags)),
            "halves": ("float32", (2, n_layers, n_lags)),
            "twin": ("float64", (len(groups), n_layers, n_lags)),
            "without": ("float64", (len(groups), n_layers, n_lags)),
            "twin_left_out": ("float32", (blocks, n_layers, n_lags)),
        }
        self._arrays: TensorFile | dict[str, np.ndarray]
        if path is None:
            self._arrays = {name: np.zeros(shape, dtype) for name, (dtype, shape) in shapes.items()}
        elif path.exists() and TensorFile(path).shapes() == {name: shape for name, (_, shape) in shapes.items()}:
            self._arrays = TensorFile(path, writable=True)
        else:
            self._arrays = TensorFile.create(path, shapes)

    @property
    def done(self) -> np.ndarray:
        """(lag,): 1 where a lag is written."""
        return self._arrays["done"]

    def write(self, index: int, found: ControlFit) -> None:
        """Write one lag."""
        for name in self.NAMES:
            self._arrays[name][..., index] = getattr(found, name)
        if isinstance(found, UniqueFit):
            self._arrays["twin"][..., index] = np.stack([found.twin.r[group] for group in self.groups])
            self._arrays["without"][..., index] = np.stack([found.twin.without[group] for group in self.groups])
            self._arrays["twin_left_out"][..., index] = found.twin.left_out
        self.done[index] = 1

    def curves(self, plain: Curves) -> Curves:
        """Curves of the control, beside the plain ones."""
        r, null, without, excess, halves = (np.array(self._arrays[name]) for name in self.NAMES)
        left_out = LeftOut.of(without, self._block_words, excess)
        return Curves(plain.lags_s, plain.layers, plain.depth, r, null, left_out, noise_of_decoders(r, halves), halves)

    def twin(self, plain: Curves) -> Curves:
        """Curves of the static twin; chance is that of the plain curves, whose predictions are as noisy."""
        left_out = LeftOut.of(np.array(self._arrays["twin_left_out"]), self._block_words)
        r = self.explained[WHOLE]
        return Curves(plain.lags_s, plain.layers, plain.depth, r, plain.null, left_out, plain.noise)

    @property
    def explained(self) -> dict[str, np.ndarray]:
        """(layer, lag) by group: R that the nuisances of a group carry by themselves."""
        return self._by_group("twin")

    @property
    def without(self) -> dict[str, np.ndarray]:
        """(layer, lag) by group: R of the plain decoders with a group taken out of held-out words."""
        return self._by_group("without")

    def _by_group(self, name: str) -> dict[str, np.ndarray]:
        return {group: np.array(part) for group, part in zip(self.groups, self._arrays[name], strict=True)}
