"""Real XDF files are read, and no file can do harm."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from rtalign.recordings.stream_channels.selection import select_channels
from rtalign.recordings.xdf import open_xdf, writer
from rtalign.recordings.xdf.header import parse_header
from rtalign.recordings.xdf.reader import XdfFile
from tests.helpers.fif_files import signal_of
from tests.helpers.real_data import XDF, real
from tests.helpers.xdf_files import SENSORS, SFREQ, noise, open_one, write

pyxdf = pytest.importorskip("pyxdf", reason="pyxdf is the independent reader; pip install pyxdf")


def test_a_real_file_of_labrecorder_s_writer(tmp_path: Path) -> None:
    recording = open_one(real(XDF / "minimal.xdf"))
    theirs = pyxdf.load_xdf(real(XDF / "minimal.xdf"))[0][0]
    np.testing.assert_allclose(signal_of(recording), theirs["time_series"] * 1e-6)
    assert [w.text for w in recording.words] == ["Hello", "World", "from", "LSL"] * 2
    begin = theirs["time_stamps"][0]
    assert [w.onset for w in recording.words][:2] == pytest.approx([5.2 - begin, 5.3 - begin], abs=1e-6)


def test_a_real_file_without_a_signal_is_refused() -> None:
    with pytest.raises(ValueError, match="no stream of type MEG or EEG; it has Empty data stream") as caught:
        open_xdf(real(XDF / "empty_streams.xdf"))
    assert "\n" not in str(caught.value)


def header(info: str) -> bytes:
    return writer.MAGIC + writer._of_stream(writer.STREAM_HEADER, 7, info.encode())


DECLARED = "<name>x</name><type>MEG</type><channel_count>{}</channel_count><nominal_srate>{}</nominal_srate>"
EXPANDING = '<!DOCTYPE a [<!ENTITY b "{}"><!ENTITY c "{}">]><info>&c;</info>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no XDF file"),
        (b"RIFF" + bytes(100), "no XDF file"),
        (writer.MAGIC, "no stream of type MEG"),
        (writer.MAGIC + bytes(1000), "no stream of type MEG"),
        (writer.MAGIC + b"\x08" + b"\xff" * 60, "no stream of type MEG"),
        (header("<info>"), "no XML"),
        (header(EXPANDING.format("b" * 100, "&b;" * 100)), "declares entities"),
        (header('<!DOCTYPE a SYSTEM "file:///etc/hostname"><info></info>'), "declares entities"),
        (header("<info>" + " " * (5 << 20) + "</info>"), "at most 4,194,304"),
        (header("<info>" + "<a/>" * 300_000 + "</info>"), "300,002 tags"),
        (header("<a>" * 5000 + "</a>" * 5000), "nested deeper"),
        (header(f"<info>{DECLARED.format(10**9, 100)}</info>"), "1e+09 channels"),
        (header(f"<info>{DECLARED.format('many', 100)}</info>"), "channel_count is 'many'"),
        (header(f"<info>{DECLARED.format(3, 'nan')}</info>"), "nominal_srate is 'nan'"),
        (header(f"<info>{DECLARED.format(3, 100)}<channel_format>object</channel_format></info>"), "number format"),
    ],
    ids=range(15),
)
def test_damaged_files_end_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.xdf"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError) as caught:
        open_xdf(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert peak < 64 << 20


def test_a_chunk_with_a_false_count_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", np.arange(1000) / SFREQ)
    for claimed in (11, 9, 2**31, 0):
        content = struct.pack("<BI", 4, claimed) + writer.numbers(7, noise(10), np.full(10, 9.0), "double64")[8:]
        with path.open("ab") as file:
            file.write(writer._of_stream(writer.SAMPLES, 7, content))
    recording = open_one(path)
    assert recording.n_samples == 1000
    assert any("damaged" in note for note in recording.notes)


def test_a_file_cut_anywhere_gives_what_came_before(tmp_path: Path) -> None:
    content = write(tmp_path / "a.xdf", np.arange(1000) / SFREQ, markers=()).read_bytes()
    begin = content.find(writer.numbers(7, noise(1000)[:100], np.arange(100) / SFREQ, "double64"))
    for stop in range(begin + 5, len(content), 997):
        (tmp_path / "b.xdf").write_bytes(content[:stop])
        file = XdfFile(tmp_path / "b.xdf")
        n = file.streams[7].n_samples
        assert n % 100 == 0
        np.testing.assert_array_equal(file.numbers(file.streams[7], 0, 1000), noise(1000)[:n])


def test_damage_ends_at_the_next_boundary(tmp_path: Path) -> None:
    content = bytearray(write(tmp_path / "a.xdf", np.arange(1000) / SFREQ).read_bytes())
    place = content.find(writer.BOUNDARY_MARK) + len(writer.BOUNDARY_MARK)
    content[place : place + 5] = b"\x08\xff\xff\xff\xff"
    (tmp_path / "b.xdf").write_bytes(bytes(content))
    recording = open_one(tmp_path / "b.xdf")
    assert recording.n_samples == 900
    assert [chunk.start for chunk in recording.chunks(1000)] == pytest.approx([0.0, 1.0])


def test_random_bytes_do_no_harm(tmp_path: Path) -> None:
    """Bytes changed at random: the file is read, or refused in one line, and never anything else."""
    content = write(tmp_path / "a.xdf", np.arange(400) / SFREQ).read_bytes()
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(300):
        broken = bytearray(content)
        for place in rng.integers(0, len(broken), rng.integers(1, 6)):
            broken[place] = rng.integers(0, 256)
        (tmp_path / "b.xdf").write_bytes(bytes(broken))
        try:
            signal_of(open_one(tmp_path / "b.xdf"))
            message = ""
        except ValueError as error:
            message = str(error)
        assert "\n" not in message
        outcomes.add(bool(message))
    assert outcomes == {True, False}


def test_a_header_is_read_as_it_was_written() -> None:
    odd = writer.SignalStream("a<b>&\x00ü", 1200.0, ("x", "MLC11"), SENSORS[:1], format="int16")
    raw = writer.signal_header(3, odd, 1.0)
    found = parse_header(raw[raw.find(b"<?xml") :])
    assert (found.name, found.sfreq, found.format) == ("a<b>& ü", 1200.0, "int16")
    assert select_channels(found.channels, found.n_channels, found.type, found.name).sensors == SENSORS[:1]


def test_a_long_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    """40 MB of signal: neither the index nor reading it through holds more than a few chunks."""
    n = 1_000_000
    path = write(tmp_path / "a.xdf", np.arange(n) / SFREQ, np.ones((n, 3)) * 1e-13, size=200)
    tracemalloc.start()
    recording = open_one(path)
    total = sum(len(chunk.data) for chunk in recording.chunks(10))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == n
    assert peak < 4 << 20
