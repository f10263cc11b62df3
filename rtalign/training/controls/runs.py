"""Controls of training: which there are, what they compute, and how a summary holds what they found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rtalign.core.progress import Progress
from rtalign.core.recipe import FitRecipe, Recipe
from rtalign.decoding.block_pairs import SignalBlocks
from rtalign.decoding.controls.innovation import innovations
from rtalign.decoding.controls.nuisance_basis import NuisanceBasis
from rtalign.decoding.moments import Moments
from rtalign.decoding.penalties import HeldOut, descending, least_losses
from rtalign.report.summary import MODEL_TWINS, ladder
from rtalign.report.verdict import ENVELOPE, left_uncontrolled
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import TWIN, UNIQUE, Findings, assess
from rtalign.training.components import fit_wide_basis, stories_of
from rtalign.training.controls.baselines import brain_free
from rtalign.training.controls.nuisances import find_nuisances
from rtalign.training.controls.sound_envelope import find_loudness
from rtalign.training.controls.unique import LagResults, UniqueControl
from rtalign.training.lag.fit import SEARCH_STEP, ControlFit, LagFit, fit_control, try_penalties
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords
from rtalign.training.prepare import (
    ActivationRequest,
    PreparedRecording,
    StoredActivations,
    compute_activations,
    fold_targets,
)

if TYPE_CHECKING:  # importing it would import torch
    from rtalign.language.model import LanguageModel

LoadTwin = Callable[[], "LanguageModel"]
BREAKDOWN = "breakdown"
CONTROLS = ("nuisances", "innovation", BREAKDOWN)
"""What is left without nuisances, with the static twin and baselines; what each layer adds to those below; where the
result comes from (`rtalign.training.breakdown`)."""


def check_controls(names: Sequence[str], *, extended: bool) -> None:
    """Raise ValueError, in one line, for a control that training cannot do."""
    for name in names:
        if name not in (*CONTROLS, *MODEL_TWINS):
            raise ValueError(f"no control is called {name!r}; there is {', '.join((*CONTROLS, *MODEL_TWINS))}")
    if names and extended:
        raise ValueError("--controls need all words, and --extend keeps sums alone: train a new bank of all recordings")


class Control(Protocol):
    """A further fit of every lag, from the words and from what their plain fit has found."""

    @property
    def targets(self) -> LagTargets: ...

    @property
    def n_nuisances(self) -> int: ...

    def search(self, words: LagWords, moments: Sequence[Moments]) -> list[HeldOut]: ...

    def fit(self, words: LagWords, plain: LagFit, penalties: np.ndarray | None) -> ControlFit: ...


@dataclass(frozen=True, slots=True, eq=False)
class OtherTargets:
    """The plain fit with other targets of the same words, from the same moments and directions of the signal.

    targets : LagTargets
        The other targets.
    """

    targets: LagTargets
    n_nuisances: int = 0

    @classmethod
    def innovations(cls, plain: LagTargets, recipe: FitRecipe) -> OtherTargets:
        """What each layer adds to those below it."""
        n_layers, _, components = plain.rotations.final.shape
        values = [innovations(of_fold, n_layers, components) for of_fold in plain.values]
        return cls(LagTargets.of(values, n_layers, components, plain.blocks, recipe))

    def search(self, words: LagWords, moments: Sequence[Moments]) -> list[HeldOut]:
        """Test every penalty at one lag, as `ridge.try_penalties`; the words may know their directions."""
        own = replace(words, targets=self.targets, sensors=moments, gpu=None).sums().moments
        return try_penalties(own, self.targets.rotations, words.recipe, words.bases, final=False)

    def fit(self, words: LagWords, plain: LagFit, penalties: np.ndarray | None = None) -> ControlFit:
        """Fit and score the decoders of the other targets at one lag."""
        own, recipe = replace(words, targets=self.targets, sensors=plain.moments, gpu=None), words.recipe
        if penalties is None:
            penalties = least_losses(self.search(own, plain.moments), descending(recipe.alphas))
        sums = own.sums()
        folds = [SignalBlocks(*fold) for fold in zip(sums.moments, sums.parts, strict=True)]

        def predict(weights: Sequence[np.ndarray]) -> list[np.ndarray]:
            parts = zip(words.signals, sums.moments, weights, strict=True)
            return [x @ w - (of_x.mean_x @ w).astype(w.dtype) for x, of_x, w in parts]

        return fit_control(folds, plain.bases, self.targets, penalties, recipe, predict)


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
    search_step : int
        Every so many lags are searched for these.
    basis : NuisanceBasis or None
        How words become nuisances, which the bank keeps; None where there are none.
    axes : tuple of ndarray and ndarray, or None
        Layers (layer,) and their depth, where these are another model's.
    """

    name: str
    control: Control
    results: LagResults
    groups: Mapping[str, int] = field(default_factory=dict)
    baselines: Mapping[str, np.ndarray] = field(default_factory=dict)
    penalties: np.ndarray | None = None
    search_step: int = 2 * SEARCH_STEP
    basis: NuisanceBasis | None = None
    axes: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def done(self) -> np.ndarray:
        """(lag,): 1 where a lag is written."""
        return self.results.done

    def fit_and_write(self, index: int, words: LagWords, plain: LagFit) -> None:
        """Do all that is to be done at one lag."""
        self.results.write(index, self.control.fit(words, plain, self.penalties))

    def entries(self, plain: Curves, rule: str) -> dict[str, Any]:
        """What summary.json holds of the control."""
        if self.axes:
            plain = replace(plain, layers=self.axes[0], depth=self.axes[1])
        found = assess(self.results.curves(plain), rule)
        if not self.groups:
            return {"controls": {self.name: ladder(found) | {"groups": {}}}}
        twin = assess(self.results.twin(plain), rule)
        entries = evaluation_entries(found, twin, self.results.explained, self.groups, self.results.without)
        return entries | {"baselines": self.baselines}


