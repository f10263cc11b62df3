"""Discovery: a thread that looks for streams and pulls the MEG, as only samples tell that a stream flows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from rtalign.core.records import Sensor
from rtalign.streams.events import State
from rtalign.streams.live.connection import STILL_LISTED_S, LslBackend, StreamConnection, lsl_backend
from rtalign.streams.live.source import is_signal
from rtalign.streams.lsl import StreamInfo

STEP_S = 0.1
FORGET_S = 15.0
"""A stream that is gone stays in sight for so long, marked as lost."""
OURS = "Scores"
"""The type of what this program itself sends out."""

Key = tuple[str, str, str]
"""Name, source id, host: the same after the sender was started again."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream as it is now.

    looked_at : it was opened, so that its state speaks of samples.    n_twins : others of the same key.
    others : channels that are no sensor, a trigger among them.    why : what is wrong with it, and the cure.
    refused : its description says that it cannot be used.
    """

    key: Key
    role: Literal["meg", "words"]
    type: str
    n_channels: int
    nominal_hz: float
    format: str
    state: State
    since_s: float = 0.0
    rate_hz: float = 0.0
    looked_at: bool = False
    n_twins: int = 0
    sensors: tuple[Sensor, ...] = ()
    others: tuple[str, ...] = ()
    why: str = ""
    refused: bool = False

    @property
    def name(self) -> str:
        return self.key[0]

    @property
    def source_id(self) -> str:
        return self.key[1]

    @property
    def host(self) -> str:
        return self.key[2]


class Discovery:
    """`newest` is replaced several times a second, in the order in which streams were met; nobody waits for it.

    Why no stream of words is opened: a sender that waits for a listener would begin its story to a dialog.
    """

    def __init__(self, backend: Callable[[], LslBackend] = lsl_backend) -> None:
        self.newest: tuple[Stream, ...] = ()
        self.trouble = ""
        self._make, self._stop = backend, threading.Event()
        self._began = 0.0
        self._wanted: frozenset[Key] = frozenset()

    @property
    def seconds(self) -> float:
        """For how long it has been looking."""
        return time.monotonic() - self._began if self._began else 0.0

    def start(self) -> None:
        self.newest, self.trouble, self._stop = (), "", threading.Event()
        threading.Thread(target=self._run, args=(self._stop,), name="discovery", daemon=True).start()

    def look_at(self, key: Key) -> None:
        """Open this signal too, though its type does not say MEG or EEG."""
        self._wanted |= {key}

    def close(self) -> None:
        """Returns at once; the thread lets go of its streams by itself."""
        self._stop.set()

    def _run(self, stop: threading.Event) -> None:
        backend: LslBackend | None = None
        met: dict[Key, _Met] = {}
        try:
            backend = self._make()
            self._began = time.monotonic()
            while not stop.wait(STEP_S):
                self._step(backend, met)
                self.newest = tuple(one.told(backend.clock()) for one in met.values())
        except Exception as error:  # the thread's boundary: no library, no network, and whatever else there is
            self.trouble = f"streams cannot be looked for: {error} - rtalign doctor says the cure"
        finally:
            for one in met.values():
                one.close()
            if backend is not None:
                backend.close()

    def _step(self, backend: LslBackend, known: dict[Key, _Met]) -> None:
        now, there = backend.clock(), dict[Key, list[StreamInfo]]()
        for found in backend.streams():
            if found.type != OURS:
                there.setdefault((found.name, found.source_id, found.hostname), []).append(found)
        for key, same in there.items():
            met = known.get(key)
            if met is None or met.signal != is_signal(same[0], True):
                known[key] = met = _Met(key, same[0], now)
            met.here(same, now)
        for key, met in list(known.items()):
            if met.signal and met.link is None and (is_signal(met.found, False) or key in self._wanted):
                met.open(backend)
            met.step(now, key in there)
            if met.gone_s > FORGET_S:
                met.close()
                del known[key]


class _Met:
    """A stream that was met, and the link through which its samples are pulled."""

    def __init__(self, key: Key, found: StreamInfo, now: float) -> None:
        self.key, self.found, self.n_twins = key, found, 0
        self.signal = is_signal(found, True)
        self.link: StreamConnection | None = None
        self.gone_s = 0.0
        self._since = self._last = self._alone = now
        self._there, self._why, self._refused = True, "", False

    def here(self, same: list[StreamInfo], now: float) -> None:
        """Twins count once they have been there for longer than a sender that died is still listed."""
        self.found, self._last = max(same, key=lambda found: found.created), now
        self._alone = now if len(same) == 1 else self._alone
        self.n_twins = len(same) - 1 if now - self._alone > STILL_LISTED_S else 0

    def open(self, backend: LslBackend) -> None:
        self.link = StreamConnection("meg", self.key[0], partial(_same, self.key), backend.open_signal, backend)

    def step(self, now: float, there: bool) -> None:
        if there != self._there:
            self._there, self._since = there, now
        self.gone_s = 0.0 if there else now - self._last
        if self.link is None:
            return
        notices, _ = self.link.step()
        pulled, more = self.link.pull()
        if pulled is not None and len(pulled[0]):
            more += self.link.count(len(pulled[0]))
        self.link.take_offsets()
        for notice in (*notices, *more):
            if notice.level != "info" and not notice.kind.endswith("twins"):
                self._why, self._refused = notice.text, notice.kind.endswith("refused")
        if self.link.state == "flowing":
            self._why, self._refused = "", False

    def told(self, now: float) -> Stream:
        found, link = self.found, self.link
        state: State = "found" if self._there else "lost"
        since_s, rate_hz = now - self._since, 0.0
        if link is not None:
            health = link.health(None, found.sfreq, 0, 0)
            since_s, rate_hz = health.since_s, health.rate_hz
            state = "found" if health.state == "searching" and self._there else health.state
        channels = link.inlet.channels if link is not None and link.inlet is not None else None
        sensors = channels.sensors if channels else ()
        used = {sensor.name for sensor in sensors}
        others = tuple(name for name in channels.names if name not in used) if channels else ()
        return Stream(
            self.key, "meg" if self.signal else "words", found.type, found.n_channels, found.sfreq, found.format,
            state, since_s, rate_hz, link is not None, self.n_twins, sensors, others, self._why, self._refused,
        )  # fmt: skip

    def close(self) -> None:
        if self.link is not None:
            self.link.close()


def _same(key: Key, found: StreamInfo) -> bool:
    return (found.name, found.source_id, found.hostname) == key


def name_for(stream: Stream, streams: tuple[Stream, ...]) -> str:
    """What a session calls it: its name, or its source id where another one bears the same name."""
    namesakes = [other for other in streams if other.name == stream.name and other.key != stream.key]
    return stream.source_id if namesakes and stream.source_id else stream.name
