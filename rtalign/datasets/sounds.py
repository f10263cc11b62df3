"""The wav that was played in a run, where its data set holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtalign.datasets import armeni, bids, bidsnames, libribrain, megmasc, smn4lang
from rtalign.datasets.mneraw import MneRecording


def sound_of(recording: Any) -> Path | None:
    """The file, or nothing where the set's layout does not tell which it is or it is not here."""
    if not isinstance(recording, MneRecording):
        return libribrain.sound(recording.path)[0] if libribrain.is_libribrain(recording.path) else None
    told = bids.tell(recording.path)
    if armeni.fits(told):
        run = bidsnames.entities(recording.name).get("run", "0")
        return armeni.sound(told, int(run) if run.isdigit() else 0)
    if megmasc.fits(told):
        return megmasc.sound(told)
    return smn4lang.sound(told) if smn4lang.fits(told) else None
