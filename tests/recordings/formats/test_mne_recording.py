"""Recordings are read as their files hold them: sensors, signal, clock, words, and every fault in one line."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import mne
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtalign.core.records import Chunk, Sensor, Word
from rtalign.recordings import bids, check_signal, common_sensors, open_recordings
from rtalign.recordings.formats import ctf
from rtalign.recordings.formats.mne_recording import MneRecording
from tests.helpers.fif_files import EVENTS, SFREQ, noise, run_file, whole, words, write
from tests.helpers.real_data import CTF, MEGIN, real

# ---- signal


def test_a_recording_is_what_was_written(tmp_path: Path) -> None:
    data = noise(3)
    run_file(tmp_path, data=data)
    (recording,) = bids.find(tmp_path)
    assert (recording.name, recording.subject) == ("sub-01_task-story_run-1", "01")
    assert (recording.sfreq, recording.start, recording.n_samples) == (SFREQ, 0.0, 1500)
    assert recording.words == (Word(0, "Once", 0.5, 0.2), Word(1, "upon", 1.1, 0.3))
    assert [(s.name, s.kind) for s in recording.sensors] == [(f"MLC1{i}", "axial") for i in (1, 2, 3)]
    assert recording.sensors[1].position == pytest.approx((0.01, 0.05, 0.08))
    assert recording.sensors[1].normal == (0.0, 0.0, 1.0)
    np.testing.assert_allclose(whole(recording), data.T, rtol=1e-12)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.floats(0.001, 5.0))
def test_cutting_differently_changes_nothing(seconds: float, tmp_path: Path) -> None:
    path = tmp_path / "story_meg.fif"
    if not path.exists():
        write(path, noise(3, 0.4))
    recording = MneRecording(path)
    chunks = list(recording.chunks(seconds))
    np.testing.assert_array_equal(np.concatenate([c.data for c in chunks]), whole(recording))
    ends = [chunk.end for chunk in chunks]
    assert [chunk.start for chunk in chunks[1:]] == pytest.approx(ends[:-1], abs=1e-9)


def test_time_begins_with_the_file_whatever_its_first_sample_is_called(tmp_path: Path) -> None:
    late = MneRecording(write(tmp_path / "late_meg.fif", noise(3), first_samp=50_000))
    assert next(late.chunks()).start == 0.0
    np.testing.assert_allclose(whole(late), noise(3).T, rtol=1e-12)


def test_what_the_machine_did_not_record_is_left_out(tmp_path: Path) -> None:
    skip = mne.Annotations([1.0], [0.5], ["BAD_ACQ_SKIP"])
    path = write(tmp_path / "skip_meg.fif", noise(3), annotations=skip, buffer_size_sec=0.1)
    recording = MneRecording(path)
    chunks = list(recording.chunks(0.8))
    times = np.concatenate([chunk.start + np.arange(len(chunk.data)) / SFREQ for chunk in chunks])
    assert not ((times > 1.0 + 1e-9) & (times < 1.5 - 1e-9)).any()
    np.testing.assert_allclose(whole(recording), noise(3).T[np.round(times * SFREQ).astype(int)], rtol=1e-12)
    assert "breaks in the signal: 1" in recording.notes


def test_split_files_are_one_recording(tmp_path: Path) -> None:
    data = noise(3, 200.0)
    stem = "sub-01_task-story"
    folder = tmp_path / "sub-01" / "meg"
    write(folder / f"{stem}_meg.fif", data, split_size="2MB", split_naming="bids")
    (folder / f"{stem}_events.tsv").write_text(EVENTS, encoding="utf-8")
    assert len(list(folder.glob("*.fif"))) > 1
    (recording,) = bids.find(tmp_path)
    np.testing.assert_allclose(whole(recording), data.T, rtol=1e-12)


def test_a_ctf_folder_reads_as_mne_reads_it_and_breaks_where_its_clock_jumps(tmp_path: Path) -> None:
    path = real(CTF)
    (recording,) = open_recordings(path, word_table=words(tmp_path))
    raw = mne.io.read_raw_ctf(path, system_clock="ignore", clean_names=True, verbose="ERROR")
    expected = raw.get_data([s.name for s in recording.sensors]).T
    chunks = list(recording.chunks(0.37))
    first = np.concatenate([c.data for c in chunks if c.start < 1.0])
    second = np.concatenate([c.data for c in chunks if c.start > 1.0])
    np.testing.assert_allclose(first, expected[:1200], rtol=1e-12)
    np.testing.assert_allclose(second, expected[1202:], rtol=1e-12)
    np.testing.assert_allclose(recording.peek(0.9, 0.2).data, expected[1080:1320], rtol=1e-12)
    assert {s.kind for s in recording.sensors} == {"axial"}
    assert len(recording.sensors) == 273
    outward = [np.dot(s.position, s.normal) > 0 for s in recording.sensors if s.position[2] > 0.05]
    assert all(outward)
    assert check_signal(recording) == []


def test_a_neuromag_file_has_magnetometers_and_planar_gradiometers(tmp_path: Path) -> None:
    (recording,) = open_recordings(real(MEGIN), word_table=words(tmp_path))
    kinds = [s.kind for s in recording.sensors]
    assert (kinds.count("mag"), kinds.count("planar"), len(kinds)) == (101, 202, 303)
    raw = mne.io.read_raw_fif(MEGIN, verbose="ERROR")
    np.testing.assert_array_equal(whole(recording, 0.7), raw.get_data("meg").T)
    assert check_signal(recording) == []


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
def test_ctf_samples_come_from_any_trial_of_any_file(first: int, n: int, tmp_path: Path) -> None:
    raw = ctf_like(tmp_path, 100 * np.arange(1, 251), 50)
    stop = min(first + n, 250)
    data = ctf.read(raw, np.array([2, 1]), first, stop)
    expected = np.arange(first, max(stop, first))
    np.testing.assert_allclose(data, np.stack([-1.5e-15 * expected, 2e-15 * expected], axis=1), rtol=1e-12)


def test_a_ctf_session_ends_where_its_clock_ends_and_breaks_where_it_jumps(tmp_path: Path) -> None:
    clock = 100 * np.arange(1, 251)
    assert ctf.clock(ctf_like(tmp_path, clock, 50)) == (250, [])
    clock[100:] += 5000
    clock[230:] = 0
    assert ctf.clock(ctf_like(tmp_path, clock, 50)) == (230, [(99, 101)])


# ---- sensors


def test_eeg_serves_only_where_there_is_no_meg(tmp_path: Path) -> None:
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
    np.testing.assert_allclose(whole(recording), noise(3, seed=1).T[:, 1:2], rtol=1e-12)
    with pytest.raises(ValueError, match=r"names MLC1, which is no channel of .*did you mean MLC1\d"):
        open_recordings(tmp_path, bads=["MLC1"])
    with pytest.raises(ValueError, match=r"all 3 sensors of .* are marked bad"):
        open_recordings(tmp_path, bads=["MLC12", "MLC13"])


def test_picking_restricts_and_reorders(tmp_path: Path) -> None:
    run_file(tmp_path)
    (recording,) = bids.find(tmp_path)
    picked = recording.pick(["MLC13", "MLC11"])
    np.testing.assert_array_equal(whole(picked), whole(recording)[:, [2, 0]])
    assert [s.name for s in recording.sensors] == ["MLC11", "MLC12", "MLC13"]
    assert picked.fingerprint() != recording.fingerprint()
    with pytest.raises(ValueError, match="lacks the sensors MLC99"):
        recording.pick(["MLC11", "MLC99"])


def named(name: str, *sensors: str, kind: str = "axial") -> SimpleNamespace:
    return SimpleNamespace(name=name, sensors=tuple(Sensor(s, kind, (0, 0, 0), (0, 0, 1)) for s in sensors))


def test_common_sensors_are_those_of_all_in_the_order_of_the_first() -> None:
    runs = [named("one", "C", "A", "B"), named("two", "A", "B", "C"), named("three", "D", "C", "B")]
    assert common_sensors(runs) == ("C", "B")  # type: ignore[arg-type]


def test_recordings_without_a_common_sensor_are_both_named() -> None:
    with pytest.raises(ValueError, match=r"one and two have no sensors in common: A \(axial\).* against B \(axial\)"):
        common_sensors([named("one", "A"), named("two", "B")])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"A \(axial\) against A \(mag\)"):
        common_sensors([named("one", "A"), named("two", "A", kind="mag")])  # type: ignore[list-item]


# ---- fingerprint


def test_the_fingerprint_follows_the_content_not_the_place(tmp_path: Path) -> None:
    path = run_file(tmp_path / "a")
    before = bids.find(tmp_path / "a")[0].fingerprint()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert bids.find(tmp_path / "b")[0].fingerprint() == before
    events = path.with_name(path.name.replace("_meg.fif", "_events.tsv"))
    events.write_text(EVENTS.replace("1.1", "1.2"), encoding="utf-8")
    assert bids.find(tmp_path / "a")[0].fingerprint() != before


def test_the_fingerprint_sees_another_signal_of_the_same_size(tmp_path: Path) -> None:
    quiet, loud = noise(3, 60.0), noise(3, 60.0)
    loud[:, 10_000:20_000] *= 1.01
    run_file(tmp_path / "a", data=quiet)
    run_file(tmp_path / "b", data=loud)
    assert bids.find(tmp_path / "a")[0].fingerprint() != bids.find(tmp_path / "b")[0].fingerprint()


# ---- words and the signal


def test_words_beyond_the_recording_stay_and_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "story_meg.fif", noise(3))
    (recording,) = open_recordings(path, word_table=words(tmp_path, 2.8), subject="07")
    assert [word.text for word in recording.words] == ["the", "dog"]
    assert recording.subject == "07"
    assert "1 of 2 words lie after the end of the signal" in recording.notes


def test_words_all_beyond_the_recording_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "story_meg.fif", noise(3))
    with pytest.raises(ValueError, match=r"3.0 s of signal, and all of its 2 words lie outside \(from 100.0 s on\)"):
        open_recordings(path, word_table=words(tmp_path, 100.0))


# ---- faulty signal


def test_flat_and_broken_sensors_are_named_with_the_cure(tmp_path: Path) -> None:
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


def test_a_whole_recording_is_no_fault_and_an_empty_one_is(tmp_path: Path) -> None:
    assert check_signal(MneRecording(write(tmp_path / "a_meg.fif", noise(3)))) == []
    (fault,) = check_signal(MneRecording(write(tmp_path / "b_meg.fif", np.zeros((3, 1500)))))
    assert fault.startswith("all 3 sensors are flat")


def test_recordings_that_only_read_in_order_are_checked_too() -> None:
    data = noise(3).T
    data[:, 2] = 0
    chunks = [Chunk(data[a : a + 500], a / SFREQ, SFREQ) for a in (0, 500, 1000)]
    recording = named("memory", "A", "B", "C")
    recording.n_samples, recording.sfreq, recording.start = 1500, SFREQ, 0.0
    recording.chunks = lambda seconds: iter(chunks)
    assert check_signal(recording) == ["C is flat; leave out with --bads C"]  # type: ignore[arg-type]
