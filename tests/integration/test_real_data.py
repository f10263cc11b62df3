"""Recordings of real machines, and runs inside one file, go through `rtalign stream` and `rtalign replay`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import Recording
from rtalign.recordings import open_recordings
from rtalign_cli import main
from tests.helpers.dataset_folders import armeni_session
from tests.helpers.live_setup import replay_headless
from tests.helpers.real_data import CTF, MEGIN, XDF, real
from tests.helpers.stream_receiver import Receiver

ONSETS = (0.2, 0.6, 0.9, 1.3)


def table(folder: Path) -> Path:
    """A word table that fits any recording of two seconds."""
    path = folder / "words.tsv"
    path.write_text("onset\tword\n" + "".join(f"{t}\tw{i}\n" for i, t in enumerate(ONSETS)), encoding="utf-8")
    return path


def check_all_was_sent(received: Receiver, recording: Recording, first: int, n_words: int, speed: float = 1.0) -> int:
    """Every sample of a recording, from the first received one on, and its words, at the same times as in it.

    Returns how many samples were received up to its end.
    """
    chunks = list(recording.chunks(0.5))
    played = np.concatenate([chunk.data for chunk in chunks]).astype(np.float32)
    times = np.concatenate([chunk.start + np.arange(len(chunk.data)) / recording.sfreq for chunk in chunks])
    stamps, data = np.concatenate(received.stamps), np.concatenate(received.data)
    stop = first + len(played)
    np.testing.assert_array_equal(data[first:stop], played)
    since = stamps[first:stop] - stamps[first]
    np.testing.assert_allclose(since, (times - times[0]) / speed, atol=1e-6)
    markers = received.words[n_words : n_words + len(recording.words)]
    assert [text for text, _ in markers] == [word.text for word in recording.words]
    wanted = stamps[first] + (np.array([word.onset for word in recording.words]) - times[0]) / speed
    np.testing.assert_allclose([stamp for _, stamp in markers], wanted, atol=1e-6)
    return stop


@pytest.mark.parametrize("path", [CTF, MEGIN, XDF / "minimal.xdf"], ids=["CTF", "MEGIN", "XDF"])
def test_a_real_recording_is_streamed_unchanged(path: Path, tmp_path: Path) -> None:
    words = [] if path.suffix == ".xdf" else ["--word-table", table(tmp_path)]
    (recording,) = open_recordings(real(path), word_table=words[1] if words else None)
    received = Receiver.of_command(path, *words).receive()
    assert check_all_was_sent(received, recording, 0, 0) == received.n_samples
    assert received.n_words == len(recording.words) == len(received.words)
    assert received.n_withheld == 0


def test_runs_of_one_file_are_streamed_in_order(tmp_path: Path) -> None:
    armeni_session(tmp_path)
    first, second = open_recordings(tmp_path)
    received = Receiver.of_command(tmp_path, "--subject", "001", "--speed", 20).receive()
    between = check_all_was_sent(received, first, 0, 0, 20)
    assert check_all_was_sent(received, second, between, len(first.words), 20) == received.n_samples
    assert [text for text, _ in received.words] == ["to", "sherlock", "holmes", "she", "is", "always"]


def test_a_real_megin_recording_is_replayed(
    live_setup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five seconds of a head, of which the filters need three: the words after them are scored.

    The newest notice is on the sensor that is known to be bad.
    """
    words = tmp_path / "words.tsv"
    words.write_text("onset\tword\n0.2\tonce\n0.9\tupon\n3.7\ta\n3.9\ttime\n", encoding="utf-8")
    how = ("--bank", live_setup / "bank", "--model", live_setup / "model", "--allow-missing", "--word-table", words)
    seen = replay_headless(capsys, real(MEGIN), *how)
    assert (seen["received"], seen["scored"], seen["skipped"]) == (4, 2, {"filter warm-up": 2})
    assert seen["time_s"] == pytest.approx(5.005, abs=0.01)
    assert str(seen["notice"]).startswith("MEG 2443 is noisy")


def test_an_xdf_recording_that_fits_no_bank_is_refused(live_setup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ("replay", real(XDF / "minimal.xdf"), "--bank", live_setup / "bank", "--model", live_setup / "model")
    assert main.main([*map(str, argv), "--headless", "--speed", "max", "--quiet"]) == 1
    error = capsys.readouterr().err.strip()
    assert "at 10 Hz" in error or "sensors" in error
    assert len(error.splitlines()) == 1
    assert "unexpected" not in error
