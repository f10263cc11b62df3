"""Published data sets are read as they were published, quirks and known faults and all."""

from __future__ import annotations

import argparse
import builtins
import json
import re
import wave
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest
from mne.io.constants import FIFF
from realdata import CTF, real

from offline import datasets as command
from offline.progress import Progress
from rtalign.data import Chunk, Recording, Sensor, Word
from rtalign.datasets import checking, common_sensors, megmasc, open_recordings, open_repeats
from rtalign.datasets.audit import sound_lag
from rtalign.datasets.catalogue import CATALOGUE
from rtalign.datasets.ceiling import ceiling
from rtalign.datasets.mneraw import MneRecording
from rtalign.datasets.rows import NoWords
from rtalign.datasets.wordlocked import field_strength

SFREQ = 200.0
HELMET = ("MLC11", "MLC12", "MLC23", "MLO22", "MRC23", "MRP51", "MRP57")
BESIDE = ("BG1", "UPPT001", "UADC003", "HLC0011")
"""A reference sensor, triggers, sound, head position: what a CTF recording holds beside the helmet."""


def write_ctf_like(path: Path, seconds: float, grade: int = 0, sensors: Sequence[str] = HELMET) -> np.ndarray:
    """A FIF with the channels of a CTF session; returns (sample, sensor) of its helmet."""
    rng = np.random.default_rng(len(path.name) + round(seconds))
    names = [*sensors, *BESIDE]
    info = mne.create_info(names, SFREQ, ["mag"] * len(sensors) + ["ref_meg", "stim", "misc", "misc"], verbose="ERROR")
    for i, channel in enumerate(info["chs"]):
        channel["loc"] = np.r_[0.01 * i, 0.05, 0.08, np.eye(3).ravel()]
        if channel["kind"] == FIFF.FIFFV_MEG_CH:
            channel["coil_type"] = FIFF.FIFFV_COIL_CTF_GRAD | grade << 16
    data = 1e-13 * rng.standard_normal((len(names), round(seconds * SFREQ)))
    path.parent.mkdir(parents=True, exist_ok=True)
    mne.io.RawArray(data, info, verbose="ERROR").save(path, fmt="double", verbose="ERROR")
    return data[: len(sensors)].T


# ---- Armeni 2022

SHIFT = 4.0
"""When the sound of a session's first run begins."""


def run_rows(run: int, start: float, words: str) -> list[tuple[str, ...]]:
    """A run as the events table has it: its trigger, words in quotes and capitals, phonemes, a pause."""
    rows = [(f"{start:.3f}", "0", "0", "wav_onset", str(10 * run))]
    for k, word in enumerate(words.split()):
        onset = start + 0.5 + 0.4 * k
        rows.append((f"{onset:.3f}", "0.3", "0", f"word_onset_0{run}", f'"{word.upper()}"'))
        rows.append((f"{onset:.3f}", "0.1", "0", f"phoneme_onset_0{run}", '"AH0"'))
    return [*rows, (f"{start + 0.2:.3f}", "0.2", "0", f"word_onset_0{run}", '"sp"')]


def snippet_rows(*starts: float) -> list[tuple[str, ...]]:
    return [(f"{start:.3f}", "0", "0", "wav_onset", "100") for start in starts]


def events_text(rows: Iterable[tuple[str, ...]]) -> str:
    """Rows in no order, as published."""
    shuffled = list(rows)
    np.random.default_rng(3).shuffle(shuffled)  # type: ignore[arg-type]
    return "\n".join("\t".join(row) for row in [("onset", "duration", "sample", "type", "value"), *shuffled]) + "\n"


def armeni_session(
    root: Path, subject: int = 1, session: int = 1, *, rows: Iterable[tuple[str, ...]] | None = None, **how: Any
) -> np.ndarray:
    """A session of two runs and two snippets, 100 s, with its empty room; or of other rows."""
    folder = root / f"sub-{subject:03d}" / f"ses-{session:03d}" / "meg"
    stem = f"sub-{subject:03d}_ses-{session:03d}_task"
    data = write_ctf_like(folder / f"{stem}-compr_meg.fif", how.pop("seconds", 100.0), **how)
    write_ctf_like(folder / f"{stem}-empty_meg.fif", 1.0)
    if rows is None:
        rows = [
            *run_rows(1, SHIFT, "to sherlock holmes"),
            *snippet_rows(10.0, 42.0),
            *run_rows(2, 76.0, "she is always"),
        ]
    (folder / f"{stem}-compr_events.tsv").write_text(events_text(rows), encoding="utf-8")
    return data


def texts(recording: Recording) -> list[str]:
    return [word.text for word in recording.words]


