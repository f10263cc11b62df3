"""FIF recordings are read as their files hold them: signal, time, words, fingerprint."""

from __future__ import annotations

import shutil
from pathlib import Path

import mne
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtalign.core.records import Word
from rtalign.recordings import check_signal, open_recordings
from rtalign.recordings.formats import MneRecording
from tests.helpers.dataset_folders import SFREQ as SESSION_SFREQ
from tests.helpers.dataset_folders import armeni_session
from tests.helpers.fif_files import EVENTS, SFREQ, noise, run_file, signal_of, words, write
from tests.helpers.real_data import MEGIN, real


def test_a_recording_is_what_was_written(tmp_path: Path) -> None:
    data = noise(3)
    run_file(tmp_path, data=data)
    (recording,) = open_recordings(tmp_path)
    assert (recording.name, recording.subject) == ("sub-01_task-story_run-1", "01")
    assert (recording.sfreq, recording.start, recording.n_samples) == (SFREQ, 0.0, 1500)
    assert recording.words == (Word(0, "Once", 0.5, 0.2), Word(1, "upon", 1.1, 0.3))
    assert [(s.name, s.kind) for s in recording.sensors] == [(f"MLC1{i}", "axial") for i in (1, 2, 3)]
    assert recording.sensors[1].position == pytest.approx((0.01, 0.05, 0.08))
    assert recording.sensors[1].normal == (0.0, 0.0, 1.0)
    np.testing.assert_allclose(signal_of(recording), data.T, rtol=1e-12)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.floats(0.001, 5.0))
def test_cutting_differently_changes_nothing(seconds: float, tmp_path: Path) -> None:
    path = tmp_path / "story_meg.fif"
    if not path.exists():
        write(path, noise(3, 0.4))
    recording = MneRecording(path)
    chunks = list(recording.chunks(seconds))
    np.testing.assert_array_equal(np.concatenate([c.data for c in chunks]), signal_of(recording))
    ends = [chunk.end for chunk in chunks]
    assert [chunk.start for chunk in chunks[1:]] == pytest.approx(ends[:-1], abs=1e-9)


def test_time_begins_with_the_first_sample_of_the_file(tmp_path: Path) -> None:
    late = MneRecording(write(tmp_path / "late_meg.fif", noise(3), first_samp=50_000))
    assert next(late.chunks()).start == 0.0
    np.testing.assert_allclose(signal_of(late), noise(3).T, rtol=1e-12)


def test_what_the_machine_did_not_record_is_left_out(tmp_path: Path) -> None:
    skip = mne.Annotations([1.0], [0.5], ["BAD_ACQ_SKIP"])
    path = write(tmp_path / "skip_meg.fif", noise(3), annotations=skip, buffer_size_sec=0.1)
    recording = MneRecording(path)
    chunks = list(recording.chunks(0.8))
    times = np.concatenate([chunk.start + np.arange(len(chunk.data)) / SFREQ for chunk in chunks])
    assert not ((times > 1.0 + 1e-9) & (times < 1.5 - 1e-9)).any()
    np.testing.assert_allclose(signal_of(recording), noise(3).T[np.round(times * SFREQ).astype(int)], rtol=1e-12)
    assert "breaks in the signal: 1" in recording.notes


def test_what_is_annotated_as_bad_is_known_and_stays_in_the_signal(tmp_path: Path) -> None:
    marks = mne.Annotations([0.5, 2.0, 2.5], [0.25, 0.0, 0.1], ["BAD_muscle", "bad moment", "word/the"])
    path = write(tmp_path / "bad_meg.fif", noise(3), annotations=marks, first_samp=5000)
    recording = MneRecording(path)
    assert [(bad.start, bad.stop, bad.reason) for bad in recording.bad_stretches] == [
        (pytest.approx(0.5), pytest.approx(0.75), "marked as bad: BAD_muscle"),
        (pytest.approx(2.0), pytest.approx(2.0), "marked as bad: bad moment"),
    ]
    assert "marked as bad: 2 stretches, 0.2 s; words there are skipped" in recording.notes
    np.testing.assert_allclose(signal_of(recording), noise(3).T, rtol=1e-12)
    assert recording.fingerprint() != MneRecording(write(tmp_path / "good_meg.fif", noise(3))).fingerprint()


