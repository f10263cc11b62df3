"""XDF files are read as pyxdf reads them, on one counted clock, and no file can do harm."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from realdata import XDF, real

from offline import cli
from rtalign import xdf
from rtalign.data import Recording, Sensor
from rtalign.datasets import checking, open_recordings
from rtalign.datasets.rows import NoWords
from rtalign.datasets.signalcheck import Peekable, check_signal
from rtalign.datasets.xdf import Streams, heard_in, is_xdf, recordings
from rtalign.datasets.xdfchannels import choose, factor_of
from rtalign.datasets.xdfclock import common
from rtalign.datasets.xdfrecording import XdfRecording
from rtalign.recorder import Recorder
from rtalign.sources.events import Raw, RawText
from rtalign.xdffile import XdfFile
from rtalign.xdfheader import Channel, Header, parse

pyxdf = pytest.importorskip("pyxdf", reason="pyxdf is the independent reader; pip install pyxdf")

SFREQ = 200.0
SENSORS = (
    Sensor("MLC11", "axial", (0.01, 0.02, 0.1), (0.0, 0.6, 0.8)),
    Sensor("MEG0112", "planar", (-0.03, 0.02, 0.09), (0.6, 0.0, 0.8)),
    Sensor("MEG0111", "mag", (0.05, -0.02, 0.09), (0.0, 0.0, 1.0)),
)
MEG = xdf.Signal("meg", SFREQ, tuple(s.name for s in SENSORS), SENSORS, format="double64")


def noise(n: int, seed: int = 0) -> np.ndarray:
    return 1e-13 * np.random.default_rng(seed).standard_normal((n, len(SENSORS)))


def write(
    path: Path,
    stamps: np.ndarray,
    data: np.ndarray | None = None,
    markers: Sequence[tuple[str, float]] = (("Once", 1.0), ("upon", 2.0)),
    offsets: Sequence[tuple[float, float]] = (),
    signal: xdf.Signal = MEG,
    size: int = 100,
) -> Path:
    """A file of one signal in chunks, one stream of words, clock offsets of the signal."""
    data = noise(len(stamps)) if data is None else data
    parts = [xdf.file_header({}), xdf.signal_header(7, signal, 0.0), xdf.text_header(9, "words", 0.0)]
    for a in range(0, len(stamps), size):
        parts.append(xdf.numbers(7, data[a : a + size], stamps[a : a + size], signal.format))
        parts.append(xdf.boundary())
    parts += [xdf.clock_offset(7, *pair) for pair in offsets]
    if markers:
        parts.append(xdf.texts(9, markers))
    path.write_bytes(b"".join(parts))
    return path


def pyxdf_stream(path: Path, **how: Any) -> dict[str, Any]:
    streams, _ = pyxdf.load_xdf(path, **how)
    return next(s for s in streams if s["info"]["name"] == ["meg"])


def whole(recording: Recording, seconds: float = 10.0) -> np.ndarray:
    return np.concatenate([chunk.data for chunk in recording.chunks(seconds)])


def one(path: Path, **how: Any) -> XdfRecording:
    (recording,) = recordings(path, **how)
    return recording


# ---- what is in a file


def test_samples_sensors_and_words_are_what_was_written(tmp_path: Path) -> None:
    stamps = 50 + np.arange(1000) / SFREQ
    path = write(tmp_path / "a.xdf", stamps, markers=[("Once", 51.0), ("upon", 52.5)])
    recording = one(path)
    np.testing.assert_array_equal(whole(recording, 0.77), noise(1000))
    assert recording.sensors == SENSORS
    assert (recording.start, recording.n_samples, recording.sfreq) == (0.0, 1000, SFREQ)
    assert [(w.index, w.text) for w in recording.words] == [(0, "Once"), (1, "upon")]
    assert [w.onset for w in recording.words] == pytest.approx([1.0, 2.5])
    assert isinstance(recording, Peekable)
    assert check_signal(recording) == []
    np.testing.assert_array_equal(recording.peek(1.0, 0.5).data, noise(1000)[200:300])
    picked = recording.pick(["MEG0111", "MLC11"])
    np.testing.assert_array_equal(whole(picked), noise(1000)[:, [2, 0]])
    with pytest.raises(ValueError, match="lacks the sensors nose"):
        recording.pick(["nose"])


def test_the_fingerprint_follows_signal_and_words(tmp_path: Path) -> None:
    stamps, other = np.arange(1000) / SFREQ, noise(1000)
    other[0, 0] *= 2
    files = [write(tmp_path / f"{k}.xdf", stamps) for k in "ab"]
    files += [write(tmp_path / "c.xdf", stamps, other), write(tmp_path / "d.xdf", stamps, markers=[("Once", 1.5)])]
    prints = [one(path).fingerprint() for path in files]
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
def test_stamps_left_out_are_counted_on_as_another_reader_does(tmp_path: Path, layout: str) -> None:
    path = write(tmp_path / "a.xdf", np.arange(100) / SFREQ, markers=())
    more = noise(20, seed=1)
    for a in (0, 10):
        samples = [LAYOUTS[layout](k)(k, more[a + k].tobytes(), 3.0 + (a + k) / SFREQ) for k in range(10)]
        content = struct.pack("<BB", 1, 10) + b"".join(samples)
        with path.open("ab") as file:
            file.write(xdf._of_stream(xdf.SAMPLES, 7, content))
    file = XdfFile(path)
    stream, theirs = file.streams[7], pyxdf_stream(path, dejitter_timestamps=False)
    np.testing.assert_array_equal(file.numbers(stream, 0, 1000), theirs["time_series"])
    np.testing.assert_array_equal(file.numbers(stream, 103, 117), theirs["time_series"][103:117])
    stamps = np.concatenate([file.stamps(stream, i) for i in range(len(stream.places))])
    np.testing.assert_allclose(stamps, theirs["time_stamps"], atol=1e-12)


def test_units_are_taken_to_si(tmp_path: Path) -> None:
    signal = xdf.Signal("meg", SFREQ, MEG.channels, SENSORS, ("fT", "fT/cm", "pT"), "double64")
    path = write(tmp_path / "a.xdf", np.arange(600) / SFREQ, np.ones((600, 3)), signal=signal)
    np.testing.assert_allclose(whole(one(path))[0], [1e-15, 1e-13, 1e-12])


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("T", 1),
        ("fT", 1e-15),
        ("microvolts", 1e-6),
        ("uV", 1e-6),
        ("µV", 1e-6),
        ("V", 1),
        ("mV", 1e-3),
        ("-6", 1e-6),
        ("0", 1),
        ("T/m", 1),
        ("fT/cm", 1e-13),
        ("T/cm", 100),
        ("femtotesla", 1e-15),
        ("counts", None),
        ("", None),
    ],
)
def test_units_by_their_names(unit: str, factor: float | None) -> None:
    assert factor_of(unit) == (factor if factor is None else pytest.approx(factor, rel=1e-9))


def test_a_stranger_s_channels_are_told_by_type_and_name() -> None:
    said = [("MEG 0113", "meg"), ("MEG 0111", "meg"), ("MLC11", "meg"), ("G1", "grad"), ("UPPT001", "stim")]
    channels = tuple(Channel(label=label, type=type, unit="T") for label, type in said)
    sensors, picks, factors, notes = choose(Header("x", "MEG", 5, SFREQ, "float32", channels))
    assert [(s.kind, i) for s, i in zip(sensors, picks, strict=True)] == [
        ("planar", 0),
        ("mag", 1),
        ("axial", 2),
        ("planar", 3),
    ]
    assert any("no known position" in note for note in notes)
    eeg, _, factors, notes = choose(Header("x", "EEG", 2, SFREQ, "float32", ()))
    assert [s.name for s in eeg] == ["channel 1", "channel 2"]
    assert factors == pytest.approx([1e-6, 1e-6])
    assert any("unit" in note for note in notes)


@pytest.mark.parametrize(
    ("marker", "word"),
    [
        ("Once", ("Once", None)),
        (' "upon" ', ("upon", None)),
        ('{"word": "a", "duration": 0.2}', ("a", 0.2)),
        ('{"text": "tíme", "onset": 3}', ("tíme", None)),
        ("<?xml?>", ("", None)),
        ("", ("", None)),
        ("{", ("", None)),
        ("[" * 5000, ("[" * 5000, None)),
        ('{"a":' * 5000, ("", None)),
        ('{"word": "a", "duration": "x"}', ("a", None)),
    ],
)
def test_words_in_markers(marker: str, word: tuple[str, float | None]) -> None:
    assert heard_in(marker) == word


# ---- time


def test_clock_offsets_are_fitted_as_pyxdf_fits_them(tmp_path: Path) -> None:
    """A sender 100 s behind that loses 80 ppm, measured every 5 s with an outlier among the measurements."""
    stamps = np.arange(20_000) / SFREQ
    collected = np.arange(0, 100, 5.0)
    values = 100 + 80e-6 * collected + 2e-5 * np.random.default_rng(1).standard_normal(20)
    values[7] += 0.03
    path = write(tmp_path / "a.xdf", stamps, offsets=list(zip(collected, values, strict=True)))
    theirs = pyxdf_stream(path, dejitter_timestamps=False)["time_stamps"]
    ours = common(stamps, XdfFile(path).streams[7].offsets)
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
    np.testing.assert_allclose(ours, stamps + 100 + 80e-6 * stamps, atol=5e-5)


def test_a_sender_that_started_anew_goes_on_in_the_same_time(tmp_path: Path) -> None:
    """The sender's clock falls from 1000 s to 5 s; its offsets say by how much, and a gap of 30 s is left."""
    true = np.concatenate([np.arange(8000) / SFREQ, 70 + np.arange(8000) / SFREQ])
    offset = np.where(np.arange(16_000) < 8000, -1000.0, 65.0)
    pairs = [(t + 1000, -1000.0) for t in range(0, 40, 5)] + [(t - 65.0, 65.0) for t in range(70, 110, 5)]
    path = write(tmp_path / "a.xdf", true - offset, offsets=pairs, markers=[("Once", 10.0), ("upon", 80.0)])
    np.testing.assert_allclose(common(true - offset, pairs), true, atol=1e-6)
    theirs = pyxdf_stream(path, dejitter_timestamps=False)["time_stamps"]
    np.testing.assert_allclose(common(true - offset, pairs), theirs, atol=1e-5)
    recording = one(path)
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
    recording = one(write(tmp_path / "a.xdf", stamps, data, markers), dejitter=dejitter)
    assert np.abs([w.onset * SFREQ for w in recording.words] - at).max() < 0.01
    signal = whole(recording)
    for word in recording.words:
        assert signal[round(word.onset * SFREQ), 0] == 1e-9


