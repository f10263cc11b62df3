"""A wav reads as it was written, whole or in pieces, and a damaged one is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtalign.recordings.wav_file import WavFile, read_wav
from tests.helpers.wav_files import write_wav


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_a_wav_reads_as_it_was_written(tmp_path: Path, width: int) -> None:
    values = np.sin(np.arange(500) / 7) * 0.8
    wav = WavFile(write_wav(tmp_path / "a.wav", np.repeat(values, 2), channels=2, width=width))
    assert (wav.n_frames, wav.rate) == (500, 8000)
    assert wav.read(0, 500) == pytest.approx(values, abs=1.5 / 2 ** (8 * width - 1) + 1e-6)
    assert wav.read(-3, 5) == pytest.approx([0, 0, 0, *values[:2]], abs=0.02)
    assert wav.read(498, 4)[2:] == pytest.approx([0, 0])
    wav.close()


@pytest.mark.parametrize("width", [2, 3, 4])
def test_a_wav_reads_as_scipy_reads_it(tmp_path: Path, width: int) -> None:
    from scipy.io import wavfile

    path = write_wav(tmp_path / "a.wav", np.random.default_rng(0).uniform(-1, 1, 900), 44100, 3, width)
    samples, rate = read_wav(path)
    expected_rate, expected = wavfile.read(path)
    assert rate == expected_rate
    full_scale = 2 ** (8 * expected.itemsize - 1)
    np.testing.assert_array_equal(samples, expected.astype(np.float32).mean(axis=1) / full_scale)


def test_floats_and_the_extended_header_read_too(tmp_path: Path) -> None:
    values = np.linspace(-1, 1, 50).astype("<f4")
    guid = struct.pack("<H", 3) + bytes(14)
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16000, 64000, 4, 32, 22, 32, 4) + guid
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body += b"data" + struct.pack("<I", 0xFFFFFFFF) + values.tobytes()
    (tmp_path / "f.wav").write_bytes(b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + body)
    samples, rate = read_wav(tmp_path / "f.wav")
    assert samples == pytest.approx(values)
    assert rate == 16000


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 60))
def test_a_damaged_wav_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, foreign: bytes, at: int) -> None:
    path = write_wav(tmp_path_factory.mktemp("wav") / "a.wav", np.zeros(20))
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + foreign + whole[at + len(foreign) // 2 :])
    try:
        wav = WavFile(path)
    except ValueError:
        return
    assert len(wav.read(0, 40)) == 40
    wav.close()


def test_a_wav_to_be_read_whole_has_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="there is no sound"):
        read_wav(tmp_path / "gone.wav")
    (tmp_path / "b.wav").write_bytes(b"ID3\x04 a song")
    with pytest.raises(ValueError, match=r"b.wav is no wav: it begins b'ID3.*save it as a wav"):
        read_wav(tmp_path / "b.wav")
    path = write_wav(tmp_path / "a.wav", np.zeros(20))
    monkeypatch.setattr("rtalign.recordings.wav_file.MAX_BYTES", 60)
    with pytest.raises(ValueError, match=r"a.wav has 0.0 GiB; a run's sound has at most 2"):
        read_wav(path)
