"""The sessions of Armeni et al. 2022 are read run by run, quirks and known faults and all."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import mne
import numpy as np
import pytest

from rtalign.recordings import common_sensors, open_recordings, open_repeats
from rtalign.recordings.word_tables import NoWords
from tests.helpers.dataset_folders import (
    HELMET,
    SFREQ,
    armeni_session,
    ctf_session,
    events_text,
    notes_of,
    run_rows,
    snippet_rows,
    texts,
)
from tests.helpers.fif_files import signal_of
from tests.helpers.real_data import CTF


@pytest.fixture(scope="module")
def armeni(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    root = tmp_path_factory.mktemp("armeni")
    return root, armeni_session(root, grade=3)


def test_every_run_inside_a_session_is_a_recording(armeni: tuple[Path, np.ndarray]) -> None:
    found = open_recordings(armeni[0], subject="001")
    assert [r.name for r in found] == [f"sub-001_ses-001_task-compr_run-{run}" for run in (1, 2)]
    assert [texts(r) for r in found] == [["to", "sherlock", "holmes"], ["she", "is", "always"]]
    assert [word.index for word in found[1].words] == [0, 1, 2]
    assert found[1].words[0].onset == pytest.approx(76.5)


def test_a_run_reads_its_own_part_of_the_file(armeni: tuple[Path, np.ndarray]) -> None:
    root, data = armeni
    for recording in open_recordings(root):
        first, stop = (round(t * SFREQ) for t in (recording.start, recording.start + recording.seconds))
        np.testing.assert_allclose(signal_of(recording), data[first:stop], rtol=1e-9)
        assert recording.n_samples == stop - first
        assert next(recording.chunks()).start == recording.start
        later = next(recording.chunks(1.0, recording.start + 2.0))
        np.testing.assert_allclose(later.data, data[first + 400 : first + 600], rtol=1e-9)
        peeked = recording.read(recording.start - 5, 2.0)  # type: ignore[union-attr]
        assert peeked.start == recording.start
        np.testing.assert_allclose(peeked.data, data[first : first + 400], rtol=1e-9)


def test_runs_and_snippets_share_no_signal(armeni: tuple[Path, np.ndarray]) -> None:
    found = [*open_recordings(armeni[0]), *open_repeats(armeni[0])]
    spans = sorted((r.start, r.start + r.seconds) for r in found)
    assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(spans))
    assert len({r.fingerprint() for r in found}) == 4


def test_the_repeated_snippet_is_for_the_noise_ceiling(armeni: tuple[Path, np.ndarray]) -> None:
    root, data = armeni
    repeats = open_repeats(root, subject="1")
    assert [(r.start, r.seconds, r.words) for r in repeats] == [(10.0, 30.0, ()), (42.0, 30.0, ())]
    np.testing.assert_allclose(signal_of(repeats[1]), data[8400:14400], rtol=1e-9)
    assert "2 repeats of the 30 s snippet are no part of the story" in notes_of(open_recordings(root))


def test_reference_sensors_are_left_out(armeni: tuple[Path, np.ndarray]) -> None:
    found = open_recordings(armeni[0])
    assert [s.name for s in found[0].sensors] == list(HELMET)
    assert {s.kind for s in found[0].sensors} == {"axial"}
    assert "compensation grade 3" in found[0].notes
    assert not any("compensation" in note for note in found[1].notes)  # once a session is enough


def test_a_run_inside_a_session_can_be_chosen(armeni: tuple[Path, np.ndarray]) -> None:
    root, _ = armeni
    assert [texts(r)[0] for r in open_recordings(root, run="2")] == ["she"]
    file = root / "sub-001" / "ses-001" / "meg" / "sub-001_ses-001_task-compr_meg.fif"
    assert [texts(r)[0] for r in open_recordings(file)] == ["to", "she"]
    assert [texts(r)[0] for r in open_recordings(file, run="02")] == ["she"]
    with pytest.raises(ValueError, match="has no recording of run 7; it has run 1, 2"):
        open_recordings(root, run="7")


def test_missing_published_runs_are_noted(armeni: tuple[Path, np.ndarray]) -> None:
    assert "2 of 7 published runs; without run 3, 4, 5, 6, 7" in notes_of(open_recordings(armeni[0]))


def test_known_bad_channels_are_left_out_and_noted(tmp_path: Path) -> None:
    armeni_session(tmp_path, 3, 3)
    armeni_session(tmp_path, 3, 4)
    armeni_session(tmp_path, 2, 4)
    third, fourth = (open_recordings(tmp_path, subject="3", session=session) for session in ("3", "4"))
    assert [s.name for s in third[0].sensors] == [name for name in HELMET if name != "MRP57"]
    assert [s.name for s in fourth[0].sensors] == ["MLC11", "MLC12", "MRP51", "MRP57"]
    assert "the printed MRP5 is no sensor of this helmet" in notes_of(fourth)
    assert common_sensors([*third, *fourth]) == ("MLC11", "MLC12", "MRP51")
    assert len(open_recordings(tmp_path, subject="2")[0].sensors) == len(HELMET)


def test_the_restarted_session_is_skipped_unless_named(tmp_path: Path) -> None:
    armeni_session(tmp_path, 3, 7)
    armeni_session(tmp_path, 3, 8)
    found = open_recordings(tmp_path)
    assert {r.name[:15] for r in found} == {"sub-003_ses-007"}
    assert "run skipped: sub-003 ses-008 was restarted in the middle; name it with --session 008" in notes_of(found)
    named = open_recordings(tmp_path, session="8")
    assert {r.name[:15] for r in named} == {"sub-003_ses-008"}
    assert "known fault: sub-003 ses-008 was restarted" in notes_of(named)
    assert {r.name[:15] for r in open_repeats(tmp_path)} == {"sub-003_ses-007"}


def test_words_before_a_late_start_are_dropped_and_counted(tmp_path: Path) -> None:
    armeni_session(tmp_path, 3, 1, rows=run_rows(1, -1.2, "gone and lost here I stay"))
    (found,) = open_recordings(tmp_path)
    assert texts(found) == ["lost", "here", "i", "stay"]
    assert found.start == 0.0
    assert "2 words began before the recording; left out" in found.notes
    assert "began about 8.4 s late" in notes_of([found])


def test_known_faults_are_of_the_published_subjects_alone(tmp_path: Path) -> None:
    armeni_session(tmp_path, 4, 8)
    found = open_recordings(tmp_path)
    assert len(found[0].sensors) == len(HELMET)
    assert not any(word in notes_of(found) for word in ("known fault", "published runs", "drifts"))


def test_sensors_are_those_of_all_chosen_runs(tmp_path: Path) -> None:
    armeni_session(tmp_path, 1, 1)
    armeni_session(tmp_path, 1, 2, sensors=HELMET[1:])
    assert common_sensors(open_recordings(tmp_path)) == HELMET[1:]


def test_words_in_a_snippet_are_left_out(tmp_path: Path) -> None:
    armeni_session(tmp_path, rows=[*run_rows(1, 4.0, "a b c d e f"), *snippet_rows(5.4)])
    (found,) = open_recordings(tmp_path)
    assert texts(found) == ["a", "b", "c"]
    assert "3 words lie in the repeated snippet; left out of the story" in found.notes
    assert found.start + found.seconds == pytest.approx(5.4)


def test_runs_without_trigger_or_words_are_noted(tmp_path: Path) -> None:
    rows = [row for row in run_rows(1, 4.0, "one two") if row[3] != "wav_onset"]
    rows += [(*row[:4], '"sp"') for row in run_rows(2, 30.0, "x y") if row[3] == "word_onset_02"]
    rows += [*run_rows(3, 200.0, "too late"), *run_rows(4, 50.0, "again"), ("45.000", "0", "0", "wav_onset", "40")]
    armeni_session(tmp_path, rows=rows)
    found = open_recordings(tmp_path)
    assert [r.name[-1] for r in found] == ["1", "4"]
    assert "its sound has no trigger" in notes_of(found)
    assert "its sound began 2 times, last at 50.0 s" in notes_of(found)
    assert "run 2 skipped: " in notes_of(found)
    assert "run 3 skipped: its words lie from 200.5 s on, the signal ends before" in notes_of(found)


def test_broken_sessions_end_in_one_line(tmp_path: Path) -> None:
    armeni_session(tmp_path / "late", rows=run_rows(1, 500.0, "far away"))
    with pytest.raises(NoWords, match=r"has no run with words in the signal: run 1 skipped"):
        open_recordings(tmp_path / "late")
    armeni_session(tmp_path / "mixed", rows=[*run_rows(1, 4.0, "a b c d e f g h"), *run_rows(2, 5.0, "x y")])
    with pytest.raises(
        ValueError, match=r"run 2 begins at 5.0 s, before the last word of run 1 at 7.3 s; is the table"
    ):
        open_recordings(tmp_path / "mixed")
    armeni_session(tmp_path / "comma", rows=[("4,5", "0", "0", "word_onset_01", "a")])
    with pytest.raises(ValueError, match=r"line 2: the onset 4,5 has a decimal comma"):
        open_recordings(tmp_path / "comma")
    root = tmp_path / "cut"
    armeni_session(root)
    file = root / "sub-001" / "ses-001" / "meg" / "sub-001_ses-001_task-compr_meg.fif"
    file.write_bytes(file.read_bytes()[:-900])
    with pytest.raises(ValueError, match=r"compr_meg.fif is cut short: .*; copy it again"):
        open_recordings(root)
    hollow = tmp_path / "hollow" / "sub-001" / "ses-001" / "meg"
    (hollow / "sub-001_ses-001_task-compr_meg.ds").mkdir(parents=True)
    (hollow / "sub-001_ses-001_task-compr_events.tsv").write_text(events_text(run_rows(1, 1.0, "a")), encoding="utf-8")
    with pytest.raises(ValueError, match=r"compr_meg.ds cannot be read: .*is the file whole"):
        open_recordings(tmp_path / "hollow")


def test_a_ctf_folder_is_split_as_a_fif_is(tmp_path: Path) -> None:
    rows = [
        ("0.10", "0", "0", "wav_onset", "10"),
        ("0.20", "0.1", "0", "word_onset_01", '"THE"'),
        ("1.10", "0", "0", "wav_onset", "20"),
        ("1.20", "0.1", "0", "word_onset_02", '"DOG"'),
    ]
    ctf_session(tmp_path, rows)
    first, second = open_recordings(tmp_path)
    assert (texts(first), texts(second)) == (["the"], ["dog"])
    assert "compensation grade 0, as recorded" in notes_of([first])
    assert len(first.sensors) == 273
    raw = mne.io.read_raw_ctf(CTF, system_clock="ignore", clean_names=True, verbose="ERROR")
    expected = raw.get_data([s.name for s in first.sensors]).T
    n = round(first.seconds * 1200)
    np.testing.assert_allclose(signal_of(first), expected[:n], rtol=1e-12)
    chunks = list(second.chunks(0.1))
    at = [round(chunk.start * 1200) for chunk in chunks]
    assert at[0] == n
    for k, chunk in zip(at, chunks, strict=True):
        np.testing.assert_allclose(chunk.data, expected[k : k + len(chunk.data)], rtol=1e-12)


@pytest.mark.parametrize(("gone", "fault"), [(".meg4", "could not find"), (".res4", "not found")])
def test_an_incomplete_ctf_folder_is_one_line(gone: str, fault: str, tmp_path: Path) -> None:
    ctf_session(tmp_path, run_rows(1, 0.1, "a"), without=gone)
    with pytest.raises(ValueError, match=rf"compr_meg.ds cannot be read: .*{fault}.*is the file whole") as caught:
        open_recordings(tmp_path)
    assert "\n" not in str(caught.value)
