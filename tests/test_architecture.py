"""The shape of the house: what may import what, and what an import may do."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "rtalign").rglob("*.py"))
ALL = [*CORE, *sorted((ROOT / "offline").rglob("*.py")), *sorted((ROOT / "apps").rglob("*.py"))]

ORDER = """
    data minutes recipe cache tensorfile filters chain interpolation timeline epochs ring tape tagging folds
    language plan targets
    moments penalties ridge bank scores peaks curves summary study studytables session wire pipeline xdf xdfheader
    xdffile datasets glance sources report results running mismatch scoreboard decoders learning adaptation decoding
    ledger snapshot assessing lessons sink intake engine looking appending rawfile recorder opening keeping script
    obeying host client
""".split()  # noqa: SIM905
"""Data order: a module imports from those before it alone."""


def imports(path: Path) -> set[str]:
    """Every module a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def part(path: Path) -> str:
    relative = path.relative_to(ROOT / "rtalign")
    return relative.parts[0].removesuffix(".py")


def names(found: set[str], *packages: str) -> set[str]:
    return {name for name in found if name.split(".")[0] in packages}


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_knows_no_screen_and_no_command_line(path: Path) -> None:
    assert not names(imports(path), "PyQt6", "pyqtgraph", "argparse", "tqdm", "offline", "apps")


@pytest.mark.parametrize("path", ALL, ids=lambda p: str(p.relative_to(ROOT)))
def test_lsl_qt_and_pickle_stay_where_they_belong(path: Path) -> None:
    found = imports(path)
    if path != ROOT / "rtalign" / "sources" / "lsl.py":
        assert not names(found, "pylsl", "mne_lsl")
    if "apps" not in path.parts:
        assert not names(found, "PyQt6", "pyqtgraph")
    assert not names(found, "pickle", "dill", "joblib", "cloudpickle", "shelve")


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows_point_one_way(path: Path) -> None:
    here = part(path)
    if here == "__init__":
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "rtalign" or len(parts) < 2 or parts[1] == here:
            continue
        assert parts[1] in ORDER, f"{parts[1]} has no place in the order of data"
        assert ORDER.index(parts[1]) < ORDER.index(here), f"{path.name} imports {name}, which comes after it"


@pytest.mark.parametrize("path", ALL, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_opens_with_one_sentence(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert doc
    assert doc.splitlines()[0].endswith(".")


@pytest.mark.parametrize("path", ALL, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_evaluates_what_it_reads(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "__import__"}
        if isinstance(node, ast.keyword) and node.arg in {"trust_remote_code", "allow_pickle", "weights_only"}:
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is (node.arg == "weights_only")


def test_importing_the_core_touches_nothing(tmp_path: Path) -> None:
    """No thread, no file, no environment variable, no torch: everything heavy waits until it is used."""
    probe = (
        "import os, sys, threading; before = dict(os.environ)\n"
        "import rtalign.pipeline, rtalign.scores, rtalign.curves, rtalign.bank, rtalign.targets\n"
        "assert threading.active_count() == 1 and dict(os.environ) == before\n"
        "assert not {'torch', 'mne', 'transformers', 'matplotlib', 'PyQt6', 'pylsl', 'mne_lsl'} & set(sys.modules)\n"
    )
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", probe], check=True, env=home, cwd=tmp_path)
    assert not list(tmp_path.iterdir())
