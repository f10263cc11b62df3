"""Whatever is broken about a recording, training on it ends in one line and leaves nothing behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rtalign_cli import main
from tests.helpers import xdf_files
from tests.helpers.dataset_folders import armeni_session, ctf_session, libri_run, masc_table, run_rows
from tests.helpers.fif_files import noise, run_file, write


def truncated_fif(folder: Path) -> list[object]:
    path = run_file(folder)
    path.write_bytes(path.read_bytes()[:-2000])
    return [folder]


def ctf_copy(folder: Path) -> Path:
    return ctf_session(folder, run_rows(1, 0.1, "a b"))


def truncated_ctf(folder: Path) -> list[object]:
    (file,) = ctf_copy(folder).glob("*.meg4")
    file.write_bytes(file.read_bytes()[:-500_001])
    return [folder]


def ctf_without_meg4(folder: Path) -> list[object]:
    next(ctf_copy(folder).glob("*.meg4")).unlink()
    return [folder]


def ctf_with_half_a_header(folder: Path) -> list[object]:
    (file,) = ctf_copy(folder).glob("*.res4")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return [folder]


def truncated_hdf5(folder: Path) -> list[object]:
    path = libri_run(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return [folder]


def xdf_without_samples(folder: Path) -> list[object]:
    path = xdf_files.write(folder / "a.xdf", np.arange(1000) / xdf_files.SFREQ)
    path.write_bytes(path.read_bytes()[:1500])
    return [path]


def events_beyond_the_data(folder: Path) -> list[object]:
    run_file(folder, events="onset\tduration\ttrial_type\tvalue\n500.0\t0.2\tword\tOnce\n501.0\t0.2\tword\tupon\n")
    return [folder]


def table_of_another_recording(folder: Path) -> list[object]:
    armeni_session(folder, rows=run_rows(1, 900.0, "far away"))
    return [folder]


def word_table(folder: Path, content: bytes, name: str = "words.tsv") -> list[object]:
    (folder / name).write_bytes(content)
    return [write(folder / "story_meg.fif", noise(3)), "--word-table", folder / name]


def table_in_latin_1(folder: Path) -> list[object]:
    return word_table(folder, "onset\tword\n0.5\tété\n".encode("latin-1"))


def table_in_utf_16_without_a_mark(folder: Path) -> list[object]:
    return word_table(folder, "onset\tword\n0.5\tthe\n".encode("utf-16-le"))


def table_that_is_a_picture(folder: Path) -> list[object]:
    return word_table(folder, b"\x89PNG\r\n\x1a\n" + bytes(range(256)))


def events_in_latin_1(folder: Path) -> list[object]:
    path = run_file(folder)
    text = "onset\tduration\ttrial_type\tvalue\n0.5\t0.2\tword\tété\n"
    path.with_name(path.name.replace("_meg.fif", "_events.tsv")).write_bytes(text.encode("latin-1"))
    return [folder]


def grid_cut_short(folder: Path) -> list[object]:
    head = (
        b'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n9\n<exists>\n1\n"IntervalTier"\n"words"\n0\n9\n2\n'
    )
    return word_table(folder, head + b'0.5\n0.7\n"the"\n0.7\n', "words.TextGrid")


def description_that_computes(folder: Path) -> list[object]:
    path = run_file(folder)
    table = masc_table(folder / "x", "0.5\t0.2\t{'kind': 'word', 'word': print(1)}\tn/a\t500\n")
    shutil.move(table, path.with_name(path.name.replace("_meg.fif", "_events.tsv")))
    return [folder]


BROKEN: dict[Callable[[Path], list[object]], str] = {
    truncated_fif: "is cut short",
    truncated_ctf: "is not an even multiple of the trial size; is the file whole?",
    ctf_without_meg4: "is the file whole?",
    ctf_with_half_a_header: "is the file whole?",
    truncated_hdf5: "is the file whole?",
    xdf_without_samples: "no samples of meg",
    events_beyond_the_data: "lie outside",
    table_of_another_recording: "its words lie from 900.5 s on, the signal ends before",
    table_in_latin_1: "is not UTF-8 text (line 2); save it as UTF-8",
    table_in_utf_16_without_a_mark: "it holds zero bytes; save it as UTF-8",
    table_that_is_a_picture: "is not UTF-8 text",
    events_in_latin_1: "is not UTF-8 text (line 2); save it as UTF-8",
    grid_cut_short: "the TextGrid is cut short or damaged",
    description_that_computes: "is no plain description of a word; nothing else is read",
}


@pytest.mark.parametrize("breaks", BROKEN, ids=lambda breaks: breaks.__name__)
def test_one_line_and_nothing_half_written(
    breaks: Callable[[Path], list[object]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    data.mkdir()
    argv = ["train", *breaks(data), "--model", "smollm2", "--out", tmp_path / "out", "--quiet"]
    before = sorted(data.rglob("*"))
    assert main.main([str(a) for a in argv]) == 1
    heard = capsys.readouterr()
    assert heard.out == ""
    assert BROKEN[breaks] in heard.err
    assert len(heard.err.strip().splitlines()) == 1
    assert "unexpected" not in heard.err
    assert sorted(data.rglob("*")) == before
    assert sorted(tmp_path.iterdir()) == [data], "neither a bank nor a cache was begun"