def test_a_boundary_of_joined_files_is_a_break_with_its_reason(tmp_path: Path) -> None:
    parts = [mne.io.read_raw_fif(write(tmp_path / f"{k}_meg.fif", noise(3, seed=k)), verbose="ERROR") for k in (0, 1)]
    joined = mne.concatenate_raws(parts, verbose="ERROR")
    joined.save(tmp_path / "joined_meg.fif", verbose="ERROR")
    for recording in (MneRecording(tmp_path / "joined_meg.fif"), MneRecording.from_mne(joined)):
        assert [(bad.start, bad.reason) for bad in recording.bad_stretches] == [
            (pytest.approx(3.0), "boundary of joined files")
        ]
        chunks = list(recording.chunks(10.0))
        assert [(chunk.start, len(chunk.data)) for chunk in chunks] == [(0.0, 1499), (pytest.approx(3.002), 1499)]


def test_split_files_are_one_recording(tmp_path: Path) -> None:
    data = noise(3, 200.0)
    stem = "sub-01_task-story"
    folder = tmp_path / "sub-01" / "meg"
    write(folder / f"{stem}_meg.fif", data, split_size="2MB", split_naming="bids")
    (folder / f"{stem}_events.tsv").write_text(EVENTS, encoding="utf-8")
    assert len(list(folder.glob("*.fif"))) > 1
    (recording,) = open_recordings(tmp_path)
    np.testing.assert_allclose(signal_of(recording), data.T, rtol=1e-12)


@pytest.mark.parametrize(
    ("naming", "first", "second"),
    [("bids", "story_split-01_meg.fif", "story_split-02_meg.fif"), ("neuromag", "story_meg.fif", "story_meg-1.fif")],
)
def test_a_later_part_of_a_split_recording_opened_alone_is_told(
    naming: str, first: str, second: str, tmp_path: Path
) -> None:
    write(tmp_path / "story_meg.fif", noise(3, 200.0), split_size="2MB", split_naming=naming)
    (note,) = [note for note in MneRecording(tmp_path / second).notes if "later part" in note]
    assert f"open {first} for all" in note
    assert not [note for note in MneRecording(tmp_path / first).notes if "later part" in note]
    alone = write(tmp_path / "day-2.fif", noise(3))
    assert not [note for note in MneRecording(alone).notes if "later part" in note]


def test_a_neuromag_file_has_two_kinds_of_sensors(tmp_path: Path) -> None:
    (recording,) = open_recordings(real(MEGIN), word_table=words(tmp_path))
    kinds = [s.kind for s in recording.sensors]
    assert (kinds.count("mag"), kinds.count("planar"), len(kinds)) == (101, 202, 303)
    raw = mne.io.read_raw_fif(MEGIN, verbose="ERROR")
    np.testing.assert_array_equal(signal_of(recording, 0.7), raw.get_data("meg").T)
    assert check_signal(recording) == []


def test_any_channel_is_read_by_its_name(tmp_path: Path) -> None:
    armeni_session(tmp_path)
    (file,) = tmp_path.rglob("*compr_meg.fif")
    expected = mne.io.read_raw_fif(file, verbose="ERROR").get_data(["UADC003"])[0]
    second = open_recordings(tmp_path, run="2")[0]
    assert isinstance(second, MneRecording)
    read = second.read_channel("uadc003", second.start + 1.0, 2.0)
    first = round(read.start * SESSION_SFREQ)
    np.testing.assert_allclose(read.data[:, 0], expected[first : first + 400], rtol=1e-9)
    with pytest.raises(ValueError, match="has no channel NONE"):
        second.read_channel("NONE", 0.0, 1.0)


def test_the_fingerprint_follows_the_content_not_the_path(tmp_path: Path) -> None:
    path = run_file(tmp_path / "a")
    before = open_recordings(tmp_path / "a")[0].fingerprint()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert open_recordings(tmp_path / "b")[0].fingerprint() == before
    events = path.with_name(path.name.replace("_meg.fif", "_events.tsv"))
    events.write_text(EVENTS.replace("1.1", "1.2"), encoding="utf-8")
    assert open_recordings(tmp_path / "a")[0].fingerprint() != before


def test_the_fingerprint_sees_another_signal_of_the_same_size(tmp_path: Path) -> None:
    quiet, loud = noise(3, 60.0), noise(3, 60.0)
    loud[:, 10_000:20_000] *= 1.01
    run_file(tmp_path / "a", data=quiet)
    run_file(tmp_path / "b", data=loud)
    assert open_recordings(tmp_path / "a")[0].fingerprint() != open_recordings(tmp_path / "b")[0].fingerprint()


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
