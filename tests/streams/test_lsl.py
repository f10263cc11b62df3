"""LSL itself, on loopback, with senders in processes of their own."""

from __future__ import annotations

import ctypes
import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.core.records import Chunk, Sensor, Word
from rtalign.streams import lsl
from rtalign.streams.events import Event, Notice, SignalChanged
from rtalign.streams.live.source import LiveSource
from rtalign.streams.markers.decoders import open_decoder
from tests.helpers.paths import PYTHONPATH

SENSORS = (
    Sensor("MLC11", "axial", (0.0123456789, -0.02, 0.1), (0.1, 0.2, 0.97)),
    Sensor("MEG 0113", "planar", (0.01, -0.05, 0.03), (0.0, 0.6, 0.8)),
    Sensor("MEG 0111", "mag", (0.01, 0.05, 0.03), (0.0, -0.6, 0.8)),
)
SENDER = """
import os, sys
import numpy as np
from rtalign.core.records import Sensor
from rtalign.streams import lsl
name, n, offered_anew = sys.argv[1], int(sys.argv[2]), sys.argv[3:] == ["words offered anew"]
sensors = [Sensor(f"MLC{i + 11}", "axial", (0.0, 0.0, 0.1), (0.0, 0.0, 1.0)) for i in range(n)]
meg, words = lsl.SignalOutlet(name, sensors, 500.0, name), lsl.TextOutlet(name + "-words", name + "-words")
start, k, parent = lsl.local_clock(), 0, os.getppid()
import time
while os.getppid() == parent:
    k += 10
    time.sleep(max(start + k / 500 - lsl.local_clock(), 0))
    meg.push(np.repeat(np.arange(k - 10, k, dtype=np.float32)[:, None] * 1e-15, n, axis=1), start + (k - 1) / 500)
    if k == 1000 and offered_anew:
        words.close()
        words = lsl.TextOutlet(name + "-words", name + "-words")
    if k % 100 == 0:
        words.push(f"word{k // 100}", start + (k - 50) / 500)
"""
PLAYER = """
import os, sys, time
import mne
import numpy as np
from mne_lsl.player import PlayerLSL
info = mne.create_info(["MEG0111", "MEG0112", "STI101"], 200.0, ["mag", "grad", "stim"])
for i, channel in enumerate(info["chs"][:2]):
    channel["loc"][:3], channel["loc"][9:12] = [0.01 * i, 0.02, 0.1], [0, 0, 1]
data = np.random.default_rng(0).normal(0, 1e-13, (3, 200))
raw = mne.io.RawArray(data, info, verbose="error")
player = PlayerLSL(raw, chunk_size=20, name=sys.argv[1], source_id=sys.argv[1]).start()
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(0.2)
"""


def wait_for(attempt: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first answer that is not empty; a loaded machine may be slow."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = attempt()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing within {seconds} s")


