"""Runs of a BIDS folder are found, filtered and named, and its faults are one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from rtalign.core.records import Recording
from rtalign.recordings import open_recordings
from rtalign.recordings.word_tables import NoWords
from tests.helpers.fif_files import EVENTS, noise, run_file, words, write


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


def test_runs_are_in_natural_order_without_empty_rooms(library: Path) -> None:
    found = open_recordings(library)
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


def test_a_bids_file_is_read_with_its_words(library: Path) -> None:
    (recording,) = open_recordings(library / "sub-01" / "meg" / "sub-01_task-story_run-2_meg.fif")
    assert (len(recording.words), recording.subject) == (2, "01")


def test_tables_are_inherited_from_the_folders_above(tmp_path: Path) -> None:
    path = run_file(tmp_path)
    (tmp_path / "task-story_events.tsv").write_text(EVENTS.replace("Once", "Far"), encoding="utf-8")
    (tmp_path / "task-other_events.tsv").write_text(EVENTS.replace("Once", "Wrong"), encoding="utf-8")
    assert open_recordings(tmp_path)[0].words[0].text == "Once"
    path.with_name(path.name.replace("_meg.fif", "_events.tsv")).unlink()
    assert open_recordings(tmp_path)[0].words[0].text == "Far"


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


def test_a_broken_table_is_an_error_a_missing_one_is_not(tmp_path: Path) -> None:
    run_file(tmp_path, 1)
    second = run_file(tmp_path, 2, events=EVENTS.replace("0.5", "0,5"))
    with pytest.raises(ValueError, match=r"run-2_events.tsv, line 2: the onset 0,5 has a decimal comma"):
        open_recordings(tmp_path)
    second.with_name(second.name.replace("_meg.fif", "_events.tsv")).unlink()
    (found,) = open_recordings(tmp_path)
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
