"""A BIDS folder of simulated runs, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rtalign.core.records import Sensor, Word
from rtalign.simulation.fif_writer import LANDMARKS, write_fif
from rtalign.simulation.recording import SimulatedRun

MAINS_HZ = 50.0

COIL_TYPES = {"axial": "MEGGRADAXIAL", "mag": "MEGMAG", "planar": "MEGGRADPLANAR"}
"""Names in BIDS for the kinds of sensors."""

MACHINES = {"ctf275": ("CTF", "CTF-275"), "neuromag306": ("MEGIN", "Neuromag-306")}


def write_folder(
    out: Path, runs: Sequence[SimulatedRun], truth: Mapping[str, Any], progress: Callable[[float], None]
) -> None:
    """Write all runs and their ground truth.  progress : called with the share of the signal written, 0 to 1."""
    total = sum(run.n_samples / run.sfreq for run in runs)
    done = 0.0

    def report(seconds: float) -> None:
        progress((done + seconds) / total)

    with new_folder(out) as folder:
        _describe(folder, runs[0], truth)
        for run in runs:
            _write_run(folder, run, report)
            done += run.n_samples / run.sfreq


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder beside out, which is empty or absent; it replaces out on success and is removed on an error."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.partial-{os.getpid()}")
    partial.mkdir()
    try:
        yield partial
        if out.exists():
            out.rmdir()
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_empty(out: Path) -> None:
    """Raise FileExistsError if something is already there.  Called before any work is done."""
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists():
        kind = "a folder with files in it" if out.is_dir() else "a file"
        raise FileExistsError(f"{out} is {kind} already; name another place or remove it first")


def _describe(folder: Path, run: SimulatedRun, truth: Mapping[str, Any]) -> None:
    """The files that describe the whole set."""
    _json(
        folder / "dataset_description.json",
        {
            "Name": "A simulated listener with layers at known latencies",
            "BIDSVersion": "1.9.0",
            "DatasetType": "raw",
            "License": "CC0",
            "GeneratedBy": [{"Name": "rtalign simulate", "Version": version("rtalign")}],
        },
    )
    _json(folder / "ground_truth.json", truth)
    (folder / "README").write_text(
        "Simulated: no person was recorded. ground_truth.json says what was planted, and when.\n", encoding="utf-8"
    )
    _tsv(folder / "participants.tsv", ("participant_id", "species"), [(f"sub-{run.subject}", "simulated")])
    meg = folder / f"sub-{run.subject}" / "meg"
    meg.mkdir(parents=True)
    columns = {
        "trial_type": {"Description": "What happened", "Levels": {"word": "A word began"}},
        "value": {"Description": "The word, in lower case"},
    }
    _json(folder / "task-story_events.json", columns)
    landmarks = {
        "MEGCoordinateSystem": "ElektaNeuromag",
        "MEGCoordinateUnits": "m",
        "AnatomicalLandmarkCoordinates": LANDMARKS,
        "AnatomicalLandmarkCoordinateSystem": "ElektaNeuromag",
        "AnatomicalLandmarkCoordinateUnits": "m",
    }
    _json(meg / f"sub-{run.subject}_coordsystem.json", landmarks)


def _write_run(folder: Path, run: SimulatedRun, progress: Callable[[float], None]) -> None:
    meg = folder / f"sub-{run.subject}" / "meg"
    write_fif(meg / f"{run.name}_meg.fif", run, MAINS_HZ, progress)
    _tsv(meg / f"{run.name}_events.tsv", ("onset", "duration", "trial_type", "value"), map(_event, run.words))
    _tsv(meg / f"{run.name}_channels.tsv", ("name", "type", "units", "status"), map(_channel, run.sensors))
    maker, machine = MACHINES[run.plan.sensors]
    kinds = [sensor.kind for sensor in run.sensors]
    _json(
        meg / f"{run.name}_meg.json",
        {
            "TaskName": "story",
            "TaskDescription": "Listening to a story",
            "Manufacturer": maker,
            "ManufacturersModelName": f"{machine}, simulated",
            "SamplingFrequency": run.sfreq,
            "PowerLineFrequency": MAINS_HZ,
            "DewarPosition": "upright",
            "SoftwareFilters": "n/a",
            "DigitizedLandmarks": True,
            "DigitizedHeadPoints": True,
            "MEGChannelCount": len(kinds),
            "MEGREFChannelCount": 0,
            "RecordingDuration": run.n_samples / run.sfreq,
            "RecordingType": "continuous",
        },
    )


def _event(word: Word) -> tuple[str, ...]:
    return f"{word.onset:.4f}", f"{word.duration:.4f}", "word", word.text


def _channel(sensor: Sensor) -> tuple[str, ...]:
    return sensor.name, COIL_TYPES[sensor.kind], "T/m" if sensor.kind == "planar" else "T", "good"


def _tsv(path: Path, header: tuple[str, ...], rows: Any) -> None:
    lines = ["\t".join(row) for row in (header, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