def said(recordings: Iterable[Recording]) -> str:
    return "\n".join(note for recording in recordings for note in recording.notes)


def whole(recording: Recording) -> np.ndarray:
    return np.concatenate([chunk.data for chunk in recording.chunks(3.3)])


@pytest.fixture(scope="module")
def armeni(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    root = tmp_path_factory.mktemp("armeni")
    return root, armeni_session(root, grade=3)


def test_every_run_inside_a_session_is_a_recording_of_its_own(armeni: tuple[Path, np.ndarray]) -> None:
    found = open_recordings(armeni[0], subject="001")
    assert [r.name for r in found] == [f"sub-001_ses-001_task-compr_run-{run}" for run in (1, 2)]
    assert [texts(r) for r in found] == [["to", "sherlock", "holmes"], ["she", "is", "always"]]
    assert [word.index for word in found[1].words] == [0, 1, 2]
    assert found[1].words[0].onset == pytest.approx(76.5)


def test_a_run_reads_its_own_stretch_of_the_file_and_nothing_else(armeni: tuple[Path, np.ndarray]) -> None:
    root, data = armeni
    for recording in open_recordings(root):
        first, stop = (round(t * SFREQ) for t in (recording.start, recording.start + recording.seconds))
        np.testing.assert_allclose(whole(recording), data[first:stop], rtol=1e-9)
        assert recording.n_samples == stop - first
        assert next(recording.chunks()).start == recording.start
        later = next(recording.chunks(1.0, recording.start + 2.0))
        np.testing.assert_allclose(later.data, data[first + 400 : first + 600], rtol=1e-9)
        peeked = recording.peek(recording.start - 5, 2.0)  # type: ignore[union-attr]
        assert peeked.start == recording.start
        np.testing.assert_allclose(peeked.data, data[first : first + 400], rtol=1e-9)


def test_no_two_runs_share_signal_and_none_holds_a_snippet(armeni: tuple[Path, np.ndarray]) -> None:
    found = [*open_recordings(armeni[0]), *open_repeats(armeni[0])]
    spans = sorted((r.start, r.start + r.seconds) for r in found)
    assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(spans))
    assert len({r.fingerprint() for r in found}) == 4


def test_the_repeated_snippet_is_kept_aside_for_the_noise_ceiling(armeni: tuple[Path, np.ndarray]) -> None:
    root, data = armeni
    repeats = open_repeats(root, subject="1")
    assert [(r.start, r.seconds, r.words) for r in repeats] == [(10.0, 30.0, ()), (42.0, 30.0, ())]
    np.testing.assert_allclose(whole(repeats[1]), data[8400:14400], rtol=1e-9)
    assert "2 repeats of the 30 s snippet are no part of the story" in said(open_recordings(root))


def test_reference_sensors_are_out_and_the_compensation_grade_is_said(armeni: tuple[Path, np.ndarray]) -> None:
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


def test_a_session_says_which_published_runs_it_lacks(armeni: tuple[Path, np.ndarray]) -> None:
    assert "2 of 7 published runs; without run 3, 4, 5, 6, 7" in said(open_recordings(armeni[0]))


def test_known_bad_channels_are_left_out_by_default_and_said(tmp_path: Path) -> None:
    armeni_session(tmp_path, 3, 3)
    armeni_session(tmp_path, 3, 4)
    armeni_session(tmp_path, 2, 4)
    third, fourth = (open_recordings(tmp_path, subject="3", session=session) for session in ("3", "4"))
    assert [s.name for s in third[0].sensors] == [name for name in HELMET if name != "MRP57"]
    assert [s.name for s in fourth[0].sensors] == ["MLC11", "MLC12", "MRP51", "MRP57"]
    assert "the printed MRP5 is no sensor of this helmet" in said(fourth)
    assert common_sensors([*third, *fourth]) == ("MLC11", "MLC12", "MRP51")
    assert len(open_recordings(tmp_path, subject="2")[0].sensors) == len(HELMET)


def test_the_restarted_session_is_skipped_unless_it_is_named(tmp_path: Path) -> None:
    armeni_session(tmp_path, 3, 7)
    armeni_session(tmp_path, 3, 8)
    found = open_recordings(tmp_path)
    assert {r.name[:15] for r in found} == {"sub-003_ses-007"}
    assert "run skipped: sub-003 ses-008 was restarted in the middle; name it with --session 008" in said(found)
    named = open_recordings(tmp_path, session="8")
    assert {r.name[:15] for r in named} == {"sub-003_ses-008"}
    assert "known fault: sub-003 ses-008 was restarted" in said(named)
    assert {r.name[:15] for r in open_repeats(tmp_path)} == {"sub-003_ses-007"}


