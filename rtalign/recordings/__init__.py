"""Files on disk to recordings with their words."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtalign.recordings.open import common_sensors, open_matching, open_recordings, open_repeats
    from rtalign.recordings.quality.signal import check_signal

_HOMES = {
    "check_signal": "quality.signal",
    "common_sensors": "open",
    "open_matching": "open",
    "open_recordings": "open",
    "open_repeats": "open",
}

__all__ = ["check_signal", "common_sensors", "open_matching", "open_recordings", "open_repeats"]


def __getattr__(name: str) -> Any:
    """Import the readers on first use: they load MNE, which a word table or a live stream does without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
