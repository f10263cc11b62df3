"""Data sets as they are published, small and made up, on disk."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest
from mne.io.constants import FIFF

from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording
from tests.helpers.real_data import CTF, real

SFREQ = 200.0
HELMET = ("MLC11", "MLC12", "MLC23", "MLO22", "MRC23", "MRP51", "MRP57")
OTHER_CHANNELS = ("BG1", "UPPT001", "UADC003", "HLC0011")
"""A reference sensor, triggers, sound, head position: what a CTF recording holds besides the helmet."""
SHIFT = 4.0
"""When the sound of a session's first run begins."""


def write_ctf_like(path: Path, seconds: float, grade: int = 0, sensors: Sequence[str] = HELMET) -> np.ndarray:
    """A FIF with the channels of a CTF session; returns (sample, sensor) of its helmet."""
    rng = np.random.default_rng(len(path.name) + round(seconds))
    names = [*sensors, *OTHER_CHANNELS]
    info = mne.create_info(names, SFREQ, ["mag"] * len(sensors) + ["ref_meg", "stim", "misc", "misc"], verbose="ERROR")
    for i, channel in enumerate(info["chs"]):
        channel["loc"] = np.r_[0.01 * i, 0.05, 0.08, np.eye(3).ravel()]
        if channel["kind"] == FIFF.FIFFV_MEG_CH:
            channel["coil_type"] = FIFF.FIFFV_COIL_CTF_GRAD | grade << 16
    data = 1e-13 * rng.standard_normal((len(names), round(seconds * SFREQ)))
    path.parent.mkdir(parents=True, exist_ok=True)
    mne.io.RawArray(data, info, verbose="ERROR").save(path, fmt="double", verbose="ERROR")
    return data[: len(sensors)].T


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


def ctf_session(root: Path, rows: Iterable[tuple[str, ...]], without: str = "") -> Path:
    """The real CTF recording as a session, with these events; without: the ending of a file that is missing."""
    copied = root / "sub-001" / "ses-002" / "meg" / "sub-001_ses-002_task-compr_meg.ds"
    copied.mkdir(parents=True)
    for file in real(CTF).iterdir():  # the files of a .ds bear its name
        if file.suffix != without:
            shutil.copy(file, copied / file.name.replace(CTF.stem, copied.stem))
    copied.with_name("sub-001_ses-002_task-compr_events.tsv").write_text(events_text(rows), encoding="utf-8")
    return copied


def texts(recording: Recording) -> list[str]:
    return [word.text for word in recording.words]


def notes_of(recordings: Iterable[Recording]) -> str:
    return "\n".join(note for recording in recordings for note in recording.notes)


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


def masc_row(onset: float, **described: object) -> str:
    """A row as pandas writes one: quoted where the literal holds a double quote."""
    literal = repr({"story": "lw1", "sound_id": 0.0, **described})
    if '"' in literal:
        literal = '"' + literal.replace('"', '""') + '"'
    return f"{onset}\t0.2\t{literal}\tn/a\t{round(onset * 1000)}\n"


def masc_table(folder: Path, rows: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sub-01_ses-0_task-0_events.tsv"
    path.write_text("onset\tduration\ttrial_type\tvalue\tsample\n" + rows, encoding="utf-8")
    return path


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


AT_ONSET = Recipe().with_settings("lags", start_s=0.0, stop_s=0.0).with_settings("chain", highpass_hz=0.0)
"""A recipe that can use words of recordings of a few seconds."""


def command_line(what: str | None = None, folder: Path | None = None, **more: object) -> argparse.Namespace:
    """The command line of `rtalign datasets`."""
    options: dict[str, object] = dict.fromkeys(
        (
            "subject",
            "session",
            "task",
            "run",
            "word_table",
            "sound",
            "audio",
            "out",
            "meg_stream",
            "word_stream",
            "recipe",
            "preset",
        )
    )
    options |= {"raw_stamps": False, "save": False}
    return argparse.Namespace(
        **(options | {"what": what, "folder": folder, "json": False, "quiet": True, "signal": False} | more)
    )
