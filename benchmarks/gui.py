"""The window under full load: what an update costs, how long its event loop stands still, whether memory grows."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from outcome import tell

from rtalign.engine import snapshot
from rtalign.engine.commands import Command, Stop
from rtalign.engine.process import wire

ROOT = Path(__file__).resolve().parents[1]
FEED_HZ, STALL_MS = 20.0, 10
WARM_UP_S = 8.0


class Feed:
    """Snapshots of a made-up run from another process through the engine's own pipe; stands in for its client."""

    def __init__(self, changes: str, hertz: float = FEED_HZ) -> None:
        self.newest, self.word_list, self.recording = snapshot.empty_snapshot("loading", "starting"), None, None
        command = [sys.executable, __file__, "--feed", changes, "--hertz", str(hertz)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, command: Command) -> None:
        if command == Stop():
            self._process.terminate()

    def wait(self, timeout_s: float | None = None) -> int:
        return self._process.wait(timeout_s)

    def _read(self) -> None:
        assert self._process.stdout is not None
        while (message := wire.read(self._process.stdout)) is not None:
            self.newest = snapshot.from_message(message)


def feed(changes: str, hertz: float) -> None:
    """The other end of a Feed."""
    sys.path.insert(0, str(ROOT))
    from tests.helpers.snapshots import FakeRun  # type: ignore[import-not-found]

    run, began, n = FakeRun(everything=changes == "all", sensors=changes == "sensors"), time.monotonic(), 0
    while os.getppid() != 1:
        sys.stdout.buffer.write(wire.pack(snapshot.to_message(run.at(time.monotonic() - began))))
        sys.stdout.buffer.flush()
        n += 1
        time.sleep(max(began + n / hertz - time.monotonic(), 0))


@contextlib.contextmanager
def platform(name: str, size: str) -> Iterator[dict[str, str]]:
    """The environment of a window: no screen at all, or a virtual X server of its own on a free display."""
    if name == "offscreen":
        yield {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        return
    read, write = os.pipe()
    screen = ["-screen", "0", f"{size}x24", "-nolisten", "tcp"]
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), *screen], pass_fds=(write,), stderr=subprocess.DEVNULL
    ) as x:
        os.close(write)
        with os.fdopen(read) as said:
            display = f":{said.readline().strip()}"
        yield {**os.environ, "QT_QPA_PLATFORM": "xcb", "DISPLAY": display}
        x.terminate()


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Each window in a fresh process, one after the other."""
    load = os.getloadavg()[0]
    with platform(given.platform, given.size) as environment, tempfile.TemporaryDirectory() as scratch:
        environment["RTALIGN_SETTINGS"] = str(Path(scratch) / "settings.json")
        environment.setdefault("OMP_NUM_THREADS", "1")
        windows = {}
        for what in ("rtalign", *(() if given.alone else ("pyqtgraph",))):
            with session(given, Path(scratch) / what) as said:
                windows[what] = child(given, what, environment, said)
    found: dict[str, Any] = {
        "benchmark": "gui", "platform": given.platform, "size": given.size, "view": given.view,
        "layers": 31, "lags": 101, "changes": "engine" if given.engine else given.changes, "minutes": given.minutes,
        "all_panels": given.all_panels,
        "windows": windows,
        "machine_load": [round(load, 2), round(os.getloadavg()[0], 2)],
    }  # fmt: skip
    if "pyqtgraph" in windows:
        mine, other = windows["rtalign"], windows["pyqtgraph"]
        found["ratio"] = {
            "update_cpu_ms_p50": round(mine["update_cpu_ms"]["p50"] / other["update_cpu_ms"]["p50"], 2),
            "cores": round(mine["cores"] / other["cores"], 2),
        }
    return found


@contextlib.contextmanager
def session(given: argparse.Namespace, folder: Path) -> Iterator[str]:
    """What the window shows: a feed, or a whole engine on streams that another process plays."""
    if not given.engine:
        yield given.changes
        return
    from live import made_up_bank

    from rtalign.simulation import helmet_sensors

    made_up_bank(folder, helmet_sensors("ctf275"), "all", "smollm2", "float32")
    tag = f"gui-{os.getpid()}"
    command = [sys.executable, str(ROOT / "benchmarks" / "live.py"), "--play", tag, "--minutes", str(given.minutes + 1)]
    with subprocess.Popen(command) as other:
        yield f"{tag}@{folder}"
        other.terminate()


def child(given: argparse.Namespace, what: str, environment: dict[str, str], said: str) -> dict[str, Any]:
    """One window's figures, and how long this process, which only sleeps, stood still meanwhile."""
    command = [sys.executable, __file__, "--child", what, "--show", said, "--minutes", str(given.minutes)]
    command += ["--size", given.size, "--view", given.view, "--began", str(time.time())]
    command += ["--all-panels"] if given.all_panels else []
    gaps: list[float] = []
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as window:
        time.sleep(WARM_UP_S)
        beat = time.perf_counter()
        while window.poll() is None:
            time.sleep(STALL_MS / 1000)
            now = time.perf_counter()
            gaps.append(1000 * (now - beat) - STALL_MS)
            beat = now
        assert window.stdout is not None
        figures: dict[str, Any] = json.loads(window.stdout.read())
    p50, p99 = np.percentile(gaps, (50, 99))
    figures["machine_stall_ms"] = {"p50": round(p50, 2), "p99": round(p99, 2), "max": round(max(gaps), 2)}
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=1.0)
    options.add_argument("--platform", choices=("offscreen", "xvfb"), default="offscreen")
    options.add_argument("--size", default="1600x900")
    options.add_argument("--view", choices=("operator", "demo"), default="operator")
    changes = "live: scores change with the words, peaks every 2 s; all: everything with each snapshot; "
    changes += "sensors: live, with the panel of all sensors"
    options.add_argument("--changes", choices=("live", "all", "sensors"), default="live", help=changes)
    options.add_argument("--all-panels", action="store_true", help="all panels, and the visitors' window")
    options.add_argument("--engine", action="store_true", help="a real engine, 275 sensors and 31 layers, over LSL")
    options.add_argument("--alone", action="store_true", help="without the plain pyqtgraph window beside it")
    options.add_argument("--out", type=Path, help="also write the JSON here")
    for hidden in ("--feed", "--child", "--show"):
        options.add_argument(hidden, help=argparse.SUPPRESS)
    options.add_argument("--hertz", type=float, default=FEED_HZ, help=argparse.SUPPRESS)
    options.add_argument("--began", type=float, default=0.0, help=argparse.SUPPRESS)
    given = options.parse_args()
    os.environ.setdefault("LSLAPICFG", str(ROOT / "rtalign" / "streams" / "loopback.cfg"))
    if given.feed:
        feed(given.feed, given.hertz)
    elif given.child:
        from shown import watch

        print(json.dumps(watch(given)))
    else:
        tell(measure(given), given.out)


if __name__ == "__main__":
    main()
