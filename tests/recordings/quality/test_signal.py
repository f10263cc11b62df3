"""Flat and broken sensors are found and named."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from rtalign.core.records import Chunk, Sensor
from rtalign.recordings import check_signal
from rtalign.recordings.formats import MneRecording
from tests.helpers.fif_files import SFREQ, noise, write


def test_flat_and_broken_sensors_are_named_with_the_fix(tmp_path: Path) -> None:
    data = noise(5)
    data[1] = 3e-12
    data[3, 700:720] = np.nan
    path = write(tmp_path / "story_meg.fif", data, ["A1", "A2", "A3", "A4", "A5"])
    found = check_signal(MneRecording(path))
    assert found == [
        "A4 is not finite (NaN or infinite); leave out with --bads A4",
        "A2 is flat; leave out with --bads A2",
    ]
    assert check_signal(MneRecording(path, bads=["A2", "A4"])) == []


def test_only_an_empty_signal_is_a_fault(tmp_path: Path) -> None:
    assert check_signal(MneRecording(write(tmp_path / "a_meg.fif", noise(3)))) == []
    (fault,) = check_signal(MneRecording(write(tmp_path / "b_meg.fif", np.zeros((3, 1500)))))
    assert fault.startswith("all 3 sensors are flat")


def named(name: str, *sensors: str, kind: str = "axial") -> SimpleNamespace:
    return SimpleNamespace(name=name, sensors=tuple(Sensor(s, kind, (0, 0, 0), (0, 0, 1)) for s in sensors))


def test_recordings_that_only_read_in_order_are_checked() -> None:
    data = noise(3).T
    data[:, 2] = 0
    chunks = [Chunk(data[a : a + 500], a / SFREQ, SFREQ) for a in (0, 500, 1000)]
    recording = named("memory", "A", "B", "C")
    recording.n_samples, recording.sfreq, recording.start = 1500, SFREQ, 0.0
    recording.chunks = lambda seconds: iter(chunks)
    assert check_signal(recording) == ["C is flat; leave out with --bads C"]  # type: ignore[arg-type]
