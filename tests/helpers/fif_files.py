"""FIF files of a few sensors, alone or as the runs of a BIDS folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mne
import numpy as np
from mne.io.constants import FIFF

from rtalign.core.records import Recording

SFREQ = 500.0
EVENTS = "onset\tduration\ttrial_type\tvalue\n0.5\t0.2\tword\tOnce\n1.1\t0.3\tword\tupon\n1.0\t0.1\tpause\tn/a\n"


def header(names: Sequence[str], kinds: Sequence[str], coil: int | None = None) -> mne.Info:
    info = mne.create_info(list(names), SFREQ, list(kinds), verbose="ERROR")
    for i, channel in enumerate(info["chs"]):
        channel["loc"] = np.r_[0.01 * i, 0.05, 0.08, np.eye(3).ravel()]
        if coil and channel["kind"] == FIFF.FIFFV_MEG_CH:
            channel["coil_type"] = coil
    return info


def noise(n_channels: int, seconds: float = 3.0, seed: int = 0) -> np.ndarray:
    return 1e-13 * np.random.default_rng(seed).standard_normal((n_channels, round(seconds * SFREQ)))


def write(path: Path, data: np.ndarray, names: Sequence[str] = ("MLC11", "MLC12", "MLC13"), **how: object) -> Path:
    """A FIF file of axial gradiometers, as a simulator writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = how.pop("kinds", ["mag"] * len(names))
    info = header(names, kinds, FIFF.FIFFV_COIL_CTF_GRAD)  # type: ignore[arg-type]
    raw = mne.io.RawArray(data, info, first_samp=int(how.pop("first_samp", 0)), verbose="ERROR")  # type: ignore[call-overload]
    if "annotations" in how:
        raw.set_annotations(how.pop("annotations"))
    raw.save(path, verbose="ERROR", fmt="double", **how)
    return path


def run_file(
    root: Path, run: int = 1, subject: str = "01", data: np.ndarray | None = None, events: str = EVENTS
) -> Path:
    stem = f"sub-{subject}_task-story_run-{run}"
    folder = root / f"sub-{subject}" / "meg"
    path = write(folder / f"{stem}_meg.fif", noise(3, seed=run) if data is None else data)
    (folder / f"{stem}_events.tsv").write_text(events, encoding="utf-8")
    return path


def signal_of(recording: Recording, seconds: float = 3.3) -> np.ndarray:
    """(sample, sensor) of all its chunks."""
    return np.concatenate([chunk.data for chunk in recording.chunks(seconds)])


def words(tmp_path: Path, onset: float = 0.5) -> Path:
    path = tmp_path / "words.tsv"
    path.write_text(f"onset\tword\n{onset}\tthe\n{onset + 0.4}\tdog\n", encoding="utf-8")
    return path
