"""A sender of MEG and words whose faults are planned, a process of its own that knows what it has sent.

Run as a module with the path of a plan in JSON.  It waits for a line on standard input once its streams are offered,
and writes one line of JSON at its end: how many samples and markers went out, and when the faults began and ended.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.records import Sensor
from rtalign.recordings.stream_channels.description import describe_channel
from rtalign.streams.lsl import DescribedOutlet, TextOutlet, local_clock

SFREQ, CHUNK = 250.0, 5
WORDS = tuple("the old clock had stopped at four minutes to nine and nobody could say when it began".split())  # noqa: SIM905
RMS = {"mag": 1e-13, "axial": 1e-13, "planar": 3e-12, "eeg": 1e-5}
OTHERS_S = 2.5
"""From the first receiver on: an engine and a recorder find a stream independently."""
WAIT_S = 120.0
FLUSH_S = 0.2
"""What was pushed last is still on its way when an outlet is closed."""


class Sender:
    """Streams whose MEG has, behind its sensors, a channel that counts samples; each marker has a number.

    Parameters
    ----------
    name : str
        Of the streams: NAME-meg and NAME-words.
    sensors : list of Sensor
        Of the MEG.
    plan : dict
        seconds, word_rate, words_first_s, and faults: a list of dicts with a kind and at, in seconds.
    """

    def __init__(self, name: str, sensors: list[Sensor], plan: dict[str, Any]) -> None:
        self._name, self._sensors, self._plan = name, sensors, plan
        self._rng = np.random.default_rng(0)
        scale = np.array([RMS[sensor.kind] for sensor in sensors])
        self._noise = (scale * self._rng.standard_normal((1000, len(sensors)))).astype(np.float32)
        self.n_samples = self.n_markers = 0
        self.spans: list[list[float]] = []
        self._sfreq, self._kept, self._units = SFREQ, list(range(len(sensors))), ""
        self._held: list[tuple[np.ndarray, np.ndarray]] = []
        self._done: set[int] = set()
        self._begin = 0.0
        self._others: list[Any] = []
        self._quiet_until: float | None = 0.0
        self._no_words_until: float | None = 0.0
        self.meg: DescribedOutlet | None = None
        self.words: TextOutlet | None = TextOutlet(f"{name}-words", f"{name}-words")
        if not plan.get("meg_later"):
            self._offer()

    def run(self) -> None:
        """Send in real time until the plan's end."""
        plan, begin = self._plan, local_clock()
        next_word, period = 0.3, 1 / plan.get("word_rate", 3.0)
        position, self._begin = 0.0, begin
        while position < plan["seconds"]:
            position += CHUNK / SFREQ
            time.sleep(max(begin + position - local_clock(), 0.0))
            self._act(position)
            self._send_meg(position)
            while next_word <= position:
                self._send_word(next_word)
                next_word += period
        time.sleep(1.0)

    def _faults(self, *kinds: str) -> list[dict[str, Any]]:
        return [fault for fault in self._plan.get("faults", ()) if fault["kind"] in kinds]

    def _active(self, position: float, *kinds: str) -> list[dict[str, Any]]:
        found = [f for f in self._faults(*kinds) if f["at"] <= position < f["at"] + f.get("seconds", 1e9)]
        for fault in found:
            self._note(fault)
        return found

    def _note(self, fault: dict[str, Any]) -> None:
        """Remember when faults began and ended, on the monotonic clock that all processes share."""
        if id(fault) not in self._done:
            self._done.add(id(fault))
            length = fault.get("seconds", 0.0)
            now = time.monotonic()
            self.spans.append([now, now + (length if length < 1e6 else 0.0)])

    def _once(self, position: float, *kinds: str) -> list[dict[str, Any]]:
        found = [f for f in self._faults(*kinds) if f["at"] <= position and id(f) not in self._done]
        for fault in found:
            self._note(fault)
        return found

    # Streams

    def _offer(self) -> None:
        unit = {"unit": self._units} if self._units else {}
        trees: list[dict[str, Any]] = [describe_channel(self._sensors[i]) | unit for i in self._kept]
        trees.append({"label": "COUNT", "type": "misc", "unit": ""})
        self.meg = DescribedOutlet(f"{self._name}-meg", "MEG", trees, self._sfreq, f"{self._name}-meg")

    def _gone(self, position: float) -> bool:
        return bool(self._active(position, "gone"))

    def _act(self, position: float) -> None:
        if self._gone(position):
            if self.meg is not None:
                time.sleep(FLUSH_S)
                self.meg.close()
                self.meg = None
        elif self.meg is None and not self._plan.get("meg_later", 0.0) > position:
            for fault in self._faults("gone"):
                if fault["at"] < position:
                    self._sfreq = fault.get("sfreq", self._sfreq)
                    self._kept = self._kept[: -fault["fewer"]] if fault.get("fewer") else self._kept
                    self._kept = self._kept[::-1] if fault.get("reversed") else self._kept
                    self._units = fault.get("units", self._units)
            self._offer()
            self._quiet_until = None
        for _ in self._once(position, "twin"):
            trees = [{"label": f"X{i}", "type": "meg", "unit": "T"} for i in range(4)]
            self._others.append(DescribedOutlet(f"{self._name}-meg", "MEG", trees, SFREQ, "another"))
        if self._active(position, "words gone"):
            if self.words is not None:
                time.sleep(FLUSH_S)
                self.words.close()
                self.words = None
        elif self.words is None:
            self.words = TextOutlet(f"{self._name}-words", f"{self._name}-words")
            self._no_words_until = None
        if self._no_words_until is None and self.words is not None and self.words.n_consumers:
            self._no_words_until = position + OTHERS_S

    # MEG

    def _send_meg(self, position: float) -> None:
        if self.meg is None or self._active(position, "silent") or not self._is_received(position):
            return
        n = max(round(CHUNK * self._sfreq / SFREQ), 1)
        rows = self._rng.integers(0, len(self._noise), n)
        data = np.empty((n, len(self._kept) + 1), np.float32)
        data[:, :-1] = self._noise[rows][:, self._kept] * (1e15 if self._units == "fT" else 1.0)
        data[:, -1] = self.n_samples + np.arange(n)
        stamps = self._begin + position - np.arange(n - 1, -1, -1) / self._sfreq
        self._spoil(data, stamps, position)
        self.n_samples += n
        if self._active(position, "held"):
            self._held.append((data, stamps))
            return
        for part in (*self._held, (data, stamps)):
            self.meg.push(*part)
        self._held = []

    def _is_received(self, position: float) -> bool:
        """A stream that came back goes on once engine and recorder have it: what nobody receives is no loss."""
        if self._quiet_until is None and self.meg is not None and self.meg.n_consumers:
            self._quiet_until = position + OTHERS_S
            due = time.monotonic() + OTHERS_S
            self.spans.append([due, due])  # no word can be scored before
        return self._quiet_until is not None and position >= self._quiet_until

    def _spoil(self, data: np.ndarray, stamps: np.ndarray, position: float) -> None:
        for fault in self._active(position, "clock"):
            stamps += fault["by"]
        for fault in self._active(position, "drift"):
            stamps += 1e-6 * fault["ppm"] * (position - fault["at"])
        for fault in self._active(position, "jitter"):
            stamps += self._rng.uniform(-fault["by"], fault["by"])
        for fault in self._active(position, "stamps"):
            stamps[:] = fault["to"]
        for fault in self._once(position, "stamp"):
            stamps[2] = fault.get("to", stamps[2] + fault.get("by", 0.0))
        for fault in self._once(position, "value"):
            data[2, fault.get("sensor", 3)] = fault["to"]
        for fault in self._active(position, "values"):
            data[:, fault.get("first", 0) : fault.get("stop", -1)] = fault["to"]
        for fault in self._active(position, "scale"):
            data[:, :-1] *= fault["by"]

    # Words

    def _send_word(self, at: float) -> None:
        if self.words is None or self._no_words_until is None or at < self._no_words_until:
            return
        stamp = self._begin + at
        for fault in self._active(at, "word clock"):
            stamp += fault["by"]
        for fault in self._active(at, "word jitter"):
            stamp += self._rng.uniform(-fault["by"], fault["by"])
        for fault in self._active(at, "word stamp"):
            stamp = fault["to"]
        self._push(json.dumps({"word": WORDS[self.n_markers % len(WORDS)], "n": self.n_markers}), stamp)
        for fault in self._once(at, "marker"):
            raw = bytes.fromhex(fault["hex"]) if "hex" in fault else fault["text"].encode() * fault.get("times", 1)
            self._push(raw, self._begin + at)
        for fault in self._once(at, "flood"):
            for k in range(fault["n"]):
                self._push(fault["text"], self._begin + at + k * 1e-5)

    def _push(self, text: Any, stamp: float) -> None:
        assert self.words is not None
        self.words.push(text, stamp)
        self.n_markers += 1


def main() -> None:
    """Offer, wait for a line and for receivers, send, report."""
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sensors = [Sensor(**sensor) for sensor in plan["sensors"]]
    sender = Sender(plan["name"], sensors, plan)
    print(json.dumps({"offered": True}), flush=True)
    sys.stdin.readline()
    until = time.monotonic() + WAIT_S
    offered = [outlet for outlet in (sender.meg, sender.words) if outlet is not None]
    while not all(outlet.n_consumers for outlet in offered) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(OTHERS_S)
    print(json.dumps({"began": time.monotonic()}), flush=True)
    sender.run()
    print(json.dumps({"samples": sender.n_samples, "markers": sender.n_markers, "spans": sender.spans}), flush=True)


if __name__ == "__main__":
    main()
