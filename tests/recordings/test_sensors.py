"""Sensors are those of MEG, else EEG, without the bad ones; a recording can be narrowed to some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtalign.recordings import open_recordings
from rtalign.recordings.formats import MneRecording
from tests.helpers.fif_files import noise, run_file, signal_of, write


def test_eeg_is_used_only_where_there_is_no_meg(tmp_path: Path) -> None:
    both = write(tmp_path / "both_meg.fif", noise(2), ["MLC11", "EEG1"], kinds=["mag", "eeg"])
    assert [s.name for s in MneRecording(both).sensors] == ["MLC11"]
    alone = MneRecording(write(tmp_path / "eeg_meg.fif", noise(2), ["EEG1", "ECG1"], kinds=["eeg", "ecg"]))
    assert [(s.name, s.kind) for s in alone.sensors] == [("EEG1", "eeg")]
    assert "no MEG channel: EEG is used" in alone.notes
    with pytest.raises(ValueError, match="no MEG and no EEG channel among its 1"):
        MneRecording(write(tmp_path / "ecg_meg.fif", noise(1), ["ECG1"], kinds=["ecg"]))


def test_bad_channels_are_left_out_and_named(tmp_path: Path) -> None:
    path = run_file(tmp_path)
    table = path.with_name(path.name.replace("_meg.fif", "_channels.tsv"))
    table.write_text("name\ttype\tstatus\nMLC11-4304\tMEGGRADAXIAL\tbad\nMLC12\tMEGGRADAXIAL\tgood\n", encoding="utf-8")
    (recording,) = open_recordings(tmp_path, bads=["mlc13"])
    assert [s.name for s in recording.sensors] == ["MLC12"]
    assert "left out as bad: MLC11, MLC13" in recording.notes
    np.testing.assert_allclose(signal_of(recording), noise(3, seed=1).T[:, 1:2], rtol=1e-12)
    with pytest.raises(ValueError, match=r"names MLC1, which is no channel of .*did you mean MLC1\d"):
        open_recordings(tmp_path, bads=["MLC1"])
    with pytest.raises(ValueError, match=r"all 3 sensors of .* are marked bad"):
        open_recordings(tmp_path, bads=["MLC12", "MLC13"])


def test_picking_restricts_and_reorders(tmp_path: Path) -> None:
    run_file(tmp_path)
    (recording,) = open_recordings(tmp_path)
    picked = recording.pick(["MLC13", "MLC11"])
    np.testing.assert_array_equal(signal_of(picked), signal_of(recording)[:, [2, 0]])
    assert [s.name for s in recording.sensors] == ["MLC11", "MLC12", "MLC13"]
    assert picked.fingerprint() != recording.fingerprint()
    with pytest.raises(ValueError, match="lacks the sensors MLC99"):
        recording.pick(["MLC11", "MLC99"])
