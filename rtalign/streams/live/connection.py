"""The link to one stream: looked for, opened, watched by time, lost, and found again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

from rtalign.streams.events import Level, Notice, State, StreamHealth
from rtalign.streams.live.clock_offset import OffsetTrack
from rtalign.streams.lsl import Found, Lost

STALE_S = 0.5
LOST_S = 2.0
SILENT_S = 2.0
"""A stream that was opened and sends nothing for so long is said to be silent."""
AVOID_S = 10.0
"""A stream that did not answer, or sent nothing, is passed over for so long where there is another."""
GHOST_S = 4.0
"""A stream that ended is still listed for a while."""
ASK_S = 5.0
"""The clock offset is measured this often."""
RATE_S = 3.0
AGAIN_S = 30.0
"""The same words are not said more often."""
FIREWALL = "is a firewall, a VPN or a second network card between the two machines?"

Role = Literal["meg", "words"]


@dataclass(frozen=True, slots=True)
class Layer:
    """What a live source needs of LSL; tests give it another.

    found : streams that are there now.    run : does something in the background.
    """

    found: Callable[[], list[Found]]
    signal: Callable[[Found], Any]
    text: Callable[[Found], Any]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    run: Callable[[Callable[[], Any]], Future]
    host: str
    close: Callable[[], None]


class Link:
    """One stream through all that happens to it.

    `step` moves on what takes time (finding, opening, asking for the clock); `arrived` is told of samples.
    """

    def __init__(
        self, role: Role, name: str | None, wanted: Callable[[Found], bool], open: Callable[[Found], Any], layer: Layer
    ) -> None:
        self.role, self._name, self._wanted, self._open, self._layer = role, name, wanted, open, layer
        self.inlet: Any = None
        self.offsets = OffsetTrack()
        self.measured: list[tuple[float, float, float]] = []
        self.n_samples = 0
        self.state: State = "searching"
        self._since = self._last = layer.clock()
        self._lost_at: float | None = None
        self._interval = 0.0
        self._arrivals: deque[tuple[float, int]] = deque()
        self._opening: tuple[Found, Future] | None = None
        self._asking: Future | None = None
        self._asked_at = self._silent_from = self._since
        self._avoided: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._source_id = ""

    @property
    def called(self) -> str:
        what = "MEG" if self.role == "meg" else "word"
        return f"{what} stream {self._name}" if self._name else f"{what} stream"

    def offset(self, stamp: float) -> float:
        """What takes the sender's time to local time; exactly 0 on this machine, whose clock is the same."""
        value = self.offsets.at(stamp)
        here = self.inlet is not None and self.inlet.found.hostname == self._layer.host
        return 0.0 if here and abs(value) < self.offsets.tolerance else value

    def step(self) -> tuple[list[Notice], bool]:
        """Notices, and whether another inlet is in place than before."""
        now = self._layer.clock()
        notices = self._watch(now)
        notices += self._look(now)
        fresh, more = self._opened(now)
        self._ask(now)
        return notices + more, fresh

    def pull(self) -> tuple[Any, list[Notice]]:
        """What came, or None; a stream that ended is let go."""
        if self.inlet is None:
            return None, []
        try:
            return self.inlet.pull(), []
        except Lost as error:
            return None, self._let_go(self._layer.clock(), str(error))

    def arrived(self, n: int) -> list[Notice]:
        """n samples came."""
        now = self._layer.clock()
        if self.state == "flowing":
            self._interval += 0.1 * (now - self._last - self._interval)
        self.n_samples += n
        self._last = now
        self._arrivals.append((now, n))
        if self.state == "flowing":
            return []
        was, self._interval = self.state, 0.0
        self._set("flowing", now)
        if self._lost_at is not None:
            notice = self._notice(
                "info", "recovered", f"{self.called} recovered after {now - self._lost_at:.0f} s", now
            )
            self._lost_at = None
            return [notice]
        return [self._notice("info", "flowing", f"{self.called} flows", now)] if was in ("found", "searching") else []

    def health(self, age_s: float | None, nominal_hz: float, n_lost: int, n_gaps: int) -> StreamHealth:
        now = self._layer.clock()
        while self._arrivals and self._arrivals[0][0] < now - RATE_S:
            self._arrivals.popleft()
        arrived = sum(n for _, n in list(self._arrivals)[1:])
        span = now - self._arrivals[0][0] if self._arrivals else 0.0
        offset_s, uncertainty_s = self.offsets.newest or (None, None)
        return StreamHealth(
            name=self._name or "(first found)",
            state=self.state,
            since_s=now - self._since,
            age_s=age_s,
            rate_hz=arrived / span if span > 0 else 0.0,
            nominal_hz=nominal_hz,
            n_samples=self.n_samples,
            n_lost=n_lost,
            n_gaps=n_gaps,
            offset_s=offset_s,
            uncertainty_s=uncertainty_s,
        )

    @property
    def last(self) -> float:
        """Local time of the newest arrival."""
        return self._last

    def close(self) -> None:
        if self.inlet is not None:
            self.inlet.close()
            self.inlet = None
        self._set("ended", self._layer.clock())

    def _set(self, state: State, now: float) -> None:
        if state != self.state:
            self.state, self._since = state, now

    def _notice(self, level: Level, kind: str, text: str, now: float) -> Notice:
        return Notice(level, f"{self.role} {kind}", text, now)

    def _once(self, level: Level, kind: str, text: str, now: float) -> list[Notice]:
        if now - self._told.get(text, -1e9) < AGAIN_S:
            return []
        self._told = {known: at for known, at in self._told.items() if now - at < AGAIN_S} | {text: now}
        return [self._notice(level, kind, text, now)]

    def _watch(self, now: float) -> list[Notice]:
        """What time alone tells.  Words are rare by nature: only a signal can be stale."""
        if self.state == "found" and self.role == "meg" and now - self._silent_from > SILENT_S:
            self._silent_from = now
            self._avoided[self.inlet.found.uid] = now
            return self._once("warning", "silent", f"{self.called} was found and sends nothing - {FIREWALL}", now)
        if self.role != "meg" or self.state not in ("flowing", "stale"):
            return []
        silent = now - self._last
        if silent > max(LOST_S, 5 * self._interval):
            self._set("lost", now)
            self._lost_at = self._silent_from = self._last
            text = f"{self.called} is lost: no sample for {silent:.1f} s - is its sender running? It is looked for"
            return [self._notice("error", "lost", text, now)]
        if silent > max(STALE_S, 2.5 * self._interval) and self.state == "flowing":
            self._set("stale", now)
            return [self._notice("warning", "stale", f"{self.called}: no sample for {silent:.1f} s", now)]
        return []

    def _let_go(self, now: float, why: str) -> list[Notice]:
        self._avoided[self.inlet.found.uid] = now - AVOID_S + GHOST_S
        self.inlet.close()
        self.inlet, self._asking = None, None
        if self.state == "lost":
            return []
        self._lost_at = self._last if self.n_samples and self.role == "meg" else now
        self._set("lost", now)
        return [self._notice("error", "lost", f"{self.called} is lost: {why} - it is looked for", now)]

    def _look(self, now: float) -> list[Notice]:
        """Open a stream where one is wanted and there."""
        due = self.inlet is None or (self.state == "lost") or self.inlet.found.uid in self._avoided
        if self._opening is not None or not due:
            return []
        self._avoided = {uid: at for uid, at in self._avoided.items() if now - at < AVOID_S}
        there = [found for found in self._layer.found() if self._matches(found)]
        there.sort(key=lambda found: (found.source_id == self._source_id, found.created), reverse=True)
        held = self.inlet.found.uid if self.inlet is not None and now - self._silent_from < AVOID_S else None
        free = [found for found in there if found.uid not in self._avoided and found.uid != held]
        if not free:
            return []
        chosen = free[0]
        notices = []
        if len({found.uid for found in there}) > 1 and self.inlet is None and len({f.name for f in there}) == 1:
            text = f"{len(there)} streams are called {chosen.name}: the newest is taken (from {chosen.hostname})"
            notices = self._once("warning", "twins", text + " - stop the others", now)
        self._opening = chosen, self._layer.run(lambda: self._connect(chosen))
        return notices

    def _matches(self, found: Found) -> bool:
        named = self._name is None or self._name in (found.name, found.source_id)
        return named and self._wanted(found)

    def _connect(self, found: Found) -> tuple[Any, tuple[float, float] | None]:
        """In the background: the inlet and the first offset of its clock."""
        inlet = self._open(found)
        try:
            return inlet, inlet.offset(2.0)
        except Lost:
            return inlet, None

    def _opened(self, now: float) -> tuple[bool, list[Notice]]:
        if self._opening is None or not self._opening[1].done():
            return False, []
        (found, future), self._opening = self._opening, None
        try:
            inlet, offset = future.result()
        except Lost as error:
            self._avoided[found.uid] = now - AVOID_S + 1.0
            return False, self._once("warning", "no answer", f"{error} - {FIREWALL}", now)
        except ValueError as error:
            self._avoided[found.uid] = now
            return False, self._once("error", "refused", str(error), now)
        if self.inlet is not None and self.state == "flowing":  # it came back by itself meanwhile
            inlet.close()
            return False, []
        if self.inlet is not None:
            self.inlet.close()
        self.inlet, self._name = inlet, self._name or found.name
        self._source_id = found.source_id
        self.offsets, self._asking, self._asked_at = OffsetTrack(), None, now
        if self._lost_at is None:
            self._set("found", now)
        self._silent_from = now
        if self.role == "words" and self._lost_at is not None:
            return True, self._back(offset, now)
        return True, self._measure(offset, now)

    def _back(self, offset: tuple[float, float] | None, now: float) -> list[Notice]:
        """A word stream is back when it is open again: its next word may be long in coming."""
        lost_at, self._lost_at = self._lost_at or now, None
        self._set("flowing" if self.n_samples else "found", now)
        text = f"{self.called} recovered after {now - lost_at:.0f} s"
        return [*self._measure(offset, now), self._notice("info", "recovered", text, now)]

    def _ask(self, now: float) -> None:
        if self._asking is not None and self._asking.done():
            future, self._asking = self._asking, None
            if future.exception() is None:
                self._measure(future.result(), now)
        if self.inlet is not None and self._asking is None and now - self._asked_at >= ASK_S:
            self._asked_at = now
            self._asking = self._layer.run(self.inlet.offset)

    def _measure(self, offset: tuple[float, float] | None, now: float) -> list[Notice]:
        if offset is None:
            text = f"the clock of {self.called} could not be measured: its times are taken as they are - {FIREWALL}"
            return [self._notice("warning", "offset", text, now)]
        self.measured.append((now, *offset))
        if self.offsets.push(now, *offset):
            text = f"the clock of {self.called} jumped; it is now {1000 * offset[0]:+.1f} ms from the local one"
            return [self._notice("warning", "offset", text, now)]
        return []
