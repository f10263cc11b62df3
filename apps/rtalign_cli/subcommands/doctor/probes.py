"""Small programs that try one thing in a process of their own, so that a crash stays there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

TORCH = """
import torch
cuda = torch.cuda.is_available()
report(version=torch.__version__, cuda=cuda, built=torch.version.cuda, threads=torch.get_num_threads(),
    device=torch.cuda.get_device_name(0) if cuda else "")
"""

TRANSFORMERS = """
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer
report(version=transformers.__version__)
"""

QT = """
import rtalign_monitor
import qtpy
from qtpy import QtWidgets
app = QtWidgets.QApplication([])
import pyqtgraph
report(binding=qtpy.API_NAME, version=qtpy.PYQT_VERSION or qtpy.PYSIDE_VERSION, pyqtgraph=pyqtgraph.__version__,
    platform=app.platformName())
"""

PYLSL = """
import pylsl
report(version=pylsl.library_version())
"""

MNE_LSL = """
from mne_lsl import lsl
report(version=lsl.library_version())
"""

FLOW = """
import time, uuid
import numpy as np
import pylsl
name = "rtalign-doctor-" + uuid.uuid4().hex[:8]
outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "TEST", 8, 500.0, "float32", name))
started = time.monotonic()
found = pylsl.resolve_byprop("source_id", name, 1, 8.0)
searched = time.monotonic() - started
if not found:
    report(found=False)
    raise SystemExit
inlet = pylsl.StreamInlet(found[0])
inlet.open_stream(5.0)
sent, received = 0, 0
last = time.monotonic() + 1.0
deadline = last + 4.0
while time.monotonic() < deadline and (time.monotonic() < last or received < sent):
    if time.monotonic() < last:
        outlet.push_chunk(np.full((25, 8), sent, np.float32))
        sent += 25
    time.sleep(0.05)
    received += len(inlet.pull_chunk(timeout=0.0, max_samples=4096)[1])
report(found=True, searched=searched, sent=sent, received=received)
"""

REPORT = """
import json
def report(**facts):
    print("probe:" + json.dumps(facts), flush=True)
"""


class NoAnswer(Exception):
    """A program that did not end in time: its machine is slow, or something in it waits for ever."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:.0f} s")
        self.seconds = seconds


def run(program: str, timeout: float = 60.0, **environment: str) -> Mapping[str, Any]:
    """The facts that a program printed, or what went wrong under "error"; NoAnswer if it did not end in time."""
    with tempfile.TemporaryDirectory() as folder:
        # LSL stays on this machine, whatever the network allows and the user has configured.
        config = str(files("rtalign") / "streams" / "loopback.cfg")
        env = {**os.environ, "LSLAPICFG": config, **environment}
        command = [sys.executable, "-c", REPORT + program]
        try:
            done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise NoAnswer(timeout) from None
    for line in done.stdout.splitlines():
        if line.startswith("probe:"):
            facts: dict[str, Any] = json.loads(line.removeprefix("probe:"))
            return facts
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return {"error": lines[-1][:300] if lines else f"it ended with status {done.returncode}"}