def test_words_before_a_late_start_are_dropped_and_counted(tmp_path: Path) -> None:
    armeni_session(tmp_path, 3, 1, rows=run_rows(1, -1.2, "gone and lost here I stay"))
    (found,) = open_recordings(tmp_path)
    assert texts(found) == ["lost", "here", "i", "stay"]
    assert found.start == 0.0
    assert "2 words began before the recording; left out" in found.notes
    assert "began about 8.4 s late" in said([found])


def test_faults_of_the_published_people_are_nobody_elses(tmp_path: Path) -> None:
    armeni_session(tmp_path, 4, 8)
    found = open_recordings(tmp_path)
    assert len(found[0].sensors) == len(HELMET)
    assert not any(word in said(found) for word in ("known fault", "published runs", "drifts"))


def test_sensors_are_those_of_all_chosen_runs(tmp_path: Path) -> None:
    armeni_session(tmp_path, 1, 1)
    armeni_session(tmp_path, 1, 2, sensors=HELMET[1:])
    assert common_sensors(open_recordings(tmp_path)) == HELMET[1:]


def test_words_in_a_snippet_are_no_story(tmp_path: Path) -> None:
    armeni_session(tmp_path, rows=[*run_rows(1, 4.0, "a b c d e f"), *snippet_rows(5.4)])
    (found,) = open_recordings(tmp_path)
    assert texts(found) == ["a", "b", "c"]
    assert "3 words lie in the repeated snippet; left out of the story" in found.notes
    assert found.start + found.seconds == pytest.approx(5.4)


def test_a_run_without_trigger_or_without_words_is_said(tmp_path: Path) -> None:
    rows = [row for row in run_rows(1, 4.0, "one two") if row[3] != "wav_onset"]
    rows += [(*row[:4], '"sp"') for row in run_rows(2, 30.0, "x y") if row[3] == "word_onset_02"]
    rows += [*run_rows(3, 200.0, "too late"), *run_rows(4, 50.0, "again"), ("45.000", "0", "0", "wav_onset", "40")]
    armeni_session(tmp_path, rows=rows)
    found = open_recordings(tmp_path)
    assert [r.name[-1] for r in found] == ["1", "4"]
    assert "no trigger tells when its sound began" in said(found)
    assert "its sound began 2 times, last at 50.0 s" in said(found)
    assert "run 2 skipped: " in said(found)
    assert "run 3 skipped: its words lie from 200.5 s on, the signal ends before" in said(found)


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
    folder = tmp_path / "sub-001" / "ses-002" / "meg"
    copied = folder / "sub-001_ses-002_task-compr_meg.ds"
    copied.mkdir(parents=True)
    for file in real(CTF).iterdir():  # the files of a .ds bear its name
        (copied / file.name.replace(CTF.stem, copied.stem)).symlink_to(file)
    rows = [
        ("0.10", "0", "0", "wav_onset", "10"),
        ("0.20", "0.1", "0", "word_onset_01", '"THE"'),
        ("1.10", "0", "0", "wav_onset", "20"),
        ("1.20", "0.1", "0", "word_onset_02", '"DOG"'),
    ]
    (folder / "sub-001_ses-002_task-compr_events.tsv").write_text(events_text(rows), encoding="utf-8")
    first, second = open_recordings(tmp_path)
    assert (texts(first), texts(second)) == (["the"], ["dog"])
    assert "compensation grade 0, as recorded" in said([first])
    assert len(first.sensors) == 273
    raw = mne.io.read_raw_ctf(CTF, system_clock="ignore", clean_names=True, verbose="ERROR")
    expected = raw.get_data([s.name for s in first.sensors]).T
    n = round(first.seconds * 1200)
    np.testing.assert_allclose(whole(first), expected[:n], rtol=1e-12)
    chunks = list(second.chunks(0.1))
    at = [round(chunk.start * 1200) for chunk in chunks]
    assert at[0] == n
    for k, chunk in zip(at, chunks, strict=True):
        np.testing.assert_allclose(chunk.data, expected[k : k + len(chunk.data)], rtol=1e-12)


@pytest.mark.parametrize(("gone", "fault"), [(".meg4", "could not find"), (".res4", "not found")])
def test_a_ctf_folder_that_lacks_a_part_is_one_line(gone: str, fault: str, tmp_path: Path) -> None:
    copied = tmp_path / "sub-001" / "ses-002" / "meg" / "sub-001_ses-002_task-compr_meg.ds"
    copied.mkdir(parents=True)
    for file in real(CTF).iterdir():
        if file.suffix != gone:
            (copied / file.name.replace(CTF.stem, copied.stem)).symlink_to(file)
    table = copied.with_name("sub-001_ses-002_task-compr_events.tsv")
    table.write_text(events_text(run_rows(1, 0.1, "a")), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"compr_meg.ds cannot be read: .*{fault}.*is the file whole") as caught:
        open_recordings(tmp_path)
    assert "\n" not in str(caught.value)


