"""Two replays held together: the one ahead waits a little for the other."""

from __future__ import annotations

from typing import Literal

from rtalign.engine.commands import Command, Pause, Play, Seek, SetSpeed, WaitAt
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

Who = Literal["A", "B"]
Order = tuple[Who, Command]
"""Which engine, and what it is sent."""


class ReplaySync:
    """B follows A: it catches up first, then both wait for each other.  A alone is steered by people."""

    def __init__(self) -> None:
        self.together = False
        self._sent: dict[tuple[Who, type[Command]], Command] = {}

    def pull(self, a: Snapshot, b: Snapshot) -> list[Order]:
        """What is to be asked of both now; nothing that was asked already."""
        here, there = a.position_s, b.position_s
        if here is None or there is None or "loading" in (a.phase, b.phase):
            return []
        slack = SLACK_S * (AT_MOST if a.speed is None else min(max(a.speed, 1.0), AT_MOST))
        self.together = there >= here - (APART_S * slack if self.together else slack)
        orders: list[Order] = []
        if there > here + FAR_S * max(slack, 1.0):
            orders.append(("B", Seek(here)))
        self._hold(orders, "A", there + slack if self.together else None)
        self._hold(orders, "B", here + slack)
        speed = a.speed if self.together else HASTE
        self._set(orders, SetSpeed(speed), b.speed == speed)
        paused = a.paused and self.together
        self._set(orders, Pause() if paused else Play(), b.paused == paused)
        return orders

    def part(self) -> list[Order]:
        """A no longer waits for anybody."""
        return [("A", WaitAt(None))]

    def _hold(self, orders: list[Order], who: Who, until: float | None) -> None:
        wait = WaitAt(until)
        if self._sent.get((who, WaitAt), WaitAt(None)) != wait:
            self._sent[who, WaitAt] = wait
            orders.append((who, wait))

    def _set(self, orders: list[Order], command: Command, reached: bool) -> None:
        """Sent to B once, and again when B has reached and left what it asks for."""
        key: tuple[Who, type[Command]] = "B", type(command)
        if reached:
            self._sent.pop(key, None)
        elif self._sent.get(key) != command:
            self._sent[key] = command
            orders.append(("B", command))
