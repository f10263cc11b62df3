"""A file that claims what it does not hold ends in one line, in the memory that a small file takes."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest

from rtalign.recordings.xdf import writer

ROOM = 512 << 20
"""Bytes beyond what Python has once its libraries are loaded: ten times what a small recording takes."""

PROBE = """
import json, resource, sys, warnings
import h5py, mne, scipy.io
from rtalign.recordings import open_recordings
warnings.simplefilter("ignore")
room, *pairs = json.load(sys.stdin)
size = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + room, resource.RLIM_INFINITY))
for path, table in pairs:
    try:
        open_recordings(path, word_table=table)
        message = ""
    except (ValueError, OSError) as error:
        message = str(error)
    print(json.dumps(message))
"""


def messages_of(*files: tuple[Path, Path | None]) -> list[str]:
    """The message on each file with its word table, from a process that may take little memory."""
    request = json.dumps([ROOM, *([str(path), str(table) if table else None] for path, table in files)])
    ran = subprocess.run([sys.executable, "-c", PROBE], input=request, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr[-2000:]
    messages = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(messages) == len(files)
    assert not any("\n" in line or "memory" in line.lower() for line in messages), "out of memory is no refusal"
    return messages


def table(folder: Path) -> Path:
    path = folder / "words.tsv"
    path.write_text("onset\tword\n0.5\tthe\n", encoding="utf-8")
    return path


def sparse(path: Path, content: bytes, size: int) -> Path:
    """A file of so many bytes of which few are on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.truncate(size)
    return path


def test_huge_headers_and_densely_packed_files(tmp_path: Path) -> None:
    content = (
        writer.MAGIC + struct.pack("<BQH", 8, (6 << 30) + 6, writer.STREAM_HEADER) + struct.pack("<I", 7) + b"<info>"
    )
    sparse(tmp_path / "a.xdf", content, 7 << 30)
    for name in ("b.xdf", "c.xdfz"):
        (tmp_path / name).write_bytes(gzip.compress(writer.MAGIC + bytes(1 << 26), 1))
    header, packed, named = messages_of(*((tmp_path / name, None) for name in ("a.xdf", "b.xdf", "c.xdfz")))
    assert (
        "a.xdf cannot be read: it has a header that is 4,194,305 characters long; at most 4,194,304 are read" in header
    )
    assert "is no XDF file: it does not begin with XDF:" in packed
    assert "is packed; unpack it" in named


def fif(folder: Path) -> Path:
    info = mne.create_info(["M1", "M2"], 100.0, "mag", verbose="ERROR")
    raw = mne.io.RawArray(1e-13 * np.ones((2, 500)), info, verbose="ERROR")
    raw.save(folder / "a_meg.fif", verbose="ERROR")
    return folder / "a_meg.fif"


def places(content: bytes, kind: int) -> list[int]:
    """Where the tags of a kind begin."""
    place, found = 0, []
    while place >= 0 and place + 16 <= len(content):
        this, _, size, following = struct.unpack_from(">iIii", content, place)
        found += [place] * (this == kind)
        place = place + 16 + size if following == 0 else following
    return found


def claim(content: bytes, place: int, size: int) -> bytes:
    return content[: place + 8] + struct.pack(">i", size) + content[place + 12 :]


def claims_gigabytes(content: bytes) -> bytes:
    return claim(content, places(content, 200)[0], 2**31 - 1)  # the number of channels


def claims_less_than_nothing(content: bytes) -> bytes:
    return claim(content, places(content, 201)[0], -5)


def lies_in_the_directory(content: bytes) -> bytes:
    """A directory is added that leads into the samples, where the header of a tag has been planted."""
    buffer, pointer = places(content, 300)[0] + 100, places(content, 101)[0] + 16
    content = content[:buffer] + struct.pack(">iIii", 201, 4, 2**31 - 1, 0) + content[buffer + 16 :]
    directory = struct.pack(">iIiiiIii", 102, 32, 16, -1, 201, 4, 2**31 - 1, buffer)
    return content[:pointer] + struct.pack(">i", len(content)) + content[pointer + 4 :] + directory


def holds_gigabytes_of_zeros(content: bytes) -> bytes:
    place = places(content, 200)[0]
    return claim(content[: place + 16], place, 2**31 - 1)


def test_fif_tags_with_false_sizes(tmp_path: Path) -> None:
    sound, words = fif(tmp_path), table(tmp_path)
    content = sound.read_bytes()
    harms = [claims_gigabytes, claims_less_than_nothing, lies_in_the_directory, holds_gigabytes_of_zeros]
    files = [tmp_path / f"{harm.__name__}_meg.fif" for harm in harms]
    for path, harm in zip(files, harms, strict=True):
        path.write_bytes(harm(content))
    sparse(files[-1], files[-1].read_bytes(), 3 << 30)
    packed = tmp_path / "packed_meg.fif.gz"
    with gzip.open(packed, "wb", 1) as file:
        file.write(holds_gigabytes_of_zeros(content))
        for _ in range(64):
            file.write(bytes(1 << 20))
    *messages, whole = messages_of(*((path, words) for path in (*files, packed, sound)))
    assert whole == "", "a sound file is read in as much room"
    for path, line in zip((*files, packed), messages, strict=True):
        assert f"{path.name} is cut short: its tag 20" in line
    assert "claims 2,147,483,647 bytes" in messages[0]
    assert "claims -5 bytes" in messages[1]
    assert "claims 2,147,483,647 bytes" in messages[2]
    for line in messages[3:]:
        assert "and no header has more than 67,108,864" in line


