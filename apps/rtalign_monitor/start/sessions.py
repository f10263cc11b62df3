"""Sessions chosen, opened, saved and recorded, as the user asks."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtalign.core.session import Session
from rtalign.engine.commands import IgnoreMissingSensors, Record, UseBank
from rtalign_monitor import memory as remember
from rtalign_monitor.bars.message_bar import Message, MessageBar
from rtalign_monitor.engines.link import EngineLink
from rtalign_monitor.export.exporter import show
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.widgets.fields import Asking


def as_toml(session: Session) -> str:
    """Each setting under its own explanation; what is not set stays a comment."""
    lines = ["# A session of rtalign; open it in the window, or with: rtalign monitor --session-file FILE", ""]
    values = session.model_dump(mode="json")
    for name, field in type(session).model_fields.items():
        value = values[name]
        lines.append(f"# {field.description}")
        lines.append(f"# {name} =" if value is None else f"{name} = {_toml(value)}")
        lines.append("")
    return "\n".join(lines)


def save(session: Session, path: Path) -> None:
    path.write_text(as_toml(session), encoding="utf-8")


def name_of(session: Session) -> str:
    """A session in one line of a list."""
    what = f"replay of {session.recording}" if session.recording else f"live: {session.meg or 'first MEG stream'}"
    part = "".join(f", {key} {getattr(session, key)}" for key in ("subject", "task", "run") if getattr(session, key))
    return f"{what}{part}   with {session.bank or 'decoders learned on the way'}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)  # strings and numbers of JSON are those of TOML


RECORDINGS = "Recordings (*.fif *.fif.gz *.xdf *.h5 *.con *.sqd);;All files (*)"
TOML = "Session (*.toml)"


class Sessions:
    """begin : what starts a session in the window."""

    def __init__(
        self,
        begin: Callable[[Session], None],
        link: EngineLink,
        message_bar: MessageBar,
        asking: Asking,
        memory: WindowMemory,
    ) -> None:
        self._begin, self._link, self._message_bar, self._asking, self._memory = (
            begin,
            link,
            message_bar,
            asking,
            memory,
        )
        self._recording: str | None = None

    def start_dialog(self, theme: Any, parent: Any, demo: Callable[[], object]) -> Any:
        """The dialog, shown; None where it is not part of this installation."""
        try:
            made = importlib.import_module("rtalign_monitor.start.dialog").StartDialog(self._memory, theme, parent)
        except ImportError:
            cure = "open a recording with Ctrl+O, or a session file with Ctrl+L"
            self._say(f"The start dialog is not part of this installation - {cure}.", "stale")
            return None
        made.chosen.connect(self._begin)
        made.demo_wanted.connect(demo)
        made.open()
        return made

    def open(self, folder: bool) -> None:
        """A recording in place of what runs, with the same bank."""
        at = self._memory.folder
        if folder:
            path = self._asking.folder("Open recording folder", at)
        else:
            path = self._asking.file("Open recording", at, RECORDINGS)
        if path is not None:
            self._memory.folder = path.parent
            base = self._link.session or Session(bank=self._memory.banks[0] if self._memory.banks else None)
            kept = {name: getattr(base, name) for name in ("bank", "model", "device", "allow_missing", "last_words")}
            self._begin(Session(**kept, recording=path, adapt=base.adapt or base.bank is None))

    def choose_bank(self) -> None:
        """Live, the story goes on with it; a replay begins anew."""
        at = self._memory.banks[0].parent if self._memory.banks else self._memory.folder
        path = self._asking.folder("Choose a decoder bank (a folder)", at)
        session = self._link.session
        if path is None:
            return
        if session is None:
            self._memory.banks = [path, *(bank for bank in self._memory.banks if bank != path)]
            self._say("The bank is chosen; now open a recording (Ctrl+O) or start (Ctrl+N).", "live")
        elif self._link.state == "running" and session.recording is None and self._link.newest.phase != "failed":
            self._link.send(UseBank(path))
        else:
            self._begin(session.model_copy(update={"bank": path}))

    def do_without(self) -> None:
        """Go on with the sensors that are there; a replay begins anew, so that no word is lost to it."""
        if (session := self._link.session) is None:
            return
        wanted = session.model_copy(update={"allow_missing": True})
        if session.recording is not None:
            self._begin(wanted)
        else:
            self._link.session = wanted
            self._link.send(IgnoreMissingSensors())

    def load(self) -> None:
        path = self._asking.file("Load session file", self._memory.folder, TOML)
        if path is not None:
            self._memory.folder = path.parent
            try:
                self._begin(Session.load(path))
            except (ValueError, OSError) as error:
                self._say(str(error), "lost")

    def save(self) -> None:
        at = (self._memory.folder or Path.home()) / "session.toml"
        path = self._asking.new_file("Save session file", at, TOML)
        if path is not None and self._link.session is not None:
            self._memory.folder = path.parent
            try:
                save(self._link.session, path)
                self._say(f"Written: {path}", "live")
            except OSError as error:
                self._say(str(error), "lost")

    def record(self, wanted: bool) -> None:
        """Begins at once, where the session says, or in a folder of our own; no dialog while something happens."""
        session = self._link.session
        under = session.record if session and session.record else remember.output_folder()
        self._link.send(Record(under if wanted else None))

    def look(self) -> None:
        """Say where a recording went when it begins and when it is whole."""
        kept = self._link.newest.recording
        folder = kept.folder if kept else None
        if self._link.newest.phase == "loading":
            self._recording = None
        elif folder != self._recording and self._link.state == "running":
            before, self._recording = self._recording, folder
            path = Path(folder or before or "")
            cures = (("Open folder", lambda: show(path)),)
            text = f"Recording to {path}." if folder else f"The recording is whole: {path}."
            self._message_bar.post_briefly(Message("notice", text, "live", cures))

    def _say(self, text: str, tone: Any) -> None:
        self._message_bar.post_briefly(Message("notice", text, tone), 12)
