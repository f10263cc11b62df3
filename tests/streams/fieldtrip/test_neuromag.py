"""What neuromag2ft attaches to a header: read as MNE reads it, in either byte order, and never trusted."""

from __future__ import annotations

import struct
from pathlib import Path

import mne
import numpy as np
import pytest
from mne._fiff.open import fiff_open
from mne._fiff.tag import read_tag
from mne._fiff.tree import dir_tree_find

from rtalign.streams.fieldtrip.description import describe_buffer
from rtalign.streams.fieldtrip.neuromag import CH_INFO, CH_NAME_AT, WIDTHS, head_position, plain_fif, read_tags
from rtalign.streams.fieldtrip.protocol import HPI_RESULT, NAMES, NEUROMAG, BufferHeader
from tests.helpers.heads import COILS, hpi_result, position
from tests.helpers.real_data import MEGIN, real


def header(**chunks: bytes) -> BufferHeader:
    kinds = {"hpi": HPI_RESULT, "neuromag": NEUROMAG}
    return BufferHeader(1, 0, 0, 1000.0, 9, {NAMES: b"MEG0111\0"} | {kinds[k]: raw for k, raw in chunks.items()})


def native(raw: bytes) -> bytes:
    """A FIF header as neuromag2ft writes it on Linux: every number of it little-endian, no directory."""
    out = b""
    for tag in read_tags(raw):
        width = WIDTHS.get(tag.type, 4)
        n = CH_NAME_AT if tag.type == CH_INFO else len(tag.content) // width * width
        swapped = b"".join(tag.content[i : i + width][::-1] for i in range(0, n, width))
        out += struct.pack("<4i", tag.kind, tag.type, len(tag.content), 0) + swapped + tag.content[n:]
    return out


def test_mne_finds_the_same_head_in_a_localisation(tmp_path: Path) -> None:
    path = tmp_path / "hpi_result.fif"
    path.write_bytes(hpi_result(position()))
    file, tree, _ = fiff_open(path, verbose="ERROR")
    with file:
        (block,) = dir_tree_find(tree, 109)
        (entry,) = [entry for entry in block["directory"] if entry.kind == 222]
        trans = read_tag(file, entry.pos).data
    assert (trans["from"], trans["to"]) == (1, 4)
    for order in "><":
        found, note = head_position(header(hpi=hpi_result(position(), order=order)))
        assert found is not None
        assert note == ""
        np.testing.assert_array_equal(np.reshape(found.rows, (3, 4)), trans["trans"][:3])


def test_the_newest_localisation_counts_and_one_that_was_not_accepted_is_told() -> None:
    moved = position(COILS + np.array([0.0, 0.004, 0.0]))
    twice = hpi_result(position(), accepted=0) + hpi_result(moved, accepted=None)[16 + 20 :]
    found, note = head_position(header(hpi=twice))
    assert found is not None
    assert found.distance_mm([moved]) < 1e-3
    assert note == ""
    found, note = head_position(header(hpi=hpi_result(moved, accepted=0)))
    assert found is None
    assert "not accepted" in note


def test_the_machines_own_header_is_read_in_its_byte_order(tmp_path: Path) -> None:
    info = mne.io.read_info(real(MEGIN), verbose="ERROR")
    mne.io.write_info(tmp_path / "header.fif", info, overwrite=True)
    raw = (tmp_path / "header.fif").read_bytes()
    assert plain_fif(native(raw)) == plain_fif(raw)
    read = describe_buffer(header(neuromag=native(raw)), "b")
    (sensor,) = read.sensors
    (entry,) = [entry for entry in info["chs"] if entry["ch_name"].replace(" ", "") == "MEG0111"]
    np.testing.assert_allclose(sensor.position, entry["loc"][:3], atol=1e-7)
    assert read.head is not None, "where no localisation is attached"
    np.testing.assert_allclose(np.reshape(read.head.rows, (3, 4)), info["dev_head_t"]["trans"][:3], atol=1e-7)


def test_what_is_no_localisation_is_told_and_gives_no_head() -> None:
    whole = hpi_result(position())
    endless = whole[:36] + struct.pack(">4i", 222, 35, 1 << 30, 0)
    for raw in (b"", b"\0" * 64, whole[:-3], whole[:90], endless, struct.pack(">4i", 100, 31, -5, 0)):
        read = describe_buffer(header(hpi=raw), "b")
        assert read.head is None
        assert any("head localisation" in note for note in read.notes)
    nowhere = position(COILS)
    for wrong in (np.nan, 1e30):
        broken = type(nowhere)((*nowhere.rows[:3], wrong, *nowhere.rows[4:]))
        assert describe_buffer(header(hpi=hpi_result(broken)), "b").head is None


@pytest.mark.parametrize("cut", range(0, 260, 7))
def test_a_localisation_that_is_cut_anywhere_raises_nothing(cut: int) -> None:
    describe_buffer(header(hpi=hpi_result(position())[:cut]), "b")
