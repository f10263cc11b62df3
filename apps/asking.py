"""Asking for files and folders with the desktop's own dialogs."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtWidgets import QFileDialog, QWidget


class Asking:
    """Each answer is None where the user thinks better of it."""

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent

    def file(self, title: str, at: Path | None, kinds: str) -> Path | None:
        found, _ = QFileDialog.getOpenFileName(self._parent, title, str(at or ""), kinds)
        return Path(found) if found else None

    def folder(self, title: str, at: Path | None) -> Path | None:
        found = QFileDialog.getExistingDirectory(self._parent, title, str(at or ""))
        return Path(found) if found else None

    def new_file(self, title: str, at: Path, kinds: str) -> Path | None:
        """A name without an ending gets that of the kind chosen."""
        found, kind = QFileDialog.getSaveFileName(self._parent, title, str(at), kinds)
        path = Path(found)
        return (path if path.suffix else path.with_suffix(ending(kind))) if found else None


def ending(kind: str) -> str:
    """.png of "PNG (*.png)"."""
    return "." + kind.rpartition("*.")[2].rstrip(")")
