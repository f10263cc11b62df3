"""What accompanies a replay in the window: the story's sound, a second bank."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rtalign.core.session import Session
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.bars.message_bar import Message
from rtalign_monitor.engines.link import Engine
from rtalign_monitor.engines.second_engine import Comparing
from rtalign_monitor.sound.player import Sounding

if TYPE_CHECKING:
    from rtalign_monitor.main_window import MonitorWindow

Cures = tuple[tuple[str, Callable[[], object]], ...]
NO_SOUND = "No sound is at hand: name a wav in the session, or put it beside the recording."


class Accompanying:
    """Hangs on the window by its actions, its strip and its panels."""

    def __init__(self, window: MonitorWindow, begin: Callable[[Session], Engine]) -> None:
        self._window = window
        self.sounding = Sounding(lambda: window.link.newest, lambda text: self._say("sound", text), parent=window)
        self.comparing = Comparing(window.link, begin, self._tell)
        self._views = [panel for panel in window.grid.panels.values() if hasattr(panel, "beside")]
        self._drawn: Snapshot | None = None
        actions = window.deeds
        actions["mute"].toggled.connect(lambda on: setattr(self.sounding, "mute", on))
        actions["compare"].triggered.connect(self._compare)
        actions["turn"].triggered.connect(window.grid.panels["map"].turn)  # type: ignore[attr-defined]
        self._can: dict[str, str | None] = {}

    def look(self, seen: Snapshot) -> None:
        """Called many times a second, before the panels are drawn."""
        self.sounding.hear(seen)
        self.comparing.look()
        beside = self.comparing.beside
        if (beside.seen if beside else None) is not self._drawn and not self._window.deeds["freeze"].isChecked():
            self._drawn = beside.seen if beside else None
            for view in self._views:
                view.beside(beside)  # type: ignore[attr-defined]
        self._enable(seen)

    def end(self, session: Session | None = None) -> None:
        """Another session, or none."""
        self.sounding.stop()
        for key in ("sound", "compare"):
            self._window.strip.unsay(key)
        if session is None:
            self.comparing.end()
        else:
            self.comparing.leave(session)

    def close(self) -> None:
        """The window is gone; no engine stays behind."""
        self.comparing.close()

    def _enable(self, seen: Snapshot) -> None:
        replay = None if seen.position_s is not None else "Only a replay can be compared."
        on = self.comparing.on
        can = {
            "mute": None if self.sounding.at_hand else NO_SOUND,
            "compare": replay,
            "turn": None if on else "Two banks must be compared first.",
        }
        self._window.deeds["compare"].setChecked(on)
        if can != self._can:
            self._can = can
            self._window.deeds.enable(can)

    def _compare(self) -> None:
        if self.comparing.on:
            self.comparing.end()
            return
        here = self._window.link.session
        folder = self._window.asking.folder("A second bank", here.bank.parent if here and here.bank else None)
        if folder is not None:
            self.comparing.begin(folder)

    def _compare_again(self) -> None:
        self._window.strip.unsay("compare")
        if self.comparing.again is not None:
            self.comparing.begin(self.comparing.again)

    def _tell(self, text: str, going_on: bool) -> None:
        if going_on:
            cures = (("End comparing", self.comparing.end),)
            self._window.strip.say(Message("compare", text, "quiet", cures, True))
        elif text:
            self._say("compare", text, (("Compare again", self._compare_again),) if self.comparing.again else ())
        else:
            self._window.strip.unsay("compare")

    def _say(self, key: str, text: str, cures: Cures = ()) -> None:
        """Once, until it has been read."""
        read = (("Understood", lambda: self._window.strip.unsay(key)),)
        self._window.strip.say(Message(key, text, "stale", (*cures, *read)))
