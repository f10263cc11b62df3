"""LibriBrain is read from its HDF5 files, and damaged files end in one line."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.recordings import NoWords, open_recordings
from tests.helpers.dataset_folders import libri_run
from tests.helpers.fif_files import signal_of


def test_runs_are_read_from_their_files(tmp_path: Path) -> None:
    path = libri_run(tmp_path)
    libri_run(tmp_path, 12)
    found = open_recordings(tmp_path, session="1")
    assert [r.name for r in found] == ["sub-0_ses-1_task-Sherlock1_run-1"]
    (recording,) = found
    assert (recording.subject, recording.sfreq, recording.n_samples, recording.seconds) == ("0", 250.0, 1500, 6.0)
    assert [(w.text, w.onset, w.duration) for w in recording.words] == [("Mr.", 0.5, 0.3), ("Holmes", 0.9, 0.4)]
    assert [(s.name, s.kind) for s in recording.sensors] == [
        ("MEG0111", "mag"),
        ("MEG0112", "planar"),
        ("MEG0121", "mag"),
    ]
    import h5py

    with h5py.File(path) as file:
        expected = file["data"][:].T
    np.testing.assert_array_equal(signal_of(recording), expected)
    np.testing.assert_array_equal(recording.read(1.0, 2.0).data, expected[250:750])  # type: ignore[union-attr]
    np.testing.assert_array_equal(next(recording.chunks(0.4, 2.0)).data, expected[500:600])
    picked = recording.pick(["MEG0121", "MEG0112"])
    np.testing.assert_array_equal(signal_of(picked), expected[:, [2, 1]])
    assert picked.fingerprint() != recording.fingerprint() != open_recordings(tmp_path)[1].fingerprint()
    assert [s.name for s in open_recordings(path, bads=["MEG0111"])[0].sensors] == ["MEG0112", "MEG0121"]
    assert len(open_recordings(tmp_path / "Sherlock1", session="12")) == 1


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [
        ({"channel_names": None}, "it does not say its channel_names"),
        ({"channel_types": "mag, grad"}, "3 rows, 3 channel names and 2 types do not agree"),
        ({"sample_frequency": 0.0}, "its sample_frequency 0.0 is none"),
    ],
)
def test_missing_attributes_are_named(attributes: dict[str, object], fault: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"_meg.h5 cannot be read: {fault}; is the file whole"):
        open_recordings(libri_run(tmp_path, **attributes))


def test_broken_files_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    h5py = pytest.importorskip("h5py")
    path = libri_run(tmp_path)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(ValueError, match=r"_meg.h5 cannot be read: .*; is the file whole\?$"):
        open_recordings(tmp_path)
    with h5py.File(path, "w") as file:
        file["data"] = h5py.ExternalLink("/etc/other.h5", "/data")
    with pytest.raises(ValueError, match="it holds no matrix called data of its own"):
        open_recordings(tmp_path)
    (tmp_path / "secret").write_bytes(bytes(12_000))
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (3, 1000), "f4", external=[(str(tmp_path / "secret"), 0, 12_000)])
    with pytest.raises(ValueError, match="it holds no matrix called data of its own"):
        open_recordings(tmp_path)
    libri_run(tmp_path, events="idx\tkind\tsegment\ttimemeg\n0\tword\tfar\t900\n")
    with pytest.raises(ValueError, match=r"all of its 1 words lie outside \(from 900.0 s on\)"):
        open_recordings(tmp_path)
    libri_run(tmp_path, events="idx\tkind\tsegment\ttimemeg\n0\tsilence\t\t900\n")
    with pytest.raises(NoWords, match="has no words: no row is of kind word"):
        open_recordings(tmp_path)
    real_import = builtins.__import__

    def without(name: str, *args: Any, **how: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return real_import(name, *args, **how)

    libri_run(tmp_path)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match="needs h5py, which is not installed; pip install h5py"):
        open_recordings(tmp_path)
