"""The two ends of the engine's pipe: what is sent once arrives, and nonsense from either side is survived."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.core.session import Session
from rtalign.engine import commands, snapshot
from rtalign.engine.commands import Command, Pause, Seek, Stop
from rtalign.engine.process import wire
from rtalign.engine.process.client import Client
from rtalign.engine.process.outbox import Outbox
from rtalign.engine.process.server import CommandQueue, Unreadable


class Slow(io.BytesIO):
    """A viewer that reads nothing until it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def write(self, frame: Any) -> int:
        self.gate.wait(10)
        return super().write(frame)


def test_a_message_sent_once_is_never_replaced() -> None:
    """A viewer that is slow misses snapshots, and no word list."""
    pipe = Slow()
    outbox = Outbox(pipe)
    outbox.send_newest({"n": 0})
    outbox.send_once({"word_list": 1})
    for n in range(1, 50):
        outbox.send_newest({"n": n})
    outbox.send_newest({"n": "last"}, last=True)
    pipe.gate.set()
    outbox.close()
    pipe.seek(0)
    frames = list(iter(lambda: wire.read(pipe), None))
    assert {"word_list": 1} in frames
    assert frames[-1] == {"n": "last"}
    assert len(frames) <= 4


@pytest.fixture
def client_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[bytes], Client]:
    """A client of a process that sends these bytes and ends."""

    def make(sent: bytes) -> Client:
        (tmp_path / "sent").write_bytes(sent)
        code = f"import sys; sys.stdout.buffer.write(open({str(tmp_path / 'sent')!r}, 'rb').read())"
        real = subprocess.Popen
        monkeypatch.setattr(subprocess, "Popen", lambda argv, **rest: real([sys.executable, "-c", code], **rest))
        return Client(Session())

    return make


@pytest.mark.parametrize("sent", [b"hello, this is no frame, but long enough", wire.pack({"word_list": {"onsets": 3}})])
def test_an_engine_that_sends_nonsense_has_failed(client_of: Callable[[bytes], Client], sent: bytes) -> None:
    client = client_of(wire.pack(snapshot.to_message(snapshot.empty_snapshot("running"))) + sent)
    client.wait(30)
    assert client.newest.phase == "failed"
    assert "cannot be read" in (client.newest.reason or "")


def test_the_last_snapshot_of_an_ended_engine_is_read(client_of: Callable[[bytes], Client]) -> None:
    client = client_of(wire.pack(snapshot.to_message(snapshot.empty_snapshot("ended"))))
    while client.alive:
        pass
    assert client.newest.phase == "ended"
    client.wait(5)


def received(data: bytes) -> list[Command | Unreadable]:
    """What the engine makes of these bytes, until their end."""
    queue = CommandQueue(io.BytesIO(data))  # type: ignore[arg-type]
    found: list[Command | Unreadable] = []
    deadline = time.monotonic() + 20
    while Stop() not in found and time.monotonic() < deadline:
        found += queue.take()
    return found


def frame_of(header: bytes, body: bytes = b"") -> bytes:
    return wire.HEAD.pack(wire.MAGIC, len(header), len(body)) + header + body


@pytest.mark.parametrize(
    "broken",
    [
        wire.pack({"kind": "fly"}),
        wire.pack({"kind": "seek", "to_s": "soon"}),
        wire.pack({"do": "stop"}),
        wire.pack(["stop"]),
        wire.pack({"kind": "seek", "to_s": np.zeros(3)}),
        frame_of(b"null"),
        frame_of(b"{"),
        frame_of(b"\xff\xfe"),
        frame_of(b"[" * 100_000),
        frame_of(json.dumps({"kind": {wire.ARRAY: ["float64", [4], 0]}}).encode()),
        b"GET / HTTP/1.1\r\nHost: engine.example\r\n\r\n",
        wire.HEAD.pack(wire.MAGIC, 2**32 - 1, 2**63),
    ],
)
def test_nonsense_is_refused_once_and_the_next_command_is_read(broken: bytes) -> None:
    sent = [wire.pack(commands.to_message(command)) for command in (Pause(), Seek(3.0))]
    first, refused, second, end = received(sent[0] + broken + sent[1])
    assert first == Pause()
    assert isinstance(refused, Unreadable)
    assert refused.reason
    assert second == Seek(3.0)
    assert end == Stop()


def test_a_command_cut_short_is_the_end() -> None:
    assert received(wire.pack(commands.to_message(Pause()))[:-1]) == [Stop()]


def test_a_broken_frame_is_refused() -> None:
    good = wire.pack({"a": np.arange(3.0)})
    assert np.array_equal(wire.read(io.BytesIO(good))["a"], [0, 1, 2])
    assert wire.read(io.BytesIO(good[:-1])) is None
    with pytest.raises(wire.NoFrame, match="not from rtalign"):
        wire.read(io.BytesIO(b"GET / HTTP/1.1\r\n\r\n"))
    lying = json.dumps({wire.ARRAY: ["float64", [4], 0]}).encode()
    with pytest.raises(ValueError, match="does not hold"):
        wire.read(io.BytesIO(frame_of(lying, bytes(24))))
