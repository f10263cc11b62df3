"""Pictures of the window in every state, size and theme, on virtual screens: to be looked at, one after another."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from gui import ROOT, platform

SIZES = ("1280x800", "1366x768", "1920x1080", "3840x2160")
MACHADO = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""What people without one kind of cone see of linear red, green and blue: Machado, Oliveira and Fernandes (2009)."""
THEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")


SCRIPTS = {
    "hebrew": "בראשית ברא אלהים את השמים ואת הארץ והארץ היתה תהו ובהו וחשך על פני תהום",
    "arabic": "كان يا ما كان في قديم الزمان رجل فقير يسكن في بيت صغير عند البحر",
    "chinese": "从 前 有 一 座 山 山 里 有 一 座 庙 庙 里 有 一 个 老 和尚 在 讲 故事",
}
"""Words of scripts that run from right to left, or without blanks."""


def spoken(snapshot: Any, words: list[str]) -> Any:
    """The snapshot with other words."""
    entries = tuple(
        dataclasses.replace(entry, word=dataclasses.replace(entry.word, text=words[entry.word.index % len(words)]))
        for entry in snapshot.words
    )
    return dataclasses.replace(snapshot, words=entries)


class Still:
    """In place of an engine: shows one snapshot."""

    word_list = recording = None
    alive, pid = True, 1

    def __init__(self, snapshot: Any) -> None:
        self.newest = snapshot

    def send(self, command: object) -> None:
        self.alive = type(command).__name__ != "Stop"

    def wait(self, timeout_s: float | None = None) -> int:  # noqa: ARG002
        return 0

    kill = wait


def states() -> Iterator[tuple[str, Any]]:
    """Name and snapshot of every state that has a picture; None: no session."""
    from rtalign.core.records import Annotation, BadMark
    from rtalign.engine.snapshot import RecordingStatus, Work, empty_snapshot
    from tests.helpers import snapshots as made  # type: ignore[import-not-found]

    yield "no-session", None
    yield "loading", empty_snapshot("loading", "loading the language model")
    for n in (0, 1, 5, 20, 60, 120, 300, 3000):
        yield f"words-{n:04}", made.snapshot_after(n)
    lost = made.health("lost", 7.0)
    yield "lost", made.snapshot_after(300, health=lost)
    full = RecordingStatus("/data/s1", 212.0, 0.4, 12, "the disk is full")
    yield "lost-recording", made.snapshot_after(300, health=lost, recording=full)
    late = Work(1.31, 912.0, 246.0, 14, 0.4, 2.1, shedding="chance is drawn less often")
    yield "overload", made.snapshot_after(300, work=late)
    refusal = ("sensors MLF25, MRT13 are missing", "it has 600 Hz, the bank 1200 Hz")
    yield "refused", made.snapshot_after(0, phase="refused", refused=refusal, n_sensors=271)
    marks = (BadMark(125.0, 126.5), BadMark(126.0, None, "MZC03"))
    for view in ("butterfly", "all", "noise", "spectrum"):
        yield f"sensors-{view}", made.snapshot_after(300, sensors=made.sensors_view(), marks=marks, head_mm=1.2)
    yield "heads", made.snapshot_after(300)
    yield "head-moved", made.snapshot_after(300, head_mm=3.4)
    yield "word", made.with_inspected_word(made.snapshot_after(300))
    yield "controls", made.with_controls(made.snapshot_after(600))
    yield "rivals", made.with_controls(made.snapshot_after(3000), twin=True)
    yield "rivals-bank", made.snapshot_after(600)
    yield "rivals-untested", made.snapshot_after(300)
    for name, text in SCRIPTS.items():
        yield f"script-{name}", spoken(made.snapshot_after(300), text.split())
    replay = {"position_s": 41.2, "end_s": 250.0, "speed": 1.0, "recording": None}
    noted = (Annotation(20.0, ""), Annotation(116.0, "coughs"), Annotation(124.0, "moved the head"))
    yield "replay", made.snapshot_after(300, **replay, annotations=noted)
    yield "compare", made.snapshot_after(300, **replay)
    yield "ended", made.snapshot_after(300, phase="ended", **(replay | {"position_s": 250.0}))


def simulate(path: Path) -> None:
    """Write beside a picture what people without one kind of cone see of it."""
    import numpy as np
    from PIL import Image

    encoded = np.asarray(Image.open(path).convert("RGB")) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    for name, matrix in MACHADO.items():
        seen = np.clip(linear @ np.array(matrix).T, 0, 1)
        again = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
        Image.fromarray(np.round(255 * again).astype(np.uint8)).save(path.with_stem(f"{path.stem}-{name}"))


