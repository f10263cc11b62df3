"""Keeps the screen awake while something is shown that nobody touches, where the desktop listens on D-Bus."""

from __future__ import annotations

import sys

SERVICE, PATH = "org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"
"""What GNOME, KDE and most others on Linux answer to."""
TIMEOUT_MS = 500


class KeepAwake:
    """Asks the desktop not to blank the screen.  Without a desktop that listens it does nothing.

    The promise is given to a connection of its own, and ends with it: desktops watch who has asked.

    Parameters
    ----------
    reason : str
        Why, for those who ask the desktop.

    Attributes
    ----------
    active : bool
        Whether the desktop has promised it.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._connection = f"rtalign-awake-{id(self)}"
        self.active = False

    def begin(self) -> None:
        """Ask; a promise lasts until `end`, or until this program is gone."""
        if not self.active and sys.platform == "linux":
            self.active = self._ask()

    def end(self) -> None:
        """Release the desktop from its promise."""
        if self.active:
            from qtpy.QtDBus import QDBusConnection

            QDBusConnection.disconnectFromBus(self._connection)
            self.active = False

    def _ask(self) -> bool:
        """Whether somebody promised in time; without D-Bus nobody does."""
        from qtpy.QtDBus import QDBus, QDBusConnection, QDBusMessage

        bus = QDBusConnection.connectToBus(QDBusConnection.BusType.SessionBus, self._connection)
        message = QDBusMessage.createMethodCall(SERVICE, PATH, SERVICE, "Inhibit")
        message.setArguments(["rtalign", self._reason])
        answer = bus.call(message, QDBus.CallMode.Block, TIMEOUT_MS).arguments() if bus.isConnected() else []
        promised = bool(answer) and isinstance(answer[0], int)
        if not promised:
            QDBusConnection.disconnectFromBus(self._connection)
        return promised
