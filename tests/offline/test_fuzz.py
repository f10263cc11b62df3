"""What is fuzzed can be read, and inputs that once showed a defect are refused in one line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from rtalign_offline.fuzz import worker
from rtalign_offline.fuzz.__main__ import NAMES, pack, slug_of, unpack
from rtalign_offline.fuzz.targets import TARGETS, Target, check
from rtalign_offline.fuzz.worker import FuzzResult, edited, hashes, modules_of
from tests.helpers.paths import ROOT

CORPUS = ROOT / "tests" / "fuzz" / "corpus"


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_reads_its_first_seed_and_refuses_the_others_in_a_line(name: str) -> None:
    target = TARGETS[name]
    first, *others = target.seeds()
    target.read(first)
    kept = sorted((CORPUS / slug_of(name)).glob("*"))
    for data in [*others, *(path.read_bytes() for path in kept), b"", first[: len(first) // 2]]:
        check(target, data)


def test_every_reader_is_run() -> None:
    assert set(NAMES) == set(TARGETS)
    known = {slug_of(name) for name in NAMES}
    assert {path.name for path in CORPUS.glob("*")} <= known


def test_a_refusal_of_two_lines_is_a_defect() -> None:
    def read(_: bytes) -> None:
        raise ValueError("one\ntwo")

    with pytest.raises(AssertionError, match="2 lines"):
        check(Target("any", read, list), b"")


def test_inputs_that_reached_new_code_are_kept_in_an_archive(tmp_path: Path) -> None:
    folder, archive = tmp_path / "corpus", tmp_path / "corpus.tar.xz"
    unpack(archive, folder)
    for name in ("json/b", "json/a", "wav/c"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 50)
    pack(folder, archive)
    before = archive.read_bytes()
    (tmp_path / "new" / "json").mkdir(parents=True)
    (tmp_path / "new" / "json" / "d").write_bytes(b"of this run")
    unpack(archive, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").glob("*/*")} == {"a", "b", "c", "d"}
    assert (tmp_path / "new" / "wav" / "c").read_bytes() == b"wav/c" * 50
    pack(folder, archive)
    assert archive.read_bytes() == before


def test_edits_overwrite_put_in_and_take_out() -> None:
    assert edited(b"abcd", [(0, 0.5, b"X")]) == b"abXd"
    assert edited(b"abcd", [(1, 0.5, b"X")]) == b"abXcd"
    assert edited(b"abcd", [(2, 0.5, b"X")]) == b"abd"


def test_kept_inputs_are_small() -> None:
    assert sum(path.stat().st_size for path in Path(CORPUS).rglob("*") if path.is_file()) < 200_000


def test_counts_add_up_for_as_long_as_the_code_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = TARGETS["JSON"]
    code = hashes(modules_of(target.read, target.seeds()))
    assert list(code) == ["core/storage/json_toml.py"]
    report, one = tmp_path / "json.json", tmp_path / "code"
    report.write_text(json.dumps(asdict(FuzzResult("JSON", "atheris", 5000, 2.0, code=code))))
    assert FuzzResult.continued(report, "JSON", "atheris").n_inputs == 5000
    assert FuzzResult.continued(report, "JSON", "hypothesis").n_inputs == 0
    (one / "core").mkdir(parents=True)
    (one / "core" / "json_toml.py").write_text("# changed")
    monkeypatch.setattr(worker, "CODE", one)
    assert FuzzResult.continued(report, "JSON", "atheris").n_inputs == 0
    assert FuzzResult.continued(tmp_path / "none.json", "JSON", "atheris").n_inputs == 0
