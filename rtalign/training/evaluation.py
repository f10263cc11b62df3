"""evaluate: how well a bank predicts recordings that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.core.agreement import Agreement
from rtalign.core.machine import cpu_count
from rtalign.core.parallel import run_ordered
from rtalign.core.progress import Progress
from rtalign.core.records import Recording, RecordingIdentity
from rtalign.core.storage.cache import cache_folder
from rtalign.core.storage.files import replaced_folder
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.controls.static_twin import WHOLE
from rtalign.decoding.moments import Moments
from rtalign.decoding.training_overlap import TrainingOverlap
from rtalign.scoring.cross_validated import Draws, score
from rtalign.scoring.curves import Curves, LagScore
from rtalign.scoring.findings import assess
from rtalign.scoring.left_out import LeftOut
from rtalign.scoring.statistics import by_layer
from rtalign.training import breakdown, results
from rtalign.training.controls.nuisances import Nuisances, find_nuisances
from rtalign.training.controls.partial_scores import PartialScores
from rtalign.training.controls.runs import BREAKDOWN, evaluation_entries
from rtalign.training.prepare import (
    ActivationRequest,
    PreparedRecording,
    compute_activations,
    count_skipped,
    prepare_recordings,
    read_lag,
)
from rtalign.training.results import write_results

if TYPE_CHECKING:
    from rtalign.language.model import LanguageModel

MIN_SCORED_WORDS = 50
"""Words that a curve needs."""
EVALUATION_CONTROLS = ("nuisances", BREAKDOWN)
"""What is left without nuisances, with the static twin; where the result comes from."""


def evaluate(
    bank: DecoderBank,
    recordings: Sequence[Recording],
    model: LanguageModel,
    out: Path,
    progress: Progress | None = None,
    *,
    store: Path | None = None,
    extra: dict[str, Any] | None = None,
    controls: Sequence[str] = (),
) -> dict[str, Any]:
    """Score a bank's final decoders on every usable word of some recordings.

    Parameters
    ----------
    bank : DecoderBank
        The bank.
    recordings : sequence of Recording
        None of which the bank was trained on.
    model : LanguageModel
        The model that the bank was made with.
    out : Path
        Folder of the results; an older one is replaced.
    progress : Progress, optional
        Shows the stages; by default nothing is shown.
    store : Path, optional
        The cache folder; by default `rtalign.core.cache_folder()`.
    extra : dict, optional
        More entries of summary.json.
    controls : sequence of str
        Of EVALUATION_CONTROLS: "nuisances" adds what predictions and targets share beyond nuisances, and the static
        twin; "breakdown" adds kinds of words and decoders of one lag at another.

    Returns
    -------
    dict
        The contents of summary.json; ValueError if the bank does not fit the model or the recordings.

    Examples
    --------
    >>> summary = evaluate(bank, recordings, load("smollm2"), Path("scores"))  # doctest: +SKIP
    """
    progress = progress or Progress(quiet=True)
    progress.seconds.clear()  # what was done before is not part of these results
    scored = score_recordings(bank, recordings, model, progress, store=store, controls=controls)
    return scored.write(out, progress, extra)


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRecordings:
    """How well a bank predicts some recordings, before it is written.

    Attributes
    ----------
    bank : DecoderBank
    prepared : list of PreparedRecording
        The recordings.
    curves : Curves
        R(layer, lag).
    overlap : TrainingOverlap
        What is known of words that the bank was trained on.
    controlled : dict
        Entries of summary.json on what controls found.
    """

    bank: DecoderBank
    prepared: list[PreparedRecording]
    curves: Curves
    overlap: TrainingOverlap
    controlled: dict[str, Any]

    def write(self, out: Path, progress: Progress, extra: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the results into a folder, and return the summary."""
        bank, prepared = self.bank, self.prepared
        passport = {**bank.passport, "recordings": [results.recording_entry(one) for one in prepared]}
        passport |= {"scored": results.utc_now(), "n_words": sum(len(one.used) for one in prepared)}
        extra = {"training_overlap": self.overlap.to_json()} | self.controlled | (extra or {})
        skipped = count_skipped(prepared)
        with replaced_folder(out) as partial_out:
            return write_results(
                partial_out, "evaluate", passport, bank.recipe, skipped, self.curves, progress, **extra
            )


def score_recordings(
    bank: DecoderBank,
    recordings: Sequence[Recording],
    model: LanguageModel,
    progress: Progress,
    *,
    store: Path | None = None,
    controls: Sequence[str] = (),
) -> ScoredRecordings:
    """Score as `evaluate` does, without writing; parameters and errors are the same."""
    if unknown := set(controls) - {*EVALUATION_CONTROLS}:
        names = ", ".join(sorted(unknown))
        raise ValueError(f"evaluation has no control called {names}; it has {', '.join(EVALUATION_CONTROLS)}")
    check_model(bank, model)
    overlap = check_recordings_are_new(bank, recordings)
    request = ActivationRequest(model, bank.recipe.language, bank.layers, words=bank.recipe.words)
    store = store or cache_folder()
    prepared = prepare_recordings(recordings, request, bank.recipe, store, progress, bank.spatial)
    n_words = sum(len(one.used) for one in prepared)
    if n_words < MIN_SCORED_WORDS:
        raise ValueError(
            f"{n_words} words of these recordings can be scored; at least {MIN_SCORED_WORDS} are needed for a curve"
        )
    nuisances = None
    if "nuisances" in controls:
        static = ActivationRequest(model, bank.recipe.language, [0], surprisal=True)
        read = compute_activations(recordings, static, store, progress, check=lambda: None)
        nuisances, _ = find_nuisances(prepared, read, np.zeros(n_words, int), bank.nuisances)
    curves, controlled = score_bank(bank, prepared, progress, nuisances)
    if BREAKDOWN in controls:
        controlled = controlled | {BREAKDOWN: _breakdown(bank, prepared, progress)}
    return ScoredRecordings(bank, prepared, curves, overlap, controlled)


