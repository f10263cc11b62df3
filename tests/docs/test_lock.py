"""The lock of a release install: every version that is tested with, each with its hash."""

from __future__ import annotations

import re
import tomllib

from deploy.lock import EXTRAS, _line, lock_text
from tests.helpers.paths import ROOT

LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.!]+) --hash=sha256:[0-9a-f]{64}(  # of a copy)?")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    """Version by name; a package whose build is local is there as a comment."""
    versions = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        found = LINE.fullmatch(line) or re.match(r"# (?P<name>[A-Za-z0-9._-]+)==(?P<version>[0-9.]+): ", line)
        assert found or line.startswith("#"), line
        if found:
            versions[canonical(found["name"])] = found["version"]
    return versions


def test_the_lock_holds_the_versions_of_the_constraints() -> None:
    pins = [line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    wanted, have = {canonical(name): version for name, version in pins}, locked()
    assert {name: have[name] for name in wanted if name in have} == {n: v for n, v in wanted.items() if n in have}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = [
        *project["dependencies"],
        *(line for extra in EXTRAS for line in project["optional-dependencies"][extra]),
    ]
    missing = {canonical(re.split(r"[<>=!~; \[]", line, maxsplit=1)[0]) for line in required} - set(have)
    assert not missing


def test_a_build_of_this_machine_has_no_hash_and_a_copy_says_so() -> None:
    def entry(name: str, version: str, url: str) -> dict:
        info = {"url": url, "archive_info": {"hashes": {"sha256": "0" * 64}}}
        return {"metadata": {"name": name, "version": version}, "download_info": info}

    assert _line(entry("torch", "2.13.0+cpu", "file:///x")).startswith("# torch==2.13.0: here it was 2.13.0+cpu")
    assert LINE.fullmatch(_line(entry("numpy", "2.4.6", "file:///x")))
    lines = lock_text([entry("b", "1", "https://x"), entry("A", "2", "https://y")]).splitlines()
    assert [line.split("==")[0] for line in lines if not line.startswith("#")] == ["A", "b"]
    assert "https" not in "".join(lines)


def test_the_conda_recipe_has_the_bounds_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {"torch": "pytorch", "pyqt6": "pyqt", "mne": "mne-base", "matplotlib": "matplotlib-base"}
    wanted = {}
    extras = project["optional-dependencies"]
    for line in (*project["dependencies"], *extras["gui"], *extras["live"]):
        name, bounds = re.fullmatch(r"([A-Za-z0-9._-]+)(.*)", line).groups()
        wanted[named.get(canonical(name), canonical(name))] = bounds
    recipe = (ROOT / "deploy" / "meta.yaml").read_text(encoding="utf-8")
    run = recipe.split("  run:\n")[1].split("\n\n")[0]
    have = dict(re.findall(r"- (\S+) ?(.*)", run))
    assert have.pop("python") == project["requires-python"]
    assert have == wanted
    assert f'version = "{project["version"]}"' in recipe
