"""The lags of a job in one file: what is whole is found again, by any worker; nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtalign_offline.sweep.lag_file import LagFile


def arrays(lag: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(lag)
    return {"r": rng.standard_normal(4), "null": rng.standard_normal((3, 4)).astype(np.float32)}


def test_what_one_worker_leaves_the_next_one_finds(tmp_path: Path) -> None:
    path = tmp_path / "lags" / "job.safetensors"
    assert LagFile(path).read(0) is None
    first = LagFile(path)
    first.write(2, 5, arrays(2))
    second = LagFile(path)
    second.write(0, 5, arrays(0))
    first.write(4, 5, arrays(4))
    for lag in range(5):
        found = LagFile(path).read(lag)
        if lag in (0, 2, 4):
            assert found is not None
            assert all(np.array_equal(found[name], values) for name, values in arrays(lag).items())
        else:
            assert found is None
    assert [p.name for p in path.parent.iterdir()] == ["job.safetensors"]
    second.delete()
    assert not path.exists()


def test_a_lag_that_was_written_by_half_is_fitted_again(tmp_path: Path) -> None:
    path = tmp_path / "job.safetensors"
    file = LagFile(path)
    for lag in range(2):
        file.write(lag, 2, arrays(lag))
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(arrays(1)["r"].tobytes())] ^= 1
    path.write_bytes(damaged)
    assert LagFile(path).read(0) is not None
    assert LagFile(path).read(1) is None
    path.write_bytes(path.read_bytes()[:-1])
    assert LagFile(path).read(0) is None


def test_two_workers_that_begin_together_share_one_file(tmp_path: Path) -> None:
    """Neither finds the file as it opens; the one that writes later does not undo what is there."""
    path = tmp_path / "job.safetensors"
    one, two = LagFile(path), LagFile(path)
    one.write(0, 2, arrays(0))
    two.write(1, 2, arrays(1))
    assert LagFile(path).read(0) is not None
    assert LagFile(path).read(1) is not None
