"""A check says what a folder holds, what is missing, skipped and broken."""

from __future__ import annotations

from pathlib import Path

import mne

from rtalign.recordings import check_folder
from tests.helpers.dataset_folders import AT_ONSET, libri_run, petit_prince, smn_story


def test_published_sets_are_recognised_by_their_layout(tmp_path: Path) -> None:
    petit_prince(tmp_path / "prince", (0.5, 1.0))
    smn_story(tmp_path / "smn")
    libri_run(tmp_path / "libri")
    found = [check_folder(tmp_path / name, recipe=AT_ONSET) for name in ("prince", "smn", "libri")]
    assert [one.known.key for one in found if one.known] == ["petitprince", "smn4lang", "libribrain"]
    assert all(one.usable for one in found)
    assert [one.n_words for one in found] == [2, 3, 2]


def test_the_signal_is_checked_where_asked(tmp_path: Path) -> None:
    petit_prince(tmp_path, (0.5, 1.0))
    (file,) = tmp_path.rglob("*_meg.fif")
    raw = mne.io.read_raw_fif(file, preload=True, verbose="ERROR")
    raw._data[0] = 0.0
    raw.save(file, overwrite=True, verbose="ERROR")
    assert not any("flat" in line.text for line in check_folder(tmp_path).findings)
    assert any("MEG0111 is flat" in line.text for line in check_folder(tmp_path, signal=True).findings)
