"""What it costs to take MEG off LSL: ours, bare inlets of pylsl and mne-lsl, and mne-lsl's StreamLSL, in turn."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from outcome import tell

ROOT = Path(__file__).resolve().parents[1]
SHAPES = {"ctf275": (275, 1200.0), "neuromag306": (306, 1000.0)}
CHUNK_S = 0.02
POLL_S = 0.02
WARM_S = 2.0
BUFFER_S = 10.0
"""What StreamLSL keeps, as its viewer does."""

Pull = Callable[[], np.ndarray | None]
"""Takes what came; returns the first channel of it, (sample,), which counts samples."""


def send(name: str, n_channels: int, sfreq: float) -> None:
    """Noise without end, whose first channel counts samples (to 2**24, which float32 still tells apart)."""
    from rtalign.core.records import Sensor
    from rtalign.streams.lsl import SignalOutlet, local_clock

    place = (0.0, 0.0, 0.1)
    sensors = [Sensor(f"M{i:03d}", "axial", place, place) for i in range(n_channels)]
    outlet = SignalOutlet(name, sensors, sfreq, name)
    size = round(CHUNK_S * sfreq)
    noise = np.random.default_rng(0).standard_normal((size, n_channels)).astype(np.float32)
    start, number = local_clock(), 0
    while True:
        noise[:, 0] = (number + np.arange(size)) % 2**24
        number += size
        time.sleep(max(start + number / sfreq - local_clock(), 0.0))
        outlet.push(noise, start + (number - size + np.arange(size)) / sfreq)


@contextmanager
def sender(shape: str) -> Iterator[str]:
    name = f"acquire-{os.getpid()}-{shape}"
    child = subprocess.Popen([sys.executable, __file__, "--send", name, "--shape", shape])
    try:
        yield name
    finally:
        child.kill()
        child.wait()


def ours_inlet(name: str) -> tuple[Pull, float]:
    """SignalInlet alone: samples and stamps, copied."""
    from rtalign.streams import lsl

    found = next(f for f in lsl.find_streams(2.0) if f.name == name)
    inlet = lsl.SignalInlet(found)
    return lambda: inlet.pull()[0][:, 0], POLL_S


def ours_source(name: str) -> tuple[Pull, float]:
    """LiveSource as the engine polls it: scaled chunks on one time axis, gaps, health."""
    from rtalign.core.records import Chunk
    from rtalign.streams.live.source import LiveSource

    source = LiveSource(name, None, None)

    def pull() -> np.ndarray | None:
        came = [event.data[:, 0] for event in source.poll(POLL_S) if isinstance(event, Chunk)]
        source.health()
        return np.concatenate(came) if came else None

    return pull, POLL_S


def pylsl_inlet(name: str) -> tuple[Pull, float]:
    """The least anybody can do in Python."""
    import pylsl

    inlet = pylsl.StreamInlet(pylsl.resolve_byprop("name", name, timeout=10)[0], max_buflen=120)
    inlet.open_stream(5)
    return lambda: inlet.pull_chunk(0.0, max_samples=4096, as_numpy=True)[0][:, 0].copy(), POLL_S


def mne_lsl_inlet(name: str) -> tuple[Pull, float]:
    """mne-lsl's own binding, which copies into memory that it keeps."""
    from mne_lsl.lsl import StreamInlet, resolve_streams

    inlet = StreamInlet(resolve_streams(timeout=10, name=name, minimum=1)[0], max_buffered=120)
    inlet.open_stream(5)
    return lambda: inlet.pull_chunk(0.0, max_samples=4096)[0][:, 0].copy(), POLL_S


def stream_lsl(name: str, delay_s: float | None = None) -> tuple[Pull, float]:
    """mne-lsl's StreamLSL with its acquisition thread; it is looked at once, at the end, as far back as it keeps."""
    from mne_lsl.stream import StreamLSL

    stream = StreamLSL(BUFFER_S, name=name)
    stream.connect(**({} if delay_s is None else {"acquisition_delay": delay_s}))  # its own default, or as ours
    return lambda: stream.get_data(min(BUFFER_S, stream.n_new_samples / stream.info["sfreq"]))[0][0], 0.0


