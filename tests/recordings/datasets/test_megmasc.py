"""The descriptions in the events of MEG-MASC are read as literals and never computed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rtalign.recordings import open_recordings
from rtalign.recordings.datasets import megmasc
from tests.helpers.dataset_folders import masc_row, masc_table, texts, write_megin


def test_descriptions_are_read_as_literals(tmp_path: Path) -> None:
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
def test_descriptions_are_never_computed(literal: str, tmp_path: Path) -> None:
    path = masc_table(tmp_path, f"0.5\t0.2\t{literal}\tn/a\t500\n")
    with pytest.raises(ValueError, match=r"line 2: .* is no plain description of a word; nothing else is read"):
        megmasc.read_events(path)


@pytest.mark.parametrize("literal", ["[" * 500 + "]" * 500, "'" + "x" * 5000 + "'"])
def test_descriptions_have_bounds(literal: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 2: a description of \d+ characters is no word's"):
        megmasc.read_events(masc_table(tmp_path, f"0.5\t0.2\t{{'kind': 'word', 'word': {literal}}}\tn/a\t500\n"))


VALUES = st.one_of(
    st.text("ab'\"\\{}[](),: \té\n", max_size=8),
    st.integers(-5, 5),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(st.integers()),
)


@settings(max_examples=300)
@given(entries=st.dictionaries(st.sampled_from([*megmasc.KEYS, "start", "it's", "a b"]), VALUES))
def test_descriptions_are_what_python_literals_are(entries: dict[str, Any]) -> None:
    """However it is read, plain or with escapes and brackets; NaN is nothing."""
    entries = {key: None if isinstance(value, float) and value != value else value for key, value in entries.items()}
    assume(not any(isinstance(value, float) and math.isinf(value) for value in entries.values()))
    pairs = zip(megmasc.KEYS, megmasc.DEFAULTS, strict=True)
    expected = tuple(entries.get(key, default) for key, default in pairs)
    assert megmasc.parse_description(repr(entries), "a.tsv", 2) == expected
    assert megmasc.parse_description(repr(entries).replace("None", "nan"), "a.tsv", 2) == expected or "None" in str(
        expected
    )
