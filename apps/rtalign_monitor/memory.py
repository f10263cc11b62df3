"""What the window remembers for next time, in one small file of ours."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from PyQt6.QtCore import QStandardPaths

from rtalign.core.session import Session

VARIABLE = "RTALIGN_SETTINGS"
MOST_RECENT = 8
MOST_MARKED = 40
"""Recordings whose bookmarks are remembered."""

ThemeName = Literal["system", "dark", "light"]
ViewName = Literal["operator", "demo"]


class WindowMemory(BaseModel):
    """Everything that is remembered.  layouts, geometry : as Qt saves them, in base64."""

    model_config = ConfigDict(extra="ignore", validate_assignment=True)

    theme: ThemeName = "system"
    view: ViewName = "operator"
    scale: float = Field(1.0, ge=0.5, le=3.0)
    layouts: dict[str, str] = {}
    hidden: list[str] = []
    geometry: str = ""
    recent: list[Session] = []
    banks: list[Path] = []
    folder: Path | None = None
    bookmarks: dict[str, list[float]] = {}
    last_words: int = Field(300, ge=100)

    def add_recent(self, session: Session) -> None:
        """A session began: it is the most recent one now, and so is its bank."""
        self.recent = [session, *(other for other in self.recent if other != session)][:MOST_RECENT]
        if session.bank is not None:
            self.banks = [session.bank, *(bank for bank in self.banks if bank != session.bank)][:MOST_RECENT]


def default_path() -> Path:
    """$RTALIGN_SETTINGS, else the platform's own place for settings."""
    own = os.environ.get(VARIABLE)
    if own:
        return Path(own).expanduser()
    where = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(where) / "rtalign" / "window.json"


def output_folder() -> Path:
    """Where recordings and reports go when nothing else was said."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(documents or Path.home()) / "rtalign"


def load(path: Path) -> WindowMemory:
    """What was remembered; a file that is missing or damaged is as if nothing was."""
    try:
        return WindowMemory.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return WindowMemory()


def save(memory: WindowMemory, path: Path) -> str | None:
    """Write it whole or not at all; the reason where it could not be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(memory.model_dump_json(indent=1))
        os.replace(partial, path)
    except OSError as error:
        return f"what is chosen here cannot be remembered: {error}"
    return None


NEAR_S = 0.5
"""A bookmark this near is meant."""


class Bookmarks:
    """Times in the recording, in order."""

    def __init__(self, memory: WindowMemory) -> None:
        self._memory = memory
        self._key = ""

    @property
    def times(self) -> list[float]:
        return self._memory.bookmarks.get(self._key, [])

    def open(self, session: Session) -> None:
        """Another recording; live streams have none."""
        parts = (session.recording and session.recording.resolve(), session.subject, session.session, session.task)
        self._key = "|".join(str(part or "") for part in (*parts, session.run)) if session.recording else ""

    def turn(self, time_s: float) -> bool:
        """Set one here, or take away the one that is here; whether there is one now."""
        kept = [t for t in self.times if abs(t - time_s) > NEAR_S]
        new = len(kept) == len(self.times)
        others = {key: times for key, times in self._memory.bookmarks.items() if key != self._key}
        marked = {self._key: sorted([*kept, time_s] if new else kept)} if new or kept else {}
        self._memory.bookmarks = dict([*others.items(), *marked.items()][-MOST_MARKED:])
        return new

    def beside(self, time_s: float, by: int) -> float | None:
        """The next one (1) or the one before (-1)."""
        if by > 0:
            return next((t for t in self.times if t > time_s + 0.05), None)
        return next((t for t in reversed(self.times) if t < time_s - NEAR_S), None)
