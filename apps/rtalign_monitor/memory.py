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

from rtalign.core.records import Annotation
from rtalign.core.session import Session
from rtalign.core.storage.files import expand_home
from rtalign.core.text.translation import tr
from rtalign.engine.commands import MAX_ANNOTATIONS

VARIABLE = "RTALIGN_SETTINGS"
HIDDEN_AT_FIRST = ("sensors", "heads")
"""Panels that are hidden until the user shows them."""
MAX_RECENT = 8
MAX_ANNOTATED = 40
"""Recordings whose annotations are remembered."""
SAME_TIME_S = 0.5
"""What is written this near to a time counts as written at that time."""

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
    annotations : dict of str to list of Annotation
        Bookmarks and notes, by recording.
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
    annotations: dict[str, list[Annotation]] = {}
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
        return expand_home(chosen)
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
        return tr("the window's settings cannot be saved: {error}", error=error)
    return None


class AnnotationList:
    """What the operator has written in a session: bookmarks, with or without a name, and notes.

    Of a recording they are remembered from one replay to the next; what was written while it was recorded is in its
    own file, and counts until the user changes it.

    Parameters
    ----------
    memory : WindowMemory
        Where those of all recordings are kept.

    Attributes
    ----------
    entries : tuple of Annotation
        In the order of time.
    """

    def __init__(self, memory: WindowMemory) -> None:
        self._memory = memory
        self._key = ""
        self.entries: tuple[Annotation, ...] = ()
        self._is_own = False

    @property
    def times(self) -> list[float]:
        """The times in seconds, in ascending order."""
        return [entry.time for entry in self.entries]

    def open(self, session: Session) -> None:
        """Turn to a session; live streams begin without annotations."""
        parts = (session.recording and session.recording.resolve(), session.subject, session.session, session.task)
        self._key = "|".join(str(part or "") for part in (*parts, session.run)) if session.recording else ""
        self._is_own = not self._key or self._key in self._memory.annotations
        self.entries = tuple(self._memory.annotations.get(self._key, ())) if self._key else ()

    def follow(self, recorded: tuple[Annotation, ...]) -> bool:
        """Show what the engine has, or return that the engine has to be told: the user's own count."""
        if not self._is_own:
            self.entries = recorded
        return self._is_own and recorded != self.entries

    def at(self, time_s: float) -> Annotation | None:
        """What is written at a time."""
        return next((entry for entry in self.entries if abs(entry.time - time_s) <= SAME_TIME_S), None)

    def write(self, time_s: float, text: str) -> None:
        """Write a text at a time, in place of what is there."""
        self._set([Annotation(time_s, text), *(entry for entry in self.entries if entry is not self.at(time_s))])

    def remove(self, time_s: float) -> None:
        """Remove what is written at a time."""
        self._set([entry for entry in self.entries if entry is not self.at(time_s)])

    def neighbour(self, time_s: float, step: int) -> float | None:
        """The next time after one (step 1), or the one before it (step -1); None where there is none."""
        if step > 0:
            return next((t for t in self.times if t > time_s + 0.05), None)
        return next((t for t in reversed(self.times) if t < time_s - SAME_TIME_S), None)

    def _set(self, entries: list[Annotation]) -> None:
        self.entries, self._is_own = tuple(sorted(entries)[:MAX_ANNOTATIONS]), True
        if self._key:
            others = {key: kept for key, kept in self._memory.annotations.items() if key != self._key}
            self._memory.annotations = dict([*others.items(), (self._key, list(self.entries))][-MAX_ANNOTATED:])
