"""What the window remembers between starts, in one small file."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from qtpy.QtCore import QStandardPaths

from rtalign.core.session import Session

VARIABLE = "RTALIGN_SETTINGS"
HIDDEN_AT_FIRST = ("sensors",)
"""Panels that are hidden until the user shows them."""
MAX_RECENT = 8
MAX_BOOKMARKED = 40
"""Recordings whose bookmarks are remembered."""
SAME_BOOKMARK_S = 0.5
"""A bookmark this near to a time counts as the bookmark of that time."""

ThemeName = Literal["system", "dark", "light"]
ViewName = Literal["operator", "demo"]


class WindowMemory(BaseModel):
    """Everything that the window remembers.

    Attributes
    ----------
    theme : {"system", "dark", "light"}
        Chosen theme.
    view : {"operator", "demo"}
        View that was shown last.
    scale : float
        Size of the type, 1 as designed.
    layouts : dict of str to str
        Borders between the panels by view and splitter, as Qt saves them, in base64.
    hidden : list of str
        Names of the panels that are hidden.
    geometry : str
        Place and size of the window, as Qt saves them, in base64.
    recent : list of Session
        Sessions that were started, the newest first.
    started : dict of str to str
        When each of them was last started, by its JSON: date and time of ISO 8601.
    banks : list of Path
        Banks that were used, the newest first.
    folder : Path or None
        Folder in which the user last chose a file.
    bookmarks : dict of str to list of float
        Bookmarked times in seconds, by recording.
    last_words : int
        How many of the newest words are scored when not all are.
    """

    model_config = ConfigDict(extra="ignore", validate_assignment=True)

    theme: ThemeName = "system"
    view: ViewName = "operator"
    scale: float = Field(1.0, ge=0.5, le=3.0)
    layouts: dict[str, str] = {}
    hidden: list[str] = list(HIDDEN_AT_FIRST)
    geometry: str = ""
    recent: list[Session] = []
    started: dict[str, str] = {}
    banks: list[Path] = []
    folder: Path | None = None
    bookmarks: dict[str, list[float]] = {}
    last_words: int = Field(300, ge=100)

    def add_recent(self, session: Session) -> None:
        """Put a session, and its bank, first among the recent ones."""
        self.recent = [session, *(other for other in self.recent if other != session)][:MAX_RECENT]
        known = self.started | {session.model_dump_json(): datetime.now().isoformat(timespec="minutes")}
        keys = {other.model_dump_json() for other in self.recent}
        self.started = {key: when for key, when in known.items() if key in keys}
        if session.bank is not None:
            self.banks = [session.bank, *(bank for bank in self.banks if bank != session.bank)][:MAX_RECENT]


def default_path() -> Path:
    """The file in which the window remembers: $RTALIGN_SETTINGS, else in the platform's folder of settings."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(folder) / "rtalign" / "window.json"


def output_folder() -> Path:
    """The folder for recordings and reports unless the session names one."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(documents or Path.home()) / "rtalign"


def load(path: Path) -> WindowMemory:
    """Read a file of `save`; a missing or damaged file counts as empty."""
    try:
        return WindowMemory.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return WindowMemory()


def save(memory: WindowMemory, path: Path) -> str | None:
    """Write the file completely or not at all.

    Parameters
    ----------
    memory : WindowMemory
        What to write.
    path : Path
        The file.

    Returns
    -------
    str or None
        Why it could not be written, or None.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(memory.model_dump_json(indent=1))
        os.replace(partial, path)
    except OSError as error:
        return f"the window's settings cannot be saved: {error}"
    return None


class Bookmarks:
    """Bookmarked times of one recording.

    Parameters
    ----------
    memory : WindowMemory
        Where the bookmarks of all recordings are kept.
    """

    def __init__(self, memory: WindowMemory) -> None:
        self._memory = memory
        self._key = ""

    @property
    def times(self) -> list[float]:
        """The times in seconds, in ascending order."""
        return self._memory.bookmarks.get(self._key, [])

    def open(self, session: Session) -> None:
        """Turn to the recording of a session; live streams have no bookmarks."""
        parts = (session.recording and session.recording.resolve(), session.subject, session.session, session.task)
        self._key = "|".join(str(part or "") for part in (*parts, session.run)) if session.recording else ""

    def toggle(self, time_s: float) -> bool:
        """Set a bookmark, or remove the one at this time; return whether there is one now."""
        others = [t for t in self.times if abs(t - time_s) > SAME_BOOKMARK_S]
        is_new = len(others) == len(self.times)
        other_recordings = {key: times for key, times in self._memory.bookmarks.items() if key != self._key}
        bookmarked = {self._key: sorted([*others, time_s] if is_new else others)} if is_new or others else {}
        self._memory.bookmarks = dict([*other_recordings.items(), *bookmarked.items()][-MAX_BOOKMARKED:])
        return is_new

    def neighbour(self, time_s: float, step: int) -> float | None:
        """The next bookmark after a time (step 1), or the one before it (step -1); None where there is none."""
        if step > 0:
            return next((t for t in self.times if t > time_s + 0.05), None)
        return next((t for t in reversed(self.times) if t < time_s - SAME_BOOKMARK_S), None)
