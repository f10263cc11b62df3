"""Keeps the screen awake while something is shown that nobody touches, where the desktop listens on D-Bus."""

from __future__ import annotations

import sys

SERVICE, PATH = "org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"
"""What GNOME, KDE and most others on Linux answer to."""
TIMEOUT_MS = 500


class KeepAwake:
    """Asks the desktop not to blank the screen.  Without a desktop that listens it does nothing.

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
        self._cookie: int | None = None

    @property
    def active(self) -> bool:
        return self._cookie is not None

    def begin(self) -> None:
        """Ask; a promise lasts until `end`, or until this program is gone."""
        if self._cookie is None:
            self._cookie = _call("Inhibit", "rtalign", self._reason)

    def end(self) -> None:
        """Release the desktop from its promise."""
        if self._cookie is not None:
            from qtpy.QtCore import QMetaType, QVariant
            from qtpy.QtDBus import QDBusArgument

            cookie = QDBusArgument()
            cookie.add(self._cookie, QMetaType.Type.UInt.value)  # type: ignore[arg-type]
            _call("UnInhibit", QVariant(cookie))
            self._cookie = None


def _call(method: str, *arguments: object) -> int | None:
    """What the desktop answers with a number; None where nobody answers in time, or there is no D-Bus."""
    if sys.platform != "linux":
        return None
    from qtpy.QtDBus import QDBus, QDBusConnection, QDBusMessage

    bus = QDBusConnection.sessionBus()
    if not bus.isConnected():
        return None
    message = QDBusMessage.createMethodCall(SERVICE, PATH, SERVICE, method)
    message.setArguments(list(arguments))
    answer = bus.call(message, QDBus.CallMode.Block, TIMEOUT_MS).arguments()
    return answer[0] if answer and isinstance(answer[0], int) else None
