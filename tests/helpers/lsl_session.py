"""An LSL session of this test run's own: loopback alone, and no stream of another program is seen."""

from __future__ import annotations

import atexit
import os
import tempfile
import uuid
from pathlib import Path

from tests.helpers.paths import ROOT


def configure() -> None:
    """Name a configuration in LSLAPICFG, which every process that a test starts inherits.

    Call it before anything loads liblsl.  Each worker of pytest-xdist has a session to itself.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    session = f"rtalign-test-{run}-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    shipped = (ROOT / "rtalign" / "streams" / "loopback.cfg").read_text(encoding="ascii")
    handle, name = tempfile.mkstemp(prefix="rtalign-lsl-", suffix=".cfg")
    with open(handle, "w", encoding="ascii") as file:
        file.write(shipped.replace("[lab]\n", f"[lab]\nSessionID = {session}\n"))
    atexit.register(Path(name).unlink, missing_ok=True)
    os.environ["LSLAPICFG"] = name
