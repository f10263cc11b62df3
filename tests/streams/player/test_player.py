"""A recording played into LSL comes out of LSL as it went in: every sample once, every stamp exact."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rtalign.core.records import Chunk, Word
from rtalign.core.time_format import position_time
from rtalign.streams import lsl
from rtalign.streams.player.fault_plan import Plan
from rtalign.streams.player.player import Setup, Status, Streamer
from rtalign.streams.player.read_ahead import ReadAhead
from rtalign_cli.stream import StatusLine, status_text, summary_line
from tests.helpers.small_world import MemoryRecording

N_SENSORS, SFREQ, START = 8, 500.0, 2.0
ONSETS = (0.1, 0.35, 0.352, 0.9, 1.3)


def recording(seconds: float = 1.5, name: str = "played") -> MemoryRecording:
    """Every sample tells its own number, in tesla."""
    n = round(seconds * SFREQ)
    data = (np.arange(n)[:, None] + np.arange(N_SENSORS) / 10) * 1e-15
    words = tuple(Word(i, f"w{i}", START + onset, 0.2) for i, onset in enumerate(ONSETS))
    return MemoryRecording(data, words, SFREQ, name, start=START)


PLAYER = """
    import json, os, sys, threading
    from rtalign.streams.player.fault_plan import Plan
    from rtalign.streams.player.player import Setup, Streamer
    from tests.streams.player.test_player import recording
    told = json.loads(sys.argv[1])
    plan = Plan.from_toml(told.pop("plan"))
    recordings = [recording(seconds) for seconds in told.pop("seconds")]
    began = []
    streamer = Streamer(recordings, Setup(**told), plan, lambda seen: began.append(seen.began_at))
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    seen = streamer.run(stop)
    print(json.dumps([sorted({t for t in began if t}), seen.n_samples, seen.n_words, seen.n_withheld,
                      seen.n_words_withheld]), flush=True)
    os._exit(0)  # a thread still waits for its standard input
