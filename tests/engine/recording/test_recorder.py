"""The recording of what comes in is whole after a stop, readable after kill -9, and reports a full disk."""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import Sensor
from rtalign.engine.recording import file_thread, raw_file
from rtalign.engine.recording.recorder import Recorder
from rtalign.recordings.concatenated import ConcatenatedRecording
from rtalign.recordings.stream_channels.description import describe_channel
from rtalign.recordings.xdf import open_xdf
from rtalign.recordings.xdf.reader import XdfFile
from rtalign.recordings.xdf.writer import REMOVED
from rtalign.streams.events import OffsetMeasurement, RawMarker, RawSamples, SignalChanged
from tests.helpers.paths import PYTHONPATH

pyxdf = pytest.importorskip("pyxdf", reason="pyxdf is the independent reader; pip install pyxdf")

SFREQ = 500.0
SENSORS = tuple(Sensor(f"MLC1{i}", "axial", (0.01 * i, 0.02, 0.1), (0.0, 0.6, 0.8)) for i in range(4))
MEG = SignalChanged(SENSORS, SFREQ, "meg", tuple(s.name for s in SENSORS))


def record(folder: Path | str) -> Recorder:
    session = Recorder(folder, "words")
    session.change_stream(MEG)
    return session


def block(first: int, n: int, n_channels: int = 4) -> RawSamples:
    data = (1e-13 * (first + np.arange(n))[:, None] + 1e-15 * np.arange(n_channels)).astype(np.float32)
    return RawSamples(data, 100.0 + (first + np.arange(n)) / SFREQ)


def until(condition: Callable[[], bool]) -> None:
    """Waits for the recorder's own thread; the limit only keeps a broken one from hanging the tests."""
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit, "the recorder did not get there"
        time.sleep(0.02)


def stream_of(path: Path, kind: str) -> dict:
    streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=False, synchronize_clocks=False)
    return next(s for s in streams if s["info"]["type"][0] == kind)


def test_pyxdf_reads_what_was_recorded(tmp_path: Path) -> None:
    with record(tmp_path / "s") as session:
        for first in range(0, 1000, 125):
            session.write_samples(block(first, 125))
        session.write_marker(RawMarker("Once", 100.5))
        session.write_marker(RawMarker("  über\t\x00 ", 101.5))
        session.write_offset(OffsetMeasurement("meg", 300.0, 200.0, 1e-4))
    meg, words = stream_of(session.folder / "raw.xdf", "MEG"), stream_of(session.folder / "raw.xdf", "Markers")
    np.testing.assert_array_equal(meg["time_series"], block(0, 1000).data)
    np.testing.assert_array_equal(meg["time_stamps"], block(0, 1000).stamps)
    assert words["time_series"] == [["Once"], ["  über\t\x00 "]]
    assert list(words["time_stamps"]) == [100.5, 101.5]
    assert (meg["clock_times"], meg["clock_values"]) == ([100.0], [200.0])
    assert meg["footer"]["info"]["sample_count"] == ["1000"]
    labels = [c["label"][0] for c in meg["info"]["desc"][0]["channels"][0]["channel"]]
    assert labels == [s.name for s in SENSORS]
    assert (session.n_samples, session.n_markers, session.problem) == (1000, 2, None)


def test_what_the_operator_wrote_is_a_stream_of_its_own(tmp_path: Path) -> None:
    """Read by pyxdf, and by this program on the axis of the recording; what was taken back is gone; never words."""
    with record(tmp_path / "s") as session:
        session.write_samples(block(0, 1000))
        session.write_marker(RawMarker("Once", 100.5))
        for text, stamp in (("coughs", 100.25), ("slip", 100.4), ("coughs twice", 100.25), (REMOVED, 100.4)):
            session.write_annotation(text, stamp)
    written = stream_of(session.folder / "raw.xdf", "Annotations")
    assert [row[0] for row in written["time_series"]] == ["coughs", "slip", "coughs twice", "(removed)"]
    assert written["footer"]["info"]["sample_count"] == ["4"]
    (opened,) = open_xdf(session.folder)
    assert [word.text for word in opened.words] == ["Once"]
    assert opened.annotations == (pytest.approx((100.25, "coughs twice")),)
    replayed = ConcatenatedRecording([opened, opened])
    assert [note.time for note in replayed.annotations] == pytest.approx([0.25, 4.25])


