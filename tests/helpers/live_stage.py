"""A stage for tests of live streams: a player and an engine, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rtalign.core.session import Session
from rtalign.engine.process.client import Client, EngineStarter
from rtalign.engine.snapshot import Snapshot, with_recording

PATIENCE_S = 120.0


class Stage:
    """A player and an engine on one machine, under names of their own."""

    def __init__(self, live_setup: Path, folder: Path, faults: str = "") -> None:
        self.live_setup, self.folder = live_setup, folder
        self.names = f"{folder.name}-meg", f"{folder.name}-words"
        (folder / "faults.toml").write_text(faults)
        self.player: subprocess.Popen[bytes] | None = None
        self.client: Client | None = None
        self.start = EngineStarter()

    def play(self, listener: Path | None = None) -> subprocess.Popen[bytes]:
        """Start the player; once the engine runs, where there is one, as a recorder receives long before it."""
        meg, words = self.names
        if self.client is not None:
            self.until(lambda seen: seen.phase != "loading")
        options = ["--run", "02", "--quiet", "--name-meg", meg, "--name-words", words, "--wait", "30"]
        command = [
            sys.executable,
            "-m",
            "rtalign_cli",
            "stream",
            str(listener or self.live_setup / "listener"),
            *options,
        ]
        self.player = subprocess.Popen([*command, "--faults", str(self.folder / "faults.toml")])
        return self.player

    def watch(self, **settings: object) -> Client:
        meg, words = self.names
        session = {
            "bank": self.live_setup / "bank",
            "model": str(self.live_setup / "model"),
            "meg": meg,
            "words": words,
            "no_standby": True,
        }
        self.client = self.start(Session.model_validate(session | {"record": self.folder / "kept"} | settings))
        return self.client

    @property
    def kept(self) -> Path:
        (folder,) = (self.folder / "kept").iterdir()
        return folder

    def until(self, wanted: Callable[[Snapshot], object]) -> Snapshot:
        assert self.client is not None
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            seen = with_recording(self.client.newest, self.client.recording)
            assert seen.phase != "failed", seen.reason
            if wanted(seen):
                return seen
            time.sleep(0.02)
        raise AssertionError(f"waited {PATIENCE_S} s in vain; {self.client.newest}")

    def close(self) -> None:
        if self.player is not None:
            self.player.kill()
            self.player.wait()
        if self.client is not None:
            self.client.stop()
