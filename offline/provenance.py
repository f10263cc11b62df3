"""What made a result: recordings, model, versions, time."""

from __future__ import annotations

import datetime
import platform
from importlib.metadata import version
from typing import Any

from offline.stages import Story

PACKAGES = ("rtalign", "torch", "transformers", "numpy", "scipy", "mne")


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def recording_entry(story: Story) -> dict[str, Any]:
    recording = story.recording
    return {
        "name": recording.name,
        "subject": recording.subject,
        "fingerprint": recording.fingerprint(),
        "n_words": len(story.used),
        "seconds": round(recording.n_samples / recording.sfreq, 3),
        "sfreq": recording.sfreq,
        "notes": list(recording.notes),
    }


def model_entry(model: Any) -> dict[str, Any]:
    info = model.info
    names = ("id", "family", "n_layers", "dim", "n_parameters", "revision", "tokenizer", "has_bos")
    return {name: getattr(info, name) for name in names}
