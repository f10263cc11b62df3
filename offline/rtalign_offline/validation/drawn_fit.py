"""The program's own fit on drawn recordings: training in folds, evaluation by a bank, and scores word by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtalign.core.decoder_error import DecoderError
from rtalign.core.recipe import FitRecipe
from rtalign.core.word_blocks import assign_blocks
from rtalign.decoding import ridge
from rtalign.decoding.folds import assign_folds
from rtalign.scoring.cross_validated import Draws, score
from rtalign.scoring.curves import Curves
from rtalign.scoring.latency import noise_of_decoders
from rtalign.scoring.left_out import LeftOut
from rtalign.scoring.scoreboard import Scoreboard
from rtalign.training.lag.fit import LagFit, fit_words, search_penalties, searched_lags
from rtalign.training.lag.targets import LagTargets
from rtalign.training.lag.words import LagWords
from rtalign_offline.validation.drawn import SFREQ, DrawnRecording

FIT = FitRecipe(alphas=tuple(np.logspace(-2, 6, 9)))
"""Fewer penalties than the default, for speed; the others would never be chosen here."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnBank:
    """Decoders of a drawn recording.

    Attributes
    ----------
    curves : Curves
        Cross-validated.
    error : DecoderError
        Of the final decoders.
    weights, bias : ndarray, shape (lag, sensor, target) and (lag, target)
        Of the final decoders.
    """

    curves: Curves
    error: DecoderError
    weights: np.ndarray
    bias: np.ndarray


def train_drawn(recording: DrawnRecording, fit: FitRecipe = FIT) -> DrawnBank:
    """Fit and cross-validate, as the trainer does."""
    kind = recording.kind
    onsets = [recording.onsets[recording.run == run] / SFREQ for run in range(kind.n_runs)]
    fold = assign_folds(onsets, fit, float(np.ptp(kind.lags_s)))
    members = [np.flatnonzero(fold == k) for k in range(fit.folds)]
    blocks = [assign_blocks(recording.run[words]) for words in members]
    values = [recording.targets[words] for words in members]
    targets = LagTargets.of(values, kind.n_layers, kind.components, blocks, fit)

    def at(lag: int) -> LagWords:
        signal = recording.at(float(kind.lags_s[lag]))
        return LagWords([signal[words] for words in members], targets, fit)

    penalties = None
    if fit.penalties == "shared":
        tried = [search_penalties(at(lag)) for lag in searched_lags(len(kind.lags_s))]
        penalties = ridge.shared_penalties(tried, fit.alphas)
    lags = [fit_words(at(lag), penalties) for lag in range(len(kind.lags_s))]
    curves = drawn_curves(recording, kind.lags_s, lags, targets)
    return DrawnBank(
        curves,
        _error(curves, lags, targets, fit),
        np.stack([lag.fit.final_weights for lag in lags]),
        np.stack([lag.fit.final_bias for lag in lags]),
    )


def drawn_curves(recording: DrawnRecording, lags_s: np.ndarray, lags: Sequence[LagFit], targets: LagTargets) -> Curves:
    """Cross-validated curves from the fits of single lags."""
    names = ("r", "null", "left_out", "excess", "halves")
    r, null, left_out, excess, halves = (np.stack([getattr(lag, name) for lag in lags], axis=-1) for name in names)
    noise, without = noise_of_decoders(r, halves), LeftOut.of(left_out, targets.block_words, excess)
    _, layers, depth = _axes(recording)
    return Curves(lags_s, layers, depth, r, null.astype(np.float32), without, noise, halves)


def _error(curves: Curves, lags: list[LagFit], targets: LagTargets, fit: FitRecipe) -> DecoderError:
    assert curves.noise is not None
    changes = np.stack([lag.retrained - lag.r for lag in lags], axis=-1)
    return DecoderError(curves.noise * (fit.folds - 1) / fit.folds, changes, np.array(targets.block_words))


def evaluate_drawn(bank: DrawnBank, recording: DrawnRecording, fit: FitRecipe = FIT) -> Curves:
    """Score a bank's decoders on another recording, as `evaluate` does."""
    kind = recording.kind
    draws = Draws.plan(np.zeros(len(recording.onsets), int), kind.n_layers, fit, recording.run)
    prepared = draws.prepare([recording.targets])
    scores = [score(draws, [predicted], prepared) for predicted in _predicted(bank, recording)]
    n_layers = kind.n_layers
    found = Curves.of(kind.lags_s, range(n_layers), n_layers, scores, draws.block_words, bank.error)
    return Curves(*_axes(recording), found.r, found.null, found.left_out, found.noise)


def score_live(bank: DrawnBank, recording: DrawnRecording) -> Curves:
    """Score a bank's decoders word by word, as a live session does; ValueError where there are no curves."""
    kind = recording.kind
    board = Scoreboard(kind.lags_s, range(kind.n_layers), kind.n_layers, kind.components, decoders=bank.error)
    predicted = np.stack(list(_predicted(bank, recording)), axis=1)
    for index, (p, y) in enumerate(zip(predicted, recording.targets, strict=True)):
        board.add(index, p, y)
    found = board.curves()
    if found is None:
        raise ValueError(f"no curves: {board.reason}")
    return Curves(*_axes(recording), found.r, found.null, found.left_out, found.noise)


def _predicted(bank: DrawnBank, recording: DrawnRecording) -> list[np.ndarray]:
    lags = zip(recording.kind.lags_s, bank.weights, bank.bias, strict=True)
    return [recording.at(float(lag)) @ weights + bias for lag, weights, bias in lags]


def _axes(recording: DrawnRecording) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lags, layers, and depths from 10 to 90 %."""
    n_layers = recording.kind.n_layers
    return recording.kind.lags_s, np.arange(n_layers), np.linspace(0.1, 0.9, n_layers)
