"""Sessions started, opened, saved and recorded as the user asks, and the demo."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QProcess
from qtpy.QtWidgets import QWidget

from rtalign.core.session import Session
from rtalign.core.storage.cache import cache_folder
from rtalign.core.text.translation import tr
from rtalign.engine.commands import IgnoreMissingSensors, Record, UseBank
from rtalign_monitor import memory as window_memory
from rtalign_monitor.bars.message_bar import Message, MessageBar, Tone
from rtalign_monitor.engines import recorded
from rtalign_monitor.engines.link import EngineLink
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.processes import background_process
from rtalign_monitor.widgets.fields import FileDialogs, open_path
from rtalign_monitor.widgets.theme import Theme

RECORDINGS = tr("Recordings (*.fif *.fif.gz *.xdf *.h5 *.con *.sqd);;All files (*)")
TOML = tr("Session (*.toml)")
FRESH_RUN = "06"
"""The run of the demo's participant that its bank was not trained on."""


class SessionActions:
    """What the Session menu does.

    Parameters
    ----------
    start : callable
        Starts a session in the window.
    link : EngineLink
        The session that runs.
    message_bar : MessageBar
        Where results are posted.
    dialogs : FileDialogs
        Asks for files and folders.
    memory : WindowMemory
        Remembers folders and banks.
    """

    def __init__(
        self,
        start: Callable[[Session], None],
        link: EngineLink,
        message_bar: MessageBar,
        dialogs: FileDialogs,
        memory: WindowMemory,
    ) -> None:
        self._start, self._link, self._message_bar = start, link, message_bar
        self._dialogs, self._memory = dialogs, memory
        self._recording: str | None = None

    def start_dialog(self, theme: Theme, parent: QWidget, demo: Callable[[], object]) -> None:
        """Show the start dialog.

        Parameters
        ----------
        theme : Theme
            Its colours.
        parent : QWidget
            The window.
        demo : callable
            Called where the user asks for the demo.
        """
        try:
            from rtalign_monitor.start.dialog import StartDialog
        except ImportError:
            fix = tr("open a recording with Ctrl+O, or a session file with Ctrl+L")
            self._post(tr("The start dialog is not part of this installation - {fix}.", fix=fix), "stale")
            return
        dialog = StartDialog(self._memory, theme, parent)
        dialog.session_chosen.connect(self._start)
        dialog.demo_requested.connect(demo)
        dialog.open()

    def open(self, folder: bool) -> None:
        """Replay another recording with the same bank; folder: it is a folder, else a file."""
        at = self._memory.folder
        if folder:
            path = self._dialogs.folder(tr("Open recording folder"), at)
        else:
            path = self._dialogs.file(tr("Open recording"), at, RECORDINGS)
        if path is not None:
            self._memory.folder = path.parent
            base = self._link.session or Session(bank=self._memory.banks[0] if self._memory.banks else None)
            kept = base.model_dump(include={"bank", "model", "device", "allow_missing", "last_words"})
            self._start(Session(**kept, recording=path, adapt=base.adapt or base.bank is None))

    def choose_bank(self) -> None:
        """Use another bank: a live session goes on with it, a replay starts again."""
        at = self._memory.banks[0].parent if self._memory.banks else self._memory.folder
        path = self._dialogs.folder(tr("Choose a decoder bank (a folder)"), at)
        session = self._link.session
        if path is None:
            return
        if session is None:
            self._memory.banks = [path, *(bank for bank in self._memory.banks if bank != path)]
            self._post(tr("The bank is chosen; now open a recording (Ctrl+O) or start (Ctrl+N)."), "live")
        elif self._link.state == "running" and session.recording is None and self._link.newest.phase != "failed":
            self._link.send(UseBank(path))
        else:
            self._start(session.model_copy(update={"bank": path}))

    def ignore_missing_sensors(self) -> None:
        """Go on with the sensors that are there; a replay starts again, so that it loses no word."""
        if (session := self._link.session) is None:
            return
        wanted = session.model_copy(update={"allow_missing": True})
        if session.recording is not None:
            self._start(wanted)
        else:
            self._link.session = wanted
            self._link.send(IgnoreMissingSensors())

    def load(self) -> None:
        """Start the session of a file."""
        path = self._dialogs.file(tr("Load session file"), self._memory.folder, TOML)
        if path is not None:
            self._memory.folder = path.parent
            try:
                self._start(Session.load(path))
            except (ValueError, OSError) as error:
                self._post(str(error), "lost")

    def save(self) -> None:
        """Save the settings of the session to a file."""
        at = (self._memory.folder or Path.home()) / "session.toml"
        path = self._dialogs.new_file(tr("Save session file"), at, TOML)
        if path is not None and self._link.session is not None:
            self._memory.folder = path.parent
            try:
                save_session(self._link.session, path)
                self._post(tr("Written: {path}", path=path), "live")
            except OSError as error:
                self._post(str(error), "lost")

    def record(self, on: bool) -> None:
        """Start to record at once, into the session's folder or a default one, without a dialog; or stop."""
        session = self._link.session
        under = session.record if session and session.record else window_memory.output_folder()
        self._link.send(Record(under if on else None))

    def update(self) -> None:
        """Post where a recording is when it starts and when it is complete."""
        recording = self._link.newest.recording
        folder = recording.folder or None if recording else None
        if self._link.newest.phase == "loading":
            self._recording = None
        elif folder != self._recording and self._link.state == "running":
            before, self._recording = self._recording, folder
            path = Path(folder or before or "")
            buttons = ((tr("Open folder"), lambda: open_path(path)),)
            text = (
                tr("Recording to {path}.", path=path) if folder else tr("The recording is complete: {path}.", path=path)
            )
            self._message_bar.post_briefly(Message("notice", text, "live", buttons))

    def _post(self, text: str, tone: Tone) -> None:
        self._message_bar.post_briefly(Message("notice", text, tone), 12)