def score_bank(
    bank: DecoderBank, recordings: Sequence[PreparedRecording], progress: Progress, nuisances: Nuisances | None = None
) -> tuple[Curves, dict[str, Any]]:
    """R(layer, lag) of a bank on prepared recordings, and what summary.json holds of it without the nuisances."""
    targets = np.concatenate([bank.projection.project(one.used_activations) for one in recordings])
    run = np.repeat(np.arange(len(recordings)), [len(one.used) for one in recordings])
    draws = Draws.plan(np.zeros(len(targets), int), len(bank.layers), bank.recipe.fit, run)
    prepared, n_layers = draws.prepare([targets]), len(bank.layers)
    partials = PartialScores.of(nuisances, targets, draws) if nuisances else None

    def score_lag(index: int) -> tuple[LagScore, dict[str, np.ndarray], Any]:
        signal = match_sensors(bank, recordings, read_lag(recordings, bank.lags_s[index]), index)
        predicted = bank.predict(index, signal)
        beside = by_layer([Agreement.of(predicted, targets)], n_layers)
        return score(draws, [predicted], prepared), beside, partials and partials.score(predicted)

    with progress.stage("scores", len(bank.lags_s), "lags") as stage:
        jobs = [partial(score_lag, index) for index in range(len(bank.lags_s))]
        scored = []
        for result in run_ordered(jobs, cpu_count()):
            scored.append(result)
            stage.advance()
    scores, statistics, found = zip(*scored, strict=True)
    axes = bank.lags_s, bank.layers, int(bank.model["n_layers"])
    curves = Curves.of(*axes, scores, draws.block_words, bank.error, statistics)
    if nuisances is None:
        return curves, {}
    unique = Curves.of(*axes, [own for own, _ in found], draws.block_words, bank.error)
    explained, without = (
        {name: np.stack([getattr(twin, part)[name] for _, twin in found], axis=-1) for name in found[0][1].r}
        for part in ("r", "without")
    )
    left_out = LeftOut.of(np.stack([twin.left_out for _, twin in found], axis=-1), draws.block_words)
    twin = replace(curves, r=explained[WHOLE], left_out=left_out, statistics={})
    rule = bank.recipe.fit.peak
    return curves, evaluation_entries(assess(unique, rule), assess(twin, rule), explained, nuisances.sizes, without)


def _breakdown(bank: DecoderBank, recordings: Sequence[PreparedRecording], progress: Progress) -> dict[str, Any]:
    """Kinds of words, and decoders of one lag at another; all words are one fold."""
    targets = np.concatenate([bank.projection.project(one.used_activations) for one in recordings])

    def decode(index: int) -> breakdown.DecodedLag:
        signal = match_sensors(bank, recordings, read_lag(recordings, bank.lags_s[index]), index)
        moments = Moments.from_data(signal, targets, bank.recipe.fit.precision)
        return breakdown.DecodedLag([bank.tensors["weights"][index]], [moments], [bank.predict(index, signal)])

    kinds = {name: [rows] for name, rows in breakdown.kinds_of_words(recordings, bank.recipe, progress).items()}
    return breakdown.break_down(bank.lags_s, decode, [targets], kinds, len(bank.layers), progress)


def match_sensors(
    bank: DecoderBank, recordings: Sequence[PreparedRecording], signal: np.ndarray, lag: int
) -> np.ndarray:
    """Signal (word, sensor) in the bank's order; a missing sensor has its training mean, and adds nothing."""
    place = {s.name: i for i, s in enumerate(recordings[0].recording.sensors)}
    if list(place) == [s.name for s in bank.sensors]:
        return signal
    out = np.repeat(bank.tensors["mean_x"][lag][None], len(signal), axis=0)
    for i, sensor in enumerate(bank.sensors):
        if sensor.name in place:
            out[:, i] = signal[:, place[sensor.name]]
    return out


def check_model(bank: DecoderBank, model: LanguageModel) -> None:
    """Raise ValueError if a model is not the one that a bank was made with."""
    want, have = bank.model, results.model_entry(model)
    for name in ("id", "revision", "tokenizer"):
        if want[name] != have[name]:
            raise ValueError(f"the bank was made with model {name} {want[name]}; this model's is {have[name]}")


def check_recordings_are_new(bank: DecoderBank, recordings: Sequence[Recording]) -> TrainingOverlap:
    """Raise ValueError if a bank was trained on one of these recordings, whichever of its sensors and words."""
    overlap = TrainingOverlap.find(bank.passport, [RecordingIdentity.of(recording) for recording in recordings])
    if overlap.recordings:
        raise ValueError(
            f"{overlap.recordings[0]} was used to train this bank, so a score on it would flatter; "
            "the bank's own summary.json holds its cross-validated score"
        )
    return overlap