def test_types_are_those_of_the_live_stream_that_labrecorder_copies(tmp_path: Path) -> None:
    kinds = ("axial", "mag", "planar", "eeg")
    sensors = tuple(replace(sensor, kind=kind) for sensor, kind in zip(SENSORS, kinds, strict=True))
    with Recorder(tmp_path / "s", "words") as session:
        session.change_stream(SignalChanged(sensors, SFREQ, "meg", MEG.channels))
        session.write_samples(block(0, 10))
    channels = stream_of(session.folder / "raw.xdf", "MEG")["info"]["desc"][0]["channels"][0]["channel"]
    assert [channel["type"][0] for channel in channels] == ["mag", "mag", "grad", "eeg"]
    assert [channel["type"][0] for channel in channels] == [describe_channel(sensor)["type"] for sensor in sensors]


@pytest.mark.parametrize("kind", ["int16", "int32", "int64", "float32", "float64"])
def test_numbers_keep_the_type_they_came_in(tmp_path: Path, kind: str) -> None:
    data = np.arange(40).reshape(10, 4).astype(kind)
    with record(tmp_path / "s") as session:
        session.write_samples(RawSamples(data, np.arange(10) / SFREQ))
    found = stream_of(session.folder / "raw.xdf", "MEG")["time_series"]
    assert found.dtype == data.dtype
    np.testing.assert_array_equal(found, data)


def test_an_earlier_session_is_not_overwritten(tmp_path: Path) -> None:
    folders = []
    for _ in range(3):
        with record(tmp_path / "s") as session:
            folders.append(session.folder.name)
    assert folders == ["s", "s-2", "s-3"]


def test_other_sensors_begin_a_new_stream(tmp_path: Path) -> None:
    with record(tmp_path / "s") as session:
        session.change_stream(MEG)
        session.write_samples(block(0, 500))
        session.change_stream(SignalChanged(SENSORS[:3], 250.0, "meg", MEG.channels[:3]))
        session.write_samples(RawSamples(block(0, 500).data[:, :3], 110 + np.arange(500) / 250))
        for text, onset in (("a", 100.2), ("b", 100.6), ("c", 111.0)):
            session.write_marker(RawMarker(text, onset))
    first, second = open_xdf(session.folder)
    assert [(r.sfreq, len(r.sensors), r.n_samples) for r in (first, second)] == [(500, 4, 500), (250, 3, 500)]
    assert [w.text for w in first.words] == ["a", "b"]
    assert [(w.index, w.text, w.onset) for w in second.words] == [(0, "c", 111.0)]
    assert len(stream_of(session.folder / "raw.xdf", "MEG")["time_series"]) == 500


def test_another_unit_begins_a_new_stream(tmp_path: Path) -> None:
    with record(tmp_path / "s") as session:
        session.write_samples(block(0, 100))
        session.change_stream(replace(MEG, units=("fT",) * 4))
        session.write_samples(block(100, 100))
        session.change_stream(replace(MEG, units=("fT",) * 4))
        session.write_samples(block(200, 100))
    streams = XdfFile(session.folder / "raw.xdf").streams
    assert [streams[k].n_samples for k in (2, 3)] == [100, 200]
    assert sorted(streams) == [1, 2, 3]


def test_a_clock_offset_before_the_first_sample_is_kept(tmp_path: Path) -> None:
    with record(tmp_path / "s") as session:
        session.write_offset(OffsetMeasurement("meg", 107.0, 7.0, 1e-4))
        session.write_samples(block(0, 100))
    assert XdfFile(session.folder / "raw.xdf").streams[2].offsets == [(100.0, 7.0)]


