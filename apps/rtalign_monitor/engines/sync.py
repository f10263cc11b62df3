"""Two replays held together: the one ahead waits a little for the other."""

from __future__ import annotations

from typing import Any

from rtalign.engine.snapshot import Snapshot

SLACK_S = 0.8
"""Of the recording at 1x, and as much longer as it plays faster: news comes ten times a second."""
AT_MOST = 8.0
"""Times, where both run as fast as they can."""
APART_S = 5.0
"""Further behind than this it catches up, and the other does not wait meanwhile."""
FAR_S = 30.0
"""More than what is read before a seek's place: it was not moved along with the other."""
HASTE = 1000.0
"""The speed of catching up."""

Order = tuple[str, str, Any]
"""Who (A or B), what is asked, and to what."""


class Tether:
    """B follows A: it catches up first, then both wait for each other.  A alone is steered by people."""

    def __init__(self) -> None:
        self.together = False
        self._asked: dict[tuple[str, str], Any] = {}

    def pull(self, a: Snapshot, b: Snapshot) -> list[Order]:
        """What is to be asked of both now; nothing that was asked already."""
        here, there = a.position_s, b.position_s
        if here is None or there is None or "loading" in (a.phase, b.phase):
            return []
        slack = SLACK_S * (AT_MOST if a.speed is None else min(max(a.speed, 1.0), AT_MOST))
        self.together = there >= here - (APART_S * slack if self.together else slack)
        orders: list[Order] = []
        if there > here + FAR_S * max(slack, 1.0):
            orders.append(("B", "seek", here))
        self._hold(orders, "A", there + slack if self.together else None)
        self._hold(orders, "B", here + slack)
        self._set(orders, "speed", a.speed if self.together else HASTE, b.speed)
        paused = a.paused and self.together
        self._set(orders, "pause" if paused else "play", None, None if paused == b.paused else "other")
        return orders

    def part(self) -> list[Order]:
        """A no longer waits for anybody."""
        return [("A", "until", None)]

    def _hold(self, orders: list[Order], who: str, until: float | None) -> None:
        if self._asked.get((who, "until"), None) != until:
            self._asked[who, "until"] = until
            orders.append((who, "until", until))

    def _set(self, orders: list[Order], do: str, to: Any, now: Any) -> None:
        """Asked once, and again when B has come round to it and left it again."""
        if now == to:
            self._asked.pop(("B", do), None)
        elif ("B", do) not in self._asked or self._asked["B", do] != to:
            self._asked["B", do] = to
            orders.append(("B", do, to))
