"""The cache: the folder of the environment, and keys and hashes that differ when contents do."""

from __future__ import annotations

import os

import numpy as np
import pytest

from rtalign.core.storage import cache
from rtalign.core.storage.cache import SEAL, cache_folder, content_key, is_stored, stored_folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("RTALIGN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "rtalign"


def test_parts_of_a_key_are_kept_apart():
    assert (
        len(
            {
                content_key("ab", "c"),
                content_key("a", "bc"),
                content_key("abc"),
                content_key("ab", "c", ""),
            }
        )
        == 4
    )


def test_a_large_file_is_hashed_by_its_size_and_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "WHOLE_BYTES", 100)
    monkeypatch.setattr(cache, "EDGE_BYTES", 10)
    file = tmp_path / "weights"

    def hash_of(content):
        file.write_bytes(content)
        return cache.hash_file(file)

    base = hash_of(bytes(200))
    assert hash_of(bytes(201)) != base
    assert hash_of(b"x" + bytes(199)) != base
    assert hash_of(bytes(199) + b"x") != base


def stored(path):
    with stored_folder(path) as partial:
        np.save(partial / "activations.npy", np.ones((40, 9)))
        (partial / "report.html").write_text("<p>")
    return path


def zero_a_quarter(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 3 // 4].ljust(len(content), b"\0"))


def cut(file):
    file.write_bytes(file.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        (zero_a_quarter, "activations.npy"),
        (cut, "activations.npy"),
        (os.remove, "activations.npy"),
        (cut, SEAL),
        (os.remove, SEAL),
    ],
)
def test_contents_that_have_changed_are_told_and_not_used(tmp_path, harm, name):
    folder, told = stored(tmp_path / "activations" / "key"), []
    assert is_stored(folder, told.append)
    harm(folder / name)
    assert not is_stored(folder, told.append)
    assert not folder.exists()
    (line,) = told
    assert name in line
    assert line.endswith("it is computed again")


def test_a_page_that_is_written_again_changes_no_contents(tmp_path):
    folder = stored(tmp_path / "key")
    (folder / "report.html").write_text("<p>again")
    assert is_stored(folder)


def test_a_folder_without_hashes_is_no_stored_folder(tmp_path):
    (tmp_path / "old").mkdir()
    assert not is_stored(tmp_path / "old")
    assert not is_stored(tmp_path / "never")