# ---- Le Petit Prince, MEG-MASC, SMN4Lang


def write_megin(path: Path, seconds: float = 6.0, first_samp: int = 0) -> None:
    """A FIF with two magnetometers and a planar gradiometer."""
    info = mne.create_info(["MEG0111", "MEG0121", "MEG0112"], SFREQ, ["mag", "mag", "grad"], verbose="ERROR")
    data = 1e-13 * np.random.default_rng(1).standard_normal((3, round(seconds * SFREQ)))
    path.parent.mkdir(parents=True, exist_ok=True)
    mne.io.RawArray(data, info, first_samp=first_samp, verbose="ERROR").save(path, verbose="ERROR")


def petit_prince(root: Path, onsets: Sequence[float], first_samp: int = 0) -> None:
    stem = "sub-01_ses-01_task-listen_run-01"
    folder = root / "sub-01" / "ses-01" / "meg"
    write_megin(folder / f"{stem}_meg.fif", first_samp=first_samp)
    rows = [f"{t}\t0.2\tWord\t{word}" for t, word in zip(onsets, ("Lorsque", "j", "é", "ÎLE"), strict=False)]
    text = "\n".join(["onset\tduration\ttrial_type\tstimulus", *rows, "0.1\t0.1\tPhoneme\tl", ""])
    (folder / f"{stem}_events.tsv").write_text(text, encoding="utf-8")


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


def masc_row(onset: float, **told: object) -> str:
    """A row as pandas writes one: quoted where the literal holds a double quote."""
    literal = repr({"story": "lw1", "sound_id": 0.0, **told})
    if '"' in literal:
        literal = '"' + literal.replace('"', '""') + '"'
    return f"{onset}\t0.2\t{literal}\tn/a\t{round(onset * 1000)}\n"


