"""Markers of any encoding become the same words, and whatever else comes is counted, never raised."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtalign.core import session
from rtalign.core.records import Word
from rtalign.streams.lsl import TextInlet
from rtalign.streams.markers import decoders
from rtalign.streams.markers.code_table import CodeTable
from rtalign.streams.markers.decoders import (
    DECODERS,
    AudioStart,
    AutoMarkers,
    JsonMarkers,
    MarkerDecoder,
    OneHotMarkers,
    TriggerChannel,
    open_decoder,
)
from rtalign.streams.markers.validation import MAX_WORD, BadMarker, MarkerWord

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


def texts(words: list[MarkerWord]) -> list[tuple[str, float]]:
    return [(word.text, round(word.onset, 6)) for word in words]


WANTED = [("the", 100.5), ("lamp", 100.8), ("the", 101.4)]


def test_plain_words_and_json_say_the_same() -> None:
    plain, structured = AutoMarkers(), AutoMarkers()
    for word in STORY:
        [bare] = plain.push(word.text, 100 + word.onset)
        message = {"word": word.text, "onset": word.onset, "duration": word.duration, "index": word.index}
        [rich] = structured.push(json.dumps(message | {"story": "lights"}), 100 + word.onset)
        assert (bare.text, bare.onset) == (rich.text, rich.onset) == (word.text, 100 + word.onset)
        assert (rich.duration, rich.index, rich.story) == (word.duration, word.index, "lights")
    assert plain.counts == structured.counts == {}


@pytest.mark.parametrize(
    ("encoding", "text", "reason", "duration"),
    [
        ("auto", "BAD_muscle", "marked as bad: BAD_muscle", 0.0),
        ("plain", " BAD_muscle\0", "marked as bad: BAD_muscle", 0.0),
        ("auto", '{"bad": "door", "duration": 120.5}', "marked as bad: door", 120.5),
        ("json", '{"bad": "marked as bad: BAD_door", "duration": 1}', "marked as bad: BAD_door", 1.0),
        ("json", '{"bad": "boundary of joined files"}', "boundary of joined files", 0.0),
        ("one-hot", '{"word": "BAD_blink", "duration": 0.4}', "marked as bad: BAD_blink", 0.4),
        ("json", '{"bad": "door", "duration": 1e9}', "marked as bad: door", 0.0),
    ],
)
def test_a_mark_is_a_bad_stretch_and_no_word(encoding: str, text: str, reason: str, duration: float) -> None:
    assert open_decoder(encoding).push(text, 100.5) == [BadMarker(reason, 100.5, duration)]


def test_a_mark_that_is_no_text_or_has_no_time_is_counted() -> None:
    markers = JsonMarkers()
    assert markers.push('{"bad": 3}', 1.0) == markers.push('{"bad": "door"}', float("nan")) == []
    assert markers.counts == {"no text": 1, "no time": 1}


def test_only_an_onset_on_the_lsl_clock_replaces_the_stamp() -> None:
    markers = AutoMarkers()
    assert markers.push('{"word": "one", "onset": 3.25}', 100.0)[0].onset == 100.0
    assert markers.push('{"word": "two", "onset": 99.25, "clock": "lsl"}', 100.0)[0].onset == 99.25
    assert markers.push('{"word": "long", "duration": 250}', 101.0)[0].duration is None, "milliseconds, it seems"
    assert markers.push('{"word": "three", "onset": 3.25, "clock": "lsl"}', 1e6) == []
    assert markers.push('{"word": "four", "onset": NaN, "clock": "lsl"}', 100.0) == []
    assert markers.counts == {"onset far from its marker": 1, "no time": 1}


def test_codes_with_a_table_of_codes(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("code,word\n7,the\n12,lamp\n", encoding="utf-8")
    markers = open_decoder("codes", path)
    found = [h for code, w in zip(("7", "12", "7"), STORY, strict=True) for h in markers.push(code, 100 + w.onset)]
    assert texts(found) == WANTED
    assert markers.push("13", 103.0) == markers.push("7.5", 103.0) == markers.push("lamp", 103.0) == []
    assert markers.counts == {"code not in the table": 1, "no code": 2}


def test_a_part_of_speech_comes_along(tmp_path: Path) -> None:
    codes = tmp_path / "codes.csv"
    codes.write_text("code,word,pos\n7,the,DET\n12,lamp,NOUN\n", encoding="utf-8")
    words = tmp_path / "words.tsv"
    words.write_text("onset\tword\tpos\n0.5\tthe\tDET\n0.9\tlamp\tNOUN\n", encoding="utf-8")
    audio = open_decoder("audio-start", words)
    audio.push("audio", 100.0)
    by_code = open_decoder("codes", codes)
    found = [
        [*by_code.push("7", 100.5), *by_code.push("12", 100.9)],
        audio.due(101.0),
        [m for text in ('{"word": "the", "pos": "DET"}', '{"word": "lamp", "pos": "NOUN"}')
         for m in open_decoder().push(text, 1.0)],
    ]  # fmt: skip
    assert [[word.pos for word in words] for words in found] == [["DET", "NOUN"]] * 3
    assert [word.pos for word in open_decoder().push('{"word": "the", "pos": {"a": 1}}', 1.0)] == [None]


def test_codes_with_a_word_table_count_its_words(tmp_path: Path) -> None:
    markers = open_decoder("codes", table(tmp_path))
    found = [h for w in STORY for h in markers.push(str(w.index + 1), 100 + w.onset)]
    assert texts(found) == WANTED
    assert [word.duration for word in found] == [word.duration for word in STORY]


def test_an_audio_start_brings_its_words_one_by_one(tmp_path: Path) -> None:
    markers = open_decoder("audio-start", table(tmp_path))
    assert markers.push("audio", 100.0) == markers.due(100.4) == []
    assert texts(markers.due(100.9)) == WANTED[:2]
    assert markers.due(100.9) == []
    assert texts(markers.due(200.0)) == WANTED[2:]
    assert markers.push("noise", 201.0) == []
    assert markers.counts == {"not the audio's marker": 1}


def test_another_start_ends_the_running_audio() -> None:
    markers = AudioStart({"audio": STORY, "silence": []})
    markers.push("audio", 100.0)
    assert len(markers.due(100.9)) == 2
    markers.push("audio", 101.0)
    markers.push("audio", 101.0)
    assert [round(h.onset, 6) for h in markers.due(102.0)] == [101.5, 101.8]
    markers.push("silence", 102.1)
    assert markers.due(1e9) == []
    assert markers.counts == {"cut short": 2, "duplicate": 1}


def test_one_channel_per_word_gives_word_and_duration() -> None:
    inlet = TextInlet.__new__(TextInlet)
    inlet._labels = ("lamp", "the")
    rows = [inlet._texts(row) for row in np.array([[0, 0.2], [0.3, 0], [0, -1.0], [0, 0]])]
    assert [len(row) for row in rows] == [1, 1, 1, 0]
    found = [word for (text,) in rows[:3] for word in OneHotMarkers().push(text, 0.0)]
    assert [(word.text, word.duration) for word in found] == [("the", 0.2), ("lamp", 0.3), ("the", None)]


def codes() -> CodeTable:
    return CodeTable({word.index + 1: word for word in STORY})


def trigger_channel() -> TriggerChannel:
    return TriggerChannel(codes(), "UPPT001")


def channel(sfreq: float = 1000.0) -> tuple[np.ndarray, np.ndarray]:
    """A trigger channel at rest at 0 with STORY's codes, each held for 50 ms."""
    values, stamps = np.zeros(2000), 100 + np.arange(2000) / sfreq
    for word in STORY:
        first = round(word.onset * sfreq)
        values[first : first + 50] = word.index + 1
    return values, stamps


