"""The runs of Le Petit Prince keep their French words, whatever clock their onsets are on."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtalign.recordings import open_recordings
from tests.helpers.dataset_folders import petit_prince, texts


def test_french_words_are_kept(tmp_path: Path) -> None:
    petit_prince(tmp_path, (0.5, 1.0, 1.5, 2.0), first_samp=5000)
    (found,) = open_recordings(tmp_path, subject="01", run="1")
    assert texts(found) == ["Lorsque", "j", "é", "ÎLE"]
    assert [word.onset for word in found.words] == [0.5, 1.0, 1.5, 2.0]
    assert [sensor.kind for sensor in found.sensors] == ["mag", "mag", "planar"]


def test_onsets_on_the_clock_of_the_machine_are_moved(tmp_path: Path) -> None:
    petit_prince(tmp_path, (25.5, 26.0), first_samp=5000)
    (found,) = open_recordings(tmp_path)
    assert [word.onset for word in found.words] == pytest.approx([0.5, 1.0])
    assert "onsets counted the number of the first sample (25.000 s); it was taken off" in found.notes


def test_onsets_that_fit_as_they_are_stay(tmp_path: Path) -> None:
    petit_prince(tmp_path, (1.0, 2.0), first_samp=100)
    (found,) = open_recordings(tmp_path)
    assert [word.onset for word in found.words] == [1.0, 2.0]


def test_onsets_that_fit_neither_way_are_not_moved(tmp_path: Path) -> None:
    petit_prince(tmp_path, (1.0, 25.5), first_samp=5000)
    (found,) = open_recordings(tmp_path)
    assert [word.onset for word in found.words] == [1.0, 25.5]
    assert "1 of 2 words lie after the end of the signal" in found.notes