def test_dejitter_takes_the_jitter_of_arrival_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    true = np.arange(20_000) / SFREQ
    late = np.repeat(rng.exponential(0.004, 1000), 20)  # each chunk of 20 came late by its own time
    markers = [(f"w{i}", float(true[i])) for i in range(1000, 19_000, 777)]
    path = write(tmp_path / "a.xdf", true + late, markers=markers, size=20)
    smooth, rough = one(path), one(path, dejitter=False)
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
def test_a_gap_is_a_gap_of_time_wherever_the_chunks_end(tmp_path: Path, size: int, dejitter: bool) -> None:
    stamps = np.arange(5000) / SFREQ
    stamps[2345:] += 0.05
    stamps[4000:] += 12.0
    path = write(tmp_path / "a.xdf", stamps, size=size, markers=[("a", 1.0), ("b", 15.0), ("c", 34.0)])
    recording = one(path, dejitter=dejitter)
    chunks = list(recording.chunks(1000))
    assert [len(chunk.data) for chunk in chunks] == [2345, 1655, 1000]
    assert [chunk.start for chunk in chunks] == pytest.approx([0.0, stamps[2345], stamps[4000]], abs=1e-6)
    assert [w.onset for w in recording.words] == pytest.approx([1.0, 15.0, 34.0], abs=1e-6)
    np.testing.assert_array_equal(whole(recording), noise(5000))
    late = list(recording.chunks(1000, start=float(stamps[3000])))
    np.testing.assert_array_equal(np.concatenate([chunk.data for chunk in late]), noise(5000)[3000:])
    assert late[0].start == pytest.approx(stamps[3000])
    assert recording.seconds == pytest.approx(37.05)


