"""XDF files are read as pyxdf reads them, on one counted clock."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.core.records import RecordingIdentity
from rtalign.recordings.quality.signal import check_signal
from rtalign.recordings.xdf import writer
from rtalign.recordings.xdf.clock import to_common_clock
from rtalign.recordings.xdf.reader import XdfFile
from rtalign.recordings.xdf.recording import XdfRecording
from rtalign.recordings.xdf.streams import parse_marker
from tests.helpers.fif_files import signal_of
from tests.helpers.xdf_files import MEG, SENSORS, SFREQ, noise, open_one, write

pyxdf = pytest.importorskip("pyxdf", reason="pyxdf is the independent reader; pip install pyxdf")


def pyxdf_stream(path: Path, **how: Any) -> dict[str, Any]:
    streams, _ = pyxdf.load_xdf(path, **how)
    return next(s for s in streams if s["info"]["name"] == ["meg"])


# ---- what is in a file


def test_samples_sensors_and_words_are_what_was_written(tmp_path: Path) -> None:
    stamps = 50 + np.arange(1000) / SFREQ
    path = write(tmp_path / "a.xdf", stamps, markers=[("Once", 51.0), ("upon", 52.5)])
    recording = open_one(path)
    np.testing.assert_array_equal(signal_of(recording, 0.77), noise(1000))
    assert recording.sensors == SENSORS
    assert (recording.start, recording.n_samples, recording.sfreq) == (0.0, 1000, SFREQ)
    assert [(w.index, w.text) for w in recording.words] == [(0, "Once"), (1, "upon")]
    assert [w.onset for w in recording.words] == pytest.approx([1.0, 2.5])
    assert check_signal(recording) == []
    np.testing.assert_array_equal(recording.read(1.0, 0.5).data, noise(1000)[200:300])
    picked = recording.pick(["MEG0111", "MLC11"])
    np.testing.assert_array_equal(signal_of(picked), noise(1000)[:, [2, 0]])
    with pytest.raises(ValueError, match="lacks the sensors nose"):
        recording.pick(["nose"])


def test_the_fingerprint_follows_signal_and_words(tmp_path: Path) -> None:
    stamps, other = np.arange(1000) / SFREQ, noise(1000)
    other[0, 0] *= 2
    files = [write(tmp_path / f"{k}.xdf", stamps) for k in "ab"]
    files += [write(tmp_path / "c.xdf", stamps, other), write(tmp_path / "d.xdf", stamps, markers=[("Once", 1.5)])]
    prints = [open_one(path).fingerprint() for path in files]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def explicit(k: int, values: bytes, stamp: float) -> bytes:
    return b"\x08" + struct.pack("<d", stamp) + values


def bare(k: int, values: bytes, stamp: float) -> bytes:
    return b"\x00" + values


LAYOUTS: dict[str, Callable[[int], Callable[..., bytes]]] = {
    "every stamp": lambda k: explicit,
    "the first stamp": lambda k: bare if k else explicit,
    "no stamp": lambda k: bare,
    "some stamps": lambda k: explicit if k % 3 == 1 else bare,
    "one stamp inside": lambda k: explicit if k == 4 else bare,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_missing_stamps_are_counted_as_pyxdf_counts_them(tmp_path: Path, layout: str) -> None:
    path = write(tmp_path / "a.xdf", np.arange(100) / SFREQ, markers=())
    more = noise(20, seed=1)
    for a in (0, 10):
        samples = [LAYOUTS[layout](k)(k, more[a + k].tobytes(), 3.0 + (a + k) / SFREQ) for k in range(10)]
        content = struct.pack("<BB", 1, 10) + b"".join(samples)
        with path.open("ab") as file:
            file.write(writer._of_stream(writer.SAMPLES, 7, content))
    file = XdfFile(path)
    stream, theirs = file.streams[7], pyxdf_stream(path, dejitter_timestamps=False)
    np.testing.assert_array_equal(file.numbers(stream, 0, 1000), theirs["time_series"])
    np.testing.assert_array_equal(file.numbers(stream, 103, 117), theirs["time_series"][103:117])
    stamps = np.concatenate([file.stamps(stream, i) for i in range(len(stream.places))])
    np.testing.assert_allclose(stamps, theirs["time_stamps"], atol=1e-12)


def test_units_are_converted_to_si(tmp_path: Path) -> None:
    signal = writer.SignalStream("meg", SFREQ, MEG.channels, SENSORS, ("fT", "fT/cm", "pT"), "double64")
    path = write(tmp_path / "a.xdf", np.arange(600) / SFREQ, np.ones((600, 3)), signal=signal)
    np.testing.assert_allclose(signal_of(open_one(path))[0], [1e-15, 1e-13, 1e-12])


@pytest.mark.parametrize(
    ("marker", "word"),
    [
        ("Once", ("Once", None, None)),
        (' "upon" ', ("upon", None, None)),
        ('{"word": "a", "duration": 0.2}', ("a", 0.2, None)),
        ('{"text": "tíme", "onset": 3}', ("tíme", None, None)),
        ('{"word": "a", "pos": "DET"}', ("a", None, "DET")),
        ('{"word": "a", "pos": 3}', ("a", None, None)),
        ("<?xml?>", ("", None, None)),
        ("", ("", None, None)),
        ("{", ("", None, None)),
        ("[" * 5000, ("", None, None)),
        ('{"a":' * 5000, ("", None, None)),
        ('{"word": "a", "duration": "x"}', ("a", None, None)),
    ],
)
def test_words_in_markers(marker: str, word: tuple[str, float | None, str | None]) -> None:
    assert parse_marker(marker) == word


# ---- time


def test_clock_offsets_are_fitted_as_pyxdf_fits_them(tmp_path: Path) -> None:
    """A sender 100 s behind that loses 80 ppm, measured every 5 s with an outlier among the measurements."""
    stamps = np.arange(20_000) / SFREQ
    collected = np.arange(0, 100, 5.0)
    values = 100 + 80e-6 * collected + 2e-5 * np.random.default_rng(1).standard_normal(20)
    values[7] += 0.03
    path = write(tmp_path / "a.xdf", stamps, offsets=list(zip(collected, values, strict=True)))
    theirs = pyxdf_stream(path, dejitter_timestamps=False)["time_stamps"]
    ours = to_common_clock(stamps, XdfFile(path).streams[7].offsets)
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
    np.testing.assert_allclose(ours, stamps + 100 + 80e-6 * stamps, atol=5e-5)


def test_a_restarted_sender_goes_on_in_the_same_time(tmp_path: Path) -> None:
    """The sender's clock falls from 1000 s to 5 s; its offsets say by how much, and a gap of 30 s is left."""
    true = np.concatenate([np.arange(8000) / SFREQ, 70 + np.arange(8000) / SFREQ])
    offset = np.where(np.arange(16_000) < 8000, -1000.0, 65.0)
    pairs = [(t + 1000, -1000.0) for t in range(0, 40, 5)] + [(t - 65.0, 65.0) for t in range(70, 110, 5)]
    path = write(tmp_path / "a.xdf", true - offset, offsets=pairs, markers=[("Once", 10.0), ("upon", 80.0)])
    np.testing.assert_allclose(to_common_clock(true - offset, pairs), true, atol=1e-6)
    theirs = pyxdf_stream(path, dejitter_timestamps=False)["time_stamps"]
    np.testing.assert_allclose(to_common_clock(true - offset, pairs), theirs, atol=1e-5)
    recording = open_one(path)
    starts = [chunk.start for chunk in recording.chunks(1000)]
    assert starts == pytest.approx([0.0, 70.0], abs=1e-3)
    assert [w.onset for w in recording.words] == pytest.approx([10.0, 80.0], abs=1e-3)
    assert any("breaks in the signal: 1 (30" in note for note in recording.notes)


