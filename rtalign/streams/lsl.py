"""The lab streaming layer: streams found, opened and offered, through one liblsl."""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from rtalign.core.records import Sensor
from rtalign.streams import channels

BUFFER_S = 120
"""How long liblsl keeps samples for a reader that is busy."""
FORGET_S = 3.0
"""How long a stream that is gone is still found."""
OPEN_S = 2.0
"""How long a stream may take to answer when it is opened."""
PULL = 4096
"""Samples taken at once."""
PULL_TEXT = 64
"""Markers taken at once; liblsl's room for strings is cleared at every pull, full or not."""
MAX_TEXT = 65536
"""Characters of a marker that are kept."""


class Lost(Exception):
    """The sender is gone."""


@cache
def _pylsl() -> Any:
    """pylsl and mne-lsl each bring a liblsl; whichever is loaded second is told to use the first one's."""
    other = sys.modules.get("mne_lsl.lsl.load_liblsl")
    if other is not None:
        os.environ.setdefault("PYLSL_LIB", other.lib._name)
    import pylsl
    from pylsl.lib import lib

    os.environ.setdefault("MNE_LSL_LIB", lib._name)
    lib.lsl_time_correction_ex.restype = ctypes.c_double
    return pylsl


def local_clock() -> float:
    """This machine's LSL time, s."""
    return float(_pylsl().local_clock())


@dataclass(frozen=True, slots=True)
class Found:
    """A stream somebody offers.  sfreq is 0 for an irregular one; created : on the sender's clock, s."""

    name: str
    type: str
    source_id: str
    uid: str
    hostname: str
    n_channels: int
    sfreq: float
    format: str
    created: float = 0.0
    info: Any = field(default=None, repr=False, compare=False)

    @property
    def regular(self) -> bool:
        return self.sfreq > 0


def _found(info: Any) -> Found:
    form = _pylsl().lib.fmt2string[info.channel_format()]
    return Found(
        info.name(),
        info.type(),
        info.source_id(),
        info.uid(),
        info.hostname(),
        info.channel_count(),
        info.nominal_srate(),
        form,
        info.created_at(),
        info,
    )


def find(seconds: float) -> list[Found]:
    """Every stream that answers within so many seconds."""
    return [_found(info) for info in _pylsl().resolve_streams(seconds)]


class Finder:
    """Keeps looking for streams in the background; `found` returns at once."""

    def __init__(self) -> None:
        self._resolver: Any = _pylsl().ContinuousResolver(forget_after=FORGET_S)

    def found(self) -> list[Found]:
        return [_found(info) for info in self._resolver.results()] if self._resolver else []

    def close(self) -> None:
        self._resolver = None


