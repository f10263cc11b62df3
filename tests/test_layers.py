"""The shape of the house: what may import what, and what an import may do."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.paths import PYTHONPATH, ROOT

SOURCES = sorted(
    path
    for folder in ("rtalign", "offline/rtalign_offline", "apps/rtalign_monitor", "apps/rtalign_cli")
    for path in (ROOT / folder).rglob("*.py")
)


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def test_every_contract_of_imports_is_kept() -> None:
    """Layers, circles, Qt, LSL, the command line: see [tool.importlinter] in pyproject.toml."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_module_opens_with_one_sentence() -> None:
    for path in SOURCES:
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert doc, path
        assert doc.splitlines()[0].endswith("."), path


def test_nothing_evaluates_what_it_reads() -> None:
    for path, node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "__import__"}, path
        if isinstance(node, ast.keyword) and node.arg in {"trust_remote_code", "allow_pickle", "weights_only"}:
            assert isinstance(node.value, ast.Constant), path
            assert node.value.value is (node.arg == "weights_only"), path


def test_modules_of_one_system_are_imported_where_they_are_used() -> None:
    """So that macOS and Windows can import all but the studies of faults and of random bytes, which limit processes."""
    for path in SOURCES:
        if {"faults", "fuzz"} & set(path.parts):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {"resource", "fcntl", "pwd", "grp", "termios", "select", "msvcrt"} & set(names), path


def test_importing_the_core_touches_nothing(tmp_path: Path) -> None:
    """No thread, no file, no environment variable, no torch: everything heavy waits until it is used."""
    probe = (
        "import os, sys, threading; before = dict(os.environ)\n"
        "import rtalign.signal.pipeline, rtalign.scoring.cross_validated, rtalign.scoring.curves\n"
        "import rtalign.decoding.bank, rtalign.decoding.projection, rtalign.engine.process.preview\n"
        "from rtalign.recordings import open_matching, session_options\n"
        "assert threading.active_count() == 1 and dict(os.environ) == before\n"
        "assert not {'torch', 'mne', 'transformers', 'matplotlib', 'PyQt6', 'pylsl', 'mne_lsl'} & set(sys.modules)\n"
    )
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": PYTHONPATH}
    subprocess.run([sys.executable, "-c", probe], check=True, env=home, cwd=tmp_path)
    assert not list(tmp_path.iterdir())
