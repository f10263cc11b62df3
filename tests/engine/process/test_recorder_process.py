"""The recorder's process: it needs no engine, outlives its viewer, is started again, and its status is true."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.core.records import Annotation, Sensor
from rtalign.core.session import Session
from rtalign.engine.commands import SetAnnotations
from rtalign.engine.process.recorder_client import RecorderClient
from rtalign.recordings.xdf.reader import XdfFile
from rtalign.streams.lsl import SignalOutlet, TextOutlet, local_clock
from tests.helpers.paths import PYTHONPATH

pyxdf = pytest.importorskip("pyxdf", reason="pyxdf is the independent reader; pip install pyxdf")

SFREQ, CHUNK = 200.0, 10
SENSORS = [Sensor(f"MLC1{i}", "axial", (0.01 * i, 0.02, 0.1), (0.0, 0.6, 0.8)) for i in range(4)]


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


class Sender:
    """Streams of this process: MEG whose first channel counts samples, and markers."""

    def __init__(self, name: str) -> None:
        self.meg = SignalOutlet(f"{name}-meg", SENSORS, SFREQ, f"{name}-meg")
        self.words = TextOutlet(f"{name}-words", f"{name}-words")
        self.n_sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def flow(self) -> None:
        self._thread.start()

    def _work(self) -> None:
        begin = local_clock()
        while not self._stop.wait(CHUNK / SFREQ):
            numbers = self.n_sent + np.arange(CHUNK)
            self.meg.push(np.repeat(numbers[:, None], 4, 1).astype(np.float32), begin + numbers / SFREQ)
            self.n_sent += CHUNK

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.meg.close()
        self.words.close()


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    made = Sender(tmp_path.name)
    yield made
    made.close()


@pytest.fixture
def session(tmp_path: Path) -> Session:
    name = tmp_path.name
    return Session(meg=f"{name}-meg", words=f"{name}-words", record=tmp_path / "kept")


@pytest.fixture
def recorder(session: Session) -> Iterator[RecorderClient]:
    made = RecorderClient(session)
    yield made
    made.stop()
    made.wait()


def numbers_in(folder: Path) -> list[int]:
    """What the first channel counts, of the samples in a folder's raw.xdf."""
    streams, _ = pyxdf.load_xdf(folder / "raw.xdf", synchronize_clocks=False, dejitter_timestamps=False)
    (meg,) = (stream for stream in streams if stream["info"]["type"][0] == "MEG")
    return [int(number) for number in meg["time_series"][:, 0]]


def annotations_in(folder: Path) -> dict[float, str]:
    """What stands in a folder's raw.xdf at the end, by stamp."""
    streams, _ = pyxdf.load_xdf(folder / "raw.xdf", synchronize_clocks=False)
    (written,) = (stream for stream in streams if stream["info"]["type"][0] == "Annotations")
    newest = {stamp: row[0] for row, stamp in zip(written["time_series"], written["time_stamps"], strict=True)}
    return {stamp: text for stamp, text in newest.items() if text != "(removed)"}


def is_unbroken(numbers: list[int]) -> bool:
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_recorder_needs_no_language_model() -> None:
    """A window's worth of memory, and a start in which the first second of a session is not lost."""
    check = (
        "import rtalign.engine.process.recorder_server, sys; print({'torch', 'transformers', 'scipy'} & {*sys.modules})"
    )
    found = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "set()"


def test_everything_is_recorded_from_the_first_marker_to_the_stop(sender: Sender, recorder: RecorderClient) -> None:
    """Without an engine; the marker comes before there is any MEG."""
    until(lambda: sender.words.n_consumers)
    assert (recorder.status.folder, recorder.status.silent_s) == ("", None)
    sender.words.push("first", 1.0)
    until(lambda: recorder.status.n_markers == 1)
    until(lambda: sender.meg.n_consumers)
    sender.flow()
    until(lambda: recorder.status.n_samples > SFREQ)
    status = recorder.status
    assert (status.problem, status.n_dropped, status.meg) == (None, 0, sender.meg._outlet.get_info().name())
    recorder.annotate(SetAnnotations((Annotation(5.0, "coughs"), Annotation(6.0, "")), now_s=7.0))
    annotated_at = local_clock()
    recorder.annotate(SetAnnotations((Annotation(5.0, "coughs twice"),), now_s=7.01))
    recorder.stop()
    recorder.wait()
    status, folder = recorder.status, Path(recorder.status.folder)
    ((stamp, text),) = annotations_in(folder).items()
    assert text == "coughs twice"
    assert stamp == pytest.approx(annotated_at - 2.0, abs=1.0), "signal time is the viewer's; its age is the file's"
    numbers = numbers_in(folder)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) == status.n_samples
    assert XdfFile(folder / "raw.xdf").notes == [], "the streams have their ends"


