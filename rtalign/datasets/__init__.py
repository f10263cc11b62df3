"""Recordings as files hold them: readers and word tables."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtalign.datasets.recording import common_sensors, open_recordings, open_repeats
    from rtalign.datasets.signalcheck import check_signal

__all__ = ["check_signal", "common_sensors", "open_recordings", "open_repeats"]


def __getattr__(name: str) -> Any:
    """The readers when they are asked for: they bring MNE, and a word table or a live stream does without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "signalcheck" if name == "check_signal" else "recording"
    return getattr(import_module(f"{__name__}.{home}"), name)
