"""The cache: the folder of the environment, and keys and hashes that differ when contents do."""

from __future__ import annotations

import pytest

from rtalign.core import cache
from rtalign.core.cache import cache_folder, content_key


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
