"""Markers of any encoding become the same words, and whatever else comes is counted, never raised."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtalign.core.records import Word
from rtalign.streams.lsl import TextInlet
from rtalign.streams.markers.decoders import AudioStart, WordMarkers, decoder
from rtalign.streams.markers.triggers import Codes, Trigger
from rtalign.streams.markers.validation import MAX_WORD, Heard

STORY = (Word(0, "the", 0.5, 0.2), Word(1, "lamp", 0.8, 0.3), Word(2, "the", 1.4, None))

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def table(folder: Path) -> Path:
    rows = [f"{w.onset}\t{w.duration or 'n/a'}\t{w.text}" for w in STORY]
    path = folder / "words.tsv"
    path.write_text("\n".join(["onset\tduration\tword", *rows]) + "\n", encoding="utf-8")
    return path


def texts(heard: list[Heard]) -> list[tuple[str, float]]:
    return [(word.text, round(word.onset, 6)) for word in heard]


WANTED = [("the", 100.5), ("lamp", 100.8), ("the", 101.4)]


def test_plain_words_and_json_say_the_same() -> None:
    plain, told = WordMarkers(), WordMarkers()
    for word in STORY:
        [bare] = plain.push(word.text, 100 + word.onset)
        message = {"word": word.text, "onset": word.onset, "duration": word.duration, "index": word.index}
        [rich] = told.push(json.dumps(message | {"story": "lights"}), 100 + word.onset)
        assert (bare.text, bare.onset) == (rich.text, rich.onset) == (word.text, 100 + word.onset)
        assert (rich.duration, rich.index, rich.story) == (word.duration, word.index, "lights")
    assert plain.counts == told.counts == {}


def test_an_onset_replaces_the_stamp_only_where_it_says_that_it_is_on_the_lsl_clock() -> None:
    markers = WordMarkers()
    assert markers.push('{"word": "one", "onset": 3.25}', 100.0)[0].onset == 100.0
    assert markers.push('{"word": "two", "onset": 99.25, "clock": "lsl"}', 100.0)[0].onset == 99.25
    assert markers.push('{"word": "long", "duration": 250}', 101.0)[0].duration is None, "milliseconds, it seems"
    assert markers.push('{"word": "three", "onset": 3.25, "clock": "lsl"}', 1e6) == []
    assert markers.push('{"word": "four", "onset": NaN, "clock": "lsl"}', 100.0) == []
    assert markers.counts == {"onset far from its marker": 1, "no time": 1}


def test_codes_with_a_table_of_codes(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("code,word\n7,the\n12,lamp\n", encoding="utf-8")
    markers = decoder("codes", path)
    found = [h for code, w in zip(("7", "12", "7"), STORY, strict=True) for h in markers.push(code, 100 + w.onset)]
    assert texts(found) == WANTED
    assert markers.push("13", 103.0) == markers.push("7.5", 103.0) == markers.push("lamp", 103.0) == []
    assert markers.counts == {"code not in the table": 1, "no code": 2}


def test_codes_with_a_word_table_count_its_words(tmp_path: Path) -> None:
    markers = decoder("codes", table(tmp_path))
    found = [h for w in STORY for h in markers.push(str(w.index + 1), 100 + w.onset)]
    assert texts(found) == WANTED
    assert [word.duration for word in found] == [word.duration for word in STORY]


@pytest.mark.parametrize(
    ("rows", "fact"),
    [
        ("code,word\n7,the\n7,lamp\n", "gives code 7 to 'the' and to 'lamp'"),
        ("code,word\nx,the\n", "'x' is no whole number"),
        ("code,colour\n1,red\n", "no column called"),
        ("code,word\n", "is empty"),
    ],
)
def test_a_table_of_codes_that_cannot_be_used_says_why(tmp_path: Path, rows: str, fact: str) -> None:
    path = tmp_path / "codes.csv"
    path.write_text(rows, encoding="utf-8")
    with pytest.raises(ValueError, match=fact):
        Codes.read(path)


def test_an_audio_start_brings_its_words_one_by_one(tmp_path: Path) -> None:
    markers = decoder("audio-start", table(tmp_path))
    assert markers.push("audio", 100.0) == markers.due(100.4) == []
    assert texts(markers.due(100.9)) == WANTED[:2]
    assert markers.due(100.9) == []
    assert texts(markers.due(200.0)) == WANTED[2:]
    assert markers.push("noise", 201.0) == []
    assert markers.counts == {"not the audio's marker": 1}


def test_another_start_ends_the_audio_that_runs() -> None:
    markers = AudioStart({"audio": STORY, "silence": []})
    markers.push("audio", 100.0)
    assert len(markers.due(100.9)) == 2
    markers.push("audio", 101.0)
    markers.push("audio", 101.0)
    assert [round(h.onset, 6) for h in markers.due(102.0)] == [101.5, 101.8]
    markers.push("silence", 102.1)
    assert markers.due(1e9) == []
    assert markers.counts == {"cut short": 2, "duplicate": 1}


def test_one_channel_a_word_says_word_and_duration() -> None:
    inlet = TextInlet.__new__(TextInlet)
    inlet._labels = ("lamp", "the")
    rows = [inlet._texts(row) for row in np.array([[0, 0.2], [0.3, 0], [0, -1.0], [0, 0]])]
    assert [len(row) for row in rows] == [1, 1, 1, 0]
    found = [word for (text,) in rows[:3] for word in WordMarkers().push(text, 0.0)]
    assert [(word.text, word.duration) for word in found] == [("the", 0.2), ("lamp", 0.3), ("the", None)]


def codes() -> Codes:
    return Codes({word.index + 1: word for word in STORY})


def channel(sfreq: float = 1000.0) -> tuple[np.ndarray, np.ndarray]:
    """A trigger channel at rest at 0 with STORY's codes, each held for 50 ms."""
    values, stamps = np.zeros(2000), 100 + np.arange(2000) / sfreq
    for word in STORY:
        first = round(word.onset * sfreq)
        values[first : first + 50] = word.index + 1
    return values, stamps


