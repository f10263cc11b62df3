"""Files and folders appear complete or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rtalign.core.storage import files
from rtalign.core.storage.files import (
    AppendOnlyFile,
    atomic_folder,
    remove_abandoned,
    replaced_folder,
    write_atomically,
)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.json"
    write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_folder_leave_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "model"
    with atomic_folder(path) as mine:
        (mine / "weights").write_text("mine")
        with atomic_folder(path) as theirs:
            (theirs / "weights").write_text("theirs")
        assert (path / "weights").read_text() == "theirs"
    assert (path / "weights").read_text() == "theirs"
    assert [entry.name for entry in path.parent.iterdir()] == ["model"]


def test_a_folder_that_fails_half_way_never_appears(tmp_path: Path) -> None:
    def stopped() -> None:
        with atomic_folder(tmp_path / "model") as partial:
            (partial / "weights").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(tmp_path.iterdir()) == []


def test_a_partly_written_record_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, real = AppendOnlyFile(tmp_path / "f"), os.write
    file.write(b"whole")

    def half(place: int, record: bytes) -> int:
        if len(record) > 3:
            return real(place, record[:3])
        raise OSError(errno.ENOSPC, "no space")

    def stuck(place: int, size: int) -> None:
        raise OSError(errno.EIO, "no cutting")

    monkeypatch.setattr(files.os, "write", half)
    file.add(b"kept for later")
    with pytest.raises(OSError, match="no space"):
        file.write(b"refused")
    with pytest.raises(OSError, match="no space"):
        file.flush()
    assert (tmp_path / "f").read_bytes() == b"whole"
    monkeypatch.setattr(files.os, "ftruncate", stuck)
    with pytest.raises(OSError, match="no space"):
        file.flush()
    monkeypatch.undo()
    assert (tmp_path / "f").read_bytes() == b"wholekept for lat"
    file.flush()
    file.close()
    assert (tmp_path / "f").read_bytes() == b"wholekept for later"


def test_what_a_dead_process_left_is_removed_at_once(tmp_path: Path) -> None:
    """A folder and a file beside them, which is not a folder's to remove, and those of a process at work."""
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    host, dead = files._machine(), int(gone.stdout)
    kept = [f"a.partial-{host}-{os.getpid()}-live", f"b.partial-elsewhere-{dead}-x", "a.json"]
    for name in (*kept, f"a.partial-{host}-{dead}-x_1"):
        (tmp_path / "signal" / name).mkdir(parents=True)
    (tmp_path / "signal" / f"a.json.partial-{host}-{dead}").write_text("half")
    remove_abandoned(tmp_path)
    assert sorted(path.name for path in (tmp_path / "signal").iterdir()) == sorted(kept)


def test_a_folder_is_made_free_of_its_own_remains(tmp_path: Path) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (tmp_path / f"bank.partial-{files._machine()}-{int(gone.stdout)}-abc").mkdir()
    with atomic_folder(tmp_path / "bank") as partial:
        (partial / "x").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_an_old_folder_stays_until_the_new_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bank"
    with replaced_folder(path) as partial:
        (partial / "x").write_text("old")
    rename, places = Path.rename, []

    def watched(self: Path, target: Path) -> Path:
        places.append((self.name, target.name))
        if target == path and len(places) == 2:
            raise OSError(errno.EIO, "the disk is gone")
        return rename(self, target)

    def replace(text: str) -> None:
        with replaced_folder(path) as partial:
            (partial / "x").write_text(text)
            assert (path / "x").read_text() == "old"

    monkeypatch.setattr(Path, "rename", watched)
    with pytest.raises(OSError, match="the disk is gone"):
        replace("new")
    assert (path / "x").read_text() == "old"
    monkeypatch.undo()
    replace("newer")
    assert (path / "x").read_text() == "newer"
    assert list(tmp_path.iterdir()) == [path]


def test_partial_folders_are_removed_after_a_day(tmp_path: Path) -> None:
    for name, age in (("old.partial-1-x", 2 * 86400), ("new.partial-2-y", 60), ("whole", 9 * 86400)):
        folder = tmp_path / "signal" / name
        folder.mkdir(parents=True)
        (folder / "signal.f32").write_bytes(b"0000")
        for path in (folder / "signal.f32", folder):
            os.utime(path, (time.time() - age,) * 2)
    remove_abandoned(tmp_path)
    assert sorted(path.name for path in (tmp_path / "signal").iterdir()) == ["new.partial-2-y", "whole"]
