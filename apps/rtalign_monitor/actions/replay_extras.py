"""What accompanies a replay in the window: the story's sound, a second bank."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rtalign.core.session import Session
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.bars.message_bar import Message
from rtalign_monitor.engines.link import EngineClient
from rtalign_monitor.engines.second_engine import BankComparison
from rtalign_monitor.panels.lag_map import LagMapPanel
from rtalign_monitor.sound.player import SoundPlayer

if TYPE_CHECKING:
    from rtalign_monitor.main_window import MonitorWindow

Cures = tuple[tuple[str, Callable[[], object]], ...]
NO_SOUND = "No sound is at hand: name a wav in the session, or put it beside the recording."


class ReplayExtras:
    """Hangs on the window by its actions, its strip and its panels."""

    def __init__(self, window: MonitorWindow, begin: Callable[[Session], EngineClient]) -> None:
        self._window = window
        self.sounding = SoundPlayer(lambda: window.link.newest, lambda text: self._say("sound", text), parent=window)
        self.comparison = BankComparison(window.link, begin, self._tell)
        self._drawn: Snapshot | None = None
        actions = window.action_registry
        actions["mute"].toggled.connect(lambda on: setattr(self.sounding, "muted", on))
        actions["compare"].triggered.connect(self._compare)
        actions["turn"].triggered.connect(window.grid.panel(LagMapPanel).show_next)
        self._can: dict[str, str | None] = {}

    def look(self, seen: Snapshot) -> None:
        """Called many times a second, before the panels are drawn."""
        self.sounding.update(seen)
        self.comparison.look()
        beside = self.comparison.second_bank
        if (beside.snapshot if beside else None) is not self._drawn and not self._window.action_registry[
            "freeze"
        ].isChecked():
            self._drawn = beside.snapshot if beside else None
            for panel in self._window.grid.panels.values():
                panel.set_second_bank(beside)
        self._enable(seen)

    def end(self, session: Session | None = None) -> None:
        """Another session, or none."""
        self.sounding.stop()
        for key in ("sound", "compare"):
            self._window.message_bar.dismiss(key)
        if session is None:
            self.comparison.end()
        else:
            self.comparison.leave(session)

    def close(self) -> None:
        """The window is gone; no engine stays behind."""
        self.comparison.close()

    def _enable(self, seen: Snapshot) -> None:
        replay = None if seen.position_s is not None else "Only a replay can be compared."
        on = self.comparison.on
        can = {
            "mute": None if self.sounding.available else NO_SOUND,
            "compare": replay,
            "turn": None if on else "Two banks must be compared first.",
        }
        self._window.action_registry["compare"].setChecked(on)
        if can != self._can:
            self._can = can
            self._window.action_registry.enable(can)

    def _compare(self) -> None:
        if self.comparison.on:
            self.comparison.end()
            return
        here = self._window.link.session
        folder = self._window.file_dialogs.folder("A second bank", here.bank.parent if here and here.bank else None)
        if folder is not None:
            self.comparison.begin(folder)

    def _compare_again(self) -> None:
        self._window.message_bar.dismiss("compare")
        if self.comparison.again is not None:
            self.comparison.begin(self.comparison.again)

    def _tell(self, text: str, going_on: bool) -> None:
        if going_on:
            cures = (("End comparing", self.comparison.end),)
            self._window.message_bar.post(Message("compare", text, "quiet", cures, True))
        elif text:
            self._say("compare", text, (("Compare again", self._compare_again),) if self.comparison.again else ())
        else:
            self._window.message_bar.dismiss("compare")

    def _say(self, key: str, text: str, cures: Cures = ()) -> None:
        """Once, until it has been read."""
        read = (("Understood", lambda: self._window.message_bar.dismiss(key)),)
        self._window.message_bar.post(Message(key, text, "stale", (*cures, *read)))
