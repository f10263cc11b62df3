"""The buffer gives a recording back from disk as the ring does from memory, and is whole or absent."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import Chunk
from rtalign.signal import disk_buffer
from rtalign.signal.disk_buffer import DiskBuffer
from rtalign.signal.ring_buffer import RingBuffer

RATE = 100.0


def signal(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 3)).astype(np.float32)


def written(folder: Path, x: np.ndarray, size: int = 77, start: float = 7.0) -> DiskBuffer:
    with DiskBuffer.create(folder, RATE, x.shape[1]) as buffer:
        for at in range(0, len(x), size):
            buffer.append(Chunk(x[at : at + size], start + at / RATE, RATE))
    return DiskBuffer.open(folder)


@pytest.mark.parametrize("block_bytes", [1, 500, 1 << 20])
@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_disk_and_ring_buffer_agree_to_the_last_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int, order: str
) -> None:
    monkeypatch.setattr(disk_buffer, "BLOCK_BYTES", block_bytes)
    x = signal(3000)
    buffer, ring = written(tmp_path, x), RingBuffer(RATE, 3, 100.0)
    rng = np.random.default_rng(1)
    times = rng.uniform(7.05, 36.9, 400)
    times = np.sort(times) if order == "sorted" else times
    for first in range(0, 3000, 11):
        ring.append(Chunk(x[first : first + 11], 7 + first / RATE, RATE))
    np.testing.assert_array_equal(buffer.read(times), ring.read(times))


def test_several_stretches_keep_their_own_clocks(tmp_path: Path) -> None:
    parts = {0.0: signal(500, 1), 20.1234: signal(400, 2), 30.0: signal(300, 3)}
    with DiskBuffer.create(tmp_path, RATE, 3) as buffer:
        for start, x in parts.items():
            buffer.append(Chunk(x[:100], start, RATE))
            buffer.append(Chunk(x[100:], start + 1, RATE))
    buffer = DiskBuffer.open(tmp_path)
    for start, x in parts.items():
        np.testing.assert_allclose(buffer.read(start + np.array([0.5, 1.0, 2.0])), x[[50, 100, 200]], atol=1e-5)
    np.testing.assert_allclose(buffer.stretches, [(0, 5), (20.1234, 24.1234), (30, 33)])
    assert buffer.unreadable(-0.5, 1) == "window before recording"
    assert buffer.unreadable(1, 2) is None
    assert buffer.unreadable(4.5, 5.5) == "gap in the signal"
    assert buffer.unreadable(20, 21) == "gap in the signal"
    assert buffer.unreadable(30.5, 32) is None
    assert buffer.unreadable(32, 33) == "window after recording"


def test_threads_read_at_the_same_time(tmp_path: Path) -> None:
    buffer = written(tmp_path, signal(20_000))
    times = np.linspace(10, 190, 3000)
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda lag: buffer.read(times + lag), np.arange(12) / 10))
    for lag, values in zip(np.arange(12) / 10, together, strict=True):
        np.testing.assert_array_equal(values, buffer.read(times + lag))


def test_a_buffer_cut_short_cannot_be_opened(tmp_path: Path) -> None:
    buffer = DiskBuffer.create(tmp_path, RATE, 3)
    buffer.append(Chunk(signal(500), 0.0, RATE))
    assert buffer.unreadable(4.5, 5.5) == "later"
    with pytest.raises(ValueError, match="close it to read"):
        buffer.read(np.array([1.0]))
    with pytest.raises(ValueError, match="holds no finished signal"):
        DiskBuffer.open(tmp_path)
    buffer.discard()
    assert not list(tmp_path.iterdir())


def test_an_error_while_writing_leaves_the_older_buffer(tmp_path: Path) -> None:
    x = signal(500)
    written(tmp_path, x)
    with pytest.raises(ValueError, match="4 sensors"), DiskBuffer.create(tmp_path, RATE, 4) as buffer:
        buffer.append(Chunk(signal(9, 5), 0.0, RATE))
    np.testing.assert_allclose(DiskBuffer.open(tmp_path).read(np.array([8.0])), x[[100]], atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["signal.f32", "stretches.json"]


def test_a_closed_buffer_is_read_only(tmp_path: Path) -> None:
    buffer = DiskBuffer.create(tmp_path, RATE, 3)
    buffer.append(Chunk(signal(500), 0.0, RATE))
    buffer.close()
    buffer.close()
    assert buffer.read(np.array([1.0, 2.0])).shape == (2, 3)
    assert buffer.read(np.array([])).shape == (0, 3)
    with pytest.raises(ValueError, match="closed"):
        buffer.append(Chunk(signal(1), 5.0, RATE))


def test_an_empty_buffer_can_be_opened(tmp_path: Path) -> None:
    buffer = written(tmp_path, signal(0))
    assert buffer.end is None
    assert buffer.n_rows == 0
    assert buffer.unreadable(0, 1) == "window after recording"
    with pytest.raises(ValueError, match="nothing is stored"):
        buffer.read(np.array([1.0]))


@pytest.mark.parametrize("damage", ["shorter", "not json", "version", "keys"])
def test_a_damaged_buffer_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    written(tmp_path, signal(500))
    path = tmp_path / "stretches.json"
    note = json.loads(path.read_text())
    if damage == "shorter":
        (tmp_path / "signal.f32").write_bytes(b"1234")
    else:
        note = {"version": note | {"version": 9}, "keys": {"format": "rtalign-buffer"}}.get(damage, note)
        path.write_text("{" if damage == "not json" else json.dumps(note))
    with pytest.raises(ValueError, match="write it again"):
        DiskBuffer.open(tmp_path)


@pytest.mark.parametrize("time", [7.0, 11.99, 0.0, 99.0, float("nan")])
def test_times_outside_the_buffer_are_refused(tmp_path: Path, time: float) -> None:
    buffer = written(tmp_path, signal(500))
    with pytest.raises(ValueError, match=r"was asked for; stored is 7\.000 to 12\.000 s"):
        buffer.read(np.array([9.0, time]))
