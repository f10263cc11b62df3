"""SMN4Lang: Mandarin stories whose words are in MATLAB tables on the sound's time, begun by a trigger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rtalign.core.records import Word
from rtalign.recordings.bids import folders, stem
from rtalign.recordings.datasets.base import DataFile, DataSet, DataSetEntry
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.wav_file import WavFile
from rtalign.recordings.word_tables.delimited import Table, read_table
from rtalign.recordings.word_tables.rows import NoWords, Row, parse_onset

TASK = "RDR"
WORD_FOLDERS = ("derivatives/annotations/time_align/word-level", "annotations/time_align/word-level")
SOUND_FOLDERS = ("stimuli/audio", "stimuli")
BEGIN, END = re.compile(r"beg|start", re.IGNORECASE), re.compile(r"end|stop", re.IGNORECASE)
MAX_BYTES = 16 * 1024 * 1024


class Smn4Lang(DataSet):
    """Stories whose words are in story_N_word_time.mat."""

    entry = DataSetEntry(
        key="smn4lang",
        name="SMN4Lang",
        people=12,
        hours="6 per participant",
        language="Mandarin",
        machine="Elekta, 306 channels, 1000 Hz",
        licence="CC0",
        size="about 28 GB of MEG per participant",
        place="OpenNeuro, ds004078",
        how="no login: download with openneuro-py or DataLad; take derivatives/annotations/time_align/word-level too",
        layout="sub-NN/meg/..._task-RDR_run-N_meg.fif with ..._events.tsv, and story_N_word_time.mat",
    )

    def find_files(self, path: Path) -> list[Path]:
        """None: it is laid out as BIDS."""
        return []

    def fits(self, file: DataFile) -> bool:
        """Whether a file is of the stories' task and the data set has a table of this story's words."""
        return file.labels.get("task") == TASK and _word_times(file) is not None

    def recordings(self, file: DataFile) -> list[MneRecording]:
        """One story, its words moved to the time at which its sound began."""
        table = _word_times(file)
        assert table is not None
        begin, note = _sound_onset(file)
        words = [Word(w.index, w.text, w.onset + begin, w.duration) for w in read_word_times(table)]
        story = MneRecording(
            file.path, words, name=stem(file.path), subject=file.participant, bads=file.bads, notes=[note]
        )
        story.sound_onset = begin
        return [story]

    def repeats(self, file: DataFile) -> list[MneRecording]:
        """None: nothing was played twice."""
        return []

    def wav(self, file: DataFile, recording: str) -> Path | None:
        """The wav of a story, where the data set has it here."""
        return _wav(file)

    def known_bads(self, file: DataFile) -> Sequence[str]:
        """None beyond those in its channels tables."""
        return ()

    def known_faults(self, file: DataFile) -> Sequence[str]:
        """None."""
        return ()

    def missing(self, files: Sequence[Path]) -> list[tuple[str, str]]:
        """Not checked: users download the runs they want."""
        return []


def read_word_times(path: Path) -> list[Word]:
    """Read the words of a story, in order of onset on the time of its sound."""
    from scipy.io import loadmat

    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.name} has {path.stat().st_size >> 20} MiB; a story's words have less than one")
    try:
        table = loadmat(path, variable_names=["start", "end", "word"])
        start, end = (np.asarray(table[key], float).ravel() for key in ("start", "end"))
        texts = [str(text).strip() for text in np.asarray(table["word"]).ravel()]
    except Exception as error:  # the reader fails in every possible way on foreign bytes
        raise ValueError(
            f"{path.name} is no table of start, end and word: {str(error)[:100]}; copy it again"
        ) from error
    if not len(start) == len(end) == len(texts):
        raise ValueError(f"{path.name} has {len(start)} starts, {len(end)} ends, {len(texts)} words; is it whole?")
    rows = sorted((a, b, text) for a, b, text in zip(start, end, texts, strict=True) if text and np.isfinite(a))
    return [Word(i, text, float(a), float(b - a) if b > a else None) for i, (a, b, text) in enumerate(rows)]


def _sound_onset(file: DataFile) -> tuple[float, str]:
    """When the sound began, and a note on how that is known: its trigger, or else its end and its length."""
    if file.table is None:
        raise NoWords(f"{file.path.name} has no events table that says when its sound began")
    table = read_table(file.table)
    if not table.rows or table.lacks("onset"):
        raise NoWords(f"{file.table.name} does not say when the sound began")
    begins, ends = (_times(table, kind, file.table) for kind in (BEGIN, END))
    if begins:
        return begins[0], f"the sound began at {begins[0]:.3f} s, by its trigger"
    wav = _wav(file)
    if not ends or wav is None:
        raise NoWords(f"{file.table.name} has no trigger of the sound's beginning, nor its end and the wav")
    sound = WavFile(wav)
    sound.close()
    note = f"no trigger of the sound's beginning: it ended at {ends[-1]:.3f} s, {sound.seconds:.2f} s long"
    return ends[-1] - sound.seconds, note


def _times(table: Table, kind: re.Pattern[str], path: Path) -> list[float]:
    """The onsets of the rows whose type, or value where they have none, is of a kind."""
    return [
        parse_onset(Row(onset, "", type_ or value, line), path)
        for line, (onset, type_, value) in table.cells("onset", "trial_type", "value")
        if kind.match((type_ or value).strip())
    ]


def _wav(file: DataFile) -> Path | None:
    return _file_of_set(file, SOUND_FOLDERS, f"story_{file.number('run')}.wav")


def _word_times(file: DataFile) -> Path | None:
    return _file_of_set(file, WORD_FOLDERS, f"story_{file.number('run')}_word_time.mat")


def _file_of_set(file: DataFile, places: tuple[str, ...], name: str) -> Path | None:
    """A file in the data set's folder, in the first of the places that has it."""
    top = folders(file.path)[-1]
    return next((top / place / name for place in places if (top / place / name).is_file()), None)