def test_a_trigger_channel_rises_at_each_word() -> None:
    assert texts(trigger_channel().push_samples(*channel())) == WANTED


@given(st.lists(st.integers(1, 700), max_size=12))
@example([1] * 2000)
def test_cutting_a_trigger_channel_differently_changes_nothing(sizes: list[int]) -> None:
    values, stamps = channel()
    values[600:601] = 5  # too short to be a code
    trigger, edges = trigger_channel(), np.cumsum([0, *sizes]).clip(max=len(values))
    edges = np.append(edges, len(values))
    parts = [trigger.push_samples(values[a:b], stamps[a:b]) for a, b in pairwise(edges)]
    assert texts([word for part in parts for word in part]) == WANTED


def test_lines_that_switch_apart_make_one_code() -> None:
    values = np.array([0, 0, 2, 3, 3, 3, 0, 0])
    [word] = trigger_channel().push_samples(values, np.arange(8.0))
    assert (word.text, word.onset) == ("the", 2.0)
    assert word.duration is None, "code 3 is the third word, not the first"


def test_a_code_without_a_known_onset_is_ignored() -> None:
    values = np.array([1, 1, 1, 0, 0, 2, 2, 2])
    assert texts(trigger_channel().push_samples(values, np.arange(8.0))) == [("lamp", 5.0)]


