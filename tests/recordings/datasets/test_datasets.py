"""Published data sets are read as they were published, quirks and known faults and all."""

from __future__ import annotations

import builtins
import json
import wave
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.recordings import check_folder, open_recordings
from rtalign.recordings.datasets import megmasc
from rtalign.recordings.datasets.catalogue import CATALOGUE
from rtalign.recordings.word_tables.row import NoWords
from rtalign_cli import datasets as command
from tests.helpers.dataset_folders import (
    armeni_session,
    asked,
    libri_run,
    masc_row,
    masc_table,
    petit_prince,
    smn_story,
    texts,
    whole,
    write_megin,
)


def test_le_petit_prince_keeps_its_french_words(tmp_path: Path) -> None:
    petit_prince(tmp_path, (0.5, 1.0, 1.5, 2.0), first_samp=5000)
    (found,) = open_recordings(tmp_path, subject="01", run="1")
    assert texts(found) == ["Lorsque", "j", "é", "ÎLE"]
    assert [word.onset for word in found.words] == [0.5, 1.0, 1.5, 2.0]
    assert [sensor.kind for sensor in found.sensors] == ["mag", "mag", "planar"]


def test_onsets_on_the_machines_clock_are_moved_and_it_is_said(tmp_path: Path) -> None:
    petit_prince(tmp_path, (25.5, 26.0), first_samp=5000)
    (found,) = open_recordings(tmp_path)
    assert [word.onset for word in found.words] == pytest.approx([0.5, 1.0])
    assert "onsets counted the number of the first sample (25.000 s); it was taken off" in found.notes


def test_onsets_that_fit_as_they_are_stay(tmp_path: Path) -> None:
    petit_prince(tmp_path, (1.0, 2.0), first_samp=100)
    (found,) = open_recordings(tmp_path)
    assert [word.onset for word in found.words] == [1.0, 2.0]


def test_onsets_that_fit_neither_way_are_not_moved(tmp_path: Path) -> None:
    petit_prince(tmp_path, (1.0, 25.5), first_samp=5000)
    (found,) = open_recordings(tmp_path)
    assert [word.onset for word in found.words] == [1.0, 25.5]
    assert "1 of 2 words lie after the end of the signal" in found.notes


def test_meg_masc_descriptions_are_read_as_literals(tmp_path: Path) -> None:
    folder = tmp_path / "sub-01" / "ses-0" / "meg"
    write_megin(folder / "sub-01_ses-0_task-0_meg.fif")
    word = {"kind": "word", "condition": "sentence", "pronounced": 1.0}
    rows = masc_row(0.0, kind="sound", sound="stimuli/audio/lw1_0.wav")
    rows += masc_row(0.5, **word, word="Tara") + masc_row(0.5, kind="phoneme", phoneme="t_B", word="Tara")
    rows += masc_row(0.9, **word, word="don't") + masc_row(1.3, **{**word, "pronounced": 0.0}, word="silent")
    rows += masc_row(1.7, **{**word, "condition": "word_list"}, word="list")
    rows += masc_row(2.0, **word, word="stood", speech_rate=float("nan"))
    masc_table(folder, rows)
    (found,) = open_recordings(tmp_path, subject="01")
    assert texts(found) == ["Tara", "don't", "stood"]
    assert [w.onset for w in found.words] == [0.5, 0.9, 2.0]
    assert "words left out: 1 not pronounced, 1 in a word list" in found.notes


@pytest.mark.parametrize(
    "literal",
    [
        "{'kind': 'word', 'word': __import__('os').getpid()}",
        "{'kind': 'word', 'word': open('/etc/hostname').read()}",
        "{'kind': 'word', 'word': 'a' * 1000000000}",
        "{'kind': 'word', 'word': " + "(" * 15 + "1",
        "{'kind': 'word', 'word': 9**9**9}",
    ],
)
def test_a_description_is_never_computed(literal: str, tmp_path: Path) -> None:
    path = masc_table(tmp_path, f"0.5\t0.2\t{literal}\tn/a\t500\n")
    with pytest.raises(ValueError, match=r"line 2: .* is no plain description of a word; nothing else is read"):
        megmasc.read(path)


@pytest.mark.parametrize("literal", ["[" * 500 + "]" * 500, "'" + "x" * 5000 + "'"])
def test_a_description_has_bounds(literal: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 2: a description of \d+ characters is no word's"):
        megmasc.read(masc_table(tmp_path, f"0.5\t0.2\t{{'kind': 'word', 'word': {literal}}}\tn/a\t500\n"))


def test_smn4lang_stories_begin_with_their_trigger(tmp_path: Path) -> None:
    smn_story(tmp_path)
    (found,) = open_recordings(tmp_path, run="3")
    assert texts(found) == ["小", "王子", "，"]
    assert [w.onset for w in found.words] == pytest.approx([1.25, 1.85, 2.75])
    assert [w.duration for w in found.words] == pytest.approx([0.5, 0.4, 0.5])
    assert "the sound began at 1.250 s, by its trigger" in found.notes


def test_smn4lang_without_its_trigger_is_placed_by_the_sounds_end(tmp_path: Path) -> None:
    smn_story(tmp_path, kinds=["End"])
    smn_story(tmp_path, run=4)
    assert [r.name[-1] for r in open_recordings(tmp_path)] == ["4"]
    sound = tmp_path / "stimuli" / "audio" / "story_3.wav"
    sound.parent.mkdir(parents=True)
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(1000)
        file.writeframes(bytes(2 * 3500))
    found = open_recordings(tmp_path, run="3")
    assert found[0].words[0].onset == pytest.approx(1.25)
    assert "no trigger of the sound's beginning: it ended at 4.750 s, 3.50 s long" in found[0].notes
    sound.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"story_3.wav is no wav: .*; save it as a wav"):
        open_recordings(tmp_path, run="3")