def tag(kind: int, data: bytes = b"", of_type: int = 3) -> bytes:
    return struct.pack(">iIii", kind, of_type, len(data), 0) + data


def leads_back(content: bytes) -> bytes:
    """Its last tag names an early one as the next."""
    return content[:-4] + struct.pack(">i", 36)


def nests_for_ever(content: bytes) -> bytes:
    return content[:-16] + tag(104, struct.pack(">i", 999)) * 20_000 + content[-16:]


def has_too_many(content: bytes) -> bytes:
    return content[:-16] + tag(9999) * 500_000 + content[-16:]


def continued_in(name: str, content: bytes) -> bytes:
    """The file as if a split recording went on in the file of that name."""
    block, next_file = struct.pack(">i", 118), struct.pack(">i", 2)
    reference = tag(104, block) + tag(115, next_file) + tag(118, name.encode(), 10) + tag(105, block)
    return content[:-16] + reference + content[-16:]


def test_fif_files_that_lead_in_circles(tmp_path: Path) -> None:
    sound, words = fif(tmp_path), table(tmp_path)
    content = sound.read_bytes()
    files = {harm.__name__: harm(content) for harm in (leads_back, nests_for_ever, has_too_many)}
    files |= {"itself": continued_in("itself_meg.fif", content)}
    files |= {"one": continued_in("two_meg.fif", content), "two": continued_in("one_meg.fif", content)}
    for name, changed in files.items():
        (tmp_path / f"{name}_meg.fif").write_bytes(changed)
    found = messages_of(*((tmp_path / f"{name}_meg.fif", words) for name in files if name != "two"))
    assert "leads_back_meg.fif is damaged: its tag 108 at byte" in found[0]
    assert "leads back to byte 36" in found[0]
    assert "nests_for_ever_meg.fif cannot be read" in found[1]
    assert "has more than 500,000 tags" in found[2]
    assert "itself_meg.fif follows itself" in found[3]
    assert "one_meg.fif is split in a circle" in found[4]


def libri(path: Path, harm: Callable[[Any, Any], None]) -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", libver="latest") as file:
        harm(h5py, file)
    return path


def described(file: Any, **changed: object) -> None:
    attributes = {"sample_frequency": 250.0, "channel_names": "A, B", "channel_types": "mag, mag", **changed}
    for key, value in attributes.items():
        file["data"].attrs[key] = value


def test_hdf5_files_that_claim_what_they_do_not_hold(tmp_path: Path) -> None:
    def long(h5py: Any, file: Any) -> None:
        file["data"] = np.ones((2, 500), np.float32)
        described(file, channel_names=np.zeros(40 << 20, "S1"))

    def many(h5py: Any, file: Any) -> None:
        file["data"] = np.ones((2, 500), np.float32)
        described(file, channel_names=np.array(["x" * 100] * 50_000, h5py.string_dtype()))

    def empty(h5py: Any, file: Any) -> None:
        file.create_dataset("data", (2, 10**12), "f4", chunks=(2, 1000))
        described(file)

    def packed(h5py: Any, file: Any) -> None:
        data = file.create_dataset("data", (2, 1 << 24), "f4", chunks=(2, 1 << 24), compression="gzip")
        data[:, -1] = 1.0
        described(file)

    def sound(h5py: Any, file: Any) -> None:
        data = np.random.default_rng(0).standard_normal((2, 5000)).astype(np.float32)
        file.create_dataset("data", data=data, compression="gzip")
        described(file, channel_names=np.array(["A", "B"], h5py.string_dtype()))

    harms, words = (long, many, empty, packed, sound), table(tmp_path)
    found = messages_of(*((libri(tmp_path / f"{harm.__name__}_meg.h5", harm), words) for harm in harms))
    assert "its channel_names takes 41,943,040 bytes in 41,943,040 parts, and no helmet has so many" in found[0]
    assert "in 50,000 parts" in found[1]
    assert "data claims 8,000,000,000,000 bytes and 0 are stored" in found[2]
    assert "no signal packs so well" in found[3]
    assert found[4] == "", "packed and named one by one, as it may be"


def test_word_tables_of_any_size(tmp_path: Path) -> None:
    sound = fif(tmp_path)
    contents = {
        "lines": (b"onset\tword\n" + b"\n" * 6_000_000, "6,000,001 lines; at most 5,000,000 are read"),
        "columns": (b"onset\tword" + b"\t" * 9_000_000 + b"\n0\tthe\n", "its first line has 9,000,010 characters"),
        "cells": (b"onset\tword\n0\tthe" + b"\t" * 9_000_000, "line 2: 9,000,002 cells; is it a table?"),
    }
    for name, (content, _) in contents.items():
        (tmp_path / f"{name}.tsv").write_bytes(content)
    messages = messages_of(*((sound, tmp_path / f"{name}.tsv") for name in contents))
    for line, (_, message) in zip(messages, contents.values(), strict=True):
        assert message in line