@dataclass(frozen=True, slots=True, eq=False)
class SharedWords:
    """What all controls of one training share.

    Attributes
    ----------
    prepared : sequence of PreparedRecording
        The recordings.
    targets : LagTargets
        The plain targets.
    fold : ndarray of int, shape (word,)
        The fold of every word in use.
    recipe : Recipe
        Lags and draws.
    work : Path
        Folder of the bank under way; the cache folder is two above it.
    """

    prepared: Sequence[PreparedRecording]
    targets: LagTargets
    fold: np.ndarray
    recipe: Recipe
    work: Path

    def results(self, name: str, n_layers: int, groups: Sequence[str] = ()) -> LagResults:
        """A file for what a control finds, beside that of the bank."""
        shape = n_layers, len(self.recipe.lags.seconds), self.recipe.fit.null_draws
        return LagResults(self.targets.block_words, *shape, groups, self.work / f"{name}.safetensors")

    def read(self, request: ActivationRequest, progress: Progress) -> list[StoredActivations]:
        """Activations of all words of the recordings."""
        recordings = [one.recording for one in self.prepared]
        return compute_activations(recordings, request, self.work.parents[1], progress, check=lambda: None)


def plan_controls(
    names: Sequence[str], shared: SharedWords, static: ActivationRequest, progress: Progress
) -> list[ControlRun]:
    """Compute what does not depend on the lag.

    Parameters
    ----------
    names : sequence of str
        Of CONTROLS.
    shared : SharedWords
        The words.
    static : ActivationRequest
        Of state 0 with surprisal.
    progress : Progress
        Shows the stages.

    Returns
    -------
    list of ControlRun
    """
    targets, fold, recipe, runs = shared.targets, shared.fold, shared.recipe, []
    if "nuisances" in names:
        loudness = find_loudness(shared.prepared, progress)
        nuisances, basis = find_nuisances(shared.prepared, shared.read(static, progress), fold, loudness=loudness)
        if loudness is not None and ENVELOPE not in nuisances.groups:
            progress.say("the sound is not controlled: there are too few words")
        with progress.stage("controls", 1, "job") as stage:
            control = UniqueControl.of(targets, nuisances, fold, recipe.fit)
            results = shared.results("nuisances", targets.n_layers, list(control.twin.columns))
            baselines = brain_free(targets, nuisances, fold)
            runs.append(ControlRun("nuisances", control, results, nuisances.sizes, baselines, basis=basis))
            stage.advance()
    if "innovation" in names:
        results = shared.results("innovation", targets.n_layers)
        runs.append(ControlRun("innovation", OtherTargets.innovations(targets, recipe.fit), results))
    return runs


def plan_twin(name: str, load: LoadTwin, layers: Sequence[int], shared: SharedWords, progress: Progress) -> ControlRun:
    """The fit of a twin of the model to the same words.

    Parameters
    ----------
    name : str
        Of MODEL_TWINS.
    load : callable
        Loads the twin.
    layers : sequence of int
        Those of the model; a twin with one state has that one.
    shared : SharedWords
        The words.
    progress : Progress
        Shows the stages.

    Returns
    -------
    ControlRun
    """
    twin, recipe = load(), shared.recipe
    own = list(layers) if name == "untrained" else [0]
    # A random vector a word type: read in its context, a word would have another one each time.
    language = recipe.with_settings("language", context="window:0").language if name == "random" else recipe.language
    read = shared.read(ActivationRequest(twin, language, own), progress)
    prepared = [replace(one, activations=values) for one, values in zip(shared.prepared, read, strict=True)]
    projection = fit_wide_basis(stories_of(prepared), recipe)
    values = fold_targets(prepared, projection, shared.fold, recipe.fit.folds)
    targets = LagTargets.of(values, len(own), projection.components, shared.targets.blocks, recipe.fit)
    index = np.array(own)
    axes = index, index / max(twin.info.n_layers - 1, 1)
    return ControlRun(name, OtherTargets(targets), shared.results(name, len(own)), search_step=SEARCH_STEP, axes=axes)


def merged(runs: Sequence[ControlRun], plain: Curves, rule: str) -> dict[str, Any]:
    """The entries of all controls together."""
    parts = [run.entries(plain, rule) for run in runs]
    controls = {name: found for part in parts for name, found in part["controls"].items()}
    return {key: value for part in parts for key, value in part.items()} | {"controls": controls}


def evaluation_entries(
    unique: Findings,
    twin: Findings,
    explained: Mapping[str, np.ndarray],
    groups: Mapping[str, int],
    without: Mapping[str, np.ndarray],
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
    without : mapping of str to ndarray, shape (layer, lag)
        R of the plain decoders with each group alone taken out of the scored words.
    """
    controls = {
        UNIQUE: ladder(unique) | {"groups": groups, "without": without},
        TWIN: ladder(twin) | {"explained": explained},
    }
    return {"controls": controls, "not_controlled": left_uncontrolled(groups)}
