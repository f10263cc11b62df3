"""Finds the system libraries that a package lacks, with ldd, because Qt's own messages mislead."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

DEBIAN = {
    "libGL.so": "libgl1",
    "libEGL.so": "libegl1",
    "libglib-2.0.so": "libglib2.0-0",
    "libgthread-2.0.so": "libglib2.0-0",
    "libfontconfig.so": "libfontconfig1",
    "libfreetype.so": "libfreetype6",
    "libxkbcommon.so": "libxkbcommon0",
    "libxkbcommon-x11.so": "libxkbcommon-x11-0",
    "libdbus-1.so": "libdbus-1-3",
    "libxcb-cursor.so": "libxcb-cursor0",
    "libxcb-icccm.so": "libxcb-icccm4",
    "libxcb-image.so": "libxcb-image0",
    "libxcb-keysyms.so": "libxcb-keysyms1",
    "libxcb-randr.so": "libxcb-randr0",
    "libxcb-render.so": "libxcb-render0",
    "libxcb-render-util.so": "libxcb-render-util0",
    "libxcb-shape.so": "libxcb-shape0",
    "libxcb-shm.so": "libxcb-shm0",
    "libxcb-sync.so": "libxcb-sync1",
    "libxcb-xfixes.so": "libxcb-xfixes0",
    "libxcb-xkb.so": "libxcb-xkb1",
    "libxcb.so": "libxcb1",
    "libX11-xcb.so": "libx11-xcb1",
    "libX11.so": "libx11-6",
    "libpulse.so": "libpulse0",
}
"""The Debian and Ubuntu package of each library Qt asks for."""


def missing(package: str, *patterns: str) -> list[str]:
    """The libraries that files of an installed package need and the system lacks; none where there is no ldd."""
    spec = importlib.util.find_spec(package)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    files = [file for folder in folders for pattern in patterns for file in sorted(folder.rglob(pattern))]
    if not shutil.which("ldd"):
        return []
    return sorted({name for file in files for name in _not_found(file)})


def install_command(names: Sequence[str]) -> str:
    """The command that installs libraries on Debian and Ubuntu; empty for no library."""
    packages = [DEBIAN.get(name.partition(".so")[0] + ".so") for name in names]
    known = sorted({name for name in packages if name})
    if not names or not known:
        return f"install {', '.join(names)} with the system's package manager" if names else ""
    return f"sudo apt-get install -y {' '.join(known)}"


def _not_found(file: Path) -> list[str]:
    done = subprocess.run(["ldd", str(file)], capture_output=True, text=True, timeout=30, check=False)
    return [line.split("=>")[0].strip() for line in done.stdout.splitlines() if "not found" in line and "=>" in line]
