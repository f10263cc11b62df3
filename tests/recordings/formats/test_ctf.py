"""CTF folders are read as MNE reads them, and break where the clock of the machine jumps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import mne
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtalign.core.head.position import HeadPosition
from rtalign.recordings import check_signal, open_recordings
from rtalign.recordings.formats import MneRecording, ctf
from rtalign.recordings.stream_channels.labels import find_head_coils
from tests.helpers.fif_files import words
from tests.helpers.real_data import CTF, real


def test_a_ctf_folder_reads_as_mne_reads_it(tmp_path: Path) -> None:
    path = real(CTF)
    (recording,) = open_recordings(path, word_table=words(tmp_path))
    raw = mne.io.read_raw_ctf(path, system_clock="ignore", clean_names=True, verbose="ERROR")
    expected = raw.get_data([s.name for s in recording.sensors]).T
    chunks = list(recording.chunks(0.37))
    first = np.concatenate([c.data for c in chunks if c.start < 1.0])
    second = np.concatenate([c.data for c in chunks if c.start > 1.0])
    np.testing.assert_allclose(first, expected[:1200], rtol=1e-12)
    np.testing.assert_allclose(second, expected[1202:], rtol=1e-12)
    np.testing.assert_allclose(recording.read(0.9, 0.2).data, expected[1080:1320], rtol=1e-12)
    assert {s.kind for s in recording.sensors} == {"axial"}
    assert len(recording.sensors) == 273
    outward = [np.dot(s.position, s.normal) > 0 for s in recording.sensors if s.position[2] > 0.05]
    assert all(outward)
    assert check_signal(recording) == []


def test_bad_segments_of_a_ctf_folder_are_bad_stretches(tmp_path: Path) -> None:
    """They are on the time of a trial, which begins 2 s after its trigger here."""
    folder = tmp_path / CTF.name
    folder.mkdir()
    for file in real(CTF).iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "bad.segments").unlink()
    (folder / "bad.segments").write_text("1\t\t2.25\t\t2.75\t\t\n", encoding="utf-8")
    (recording,) = open_recordings(folder, word_table=words(tmp_path))
    assert [(bad.start, bad.stop, bad.reason) for bad in recording.bad_stretches] == [
        (0.25, 0.75, "marked as bad: bad_1")
    ]


def ctf_like(folder: Path, clock: np.ndarray, n_trial: int) -> SimpleNamespace:
    """What MNE says of a CTF folder, over two data files written by hand: 8 bytes, then (trial, channel, sample)."""
    counts = np.stack([clock, np.arange(len(clock)), -3 * np.arange(len(clock))])
    files = []
    for i, part in enumerate(np.split(counts, [2 * n_trial], axis=1)):
        trials = part.reshape(3, -1, n_trial).swapaxes(0, 1)
        files.append(folder / f"{i}_meg4")
        files[-1].write_bytes(b"MEG41CP\0" + trials.astype(">i4").tobytes())
    channels = [{"cal": 1e-4, "range": 1.0}, {"cal": 2e-15, "range": 1.0}, {"cal": 1e-15, "range": 0.5}]
    names = ["SCLK01", "MLC11", "MLC12"]
    info = {"sfreq": 100.0, "chs": channels}
    return SimpleNamespace(
        filenames=files, info=info, ch_names=names, n_times=len(clock), buffer_size_sec=n_trial / 100
    )


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(0, 250), n=st.integers(0, 250))
def test_samples_come_from_any_trial_of_any_file(first: int, n: int, tmp_path: Path) -> None:
    raw = ctf_like(tmp_path, 100 * np.arange(1, 251), 50)
    stop = min(first + n, 250)
    data = ctf.read_samples(raw, np.array([2, 1]), first, stop)
    expected = np.arange(first, max(stop, first))
    np.testing.assert_allclose(data, np.stack([-1.5e-15 * expected, 2e-15 * expected], axis=1), rtol=1e-12)


def test_a_session_ends_and_breaks_with_its_clock(tmp_path: Path) -> None:
    clock = 100 * np.arange(1, 251)
    assert ctf.recorded_samples(ctf_like(tmp_path, clock, 50)) == (250, [])
    clock[100:] += 5000
    clock[230:] = 0
    assert ctf.recorded_samples(ctf_like(tmp_path, clock, 50)) == (230, [(99, 101)])


def test_grade_and_head_are_those_of_the_file_and_its_head_coils_are_near() -> None:
    """The coils' channels are of the recording, the file's transform of a localisation before it."""
    raw = mne.io.read_raw_ctf(real(CTF), system_clock="ignore", verbose="ERROR")
    recording = MneRecording(real(CTF))
    assert recording.grade == raw.compensation_grade
    assert recording.head is not None
    assert np.allclose(np.reshape(recording.head.rows, (3, 4)), raw.info["dev_head_t"]["trans"][:3])
    columns = find_head_coils(raw.ch_names)
    assert columns is not None
    coils = np.median(raw.get_data(columns.ravel()), axis=1).reshape(3, 3)
    measured = HeadPosition.from_ctf_coils(coils)
    assert measured is not None
    assert measured.distance_mm([recording.head]) < 5.0
