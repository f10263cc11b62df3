"""The connection to one stream: searched for, opened, watched by time, lost, and made again."""

from __future__ import annotations

import socket
import time as system_time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from rtalign.core.memory import give_back_free_memory
from rtalign.streams import lsl
from rtalign.streams.events import Level, Notice, State, StreamHealth
from rtalign.streams.live.clock_offset import ClockOffset
from rtalign.streams.lsl import StreamInfo, StreamLost

STALE_S = 0.5
LOST_S = 2.0
SILENT_S = 2.0
"""A stream that was opened and sends nothing for so long is reported as silent."""
AVOID_S = 10.0
"""A stream that did not answer, or sent nothing, is avoided for so long where there is another."""
STILL_LISTED_S = 4.0
"""A stream that ended is still listed by LSL for about so long."""
SEARCH_EVERY_S = 1.0
"""A word stream is looked for in the list of streams this often."""
MEASURE_EVERY_S = 5.0
"""The clock offset is measured this often."""
CONFIRM_EVERY_S = 0.5
"""The same, where the last measurement was far from those before it."""
KEPT_OFFSETS = 100
"""Measurements kept for who takes them; a live source does not."""
RATE_WINDOW_S = 3.0
REPEAT_NOTICE_S = 30.0
"""A notice with the same text is not repeated within so long."""
FIREWALL = "is a firewall, a VPN or a second network card between the two machines?"

Role = Literal["meg", "words", "head"]


@dataclass(frozen=True, slots=True)
class LslBackend:
    """What a live source needs of LSL and of the machine; tests give it another.

    Attributes
    ----------
    streams : callable
        () -> the streams that are there now, as a list of StreamInfo.
    open_signal, open_undescribed, open_text : callable
        StreamInfo -> an inlet (see rtalign.streams.lsl.SignalInlet, UndescribedInlet, TextInlet).
    clock : callable
        () -> local LSL time, s.
    sleep : callable
        seconds -> None.
    run : callable
        Runs a function in the background and returns its Future.
    host : str
        The name of this machine.
    close : callable
        Ends the search and the background threads.
    """

    streams: Callable[[], list[StreamInfo]]
    open_signal: Callable[[StreamInfo], Any]
    open_undescribed: Callable[[StreamInfo], Any]
    open_text: Callable[[StreamInfo], Any]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    run: Callable[[Callable[[], Any]], Future]
    host: str
    close: Callable[[], None]


def lsl_backend() -> LslBackend:
    """LSL itself.

    Returns
    -------
    LslBackend
        Its search for streams runs until it is closed.
    """
    finder, pool = lsl.Finder(), ThreadPoolExecutor(4, thread_name_prefix="lsl")

    def close() -> None:
        pool.shutdown(wait=False, cancel_futures=True)
        finder.close()

    return LslBackend(
        streams=finder.streams,
        open_signal=lsl.SignalInlet,
        open_undescribed=lsl.UndescribedInlet,
        open_text=lsl.TextInlet,
        clock=lsl.local_clock,
        sleep=system_time.sleep,
        run=pool.submit,
        host=socket.gethostname(),
        close=close,
    )


