"""evaluate: how well a bank predicts recordings that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.core.agreement import Agreement
from rtalign.core.cache import cache_folder
from rtalign.core.files import replaced_folder
from rtalign.core.machine import cpu_count
from rtalign.core.parallel import run_ordered
from rtalign.core.progress import Progress
from rtalign.core.records import Recording, RecordingIdentity
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.training_overlap import TrainingOverlap
from rtalign.scoring.cross_validated import Draws, score
from rtalign.scoring.curves import Curves, LagScore
from rtalign.scoring.statistics import by_layer
from rtalign.training import results
from rtalign.training.prepare import (
    ActivationRequest,
    PreparedRecording,
    count_skipped,
    prepare_recordings,
    read_lag,
)
from rtalign.training.results import write_results

if TYPE_CHECKING:
    from rtalign.language.model import LanguageModel

MIN_SCORED_WORDS = 50
"""Words that a curve needs."""


def evaluate(
    bank: DecoderBank,
    recordings: Sequence[Recording],
    model: LanguageModel,
    out: Path,
    progress: Progress | None = None,
    *,
    store: Path | None = None,
    extra: dict[str, Any] | None = None,
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

    Returns
    -------
    dict
        The contents of summary.json; ValueError if the bank does not fit the model or the recordings.

    Examples
    --------
    >>> summary = evaluate(bank, recordings, load("smollm2"), Path("scores"))  # doctest: +SKIP
    """
    progress = progress or Progress(quiet=True)
    scored = score_recordings(bank, recordings, model, progress, store=store)
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
    """

    bank: DecoderBank
    prepared: list[PreparedRecording]
    curves: Curves
    overlap: TrainingOverlap

    def write(self, out: Path, progress: Progress, extra: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the results into a folder, and return the summary."""
        bank, prepared = self.bank, self.prepared
        passport = {**bank.passport, "recordings": [results.recording_entry(one) for one in prepared]}
        passport |= {"scored": results.utc_now(), "n_words": sum(len(one.used) for one in prepared)}
        extra = {"training_overlap": self.overlap.to_json()} | (extra or {})
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
) -> ScoredRecordings:
    """Score as `evaluate` does, without writing; parameters and errors are the same."""
    check_model(bank, model)
    overlap = check_recordings_are_new(bank, recordings)
    request = ActivationRequest(model, bank.recipe.language, bank.layers)
    prepared = prepare_recordings(recordings, request, bank.recipe, store or cache_folder(), progress)
    n_words = sum(len(one.used) for one in prepared)
    if n_words < MIN_SCORED_WORDS:
        raise ValueError(
            f"{n_words} words of these recordings can be scored; at least {MIN_SCORED_WORDS} are needed for a curve"
        )
    return ScoredRecordings(bank, prepared, score_bank(bank, prepared, progress), overlap)


def score_bank(bank: DecoderBank, recordings: Sequence[PreparedRecording], progress: Progress) -> Curves:
    """R(layer, lag) of a bank on prepared recordings, with null draws and blocks left out."""
    targets = np.concatenate([bank.projection.project(one.used_activations) for one in recordings])
    run = np.repeat(np.arange(len(recordings)), [len(one.used) for one in recordings])
    draws = Draws.plan(np.zeros(len(targets), int), len(bank.layers), bank.recipe.fit, run)
    prepared = draws.prepare([targets])

    def score_lag(index: int) -> tuple[LagScore, dict[str, np.ndarray]]:
        predicted = bank.predict(
            index, match_sensors(bank, recordings, read_lag(recordings, bank.lags_s[index]), index)
        )
        return score(draws, [predicted], prepared), by_layer([Agreement.of(predicted, targets)], len(bank.layers))

    with progress.stage("scores", len(bank.lags_s), "lags") as stage:
        jobs = [partial(score_lag, index) for index in range(len(bank.lags_s))]
        scored = []
        for result in run_ordered(jobs, cpu_count()):
            scored.append(result)
            stage.advance()
    scores, statistics = zip(*scored, strict=True)
    n_layers = int(bank.model["n_layers"])
    return Curves.of(bank.lags_s, bank.layers, n_layers, scores, draws.block_words, bank.error, statistics)


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
