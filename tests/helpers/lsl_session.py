"""An LSL session of this test run's own: loopback alone, and no stream of another program is seen."""

from __future__ import annotations

import atexit
import os
import tempfile
import uuid
import zlib
from pathlib import Path

from tests.helpers.paths import ROOT

FIRST_PORT, PORTS, SHARES = 17000, 100, 150
"""Below those that the system gives out by itself; each worker takes one share."""


def configure() -> None:
    """Name a configuration in LSLAPICFG, which every process that a test starts inherits.

    Call it before anything loads liblsl.  Each worker of pytest-xdist has a session and ports to itself: on loopback a
    query reaches one of the processes that listen on a port, and would get lost among the workers.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    session = f"rtalign-test-{run}-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    port = FIRST_PORT + PORTS * (zlib.crc32(session.encode()) % SHARES)
    ports = f"MulticastPort = {port}\nBasePort = {port + 1}\nPortRange = {PORTS - 2}\n"
    shipped = (ROOT / "rtalign" / "streams" / "loopback.cfg").read_text(encoding="ascii")
    handle, name = tempfile.mkstemp(prefix="rtalign-lsl-", suffix=".cfg")
    with open(handle, "w", encoding="ascii") as file:
        file.write(
            shipped.replace("[lab]\n", f"[lab]\nSessionID = {session}\n").replace("[ports]\n", f"[ports]\n{ports}")
        )
    atexit.register(Path(name).unlink, missing_ok=True)
    os.environ["LSLAPICFG"] = name