def test_markers_before_the_signal_are_kept(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s", "words") as session:
        session.write_marker(RawMarker("first", 99.0))
        until(lambda: session.n_markers == 1)
        session.change_stream(MEG)
        session.write_samples(block(0, 100))
    assert stream_of(session.folder / "raw.xdf", "Markers")["time_series"] == [["first"]]
    assert len(stream_of(session.folder / "raw.xdf", "MEG")["time_series"]) == 100


def test_text_is_kept_byte_by_byte_and_whole(tmp_path: Path) -> None:
    """The bytes are looked for in the file itself: a reader may replace what is no UTF-8."""
    latin, long = "caf\u00e9".encode("latin-1"), "x" * 200_000
    with record(tmp_path / "s") as session:
        session.write_marker(RawMarker(latin.decode("utf-8", "surrogateescape"), 1.0))
        session.write_marker(RawMarker(long, 2.0))
    raw = (session.folder / "raw.xdf").read_bytes()
    assert b"\x01\x04" + latin in raw
    assert stream_of(session.folder / "raw.xdf", "Markers")["time_series"][1] == [long]


def test_markers_that_no_disk_takes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_file, "MAX_TEXT_BYTES", 1000)
    with record(tmp_path / "s") as session:
        monkeypatch.setattr(session._raw._file, "write", refuse)
        for n in range(20):
            session.write_marker(RawMarker("x" * 100, float(n)))
        until(lambda: session.n_markers_lost > 0 and session.problem is not None)
        assert "markers were not written" in str(session.problem)
        waiting = 20 - session.n_markers_lost
        monkeypatch.undo()
        until(lambda: session.problem is None)
    assert session.n_markers == waiting > 0


def refuse(_: bytes) -> None:
    raise OSError(28, "No space left on device")


def test_a_folder_that_is_removed_is_noticed(tmp_path: Path) -> None:
    with record(tmp_path / "s") as session:
        assert session.in_place
        (tmp_path / "s").rename(tmp_path / "elsewhere")
        assert not session.in_place


def test_samples_of_the_wrong_width_are_reported(tmp_path: Path) -> None:
    with record(tmp_path / "s") as session:
        session.write_samples(block(0, 100, n_channels=5))
        until(lambda: session.n_samples_lost == 100 and session.problem is not None)
        assert "5 channels instead of 4" in str(session.problem)
        session.write_samples(block(100, 100))
    assert stream_of(session.folder / "raw.xdf", "MEG")["time_series"].shape == (100, 4)


CHILD = """
import sys, time
from tests.engine.recording.test_recorder import RawMarker, block, record
session = record(sys.argv[1])
begin, done = time.monotonic(), 0
while True:
    due = int((time.monotonic() - begin) * 500) // 25 * 25
    if due > done:
        session.write_samples(block(done, due - done))
        session.write_marker(RawMarker(str(done), 100 + done / 500))
        done = due
        print(done, flush=True)
    time.sleep(0.01)
"""


