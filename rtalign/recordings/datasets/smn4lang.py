"""SMN4Lang: Mandarin stories whose words lie in MATLAB tables on the sound's time, begun by a trigger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rtalign.core.records import Word
from rtalign.recordings import bids_names
from rtalign.recordings.datasets.base import Told
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.wav_file import WavFile
from rtalign.recordings.word_tables import delimited
from rtalign.recordings.word_tables import table as wordtable
from rtalign.recordings.word_tables.row import NoWords, Row

TASK = "RDR"
WORDS = ("derivatives/annotations/time_align/word-level", "annotations/time_align/word-level")
SOUNDS = ("stimuli/audio", "stimuli")
BEGIN, END = re.compile(r"beg|start", re.IGNORECASE), re.compile(r"end|stop", re.IGNORECASE)
MAX_BYTES = 16 * 1024 * 1024


def fits(told: Told) -> bool:
    """Whether a file is of the stories' task and the data set has a table of this story's words."""
    return told.labels.get("task") == TASK and _words_of(told) is not None


def recordings(told: Told) -> list[MneRecording]:
    """One story, its words moved to the time at which its sound began."""
    table = _words_of(told)
    assert table is not None
    begin, note = _begin(told)
    words = [Word(w.index, w.text, w.onset + begin, w.duration) for w in read(table)]
    name = bids_names.stem(told.file)
    story = MneRecording(told.file, words, name=name, subject=told.person, bads=told.bads, notes=[note])
    story.sound_s = begin
    return [story]


def read(path: Path) -> list[Word]:
    """The words of a story on its sound's time, as they are written."""
    from scipy.io import loadmat

    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.name} has {path.stat().st_size >> 20} MiB; a story's words have less than one")
    try:
        table = loadmat(path, variable_names=["start", "end", "word"])
        start, end = (np.asarray(table[key], float).ravel() for key in ("start", "end"))
        texts = [str(text).strip() for text in np.asarray(table["word"]).ravel()]
    except Exception as error:  # the reader stumbles over foreign bytes in every way there is
        raise ValueError(
            f"{path.name} is no table of start, end and word: {str(error)[:100]}; copy it again"
        ) from error
    if not len(start) == len(end) == len(texts):
        raise ValueError(f"{path.name} has {len(start)} starts, {len(end)} ends, {len(texts)} words; is it whole?")
    told = sorted((a, b, text) for a, b, text in zip(start, end, texts, strict=True) if text and np.isfinite(a))
    return [Word(i, text, float(a), float(b - a) if b > a else None) for i, (a, b, text) in enumerate(told)]


def _begin(told: Told) -> tuple[float, str]:
    """When the sound began: by its trigger, or where that is missing, by its end and its length."""
    if told.table is None:
        raise NoWords(f"{told.file.name} has no events table that says when its sound began")
    rows = delimited.numbered(wordtable.text_of(told.table), told.table.name)
    if not rows or "onset" not in rows[0][1]:
        raise NoWords(f"{told.table.name} does not say when the sound began")
    begins, ends = (_times(rows, kind, told.table) for kind in (BEGIN, END))
    if begins:
        return begins[0], f"the sound began at {begins[0]:.3f} s, by its trigger"
    played = sound(told)
    if not ends or played is None:
        raise NoWords(f"{told.table.name} has no trigger of the sound's beginning, nor its end beside the wav")
    seconds = _length(played)
    note = f"no trigger of the sound's beginning: it ended at {ends[-1]:.3f} s, {seconds:.2f} s long"
    return ends[-1] - seconds, note


def _times(rows: Sequence[tuple[int, dict[str, str]]], kind: re.Pattern[str], path: Path) -> list[float]:
    """The onsets of the rows whose type, or value where they have none, is of a kind."""
    told = ((cells.get("trial_type") or cells.get("value") or "", cells["onset"], line) for line, cells in rows)
    return [
        wordtable.onset_of(Row(onset, "", text, line), path) for text, onset, line in told if kind.match(text.strip())
    ]


def _length(sound: Path) -> float:
    """Seconds of a wav."""
    wav = WavFile(sound)
    wav.close()
    return wav.seconds


def sound(told: Told) -> Path | None:
    """The wav of a story, where the data set has it here."""
    return _beside(told, SOUNDS, f"story_{told.number('run')}.wav")


def _words_of(told: Told) -> Path | None:
    return _beside(told, WORDS, f"story_{told.number('run')}_word_time.mat")


def _beside(told: Told, places: tuple[str, ...], name: str) -> Path | None:
    """A file of the data set, looked for from each folder above the recording."""
    tops = bids_names.folders(told.file)[-1:]
    return next((top / place / name for top in tops for place in places if (top / place / name).is_file()), None)