RECEIVERS: dict[str, Callable[[str], tuple[Pull, float]]] = {
    "rtalign LiveSource": ours_source,
    "rtalign SignalInlet": ours_inlet,
    "pylsl inlet": pylsl_inlet,
    "mne-lsl inlet": mne_lsl_inlet,
    "mne-lsl StreamLSL": stream_lsl,
    "mne-lsl StreamLSL every 20 ms": partial(stream_lsl, delay_s=POLL_S),
}


def receive(receiver: str, name: str, seconds: float) -> dict[str, Any]:
    """Processor seconds a second, in this process, after a warm-up."""
    pull, every = RECEIVERS[receiver](name)
    _pulled(pull, every, WARM_S)
    cpu, wall = time.process_time(), time.perf_counter()
    numbers = _pulled(pull, every, seconds)
    used, took = time.process_time() - cpu, time.perf_counter() - wall
    steps = np.diff(numbers) % 2**24
    return {
        "cores": round(used / took, 4),
        "samples": len(numbers),
        "lost": int(np.maximum(steps - 1, 0).sum()),
        "repeated": int((steps < 1).sum()),
        "seconds": round(took, 2),
    }


def _pulled(pull: Pull, every: float, seconds: float) -> np.ndarray:
    """The numbers of all samples that came; where nothing is asked for in between, of what is there at the end."""
    until, came = time.perf_counter() + seconds, []
    while time.perf_counter() < until:
        if every:
            came.append(pull())
        time.sleep(every or seconds)
    came.append(pull())
    return np.concatenate([numbers for numbers in came if numbers is not None])


def measured(shape: str, seconds: float, repeats: int) -> dict[str, Any]:
    n_channels, sfreq = SHAPES[shape]
    runs: dict[str, list[dict[str, Any]]] = {receiver: [] for receiver in RECEIVERS}
    with sender(shape) as name:
        for _ in range(repeats):
            for receiver in RECEIVERS:  # in turn, so that a busy minute strikes all
                command = [sys.executable, __file__, "--receive", receiver, "--name", name, "--seconds", str(seconds)]
                out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                runs[receiver].append(json.loads(out.splitlines()[-1]))
                print(shape, receiver, runs[receiver][-1], file=sys.stderr)
    cores = {receiver: float(np.median([run["cores"] for run in found])) for receiver, found in runs.items()}
    peer = cores["mne-lsl StreamLSL"]
    return {
        "channels": n_channels,
        "sfreq": sfreq,
        "cores": {receiver: round(value, 4) for receiver, value in cores.items()},
        "times_less_than_mne_lsl": {receiver: round(peer / value, 2) for receiver, value in cores.items()},
        "lost": {receiver: sum(run["lost"] for run in found) for receiver, found in runs.items()},
        "repeated": {receiver: sum(run["repeated"] for run in found) for receiver, found in runs.items()},
        "runs": runs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement (20)")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--shape", choices=tuple(SHAPES), help="only this one")
    parser.add_argument("--send", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--receive", metavar="RECEIVER", help=argparse.SUPPRESS)
    parser.add_argument("--name", help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ["LSLAPICFG"] = str(
        ROOT / "rtalign" / "streams" / "loopback.cfg"
    )  # before liblsl is loaded, here and below
    os.environ["OMP_NUM_THREADS"] = "1"
    if args.send:
        send(args.send, *SHAPES[args.shape])
    if args.receive:
        print(json.dumps(receive(args.receive, args.name, args.seconds)), flush=True)
        os._exit(0)  # threads of the libraries measured need not be waited for
    result: dict[str, Any] = {
        "benchmark": "acquire",
        "machine": {
            "cores": os.cpu_count(),
            "load_before": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
        },
    }
    for shape in [args.shape] if args.shape else SHAPES:
        result[shape] = measured(shape, args.seconds, args.repeats)
    tell(result, args.out)


if __name__ == "__main__":
    main()
