"""What a viewer can ask, and what is told once: reports, all words."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtalign.core.records import Word
from rtalign.core.session import Session
from rtalign.engine import snapshot
from rtalign.engine.commands import Orders
from rtalign.engine.process import wire, word_list
from rtalign.engine.process.client import Client
from rtalign.engine.process.server import Outbox

# ---- the script


def through_a_pipe(found: word_list.Script) -> word_list.Script:
    return word_list.from_message(wire.read(io.BytesIO(wire.pack(word_list.to_message(found)))))


@given(st.lists(st.tuples(st.floats(0, 1e5), st.text(max_size=60)), max_size=30))
def test_a_script_arrives_as_it_was_sent_in_order(spoken: list[tuple[float, str]]) -> None:
    words = [Word(i, text, onset, None) for i, (onset, text) in enumerate(spoken)]
    found = through_a_pipe(word_list.Script.of(words))
    assert found.onsets.tolist() == sorted(onset for onset, _ in spoken)
    assert [text for text in found.texts] == [w.text[:20] for w in sorted(words, key=lambda word: word.onset)]


def test_nine_hours_of_the_longest_words_fit_into_a_frame() -> None:
    words = [Word(i, "\U0001f600" * 50, 0.4 * i, None) for i in range(word_list.MOST_WORDS + 10)]
    found = through_a_pipe(word_list.Script.of(words))
    assert len(found.texts) == word_list.MOST_WORDS


@pytest.mark.parametrize(
    "broken",
    [
        {"onsets": np.zeros(2), "texts": ["one"]},
        {"onsets": np.zeros((1, 1)), "texts": ["one"]},
        {"onsets": np.array([2.0, 1.0]), "texts": ["one", "two"]},
        {"onsets": np.array([np.nan]), "texts": ["one"]},
        {"onsets": np.zeros(1), "texts": [1]},
        {"onsets": np.zeros(1), "texts": ["a" * 21]},
        {"onsets": [0.0], "texts": ["one"]},
        {"onsets": np.zeros(1, np.int64), "texts": ["one"]},
        None,
    ],
)
def test_what_is_no_script_is_refused(broken: object) -> None:
    with pytest.raises(ValueError, match="script"):
        word_list.from_message({"script": broken})


# ---- the pipe


class Slow(io.BytesIO):
    """A viewer that reads nothing before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def write(self, frame: Any) -> int:
        self.gate.wait(10)
        return super().write(frame)


def test_what_is_sent_once_is_never_replaced_by_news() -> None:
    """A viewer that is slow misses snapshots, and no script."""
    pipe = Slow()
    outbox = Outbox(pipe)
    outbox.put({"n": 0})
    outbox.send({"script": 1})
    for n in range(1, 50):
        outbox.put({"n": n})
    outbox.put({"n": "last"}, last=True)
    pipe.gate.set()
    outbox.close()
    pipe.seek(0)
    frames = list(iter(lambda: wire.read(pipe), None))
    assert {"script": 1} in frames
    assert frames[-1] == {"n": "last"}
    assert len(frames) <= 4


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[bytes], Client]:
    """A client of a process that says just these bytes."""

    def make(said: bytes) -> Client:
        (tmp_path / "said").write_bytes(said)
        code = f"import sys; sys.stdout.buffer.write(open({str(tmp_path / 'said')!r}, 'rb').read())"
        real = subprocess.Popen
        monkeypatch.setattr(subprocess, "Popen", lambda argv, **rest: real([sys.executable, "-c", code], **rest))
        return Client(Session())

    return make


@pytest.mark.parametrize("said", [b"hello, I am no frame, but long enough", wire.pack({"script": {"onsets": 3}})])
def test_an_engine_that_speaks_no_sense_has_failed(mute: Callable[[bytes], Client], said: bytes) -> None:
    client = mute(wire.pack(snapshot.to_message(snapshot.empty("running"))) + said)
    client.wait(30)
    assert client.newest.phase == "failed"
    assert "cannot be read" in (client.newest.why or "")


def test_the_last_words_of_an_engine_are_heard_before_it_counts_as_gone(mute: Callable[[bytes], Client]) -> None:
    client = mute(wire.pack(snapshot.to_message(snapshot.empty("ended"))))
    while client.alive:
        pass
    assert client.newest.phase == "ended"
    client.wait(5)


# ---- orders


def test_what_cannot_be_done_is_said_and_changes_nothing() -> None:
    said: list[Any] = []
    engine = SimpleNamespace(
        source=SimpleNamespace(transport=None), say=said.append, intake=SimpleNamespace(time_s=3.0)
    )
    orders = Orders(Session(), SimpleNamespace(), engine, SimpleNamespace())  # type: ignore[arg-type]
    for asked in ({"do": "step", "to": 1}, {"do": "fly"}, {"do": "last words", "to": "many"}, {}):
        orders.obey(asked)
    assert [notice.kind for notice in said] == ["command"] * 4
    assert said[0].text == "step: only a recording can be paused, moved or slowed; this is live"
