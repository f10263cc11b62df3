"""Word tables are read in every format; what is wrong with one is an error of one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtalign.core.records import Word
from rtalign.core.text.word_text import count_rows_without_word
from rtalign.recordings.datasets import armeni, libribrain, megmasc
from rtalign.recordings.word_tables import NoWords, delimited, read_words, rows, words_from_rows

Spoken = list[tuple[float, float | None, str]]

WORDS = st.text("abcdeéßñ'-,;\"\t小王ğ🙂ا\u0301", min_size=1, max_size=6).map(lambda text: f"a{text}a")
DURATIONS = st.one_of(st.none(), st.integers(1, 2000).map(lambda ms: ms / 1000))
SPEECH = st.lists(
    st.tuples(st.integers(-(10**5), 10**6).map(lambda ms: ms / 1000), DURATIONS, WORDS),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[0],
)
"""(onset, duration where it is known, word), in no order; some words began before the recording."""


def cell(text: str) -> str:
    """A cell of a TSV, in quotation marks where it holds a tab, as BIDS has it."""
    return '"' + text.replace('"', '""') + '"' if "\t" in text else text


def known(duration: float | None) -> str:
    return "n/a" if duration is None else str(duration)


def tsv(speech: Spoken) -> str:
    return "onset\tduration\tword\n" + "".join(f"{a}\t{known(d)}\t{cell(w)}\n" for a, d, w in speech)


def semicolons(speech: Spoken) -> str:
    quoted = ((a, d, '"' + w.replace('"', '""') + '"') for a, d, w in speech)
    return "word;onset;duration\n" + "".join(f"{w};{a};{'' if d is None else d}\n" for a, d, w in quoted)


def bids(speech: Spoken) -> str:
    rows = [(f"{a}\t{known(d)}", cell(w)) for a, d, w in speech]
    lines = [f"{when}\tn/a\tword_onset_01\t{w}\n{when}\t7\tphoneme_onset_01\tAH\n" for when, w in rows]
    return "onset\tduration\tsample\ttype\tvalue\n" + "".join(lines)


def masc(speech: Spoken) -> str:
    head = "onset\tduration\ttrial_type\n"
    plain = {"kind": "word", "condition": "sentence", "pronounced": 1.0}
    literals = [(a, d, repr({**plain, "word": w})) for a, d, w in speech]
    quoted = ((a, d, '"' + t.replace('"', '""') + '"' if '"' in t else t) for a, d, t in literals)
    return head + "".join(f"{a}\t{known(d)}\t{t}\n" for a, d, t in quoted)


def libri(speech: Spoken) -> str:
    lines = [f"word\t{cell(w)}\t{a}\t{known(d)}\nphoneme\tm_B\t{a}\t0.1\n" for a, d, w in speech]
    return "kind\tsegment\ttimemeg\tduration\n" + "".join(lines)


def ctm(speech: Spoken) -> str:
    return ";; made by hand\n" + "".join(f"story A {a} {known(d)} {w.replace(chr(9), '')} 0.98\n" for a, d, w in speech)


def intervals(speech: Spoken) -> list[tuple[float, float, str]]:
    """A TextGrid knows every duration: what is unknown becomes a quarter of a second."""
    return [(a, a + (d or 0.25), w.replace('"', '""')) for a, d, w in sorted(speech)]


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


def of_run(path: Path) -> tuple[list[Word], list[str]]:
    """The words of a run inside a session, before it is known how long the recording is."""
    return words_from_rows(armeni.read_events(path).words[1], path)


Reading = Callable[[Path], tuple[list[Word], list[str]]]
FORMATS: list[tuple[Callable[[Spoken], str], str, str, Reading]] = [
    (tsv, "words.tsv", "utf-8", read_words),
    (tsv, "words.txt", "utf-8-sig", read_words),
    (semicolons, "words.csv", "utf-8", read_words),
    (bids, "events.tsv", "utf-8", read_words),
    (bids, "session_events.tsv", "utf-8", of_run),
    (masc, "masc_events.tsv", "utf-8", megmasc.read_events),
    (libri, "libri_events.tsv", "utf-8", libribrain.read_events),
    (ctm, "words.ctm", "utf-8", read_words),
    (short_grid, "words.TextGrid", "utf-16", read_words),
    (long_grid, "words.TextGrid", "utf-8", read_words),
]


@pytest.mark.parametrize(
    ("write", "name", "encoding", "read"), FORMATS, ids=[f"{f[0].__name__} {f[1]}" for f in FORMATS]
)
@pytest.mark.parametrize("newline", ["\r\n", "\n"], ids=["CRLF", "LF"])
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(speech=SPEECH)
def test_what_was_written_is_read(
    write: Callable[[Spoken], str],
    name: str,
    encoding: str,
    read: Reading,
    newline: str,
    speech: Spoken,
    tmp_path: Path,
) -> None:
    path = tmp_path / name
    path.write_text(write(speech), encoding=encoding, newline=newline)
    words, _ = read(path)
    expected = sorted(speech)
    joint = "" if write is ctm else " "  # a CTM has no place for a blank in a word
    assert [(word.onset, word.text) for word in words] == [(a, joint.join(w.split())) for a, _, w in expected]
    unknown = 0.25 if name.endswith("TextGrid") else None
    for word, (_, duration, _) in zip(words, expected, strict=True):
        assert word.duration == (pytest.approx(duration, abs=1e-6) if duration else unknown)
    assert [word.index for word in words] == list(range(len(speech)))


def table(tmp_path: Path, text: str, name: str = "words.tsv", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def texts(path: Path, tier: str = "words") -> list[str]:
    return [word.text for word in read_words(path, tier)[0]]


def test_rows_without_a_word_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = "onset\tword\n0\tthe\n1\tsp\n2\tSP\n3\tn/a\n4\t\n5\t<unk>\n6\t dog \nn/a\tlost\n"
    rows += "7\t.\n8\t{NS}\n9\t\u2014\n"
    words, notes = read_words(table(tmp_path, rows))
    assert [word.text for word in words] == ["the", "dog"]
    assert notes[0].startswith("9 rows")
    assert all(what in notes[0] for what in ("sp 2", "n/a 1", "empty 1", "<unk> 1", "no onset 1"))
    counts = {"silence mark": 2, "noise mark": 2, "punctuation alone": 2, "empty": 2, "no onset": 1}
    assert count_rows_without_word(notes) == counts


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"THE" "DOG" "I"', ["the", "dog", "i"]),
        ('"The" "DOG" "I"', ["The", "DOG", "I"]),
        ("I I I", ["I", "I", "I"]),
        ("'tis “so” don't", ["'tis", "so", "don't"]),
    ],
)
def test_case_is_kept_unless_every_word_is_in_capitals(written: str, read: list[str], tmp_path: Path) -> None:
    rows = "".join(f"{i}\t{word}\n" for i, word in enumerate(written.split()))
    assert texts(table(tmp_path, f"onset\tword\n{rows}")) == read


@pytest.mark.parametrize("kind", ["word", "Word", "word_onset_01", '"word"', "Words"])
def test_rows_whose_type_says_word_are_the_words(kind: str, tmp_path: Path) -> None:
    rows = f"Onset\ttrial_type\tstimulus\n0\t{kind}\tthe\n1\tpicture\tdog.png\n2\tword_offset\tthe\n"
    assert texts(table(tmp_path, rows)) == ["the"]


def test_a_column_called_word_needs_no_type(tmp_path: Path) -> None:
    assert texts(table(tmp_path, "onset\ttrial_type\tword\n0\tspeech\tthe\n1\tpause\tn/a\n")) == ["the"]


def test_trigger_codes_are_never_read_as_words(tmp_path: Path) -> None:
    """MNE-BIDS writes an annotation word/the as a type, and a code of its own making as the value."""
    head = "onset\tduration\ttrial_type\tvalue\tsample\n"
    rows = "0.1\t0.2\tword/the\t13\t50\n0.5\t0.2\tWord/dog's/tail\t14\t250\n0.9\t0\tpicture\t15\t450\n"
    assert texts(table(tmp_path, head + rows)) == ["the", "dog's/tail"]
    assert texts(table(tmp_path, "onset\ttrial_type\n0\tword/the\n1\tword/dog\n")) == ["the", "dog"]
    with pytest.raises(ValueError, match=r"value holds numbers alone \(13, 14\), which look like trigger codes"):
        read_words(table(tmp_path, "onset\ttrial_type\tvalue\n0\tword\t13\n1\tword\t14\n"))
    assert texts(table(tmp_path, "onset\tword\tvalue\n0\tten\t13\n1\t20\t14\n")) == ["ten", "20"]
    assert texts(table(tmp_path, "onset\ttype\tvalue\n0\tword\tthe\n1\tword\t20\n")) == ["the", "20"]


@pytest.mark.parametrize("column", ["words", "token", "Word"])
def test_the_words_may_stand_in_a_column_of_another_name(column: str, tmp_path: Path) -> None:
    assert texts(table(tmp_path, f"onset\t{column}\n0.5\tthe\n")) == ["the"]
    assert texts(table(tmp_path, f"onset\ttrial_type\t{column}\n0\tword\tthe\n1\tpause\tpip\n")) == ["the"]


@pytest.mark.parametrize("column", ["pos", "UPOS", "part_of_speech"])
def test_a_column_of_parts_of_speech_is_read(column: str, tmp_path: Path) -> None:
    words, _ = read_words(table(tmp_path, f"onset\tword\t{column}\n0.5\tthe\tDET\n1\tdog\t NOUN\n2\tzork\tn/a\n"))
    assert [word.pos for word in words] == ["DET", "NOUN", None]
    without, _ = read_words(table(tmp_path, "onset\tword\n0.5\tthe\n1\tdog\n2\tzork\n"))
    assert repr(words) == repr(without), "a fingerprint of words does not change"


ALIGNED = {
    "whisperx.csv": "start,end,word,score\n0.5,0.75,the,0.9\n1.5,,dog,0.8\n",
    "mfa.csv": "Begin,End,Label,Type,Speaker\n0.5,0.75,the,words,A\n0.5,0.6,DH,phones,A\n1.5,n/a,dog,words,A\n",
    "whisperx.json": '{"segments": [{"start": 0.5, "words": [{"word": " the", "start": 0.5, "end": 0.75, "score": 1}, '
    '{"word": "13"}]}, {"words": [{"word": "dog", "start": 1.5}]}], "language": "en"}',
}


@pytest.mark.parametrize("name", ALIGNED)
def test_tables_of_forced_aligners_are_read(name: str, tmp_path: Path) -> None:
    words, _ = read_words(table(tmp_path, ALIGNED[name], name))
    assert [(word.text, word.onset, word.duration) for word in words] == [("the", 0.5, 0.25), ("dog", 1.5, None)]


def test_the_tier_of_one_speaker_is_found_and_of_two_is_asked_for(tmp_path: Path) -> None:
    grid = short_grid([(0.5, 0.25, "the")])
    assert texts(table(tmp_path, grid.replace('"words"', '"Ann - words"'), "mfa.TextGrid")) == ["the"]
    both = grid.replace('"words"', '"Ann - words"').replace('"phones"', '"Bob - words"')
    with pytest.raises(ValueError, match=r"words of several speakers \(Bob - words, Ann - words\); keep one"):
        read_words(table(tmp_path, both, "mfa.TextGrid"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "a list where a table belongs"),
        ('{"segments": {}}', "no list called segments"),
        ('{"segments": [1]}', "no list called segments"),
        ('{"segments": [{"words": 7}]}', "its words are no list"),
        ('{"segments": [{"text": "the dog"}]}', "have WhisperX align them"),
        ('{"segments": [{"words": ["the"]}]}', "word 1: it has no text"),
        ('{"segments": [{"words": [{"word": "the", "start": "soon"}]}]}', "word 1: the start 'soon' is no number"),
    ],
)
def test_a_json_file_that_is_none_of_an_aligner_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_words(table(tmp_path, text, "words.json"))
    assert "\n" not in str(caught.value)


def test_an_empty_text_column_is_passed_over(tmp_path: Path) -> None:
    assert texts(table(tmp_path, "onset\ttype\ttext\tvalue\n0\tword\tn/a\tthe\n")) == ["the"]


def test_an_open_quotation_mark_in_a_tsv_is_text(tmp_path: Path) -> None:
    assert texts(table(tmp_path, 'onset\tword\n0\t"Come\n1\there\n2\tnow"\n')) == ['"Come', "here", 'now"']


def test_unknown_durations_are_none(tmp_path: Path) -> None:
    rows = "onset\tduration\tword\n0\tn/a\ta\n1\t0\tb\n2\t-1\tc\n3\t\td\n4\t0.5\te\n"
    assert [word.duration for word in read_words(table(tmp_path, rows))[0]] == [None, None, None, None, 0.5]


def test_points_of_a_textgrid_are_words_without_duration(tmp_path: Path) -> None:
    tier = '"TextTier"\n"Word"\n0\n9\n1\n2.5\n"hm"\n'
    grid = f'File type = "ooTextFile"\nObject class = "TextGrid"\n0\n9\n<exists>\n1\n{tier}'
    (word,), _ = read_words(table(tmp_path, grid, "a.textgrid"))
    assert (word.text, word.onset, word.duration) == ("hm", 2.5, None)


FAULTS = {
    "decimal comma": ("w.tsv", "onset\tword\n0,50\tthe\n", "line 2: the onset 0,50 has a decimal comma; write 0.50"),
    "comma in ctm": ("w.ctm", "story A 0,50 0.2 the\n", "line 1: the onset 0,50 has a decimal comma; write 0.50"),
    "comma in a grid": (
        "w.TextGrid",
        short_grid([(0.5, 1.0, "a"), (2.5, 0.25, "b")]).replace("2.5\n", "2,5\n"),
        "line 24: 2,5 has a decimal comma; write 2.5",
    ),
    "comma in a long grid": (
        "w.TextGrid",
        long_grid([(0.5, 1.0, "a")]).replace("xmax = 1.5", "xmax = 1,5"),
        "line 17: 1,5 has a decimal comma; write 1.5",
    ),
    "comma in a duration": ("w.tsv", "onset\tduration\tword\n0\t0,2\tthe\n", "line 2: the duration 0,2 has a decimal"),
    "comma in csv": ("w.csv", "onset,word\n0,50,the\n", "line 2: 3 cells under 2 columns"),
    "tab too many": (
        "w.tsv",
        "onset\tword\n0\tthe\tdog\n",
        "line 2: 3 cells under 2 columns; quote texts that hold a tab",
    ),
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
    name, text, message = FAULTS[fault]
    with pytest.raises(ValueError) as caught:
        read_words(table(tmp_path, text, name))
    assert message in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tables_without_words_have_an_error_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(NoWords):
        read_words(table(tmp_path, "onset\ttype\tvalue\n0\tpicture\t1\n"))


def test_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"words\.tsv is not UTF-8 text \(line 2\); save it as UTF-8"):
        read_words(table(tmp_path, "onset\tword\n0\tété\n", encoding="latin-1"))


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no word table .*gone\.tsv"):
        read_words(tmp_path / "gone.tsv")


def test_tables_have_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path, "onset\tword\n" + "1\tthe\n" * 50)
    monkeypatch.setattr(rows, "MAX_ROWS", 49)
    with pytest.raises(ValueError, match="more than 49 rows"):
        read_words(path)
    monkeypatch.setattr(delimited, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="a word table has at most"):
        read_words(path)


@pytest.mark.parametrize(
    ("write", "name", "encoding", "read"), FORMATS, ids=[f"{f[0].__name__} {f[1]}" for f in FORMATS]
)
def test_a_hundred_thousand_words_are_read(
    write: Callable[[Spoken], str], name: str, encoding: str, read: Reading, tmp_path: Path
) -> None:
    """How fast is for benchmarks/wordtable.py to say."""
    path = tmp_path / name
    path.write_text(write([(i * 3 / 10, 0.2, "don't" if i % 2 else "été") for i in range(100_000)]), encoding=encoding)
    words, _ = read(path)
    assert len(words) == 100_000
    assert (words[-1].onset, words[-1].text) == (29999.7, "don't")