def test_a_killed_recorder_is_started_again_and_told(sender: Sender, recorder: RecorderClient) -> None:
    folders: list[Path] = []
    recorder.watch(folders.append)
    sender.flow()
    until(lambda: recorder.status.n_samples > 100)
    os.kill(recorder.pid, signal.SIGKILL)
    until(lambda: len(folders) == 2)
    assert "status -9" in recorder.losses[0]
    assert str(folders[0]) in recorder.losses[0]
    assert recorder.status.problem is not None
    until(lambda: recorder.status.n_samples > 100)
    recorder.stop()
    recorder.wait()
    first, second = (numbers_in(folder) for folder in folders)
    assert is_unbroken(first)
    assert is_unbroken(second)
    assert second[0] > first[-1]


def test_a_recorder_that_hangs_does_not_count_as_recording(sender: Sender, recorder: RecorderClient) -> None:
    sender.flow()
    until(lambda: recorder.status.n_samples > 0)
    os.kill(recorder.pid, signal.SIGSTOP)
    try:
        until(lambda: "has not answered" in str(recorder.status.problem))
    finally:
        os.kill(recorder.pid, signal.SIGCONT)
    until(lambda: recorder.status.problem is None)


def test_a_removed_folder_is_told_and_another_one_is_begun(sender: Sender, recorder: RecorderClient) -> None:
    sender.flow()
    until(lambda: recorder.status.n_samples > 0)
    before = Path(recorder.status.folder)
    before.rename(before.parent.parent / "moved")
    until(lambda: "was removed" in str(recorder.status.problem))
    until(lambda: recorder.status.folder != str(before))
    n = recorder.status.n_samples
    until(lambda: recorder.status.n_samples > n + 100)
    recorder.stop()
    recorder.wait()
    first, second = numbers_in(before.parent.parent / "moved"), numbers_in(Path(recorder.status.folder))
    assert second[0] == first[-1] + 1
    assert is_unbroken(first + second)


def test_a_folder_that_cannot_be_written_to_is_told_at_the_start(tmp_path: Path, session: Session) -> None:
    (tmp_path / "file").write_text("no folder")
    recorder = RecorderClient(session.model_copy(update={"record": tmp_path / "file" / "under"}))
    try:
        until(lambda: "cannot be recorded to" in str(recorder.status.problem))
    finally:
        recorder.stop()
        recorder.wait()


VIEWER = """
import sys, time
from pathlib import Path
from rtalign.core.session import Session
from rtalign.engine.process.recorder_client import RecorderClient
recorder = RecorderClient(Session.model_validate_json(sys.argv[1]))
print(recorder.pid, flush=True)
time.sleep(600)
"""


def test_the_recorder_outlives_its_viewer(sender: Sender, session: Session) -> None:
    """The viewer is killed with its whole process group; a signal then ends the recorder as orderly as a stop."""
    command = [sys.executable, "-c", VIEWER, session.model_dump_json()]
    viewer = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, "PYTHONPATH": PYTHONPATH}
    )
    assert viewer.stdout is not None
    pid = int(viewer.stdout.readline())
    sender.flow()
    assert session.record is not None
    until(lambda: [path for path in session.record.glob("*/raw.xdf") if path.stat().st_size > 20_000])
    (folder,) = session.record.iterdir()
    os.killpg(viewer.pid, signal.SIGKILL)
    viewer.communicate()
    killed_at = sender.n_sent
    until(lambda: max(numbers_in(folder), default=0) > killed_at + SFREQ)
    os.kill(pid, signal.SIGTERM)
    until(lambda: '"end"' in (folder / "recorder.jsonl").read_text())
    until(lambda: b"sample_count" in (folder / "raw.xdf").read_bytes())
    assert is_unbroken(numbers_in(folder))
