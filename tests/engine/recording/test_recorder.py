"""A recording is whole after a stop, readable after kill -9, and reports a full disk."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import Sensor
from rtalign.engine.recording import recorder as recording
from rtalign.engine.recording.recorder import Recorder
from rtalign.recordings.word_tables import read_words
from rtalign.recordings.xdf import SignalStream, open_xdf
from rtalign.recordings.xdf.reader import XdfFile
from rtalign.streams.events import OffsetMeasurement, RawMarker, RawSamples
from tests.helpers.paths import PYTHONPATH

pyxdf = pytest.importorskip("pyxdf", reason="pyxdf is the independent reader; pip install pyxdf")

SFREQ = 500.0
SENSORS = tuple(Sensor(f"MLC1{i}", "axial", (0.01 * i, 0.02, 0.1), (0.0, 0.6, 0.8)) for i in range(4))
MEG = SignalStream("meg", SFREQ, tuple(s.name for s in SENSORS), SENSORS)
ROW = {"index": 0, "text": "Once", "onset": 100.5, "duration": 0.2, "status": "scored", "surprisal": 3.5, "n_tokens": 1}


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
    with Recorder(tmp_path / "s", MEG, "words", {"model": "tiny"}) as session:
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
    assert session.seconds == 2.0
    assert session.problem is None


@pytest.mark.parametrize("kind", ["int16", "int32", "int64", "float32", "float64"])
def test_numbers_keep_the_type_they_came_in(tmp_path: Path, kind: str) -> None:
    data = np.arange(40).reshape(10, 4).astype(kind)
    with Recorder(tmp_path / "s", MEG, "words", {}) as session:
        session.write_samples(RawSamples(data, np.arange(10) / SFREQ))
    found = stream_of(session.folder / "raw.xdf", "MEG")["time_series"]
    assert found.dtype == data.dtype
    np.testing.assert_array_equal(found, data)


def test_an_earlier_session_is_not_overwritten(tmp_path: Path) -> None:
    folders = []
    for _ in range(3):
        with Recorder(tmp_path / "s", MEG, "words", {}) as session:
            folders.append(session.folder.name)
            moved = session.note
    assert folders == ["s", "s-2", "s-3"]
    assert moved is not None
    assert "not empty" in moved


def test_tables_and_log_hold_what_was_written(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s", MEG, "words", {"model": "tiny"}) as session:
        session.write_word(ROW)
        session.write_word(
            {"index": 1, "text": "up\ton\n", "onset": 101.0, "status": "skipped", "reason": "gap in the signal"}
        )
        session.write_scores({"n_words": 10, "layer": np.arange(3), "peak_r": np.array([0.1, np.nan, 0.3])})
        session.write_scores({"n_words": 20, "layer": np.arange(3), "peak_r": [0.2, 0.2, 0.25]})
        session.log({"event": "gap", "seconds": np.float64("nan"), "at": np.int64(3)})
        session.close({"kind": "session", "r": np.array([0.5, np.inf])})
        session.close()
    words, _ = read_words(session.folder / "words.tsv")
    assert [(w.text, w.onset, w.duration) for w in words] == [("Once", 100.5, 0.2), ("up on", 101.0, None)]
    lines = (session.folder / "scores.csv").read_text().splitlines()
    assert lines == ["n_words,layer,peak_r", "10,0,0.1", "10,1,", "10,2,0.3", "20,0,0.2", "20,1,0.2", "20,2,0.25"]
    log = [json.loads(line) for line in (session.folder / "log.jsonl").read_text().splitlines()]
    assert [entry["event"] for entry in log] == ["start", "gap"]
    assert log[0]["model"] == "tiny"
    assert log[1]["seconds"] is None
    assert json.loads((session.folder / "summary.json").read_text())["r"] == [0.5, None]


def test_rows_that_do_not_fit_the_table_are_refused(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s", MEG, "words", {}) as session:
        session.write_scores({"layer": 1, "r": 0.5})
        with pytest.raises(ValueError, match="the file has layer, r"):
            session.write_scores({"layer": 1, "p": 0.5})
        with pytest.raises(ValueError, match="needs text and onset"):
            session.write_word({"text": "Once"})


def test_other_sensors_begin_a_new_stream(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s", MEG, "words", {}) as session:
        session.change_stream(SENSORS, SFREQ)
        session.write_samples(block(0, 500))
        session.change_stream(SENSORS[:3], 250.0)
        session.write_samples(RawSamples(block(0, 500).data[:, :3], 110 + np.arange(500) / 250))
        for i, onset in enumerate((100.2, 100.6, 111.0)):
            session.write_word({"index": i, "text": "abc"[i], "onset": onset})
    first, second = open_xdf(session.folder)
    assert [(r.sfreq, len(r.sensors), r.n_samples) for r in (first, second)] == [(500, 4, 500), (250, 3, 500)]
    assert [w.text for w in first.words] == ["a", "b"]
    assert [(w.index, w.text, w.onset) for w in second.words] == [(0, "c", 111.0)]
    assert len(stream_of(session.folder / "raw.xdf", "MEG")["time_series"]) == 500


def test_another_unit_begins_a_new_stream(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s", MEG, "words", {}) as session:
        session.write_samples(block(0, 100))
        session.change_stream(SENSORS, SFREQ, MEG.channels, ("fT",) * 4)
        session.write_samples(block(100, 100))
        session.change_stream(SENSORS, SFREQ, MEG.channels, ("fT",) * 4)
        session.write_samples(block(200, 100))
    streams = XdfFile(session.folder / "raw.xdf").streams
    assert [streams[k].n_samples for k in (2, 3)] == [100, 200]
    assert sorted(streams) == [1, 2, 3]


def test_a_clock_offset_before_the_first_sample_is_kept(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s", MEG, "words", {}) as session:
        session.write_offset(OffsetMeasurement("meg", 107.0, 7.0, 1e-4))
        session.write_samples(block(0, 100))
    assert XdfFile(session.folder / "raw.xdf").streams[2].offsets == [(100.0, 7.0)]


def test_samples_of_the_wrong_width_are_reported(tmp_path: Path) -> None:
    with Recorder(tmp_path / "s", MEG, "words", {}) as session:
        session.write_samples(block(0, 100, n_channels=5))
        until(lambda: session.n_dropped == 100 and session.problem is not None)
        assert "5 channels instead of 4" in str(session.problem)
        session.write_samples(block(100, 100))
    assert stream_of(session.folder / "raw.xdf", "MEG")["time_series"].shape == (100, 4)


CHILD = """
import sys, time
from tests.engine.recording.test_recorder import MEG, ROW, RawMarker, Recorder, block
session = Recorder(sys.argv[1], MEG, "words", {})
begin, done = time.monotonic(), 0
while True:
    due = int((time.monotonic() - begin) * 500) // 25 * 25
    if due > done:
        session.write_samples(block(done, due - done))
        session.write_marker(RawMarker(str(done), 100 + done / 500))
        session.write_word({**ROW, "index": done, "text": f"w{done}", "onset": 100 + done / 500})
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
from tests.engine.recording.test_recorder import Recorder, full_disk
full_disk(sys.argv[1])
"""


def full_disk(folder: str) -> None:
    """Runs in a process of its own, where no file may grow beyond a limit that is lifted later."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Recorder(folder, MEG, "words", {}) as session:
        session.write_samples(block(0, 1000))
        until(lambda: session.seconds == 2.0)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((session.folder / "raw.xdf").stat().st_size + 5000, -1))
        session.write_samples(block(1000, 1000))
        session.write_marker(RawMarker("waits", 103.0))
        until(lambda: session.n_dropped == 1000 and session.problem is not None)
        assert "samples were not written" in str(session.problem)
        assert "make room" in str(session.problem)
        session.write_word(ROW)
        until(lambda: "Once" in (session.folder / "words.tsv").read_text())
        resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
        session.write_samples(block(2000, 1000))
        until(lambda: session.seconds == 4.0 and session.problem is None)


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
    assert "recording again" in (tmp_path / "s" / "log.jsonl").read_text()


def test_a_full_queue_drops_samples_and_reports_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_QUEUE_BYTES", 1000)
    with Recorder(tmp_path / "s", MEG, "words", {}) as session:
        session.write_samples(block(0, 1000))
        assert session.n_dropped == 1000
        assert "does not keep up" in str(session.problem)


def test_an_error_of_the_thread_becomes_the_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Recorder(tmp_path / "s", MEG, "words", {}) as session:
        monkeypatch.setattr(session._raw, "add_marker", lambda *_: 1 / 0)
        session.write_marker(RawMarker("x", 1.0))
        until(lambda: session.problem is not None)
        assert "ZeroDivisionError" in str(session.problem)
        session.write_samples(block(0, 10))
        assert session.n_dropped == 10


def test_pyxdf_survives_a_cut_anywhere_in_the_last_samples(tmp_path: Path) -> None:
    """Every length to which a kill may cut the last chunk of samples: what stood before it can be read."""
    with Recorder(tmp_path / "s", MEG, "words", {}) as session:
        session.write_samples(block(0, 50))
        until(lambda: session.seconds == 0.1)
        good = (session.folder / "raw.xdf").stat().st_size
        session.write_samples(block(50, 10))
        until(lambda: session.seconds > 0.11)
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
