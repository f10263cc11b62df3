"""Lab Streaming Layer (LSL): streams are found, opened and offered, through one liblsl."""

from __future__ import annotations

import ctypes
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from rtalign.core.records import RecordingIdentity, Sensor
from rtalign.recordings.stream_channels.description import describe_channel
from rtalign.recordings.stream_channels.origin import describe_origin
from rtalign.recordings.stream_channels.projectors import Projector
from rtalign.recordings.stream_channels.selection import StreamChannels
from rtalign.streams import channels

BUFFER_S = 120
"""How long liblsl keeps samples for a reader that is busy."""
FORGET_S = 3.0
"""How long a stream that is gone is still listed."""
OPEN_S = 2.0
"""How long a stream may take to answer when it is opened."""
MAX_SAMPLES = 4096
"""Samples taken at once."""
MAX_MARKERS = 64
"""Markers taken at once; liblsl clears its whole buffer of strings at every pull, full or not."""
MAX_CHARACTERS = 65536
"""Characters of a marker that are read as words; a recording keeps all of it."""


class StreamLost(Exception):
    """The sender is gone, or does not answer."""


@cache
def _pylsl() -> Any:
    """pylsl with the liblsl of its own wheel, which mne-lsl uses, too, when it is imported later.

    Why not mne-lsl's where that was imported first: liblsl 1.17 mostly leaves the connections of a closed outlet open,
    so that its receivers wait for ever, and does not notice that a receiver leaves until it sends again; 1.18 mends it.
    """
    try:
        import pylsl
        from pylsl.lib import lib
    except ModuleNotFoundError:
        raise ValueError("pylsl is not installed; pip install 'rtalign[live]'") from None

    os.environ.setdefault("MNE_LSL_LIB", lib._name)
    lib.lsl_time_correction_ex.restype = ctypes.c_double
    return pylsl


def local_clock() -> float:
    """This machine's LSL time, s.

    Returns
    -------
    float
    """
    return float(_pylsl().local_clock())


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream that a sender offers.

    Attributes
    ----------
    name, type, source_id : str
        As the sender calls it.
    uid : str
        Another one each time the stream is offered.
    hostname : str
        The sender's machine.
    n_channels : int
        Number of channels.
    sfreq : float
        Its nominal rate, Hz; 0 where it is irregular.
    format : str
        "float32", "string" and so on.
    created : float
        When it was offered, on the sender's clock, s.
    handle : object
        What liblsl needs to open it.
    """

    name: str
    type: str
    source_id: str
    uid: str
    hostname: str
    n_channels: int
    sfreq: float
    format: str
    created: float = 0.0
    handle: Any = field(default=None, repr=False, compare=False)

    @property
    def regular(self) -> bool:
        """Whether it is evenly sampled."""
        return self.sfreq > 0


def _stream_info(handle: Any) -> StreamInfo:
    form = _pylsl().lib.fmt2string[handle.channel_format()]
    return StreamInfo(
        name=handle.name(),
        type=handle.type(),
        source_id=handle.source_id(),
        uid=handle.uid(),
        hostname=handle.hostname(),
        n_channels=handle.channel_count(),
        sfreq=handle.nominal_srate(),
        format=form,
        created=handle.created_at(),
        handle=handle,
    )


def find_streams(seconds: float) -> list[StreamInfo]:
    """Every stream that answers within a time.

    Parameters
    ----------
    seconds : float
        How long to wait for answers.

    Returns
    -------
    list of StreamInfo
    """
    return [_stream_info(handle) for handle in _pylsl().resolve_streams(seconds)]


class Finder:
    """Searches for streams in the background; `streams` returns at once."""

    def __init__(self) -> None:
        self._resolver: Any = _pylsl().ContinuousResolver(forget_after=FORGET_S)

    def streams(self) -> list[StreamInfo]:
        """Those that are there now; none after `close`."""
        return [_stream_info(handle) for handle in self._resolver.results()] if self._resolver else []

    def close(self) -> None:
        self._resolver = None


@cache
def _get_xml() -> Any:
    """liblsl's function of that name, which returns where a text is, so that it can be freed."""
    return ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(("lsl_get_xml", _pylsl().lib.lib))


