"""Discovery: a thread that finds streams and pulls the MEG, as only samples show that a stream flows."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from rtalign.core.records import Sensor
from rtalign.core.text.translation import tr
from rtalign.streams.events import State
from rtalign.streams.fieldtrip.client import BufferAddress
from rtalign.streams.fieldtrip.inlets import FieldTripBackend
from rtalign.streams.live.connection import STILL_LISTED_S, LslBackend, StreamConnection, lsl_backend
from rtalign.streams.live.source import is_signal
from rtalign.streams.lsl import StreamInfo

STEP_S = 0.1
KEEP_LOST_S = 15.0
"""How long a stream that is gone is still listed, as lost."""
OWN_TYPE = "Scores"
"""Type of the stream that this program itself sends."""

Key = tuple[str, str, str]
"""Name, source id, host: the same after the sender was started again."""


@dataclass(frozen=True, slots=True)
class FoundStream:
    """One stream as it is now.

    Attributes
    ----------
    key : (str, str, str)
        Its name, source id and host.
    role : {"meg", "words"}
        What it can be used as.
    type, n_channels, nominal_hz, format
        As the stream describes itself.
    state : State
        Whether it flows; of an open stream only.
    since_s : float
        How long it has been in that state.
    rate_hz : float
        Measured rate.
    is_open : bool
        Whether it was opened, so that its state speaks of samples.
    n_twins : int
        Other streams with the same key.
    sensors : tuple of Sensor
        Of an open signal.
    others : tuple of str
        Its channels that are no sensors, a trigger among them.
    problem : str
        What is wrong with it, and how to fix it.
    refused : bool
        Whether its description says that it cannot be used.
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
    is_open: bool = False
    n_twins: int = 0
    sensors: tuple[Sensor, ...] = ()
    others: tuple[str, ...] = ()
    problem: str = ""
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
    """Finds streams in a thread.

    Why no stream of words is opened: a sender that waits for a listener would begin its story to a dialog.

    Parameters
    ----------
    backend : callable
        Opens the access to LSL; may raise.

    Attributes
    ----------
    newest : tuple of FoundStream
        Replaced several times a second; in the order in which streams were found.
    problem : str
        Why streams cannot be searched for.
    """

    def __init__(self, backend: Callable[[], LslBackend] = lsl_backend) -> None:
        self.newest: tuple[FoundStream, ...] = ()
        self.problem = ""
        self._open_backend, self._stop = backend, threading.Event()
        self._started = 0.0
        self._wanted: frozenset[Key] = frozenset()
        self._buffer = ""

    @property
    def seconds(self) -> float:
        """How long the search has been running."""
        return time.monotonic() - self._started if self._started else 0.0

    def start(self) -> None:
        self.newest, self.problem, self._stop = (), "", threading.Event()
        threading.Thread(target=self._run, args=(self._stop,), name="discovery", daemon=True).start()

    def open(self, key: Key) -> None:
        """Open this signal too, although its type is neither MEG nor EEG."""
        self._wanted |= {key}

    def watch_buffer(self, address: str) -> None:
        """List the FieldTrip buffer at ft://HOST:PORT beside the streams of LSL, and no other; none where empty.

        Raises
        ------
        ValueError
            Where it is no address.
        """
        if address:
            BufferAddress.parse(address)
        self._buffer = address

    def close(self) -> None:
        """Stop the thread, which closes its streams by itself; returns at once."""
        self._stop.set()

    def _run(self, stop: threading.Event) -> None:
        backend: LslBackend | None = None
        watched: dict[Key, _WatchedStream] = {}
        buffer = ""
        try:
            lsl = backend = self._open_backend()
            self._started = time.monotonic()
            while not stop.wait(STEP_S):
                if buffer != self._buffer:
                    _close_streams(watched, buffer)
                    buffer = self._buffer
                    backend = FieldTripBackend(buffer, lsl, signal=True, events=True).backend if buffer else lsl
                self._step(backend, watched)
                self.newest = tuple(stream.as_found(backend.clock()) for stream in watched.values())
        except Exception as error:  # the thread's boundary: no library, no network, and whatever else there is
            self.problem = tr("streams cannot be searched for: {error} - rtalign doctor names the fix", error=error)
        finally:
            for stream in watched.values():
                stream.close()
            if backend is not None:
                backend.close()

    def _step(self, backend: LslBackend, watched: dict[Key, _WatchedStream]) -> None:
        now, listed = backend.clock(), dict[Key, list[StreamInfo]]()
        for info in backend.streams():
            if info.type != OWN_TYPE:
                listed.setdefault(_key_of(info), []).append(info)
        for key, infos in listed.items():
            stream = watched.get(key)
            if stream is None or stream.is_signal != is_signal(infos[0], True):
                watched[key] = stream = _WatchedStream(key, infos[0], now)
            stream.update(infos, now)
        for key, stream in list(watched.items()):
            wanted = is_signal(stream.info, False) or key in self._wanted
            if stream.is_signal and stream.connection is None and wanted:
                stream.open(backend)
            stream.step(now, key in listed)
            if stream.gone_s > KEEP_LOST_S:
                stream.close()
                del watched[key]