def test_a_rate_that_is_not_the_one_announced_is_measured_and_told(tmp_path: Path) -> None:
    recording = one(write(tmp_path / "a.xdf", np.arange(5000) / 190.0))
    assert recording.sfreq == pytest.approx(190, rel=1e-4)
    assert any("came at 190" in note for note in recording.notes)


# ---- which stream


def two(path: Path, type_b: str = "MEG", name_b: str = "other") -> Path:
    write(path, np.arange(600) / SFREQ)
    header = xdf.signal_header(8, xdf.Signal(name_b, SFREQ, MEG.channels, SENSORS, format="double64"), 0.0)
    with path.open("ab") as file:
        file.write(header.replace(b"<type>MEG</type><channel_count>", f"<type>{type_b}</type><channel_count>".encode()))
        file.write(xdf.numbers(8, noise(600, seed=5), np.arange(600) / SFREQ, "double64"))
    return path


def test_a_choice_of_streams_is_refused_and_can_be_made_by_name(tmp_path: Path) -> None:
    path = two(tmp_path / "a.xdf")
    with pytest.raises(
        ValueError, match="several streams that may be meant: meg, other; name one with --meg-stream NAME"
    ):
        recordings(path)
    np.testing.assert_array_equal(whole(one(path, meg="other")), noise(600, seed=5))
    with pytest.raises(ValueError, match=r"no stream of numbers called nose; it has meg \(MEG\)"):
        recordings(path, meg="nose")
    alike = two(tmp_path / "b.xdf", name_b="meg")
    with pytest.raises(ValueError, match=r"several streams that may be meant: meg \(number 7\), meg \(number 8\)"):
        recordings(alike)
    np.testing.assert_array_equal(whole(one(alike, meg="8")), noise(600, seed=5))
    np.testing.assert_array_equal(whole(one(two(tmp_path / "c.xdf", type_b="EEG"))), noise(600))