def test_buttons_on_other_bits_do_not_matter() -> None:
    values, stamps = channel()
    values[450:1000] += 0x10000
    assert texts(trigger_channel().push_samples(values, stamps)) == WANTED


def test_a_code_reached_from_above_is_counted() -> None:
    trigger = trigger_channel()
    assert texts(trigger.push_samples(np.array([0, 0, 2, 2, 1, 1, 0.5, np.nan]), np.arange(8.0))) == [("lamp", 2.0)]
    assert trigger.counts == {"fell to a code": 1, "not a whole number": 2}


@given(st.text(max_size=300) | JSON_VALUES.map(json.dumps), st.floats())
def test_any_text_is_a_word_or_is_counted(text: str, stamp: float) -> None:
    for markers in (AutoMarkers(), JsonMarkers(), open_decoder("plain"), AudioStart({"audio": STORY})):
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
def test_any_json_is_a_valid_word_or_is_counted(content: dict, stamp: float) -> None:
    markers = JsonMarkers()
    found = markers.push(json.dumps(content), stamp)
    assert len(found) + sum(markers.counts.values()) == 1
    for word in found:
        assert word.duration is None or 0 < word.duration <= 60
        assert word.index is None or (isinstance(word.index, int) and word.index >= 0)
        assert np.isfinite(word.onset)


def test_every_encoding_of_a_session_has_its_class() -> None:
    assert set(DECODERS) == set(get_args(session.WordEncoding))
    assert all(decoder.name == name and decoder.label for name, decoder in DECODERS.items())


def test_a_class_that_no_session_can_name_is_refused() -> None:
    with pytest.raises(TypeError, match="add 'morse' to WordEncoding"):

        class Morse(MarkerDecoder, name="morse", label="dots and dashes"):
            pass

    with pytest.raises(TypeError, match="'plain' is already PlainMarkers"):

        class Other(MarkerDecoder, name="plain", label="others"):
            pass


def test_a_name_without_a_class_is_an_error_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "WordEncoding", Literal[session.WordEncoding, "morse"])
    spec = spec_from_file_location("decoders_anew", decoders.__file__)
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ImportError, match=r"\['morse'\], which no class decodes"):
        spec.loader.exec_module(module_from_spec(spec))


def test_a_missing_table_or_channel_is_an_error(tmp_path: Path) -> None:
    for encoding, decoder in DECODERS.items():
        if decoder.needs_table:
            with pytest.raises(ValueError, match="need a table"):
                open_decoder(encoding)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="need a channel"):
        open_decoder("trigger", table(tmp_path))
    with pytest.raises(ValueError, match="'morse' is not known"):
        open_decoder("morse")  # type: ignore[arg-type]
