"""Pictures of the window in every state, size and theme, on virtual screens: to be looked at, one after another."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gui import ROOT, platform

SIZES = ("1280x800", "1366x768", "1920x1080", "3840x2160")
THEMES = ("dark", "light")


class Still:
    """In place of an engine: shows one snapshot."""

    word_list = None
    alive, pid = True, 1

    def __init__(self, snapshot: Any) -> None:
        self.newest = snapshot

    def send(self, command: object) -> None:
        self.alive = type(command).__name__ != "Stop"

    def wait(self, timeout_s: float | None = None) -> int:  # noqa: ARG002
        return 0

    kill = wait


def states() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name and snapshot of every state that has a picture."""
    from rtalign.engine.snapshot import RecordingStatus, Work, empty_snapshot
    from tests.helpers import snapshots as made  # type: ignore[import-not-found]

    yield "no-session", lambda: None
    yield "loading", lambda: empty_snapshot("loading", "loading the language model")
    for n in (0, 1, 5, 20, 60, 120, 300, 3000):
        yield f"words-{n:04}", lambda n=n: made.snapshot_after(n)
    yield "lost", lambda: made.snapshot_after(300, health=made.health("lost", 7.0))
    yield (
        "lost-recording",
        lambda: made.snapshot_after(
            300,
            health=made.health("lost", 7.0),
            recording=RecordingStatus("/data/s1", 212.0, 0.4, 12, "the disk is full"),
        ),
    )
    yield (
        "overload",
        lambda: made.snapshot_after(
            300, work=Work(1.31, 912.0, 246.0, 14, 0.4, 2.1, shedding="chance is drawn less often")
        ),
    )
    refusal = ("sensors MLF25, MRT13 are missing", "it has 600 Hz, the bank 1200 Hz")
    yield "refused", lambda: made.snapshot_after(0, phase="refused", refused=refusal, n_sensors=271)
    yield "word", lambda: made.with_inspected_word(made.snapshot_after(300))
    yield "replay", lambda: made.snapshot_after(300, position_s=41.2, end_s=250.0, speed=1.0, recording=None)
    yield "ended", lambda: made.snapshot_after(300, phase="ended", position_s=250.0, end_s=250.0, speed=1.0)


def take(folder: Path, size: str, wanted: list[str]) -> None:
    """On the screen of this process's environment: one window, every state in both themes."""
    sys.path.insert(0, str(ROOT))
    from PyQt6.QtCore import QSize  # noqa: TID251
    from PyQt6.QtTest import QTest  # noqa: TID251
    from PyQt6.QtWidgets import QApplication  # noqa: TID251
    from shown import show_patterns

    from rtalign.core.session import Session
    from rtalign_monitor.main_window import MonitorWindow

    app = QApplication([])
    for name, make in states():
        if wanted and name not in wanted:
            continue
        for view in ("operator", "demo"):
            snapshot = make()
            with tempfile.TemporaryDirectory() as scratch:
                window = MonitorWindow(lambda _, snapshot=snapshot: Still(snapshot), Path(scratch) / "window.json")
                window.set_view(view)
                window.show()
                QTest.qWait(150)
                show_patterns(window)
                if snapshot is not None:
                    window.start(Session())
                    window._bank = snapshot.bank
                for theme in THEMES:
                    window.set_theme(theme)
                    for _ in range(12):
                        window.tick()
                        QTest.qWait(20)
                    if name == "word":
                        window.pointer.pick_word(snapshot.inspected.entry.word.index)
                        window.tick()
                    QTest.qWait(250)
                    screen = app.primaryScreen()
                    assert screen is not None
                    screen.grabWindow(0).save(str(folder / f"{name}-{view}-{theme}-{size}.png"))
                over = window.minimumSizeHint().expandedTo(QSize(0, 0))
                area = screen.availableSize()
                fits = over.width() <= area.width() and over.height() <= area.height()
                print(f"{name} {view} {size}: window {window.width()} x {window.height()}, needs at least "
                      f"{over.width()} x {over.height()}: {'fits' if fits else 'DOES NOT FIT'}", flush=True)  # fmt: skip
                window.link.stop()
                window.close_now()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--size", action="append", choices=SIZES)
    options.add_argument("--only", action="append", default=[], help="name of a state")
    options.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.child:
        take(given.folder, given.size[0], given.only)
        return
    for size in given.size or SIZES:
        with platform("xvfb", size) as environment:
            command = [sys.executable, __file__, str(given.folder), "--child", "--size", size]
            command += [f"--only={name}" for name in given.only]
            subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    main()