def test_a_choice_of_words_is_refused_and_can_be_made_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", np.arange(1000) / SFREQ)
    with path.open("ab") as file:
        file.write(xdf.text_header(10, "events", 0.0) + xdf.texts(10, [("bell", 1.5)]))
    with pytest.raises(
        ValueError, match="several streams that may hold the words: words, events; name one with --word-s"
    ):
        recordings(path)
    assert [w.text for w in one(path, words="events").words] == ["bell"]
    (found,) = open_recordings(path, streams=Streams(words="10", dejitter=False))
    assert [w.text for w in found.words] == ["bell"]


@pytest.mark.parametrize("command", ["train", "evaluate", "stream", "replay", "datasets check", "datasets audit"])
def test_every_command_that_opens_a_recording_takes_the_choice(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by a wrong name each one refuses in a line that lists the streams; so the option has reached the reader."""
    path = two(tmp_path / "a.xdf")
    monkeypatch.setattr("rtalign.bank.DecoderBank.load", lambda folder: None)
    before = {"evaluate": ["bank"]}.get(command, [])
    after: dict[str, list[object]] = {
        "train": ["--model", "smollm2", "--out", tmp_path / "out"],
        "evaluate": ["--out", tmp_path / "out"],
        "replay": ["--adapt", "--headless", "--speed", "max"],
    }
    unnamed: tuple[list[str], str] = ([], "name one with --meg-stream NAME")
    named = (["--meg-stream", "nose"], "called nose; it has meg")
    for chosen, told in (named,) if command == "replay" else (named, unnamed):  # an engine takes seconds to start
        argv = [*command.split(), *before, path, *chosen, *after.get(command, []), "--quiet"]
        assert cli.main([str(a) for a in argv]) == 1
        heard = capsys.readouterr()
        assert told in " ".join((heard.err + heard.out).split())
        assert not (tmp_path / "out").exists()


def test_a_choice_of_streams_is_for_xdf_alone_and_packed_files_are_told_so(tmp_path: Path) -> None:
    (tmp_path / "a_meg.fif").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"a_meg.fif is no XDF file: it has no streams to choose from"):
        open_recordings(tmp_path / "a_meg.fif", streams=Streams(meg="meg"))
    for name in ("a.xdfz", "a.xdf.gz"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(ValueError, match=rf"{name} is packed; unpack it first"):
            open_recordings(tmp_path / name)


def test_a_check_of_one_file_lists_its_streams(tmp_path: Path) -> None:
    found = checking.check(two(tmp_path / "a.xdf"))
    assert not found.usable
    lines = {(line.status, line.what, line.why) for line in found.lines}
    assert ("note", "stream other", "type MEG, number 8, 3 channels at 200 Hz, 600 samples, 3.0 s") in lines
    assert ("note", "stream words", "type Markers, number 9, text, 2 markers") in lines
    chosen = checking.check(tmp_path / "a.xdf", how={"streams": Streams(meg="other")})
    assert chosen.usable
    assert chosen.total("n_words") == 2


def test_words_come_from_a_table_where_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", 40 + np.arange(1000) / SFREQ, markers=())
    with pytest.raises(NoWords, match="name a table"):
        recordings(path)
    (tmp_path / "w.tsv").write_text("onset\tword\n0.5\tOnce\n2.0\tupon\n9.0\ta\n")
    recording = one(path, word_table=tmp_path / "w.tsv")
    assert [w.onset for w in recording.words] == [0.5, 2.0, 9.0]
    assert any("1 of 3 words lie outside" in note for note in recording.notes)
    (tmp_path / "w.tsv").write_text("onset\tword\n1000.5\tOnce\n")
    with pytest.raises(ValueError, match="another recording"):
        recordings(path, word_table=tmp_path / "w.tsv")


def test_a_session_keeps_its_own_time(tmp_path: Path) -> None:
    """Words stand where the session's table has them, on the clock of its first sample."""
    stamps = 5000 + np.arange(1000) / SFREQ
    with Recorder(tmp_path / "s", MEG, "words", {}) as session:
        session.raw(Raw(noise(1000), stamps))
        session.text(RawText("Once", 5001.0))
        session.word({"index": 1, "text": "upon", "onset": 5002.0})
        session.word({"index": 0, "text": "ONCE", "onset": 5001.25, "duration": 0.1})
    assert is_xdf(tmp_path / "s")
    assert not is_xdf(tmp_path)
    recording = one(session.folder)
    assert recording.start == pytest.approx(5000.0, abs=1e-6)
    heard = [(w.index, w.text, w.onset, w.duration) for w in recording.words]
    assert heard == [(0, "ONCE", 5001.25, 0.1), (1, "upon", 5002.0, None)]
    with (session.folder / "words.tsv").open("a") as table:
        table.write("2\tup\t50")  # what kill -9 leaves
    assert [w.text for w in one(session.folder).words] == ["ONCE", "upon"]
    assert [w.text for w in one(session.folder, words="words").words] == ["Once"]


# ---- real files, and hostile ones


def test_a_real_file_of_labrecorder_s_writer(tmp_path: Path) -> None:
    recording = one(real(XDF / "minimal.xdf"))
    theirs = pyxdf.load_xdf(real(XDF / "minimal.xdf"))[0][0]
    np.testing.assert_allclose(whole(recording), theirs["time_series"] * 1e-6)
    assert [w.text for w in recording.words] == ["Hello", "World", "from", "LSL"] * 2
    begin = theirs["time_stamps"][0]
    assert [w.onset for w in recording.words][:2] == pytest.approx([5.2 - begin, 5.3 - begin], abs=1e-6)


def test_a_real_file_without_a_brain_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="no stream of type MEG or EEG; it has Empty data stream") as caught:
        recordings(real(XDF / "empty_streams.xdf"))
    assert "\n" not in str(caught.value)


