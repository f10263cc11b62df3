"""Training where the system lacks what only some have, as macOS and Windows do."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.training import train
from tests.helpers.small_world import small_recipe


def test_training_needs_nothing_that_only_linux_has(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("posix_fallocate", "sched_getaffinity", "sysconf"):
        monkeypatch.delattr(os, name)
    monkeypatch.delattr(signal, "SIGKILL")
    monkeypatch.setitem(sys.modules, "resource", None)
    folder, recording, model = trained
    summary = train(
        [recording], model, small_recipe(), tmp_path / "bank", Progress(quiet=True), store=tmp_path / "store"
    )
    mine, its = (TensorFile(where / "bank" / "bank.safetensors") for where in (tmp_path, folder))
    assert np.array_equal(mine["r"], its["r"])
    assert np.array_equal(mine["weights"], its["weights"])
    assert summary["peak_rss_mb"] > 10


def test_space_is_taken_at_once_without_posix_fallocate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    n = (3 << 18) + 5
    TensorFile.create(tmp_path / "t.safetensors", {"a": ("float32", (n,))})
    assert (tmp_path / "t.safetensors").stat().st_blocks * 512 >= 4 * n
    assert not TensorFile(tmp_path / "t.safetensors")["a"].any()