def wait(ms: int) -> None:
    """Let the window's event loop run."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


def with_fewer_layers(snapshot: Any) -> Any:
    """The snapshot without its two deepest layers, as of another bank."""
    n = len(snapshot.layers) - 2
    maps = {name: getattr(snapshot, name)[:n] for name in ("r", "null_lo", "null_hi", "map_hi")}
    return dataclasses.replace(snapshot, layers=snapshot.layers[:n], peaks=snapshot.peaks[:n], **maps)


def take(folder: Path, size: str, wanted: list[str]) -> None:
    """On the screen of this process's environment: one window, every state in both views and themes."""
    sys.path.insert(0, str(ROOT))
    from qtpy import sip
    from qtpy.QtWidgets import QApplication

    from rtalign_monitor.engines.two_banks import SecondBank
    from tests.helpers import snapshots as made  # type: ignore[import-not-found]
    from tests.helpers.report_folders import make_controlled_folder  # type: ignore[import-not-found]

    app = QApplication([])
    screen = app.primaryScreen()
    assert screen is not None
    for name, snapshot in states():
        for view in ("operator", "demo") if not wanted or name in wanted else ():
            with tempfile.TemporaryDirectory() as scratch:
                if name == "rivals-bank":
                    snapshot = dataclasses.replace(snapshot, bank=str(make_controlled_folder(Path(scratch) / "bank")))
                window = opened(snapshot, view, Path(scratch) / "window.json")
                if name.startswith("sensors-"):
                    window.view_settings.toggle_panel("sensors")
                    window.grid.panels["sensors"].show_view(name.removeprefix("sensors-"))
                if name == "heads":
                    window.view_settings.toggle_panel("heads")
                for theme in THEMES:
                    window.set_theme(theme)
                    for _ in range(12):
                        window.tick()
                        wait(20)
                    if name == "controls":
                        window.action_registry["control"].trigger()
                    if name.startswith("rivals"):
                        window.action_registry["rivals"].trigger()
                        window.rivals.dialog.tabs.setCurrentIndex(int(name == "rivals-bank"))
                    if name == "word":
                        window.pointer.pick_word(snapshot.inspected.entry.word.index)
                        window.tick()
                    if name == "compare":
                        second = SecondBank(with_fewer_layers(made.snapshot_after(220, seed=3)), ("bank-a", "bank-b"))
                        for panel in window.grid.panels.values():
                            panel.set_second_bank(second)
                            panel.draw(snapshot)
                    wait(250)
                    screen.grabWindow(sip.voidptr(0)).save(str(folder / f"{name}-{view}-{theme}-{size}.png"))
                needs, room = window.minimumSizeHint(), screen.availableSize()
                fits = needs.width() <= room.width() and needs.height() <= room.height()
                verdict = "fits" if fits else "DOES NOT FIT"
                print(f"{name} {view} {size}: needs {needs.width()} x {needs.height()}, {verdict}", flush=True)
                window.link.stop()
                window.close_now()


def opened(snapshot: Any, view: Any, memory_file: Path) -> Any:
    """A window that shows a snapshot."""
    from shown import show_patterns

    from rtalign.core.session import Session
    from rtalign_monitor.main_window import MonitorWindow

    def connect(_: Session) -> Any:
        return Still(snapshot)

    window = MonitorWindow(connect, memory_file)
    window.set_view(view)
    window.show()
    wait(150)
    show_patterns(window)
    if snapshot is not None:
        window.start(Session(recording=memory_file if snapshot.position_s is not None else None))
        window._patterns_of = snapshot.bank
    return window


@contextlib.contextmanager
def desktop(environment: dict[str, str]) -> Iterator[None]:
    """A window manager, where there is one, so that frames and full screen are as on a desktop."""
    if shutil.which("openbox") is None:
        yield
        return
    with subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL) as manager:
        time.sleep(1)
        yield
        manager.terminate()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--size", action="append", choices=SIZES)
    options.add_argument("--only", action="append", default=[], help="name of a state")
    options.add_argument("--scale", type=float, default=1.0, help="QT_SCALE_FACTOR, as a desktop sets it")
    options.add_argument("--colour-blind", action="store_true", help="also as colour-blind people see it")
    options.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.child:
        take(given.folder, given.size[0], given.only)
        return
    for size in given.size or SIZES:
        with platform("xvfb", size) as environment, desktop(environment):
            command = [sys.executable, __file__, str(given.folder), "--child", "--size", size]
            command += [f"--only={name}" for name in given.only]
            subprocess.run(command, env=environment | {"QT_SCALE_FACTOR": str(given.scale)}, check=True)
    if given.colour_blind:
        for path in [path for path in given.folder.glob("*.png") if not path.stem.endswith(tuple(MACHADO))]:
            simulate(path)


if __name__ == "__main__":
    main()
