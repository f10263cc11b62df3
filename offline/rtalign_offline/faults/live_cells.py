"""Runs one live cell: a sender, the real command, what goes wrong, and what is found afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import psutil
import pyxdf

from rtalign.engine.process import wire
from rtalign.engine.process.server import HELD_S
from rtalign.recordings import open_recordings
from rtalign_offline.faults.cells import Cell
from rtalign_offline.faults.ports import PORTS, free_ports, held_ports

SECONDS = 12.0
PATIENCE_S = 240.0
"""How long a start or an end may take, where other programs take the processor."""
LINE_S = 1.0
"""The command says once a second how many words it has scored."""
ALONE_S = 60.0
"""A recorder whose viewer is gone ends within this after the streams."""
ENDED_S = 20.0
"""The same, of other processes after the command."""
MOST_SAID = 20
"""Lines that are kept of what a command said, where something was wrong."""
ENVIRONMENT = "RTALIGN_FAULT_CELL"
ALONE = ("command killed", "group killed", "window killed")
"""Cells whose recorder goes on by itself until the streams have ended."""
WINDOW = "--pictures"
"""With it the command is the window, on no screen."""
ENGINE, RECORDER = "rtalign.engine.process.server", "rtalign.engine.process.recorder_server"


def run_live(cell: Cell, setup: Path, folder: Path, slot: int) -> dict[str, Any]:
    """Run a cell and judge it.

    Parameters
    ----------
    cell : Cell
        What is run.
    setup : Path
        Folder with a bank, its model and a listener.
    folder : Path
        An empty folder for this cell.
    slot : int
        Which of the cells side by side this is; each has ports to itself.

    Returns
    -------
    dict
        What was found, as JSON holds it.
    """
    stage = CellProcesses(cell, setup, folder, slot)
    try:
        stage.run()
        return stage.judge()
    finally:
        stage.close()


class CellProcesses:
    """The processes of one cell."""

    def __init__(self, cell: Cell, setup: Path, folder: Path, slot: int) -> None:
        self._cell, self._setup, self._folder = cell, setup, folder
        self._name = f"faults-{os.getpid()}-{cell.key.replace(' ', '-')}"
        self._kept = folder / "kept"
        self._port = free_ports(slot)
        self._environment = self._environment_of(self._port)
        self._lines: list[tuple[float, dict[str, Any]]] = []
        self._output: list[str] = []
        self._sent: dict[str, Any] = {}
        self._marks: list[float] = []
        self._readers: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.command: subprocess.Popen[str] | None = None
        self.sender: subprocess.Popen[str] | None = None

    def run(self) -> None:
        """From the start of the sender to the end of the command."""
        self._take_ports()
        self._start_sender()
        self._start_command()
        assert self.sender is not None
        assert self.command is not None
        command = self.command
        self._until(lambda: command.poll() is not None or self._phase in ("running", "refused") or self._has_window())
        if self.command.poll() is None:
            assert self.sender.stdin is not None
            self.sender.stdin.write("go\n")
            self.sender.stdin.flush()
            self._until(lambda: "began" in self._sent)
            self._act()
            self._until(lambda: "samples" in self._sent, PATIENCE_S + self._seconds)
            time.sleep(3.0)
            if self.command.poll() is None:
                self.command.send_signal(signal.SIGINT)
        self._wait(self.command)

    def close(self) -> None:
        """End what is left, which a judgement has named before."""
        for process in self._mine():
            with contextlib.suppress(psutil.Error):
                process.kill()
        for held in self._sockets:
            held.close()
        for reader in self._readers:
            reader.join(ENDED_S)
        if not any(reader.is_alive() for reader in self._readers):  # to close what is being read waits for its end
            for child in (self.sender, self.command):
                if child is not None:
                    wire.close_pipes(child)

    # Processes

    def _environment_of(self, port: int) -> dict[str, str]:
        """An LSL session and ports of its own, on loopback."""
        text = (files("rtalign") / "streams" / "loopback.cfg").read_text(encoding="ascii")
        ports = f"[ports]\nMulticastPort = {port}\nBasePort = {port + 1}\nPortRange = {PORTS - 2}\n"
        text = text.replace("[ports]\n", ports).replace("[lab]\n", f"[lab]\nSessionID = {self._name}\n")
        config = self._folder / "lsl.cfg"
        config.write_text(text, encoding="ascii")
        own = {"LSLAPICFG": str(config), ENVIRONMENT: self._name, "HF_HUB_OFFLINE": "1"}
        return {**os.environ, **own, "RTALIGN_CACHE": str(self._setup / "cache"), "QT_QPA_PLATFORM": "offscreen"}

    def _take_ports(self) -> None:
        if "--take-ports" not in self._cell.options:
            return
        self._sockets = held_ports(range(self._port + 1, self._port + 4))

    def _start_sender(self) -> None:
        (recording,) = open_recordings(self._setup / "listener", run="02")
        plan = {"seconds": SECONDS, "name": self._name, "sensors": [asdict(s) for s in recording.sensors]}
        path = self._folder / "plan.json"
        path.write_text(json.dumps(plan | self._cell.plan), encoding="utf-8")
        self.sender = subprocess.Popen(
            [sys.executable, "-m", "rtalign_offline.faults.sender", str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self._environment,
        )  # fmt: skip
        self._read(self.sender.stdout, self._take_sent)
        self._until(lambda: "offered" in self._sent)

    def _start_command(self) -> None:
        if "--file-as-folder" in self._cell.options:
            self._kept.write_text("no folder")
        own = ("--file-as-folder", "--limit-file-size", "--take-ports")
        options = [option for option in self._cell.options if option not in own]
        options += [str(self._folder / "pictures")] if WINDOW in options else []
        command = [
            *(sys.executable, "-m", "rtalign_cli", "monitor", "--headless", "--json", "--record", str(self._kept)),
            *("--bank", str(self._setup / "bank"), "--model", str(self._setup / "model")),
            *("--meg", f"{self._name}-meg", "--words", f"{self._name}-words", *options),
        ]
        limited = "--limit-file-size" in self._cell.options
        self.command = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self._environment, start_new_session=True, preexec_fn=partial(prepare_child, limited),
        )  # fmt: skip
        self._read(self.command.stdout, self._take_line)
        self._read(self.command.stderr, self._output.append)

    def _read(self, stream: Any, take: Callable[[str], None]) -> None:
        def work() -> None:
            with contextlib.suppress(ValueError, OSError):
                for line in stream:
                    take(line)

        self._readers.append(threading.Thread(target=work, daemon=True))
        self._readers[-1].start()

    def _take_sent(self, line: str) -> None:
        self._sent |= json.loads(line)

    def _take_line(self, line: str) -> None:
        self._output.append(line)
        with contextlib.suppress(ValueError):
            if isinstance(found := json.loads(line), dict):
                self._lines.append((time.monotonic(), found))

    @property
    def _phase(self) -> str:
        return str(self._lines[-1][1].get("phase")) if self._lines else ""

    @property
    def _seconds(self) -> float:
        return float(self._cell.plan.get("seconds", SECONDS))

    def _until(self, condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            time.sleep(0.05)

    def _wait(self, process: subprocess.Popen[str]) -> None:
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._output.append(f"the command did not end within {PATIENCE_S:g} s")
            process.kill()
            process.wait()
        for reader in self._readers[-2:]:
            reader.join(10)

    def _mine(self, role: str = "") -> list[psutil.Process]:
        """Processes of this cell, the oldest first: those that have its name in their environment."""
        found = []
        for process in sorted(psutil.process_iter(["cmdline", "create_time"]), key=lambda p: p.info["create_time"]):
            with contextlib.suppress(psutil.Error):
                line = " ".join(process.info["cmdline"] or ())
                if role in line and process.pid != os.getpid() and process.environ().get(ENVIRONMENT) == self._name:
                    found.append(process)
        return found

    # What goes wrong

    def _act(self) -> None:
        for at, action in self._cell.actions:
            time.sleep(max(self._sent["began"] + at - time.monotonic(), 0.0))
            getattr(self, "_" + action.split()[0])(action.partition(" ")[2])
            self._marks.append(time.monotonic())

    def _role(self, role: str) -> list[psutil.Process]:
        """The engine or the recorder in use: a standby is younger than the engine that it stands by for."""
        name = {"engine": ENGINE, "recorder": RECORDER}[role]
        self._until(lambda: self._mine(name))
        return self._mine(name)[:1]

    def _kill(self, role: str) -> None:
        assert self.command is not None
        if role == "command":
            self.command.kill()
        elif role == "group":
            os.killpg(self.command.pid, signal.SIGKILL)
        else:
            for process in self._role(role):
                process.kill()

    def _await(self, _: str) -> None:
        """Until the standby has held both streams long enough for the filters to be warm."""
        self._until(lambda: any(receives(process) for process in self._mine(ENGINE)[1:]))
        time.sleep(HELD_S)

    def _has_window(self) -> bool:
        """Whether there is a window, which prints nothing, and engine and recorder of it receive the streams."""
        roles = [self._mine(name)[:1] for name in (ENGINE, RECORDER)] if WINDOW in self._cell.options else []
        return bool(roles) and all(role and receives(role[0]) for role in roles)

    def _pause(self, role: str) -> None:
        (process,) = self._role(role)
        process.suspend()
        time.sleep(3.0)
        process.resume()

    def _terminate(self, _: str) -> None:
        assert self.command is not None
        self.command.terminate()

    def _remove(self, _: str) -> None:
        for path in self._kept.iterdir():
            shutil.rmtree(path)

    def _move(self, _: str) -> None:
        for path in list(self._kept.iterdir()):
            path.rename(self._folder / f"moved-{path.name}")

    def _close(self, _: str) -> None:
        """Nobody reads the command's output: its pipe breaks at the next line.

        The file's number stays taken: once freed it is the next pipe of the cell beside, and read and closed with this.
        """
        assert self.command is not None
        assert self.command.stdout is not None
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), self.command.stdout.fileno(), inheritable=False)

    # What is found

    def judge(self) -> dict[str, Any]:
        """Everything that is reported of a cell, and whether it is as it must be."""
        assert self.command is not None
        leftovers = self._leftovers()
        lost_samples, lost_markers, twice = self._recorded()
        said = self._said()
        missing = [pattern for pattern in self._cell.told if not re.search(pattern, said)]
        again = self._scored_again()
        last = self._lines[-1][1] if self._lines else {}
        wrong = []
        if self.command.returncode != self._cell.status:
            wrong.append(f"exit status {self.command.returncode}, not {self._cell.status}")
        if (lost_samples or lost_markers) and not self._cell.may_lose:
            wrong.append(f"{lost_samples} samples and {lost_markers} markers are not in the recording")
        if twice:
            wrong.append(f"{twice} samples are in the recording twice")
        if missing:
            wrong.append(f"not told: {'; '.join(missing)}")
        if self._cell.scores_again and is_late(again, self._cell.again_s):
            wrong.append(
                "no word was scored again" if again[1] is None else f"scored again only after {again[1]:.1f} s"
            )
        if leftovers:
            wrong.append(f"left behind: {', '.join(leftovers)}")
        if "Traceback" in said or "\x1b" in "".join(self._output):
            wrong.append("a traceback or an escape sequence was printed")
        return {
            "wrong": wrong, "status": self.command.returncode, "samples": self._sent.get("samples", 0),
            "markers": self._sent.get("markers", 0), "lost_samples": lost_samples, "lost_markers": lost_markers,
            "again_s": again, "scored": last.get("scored"), "told": self._first_told(said),
            "load": os.getloadavg()[0], **({"said": said.splitlines()[-MOST_SAID:]} if wrong else {}),
        }  # fmt: skip

    def _leftovers(self) -> list[str]:
        """Processes that outlive the command, or the streams where its recorder was left alone; files half written."""
        alone = self._cell.key in ALONE
        if alone:
            self._until(lambda: "samples" in self._sent)
        end = time.monotonic() + (ALONE_S if alone else ENDED_S)
        while left := [p for p in self._mine() if self.sender is None or p.pid != self.sender.pid]:
            if time.monotonic() > end:
                return [" ".join(process.cmdline()[1:4]) for process in left]
            time.sleep(0.2)
        return [str(path.relative_to(self._folder)) for path in self._folder.rglob("*.partial*")]

    def _recorded(self) -> tuple[int, int, int]:
        """Samples and markers that are in no raw.xdf, and samples that are in one twice.

        Markers are told apart by stamp and text, as two recorders may run side by side.
        """
        numbers: list[int] = []
        markers: set[tuple[str, str]] = set()
        for raw in self._folder.rglob("raw.xdf"):
            for kind, series, stamps in read_streams(raw):
                if kind == "Markers":
                    markers |= {(repr(float(stamp)), row[0]) for stamp, row in zip(stamps, series, strict=True)}
                else:
                    numbers += [int(number) for number in series[:, -1]]
        n_samples = self._sent.get("samples", 0)
        lost = n_samples - len(set(numbers) & set(range(n_samples)))
        return lost, self._sent.get("markers", 0) - len(markers), len(numbers) - len(set(numbers))

    def _said(self) -> str:
        """All that the program said: on the terminal, in its logs."""
        logs = [path.read_text("utf-8", "replace") for path in self._folder.rglob("*.jsonl")]
        return "\n".join([*self._output, *logs])

    def _first_told(self, said: str) -> str:
        """The line that tells of the fault."""
        texts = [json.loads(line).get("text", "") for line in said.splitlines() if '"text"' in line and line[:1] == "{"]
        texts += [line.strip() for line in self._output if line.startswith("rtalign")]
        for pattern in self._cell.told:
            for text in [*texts, *(line.get("recording") or "" for _, line in self._lines)]:
                if re.search(pattern, text):
                    return str(text)
        return ""

    def _scored_again(self) -> tuple[float, float | None]:
        """Seconds from the end of the last fault to the next scored word; see `_scored_after`."""
        ends = [end for _, end in self._sent.get("spans", ())] + self._marks or [self._sent.get("began", 0.0)]
        return self._scored_after(max(ends), any("engine" in action for _, action in self._cell.actions))

    def _scored_after(self, end: float, by_another: bool) -> tuple[float, float | None]:
        """Seconds from a time of the monotonic clock to the next scored word: at least, and at most.

        At most is the first line of output with more words scored, None where no such line came; at least is the line
        before it, as the word was not scored then.  Where another engine goes on, the first line may be of the one
        before, whose last words it counts: it is the second at the earliest, and its number of words is another, as
        that engine counts from 0.
        """
        before = [line.get("scored") or 0 for at, line in self._lines if at <= end]
        most = before[-1] if before else 0
        at_least = 0.0
        after = [
            (at - end, line.get("scored") or 0)
            for at, line in self._lines
            if at > end and line.get("phase") == "running"
        ]
        for k, (seconds, n) in enumerate(after):
            if (k and n and n != after[0][1]) if by_another else n > most:
                return at_least, seconds
            at_least = seconds
        return at_least, None


def is_late(again: Sequence[float | None], within_s: float) -> bool:
    """Whether words were scored again too late: not yet at a line behind the time, or at no line soon after it."""
    at_least, at_most = again
    return at_least is None or at_most is None or at_least > within_s or at_most > within_s + 2 * LINE_S


def receives(process: psutil.Process) -> bool:
    """Whether a process is connected to both streams."""
    with contextlib.suppress(psutil.Error):
        return len(process.net_connections("tcp")) >= 2
    return False


def read_streams(raw: Path) -> Iterator[tuple[str, Any, Any]]:
    """Type, contents and time stamps of each stream that holds something, as pyxdf reads them."""
    with contextlib.suppress(OSError):
        streams, _ = pyxdf.load_xdf(raw, synchronize_clocks=False, dejitter_timestamps=False)
        for stream in streams:
            if len(stream["time_stamps"]):
                yield stream["info"]["type"][0], stream["time_series"], stream["time_stamps"]


def prepare_child(limited: bool) -> None:
    """Ctrl-C is heard also where the runner does not hear it; no file grows beyond 2 MB, as on a full disk."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if limited:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))
