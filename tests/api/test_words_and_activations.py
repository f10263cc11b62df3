"""Words in any form are one table; a model reads them as the trainer does; importing costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rtalign as rt
from rtalign.core.recipe import LanguageRecipe
from rtalign.core.records import Word
from rtalign.language import load
from tests.helpers.paths import PYTHONPATH

PAIRS = [("once", 0.5), ("upon", 0.9), ("a", 1.2)]


def columns() -> dict[str, Any]:
    return {"onset": np.array([0.5, 0.9, 1.2]), "word": np.array(["once", "upon", "a"], object)}


def test_words_in_any_form_are_one_table(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("onset\tword\n0.5\tonce\n0.9\tupon\n1.2\ta\n", encoding="utf-8")
    words = [Word(i, text, onset) for i, (text, onset) in enumerate(PAIRS)]
    tables = [rt.WordTable.of(form) for form in (PAIRS, columns(), words, path, str(path), rt.read_words(path))]
    assert all(table.words == tuple(words) for table in tables)
    assert tables[0]["onset"].tolist() == [0.5, 0.9, 1.2]
    assert tables[0][1:].words == (Word(0, "upon", 0.9), Word(1, "a", 1.2))
    assert tables[0].rows()[2] == {"onset": 1.2, "duration": None, "word": "a"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([("once", float("nan"))], "no words"),
        ([("once",)], "no word with its onset"),
        ({"word": ["once"], "time": [1.0]}, "no column called onset"),
    ],
)
def test_words_without_onset_are_refused(words: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rt.WordTable.of(words)


@pytest.mark.usefixtures("one_thread")
def test_encode_reads_as_the_model_does(folders: Any) -> None:
    model = load(folders("llama"))
    story = ["once", "upon", "a", "time"]
    for words in (story, "once upon a time", rt.WordTable.of([(word, k + 0.5) for k, word in enumerate(story)])):
        found = rt.encode(words, model, layers=[0, 1], context="window:2")
        expected = model.encode(story, LanguageRecipe(context="window:2"), [0, 1])
        assert np.array_equal(found.data, expected.activations)
        assert np.array_equal(found.surprisal, expected.surprisal, equal_nan=True)
    assert found.layers == (0, 1)
    assert found.depth.tolist() == [0, 1 / (model.info.n_layers - 1)]
    named = found.to_xarray()
    assert np.array_equal(named.sel(layer=1), found.data[:, 1])
    assert (named.dims, named.attrs["model"]) == (("word", "layer", "dim"), model.info.id)
    assert named["text"].values.tolist() == story
    assert np.array_equal(named["surprisal"], found.surprisal, equal_nan=True)


def test_importing_rtalign_loads_nothing_heavy() -> None:
    probe = (
        "import sys, rtalign; dir(rtalign)\n"
        "heavy = {'torch', 'mne', 'scipy', 'sklearn', 'matplotlib', 'PyQt6', 'pylsl', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert {'align', 'encode', 'epoch', 'read_bank', 'read_words'} <= set(dir(rtalign)), dir(rtalign)\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, env={"PYTHONPATH": PYTHONPATH, "PATH": "/usr/bin:/bin"})
