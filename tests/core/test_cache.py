"""The cache: folders appear whole or not at all, and keys and hashes tell contents apart."""

from __future__ import annotations

import pytest

from rtalign.core import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))


def test_two_writers_of_one_folder_leave_it_whole(tmp_path):
    path = tmp_path / "kept" / "model"
    with cache.atomic_folder(path) as mine:
        (mine / "weights").write_text("mine")
        with cache.atomic_folder(path) as theirs:
            (theirs / "weights").write_text("theirs")
        assert (path / "weights").read_text() == "theirs"
    assert (path / "weights").read_text() == "theirs"
    assert [entry.name for entry in path.parent.iterdir()] == ["model"]


def test_a_folder_that_fails_half_way_never_appears(tmp_path):
    def stopped():
        with cache.atomic_folder(tmp_path / "model") as partial:
            (partial / "weights").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(tmp_path.iterdir()) == []


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    assert cache.folder() == tmp_path / "cache"
    monkeypatch.delenv("RTALIGN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg" / "rtalign"


def test_parts_of_a_key_are_kept_apart():
    assert len({cache.key("ab", "c"), cache.key("a", "bc"), cache.key("abc"), cache.key("ab", "c", "")}) == 4


def test_a_large_file_is_hashed_by_its_size_and_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "WHOLE", 100)
    monkeypatch.setattr(cache, "EDGE", 10)
    file = tmp_path / "weights"

    def hash_of(content):
        file.write_bytes(content)
        return cache.of_file(file)

    base = hash_of(bytes(200))
    assert hash_of(bytes(201)) != base
    assert hash_of(b"x" + bytes(199)) != base
    assert hash_of(bytes(199) + b"x") != base
