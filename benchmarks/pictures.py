"""The pictures of README and docs: the window on the packaged demo, a word of a real replay, and a film of the demo.

rtalign demo --prepare --out my-demo && python benchmarks/pictures.py my-demo docs/pictures
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

SIZE, FILM_SIZE = (1280, 800), (820, 512)
END_S = 100.0
"""Position in the packaged demo that stands for a session that has gone on for a while."""
FILM_STEP_S, FRAME_MS, LAST_MS = 0.95, 260, 3000
"""Of the session from one frame to the next, and how long a frame is shown: nearly four times as fast as it was."""
COLOURS = 128
WORD, WORDS_SCORED = "water", 240


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("demo", type=Path, help="folder of rtalign demo, for the picture of a word")
    options.add_argument("out", type=Path)
    given = options.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from qtpy.QtCore import qInstallMessageHandler
    from qtpy.QtWidgets import QApplication

    qInstallMessageHandler(lambda *_: None)
    app = QApplication([])
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        window = opened(Path(scratch) / "window.json")
        window.start_demo()
        window.message_bar.dismiss("notice")
        film(window, given.out / "demo.gif")
        for theme in ("dark", "light"):
            at(window, END_S, theme).save(str(given.out / f"operator-{theme}.png"))
        window.set_view("demo")
        at(window, END_S, "light").save(str(given.out / "demo-light.png"))
        window.set_view("operator")
        visitors(window).save(str(given.out / "visitors.png"))
        window.link.stop()
        window.close_now()
        window = opened(Path(scratch) / "window.json")
        word(window, given.demo).save(str(given.out / "word.png"))
        window.link.stop()
        until(lambda: window.link.poll() == "ended")
        window.close_now()
    del app


def opened(memory_file: Path) -> Any:
    """A window of the usual size."""
    from rtalign.engine.process.client import EngineStarter
    from rtalign_monitor.app import or_recorded
    from rtalign_monitor.main_window import MonitorWindow

    window = MonitorWindow(or_recorded(EngineStarter()), memory_file)
    window.resize(*SIZE)
    window.show()
    return window


def at(window: Any, position_s: float, theme: str) -> Any:
    """A picture of the window at a position of the replay, once all has moved to its place."""
    from rtalign.engine.commands import Pause, Seek

    window.set_theme(theme)
    window.link.send(Seek(position_s))
    window.link.send(Pause())
    for _ in range(30):
        window.tick()
        wait(20)
    return window.grab()


def film(window: Any, path: Path) -> None:
    """The session from its first word on, as a GIF."""
    from PIL import Image
    from qtpy.QtCore import QBuffer, Qt

    frames, position_s = [], 3.0
    while position_s < END_S:
        picture = frame(window, position_s)
        small = picture.scaled(*FILM_SIZE, transformMode=Qt.TransformationMode.SmoothTransformation)
        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        small.save(buffer, "PNG")
        frames.append(Image.open(BytesIO(buffer.data().data())).convert("RGB"))
        position_s += FILM_STEP_S
    palette = frames[-1].quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE)  # keeps colours that are rare
    indexed = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in frames]
    durations = [FRAME_MS] * (len(indexed) - 1) + [LAST_MS]
    indexed[0].save(path, "GIF", save_all=True, append_images=indexed[1:], duration=durations, loop=0, optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes, {len(frames)} frames, {sum(durations) / 1000:.0f} s")


def frame(window: Any, position_s: float) -> Any:
    from rtalign.engine.commands import Seek

    window.link.send(Seek(position_s))
    for _ in range(3):
        window.tick()
        wait(60)
    return window.grab()


def visitors(window: Any) -> Any:
    """The visitors' window beside it."""
    window.set_theme("dark")
    window.show_visitors(True)
    window.visitors.resize(*SIZE)
    for _ in range(20):
        window.visitors.tick()
        wait(20)
    picture = window.visitors.grab()
    window.show_visitors(False)
    return picture


def word(window: Any, demo: Path) -> Any:
    """A word in the inspector, in a replay by an engine."""
    from rtalign.core.session import Session
    from rtalign.engine.commands import Pause
    from rtalign_cli.subcommands.demo import RUNS

    window.start(Session(recording=demo / "listener", run=f"{RUNS + 1:02d}", bank=demo / "bank", speed=16.0))
    until(lambda: window.tick() or window.link.newest.n_scored >= WORDS_SCORED)
    window.link.send(Pause())
    newest = window.link.newest.words
    picked = next((e for e in newest if e.word.text == WORD and e.status == "scored"), newest[-9])
    window.pointer.pick_word(picked.word.index)
    until(lambda: window.tick() or ((i := window.link.newest.inspected) is not None and i.scores is not None))
    for _ in range(30):
        window.tick()
        wait(20)
    window.message_bar.dismiss("notice")
    return window.grab()


def until(condition: Callable[[], object], patience_s: float = 180.0) -> None:
    """Let the event loop run until a condition holds."""
    for _ in range(round(patience_s / 0.02)):
        if condition():
            return
        wait(20)
    raise SystemExit("the window did not come to the state of the picture in time")


def wait(ms: int) -> None:
    from screens import wait as run

    run(ms)


if __name__ == "__main__":
    main()