class DemoBuilder(QObject):
    """Makes a simulated participant and a bank in a process of its own, then starts a replay with them.

    Parameters
    ----------
    message_bar : MessageBar
        Shows the progress.
    start_session : callable
        Starts a session in the window.
    out : Path or None
        Where the demo is made; None for the cache.
    """

    def __init__(
        self, message_bar: MessageBar, start_session: Callable[[Session], object], out: Path | None = None
    ) -> None:
        super().__init__(message_bar)
        self._message_bar, self._start_session = message_bar, start_session
        self._out = out or cache_folder() / "demo"
        self._process = background_process(self)
        self._process.readyReadStandardError.connect(self._read)
        self._process.finished.connect(self._finished)
        self._cancelled = False
        self._last_line = ""

    def start(self) -> None:
        """Make the demo; what an earlier call has made is used again."""
        if self._process.state() == QProcess.ProcessState.NotRunning:
            self._cancelled = False
            self._post(tr("a few minutes the first time"))
            self._process.start(sys.executable, ["-m", "rtalign_cli", "demo", "--prepare", "--out", str(self._out)])

    def cancel(self) -> None:
        self._cancelled = True
        self._message_bar.dismiss("demo")
        self._process.terminate()

    def _post(self, text: str) -> None:
        progress = tr("Making a simulated participant and a bank: {text}", text=text)
        self._message_bar.post(Message("demo", progress, "quiet", ((tr("Cancel"), self.cancel),), True))

    def _read(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        if lines and not self._cancelled:
            self._last_line = lines[-1]
            self._post(self._last_line)

    def _finished(self, status: int) -> None:
        self._message_bar.dismiss("demo")
        if self._cancelled:
            return
        if status:
            text, again = (
                tr("The demo could not be made: {last_line}", last_line=self._last_line),
                ((tr("Try again"), self.start),),
            )
            self._message_bar.post(Message("demo", text, "lost", again))
            return
        self._start_session(Session(recording=self._out / "listener", run=FRESH_RUN, bank=self._out / "bank"))


def save_session(session: Session, path: Path) -> None:
    """Write a session as a TOML file, each setting under its explanation; settings without a value are comments.

    Parameters
    ----------
    session : Session
        What to save.
    path : Path
        The file.
    """
    lines = ["# A session of rtalign; open it in the window, or with: rtalign monitor --session FILE", ""]
    values = session.model_dump(mode="json")
    for name, field in type(session).model_fields.items():
        value = values[name]
        lines.append(f"# {field.description}")
        lines.append(f"# {name} =" if value is None else f"{name} = {_toml(value)}")
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")


def source_of(session: Session) -> str:
    """What nobody should take for a person: a simulated listener, or decoders of one; empty where neither is known."""
    recording, bank = session.recording, session.bank
    if recording is not None and recording.suffix == recorded.SUFFIX:
        return tr("Recorded demo: simulated listener")
    if recording is not None and (recording / "ground_truth.json").is_file():
        return tr("Simulated listener")
    if bank is not None and _is_of_simulation(bank):
        return tr("Decoders of a simulated listener")
    return ""


def _is_of_simulation(bank: Path) -> bool:
    """Whether the summary of a bank says what was planted in its recordings."""
    try:
        return bool(json.loads((bank / "summary.json").read_text(encoding="utf-8")).get("planted"))
    except (OSError, ValueError, AttributeError):
        return False


def describe_session(session: Session) -> str:
    """A session in one line, for the window's title."""
    if session.recording is not None and session.recording.suffix == recorded.SUFFIX:
        return source_of(session)
    source = (
        tr("replay of {recording}", recording=session.recording)
        if session.recording
        else tr("live: {meg}", meg=session.meg or tr("first MEG stream"))
    )
    filters = (*(("", label) for label in [session.label] if label), ("task", session.task), ("run", session.run))
    part = "".join(f", {name} {label}".replace("  ", " ") for name, label in filters if label)
    return tr(
        "{source}{part}   with {bank}",
        source=source,
        part=part,
        bank=session.bank or tr("decoders learned during the session"),
    )


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)  # strings and numbers of JSON are those of TOML
