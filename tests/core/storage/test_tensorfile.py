"""Tensor files: ordinary safetensors, written in place, disbelieved until checked."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from rtalign.core.storage import tensorfile
from rtalign.core.storage.tensorfile import TensorFile, save_tensors

SHAPES = {"a": ("float32", (3, 4)), "b": ("float64", (2,)), "none": ("int64", (0, 5))}


def test_what_is_written_in_place_is_read_by_safetensors(tmp_path: Path) -> None:
    file = TensorFile.create(tmp_path / "t.safetensors", SHAPES)
    file["a"][1] = [1, 2, 3, 4]
    file["b"][:] = np.pi
    del file
    read = load_file(tmp_path / "t.safetensors")
    assert read["a"].tolist() == [[0] * 4, [1, 2, 3, 4], [0] * 4]
    assert read["b"].tolist() == [np.pi] * 2
    assert read["none"].shape == (0, 5)


def test_reading_cannot_write(tmp_path: Path) -> None:
    TensorFile.create(tmp_path / "t.safetensors", SHAPES)
    with pytest.raises(ValueError, match="read-only"):
        TensorFile(tmp_path / "t.safetensors")["a"][0] = 1


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("cut short", lambda raw: raw[:-9]),
        ("header longer than the file", lambda raw: (1 << 40).to_bytes(8, "little") + raw[8:]),
        ("no JSON", lambda raw: raw[:8] + b"x" + raw[9:]),
        ("empty", lambda raw: b""),
        ("negative offset", lambda raw: raw.replace(b'"data_offsets": [0, 48]', b'"data_offsets": [-48,0]')),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, name: str, damage: object) -> None:
    path = tmp_path / "t.safetensors"
    TensorFile.create(path, SHAPES)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ValueError, match="safetensors") as error:
        TensorFile(path)
    assert "\n" not in str(error.value)


def test_a_full_disk_is_an_error_at_once_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left") as error:
        TensorFile.create(tmp_path / "t.safetensors", SHAPES)
    assert error.value.filename == str(tmp_path / "t.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_header_of_another_program_may_carry_metadata(tmp_path: Path) -> None:
    header = json.dumps({"__metadata__": {"format": "np"}, "x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    raw = header.encode()
    (tmp_path / "x").write_bytes(len(raw).to_bytes(8, "little") + raw + np.float32(7).tobytes())
    assert TensorFile(tmp_path / "x")["x"][0] == 7


def test_saved_tensors_appear_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(*_: object) -> None:
        raise OSError("the power went")

    monkeypatch.setattr(tensorfile, "save_file", cut_off)
    with pytest.raises(OSError, match="the power went"):
        save_tensors(tmp_path / "lag.safetensors", {"r": np.zeros(3)})
    assert not list(tmp_path.iterdir())