def _description(handle: Any) -> str:
    """The XML of a stream.

    Why not pylsl's as_xml: it never frees liblsl's text, 190 kB for 306 sensors each time a stream comes back.
    """
    place = _get_xml()(handle.obj)
    try:
        return ctypes.string_at(place).decode("utf-8", "replace")
    finally:
        _pylsl().lib.lib.lsl_destroy_string(ctypes.c_void_p(place))


class _Inlet:
    """What both kinds of inlet share.

    Why no recovery inside liblsl: it would reconnect silently, also to a stream that has changed meanwhile.
    """

    def __init__(self, info: StreamInfo) -> None:
        pylsl = _pylsl()
        self.info = info
        self._inlet: Any = pylsl.StreamInlet(info.handle, max_buflen=BUFFER_S, recover=False)
        try:
            self.xml = _description(self._inlet.info(OPEN_S))
            self._inlet.open_stream(OPEN_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
            raise StreamLost(f"stream {info.name} was found on {info.hostname} and does not answer ({error})") from None

    def offset(self, timeout_s: float = 2.0) -> tuple[float, float]:
        """(offset_s, uncertainty_s): what is added to the sender's time to get local time.  May block at first."""
        pylsl = _pylsl()
        inlet = self._inlet  # held, so that closing meanwhile does not free what the call below uses
        if inlet is None:
            raise StreamLost(f"stream {self.info.name} is closed")
        remote, uncertainty, code = ctypes.c_double(), ctypes.c_double(), ctypes.c_int()
        value = pylsl.lib.lib.lsl_time_correction_ex(
            inlet.obj,
            ctypes.byref(remote),
            ctypes.byref(uncertainty),
            ctypes.c_double(timeout_s),
            ctypes.byref(code),
        )
        try:
            pylsl.util.handle_error(code)
        except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
            raise StreamLost(f"stream {self.info.name} does not answer when asked for its clock ({error})") from None
        return float(value), float(uncertainty.value)

    def _chunk(self, max_samples: int, buffer: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        if self._inlet is None:
            raise StreamLost(f"stream {self.info.name} is closed")
        try:
            data, stamps = self._inlet.pull_chunk(0.0, max_samples=max_samples, dest_obj=buffer, as_numpy=True)
        except _pylsl().util.LostError as error:
            raise StreamLost(f"stream {self.info.name} has ended ({error})") from None
        return data, stamps

    def close(self) -> None:
        self._inlet = None


class SignalInlet(_Inlet):
    """A regular stream of numbers, with its sensors.

    Parameters
    ----------
    info : StreamInfo
        The stream to open.

    Attributes
    ----------
    channels : StreamChannels
        Its channels, which of them are sensors, and their units.
    sfreq : float
        Its nominal rate, Hz.

    Raises
    ------
    ValueError
        If it is no regular signal, or its description cannot be used.
    StreamLost
        If the sender does not answer.
    """

    needs_rate = True

    def __init__(self, info: StreamInfo) -> None:
        if info.format == "string" or (self.needs_rate and not info.regular):
            raise ValueError(
                f"stream {info.name} is no regular signal ({info.format}, {info.sfreq:g} Hz) - choose another"
            )
        super().__init__(info)
        self.channels = self._parse()
        self.sensors = self.channels.sensors
        self.channel_names = self.channels.names
        self.sfreq = info.sfreq
        self._buffer = np.empty((MAX_SAMPLES, info.n_channels), dtype=self._inlet.np_dtype)

    def _parse(self) -> StreamChannels:
        return channels.parse(self.xml, self.info.n_channels, self.info.type, self.info.name)

    def pull(self) -> tuple[np.ndarray, np.ndarray]:
        """Take what came, without waiting.

        Returns
        -------
        data : array, shape (sample, channel)
            As it came.
        stamps : array, shape (sample,)
            On the sender's clock, s.
        """
        data, stamps = self._chunk(MAX_SAMPLES, self._buffer)
        return data.copy(), stamps.copy()


class UndescribedInlet(SignalInlet):
    """A stream of numbers whose description says nothing of sensors: it can be recorded, or be read by its labels."""

    needs_rate = False

    def _parse(self) -> StreamChannels:
        return channels.parse_labels(self.xml, self.info.n_channels, self.info.name)


class TextInlet(_Inlet):
    """A stream of markers: strings, integer codes, or one channel per annotation as mne-lsl's player sends them.

    Parameters
    ----------
    info : StreamInfo
        The stream to open.

    Raises
    ------
    StreamLost
        If the sender does not answer.
    """

    def __init__(self, info: StreamInfo) -> None:
        super().__init__(info)
        self._labels = channels.read_labels(self.xml, info.n_channels, info.name)

    def pull(self) -> list[tuple[str, float]]:
        """Take what came, without waiting.

        Returns
        -------
        list of (str, float)
            Each marker and its stamp on the sender's clock, s, in the order they came: the whole text, in which bytes
            that are no UTF-8 are surrogates (see `readable`).
        """
        data, stamps = self._chunk(MAX_MARKERS)
        out = []
        for row, stamp in zip(data, stamps.tolist(), strict=True):
            out += [(text, stamp) for text in self._texts(row)]
        return out

    def _texts(self, row: np.ndarray) -> list[str]:
        if row.dtype == object:
            return [bytes(value).decode("utf-8", "surrogateescape") for value in row[:1]]
        if len(row) == 1:
            return [f"{row[0]:.10g}"]
        return [_annotation(self._labels[i] or str(i + 1), float(row[i])) for i in np.flatnonzero(row)]


def readable(text: str) -> str:
    """The text of a marker as words are read from it: what is no UTF-8 replaced, and not endless.

    Parameters
    ----------
    text : str
        As an inlet gives it.

    Returns
    -------
    str
        At most MAX_CHARACTERS of it.
    """
    return text[:MAX_CHARACTERS].encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _annotation(label: str, value: float) -> str:
    """JSON of a channel that is not zero: its label is the word, its value the duration (-1: none)."""
    return json.dumps({"word": label, "duration": value} if value > 0 else {"word": label}, ensure_ascii=False)


class _Outlet:
    """What all outlets share."""

    def __init__(self, info: Any) -> None:
        self._outlet: Any = _pylsl().StreamOutlet(info, max_buffered=BUFFER_S)

    @property
    def n_consumers(self) -> int:
        """1 when there is any receiver, else 0: LSL does not count them."""
        return int(self._outlet.have_consumers()) if self._outlet else 0

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for a receiver; whether there is one."""
        return bool(self._outlet and self._outlet.wait_for_consumers(seconds))

    def close(self) -> None:
        self._outlet = None


class LabelledOutlet(_Outlet):
    """Offers a float32 signal whose channels have labels.

    Parameters
    ----------
    name, type : str
        Of the stream.
    labels : sequence of str
        One per channel.
    sfreq : float
        Its rate, Hz; 0 for an irregular stream.
    """

    def __init__(self, name: str, type: str, labels: Sequence[str], sfreq: float) -> None:
        super().__init__(_described(name, type, [{"label": label} for label in labels], sfreq, name))

    def push(self, data: np.ndarray, stamps: float | np.ndarray = 0.0) -> None:
        """Send samples.

        Parameters
        ----------
        data : array, shape (sample, channel)
            The samples.
        stamps : float or array, shape (sample,)
            The time of the last sample, or of each, s; 0 is now.
        """
        if not len(data):
            return
        stamp = stamps.tolist() if isinstance(stamps, np.ndarray) and stamps.ndim else float(stamps)
        self._outlet.push_chunk(data, stamp)


class DescribedOutlet(LabelledOutlet):
    """Offers a float32 signal with all that is known of its channels.

    Parameters
    ----------
    name, type : str
        Of the stream.
    channels : sequence of dict
        One tree of texts per channel, such as `describe_channel` makes of a sensor.
    sfreq : float
        Its rate, Hz.
    source_id : str
        What stays the same when the sender is started again; the host's name is added.
    """

    def __init__(self, name: str, type: str, channels: Sequence[dict[str, Any]], sfreq: float, source_id: str) -> None:
        _Outlet.__init__(self, _described(name, type, list(channels), sfreq, source_id))


class SignalOutlet(DescribedOutlet):
    """Offers MEG (or EEG) in SI units, float32, with names, kinds and positions of its sensors.

    Parameters
    ----------
    name : str
        Of the stream.
    sensors : sequence of Sensor
        One per channel.
    sfreq : float
        Its rate, Hz.
    source_id : str
        What stays the same when the sender is started again; the host's name is added.
    origin : sequence of RecordingIdentity
        The recordings that are played into it.
    grade : int or None
        Of a CTF machine's gradient compensation; None where it is not known.
    projectors : sequence of dict of str to float
        Fields that its projectors take out, by the sensors' names; written as mne-lsl does.
    """

    def __init__(
        self,
        name: str,
        sensors: Sequence[Sensor],
        sfreq: float,
        source_id: str,
        origin: Sequence[RecordingIdentity] = (),
        grade: int | None = None,
        projectors: Sequence[Projector] = (),
    ) -> None:
        type = "EEG" if all(sensor.kind == "eeg" for sensor in sensors) else "MEG"
        trees = [describe_channel(sensor, grade=grade) for sensor in sensors]
        info = _described(name, type, trees, sfreq, source_id)
        if origin:
            node = info.desc().append_child("recordings")
            for tree in describe_origin(origin):
                _append(node.append_child("recording"), tree)
        if projectors:
            _append_projectors(info.desc().append_child("projectors"), projectors)
        _Outlet.__init__(self, info)


class TextOutlet(_Outlet):
    """Offers markers: one string per sample.

    Parameters
    ----------
    name : str
        Of the stream.
    source_id : str
        What stays the same when the sender is started again; the host's name is added.
    """

    def __init__(self, name: str, source_id: str) -> None:
        super().__init__(_pylsl().StreamInfo(name, "Markers", 1, 0.0, "string", _of_this_host(source_id)))

    def push(self, text: str, stamp: float = 0.0) -> None:
        """Send one marker; stamp : its time, s; 0 is now."""
        self._outlet.push_sample([text], stamp)


def _of_this_host(source_id: str) -> str:
    """A source id that no other computer has: receivers take a stream of the same id for the same sender come back."""
    return f"{source_id} @ {socket.gethostname()}"


def _described(name: str, type: str, trees: list[dict[str, Any]], sfreq: float, source_id: str) -> Any:
    info = _pylsl().StreamInfo(name, type, len(trees), sfreq, "float32", _of_this_host(source_id))
    node = info.desc().append_child("channels")
    for tree in trees:
        _append(node.append_child("channel"), tree)
    return info


def _append_projectors(node: Any, projectors: Sequence[Projector]) -> None:
    """kind 1 is MNE's projector of a field."""
    for number, projector in enumerate(projectors, start=1):
        one = node.append_child("projector")
        _append(one, {"desc": f"projector {number}", "kind": "1"})
        data = one.append_child("data")
        for label, value in projector.items():
            _append(data.append_child("channel"), {"label": label, "data": repr(value)})


def _append(node: Any, tree: dict[str, Any]) -> None:
    for key, value in tree.items():
        if isinstance(value, dict):
            _append(node.append_child(key), value)
        else:
            node.append_child_value(key, value)