@contextmanager
def sender(script: str, *args: str, **environment: str) -> Iterator[subprocess.Popen]:
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "OMP_NUM_THREADS": "1", **environment}
    process = subprocess.Popen([sys.executable, "-c", script, *args], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def named(what: str) -> str:
    """A name that no other test run on this machine uses."""
    return f"rtalign-test-{what}-{os.getpid()}"


def poll_until(source: LiveSource, until: Callable[[list[Event]], bool]) -> list[Event]:
    events: list[Event] = []

    def more() -> bool:
        events.extend(source.poll(0.05))
        return until(events)

    wait_for(more)
    return events


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def run_alone(script: str) -> None:
    """In a process in which nothing has chosen a liblsl."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYLSL_LIB", "MNE_LSL_LIB")}
    subprocess.run([sys.executable, "-c", script], check=True, env={**environment, "PYTHONPATH": PYTHONPATH})


def test_mne_lsl_imported_later_uses_the_same_library() -> None:
    run_alone(
        "from rtalign.streams import lsl\nours = lsl._pylsl().lib.lib._name\n"
        "from mne_lsl.lsl.load_liblsl import lib\nassert lib._name == ours, (lib._name, ours)\n"
    )


def test_ends_are_noticed_where_mne_lsl_was_imported_first() -> None:
    """liblsl 1.17, which mne-lsl 1.14 contains, notices neither."""
    run_alone("""
import mne_lsl.lsl, time
from rtalign.streams import lsl
def until(attempt):
    end = time.monotonic() + 30
    while not attempt():
        assert time.monotonic() < end
        time.sleep(0.02)
outlet, finder = lsl.TextOutlet("ends", "ends"), lsl.Finder()
until(finder.streams)
lsl.TextInlet(finder.streams()[0]).close()
until(lambda: outlet.n_consumers == 0)
inlet = lsl.TextInlet(finder.streams()[0])
until(lambda: outlet.n_consumers == 1)
outlet.close()
try:
    until(lambda: inlet.pull() is None)
except lsl.StreamLost:
    raise SystemExit(0)
""")


def test_importing_is_inert() -> None:
    probe = (
        "import sys, threading\nimport rtalign.streams.live.source\n"
        "assert threading.active_count() == 1 and not {'pylsl', 'mne_lsl'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, env={**os.environ, "PYTHONPATH": PYTHONPATH})


def test_sensors_samples_stamps_and_texts_arrive_unchanged() -> None:
    signal = lsl.SignalOutlet(named("round"), SENSORS, 1000.0, named("round"))
    text = lsl.TextOutlet(named("text"), named("text"))
    finder = lsl.Finder()
    try:
        found = wait_for(lambda: {f.name: f for f in finder.streams()} if len(finder.streams()) > 1 else None)
        ids = [found[named(kind)].source_id for kind in ("round", "text")]
        assert ids == [f"{named(kind)} @ {socket.gethostname()}" for kind in ("round", "text")], "unique in the lab"
        inlet, words = lsl.SignalInlet(found[named("round")]), lsl.TextInlet(found[named("text")])
        for sent, came in zip(SENSORS, inlet.sensors, strict=True):
            assert (came.name, came.kind, came.normal) == (sent.name, sent.kind, sent.normal)
            assert came.position == pytest.approx(sent.position, abs=1e-15)
        data = np.random.default_rng(0).normal(0, 1e-13, (40, 3)).astype(np.float32)
        stamps = lsl.local_clock() + np.arange(40) / 1000
        signal.push(data[:30], float(stamps[29]))
        signal.push(data[30:], stamps[30:])
        text.push("héllo", float(stamps[3]))
        pulled: list[Any] = []
        wait_for(lambda: pulled.append(inlet.pull()) or sum(len(p[0]) for p in pulled) == 40)
        np.testing.assert_array_equal(np.concatenate([p[0] for p in pulled]), data)
        np.testing.assert_allclose(np.concatenate([p[1] for p in pulled]), stamps, atol=1e-9)
        assert wait_for(words.pull) == [("héllo", stamps[3])]
        offset, uncertainty = inlet.offset()
        assert abs(offset) < 0.1
        assert 0 <= uncertainty < 0.1
        assert signal.n_consumers == 1
        signal.close()
        with pytest.raises(lsl.StreamLost, match="ended"):
            wait_for(lambda: inlet.pull() is None)
    finally:
        finder.close()
        signal.close()
        text.close()


def test_a_killed_and_restarted_sender_is_recovered() -> None:
    name = named("killed")
    source = LiveSource(name, f"{name}-words", open_decoder())
    try:
        with sender(SENDER, name, "4"):
            events = poll_until(source, lambda e: len(of(e, Word)) > 1)
        lost = poll_until(source, lambda e: any(n.kind == "meg lost" for n in of(e, Notice)))
        with sender(SENDER, name, "4"):
            after = poll_until(source, lambda e: len(of(e, Word)) > 1 and bool(of(e, Chunk)))
        assert len(of(events, SignalChanged)) == 1
        assert not of(after, SignalChanged)
        assert any(n.kind == "meg recovered" for n in of([*lost, *after], Notice))
        assert_words_match_their_samples(events)
        assert_words_match_their_samples(after)
        assert of(after, Chunk)[0].start > of(events, Chunk)[-1].end
    finally:
        source.close()


def test_words_offered_anew_by_an_older_liblsl_are_received() -> None:
    """Mostly it keeps the connection of a closed outlet open as long as the program runs."""
    package = find_spec("mne_lsl")
    assert package is not None
    assert package.origin is not None
    (older,) = Path(package.origin).parent.glob("lsl/lib/*lsl*")
    name = named("anew")
    source = LiveSource(name, f"{name}-words", open_decoder())
    try:
        with sender(SENDER, name, "4", "words offered anew", PYLSL_LIB=str(older)):
            events = poll_until(source, lambda e: any(int(word.text[4:]) > 10 for word in of(e, Word)))
        assert {"words lost", "words recovered"} <= {notice.kind for notice in of(events, Notice)}
        assert_words_match_their_samples(events)
    finally:
        source.close()


def assert_words_match_their_samples(events: list[Event]) -> None:
    """The sender counts its samples (fT), and sends word k at sample 100 k - 50."""
    chunks = of(events, Chunk)
    assert chunks[0].data.shape[1] == 4
    zeros = [chunk.start - round(float(chunk.data[0, 0]) * 1e15) / 500 for chunk in chunks]
    np.testing.assert_allclose(zeros, zeros[0], atol=1e-6)
    for word in of(events, Word):
        assert word.onset == pytest.approx(zeros[0] + (100 * int(word.text[4:]) - 50) / 500, abs=1e-6)


def test_a_stream_of_the_player_of_mne_lsl_is_read() -> None:
    name = named("player")
    source = LiveSource(name, None, None)
    try:
        with sender(PLAYER, name):
            events = poll_until(source, lambda e: sum(len(c.data) for c in of(e, Chunk)) >= 300)
        (changed,) = of(events, SignalChanged)
        assert [(s.name, s.kind) for s in changed.sensors] == [("MEG0111", "mag"), ("MEG0112", "planar")]
        assert changed.sensors[1].position == pytest.approx((0.01, 0.02, 0.1))
        assert changed.sensors[1].normal == (0.0, 0.0, 1.0)
        data = np.concatenate([c.data for c in of(events, Chunk)])
        expected = np.random.default_rng(0).normal(0, 1e-13, (3, 200)).T[:, :2]
        first = int(np.argmin(np.abs(expected - data[0]).sum(axis=1)))
        np.testing.assert_allclose(data[:40], np.tile(expected, (2, 1))[first : first + 40], rtol=1e-5)
    finally:
        source.close()


class MallocInfo(ctypes.Structure):
    """What glibc's mallinfo2 returns."""

    _fields_ = (("counts", ctypes.c_size_t * 10),)


def allocated() -> int:
    """Bytes that malloc has given out in this process, to Python, liblsl and everything else."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = MallocInfo
    gc.collect()
    counts = mallinfo().counts
    return int(counts[7] + counts[4])  # on the heaps, and in mappings of their own


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="it asks the C library of GNU"
)
def test_a_stream_that_comes_and_goes_leaves_nothing_behind() -> None:
    """A description of 300 sensors has 190 kB: an hour of reconnections must not keep them all."""
    sensors = [Sensor(f"MLC{i}", "axial", (0.01, 0.02, 0.1), (0.1, 0.2, 0.97)) for i in range(300)]
    outlet = lsl.SignalOutlet("comes-and-goes", sensors, 250.0, "comes-and-goes")
    (info,) = (found for found in lsl.find_streams(0.5) if found.name == "comes-and-goes")
    sizes = []
    for _ in range(14):
        inlet = lsl.SignalInlet(info)
        inlet.close()
        sizes.append(allocated())
    outlet.close()
    grown = float(np.median(np.diff(sizes[4:])))
    assert len(inlet.xml) > 100_000
    assert grown < len(inlet.xml) / 10, f"{grown:.0f} bytes each time"
