"""evaluate: how well a bank predicts recordings it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core import cache
from rtalign.core.agreement import Agreement
from rtalign.core.machine import cores
from rtalign.core.parallel import run_ordered
from rtalign.core.progress import Progress
from rtalign.core.records import Recording
from rtalign.decoding.bank import DecoderBank
from rtalign.scoring.cross_validated import Draws, LagScore, score
from rtalign.scoring.curves import Curves
from rtalign.scoring.statistics import by_layer
from rtalign.training import results
from rtalign.training.prepare import Story, prepare, read_lag, skip_counts, used_activations
from rtalign.training.results import new_folder, write_results


def evaluate(
    bank: DecoderBank,
    recordings: Sequence[Recording],
    model: Any,
    out: Path,
    progress: Progress,
    *,
    store: Path | None = None,
    extra: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Score the bank's final decoders on every word of the recordings; write the results in `out`."""
    refuse_other_model(bank, model)
    refuse_known_recordings(bank, recordings)
    stories = prepare(recordings, model, bank.recipe, bank.layers, store or cache.folder(), progress)
    n_words = sum(len(s.used) for s in stories)
    if n_words < 50:
        raise ValueError(f"{n_words} words of these recordings can be scored; at least 50 are needed for a curve")
    curves = score_bank(bank, stories, progress)
    passport = {**bank.passport, "recordings": [results.recording_entry(s) for s in stories]}
    passport |= {"scored": results.now(), "n_words": n_words}
    with new_folder(out) as partial:
        return write_results(
            partial, "evaluate", passport, bank.recipe, skip_counts(stories), curves, progress, **(extra or {})
        )


def score_bank(bank: DecoderBank, stories: Sequence[Story], progress: Progress) -> Curves:
    """R(layer, lag) of the bank on these stories, with null and bootstrap draws."""
    targets = np.concatenate([bank.projection.project(a) for a in used_activations(stories)])
    draws = Draws.plan(np.zeros(len(targets), int), len(bank.layers), bank.recipe.fit)
    prepared = draws.prepare([targets])

    def score_lag(index: int) -> tuple[LagScore, dict[str, np.ndarray]]:
        predicted = bank.predict(index, match_sensors(bank, stories, read_lag(stories, bank.lags_s[index]), index))
        return score(draws, [predicted], prepared), by_layer([Agreement.of(predicted, targets)], len(bank.layers))

    with progress.stage("scores", len(bank.lags_s), "lags") as stage:
        jobs = [partial(score_lag, index) for index in range(len(bank.lags_s))]
        found = []
        for result in run_ordered(jobs, cores()):
            found.append(result)
            stage.advance()
    scores, statistics = zip(*found, strict=True)
    return Curves.of(bank.lags_s, bank.layers, int(bank.model["n_layers"]), scores, statistics)


def match_sensors(bank: DecoderBank, stories: Sequence[Story], signal: np.ndarray, lag: int) -> np.ndarray:
    """(word, sensor) in the bank's order; a sensor that is not there stands at its training mean and adds nothing."""
    place = {s.name: i for i, s in enumerate(stories[0].recording.sensors)}
    if list(place) == [s.name for s in bank.sensors]:
        return signal
    out = np.repeat(bank.tensors["mean_x"][lag][None], len(signal), axis=0)
    for i, sensor in enumerate(bank.sensors):
        if sensor.name in place:
            out[:, i] = signal[:, place[sensor.name]]
    return out


def refuse_other_model(bank: DecoderBank, model: Any) -> None:
    want, have = bank.model, results.model_entry(model)
    for name in ("id", "revision", "tokenizer"):
        if want[name] != have[name]:
            raise ValueError(f"the bank was made with model {name} {want[name]}; this model's is {have[name]}")


def refuse_known_recordings(bank: DecoderBank, recordings: Sequence[Recording]) -> None:
    known = {entry["fingerprint"]: entry["name"] for entry in bank.passport["recordings"]}
    for recording in recordings:
        if recording.fingerprint() in known:
            raise ValueError(
                f"{recording.name} was used to train this bank, so a score on it would flatter; "
                "the bank's own summary.json holds its cross-validated score"
            )
