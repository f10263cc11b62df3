"""Flat and broken sensors, bad values and wrong units are found and named."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rtalign.core.records import Chunk, Sensor
from rtalign.recordings import check_signal
from rtalign.recordings.formats import MneRecording
from rtalign.recordings.quality import find_bad_values
from tests.helpers.fif_files import SFREQ, noise, write


def test_flat_and_broken_sensors_are_named_with_the_fix(tmp_path: Path) -> None:
    data = noise(5)
    data[1] = 3e-12
    data[3, 100:] = np.nan
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


def test_a_bad_value_is_found_wherever_it_is_and_is_no_broken_sensor(tmp_path: Path) -> None:
    data = noise(3, 90.0)
    data[1, 12_345] = 1e30
    data[2, [700, 20_000]] = np.nan
    recording = MneRecording(write(tmp_path / "a_meg.fif", data, ["A1", "A2", "A3"]))
    assert check_signal(recording) == []
    assert recording.start == 0
    assert sorted(find_bad_values(recording)) == [
        "A2 holds values that cannot be signal at 24.690 s; words around them are left out",
        "A3 holds values that cannot be signal at 1.400 s, 40.000 s; words around them are left out",
    ]
    assert find_bad_values(MneRecording(write(tmp_path / "b_meg.fif", noise(3, 30.0)))) == []


@pytest.mark.parametrize(("factor", "named"), [(1.0, False), (1e15, True), (1e6, True), (1e-6, True)])
def test_units_are_judged_by_the_size_of_the_field(tmp_path: Path, factor: float, named: bool) -> None:
    faults = check_signal(MneRecording(write(tmp_path / "a_meg.fif", noise(3) * factor)))
    assert ["is the unit right?" in fault for fault in faults] == [True] * named


def test_each_kind_of_sensor_has_sizes_of_its_own(tmp_path: Path) -> None:
    """EEG in volts beside a field a million times too large: only the field is named."""
    data = noise(4) * np.array([1e6, 1e6, 1e8, 1e8])[:, None]
    path = write(tmp_path / "a_meg.fif", data, ["A1", "A2", "E1", "E2"], kinds=["mag", "mag", "eeg", "eeg"])
    faults = [line for line in check_signal(MneRecording(path)) if "unit" in line]
    assert len(faults) == 1
    assert faults[0].startswith("the axial sensors have a standard deviation of 9.9e+07 fT")
