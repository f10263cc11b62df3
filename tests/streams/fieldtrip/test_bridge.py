"""The bridge: what is in a FieldTrip buffer comes out of LSL, in SI units and on its time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rtalign.streams import lsl
from rtalign.streams.fieldtrip.bridge import Bridge, BridgeStatus
from rtalign.streams.fieldtrip.protocol import NAMES, RESOLUTIONS, BufferEvent
from rtalign_cli import main
from rtalign_cli.subcommands.bridge import amounts
from tests.helpers.fieldtrip_server import Buffer, serve

SFREQ, BLOCK, INT32 = 1000.0, 20, 7


def wait_for(attempt: Callable[[], Any], seconds: float = 30.0) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := attempt():
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing within {seconds} s")


def _both(finder: lsl.Finder, name: str) -> dict[str, lsl.StreamInfo]:
    found = {info.name: info for info in finder.streams() if name in info.name}
    return found if len(found) == 2 else {}


def test_signal_and_events_of_a_buffer_come_over_lsl() -> None:
    name, stop = f"rtalign-test-bridge-{os.getpid()}", threading.Event()
    resolutions = np.array([1e-15, 2e-15, 1.0]).astype("<f8").tobytes()
    finder = lsl.Finder()
    with serve(Buffer()) as buffer:
        buffer.put_header(3, SFREQ, INT32, {NAMES: b"MLC11\0MLC12\0UPPT001\0", RESOLUTIONS: resolutions})
        bridge = Bridge(str(buffer.address), name, f"{name}-words")
        running = threading.Thread(target=bridge.run, args=(stop,), daemon=True)
        running.start()
        try:
            found = wait_for(lambda: _both(finder, name))
            inlet, words = lsl.SignalInlet(found[name]), lsl.TextInlet(found[f"{name}-words"])
            assert [(sensor.name, sensor.kind) for sensor in inlet.sensors] == [("MLC11", "axial"), ("MLC12", "axial")]
            assert inlet.channel_names == ("MLC11", "MLC12", "UPPT001")
            begin = lsl.local_clock()
            for n in range(0, 1600, BLOCK):
                time.sleep(max(begin + (n + BLOCK) / SFREQ - lsl.local_clock(), 0))
                buffer.put(np.repeat(np.arange(n, n + BLOCK)[:, None], 3, axis=1))
                if n == 1000:
                    buffer.put_events([BufferEvent("word", "sea", 1010)])
            pulled: list[Any] = []
            wait_for(lambda: pulled.append(inlet.pull()) or sum(len(data) for data, _ in pulled) >= 1600)
            data, stamps = (np.concatenate(part) for part in zip(*pulled, strict=True))
            np.testing.assert_allclose(data, np.arange(1600)[:, None] * [1e-15, 2e-15, 1.0], rtol=1e-6)
            taken = begin + np.arange(1600) / SFREQ
            assert np.abs(np.median(stamps - taken)) < 0.05  # a loaded machine is late by a few ms
            np.testing.assert_allclose(np.diff(stamps), 1 / SFREQ, atol=1e-5)
            ((text, stamp),) = wait_for(words.pull)
            assert text == "sea"
            assert stamp == pytest.approx(stamps[1010], abs=1e-3)
            inlet.close()
            words.close()
        finally:
            stop.set()
            running.join()
            finder.close()
    assert (bridge.status.n_samples, bridge.status.n_lost, bridge.status.n_events) == (1600, 0, 1)


def test_a_bridge_waits_for_its_buffer() -> None:
    stop, said = threading.Event(), list[BridgeStatus]()

    def hear(status: BridgeStatus) -> None:
        said.append(status)
        stop.set()

    with serve(Buffer()) as buffer:
        Bridge(str(buffer.address), on_status=hear).run(stop)
    assert "no header yet" in said[0].state


def test_the_command_refuses_what_is_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["bridge", "scanner:1972"]) == 1
    printed = capsys.readouterr().err
    assert "'scanner:1972' is no address of a FieldTrip buffer - write ft://HOST:1972" in printed
    assert "Traceback" not in printed


def test_what_was_lost_and_how_well_times_are_known_is_said() -> None:
    assert amounts(BridgeStatus("flowing", 1200, 0, 3, 0.0021)) == "1,200 samples, 3 events sent, times within 2.1 ms"
    assert "80 samples lost" in amounts(BridgeStatus("flowing", 1200, 80, 3))