class _Inlet:
    """What both kinds of inlet share.

    Why no recovery inside liblsl: it would reconnect silently, also to a stream that has changed meanwhile.
    """

    def __init__(self, found: Found) -> None:
        pylsl = _pylsl()
        self.found = found
        self._inlet: Any = pylsl.StreamInlet(found.info, max_buflen=BUFFER_S, recover=False)
        try:
            self.xml = self._inlet.info(OPEN_S).as_xml()
            self._inlet.open_stream(OPEN_S)
        except (pylsl.util.TimeoutError, pylsl.util.LostError) as error:
            raise Lost(f"stream {found.name} was found on {found.hostname} and does not answer ({error})") from None

    def offset(self, timeout_s: float = 2.0) -> tuple[float, float]:
        """(offset_s, uncertainty_s): what is added to the sender's time to get local time.  May block at first."""
        pylsl = _pylsl()
        inlet = self._inlet  # held, so that closing meanwhile does not free what the call below uses
        if inlet is None:
            raise Lost(f"stream {self.found.name} is closed")
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
            raise Lost(f"stream {self.found.name} does not answer when asked for its clock ({error})") from None
        return float(value), float(uncertainty.value)

    def _chunk(self, most: int, room: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        if self._inlet is None:
            raise Lost(f"stream {self.found.name} is closed")
        try:
            data, stamps = self._inlet.pull_chunk(0.0, max_samples=most, dest_obj=room, as_numpy=True)
        except _pylsl().util.LostError as error:
            raise Lost(f"stream {self.found.name} has ended ({error})") from None
        return data, stamps

    def close(self) -> None:
        self._inlet = None


class SignalInlet(_Inlet):
    """A regular stream of numbers, with its sensors."""

    def __init__(self, found: Found) -> None:
        if not found.regular or found.format == "string":
            raise ValueError(
                f"stream {found.name} is no regular signal ({found.format}, {found.sfreq:g} Hz) - choose another"
            )
        super().__init__(found)
        self.channels = channels.parse(self.xml, found.n_channels, found.type, found.name)
        self.sensors = self.channels.sensors
        self.channel_names = self.channels.names
        self.sfreq = found.sfreq
        self._room = np.empty((PULL, found.n_channels), dtype=self._inlet.np_dtype)

    def pull(self) -> tuple[np.ndarray, np.ndarray]:
        """data : (sample, channel), as it came; stamps : (sample,) on the sender's clock.  Does not wait."""
        data, stamps = self._chunk(PULL, self._room)
        return data.copy(), stamps.copy()


class TextInlet(_Inlet):
    """A stream of markers: strings, integer codes, or one channel an annotation as mne-lsl's player sends them."""

    def __init__(self, found: Found) -> None:
        super().__init__(found)
        self._labels = channels.read_labels(self.xml, found.n_channels, found.name)

    def pull(self) -> list[tuple[str, float]]:
        """(text, stamp on the sender's clock), in the order they came.  Does not wait."""
        data, stamps = self._chunk(PULL_TEXT)
        out = []
        for row, stamp in zip(data, stamps.tolist(), strict=True):
            out += [(text, stamp) for text in self._texts(row)]
        return out

    def _texts(self, row: np.ndarray) -> list[str]:
        if row.dtype == object:
            return [bytes(value).decode("utf-8", "replace")[:MAX_TEXT] for value in row[:1]]
        if len(row) == 1:
            return [f"{row[0]:.10g}"]
        return [_annotation(self._labels[i] or str(i + 1), float(row[i])) for i in np.flatnonzero(row)]


def _annotation(label: str, value: float) -> str:
    """A channel that is not zero names the word, and its value is how long it lasts (-1: no duration)."""
    return json.dumps({"word": label, "duration": value} if value > 0 else {"word": label}, ensure_ascii=False)


class _Outlet:
    """What all outlets share."""

    def __init__(self, info: Any) -> None:
        self._outlet: Any = _pylsl().StreamOutlet(info, max_buffered=BUFFER_S)

    @property
    def n_consumers(self) -> int:
        """1 when anybody listens, else 0: LSL tells no more."""
        return int(self._outlet.have_consumers()) if self._outlet else 0

    def wait(self, seconds: float) -> bool:
        """Whether somebody listens, after at most so long."""
        return bool(self._outlet and self._outlet.wait_for_consumers(seconds))

    def close(self) -> None:
        self._outlet = None


class LabelledOutlet(_Outlet):
    """Offers a float32 signal whose channels have labels; sfreq 0 for an irregular one."""

    def __init__(self, name: str, type: str, labels: Sequence[str], sfreq: float) -> None:
        super().__init__(_described(name, type, [{"label": label} for label in labels], sfreq, name))

    def push(self, data: np.ndarray, stamps: float | np.ndarray = 0.0) -> None:
        """data : (sample, channel); stamps : the last sample's time, or (sample,); 0 is now."""
        if not len(data):
            return
        stamp = stamps.tolist() if isinstance(stamps, np.ndarray) and stamps.ndim else float(stamps)
        self._outlet.push_chunk(data, stamp)


class SignalOutlet(LabelledOutlet):
    """Offers MEG (or EEG) in SI units, float32, with names, kinds and places of its sensors."""

    def __init__(self, name: str, sensors: Sequence[Sensor], sfreq: float, source_id: str) -> None:
        _Outlet.__init__(self, _described(name, "MEG", channels.describe(tuple(sensors)), sfreq, source_id))


class TextOutlet(_Outlet):
    """Offers markers: one string a sample."""

    def __init__(self, name: str, source_id: str) -> None:
        super().__init__(_pylsl().StreamInfo(name, "Markers", 1, 0.0, "string", source_id))

    def push(self, text: str, stamp: float = 0.0) -> None:
        self._outlet.push_sample([text], stamp)


def _described(name: str, type: str, trees: list[dict[str, Any]], sfreq: float, source_id: str) -> Any:
    info = _pylsl().StreamInfo(name, type, len(trees), sfreq, "float32", source_id)
    node = info.desc().append_child("channels")
    for tree in trees:
        _append(node.append_child("channel"), tree)
    return info


def _append(node: Any, tree: dict[str, Any]) -> None:
    for key, value in tree.items():
        if isinstance(value, dict):
            _append(node.append_child(key), value)
        else:
            node.append_child_value(key, value)