def test_kill_minus_nine_loses_at_most_the_last_second(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": PYTHONPATH}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "s")],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child, child.stdout as output:
        sent = 0
        while sent < 2350:
            sent = int(output.readline())
        child.send_signal(signal.SIGKILL)
        sent = max([sent, *(int(line) for line in output.read().splitlines() if line)])
    path = tmp_path / "s" / "raw.xdf"
    meg = stream_of(path, "MEG")
    n = len(meg["time_series"])
    assert sent - SFREQ <= n <= sent
    np.testing.assert_array_equal(meg["time_series"], block(0, n).data)
    (own,) = open_xdf(tmp_path / "s")
    np.testing.assert_allclose(np.concatenate([c.data for c in own.chunks()]), block(0, own.n_samples).data, rtol=1e-7)
    assert sent - SFREQ <= own.n_samples
    assert len(own.words) > 10
    assert len(stream_of(path, "Markers")["time_series"]) > 10


FULL = """
import resource, signal, sys, time
from tests.engine.recording.test_recorder import full_disk
full_disk(sys.argv[1])
"""


def full_disk(folder: str) -> None:
    """Runs in a process of its own, where no file may grow beyond a limit that is lifted later."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with record(folder) as session:
        session.write_samples(block(0, 1000))
        until(lambda: session.n_samples == 1000)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((session.folder / "raw.xdf").stat().st_size + 5000, -1))
        session.write_samples(block(1000, 1000))
        session.write_marker(RawMarker("waits", 103.0))
        until(lambda: session.n_samples_lost == 1000 and session.problem is not None)
        assert "samples were not written" in str(session.problem)
        assert "make room" in str(session.problem)
        session.log({"event": "another file"})
        until(lambda: "another file" in (session.folder / "recorder.jsonl").read_text())
        resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
        session.write_samples(block(2000, 1000))
        until(lambda: session.n_samples == 2000 and session.problem is None)


def test_recording_goes_on_when_a_full_disk_has_room_again(tmp_path: Path) -> None:
    """The disk refuses a chunk half way: the file is cut back, what could not be written is counted."""
    env = {**os.environ, "PYTHONPATH": PYTHONPATH}
    command = [sys.executable, "-c", FULL, str(tmp_path / "s")]
    subprocess.run(command, check=True, env=env)
    meg = stream_of(tmp_path / "s" / "raw.xdf", "MEG")
    expected = np.concatenate([block(0, 1000).data, block(2000, 1000).data])
    np.testing.assert_array_equal(meg["time_series"], expected)
    assert stream_of(tmp_path / "s" / "raw.xdf", "Markers")["time_series"] == [["waits"]]
    assert XdfFile(tmp_path / "s" / "raw.xdf").notes == []
    assert "recording again" in (tmp_path / "s" / "recorder.jsonl").read_text()


def test_a_full_queue_drops_samples_and_reports_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_thread, "MAX_QUEUE_BYTES", 1000)
    with record(tmp_path / "s") as session:
        session.write_samples(block(0, 1000))
        assert session.n_samples_lost == 1000
        assert "does not keep up" in str(session.problem)


def test_an_error_of_the_thread_becomes_the_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with record(tmp_path / "s") as session:
        monkeypatch.setattr(session._raw, "add_marker", lambda *_: 1 / 0)
        session.write_marker(RawMarker("x", 1.0))
        until(lambda: session.problem is not None)
        assert "ZeroDivisionError" in str(session.problem)
        session.write_samples(block(0, 10))
        assert session.n_samples_lost == 10


def test_pyxdf_survives_a_cut_anywhere_in_the_last_samples(tmp_path: Path) -> None:
    """Every length to which a kill may cut the last chunk of samples: what stood before it can be read."""
    with record(tmp_path / "s") as session:
        session.write_samples(block(0, 50))
        until(lambda: session.n_samples == 50)
        good = (session.folder / "raw.xdf").stat().st_size
        session.write_samples(block(50, 10))
        until(lambda: session.n_samples > 50)
        whole = (session.folder / "raw.xdf").read_bytes()
    logging.disable(logging.CRITICAL)
    try:
        refused = []
        for stop in range(good, len(whole)):
            (tmp_path / "cut.xdf").write_bytes(whole[:stop])
            assert next(s for s in XdfFile(tmp_path / "cut.xdf").streams.values() if s.number == 2).n_samples == 50
            try:
                assert len(stream_of(tmp_path / "cut.xdf", "MEG")["time_series"]) >= 50
            except Exception:
                refused.append(stop - good)
    finally:
        logging.disable(logging.NOTSET)
    assert set(refused) <= {5, 6}, "pyxdf gives up only where the two bytes of a tag are cut off"
