"""The client of an engine in a process of its own: commands arrive in order, and nobody waits for a silent engine."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from rtalign.core.session import Session
from rtalign.engine.commands import Pause, Seek
from rtalign.engine.process import wire
from rtalign.engine.process.client import Client

PATIENCE_MS = 120_000


@pytest.fixture
def client(live_setup: Path) -> Client:
    return Client(
        Session(bank=live_setup / "bank", model=str(live_setup / "model"), recording=live_setup / "listener", run="02")
    )


def test_nobody_waits_for_an_engine_that_does_not_read(client: Client) -> None:
    """A pipe that nobody empties takes some thousand commands, and then blocks whoever writes to it."""
    try:
        os.kill(client.pid, signal.SIGSTOP)
        sending = threading.Thread(target=lambda: [client.send(Seek(1.0 + n)) for n in range(10_000)], daemon=True)
        sending.start()
        sending.join(20)
        assert not sending.is_alive()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(client.pid, signal.SIGKILL)
        client.wait(5)


def test_nonsense_on_the_pipe_costs_no_command_and_commands_arrive_in_their_order(qtbot: QtBot, client: Client) -> None:
    try:
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", wire.pack({"kind": "seek", "to_s": "soon"}), wire.pack([1, 2])):
            client._outgoing.put(nonsense)
        for command in (Pause(), Seek(9.0), Seek(5.0)):
            client.send(command)
        qtbot.waitUntil(lambda: client.newest.phase == "running" and client.newest.paused, timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: client.newest.position_s == pytest.approx(5.0, abs=0.1), timeout=PATIENCE_MS)
        refused = [notice.text for notice in client.newest.notices if notice.kind == "command"]
        assert len(refused) == 3, "one notice each"
        assert "not from rtalign" in refused[0]
    finally:
        assert client.stop(60).phase == "ended"