@pytest.mark.parametrize("dejitter", [True, False])
def test_drift_never_adds_up(tmp_path: Path, dejitter: bool) -> None:
    """A machine 200 ppm slow for ten minutes: the counted clock is 120 ms off, and every word meets its sample."""
    n = 120_000
    stamps = 10 + np.arange(n) / SFREQ * (1 + 200e-6)
    at = np.arange(1000, n, 9001)
    data = noise(n)
    data[at] = 1e-9
    markers = [(f"w{i}", float(stamps[i])) for i in at]
    recording = open_one(write(tmp_path / "a.xdf", stamps, data, markers), dejitter=dejitter)
    assert np.abs([w.onset * SFREQ for w in recording.words] - at).max() < 0.01
    signal = signal_of(recording)
    for word in recording.words:
        assert signal[round(word.onset * SFREQ), 0] == 1e-9


def test_dejitter_removes_the_jitter_of_arrival(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    true = np.arange(20_000) / SFREQ
    late = np.repeat(rng.exponential(0.004, 1000), 20)  # each chunk of 20 came late by its own time
    markers = [(f"w{i}", float(true[i])) for i in range(1000, 19_000, 777)]
    path = write(tmp_path / "a.xdf", true + late, markers=markers, size=20)
    smooth, rough = open_one(path), open_one(path, dejitter=False)
    index = np.array([int(text[1:]) for text, _ in markers])

    def errors(recording: XdfRecording) -> np.ndarray:
        return np.array([w.onset for w in recording.words]) - index / SFREQ

    assert 10 * np.std(errors(smooth)) < np.std(errors(rough))
    theirs = pyxdf_stream(path)["time_stamps"]
    expected = np.interp(true[index], theirs, np.arange(20_000) / SFREQ)
    np.testing.assert_allclose([w.onset for w in smooth.words], expected, atol=1e-6)
    for recording in (smooth, rough):
        assert len(list(recording.chunks(1000))) == 1, "jitter is no gap"


@pytest.mark.parametrize("dejitter", [True, False])
@pytest.mark.parametrize("size", [100, 1, 20_000])
def test_a_gap_is_a_gap_wherever_the_chunks_end(tmp_path: Path, size: int, dejitter: bool) -> None:
    stamps = np.arange(5000) / SFREQ
    stamps[2345:] += 0.05
    stamps[4000:] += 12.0
    path = write(tmp_path / "a.xdf", stamps, size=size, markers=[("a", 1.0), ("b", 15.0), ("c", 34.0)])
    recording = open_one(path, dejitter=dejitter)
    chunks = list(recording.chunks(1000))
    assert [len(chunk.data) for chunk in chunks] == [2345, 1655, 1000]
    assert [chunk.start for chunk in chunks] == pytest.approx([0.0, stamps[2345], stamps[4000]], abs=1e-6)
    assert [w.onset for w in recording.words] == pytest.approx([1.0, 15.0, 34.0], abs=1e-6)
    np.testing.assert_array_equal(signal_of(recording), noise(5000))
    late = list(recording.chunks(1000, start=float(stamps[3000])))
    np.testing.assert_array_equal(np.concatenate([chunk.data for chunk in late]), noise(5000)[3000:])
    assert late[0].start == pytest.approx(stamps[3000])
    assert recording.seconds == pytest.approx(37.05)


def test_a_wrong_nominal_rate_is_measured_and_noted(tmp_path: Path) -> None:
    recording = open_one(write(tmp_path / "a.xdf", np.arange(5000) / 190.0))
    assert recording.sfreq == pytest.approx(190, rel=1e-4)
    assert any("came at 190" in note for note in recording.notes)


def test_a_file_knows_the_recordings_that_its_stream_was_played_from(tmp_path: Path) -> None:
    origin = (RecordingIdentity("run <1>", "ab" * 16, "cd" * 16), RecordingIdentity("run 2", "ef" * 16, "01" * 16))
    stamps = np.arange(1000) / SFREQ
    recording = open_one(write(tmp_path / "a.xdf", stamps, signal=replace(MEG, origin=origin)))
    assert recording.origin == origin
    assert {"ab" * 16, "cd" * 16, "01" * 16} < RecordingIdentity.of(recording).prints
    assert open_one(write(tmp_path / "b.xdf", stamps)).origin == ()
