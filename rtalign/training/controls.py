"""Controls of training: which there are, what they compute, and how a summary holds what they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rtalign.core.progress import Progress
from rtalign.core.recipe import FitRecipe, Recipe
from rtalign.decoding.innovation import innovations
from rtalign.decoding.nuisance_basis import NuisanceBasis
from rtalign.decoding.penalties import HeldOut
from rtalign.report.summary import ladder
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import Findings, assess
from rtalign.scoring.unique_board import TWIN, UNIQUE
from rtalign.training.baselines import brain_free
from rtalign.training.lag_fit import LagFit, LagTargets, LagWords, fit_words, search_penalties
from rtalign.training.nuisances import find_nuisances
from rtalign.training.prepare import ActivationRequest, PreparedRecording, compute_activations
from rtalign.training.unique import LagResults, UniqueControl, UniqueFit

CONTROLS = ("nuisances", "innovation")
"""What is left without nuisances, with the static twin and baselines; what each layer adds to those below."""
NOT_CONTROLLED = (
    "the sound itself (its envelope)",
    "the model\u2019s context beyond static vectors of five words",
    "what nuisances do other than by straight or broken lines",
)
"""What no control takes out, in words."""
LATER = ("untrained", "static", "random")
"""Twins of the model, which are trained one by one for now."""


def check_controls(names: Sequence[str], *, extended: bool) -> None:
    """Raise ValueError, in one line, for a control that training cannot do."""
    for name in names:
        if name in LATER:
            other = "random:DIM" if name == "random" else f"NAME:{name}"
            raise ValueError(f"--controls {name} comes later; until then train a second bank with --model {other}")
        if name not in CONTROLS:
            raise ValueError(f"no control is called {name!r}; there is {', '.join(CONTROLS)}")
    if names and extended:
        raise ValueError("--controls need all words, and --extend keeps sums alone: train a new bank of all recordings")


class Control(Protocol):
    """A further fit of every lag, from the words and from what their plain fit has found."""

    @property
    def targets(self) -> LagTargets: ...

    @property
    def n_nuisances(self) -> int: ...

    def search(self, words: LagWords) -> list[HeldOut]: ...

    def fit(self, words: LagWords, plain: LagFit, penalties: np.ndarray | None) -> UniqueFit | LagFit: ...


@dataclass(frozen=True, slots=True, eq=False)
class InnovationControl:
    """What each layer adds to those below: the plain fit with the innovations of the targets.

    targets : LagTargets
        Of the innovations.
    """

    targets: LagTargets
    n_nuisances: int = 0

    @classmethod
    def of(cls, plain: LagTargets, recipe: FitRecipe) -> InnovationControl:
        """From the plain targets."""
        n_layers, _, components = plain.rotations.final.shape
        values = [innovations(of_fold, n_layers, components) for of_fold in plain.values]
        return cls(LagTargets.of(values, n_layers, components, plain.blocks, recipe))

    def search(self, words: LagWords) -> list[HeldOut]:
        """Test every penalty at one lag, as `ridge.try_penalties`."""
        return search_penalties(replace(words, targets=self.targets, gpu=None))

    def fit(self, words: LagWords, plain: LagFit, penalties: np.ndarray | None = None) -> LagFit:
        """Fit and score decoders of the innovations at one lag, from the plain moments of the signal."""
        return fit_words(replace(words, targets=self.targets, sensors=plain.moments, gpu=None), penalties)


@dataclass(frozen=True, slots=True, eq=False)
class ControlRun:
    """One control of one training while its lags are fitted.

    Attributes
    ----------
    name : str
        Of CONTROLS.
    control : Control
        The fit.
    results : LagResults
        Takes what is found.
    groups : dict of str to int
        How many nuisances each group has.
    baselines : dict of str to ndarray, shape (layer,)
        R of what knows no brain, where it was computed.
    penalties : ndarray, shape (fold + 1, target), or None
        Of all lags; None where each lag chooses its own.
    basis : NuisanceBasis or None
        How words become nuisances, which the bank keeps; None where there are none.
    """

    name: str
    control: Control
    results: LagResults
    groups: Mapping[str, int] = field(default_factory=dict)
    baselines: Mapping[str, np.ndarray] = field(default_factory=dict)
    penalties: np.ndarray | None = None
    basis: NuisanceBasis | None = None

    @property
    def done(self) -> np.ndarray:
        """(lag,): 1 where a lag is written."""
        return self.results.done

    def fit_and_write(self, index: int, words: LagWords, plain: LagFit) -> None:
        """Do all that is to be done at one lag."""
        self.results.write(index, self.control.fit(words, plain, self.penalties))

    def entries(self, plain: Curves, rule: str) -> dict[str, Any]:
        """What summary.json holds of the control."""
        found = assess(self.results.curves(plain), rule)
        if not self.groups:
            return {"controls": {self.name: ladder(found) | {"groups": {}}}}
        twin = assess(self.results.twin(plain), rule)
        return evaluation_entries(found, twin, self.results.explained, self.groups) | {"baselines": self.baselines}


def plan_controls(
    names: Sequence[str],
    prepared: Sequence[PreparedRecording],
    static: ActivationRequest,
    targets: LagTargets,
    fold: np.ndarray,
    recipe: Recipe,
    work: Path,
    progress: Progress,
) -> list[ControlRun]:
    """Compute what does not depend on the lag.

    Parameters
    ----------
    names : sequence of str
        Of CONTROLS.
    prepared : sequence of PreparedRecording
        The recordings.
    static : ActivationRequest
        Of state 0 with surprisal.
    targets : LagTargets
        The plain targets.
    fold : ndarray of int, shape (word,)
        The fold of every word in use.
    recipe : Recipe
        Lags and draws.
    work : Path
        Folder of the bank under way; the cache folder is two above it.
    progress : Progress
        Shows the stages.

    Returns
    -------
    list of ControlRun
    """
    shape, runs = (targets.n_layers, len(recipe.lags.seconds), recipe.fit.null_draws), []
    if "nuisances" in names:
        recordings = [one.recording for one in prepared]
        read = compute_activations(recordings, static, work.parents[1], progress, check=lambda: None)
        nuisances, basis = find_nuisances(prepared, read, fold)
        with progress.stage("controls", 1, "job") as stage:
            control = UniqueControl.of(targets, nuisances, fold, recipe.fit)
            groups, path = list(control.twin.columns), work / "nuisances.safetensors"
            results = LagResults(targets.block_words, *shape, groups, path)
            baselines = brain_free(targets, nuisances, fold)
            runs.append(ControlRun("nuisances", control, results, nuisances.sizes, baselines, basis=basis))
            stage.advance()
    if "innovation" in names:
        results = LagResults(targets.block_words, *shape, path=work / "innovation.safetensors")
        runs.append(ControlRun("innovation", InnovationControl.of(targets, recipe.fit), results))
    return runs


def merged(runs: Sequence[ControlRun], plain: Curves, rule: str) -> dict[str, Any]:
    """The entries of all controls together."""
    parts = [run.entries(plain, rule) for run in runs]
    controls = {name: found for part in parts for name, found in part["controls"].items()}
    return {key: value for part in parts for key, value in part.items()} | {"controls": controls}


def evaluation_entries(
    unique: Findings, twin: Findings, explained: Mapping[str, np.ndarray], groups: Mapping[str, int]
) -> dict[str, Any]:
    """What summary.json holds of the controls where a bank's decoders are scored, offline or live.

    Parameters
    ----------
    unique, twin : Findings
        Of unique R and of the static twin.
    explained : mapping of str to ndarray, shape (layer, lag)
        R of the twin by group of nuisances.
    groups : mapping of str to int
        How many nuisances each group has.
    """
    controls = {UNIQUE: ladder(unique) | {"groups": groups}, TWIN: ladder(twin) | {"explained": explained}}
    return {"controls": controls, "not_controlled": NOT_CONTROLLED}
