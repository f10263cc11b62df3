"""Recordings are read as their files hold them: sensors, signal, clock, words, and every fault in one line."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import mne
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mne.io.constants import FIFF
from realdata import CTF, MEGIN, real

from rtalign.data import Chunk, Recording, Sensor, Word
from rtalign.datasets import bids, check_signal, common_sensors, ctfdata, left_out, open_recordings
from rtalign.datasets.mneraw import MneRecording
from rtalign.datasets.rows import NoWords

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


def whole(recording: Recording, seconds: float = 10.0) -> np.ndarray:
    return np.concatenate([chunk.data for chunk in recording.chunks(seconds)])


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
    data = ctfdata.read(raw, np.array([2, 1]), first, stop)
    expected = np.arange(first, max(stop, first))
    np.testing.assert_allclose(data, np.stack([-1.5e-15 * expected, 2e-15 * expected], axis=1), rtol=1e-12)


def test_a_ctf_session_ends_where_its_clock_ends_and_breaks_where_it_jumps(tmp_path: Path) -> None:
    clock = 100 * np.arange(1, 251)
    assert ctfdata.clock(ctf_like(tmp_path, clock, 50)) == (250, [])
    clock[100:] += 5000
    clock[230:] = 0
    assert ctfdata.clock(ctf_like(tmp_path, clock, 50)) == (230, [(99, 101)])


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
    notes = left_out(runs, ("C", "B"))  # type: ignore[arg-type]
    assert notes == ["sensor A is not used, missing in three", "sensor D is not used, missing in one, two"]


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


def words(tmp_path: Path, onset: float = 0.5) -> Path:
    path = tmp_path / "words.tsv"
    path.write_text(f"onset\tword\n{onset}\tthe\n{onset + 0.4}\tdog\n", encoding="utf-8")
    return path


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


# ---- BIDS


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, one with runs 1, 2 and 10, one with a run at rest; a recording of an empty room."""
    root = tmp_path_factory.mktemp("library")
    for run in (1, 2, 10):
        run_file(root, run)
    run_file(root, 1, "02")
    run_file(root, 2, "02", events="onset\tduration\ttrial_type\n0\t1\trest\n")
    write(root / "sub-emptyroom" / "ses-01" / "meg" / "sub-emptyroom_ses-01_task-noise_meg.fif", noise(3))
    write(root / "sub-01" / "meg" / "sub-01_acq-crosstalk_meg.fif", noise(3))
    return root


def names(found: Sequence[Recording]) -> list[str]:
    return [recording.name.replace("_task-story", "") for recording in found]


def test_runs_come_in_natural_order_without_empty_rooms(library: Path) -> None:
    found = bids.find(library)
    assert names(found) == ["sub-01_run-1", "sub-01_run-2", "sub-01_run-10", "sub-02_run-1"]
    assert "run skipped: sub-emptyroom_ses-01_task-noise_meg.fif is of an empty room" in found[0].notes
    assert any("sub-02_task-story_run-2_events.tsv" in note for note in found[0].notes)
    assert not any("crosstalk" in note for note in found[0].notes)


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({"run": "10"}, ["sub-01_run-10"]),
        ({"run": "01"}, ["sub-01_run-1", "sub-02_run-1"]),
        ({"subject": "sub-01", "run": "2,10"}, ["sub-01_run-2", "sub-01_run-10"]),
        ({"subject": "02", "task": "story"}, ["sub-02_run-1"]),
    ],
)
def test_filters_choose_runs(library: Path, filters: dict[str, str], kept: list[str]) -> None:
    assert names(open_recordings(library, **filters)) == kept  # type: ignore[arg-type]


def test_a_folder_inside_the_data_set_is_a_data_set(library: Path) -> None:
    assert names(open_recordings(library / "sub-02")) == ["sub-02_run-1"]


def test_a_bids_file_named_directly_brings_its_words(library: Path) -> None:
    (recording,) = open_recordings(library / "sub-01" / "meg" / "sub-01_task-story_run-2_meg.fif")
    assert (len(recording.words), recording.subject) == (2, "01")


def test_tables_are_inherited_from_the_folders_above(tmp_path: Path) -> None:
    path = run_file(tmp_path)
    (tmp_path / "task-story_events.tsv").write_text(EVENTS.replace("Once", "Far"), encoding="utf-8")
    (tmp_path / "task-other_events.tsv").write_text(EVENTS.replace("Once", "Wrong"), encoding="utf-8")
    assert bids.find(tmp_path)[0].words[0].text == "Once"
    path.with_name(path.name.replace("_meg.fif", "_events.tsv")).unlink()
    assert bids.find(tmp_path)[0].words[0].text == "Far"


def test_faults_of_a_data_set_are_one_line(library: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no recording"):
        open_recordings(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"is no BIDS data set: it holds no folder sub-"):
        open_recordings(tmp_path)
    with pytest.raises(ValueError, match="has no recording of run 7; it has run 1, 2, 10"):
        open_recordings(library, run="7")
    with pytest.raises(ValueError, match="has no recording of session 1; it has session none"):
        open_recordings(library, session="1")
    with pytest.raises(NoWords, match="has no words: no trial_type says word"):
        open_recordings(library, subject="02", run="2")
    with pytest.raises(ValueError, match="a word table belongs to one file"):
        open_recordings(library, word_table=words(tmp_path))
    (tmp_path / "sub-01" / "meg").mkdir(parents=True)
    with pytest.raises(ValueError, match="holds no MEG file"):
        open_recordings(tmp_path)


def test_a_broken_table_stops_where_a_missing_one_is_skipped(tmp_path: Path) -> None:
    run_file(tmp_path, 1)
    second = run_file(tmp_path, 2, events=EVENTS.replace("0.5", "0,5"))
    with pytest.raises(ValueError, match=r"run-2_events.tsv, line 2: the onset 0,5 has a decimal comma"):
        bids.find(tmp_path)
    second.with_name(second.name.replace("_meg.fif", "_events.tsv")).unlink()
    (found,) = bids.find(tmp_path)
    assert any("has no events table" in note for note in found.notes)


def test_faults_of_a_file_are_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "story_meg.fif", noise(3))
    with pytest.raises(ValueError, match=r"story_meg.fif comes without words: .* --word-table"):
        open_recordings(path)
    (tmp_path / "notes.docx").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match=r"notes.docx is no recording this program reads"):
        open_recordings(tmp_path / "notes.docx")
    (tmp_path / "cut_meg.fif").write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match=r"cut_meg.fif is cut short: .*; copy it again"):
        open_recordings(tmp_path / "cut_meg.fif", word_table=words(tmp_path))
    (tmp_path / "stub_meg.fif").write_bytes(path.read_bytes()[:200])
    for name in ("stub_meg.fif", "empty_meg.fif", "hollow.ds", "hollow.con"):
        place = tmp_path / name
        place.mkdir() if name.endswith(".ds") else place.touch()
        with pytest.raises(ValueError, match=rf"{name} cannot be read: .*is the file whole") as caught:
            open_recordings(place, word_table=words(tmp_path))
        assert "\n" not in str(caught.value)