class StreamConnection:
    """One stream through all that happens to it.

    `step` does what takes time (search, opening, clock offset); `pull` returns what came, and `count` takes how
    many samples that was.

    Parameters
    ----------
    role : {"meg", "words", "head"}
        What the stream carries.
    name : str or None
        Its name or source id; None takes the first that is accepted.
    accepts : callable
        StreamInfo -> whether it is a stream of the right type.
    open : callable
        StreamInfo -> inlet.
    backend : LslBackend
        LSL, or what a test has in its place.

    Attributes
    ----------
    inlet : object or None
        The open inlet.
    state : State
        How the stream does.
    clock_offset : ClockOffset
        From the sender's clock to the local one.
    n_samples : int
        Samples received so far.
    """

    def __init__(
        self,
        role: Role,
        name: str | None,
        accepts: Callable[[StreamInfo], bool],
        open: Callable[[StreamInfo], Any],
        backend: LslBackend,
    ) -> None:
        self.role, self._name, self._accepts, self._open, self._backend = role, name, accepts, open, backend
        self.inlet: Any = None
        self.clock_offset = ClockOffset()
        self.n_samples = 0
        self.state: State = "searching"
        self._since = self._last_arrival = backend.clock()
        self._lost_at: float | None = None
        self._interval = 0.0  # between arrivals, averaged
        self._arrivals: deque[tuple[float, int]] = deque()
        self._opening: tuple[StreamInfo, Future] | None = None
        self._measuring: Future | None = None
        self._measured_at = self._silent_from = self._listed_at = self._since
        self._measured: deque[tuple[float, float, float]] = deque(maxlen=KEPT_OFFSETS)
        self._clock_set = False
        self._avoided: dict[str, float] = {}
        self._noticed: dict[str, float] = {}
        self._source_id = ""

    @property
    def label(self) -> str:
        """The stream in a notice, such as "MEG stream scanner"."""
        kind = {"meg": "MEG", "words": "word", "head": "head position"}[self.role]
        return f"{kind} stream {self._name}" if self._name else f"{kind} stream"

    @property
    def last_arrival(self) -> float:
        """Local time of the newest arrival, s."""
        return self._last_arrival

    def offset(self) -> float:
        """What takes the sender's time to local time now, s; exactly 0 on this machine, whose clock is the same."""
        value = self.clock_offset.at(self._backend.clock())
        here = self.inlet is not None and self.inlet.info.hostname == self._backend.host
        return 0.0 if here and abs(value) < self.clock_offset.tolerance else value

    def step(self) -> tuple[list[Notice], bool]:
        """Go on with search, opening and measurement; returns notices, and whether there is a new inlet."""
        now = self._backend.clock()
        notices = self._watch(now)
        notices += self._search(now)
        is_new, more = self._finish_opening(now)
        return notices + more + self._measure_offset(now), is_new

    def pull(self) -> tuple[Any, list[Notice]]:
        """What came, or None; the inlet of a stream that ended is closed."""
        if self.inlet is None:
            return None, []
        try:
            return self.inlet.pull(), []
        except StreamLost as error:
            return None, self._disconnect(self._backend.clock(), str(error))

    def count(self, n: int) -> list[Notice]:
        """n samples came; returns notices of a stream that flows (again)."""
        now = self._backend.clock()
        if self.state == "flowing":
            self._interval += 0.1 * (now - self._last_arrival - self._interval)
        self.n_samples += n
        self._last_arrival = now
        self._arrivals.append((now, n))
        self._forget_arrivals(now)  # also where nobody asks for the health: in a recorder, in a standby
        if self.state == "flowing":
            return []
        before, self._interval = self.state, 0.0
        self._set(now, "flowing")
        if self._lost_at is not None:
            text = f"{self.label} recovered after {now - self._lost_at:.0f} s"
            self._lost_at = None
            return [self._notice("info", "recovered", text, now)]
        is_first = before in ("found", "searching")
        return [self._notice("info", "flowing", f"{self.label} flows", now)] if is_first else []

    def take_offsets(self) -> list[tuple[float, float, float]]:
        """New measurements since the last call, at most KEPT_OFFSETS: (local time, offset_s, uncertainty_s)."""
        measured = list(self._measured)
        self._measured.clear()
        return measured

    def take_clock_set(self) -> bool:
        """Whether the measured offset has jumped since the last call: the sender's clock was set."""
        was_set, self._clock_set = self._clock_set, False
        return was_set

    def measure_soon(self) -> None:
        """The stamps say that the sender's clock was set: measure it at the next step."""
        self._measured_at = self._backend.clock() - MEASURE_EVERY_S

    def health(self, age_s: float | None, nominal_hz: float, n_lost: int, n_gaps: int) -> StreamHealth:
        """The state of the stream; the caller gives what is known from its samples."""
        now = self._backend.clock()
        self._forget_arrivals(now)
        arrived = sum(n for _, n in list(self._arrivals)[1:])
        span = now - self._arrivals[0][0] if self._arrivals else 0.0
        offset_s, uncertainty_s = self.clock_offset.newest or (None, None)
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

    def close(self) -> None:
        """Close the inlet, and one that is still being opened once that is done."""
        if self._opening is not None:
            self._opening[1].add_done_callback(_close_opened)
            self._opening = None
        if self.inlet is not None:
            self.inlet.close()
            self.inlet = None
        self._set(self._backend.clock(), "ended")

    def _forget_arrivals(self, now: float) -> None:
        while self._arrivals and self._arrivals[0][0] < now - RATE_WINDOW_S:
            self._arrivals.popleft()

    # States and notices

    def _set(self, now: float, state: State) -> None:
        if state != self.state:
            self.state, self._since = state, now

    def _notice(self, level: Level, kind: str, text: str, now: float) -> Notice:
        return Notice(level, f"{self.role} {kind}", text, now)

    def _notice_once(self, level: Level, kind: str, text: str, now: float) -> list[Notice]:
        """The notice, unless its text was reported a short while ago."""
        if now - self._noticed.get(text, -1e9) < REPEAT_NOTICE_S:
            return []
        self._noticed = {known: at for known, at in self._noticed.items() if now - at < REPEAT_NOTICE_S} | {text: now}
        return [self._notice(level, kind, text, now)]

    def _watch(self, now: float) -> list[Notice]:
        """Check how long nothing came.  Words are rare by nature: only a signal can be stale."""
        if self.state == "found" and self.role == "meg" and now - self._silent_from > SILENT_S:
            self._silent_from = now
            self._avoided[self.inlet.info.uid] = now
            text = f"{self.label} was found and sends nothing - {FIREWALL}"
            return self._notice_once("warning", "silent", text, now)
        if self.role == "words":
            return self._watch_list(now)
        if self.state not in ("flowing", "stale"):
            return []
        silent = now - self._last_arrival
        if silent > max(LOST_S, 5 * self._interval):
            self._set(now, "lost")
            self._lost_at = self._silent_from = self._last_arrival
            text = f"{self.label} is lost: no sample for {silent:.1f} s - is its sender running? Searching for it"
            return [self._notice("error", "lost", text, now)]
        if silent > max(STALE_S, 2.5 * self._interval) and self.state == "flowing":
            self._set(now, "stale")
            return [self._notice("warning", "stale", f"{self.label}: no sample for {silent:.1f} s", now)]
        return []

    def _watch_list(self, now: float) -> list[Notice]:
        """Leave a stream that its sender offers anew: a sender that keeps running may leave the old connection open."""
        if self.inlet is None or now - self._listed_at < SEARCH_EVERY_S:
            return []
        self._listed_at = now
        there = {info.uid for info in self._backend.streams() if self._matches(info)}
        if not there or self.inlet.info.uid in there:
            return []
        return self._disconnect(now, "its sender offers another in its place")

    def _disconnect(self, now: float, reason: str) -> list[Notice]:
        self._avoided[self.inlet.info.uid] = now - AVOID_S + STILL_LISTED_S
        self.inlet.close()
        self.inlet, self._measuring = None, None
        if self.state == "lost":
            return []
        self._lost_at = self._last_arrival if self.n_samples and self.role == "meg" else now
        self._set(now, "lost")
        return [self._notice("error", "lost", f"{self.label} is lost: {reason} - searching for it", now)]

    # Search and opening

    def _search(self, now: float) -> list[Notice]:
        """Begin to open a stream where one is needed and there."""
        needed = self.inlet is None or (self.state == "lost") or self.inlet.info.uid in self._avoided
        if self._opening is not None or not needed:
            return []
        self._avoided = {uid: at for uid, at in self._avoided.items() if now - at < AVOID_S}
        there = [info for info in self._backend.streams() if self._matches(info)]
        there.sort(key=lambda info: (info.source_id == self._source_id, info.created), reverse=True)
        held = self.inlet.info.uid if self.inlet is not None and now - self._silent_from < AVOID_S else None
        free = [info for info in there if info.uid not in self._avoided and info.uid != held]
        if not free:
            return []
        chosen = free[0]
        notices = []
        if len({info.uid for info in there}) > 1 and self.inlet is None and len({info.name for info in there}) == 1:
            text = f"{len(there)} streams are called {chosen.name}: the newest is used (from {chosen.hostname})"
            notices = self._notice_once("warning", "twins", text + " - stop the others", now)
        self._opening = chosen, self._backend.run(lambda: self._connect(chosen))
        return notices

    def _matches(self, info: StreamInfo) -> bool:
        named = self._name is None or self._name in (info.name, info.source_id)
        return named and self._accepts(info)

    def _connect(self, info: StreamInfo) -> tuple[Any, tuple[float, float] | None]:
        """In the background: the inlet and the first offset of its clock."""
        inlet = self._open(info)
        give_back_free_memory()  # of the inlet before, and of reading descriptions: a heap keeps 13 MB for 306 sensors
        try:
            return inlet, inlet.offset(2.0)
        except StreamLost:
            return inlet, None

    def _finish_opening(self, now: float) -> tuple[bool, list[Notice]]:
        """Whether an inlet that was being opened is in place now, and notices."""
        if self._opening is None or not self._opening[1].done():
            return False, []
        (info, future), self._opening = self._opening, None
        try:
            inlet, offset = future.result()
        except StreamLost as error:
            self._avoided[info.uid] = now - AVOID_S + 1.0
            return False, self._notice_once("warning", "no answer", f"{error} - {FIREWALL}", now)
        except ValueError as error:
            self._avoided[info.uid] = now
            return False, self._notice_once("error", "refused", str(error), now)
        if self.inlet is not None and self.state == "flowing":  # it came back by itself meanwhile
            inlet.close()
            return False, []
        return True, self._use(inlet, offset, now)

    def _use(self, inlet: Any, offset: tuple[float, float] | None, now: float) -> list[Notice]:
        """Put a new inlet in place of the one before."""
        if self.inlet is not None:
            self.inlet.close()
        self.inlet, self._name = inlet, self._name or inlet.info.name
        self._source_id = inlet.info.source_id
        self.clock_offset, self._measuring, self._measured_at = ClockOffset(), None, now
        self._clock_set = False
        if self._lost_at is None:
            self._set(now, "found")
        self._silent_from = now
        if self.role == "words" and self._lost_at is not None:
            return self._recover_words(offset, now)
        return self._add_offset(offset, now)

    def _recover_words(self, offset: tuple[float, float] | None, now: float) -> list[Notice]:
        """A word stream has recovered when it is open again: its next word may be long in coming."""
        lost_at, self._lost_at = self._lost_at or now, None
        self._set(now, "flowing" if self.n_samples else "found")
        text = f"{self.label} recovered after {now - lost_at:.0f} s"
        return [*self._add_offset(offset, now), self._notice("info", "recovered", text, now)]

    # Clock offset

    def _measure_offset(self, now: float) -> list[Notice]:
        """In the background, now and then; sooner where the last measurement waits to be confirmed."""
        notices = []
        if self._measuring is not None and self._measuring.done():
            future, self._measuring = self._measuring, None
            if future.exception() is None:
                notices = self._add_offset(future.result(), now)
        every_s = CONFIRM_EVERY_S if self.clock_offset.is_doubtful else MEASURE_EVERY_S
        if self.inlet is not None and self._measuring is None and now - self._measured_at >= every_s:
            self._measured_at = now
            self._measuring = self._backend.run(self.inlet.offset)
        return notices

    def _add_offset(self, offset: tuple[float, float] | None, now: float) -> list[Notice]:
        if offset is None:
            text = f"the clock of {self.label} could not be measured: its times are used as they are - {FIREWALL}"
            return [self._notice("warning", "offset", text, now)]
        self._measured.append((now, *offset))
        if self.clock_offset.push(now, *offset):
            self._clock_set = True
            text = f"the clock of {self.label} jumped; it is now {1000 * offset[0]:+.1f} ms from the local one"
            return [self._notice("warning", "offset", text, now)]
        return []


def _close_opened(opening: Future) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].close()
