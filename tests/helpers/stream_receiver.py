"""A player in another process, and a receiver of what it streams."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from rtalign.core.records import BadStretch, Word
from rtalign.streams import lsl
from tests.helpers.small_world import MemoryRecording

N_SENSORS, SFREQ, START = 8, 500.0, 2.0
ONSETS = (0.1, 0.35, 0.352, 0.9, 1.3)


def recording(seconds: float = 1.5, name: str = "played") -> MemoryRecording:
    """Every sample is its own number, in fT."""
    n = round(seconds * SFREQ)
    data = (np.arange(n)[:, None] + np.arange(N_SENSORS) / 10) * 1e-15
    words = tuple(Word(i, f"w{i}", START + onset, 0.2) for i, onset in enumerate(ONSETS))
    bad = (BadStretch(START + 0.5, START + 0.7, "marked as bad: BAD_door"),)
    return MemoryRecording(data, words, SFREQ, name, start=START, bad_stretches=bad)


PLAYER = """
    import json, os, sys, threading
    from rtalign.streams.player import FaultPlan, PlayerSettings, Streamer
    from tests.helpers.stream_receiver import recording
    settings = json.loads(sys.argv[1])
    plan = FaultPlan.from_toml(settings.pop("plan"))
    recordings = [recording(seconds) for seconds in settings.pop("seconds")]
    began = []
    streamer = Streamer(recordings, PlayerSettings(**settings), plan, lambda status: began.append(status.began_at))
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    status = streamer.run(stop)
    print(json.dumps([sorted({t for t in began if t}), status.n_samples, status.n_words, status.n_withheld,
                      status.n_words_withheld]), flush=True)
    os._exit(0)  # a thread still waits for its standard input
"""


class Receiver:
    """Receives from a player in another process, and comes back whenever it does."""

    def __init__(self, seconds: tuple[float, ...] = (1.5,), plan: str = "", **options: Any) -> None:
        name = f"test-{time.monotonic_ns()}"
        self.names = {"name_meg": f"{name}-meg", "name_words": f"{name}-words"}
        settings = {
            "seconds": seconds,
            "plan": plan,
            "wait_s": 10,
            "pause_s": 0.2,
            "linger_s": 0.8,
            **self.names,
            **options,
        }
        self._play([sys.executable, "-c", textwrap.dedent(PLAYER), json.dumps(settings)])

    @classmethod
    def of_command(cls, *argv: object) -> Receiver:
        """Receives what `rtalign stream` plays."""
        self, name = cls.__new__(cls), f"test-{time.monotonic_ns()}"
        self.names = {"name_meg": f"{name}-meg", "name_words": f"{name}-words"}
        names = ["--name-meg", f"{name}-meg", "--name-words", f"{name}-words", "--wait", "20", "--json", "--quiet"]
        self._play([sys.executable, "-m", "rtalign_cli", "stream", *map(str, argv), *names])
        return self

    def _play(self, command: list[str]) -> None:
        self.player = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.data: list[np.ndarray] = []
        self.stamps: list[np.ndarray] = []
        self.words: list[tuple[str, float]] = []
        self.marks: list[tuple[str, float, float]] = []  # with how much signal was there before
        self.rates: list[float] = []
        self.widths: list[int] = []
        self.origins: list[tuple[str, ...]] = []
        self._inlets: dict[str, Any] = {}
        self._uids: set[str] = set()
        self._finder = lsl.Finder()

    def receive(self, enough: Callable[[Receiver], bool] | None = None) -> Receiver:
        """Until the player has ended, or enough was received."""
        try:
            until = time.monotonic() + 60
            while self.player.poll() is None and time.monotonic() < until:
                self._open_inlets()
                self._pull()
                if enough and enough(self) and self.player.stdin and not self.player.stdin.closed:
                    self.player.stdin.close()  # which stops it
                time.sleep(0.01)
            assert self.player.stdout
            self.out = self.player.stdout.read()
        finally:
            self.player.kill()
            self.player.__exit__(None, None, None)  # closes its pipes
            self._finder.close()
            for inlet in self._inlets.values():
                inlet.close()
        status = json.loads(self.out)
        if isinstance(status, dict):
            status = [
                [status["began_at"]],
                *(status[f"n_{key}"] for key in ("samples", "words", "withheld", "words_withheld")),
            ]
        self.began, self.n_samples, self.n_words, self.n_withheld, self.n_words_withheld = status
        return self

    @property
    def seconds(self) -> float:
        """How much signal was received."""
        return sum(map(len, self.stamps)) / SFREQ

    def _open_inlets(self) -> None:
        for info in self._finder.streams():
            if info.name in self.names.values() and info.name not in self._inlets and info.uid not in self._uids:
                kind = lsl.SignalInlet if info.regular else lsl.TextInlet
                try:
                    self._inlets[info.name] = kind(info)
                except lsl.StreamLost:
                    continue
                self._uids.add(info.uid)
                if info.regular:
                    self.rates.append(info.sfreq)
                    self.widths.append(info.n_channels)
                    origin = self._inlets[info.name].channels.origin
                    self.origins.append(tuple(one.signal for one in origin))

    def _pull(self) -> None:
        for name, inlet in list(self._inlets.items()):
            try:
                pulled = inlet.pull()
            except lsl.StreamLost:
                inlet.close()
                del self._inlets[name]
                continue
            if name == self.names["name_words"]:
                marks = [one for one in pulled if one[0].startswith('{"bad"')]
                self.marks += [(*mark, self.seconds) for mark in marks]
                self.words += [one for one in pulled if one not in marks]
            elif len(pulled[0]):
                self.data.append(pulled[0])
                self.stamps.append(pulled[1])
