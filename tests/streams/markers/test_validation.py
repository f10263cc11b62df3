"""What a sender can do wrong with a marker is counted by its reason."""

from __future__ import annotations

import numpy as np
import pytest

from rtalign.streams.markers.decoders import AutoMarkers
from rtalign.streams.markers.validation import MAX_WORD


def test_repeated_markers_are_dropped_repeated_words_kept() -> None:
    markers = AutoMarkers()
    for text, stamp in [("the", 1.0), ("the", 1.0), ("the", 1.0006), ("the", 1.3), ("lamp", 1.3)]:
        markers.push(text, stamp)
    assert markers.counts == {"duplicate": 2}
    message = '{"word": "the", "index": 4}'
    assert [len(markers.push(message, stamp)) for stamp in (10.0, 11.0, 60.0)] == [1, 0, 1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \0\r\n", "empty"),
        ("sp", "silence mark"),
        ("SPN", "noise mark"),
        ("{NS}", "noise mark"),
        (" . ", "punctuation alone"),
        ("\u2014", "punctuation alone"),
        ("n/a", "empty"),
        ("<sil>", "silence mark"),
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
def test_a_marker_without_a_word_is_counted_by_reason(text: str, reason: str) -> None:
    markers = AutoMarkers()
    assert markers.push(text, 1.0) == []
    assert markers.counts == {reason: 1}


def test_blanks_quotes_and_zero_bytes_are_stripped() -> None:
    assert AutoMarkers().push(' "lamp"\r\n\0', 1.0)[0].text == "lamp"


@pytest.mark.parametrize("stamp", [np.nan, np.inf, -np.inf, 1e300])
def test_a_marker_without_a_time_is_no_word(stamp: float) -> None:
    markers = AutoMarkers()
    assert markers.push("lamp", stamp) == []
    assert markers.counts == {"no time": 1}
