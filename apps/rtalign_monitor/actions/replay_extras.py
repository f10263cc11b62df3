"""Extras of a replay: the sound of the story, and the comparison with a second bank."""

from __future__ import annotations

from collections.abc import Callable

from rtalign.core.session import Session
from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.actions.registry import ActionRegistry
from rtalign_monitor.actions.view_settings import WindowWidgets
from rtalign_monitor.bars.message_bar import Fix, Message
from rtalign_monitor.engines.link import EngineClient, EngineLink
from rtalign_monitor.engines.second_engine import BankComparison
from rtalign_monitor.panels.lag_map import LagMapPanel
from rtalign_monitor.sound.player import SoundPlayer
from rtalign_monitor.widgets.fields import FileDialogs

NO_SOUND = tr("No sound: name a wav file in the session, or put it beside the recording.")


class ReplayExtras:
    """Connects the sound and the comparison to the actions, the message bar and the panels.

    Parameters
    ----------
    connect : callable
        Starts an engine for a session and returns its client.
    link : EngineLink
        Link to the first engine.
    widgets : WindowWidgets
        Widgets of the window.
    actions : ActionRegistry
        Actions of the window.
    dialogs : FileDialogs
        Asks for the folder of the second bank.

    Attributes
    ----------
    sound : SoundPlayer
        Plays the sound of the story.
    comparison : BankComparison
        The comparison with a second bank.
    """

    def __init__(
        self,
        connect: Callable[[Session], EngineClient],
        link: EngineLink,
        widgets: WindowWidgets,
        actions: ActionRegistry,
        dialogs: FileDialogs,
    ) -> None:
        self._link, self._actions, self._dialogs = link, actions, dialogs
        self._message_bar, self._grid = widgets.message_bar, widgets.grid
        self.sound = SoundPlayer(lambda: link.newest, lambda text: self._post("sound", text), parent=widgets.grid)
        self.comparison = BankComparison(link, connect, self._post_comparison)
        self._drawn: Snapshot | None = None
        actions["mute"].toggled.connect(self._set_mute)
        actions.connect({"compare": self._compare, "map-content": widgets.grid.panel(LagMapPanel).show_next})

    def update(self, snapshot: Snapshot) -> None:
        """Follow the newest snapshot; called many times a second, before the panels are drawn."""
        self.sound.update(snapshot)
        self.comparison.poll()
        second = self.comparison.second_bank
        newest = second.snapshot if second else None
        if newest is not self._drawn and not self._actions["freeze"].isChecked():
            self._drawn = newest
            for panel in self._grid.panels.values():
                panel.set_second_bank(second)
        self._update_actions(snapshot)

    def end(self, session: Session | None = None) -> None:
        """Stop, because another session starts, or none."""
        self.sound.stop()
        for key in ("sound", "compare"):
            self._message_bar.dismiss(key)
        if session is None:
            self.comparison.end()
        else:
            self.comparison.change_session(session)

    def close(self) -> None:
        """Wait for the end of the second engine."""
        self.comparison.close()

    def _set_mute(self, on: bool) -> None:
        self.sound.muted = on

    def _update_actions(self, snapshot: Snapshot) -> None:
        active = self.comparison.active
        self._actions["compare"].setChecked(active)
        self._actions.set_available({
            "mute": None if self.sound.available else NO_SOUND,
            "compare": None if snapshot.position_s is not None else tr("Only a replay can be compared."),
            "map-content": None if active else tr("No second bank; B starts a comparison."),
        })  # fmt: skip

    def _compare(self) -> None:
        """End the comparison, or ask for a second bank and start one."""
        if self.comparison.active:
            self.comparison.end()
            return
        session = self._link.session
        folder = self._dialogs.folder(tr("A second bank"), session.bank.parent if session and session.bank else None)
        if folder is not None:
            self.comparison.begin(folder)

    def _compare_again(self) -> None:
        self._message_bar.dismiss("compare")
        if self.comparison.restartable is not None:
            self.comparison.begin(self.comparison.restartable)

    def _post_comparison(self, text: str, in_progress: bool) -> None:
        if in_progress:
            fixes = ((tr("End comparison"), self.comparison.end),)
            self._message_bar.post(Message("compare", text, "quiet", fixes, busy=True))
        elif text:
            again = ((tr("Compare again"), self._compare_again),)
            self._post("compare", text, again if self.comparison.restartable else ())
        else:
            self._message_bar.dismiss("compare")

    def _post(self, key: str, text: str, fixes: tuple[Fix, ...] = ()) -> None:
        """Show a message until the user dismisses it."""
        ok = (("OK", lambda: self._message_bar.dismiss(key)),)
        self._message_bar.post(Message(key, text, "stale", (*fixes, *ok)))