def test_a_trigger_channel_rises_at_each_word() -> None:
    assert texts(Trigger(codes()).push(*channel())) == WANTED


@given(st.lists(st.integers(1, 700), max_size=12))
@example([1] * 2000)
def test_cutting_a_trigger_channel_differently_changes_nothing(sizes: list[int]) -> None:
    values, stamps = channel()
    values[600:601] = 5  # too short to be a code
    trigger, edges = Trigger(codes()), np.cumsum([0, *sizes]).clip(max=len(values))
    edges = np.append(edges, len(values))
    parts = [trigger.push(values[a:b], stamps[a:b]) for a, b in pairwise(edges)]
    assert texts([word for part in parts for word in part]) == WANTED


def test_lines_that_switch_apart_are_one_code_from_the_first_on() -> None:
    values = np.array([0, 0, 2, 3, 3, 3, 0, 0])
    [word] = Trigger(codes()).push(values, np.arange(8.0))
    assert (word.text, word.onset) == ("the", 2.0)
    assert word.duration is None, "code 3 is the third word, not the first"


def test_a_code_without_a_known_beginning_is_none() -> None:
    values = np.array([1, 1, 1, 0, 0, 2, 2, 2])
    assert texts(Trigger(codes()).push(values, np.arange(8.0))) == [("lamp", 5.0)]


def test_buttons_on_other_bits_do_not_matter() -> None:
    values, stamps = channel()
    values[450:1000] += 0x10000
    assert texts(Trigger(codes()).push(values, stamps)) == WANTED


def test_a_code_reached_from_above_is_counted() -> None:
    trigger = Trigger(codes())
    assert texts(trigger.push(np.array([0, 0, 2, 2, 1, 1, 0.5, np.nan]), np.arange(8.0))) == [("lamp", 2.0)]
    assert trigger.counts == {"fell to a code": 1, "not a whole number": 2}


def test_repeated_markers_are_dropped_and_repeated_words_are_not() -> None:
    markers = WordMarkers()
    for text, stamp in [("the", 1.0), ("the", 1.0), ("the", 1.0006), ("the", 1.3), ("lamp", 1.3)]:
        markers.push(text, stamp)
    assert markers.counts == {"duplicate": 2}
    told = '{"word": "the", "index": 4}'
    assert [len(markers.push(told, stamp)) for stamp in (10.0, 11.0, 60.0)] == [1, 0, 1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \0\r\n", "empty"),
        ("sp", "no word"),
        ("n/a", "no word"),
        ("<sil>", "no word"),
        ("bell\x07", "control characters"),
        ("\u202eevil", "control characters"),
        ("w" * (MAX_WORD + 1), "too long"),
        ("w" * 1_000_000, "too long"),
        ('{"word": "' + "w" * 300 + '"}', "too long"),
        ('{"word": "x"', "broken JSON"),
        ('{"word": 3}', "JSON without a word"),
        ('{"word": ' + "[" * 5000, "JSON too deep"),
        ('{"word": "x", "index": ' + "9" * 5000 + "}", "broken JSON"),
        (None, "no text"),
    ],
)
def test_what_is_no_word_is_counted_by_its_reason(text: str, reason: str) -> None:
    markers = WordMarkers()
    assert markers.push(text, 1.0) == []
    assert markers.counts == {reason: 1}


def test_blanks_quotes_and_zero_bytes_around_a_word_are_not_part_of_it() -> None:
    assert WordMarkers().push(' "lamp"\r\n\0', 1.0)[0].text == "lamp"


@pytest.mark.parametrize("stamp", [np.nan, np.inf, -np.inf, 1e300])
def test_a_marker_without_a_time_is_no_word(stamp: float) -> None:
    markers = WordMarkers()
    assert markers.push("lamp", stamp) == []
    assert markers.counts == {"no time": 1}


@given(st.text(max_size=300) | JSON_VALUES.map(json.dumps), st.floats())
def test_any_text_is_a_word_or_is_counted_and_never_raises(text: str, stamp: float) -> None:
    for markers in (WordMarkers(), WordMarkers("json"), decoder("plain"), AudioStart({"audio": STORY})):
        found = markers.push(text, stamp) + markers.due(1e12)
        assert len(found) <= max(1, len(STORY))
        assert found or sum(markers.counts.values()) == 1 or text.strip() == "audio"
        for word in found:
            assert 0 < len(word.text) <= MAX_WORD
            assert word.text.isprintable() or not word.text.isascii()
            assert abs(word.onset) <= 1e11


@given(
    st.dictionaries(
        st.sampled_from(["word", "text", "onset", "duration", "index", "story", "clock"]),
        JSON_VALUES | st.sampled_from(["lsl", "lamp", 1.5, 3, -2]),
    ),
    st.floats(-1e6, 1e6),
)
def test_any_json_is_a_word_with_sound_fields_or_is_counted(told: dict, stamp: float) -> None:
    markers = WordMarkers("json")
    found = markers.push(json.dumps(told), stamp)
    assert len(found) + sum(markers.counts.values()) == 1
    for word in found:
        assert word.duration is None or 0 < word.duration <= 60
        assert word.index is None or (isinstance(word.index, int) and word.index >= 0)
        assert np.isfinite(word.onset)


def test_a_kind_or_a_table_that_is_missing_is_said() -> None:
    with pytest.raises(ValueError, match="need a table"):
        decoder("codes")
    with pytest.raises(ValueError, match="'morse' are not known"):
        decoder("morse")  # type: ignore[arg-type]