"""


class Listener:
    """Hears a player in another process, and comes back whenever it does."""

    def __init__(self, seconds: tuple[float, ...] = (1.5,), plan: str = "", **setup: Any) -> None:
        name = f"test-{time.monotonic_ns()}"
        self.names = {"name_meg": f"{name}-meg", "name_words": f"{name}-words"}
        told = {"seconds": seconds, "plan": plan, "wait_s": 10, "pause_s": 0.2, "linger_s": 0.8, **self.names, **setup}
        self._play([sys.executable, "-c", textwrap.dedent(PLAYER), json.dumps(told)])

    @classmethod
    def of_command(cls, *argv: object) -> Listener:
        """Hears what `rtalign stream` plays."""
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
        self.rates: list[float] = []
        self.widths: list[int] = []
        self._inlets: dict[str, Any] = {}
        self._uids: set[str] = set()
        self._finder = lsl.Finder()

    def listen(self, enough: Callable[[Listener], bool] | None = None) -> Listener:
        """Until the player has ended, or enough was heard."""
        try:
            until = time.monotonic() + 60
            while self.player.poll() is None and time.monotonic() < until:
                self._look()
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
        told = json.loads(self.out)
        if isinstance(told, dict):
            told = [
                [told["began_at"]],
                *(told[f"n_{key}"] for key in ("samples", "words", "withheld", "words_withheld")),
            ]
        self.began, self.n_samples, self.n_words, self.n_withheld, self.n_words_withheld = told
        return self

    @property
    def seconds(self) -> float:
        """How much signal was heard."""
        return sum(map(len, self.stamps)) / SFREQ

    def _look(self) -> None:
        for found in self._finder.streams():
            if found.name in self.names.values() and found.name not in self._inlets and found.uid not in self._uids:
                kind = lsl.SignalInlet if found.regular else lsl.TextInlet
                try:
                    self._inlets[found.name] = kind(found)
                except lsl.StreamLost:
                    continue
                self._uids.add(found.uid)
                if found.regular:
                    self.rates.append(found.sfreq)
                    self.widths.append(found.n_channels)

    def _pull(self) -> None:
        for name, inlet in list(self._inlets.items()):
            try:
                pulled = inlet.pull()
            except lsl.StreamLost:
                inlet.close()
                del self._inlets[name]
                continue
            if name == self.names["name_words"]:
                self.words += pulled
            elif len(pulled[0]):
                self.data.append(pulled[0])
                self.stamps.append(pulled[1])


def test_every_sample_arrives_once_with_its_exact_stamp() -> None:
    heard = Listener().listen()
    played = recording()
    data, stamps = np.concatenate(heard.data), np.concatenate(heard.stamps)
    assert np.array_equal(data, played.data.astype(np.float32))
    assert np.abs(stamps - heard.began[0] - np.arange(len(data)) / SFREQ).max() < 1e-6
    assert [text for text, _ in heard.words] == ["w0", "w1", "w2", "w3", "w4"]
    assert np.abs(np.array([stamp for _, stamp in heard.words]) - heard.began[0] - ONSETS).max() < 1e-6
    assert (heard.n_samples, heard.n_words, heard.n_withheld) == (len(data), len(ONSETS), 0)
    assert heard.rates == [SFREQ]


def test_two_recordings_at_another_speed_keep_exact_stamps() -> None:
    heard = Listener((1.5, 1.0), speed=2.0, encoding="json", word_delay_s=0.15).listen()
    n = round(1.5 * SFREQ), round(1.0 * SFREQ)
    stamps = np.concatenate(heard.stamps)
    assert len(stamps) == sum(n)
    first, second = np.split(stamps, n[:1])
    assert first[0] == pytest.approx(heard.began[0], abs=1e-6)
    assert np.abs(np.diff(first) - 0.5 / SFREQ).max() < 1e-6
    assert second[0] - first[0] >= 0.75 + 0.2 - 1e-6
    assert heard.rates == [2 * SFREQ]
    told = [json.loads(text) for text, _ in heard.words]
    assert [word["index"] for word in told] == [0, 1, 2, 3, 4, 0, 1, 2, 3]
    wanted = [first[0] + onset / 2 for onset in ONSETS] + [second[0] + onset / 2 for onset in ONSETS[:4]]
    assert np.abs(np.array([stamp for _, stamp in heard.words]) - wanted).max() < 1e-6
    assert told[1] == {"word": "w1", "onset": 0.35, "duration": 0.2, "index": 1, "story": "played"}


def test_a_player_that_disconnects_comes_back_where_it_would_have_been() -> None:
    plan = '[[fault]]\nkind = "disconnect"\nat = 0.5\nseconds = 0.6\nstream = "both"\n'
    heard = Listener((20.0,), plan).listen(lambda heard: len(heard.rates) == 2 and heard.seconds > 0.8)
    stamps = np.concatenate(heard.stamps) - heard.began[0]
    numbers = np.round(np.concatenate(heard.data)[:, 0] * 1e15)
    assert np.abs(stamps - numbers / SFREQ).max() < 1e-6, "stamps go on counting while nobody is there"
    assert len(set(numbers.tolist())) == len(numbers)
    assert not ((stamps > 0.53) & (stamps < 1.08)).any()
    assert stamps.max() > 1.1, "it was heard again"
    assert heard.n_withheld == pytest.approx(0.6 * SFREQ, abs=20)
    assert heard.n_words_withheld == 1
    assert len(heard.rates) == 2


def test_a_player_can_come_back_with_fewer_channels() -> None:
    plan = '[[fault]]\nkind = "channels"\nat = 0.6\nwithout = ["M001", "M005"]\naway_s = 0.3\n'
    heard = Listener((20.0,), plan).listen(lambda heard: len(heard.rates) == 2 and heard.seconds > 0.8)
    assert heard.widths == [N_SENSORS, N_SENSORS - 2]
    after = heard.data[-1] * 1e15
    assert np.allclose(after - after[:, :1], np.delete(np.arange(N_SENSORS) / 10, [1, 5]), atol=1e-3)


def test_nobody_listening_and_a_stop_do_no_harm() -> None:
    stop = threading.Event()
    name = f"test-{time.monotonic_ns()}"
    seen: list[Status] = []

    def report(status: Status) -> None:
        seen.append(status)
        if status.n_words >= 1:
            stop.set()

    setup = Setup(f"{name}-meg", f"{name}-words")
    streamer = Streamer([recording(600.0)], setup, report=report)
    status = streamer.run(stop)
    assert 0 < status.n_samples < 600 * SFREQ
    assert seen[-1].total_s == 600
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_reading_ahead_gives_every_sample_once_in_float32() -> None:
    played = recording(5.3)
    pieces = list(ReadAhead(played, 7))
    assert [first for first, _ in pieces][:3] == [0, 7, 14]
    assert max(len(data) for _, data in pieces) == 7
    assert np.array_equal(np.concatenate([data for _, data in pieces]), played.data.astype(np.float32))


def test_a_recording_that_cannot_be_read_is_told_to_whoever_plays_it() -> None:
    class Broken(MemoryRecording):
        def chunks(self, seconds: float = 10.0, start: float | None = None) -> Any:
            yield Chunk(self.data[:500], self.start, self.sfreq)
            raise OSError("the disk is gone")

    reading = ReadAhead(Broken(recording().data, (), SFREQ), 100)
    with pytest.raises(OSError, match="the disk is gone"):
        list(reading)


@pytest.mark.parametrize(
    ("given", "fact"),
    [
        ({"speed": 0}, "speed 0"),
        ({"chunk_s": 60}, "60000 ms"),
        ({"encoding": "morse"}, "morse"),
        ({"name_meg": "rtalign-words"}, "two different names"),
        ({"wait_s": -1}, "wait_s is -1"),
    ],
)
def test_a_setup_that_makes_no_sense_is_refused(given: dict, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        Setup(**given)


def test_a_fault_at_a_sensor_that_is_not_there_is_told_before_anything_is_played() -> None:
    plan = Plan.from_toml('[[fault]]\nkind = "nan"\nat = 1\nnames = ["M999"]\n')
    with pytest.raises(ValueError, match="M999"):
        Streamer([recording()], plan=plan)


def test_the_status_is_one_calm_line(capsys: pytest.CaptureFixture[str]) -> None:
    seen = Status("run-1", 0.0, 61.0, 3700.0, 73200, 12, 24, 1, True, False, ("gap",))
    assert status_text(seen) == (
        "1:01 of 1:01:40  run-1  received: MEG  12 words  withheld: 24 samples, 1 words  fault: gap"
    )
    line = StatusLine()
    for _ in range(5):
        line.show(seen)
    line.close()
    assert capsys.readouterr().err.count("\n") == 1, "the same again is not said again"
    assert summary_line(seen, True) == "stopped at 1:01 of 1:01:40: 73,200 samples, 12 words sent"
    assert position_time(59.9) == "0:59"


def test_the_command_plays_a_recording_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    from rtalign.core.progress import Progress
    from rtalign_cli.stream import stream

    monkeypatch.setattr("rtalign_cli.stream.load_recordings", lambda *_: [recording(0.4)])
    name = f"test-{time.monotonic_ns()}"
    args = argparse.Namespace(
        name_meg=f"{name}-meg", name_words=f"{name}-words", speed=1.0, chunk_ms=20.0, word_encoding="plain",
        word_delay=0.0, wait=0.0, faults=None, quiet=True, json=True,
    )  # fmt: skip
    result = stream(args, Progress(quiet=True))
    assert (result["n_samples"], result["n_words"], result["interrupted"]) == (200, 3, False)
