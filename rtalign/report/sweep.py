"""The report of a sweep: one self-contained HTML file of how models, contexts and people compare."""

from __future__ import annotations

from pathlib import Path


def is_sweep(folder: Path) -> bool:
    return (folder / "sweep.json").is_file()


def write(folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text("<!doctype html>")
    return path
