"""Training that an error or Ctrl-C ends stops both of its stages and leaves nothing half written."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtalign.core.records import Chunk
from rtalign_cli.main import main
from rtalign_cli.subcommands import offline as commands
from tests.helpers.small_world import slowed, small_recipe, two_worlds

RECIPE = small_recipe()


def unfinished(store: Path) -> list[Path]:
    return [path for path in store.rglob("*") if "partial" in path.name]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Any, Any], int]:
    """`rtalign train` on recordings and a model of ours."""
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))

    def run(recordings: Any, model: Any) -> int:
        monkeypatch.setattr(commands, "load_recordings", lambda *_: recordings)
        monkeypatch.setattr(commands, "load_model", lambda *_: model)
        monkeypatch.setattr(commands, "recipe_of", lambda _: RECIPE)
        return main(["train", "anything", "--model", "fake", "--out", str(tmp_path / "bank")])

    return run


def test_an_error_of_the_disk_ends_the_reading_of_words(
    command: Callable[[Any, Any], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings, model = two_worlds()
    whole = recordings[1].chunks

    def torn(seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        chunks = whole(seconds, start)
        if seconds < 10:
            yield from chunks  # the check of the channels
            return
        yield next(chunks)
        raise ValueError("run two is cut short: copy it again")

    recordings[1].chunks = torn  # type: ignore[method-assign]
    model = slowed(model, 0.05)
    assert command(recordings, model) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "rtalign train: run two is cut short: copy it again"
    assert model.encoded < 38
    assert not unfinished(tmp_path)
    assert not (tmp_path / "bank").exists()
    assert len(list((tmp_path / "cache" / "signal").iterdir())) == 1


@pytest.fixture
def control_c_is_on() -> Iterator[None]:
    """Also where a shell started the tests in the background, which then ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("control_c_is_on")
def test_control_c_stops_both_and_leaves_nothing_half_written(
    command: Callable[[Any, Any], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings, model = two_worlds()
    stream, read = model.stream, []

    def interrupted(*args: Any, **how: Any) -> Iterator[tuple[int, Any]]:
        for n, part in enumerate(stream(*args, **how)):
            if n == 4:
                while len(read) < 3:  # so that there is something to stop
                    time.sleep(0.001)
                os.kill(os.getpid(), signal.SIGINT)
            yield part

    def endless(seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        for n in range(10**6 if seconds >= 10 else 1):
            read.append(n)
            time.sleep(0.001)
            yield Chunk(recordings[0].data[:2500], 10.0 * n, recordings[0].sfreq)

    model.stream = interrupted  # type: ignore[method-assign]
    recordings[0].chunks = endless  # type: ignore[method-assign]
    assert command(recordings, model) == 1
    assert "stopped; what was finished is kept" in capsys.readouterr().err
    assert not unfinished(tmp_path)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("signal")]
    after = len(read)
    time.sleep(0.05)
    assert len(read) == after > 1
