"""Word tables say which word began when, and what is wrong with them in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtalign.datasets import wordtable
from rtalign.datasets.rows import NoWords

Spoken = list[tuple[float, float, str]]

WORDS = st.text("abcdeéßñ'-,\"", min_size=1, max_size=6).map(lambda text: f"a{text}a")
SPEECH = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(1, 2000), WORDS), min_size=1, max_size=12, unique_by=lambda row: row[0]
).map(lambda rows: [(onset / 1000, duration / 1000, word) for onset, duration, word in rows])
"""(onset, duration, word), in no order."""


def tsv(speech: Spoken) -> str:
    return "onset\tduration\tword\n" + "".join(f"{a}\t{d}\t{w}\n" for a, d, w in speech)


def semicolons(speech: Spoken) -> str:
    quoted = ((a, d, '"' + w.replace('"', '""') + '"') for a, d, w in speech)
    return "word;onset;duration\n" + "".join(f"{w};{a};{d}\n" for a, d, w in quoted)


def bids(speech: Spoken) -> str:
    lines = [f"{a}\t{d}\tn/a\tword_onset_01\t{w}\n{a}\t0.01\t7\tphoneme_onset_01\tAH\n" for a, d, w in speech]
    return "onset\tduration\tsample\ttype\tvalue\n" + "".join(lines)


def ctm(speech: Spoken) -> str:
    return ";; made by hand\n" + "".join(f"story A {a} {d} {w} 0.98\n" for a, d, w in speech)


def intervals(speech: Spoken) -> list[tuple[float, float, str]]:
    return [(a, a + d, w.replace('"', '""')) for a, d, w in sorted(speech)]


def short_grid(speech: Spoken) -> str:
    rows = intervals(speech)
    body = "".join(f'{a!r}\n{b!r}\n"{w}"\n' for a, b, w in rows)
    phones = '"IntervalTier"\n"phones"\n0\n9999\n1\n0\n9999\n"size = 3 ""!"\n'
    words = f'"IntervalTier"\n"words"\n0\n9999\n{len(rows)}\n{body}'
    return f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n9999\n<exists>\n2\n{phones}{words}'


def long_grid(speech: Spoken) -> str:
    rows = intervals(speech)
    body = "".join(
        f'        intervals [{i}]:\n            xmin = {a!r} \n            xmax = {b!r} \n            text = "{w}" \n'
        for i, (a, b, w) in enumerate(rows, start=1)
    )
    head = (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0 \nxmax = 9999 \ntiers? <exists> \nsize = 1 \n'
    )
    tier = 'item []: \n    item [1]:\n        class = "IntervalTier" \n        name = "words" \n        xmin = 0 \n'
    return f"{head}{tier}        xmax = 9999 \n        intervals: size = {len(rows)} \n{body}"


FORMATS: list[tuple[Callable[[Spoken], str], str, str]] = [
    (tsv, "words.tsv", "utf-8"),
    (tsv, "words.txt", "utf-8-sig"),
    (semicolons, "words.csv", "utf-8"),
    (bids, "events.tsv", "utf-8"),
    (ctm, "words.ctm", "utf-8"),
    (short_grid, "words.TextGrid", "utf-16"),
    (long_grid, "words.TextGrid", "utf-8"),
]


@pytest.mark.parametrize(("write", "name", "encoding"), FORMATS, ids=lambda value: getattr(value, "__name__", value))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(speech=SPEECH)
def test_what_was_written_is_read(
    write: Callable[[Spoken], str], name: str, encoding: str, speech: Spoken, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(write(speech), encoding=encoding, newline="\r\n")
    words, _ = wordtable.read(path)
    assert [(word.onset, word.text) for word in words] == [(a, w) for a, _, w in sorted(speech)]
    assert [word.duration for word in words] == pytest.approx([d for _, d, _ in sorted(speech)], abs=1e-6)
    assert [word.index for word in words] == list(range(len(speech)))


def table(tmp_path: Path, text: str, name: str = "words.tsv", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def texts(path: Path, tier: str = "words") -> list[str]:
    return [word.text for word in wordtable.read(path, tier)[0]]


def test_rows_that_are_no_words_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = "onset\tword\n0\tthe\n1\tsp\n2\tSP\n3\tn/a\n4\t\n5\t<unk>\n6\t dog \nn/a\tlost\n"
    words, notes = wordtable.read(table(tmp_path, rows))
    assert [word.text for word in words] == ["the", "dog"]
    assert notes[0].startswith("6 rows")
    assert all(what in notes[0] for what in ("sp 2", "n/a 1", "empty 1", "<unk> 1", "no onset 1"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"THE" "DOG" "I"', ["the", "dog", "i"]),
        ('"The" "DOG" "I"', ["The", "DOG", "I"]),
        ("I I I", ["I", "I", "I"]),
        ("'tis “so” don't", ["'tis", "so", "don't"]),
    ],
)
def test_case_is_kept_unless_the_whole_table_shouts(written: str, read: list[str], tmp_path: Path) -> None:
    rows = "".join(f"{i}\t{word}\n" for i, word in enumerate(written.split()))
    assert texts(table(tmp_path, f"onset\tword\n{rows}")) == read


@pytest.mark.parametrize("kind", ["word", "Word", "word_onset_01", '"word"', "Words"])
def test_rows_whose_type_says_word_are_the_words(kind: str, tmp_path: Path) -> None:
    rows = f"Onset\ttrial_type\tstimulus\n0\t{kind}\tthe\n1\tpicture\tdog.png\n2\tword_offset\tthe\n"
    assert texts(table(tmp_path, rows)) == ["the"]


def test_a_column_called_word_needs_no_type(tmp_path: Path) -> None:
    assert texts(table(tmp_path, "onset\ttrial_type\tword\n0\tspeech\tthe\n1\tpause\tn/a\n")) == ["the"]


def test_an_empty_text_column_gives_way_to_the_next(tmp_path: Path) -> None:
    assert texts(table(tmp_path, "onset\ttype\ttext\tvalue\n0\tword\tn/a\tthe\n")) == ["the"]


def test_an_open_quotation_mark_in_a_tsv_swallows_nothing(tmp_path: Path) -> None:
    assert texts(table(tmp_path, 'onset\tword\n0\t"Come\n1\there\n2\tnow"\n')) == ['"Come', "here", 'now"']


def test_unknown_durations_are_none(tmp_path: Path) -> None:
    rows = "onset\tduration\tword\n0\tn/a\ta\n1\t0\tb\n2\t-1\tc\n3\t\td\n4\t0.5\te\n"
    assert [word.duration for word in wordtable.read(table(tmp_path, rows))[0]] == [None, None, None, None, 0.5]


def test_points_of_a_textgrid_are_words_without_duration(tmp_path: Path) -> None:
    tier = '"TextTier"\n"Word"\n0\n9\n1\n2.5\n"hm"\n'
    grid = f'File type = "ooTextFile"\nObject class = "TextGrid"\n0\n9\n<exists>\n1\n{tier}'
    (word,), _ = wordtable.read(table(tmp_path, grid, "a.textgrid"))
    assert (word.text, word.onset, word.duration) == ("hm", 2.5, None)


FAULTS = {
    "decimal comma": ("w.tsv", "onset\tword\n0,50\tthe\n", "line 2: the onset 0,50 has a decimal comma; write 0.50"),
    "comma in csv": ("w.csv", "onset,word\n0,50,the\n", "line 2: 3 cells under 2 columns"),
    "no number": ("w.tsv", "onset\tword\nsoon\tthe\n", "line 2: the onset soon is no number"),
    "endless": ("w.tsv", "onset\tword\ninf\tthe\n", "'inf' is no time"),
    "no onset column": ("w.tsv", "time\tword\n0\tthe\n", "no column called onset (columns: time, word)"),
    "no header": ("w.tsv", "0.5\tthe\n", "the first line must name the columns"),
    "no word column": ("w.tsv", "onset\tvalue\n0\t17\n", "no column called word (columns: onset, value)"),
    "no words by type": ("w.tsv", "onset\ttype\tvalue\n0\tpicture\t1\n", "no type says word (there are: picture)"),
    "no rows": ("w.tsv", "onset\tword\n", "holds no words"),
    "pauses only": ("w.tsv", "onset\tword\n0\tsp\n", "holds no words (sp 1)"),
    "empty file": ("w.tsv", "", "no column called onset (columns: none)"),
    "open quote": ("w.csv", 'onset,word\n0,"the\n1,dog\n', "is a quotation mark left open?"),
    "other tier": (
        "w.TextGrid",
        short_grid([(0.0, 1.0, "a")]).replace('"words"', '"say"'),
        "its tiers are phones, say",
    ),
    "cut grid": ("w.TextGrid", short_grid([(0.0, 1.0, "a")])[:-12], "cut short or damaged"),
    "other object": ("w.TextGrid", 'File type = "ooTextFile"\nObject class = "Pitch 1"\n', "is a ooTextFile Pitch 1"),
    "short ctm": ("w.ctm", "story A 0.5 the\n", "line 1: 'story A 0.5 the' is no CTM row"),
    "two stories": ("w.ctm", "a A 0 1 x\nb A 0 1 y\n", "recording b A follows a A"),
    "binary": ("w.tsv", "onset\tword\n0\tthe\0\n", "it holds zero bytes"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_that_names_it(fault: str, tmp_path: Path) -> None:
    name, text, said = FAULTS[fault]
    with pytest.raises(ValueError) as caught:
        wordtable.read(table(tmp_path, text, name))
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tables_without_words_are_told_from_broken_ones(tmp_path: Path) -> None:
    with pytest.raises(NoWords):
        wordtable.read(table(tmp_path, "onset\ttype\tvalue\n0\tpicture\t1\n"))


def test_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"words\.tsv is not UTF-8 text \(line 2\); save it as UTF-8"):
        wordtable.read(table(tmp_path, "onset\tword\n0\tété\n", encoding="latin-1"))


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no word table .*gone\.tsv"):
        wordtable.read(tmp_path / "gone.tsv")


def test_endless_tables_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path, "onset\tword\n" + "1\tthe\n" * 50)
    monkeypatch.setattr(wordtable, "MAX_ROWS", 49)
    with pytest.raises(ValueError, match="more than 49 rows"):
        wordtable.read(path)
    monkeypatch.setattr(wordtable, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="a word table has at most"):
        wordtable.read(path)


def test_a_hundred_thousand_rows_all_come_through(tmp_path: Path) -> None:
    """How fast is for benchmarks/wordtable.py to say."""
    rows = "".join(f'{i * 0.3:.3f}\t0.2\tword_onset_01\t"THE"\n' for i in range(100_000))
    words, _ = wordtable.read(table(tmp_path, "onset\tduration\ttype\tvalue\n" + rows))
    assert len(words) == 100_000
    assert words[-1].onset == 29999.7