def masc_table(folder: Path, rows: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sub-01_ses-0_task-0_events.tsv"
    path.write_text("onset\tduration\ttrial_type\tvalue\tsample\n" + rows, encoding="utf-8")
    return path


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


def smn_story(root: Path, run: int = 3, kinds: Sequence[str] = ("Beg", "End")) -> None:
    from scipy.io import savemat

    stem = f"sub-01_task-RDR_run-{run}"
    write_megin(root / "sub-01" / "meg" / f"{stem}_meg.fif")
    rows = [f"{t}\t0\t{kind}" for kind, t in zip(("Beg", "End"), (1.25, 4.75), strict=True) if kind in kinds]
    events = "\n".join(["onset\tduration\ttrial_type", *rows, ""])
    (root / "sub-01" / "meg" / f"{stem}_events.tsv").write_text(events, encoding="utf-8")
    folder = root / "derivatives" / "annotations" / "time_align" / "word-level"
    folder.mkdir(parents=True, exist_ok=True)
    table = {"start": [[0.0, 0.6, 1.5]], "end": [[0.5, 1.0, 2.0]], "word": np.array(["小 ", "王子", "，"])}
    savemat(folder / f"story_{run}_word_time.mat", table)


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
    with pytest.raises(ValueError, match=r"story_3.wav is no wav that can be read: .*; copy it again"):
        open_recordings(tmp_path, run="3")


def test_a_broken_table_of_words_is_one_line(tmp_path: Path) -> None:
    smn_story(tmp_path)
    (table,) = tmp_path.rglob("*.mat")
    table.write_bytes(table.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"story_3_word_time.mat is no table of start, end and word: .*; copy"):
        open_recordings(tmp_path)


# ---- LibriBrain


def libri_run(root: Path, session: int = 1, events: str | None = None, **attributes: object) -> Path:
    h5py = pytest.importorskip("h5py")
    book = root / "Sherlock1" / "derivatives"
    stem = f"sub-0_ses-{session}_task-Sherlock1_run-1"
    for folder in ("serialised", "events"):
        (book / folder).mkdir(parents=True, exist_ok=True)
    path = book / "serialised" / f"{stem}_proc-bads+headpos+sss+notch+bp+ds_meg.h5"
    described = {
        "sample_frequency": 250.0,
        "channel_names": "MEG0111, MEG0112, MEG0121",
        "channel_types": "mag, grad, mag",
        **attributes,
    }
    with h5py.File(path, "w") as file:
        file["data"] = (1e-12 * np.random.default_rng(session).standard_normal((3, 1500))).astype(np.float32)
        file["times"] = np.arange(1500) / 250
        for key, value in described.items():
            if value is not None:
                file["data"].attrs[key] = value
    header = "idx\twavfile\tkind\tsegment\tsentenceidx\twordidx\tphonemeidx\ttimewav\ttimemeg\tduration\n"
    rows = "0\ta.wav\tsilence\t\t0\t0\t0\t0\t0.1\t0.4\n1\ta.wav\tword\tMr.\t0\t0\t0\t0.4\t0.5\t0.3\n"
    rows += "2\ta.wav\tphoneme\tm_B\t0\t0\t0\t0.4\t0.5\t0.1\n3\ta.wav\tword\tHolmes\t0\t1\t2\t0.8\t0.9\t0.4\n"
    (book / "events" / f"{stem}_events.tsv").write_text(events or header + rows, encoding="utf-8")
    return path


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


def asked(what: str | None = None, folder: Path | None = None, **more: object) -> argparse.Namespace:
    """The command line of `rtalign datasets`."""
    options: dict[str, object] = dict.fromkeys(
        ("subject", "session", "task", "run", "word_table", "sound", "audio", "out", "meg_stream", "word_stream")
    )
    options |= {"raw_stamps": False}
    return argparse.Namespace(
        **(options | {"what": what, "folder": folder, "json": False, "quiet": True, "signal": False} | more)
    )


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
    found = [checking.check(tmp_path / name) for name in ("prince", "smn", "libri")]
    assert [one.known.key for one in found if one.known] == ["petitprince", "smn4lang", "libribrain"]
    assert all(one.usable for one in found)
    assert [one.total("n_words") for one in found] == [2, 3, 2]


def test_a_check_looks_at_the_signal_where_asked(tmp_path: Path) -> None:
    petit_prince(tmp_path, (0.5, 1.0))
    (file,) = tmp_path.rglob("*_meg.fif")
    raw = mne.io.read_raw_fif(file, preload=True, verbose="ERROR")
    raw._data[0] = 0.0
    raw.save(file, overwrite=True, verbose="ERROR")
    assert not any("flat" in line.why for line in checking.check(tmp_path).lines)
    assert any("MEG0111 is flat" in line.why for line in checking.check(tmp_path, signal=True).lines)


def test_a_check_needs_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name the folder: rtalign datasets check FOLDER"):
        command.datasets(asked("check"), Progress(quiet=True))
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        command.datasets(asked("check", tmp_path / "gone"), Progress(quiet=True))
    with pytest.raises(ValueError, match="is no BIDS data set"):
        command.datasets(asked("check", tmp_path), Progress(quiet=True))


# ---- onset audit


def speech(seconds: float, sfreq: float, seed: int = 0) -> np.ndarray:
    """Syllables at uneven times: a voice with overtones, and breath."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * sfreq)) / sfreq
    loud = np.zeros(len(time))
    for at in np.cumsum(rng.uniform(0.1, 0.4, round(5 * seconds))):
        width = rng.uniform(0.03, 0.1)
        part = slice(max(round((at - 3 * width) * sfreq), 0), max(round((at + 3 * width) * sfreq), 0))
        loud[part] += rng.uniform(0.3, 1) * np.exp(-0.5 * ((time[part] - at) / width) ** 2)
    turn = 2 * np.pi * np.cumsum(110 + 20 * np.sin(2 * np.pi * 0.3 * time)) / sfreq
    return loud * (sum(np.sin(k * turn) / k for k in range(1, 8)) + 0.2 * rng.standard_normal(len(time)))


def recorded(sound: np.ndarray, sound_sfreq: float, delay: float, ppm: float, sfreq: float, **how: float) -> np.ndarray:
    """What a channel at sfreq hears of a sound that begins delay after a trigger at 3 s on a clock ppm too slow."""
    from scipy.signal import butter, sosfiltfilt

    low = sosfiltfilt(butter(4, 0.25 * sfreq, fs=sound_sfreq, output="sos"), sound)
    time = np.arange(round((len(sound) / sound_sfreq + 6) * sfreq)) / sfreq
    heard = np.interp((time - 3.0 - delay) / (1 + 1e-6 * ppm), np.arange(len(low)) / sound_sfreq, low, left=0, right=0)
    noise = np.random.default_rng(1).standard_normal(len(heard))
    return how.get("gain", 1.0) * (heard + how.get("noise", 0.3) * heard.std() * noise) + how.get("offset", 0.0)


@pytest.fixture(scope="module")
def story() -> np.ndarray:
    return speech(300, 8000)


@pytest.mark.parametrize(
    ("delay", "ppm", "how"),
    [(0.017, 0.0, {}), (0.0313, 60.0, {}), (-0.04, -35.0, {"gain": -2e-3, "offset": 5.0}), (0.4, 10.0, {"noise": 1.0})],
)
def test_the_audit_finds_planted_delays_and_drifts(
    delay: float, ppm: float, how: dict[str, float], story: np.ndarray
) -> None:
    found = sound_lag(recorded(story, 8000, delay, ppm, 1200.0, **how), 1200.0, story, 8000.0, trigger_s=3.0)
    assert found.delay_s == pytest.approx(delay, abs=0.002)
    assert found.drift_ppm == pytest.approx(ppm, abs=10)
    assert found.delay_error_s < 0.001
    assert (len(found.times), found.n_unlike) == (15, 0)


def test_a_sound_without_trigger_is_found_anywhere(story: np.ndarray) -> None:
    found = sound_lag(recorded(story, 8000, 0.0, 0.0, 1200.0), 1200.0, story, 8000.0, trigger_s=None)
    assert found.delay_s == pytest.approx(3.0, abs=0.002)


def test_a_short_or_interrupted_sound_still_tells_its_delay(story: np.ndarray) -> None:
    heard = recorded(story, 8000, 0.02, 30.0, 1200.0)
    heard[100 * 1200 : 160 * 1200] = 0.0
    found = sound_lag(heard, 1200.0, story, 8000.0, trigger_s=3.0)
    assert found.delay_s == pytest.approx(0.02, abs=0.002)
    assert found.drift_ppm == pytest.approx(30.0, abs=10)
    assert found.n_unlike >= 2
    short = sound_lag(heard[: 35 * 1200], 1200.0, story[: 30 * 8000], 8000.0, trigger_s=3.0)
    assert short.delay_s == pytest.approx(0.02, abs=0.002)
    assert short.drift_ppm is None


def test_one_stretch_that_was_played_late_does_not_pass_for_drift(story: np.ndarray) -> None:
    heard = recorded(story, 8000, 0.02, 0.0, 1200.0)
    late = slice(283 * 1200, 304 * 1200)
    heard[late] = np.roll(heard, 14)[late]
    found = sound_lag(heard, 1200.0, story, 8000.0, trigger_s=3.0)
    assert found.delay_s == pytest.approx(0.02, abs=0.002)
    assert found.drift_ppm == pytest.approx(0.0, abs=5)
    assert found.n_unlike == 1


def test_another_sound_or_a_dead_channel_is_refused(story: np.ndarray) -> None:
    heard = recorded(story, 8000, 0.02, 0.0, 1200.0)
    with pytest.raises(ValueError, match=r"does not hold this sound: .* at 0\.\d+ at best, 0.5 is needed"):
        sound_lag(heard, 1200.0, speech(300, 8000, seed=7), 8000.0, trigger_s=3.0)
    for dead in (np.zeros(9000), np.full(9000, np.nan)):
        with pytest.raises(ValueError, match="is flat or broken"):
            sound_lag(dead, 1200.0, story, 8000.0)


def save_wav(path: Path, sound: np.ndarray, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound / np.abs(sound).max() * 32000).astype("<i2").tobytes())


def test_the_audit_of_a_session_compares_each_run_with_its_wav(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs whose sounds come 20 ms after their triggers, and words that shake every sensor 150 ms after."""
    sounds = [speech(40, 8000, seed) for seed in (1, 2)]
    rows = []
    for run, start in ((1, 4.0), (2, 60.0)):
        rows += run_rows(run, start, " ".join(["word"] * 90))
        save_wav(tmp_path / "stimuli" / f"02_{run}.wav", sounds[run - 1], 8000)
    armeni_session(tmp_path, 1, 2, rows=rows, seconds=110.0)
    file = tmp_path / "sub-001" / "ses-002" / "meg" / "sub-001_ses-002_task-compr_meg.fif"
    raw = mne.io.read_raw_fif(file, preload=True, verbose="ERROR").resample(600, verbose="ERROR")
    channel = raw.ch_names.index("UADC003")
    raw._data[channel] = 0.0
    time = raw.times
    for start, sound in zip((4.0, 60.0), sounds, strict=True):
        heard = recorded(sound, 8000, 0.02, 0.0, 600.0)
        first = round((start - 3.0) * 600)
        raw._data[channel, first : first + len(heard)] += heard
        for k in range(90):
            raw._data[: len(HELMET)] += 2e-13 * np.exp(-0.5 * ((time - start - 0.5 - 0.4 * k - 0.15) / 0.03) ** 2)
    raw.save(file, overwrite=True, verbose="ERROR")
    result = command.datasets(asked("audit", tmp_path, out=tmp_path / "figures"), Progress(quiet=True))
    told = capsys.readouterr().out
    assert [run["delay_s"] for run in result["runs"]] == pytest.approx([0.02, 0.02], abs=0.002)
    assert result["proposal"]["audio_delay_s"] == pytest.approx(0.02, abs=0.002)
    assert result["proposal"]["runs_agree"]
    assert all(run["words"] > 60 for run in result["runs"])
    delay_ms = float(re.search(r"sound comes ([\d.]+) ms after its trigger", told)[1])  # type: ignore[index]
    assert delay_ms == pytest.approx(20, abs=2)
    for name in ("delays.svg", "answers.svg"):
        assert (tmp_path / "figures" / name).read_text(encoding="utf-8").startswith("<svg")
    assert ">expected</text>" in (tmp_path / "figures" / "answers.svg").read_text(encoding="utf-8")
    (tmp_path / "ground_truth.json").write_text('{"latencies": {"0": 0.15, "1": 0.15}}')
    command.datasets(asked("audit", tmp_path, out=tmp_path / "figures", run="1"), Progress(quiet=True))
    assert ">planted</text>" in (tmp_path / "figures" / "answers.svg").read_text(encoding="utf-8")
    without = command.datasets(asked("audit", tmp_path, audio="UADC999", run="1"), Progress(quiet=True))
    assert "has no channel UADC999; name it with --audio NAME" in without["runs"][0]["why"][0]
    assert without["proposal"] is None


@pytest.mark.parametrize("kind", ["LibriBrain", "MEG-MASC"])
def test_the_audit_knows_the_wavs_of_other_sets(kind: str, tmp_path: Path) -> None:
    """The sound stands 30 ms behind what the events say, on a channel beside the sensors."""
    sound, rate = speech(40, 8000, 4), 600.0
    heard = recorded(sound, 8000, 0.03, 0.0, rate)
    if kind == "LibriBrain":
        h5py = pytest.importorskip("h5py")
        path = libri_run(tmp_path, sample_frequency=rate, channel_types="mag, grad, misc", channel_names="A, B, AUDIO")
        events = "idx\twavfile\tkind\tsegment\ttimewav\ttimemeg\tduration\n0\ta.wav\tword\tMr.\t0.5\t3.5\t0.3\n"
        (path.parents[1] / "events" / f"{path.name.split('_proc')[0]}_events.tsv").write_text(events, encoding="utf-8")
        with h5py.File(path, "a") as file:
            attributes = dict(file["data"].attrs)
            del file["data"]
            noise = np.random.default_rng(0).standard_normal((2, len(heard)))
            file["data"] = np.concatenate([noise, heard[None]]).astype(np.float32)
            file["data"].attrs.update(attributes)
        save_wav(path.parents[2] / "stimuli" / "a.wav", sound, 8000)
    else:
        folder = tmp_path / "sub-01" / "ses-0" / "meg"
        folder.mkdir(parents=True)
        info = mne.create_info(["MEG0111", "MISC 001"], rate, ["mag", "misc"], verbose="ERROR")
        data = np.stack([1e-13 * np.random.default_rng(0).standard_normal(len(heard)), heard])
        raw = mne.io.RawArray(data, info, verbose="ERROR")
        raw.save(folder / "sub-01_ses-0_task-0_meg.fif", fmt="double", verbose="ERROR")
        rows = masc_row(3.0, kind="sound", sound="stimuli/audio/lw1_0.wav")
        rows += masc_row(3.5, kind="word", word="Tara", condition="sentence", pronounced=1.0)
        masc_table(folder, rows)
        save_wav(tmp_path / "stimuli" / "audio" / "lw1_0.wav", sound, 8000)
    result = command.datasets(asked("audit", tmp_path), Progress(quiet=True))
    (run,) = result["runs"]
    assert run["delay_s"] == pytest.approx(0.03, abs=0.002), run["why"]
    assert result["proposal"]["audio_delay_s"] == pytest.approx(0.03, abs=0.002)


class Shaken:
    """A recording of noise in which every word is answered on two sensors after a while."""

    def __init__(self, after: float, onsets: np.ndarray, strength: float) -> None:
        self.name, self.subject, self.sfreq, self.start = "shaken", "01", 300.0, 0.0
        self.n_samples, self.seconds, self.notes = 36000, 120.0, ()
        self.sensors = tuple(Sensor(f"M{i}", "mag", (0, 0, 0), (0, 0, 1)) for i in range(4))
        self.words = tuple(Word(i, "w", float(t)) for i, t in enumerate(onsets))
        time = np.arange(self.n_samples) / self.sfreq
        self.data = 1e-13 * np.random.default_rng(5).standard_normal((self.n_samples, 4))
        for onset in onsets:
            self.data[:, :2] += strength * np.exp(-0.5 * ((time - onset - after) / 0.03) ** 2)[:, None]

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterable[Chunk]:
        n = round(seconds * self.sfreq)
        for a in range(0, self.n_samples, n):
            yield Chunk(self.data[a : a + n], a / self.sfreq, self.sfreq)

    def fingerprint(self) -> str:
        return "shaken"


ONSETS = 8.0 + np.cumsum(np.random.default_rng(6).uniform(0.5, 1.1, 120))


@pytest.mark.parametrize("after", [0.1, 0.4])
def test_the_field_answers_words_when_it_was_planted(after: float) -> None:
    locked = field_strength(Shaken(after, ONSETS, 1e-13))  # type: ignore[arg-type]
    assert locked.peak_s == pytest.approx(after, abs=0.03)
    assert locked.ratio > 3


def test_a_field_that_knows_no_words_stays_near_one() -> None:
    locked = field_strength(Shaken(0.2, ONSETS, 0.0))  # type: ignore[arg-type]
    assert 0.5 < np.median(locked.strength) < 1.7
    assert locked.ratio < 2.5
    assert locked.peak_s is None
    with pytest.raises(ValueError, match="has 5 words with whole epochs; 20 are needed"):
        field_strength(Shaken(0.2, ONSETS[:5], 0.0))  # type: ignore[arg-type]


def test_a_channel_beside_the_sensors_is_read_by_name(tmp_path: Path) -> None:
    armeni_session(tmp_path)
    (file,) = tmp_path.rglob("*compr_meg.fif")
    expected = mne.io.read_raw_fif(file, verbose="ERROR").get_data(["UADC003"])[0]
    second = open_recordings(tmp_path, run="2")[0]
    assert isinstance(second, MneRecording)
    read = second.extra("uadc003", second.start + 1.0, 2.0)
    first = round(read.start * SFREQ)
    np.testing.assert_allclose(read.data[:, 0], expected[first : first + 400], rtol=1e-9)
    with pytest.raises(ValueError, match="has no channel NONE"):
        second.extra("NONE", 0.0, 1.0)


# ---- noise ceiling


def heard_again(seed: int, share: np.ndarray) -> Shaken:
    """A hearing of one sound: a part of each sensor's variance is the sound's, the rest is its own."""
    from scipy.ndimage import gaussian_filter1d

    again = Shaken(0.2, ONSETS[:1], 0.0)
    n = again.n_samples
    same, own = (gaussian_filter1d(np.random.default_rng(s).standard_normal((n, 4)), 12, axis=0) for s in (0, seed))
    again.data = 1e-12 * (np.sqrt(share) * same + np.sqrt(1 - share) * own)
    return again


def test_the_noise_ceiling_is_what_was_planted() -> None:
    share = np.array([0.0, 0.2, 0.5, 0.9])
    found = ceiling([heard_again(seed, share) for seed in range(1, 9)])  # type: ignore[arg-type]
    np.testing.assert_allclose(found.r, share, atol=0.06)
    np.testing.assert_allclose(found.best[1:], np.sqrt(share[1:]), atol=0.06)
    assert (found.n_repeats, found.sensors) == (8, ("M0", "M1", "M2", "M3"))
    assert 100 < found.seconds < 120  # the filters' warm-up is left out
    assert (found.error < 0.05).all()


def test_a_hearing_that_broke_off_is_left_out_and_counted() -> None:
    class Broken(Shaken):
        def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterable[Chunk]:
            return (chunk for chunk in super().chunks(seconds, start) if not 40 < chunk.start < 50)

    share = np.full(4, 0.5)
    whole, gone = [heard_again(seed, share) for seed in (1, 2, 3)], Broken(0.2, ONSETS[:1], 0.0)
    gone.data = heard_again(4, share).data
    found = ceiling([*whole, gone])  # type: ignore[list-item]
    assert (found.n_repeats, found.n_broken) == (3, 1)
    np.testing.assert_array_equal(found.r, ceiling(whole).r)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is the only hearing without a break; a noise ceiling needs two whole ones"):
        ceiling([whole[0], gone])  # type: ignore[list-item]


def test_a_ceiling_needs_two_hearings_of_the_same_sensors(armeni: tuple[Path, np.ndarray]) -> None:
    repeats = open_repeats(armeni[0])
    assert ceiling(repeats).n_repeats == 2
    with pytest.raises(ValueError, match="heard twice or more; there are 1"):
        ceiling(repeats[:1])
    with pytest.raises(ValueError, match="repeat-2 has other sensors or another rate"):
        ceiling([repeats[0], repeats[1].pick(HELMET[:2])])