def test_a_broken_table_of_words_is_one_line(tmp_path: Path) -> None:
    smn_story(tmp_path)
    (table,) = tmp_path.rglob("*.mat")
    table.write_bytes(table.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"story_3_word_time.mat is no table of start, end and word: .*; copy"):
        open_recordings(tmp_path)


# ---- LibriBrain


def test_libribrain_is_read_where_it_lies(tmp_path: Path) -> None:
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
    np.testing.assert_array_equal(whole(recording), expected)
    np.testing.assert_array_equal(recording.peek(1.0, 2.0).data, expected[250:750])  # type: ignore[union-attr]
    np.testing.assert_array_equal(next(recording.chunks(0.4, 2.0)).data, expected[500:600])
    picked = recording.pick(["MEG0121", "MEG0112"])
    np.testing.assert_array_equal(whole(picked), expected[:, [2, 1]])
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
def test_what_libribrain_must_say_is_asked_for(attributes: dict[str, object], fault: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"_meg.h5 cannot be read: {fault}; is the file whole"):
        open_recordings(libri_run(tmp_path, **attributes))


def test_broken_libribrain_files_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


# ---- what is known, what is there


def test_every_known_set_says_what_it_is_and_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    rows = command.datasets(asked(), Progress(quiet=True))
    told = " ".join(capsys.readouterr().out.split())
    assert len(rows) == len(CATALOGUE) == 5
    for known in CATALOGUE:
        for text in (known.key, known.name, known.licence, known.size, known.place, known.language):
            assert text in told
    for public in ("DSC_3011085.05_995", "ds007523", "ds004078", "pnpl/LibriBrain", "RU-DI-HD-1.0"):
        assert public in told
    assert "accept the data use agreement yourself" in told
    assert "://" not in told
    assert json.dumps(rows)


def test_a_check_says_what_is_there_missing_skipped_and_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    armeni_session(tmp_path, 3, 7)
    armeni_session(tmp_path, 3, 8)
    armeni_session(tmp_path, 3, 9)
    folder = tmp_path / "sub-003" / "ses-009" / "meg"
    file = folder / "sub-003_ses-009_task-compr_meg.fif"
    file.write_bytes(file.read_bytes()[:-900])
    gone = tmp_path / "sub-003" / "ses-010" / "meg" / "sub-003_ses-010_task-compr_meg.fif"
    gone.parent.mkdir(parents=True)
    gone.symlink_to("../../.git/annex/nowhere")
    result = command.datasets(asked("check", tmp_path), Progress(quiet=True))
    told = " ".join(capsys.readouterr().out.split())
    assert (result["ok"], result["set"], result["runs"], result["words"]) == (False, "armeni2022", 2, 6)
    statuses = {(f["status"], f["what"]) for f in result["findings"]}
    stem = "sub-003_ses-{}_task-compr"
    assert ("ok", stem.format("007")) in statuses
    assert ("skipped", stem.format("008")) in statuses
    assert ("broken", stem.format("009")) in statuses
    assert ("missing", stem.format("010")) in statuses
    assert "its content is not; fetch it" in told
    assert "sub-003: 6 of 10 sessions are not here: 001, 002, 003, 004, 005, 006" in told
    assert "2 of 6 published runs; without run 3, 4, 5, 6" in told
    assert "compr_meg.fif is cut short" in told
    assert "2 runs, " in told
    assert "6 words can be used; 1 file is broken, see above" in told


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_what_is_said_fits_the_terminal(
    columns: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    armeni_session(tmp_path, 3, 4)
    armeni_session(tmp_path, 3, 8)
    command.datasets(asked(), Progress(quiet=True))
    command.datasets(asked("check", Path(tmp_path)), Progress(quiet=True))
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if "/" not in line and "runs  " not in line) <= min(columns, 118)


def test_a_check_finds_other_sets_by_their_layout(tmp_path: Path) -> None:
    petit_prince(tmp_path / "prince", (0.5, 1.0))
    smn_story(tmp_path / "smn")
    libri_run(tmp_path / "libri")
    found = [check_folder.check(tmp_path / name) for name in ("prince", "smn", "libri")]
    assert [one.known.key for one in found if one.known] == ["petitprince", "smn4lang", "libribrain"]
    assert all(one.usable for one in found)
    assert [one.total("n_words") for one in found] == [2, 3, 2]


def test_a_check_looks_at_the_signal_where_asked(tmp_path: Path) -> None:
    petit_prince(tmp_path, (0.5, 1.0))
    (file,) = tmp_path.rglob("*_meg.fif")
    raw = mne.io.read_raw_fif(file, preload=True, verbose="ERROR")
    raw._data[0] = 0.0
    raw.save(file, overwrite=True, verbose="ERROR")
    assert not any("flat" in line.why for line in check_folder.check(tmp_path).lines)
    assert any("MEG0111 is flat" in line.why for line in check_folder.check(tmp_path, signal=True).lines)


def test_a_check_needs_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name the folder: rtalign datasets check FOLDER"):
        command.datasets(asked("check"), Progress(quiet=True))
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        command.datasets(asked("check", tmp_path / "gone"), Progress(quiet=True))
    with pytest.raises(ValueError, match="is no BIDS data set"):
        command.datasets(asked("check", tmp_path), Progress(quiet=True))
