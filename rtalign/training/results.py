"""What training and evaluation write: the results, and the passport's entries of recordings, model and versions."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.core.head.position import HeadPosition
from rtalign.core.machine import peak_rss_mb
from rtalign.core.progress import Progress
from rtalign.core.recipe import FitRecipe, Recipe
from rtalign.core.records import RecordingIdentity, compensation_grade
from rtalign.report import write
from rtalign.scoring.curves import Curves
from rtalign.scoring.findings import assess
from rtalign.training.prepare import PreparedRecording

if TYPE_CHECKING:
    from rtalign.language.model import LanguageModel

STAGES = {
    "language": ("language model",),
    "signal": ("signal",),
    "fit": ("targets", "penalties", "decoders", "scores", "controls", "breakdown"),
}


def write_results(
    folder: Path,
    kind: str,
    passport: Mapping[str, Any],
    recipe: Recipe,
    skipped: Mapping[str, int],
    curves: Curves,
    progress: Progress,
    **extra: Any,
) -> dict[str, Any]:
    """Assess the curves and write the results; returns the summary."""
    spent = {name: sum(progress.seconds.get(part, 0.0) for part in parts) for name, parts in STAGES.items()}
    spent |= {"total": progress.elapsed()}
    findings = assess(curves, recipe.fit.peak)
    return write.write_results(folder, kind, passport, recipe, skipped, findings, spent, peak_rss_mb(), **extra)


def stretches(
    prepared: Sequence[PreparedRecording], fold: np.ndarray, r: np.ndarray, recipe: FitRecipe
) -> list[dict[str, Any]]:
    """R of each fold, which is a stretch of the session or some whole recordings, at the lag where R of all is highest.

    Parameters
    ----------
    prepared : sequence of PreparedRecording
        The recordings.
    fold : ndarray of int, shape (word,)
        The fold of every word in use.
    r : ndarray, shape (fold, layer, lag)
        R of each fold's held-out words.
    recipe : FitRecipe
        Shuffled folds are no stretches, and give none.

    Returns
    -------
    list of dict
        `from` and `to` as recording and seconds, `n_words`, `r` (layer,).
    """
    if recipe.fold_kind == "legacy":
        return []
    at = r.mean(0).argmax(1)[:, None]
    places = [(one.recording.name, round(float(onset), 1)) for one in prepared for onset in one.onsets]
    found = []
    for k, own in enumerate(r):
        words = np.flatnonzero(fold == k)
        ends = {"from": places[words[0]], "to": places[words[-1]]}
        found.append(ends | {"n_words": len(words), "r": np.take_along_axis(own, at, 1)[:, 0]})
    return found


PACKAGES = ("rtalign", "torch", "transformers", "numpy", "scipy", "mne")


def package_versions() -> dict[str, str]:
    """Of Python and the packages that a number depends on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(name: str) -> str:
    """Of a package; one that is run from its source code alone, or missing, ends no training at its last step."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def utc_now() -> str:
    """The time in UTC, as text."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def recording_entry(prepared: PreparedRecording) -> dict[str, Any]:
    """The passport's entry of a recording."""
    recording = prepared.recording
    head: HeadPosition | None = getattr(recording, "head", None)  # that of files and streams alone
    return {
        "name": recording.name,
        "subject": recording.subject,
        "fingerprint": recording.fingerprint(),
        "signal": recording.signal_fingerprint(),
        "played": list(RecordingIdentity.of(recording).played),
        "n_words": len(prepared.used),
        "seconds": round(recording.n_samples / recording.sfreq, 3),
        "sfreq": recording.sfreq,
        "grade": compensation_grade(recording),
        "head": list(head.rows) if head is not None else None,
        "notes": list(recording.notes),
    }


def model_entry(model: LanguageModel) -> dict[str, Any]:
    """The passport's entry of a language model."""
    info = model.info
    names = ("id", "family", "n_layers", "dim", "n_parameters", "revision", "tokenizer", "has_bos")
    return {name: getattr(info, name) for name in names}