def header(info: str) -> bytes:
    return xdf.MAGIC + xdf._of_stream(xdf.STREAM_HEADER, 7, info.encode())


DECLARED = "<name>x</name><type>MEG</type><channel_count>{}</channel_count><nominal_srate>{}</nominal_srate>"
LAUGHS = '<!DOCTYPE a [<!ENTITY b "{}"><!ENTITY c "{}">]><info>&c;</info>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no XDF file"),
        (b"RIFF" + bytes(100), "no XDF file"),
        (xdf.MAGIC, "no stream of type MEG"),
        (xdf.MAGIC + bytes(1000), "no stream of type MEG"),
        (xdf.MAGIC + b"\x08" + b"\xff" * 60, "no stream of type MEG"),
        (header("<info>"), "no XML"),
        (header(LAUGHS.format("b" * 100, "&b;" * 100)), "declares entities"),
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
def test_what_is_no_recording_ends_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.xdf"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError) as caught:
        recordings(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert peak < 64 << 20


def test_a_chunk_that_lies_on_its_samples_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", np.arange(1000) / SFREQ)
    for claimed in (11, 9, 2**31, 0):
        content = struct.pack("<BI", 4, claimed) + xdf.numbers(7, noise(10), np.full(10, 9.0), "double64")[8:]
        with path.open("ab") as file:
            file.write(xdf._of_stream(xdf.SAMPLES, 7, content))
    recording = one(path)
    assert recording.n_samples == 1000
    assert any("damaged" in note for note in recording.notes)


def test_a_file_cut_anywhere_gives_what_came_before(tmp_path: Path) -> None:
    content = write(tmp_path / "a.xdf", np.arange(1000) / SFREQ, markers=()).read_bytes()
    begin = content.find(xdf.numbers(7, noise(1000)[:100], np.arange(100) / SFREQ, "double64"))
    for stop in range(begin + 5, len(content), 997):
        (tmp_path / "b.xdf").write_bytes(content[:stop])
        file = XdfFile(tmp_path / "b.xdf")
        n = file.streams[7].n_samples
        assert n % 100 == 0
        np.testing.assert_array_equal(file.numbers(file.streams[7], 0, 1000), noise(1000)[:n])


def test_damage_costs_no_more_than_the_chunks_up_to_the_next_boundary(tmp_path: Path) -> None:
    content = bytearray(write(tmp_path / "a.xdf", np.arange(1000) / SFREQ).read_bytes())
    place = content.find(xdf.BOUNDARY_MARK) + len(xdf.BOUNDARY_MARK)
    content[place : place + 5] = b"\x08\xff\xff\xff\xff"
    (tmp_path / "b.xdf").write_bytes(bytes(content))
    recording = one(tmp_path / "b.xdf")
    assert recording.n_samples == 900
    assert [chunk.start for chunk in recording.chunks(1000)] == pytest.approx([0.0, 1.0])


def test_no_byte_can_do_harm(tmp_path: Path) -> None:
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
            whole(one(tmp_path / "b.xdf"))
            said = ""
        except ValueError as error:
            said = str(error)
        assert "\n" not in said
        outcomes.add(bool(said))
    assert outcomes == {True, False}


def test_a_header_survives_the_way_through_xml() -> None:
    odd = xdf.Signal("a<b>&\x00ü", 1200.0, ("x", "MLC11"), SENSORS[:1], format="int16")
    raw = xdf.signal_header(3, odd, 1.0)
    found = parse(raw[raw.find(b"<?xml") :])
    assert (found.name, found.sfreq, found.format) == ("a<b>& ü", 1200.0, "int16")
    assert choose(found)[0] == SENSORS[:1]


def test_a_long_file_is_never_in_memory(tmp_path: Path) -> None:
    """40 MB of signal: neither the index nor reading it through holds more than a few chunks."""
    n = 1_000_000
    path = write(tmp_path / "a.xdf", np.arange(n) / SFREQ, np.ones((n, 3)) * 1e-13, size=200)
    tracemalloc.start()
    recording = one(path)
    total = sum(len(chunk.data) for chunk in recording.chunks(10))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == n
    assert peak < 4 << 20
