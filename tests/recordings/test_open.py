"""Recordings that are used together have the same sensors in the same order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from rtalign.core.records import Sensor
from rtalign.recordings import common_sensors, open_matching
from tests.helpers.fif_files import noise, run_file, words, write
from tests.helpers.paths import PYTHONPATH


def named(name: str, *sensors: str, kind: str = "axial") -> SimpleNamespace:
    return SimpleNamespace(name=name, sensors=tuple(Sensor(s, kind, (0, 0, 0), (0, 0, 1)) for s in sensors))


def test_matching_recordings_have_the_common_sensors(tmp_path: Path) -> None:
    first = write(tmp_path / "a_meg.fif", noise(3))
    second = write(tmp_path / "b_meg.fif", noise(3), ("MLC13", "MLC14", "MLC11"))
    both = open_matching([first, second], word_table=words(tmp_path))
    assert [recording.name for recording in both] == ["a", "b"]
    assert [[sensor.name for sensor in recording.sensors] for recording in both] == [["MLC11", "MLC13"]] * 2


def test_matching_recordings_have_the_sensors_asked_for(tmp_path: Path) -> None:
    run_file(tmp_path)
    (found,) = open_matching([tmp_path], ["MLC13", "MLC11"])
    assert [sensor.name for sensor in found.sensors] == ["MLC13", "MLC11"]
    assert "not used: MLC12" in found.notes
    with pytest.raises(ValueError, match=r"run-1 lacks 1 sensors of the bank, MLC99 among them"):
        open_matching([tmp_path], ["MLC13", "MLC99"])


def test_matching_needs_a_recording() -> None:
    with pytest.raises(ValueError, match="there is no recording; name at least one"):
        open_matching([])


def test_common_sensors_are_in_the_order_of_the_first() -> None:
    runs = [named("one", "C", "A", "B"), named("two", "A", "B", "C"), named("three", "D", "C", "B")]
    assert common_sensors(runs) == ("C", "B")  # type: ignore[arg-type]


def test_recordings_without_a_common_sensor_are_named() -> None:
    with pytest.raises(ValueError, match=r"one and two have no sensors in common: A \(axial\).* against B \(axial\)"):
        common_sensors([named("one", "A"), named("two", "B")])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"A \(axial\) against A \(mag\)"):
        common_sensors([named("one", "A"), named("two", "A", kind="mag")])  # type: ignore[list-item]


def test_importing_the_readers_loads_neither_mne_nor_scipy() -> None:
    """So that the window can play a wav and list data sets without waiting for them."""
    code = (
        "import sys\n"
        "import rtalign.recordings.datasets.registry, rtalign.recordings.folder_check, rtalign.recordings.wav_file\n"
        "print([name for name in ('mne', 'scipy', 'h5py', 'torch') if name in sys.modules])"
    )
    env = {**os.environ, "PYTHONPATH": PYTHONPATH}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