def _close_streams(watched: dict[Key, _WatchedStream], name: str) -> None:
    for key in [key for key in watched if key[0] == name]:
        watched.pop(key).close()


class _WatchedStream:
    """A stream that was found, and the connection through which its samples are pulled."""

    def __init__(self, key: Key, info: StreamInfo, now: float) -> None:
        self.key, self.info, self.n_twins = key, info, 0
        self.is_signal = is_signal(info, True)
        self.connection: StreamConnection | None = None
        self.gone_s = 0.0
        self._since = self._last_listed = self._alone_at = now
        self._listed, self._problem, self._refused = True, "", False

    def update(self, infos: list[StreamInfo], now: float) -> None:
        """Take what is listed under its key.  Twins count only after the time that a dead sender is still listed."""
        self.info, self._last_listed = max(infos, key=lambda info: info.created), now
        self._alone_at = now if len(infos) == 1 else self._alone_at
        self.n_twins = len(infos) - 1 if now - self._alone_at > STILL_LISTED_S else 0

    def open(self, backend: LslBackend) -> None:
        same = partial(_has_key, self.key)
        self.connection = StreamConnection("meg", self.key[0], same, backend.open_signal, backend)

    def step(self, now: float, listed: bool) -> None:
        """Pull what has arrived."""
        if listed != self._listed:
            self._listed, self._since = listed, now
        self.gone_s = 0.0 if listed else now - self._last_listed
        if self.connection is None:
            return
        notices, _ = self.connection.step()
        pulled, more = self.connection.pull()
        if pulled is not None and len(pulled[0]):
            more += self.connection.count(len(pulled[0]))
        self.connection.take_offsets()
        for notice in (*notices, *more):
            if notice.level != "info" and not notice.kind.endswith("twins"):
                self._problem, self._refused = notice.text, notice.kind.endswith("refused")
        if self.connection.state == "flowing":
            self._problem, self._refused = "", False

    def as_found(self, now: float) -> FoundStream:
        connection = self.connection
        inlet = connection.inlet if connection is not None else None
        info = inlet.info if inlet is not None else self.info
        state: State = "found" if self._listed else "lost"
        since_s, rate_hz = now - self._since, 0.0
        if connection is not None:
            health = connection.health(None, info.sfreq, 0, 0)
            since_s, rate_hz = health.since_s, health.rate_hz
            state = "found" if health.state == "searching" and self._listed else health.state
        channels = inlet.channels if inlet is not None else None
        sensors = channels.sensors if channels else ()
        used = {sensor.name for sensor in sensors}
        others = tuple(name for name in channels.names if name not in used) if channels else ()
        return FoundStream(
            self.key, "meg" if self.is_signal else "words", info.type, info.n_channels, info.sfreq, info.format,
            state, since_s, rate_hz, connection is not None, self.n_twins, sensors, others, self._problem,
            self._refused,
        )  # fmt: skip

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()


def _key_of(info: StreamInfo) -> Key:
    return info.name, info.source_id, info.hostname


def _has_key(key: Key, info: StreamInfo) -> bool:
    return _key_of(info) == key


def session_name(stream: FoundStream, streams: tuple[FoundStream, ...]) -> str:
    """How a session names a stream: by its name, or by its source id where another stream has the same name."""
    same_role = [other for other in streams if other.role == stream.role]
    namesakes = [other for other in same_role if other.name == stream.name and other.key != stream.key]
    return stream.source_id if namesakes and stream.source_id else stream.name


ROLE_WORDS = frozenset(("meg", "eeg", "signal", "data", "raw", "word", "words", "text", "marker", "markers", "stim"))
"""Parts of names that say what a stream is, not whose."""


def affinity(meg: FoundStream, words: FoundStream) -> int:
    """How much speaks for one sender of both: 2 for names or source ids that differ in their role only, 1 for the host.

    LSL itself lists the streams of one session alone, so that the session says nothing more.
    """
    pairs = (meg.name, words.name), (meg.source_id, words.source_id)
    named = any(_stem(a) and _stem(a) == _stem(b) for a, b in pairs)
    return 2 * named + (bool(meg.host) and meg.host == words.host)


def mixed_pair(meg: FoundStream, words: FoundStream, streams: tuple[FoundStream, ...]) -> str:
    """Why a pair is likely to mix two senders: another one goes better together.  Empty where nothing says so.

    Why not the hosts alone: words often come from a computer of their own, which is right where no other pair is.
    """
    here, others = affinity(meg, words), [stream for stream in streams if stream.state != "lost"]
    for other in others:
        if other.role == "words" and other.key != words.key and affinity(meg, other) > here:
            return tr(
                "{name} may belong to another program: {other} goes with {meg}.",
                name=words.name,
                other=other.name,
                meg=meg.name,
            )
        if other.role == "meg" and other.key != meg.key and affinity(other, words) > here:
            return tr(
                "{name} may belong to another program: it goes with {other}, not with {meg}.",
                name=words.name,
                other=other.name,
                meg=meg.name,
            )
    return ""


def _stem(name: str) -> tuple[str, ...]:
    """The parts of a name that do not say its role."""
    return tuple(part for part in re.split(r"[^a-z0-9]+", name.lower()) if part and part not in ROLE_WORDS)
