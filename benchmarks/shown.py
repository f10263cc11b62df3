"""One window that is watched from inside while it shows a run."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from gui import STALL_MS, WARM_UP_S, Feed
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QApplication, QMainWindow

from rtalign.core.session import Session
from rtalign.engine.commands import Stop

SETTLING_S = 300.0
"""Of the watched time, before growth is fitted: caches fill, and the allocator keeps what the start needed."""

STARTING_S = 180.0
"""Longest time from the start of a window to its first scores that leaves room for all rows."""

MOST_A_SECOND = 200
"""Rows kept for a second of watching: room for every update, every beat and then some."""


class Rows:
    """Rows of numbers in memory that is taken and touched at once, so that keeping figures looks like no growth."""

    def __init__(self, seconds: float, width: int) -> None:
        self._kept = np.full((round(seconds * MOST_A_SECOND), width), np.nan)
        self._n = 0

    def add(self, *row: float) -> None:
        self._kept[self._n] = row
        self._n += 1

    @property
    def last(self) -> np.ndarray:
        return self._kept[self._n - 1]

    @property
    def all(self) -> np.ndarray:
        return self._kept[: self._n]


class Watch:
    """What the window's thread spends between a snapshot and its picture, wall and processor time."""

    def __init__(self, began: float, seconds: float) -> None:
        self.updates, self.gaps, self.rows = Rows(seconds, 4), Rows(seconds, 1), Rows(seconds / 100, 3)
        self.first: dict[str, float] = {}
        self.stop: Callable[[], object] = lambda: None
        self.on_scores: Callable[[], object] = lambda: None
        self._began = began
        self._beat = time.perf_counter()

    def spend(self, deed: Callable[[], Any], painting: bool) -> Any:
        """Run it.  An update is all from one snapshot to the next: drawing, painting, and dots that ease meanwhile."""
        if not painting:
            self.updates.add(time.monotonic(), 0.0, 0.0, 0.0)
        wall, cpu = time.perf_counter(), time.thread_time()
        found = deed()
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        if len(self.updates.all):
            row = self.updates.last
            row[1:] = row[1] + wall, row[2] + cpu, max(row[3], wall)
        return found

    def beat(self) -> None:
        now = time.perf_counter()
        self.gaps.add(now - self._beat)
        self._beat = now

    def mark(self, what: str) -> None:
        """When something could be seen for the first time."""
        if what not in self.first:
            self.first[what] = round(time.time() - self._began, 2)
            if what == "scores":
                self.on_scores()


def watch(given: argparse.Namespace) -> dict[str, Any]:
    """Show it until it has scored, warm up, then so many minutes more, of which the figures are."""
    from rtalign_monitor.main_window import MonitorWindow

    app = QApplication([])
    seen = Watch(given.began, 60 * given.minutes + STARTING_S)
    window = ours(given, seen) if given.child == "rtalign" else plain(given, seen)
    width, height = map(int, given.size.split("x"))
    window.resize(width, height)
    window.show()
    beat = QTimer()
    beat.setTimerType(Qt.TimerType.PreciseTimer)
    beat.timeout.connect(seen.beat)
    process = psutil.Process()
    slow = QTimer()
    slow.timeout.connect(lambda: seen.rows.add(*_row(process)))

    def begin() -> None:
        beat.start(STALL_MS)
        slow.start(1000)
        QTimer.singleShot(round(60000 * given.minutes), app.exit)  # quit asks the window, which waits for its engine

    def show_all() -> None:
        if given.all_panels and isinstance(window, MonitorWindow):
            window.pointer.pick_word(0)
            window.show_visitors(True)
        QTimer.singleShot(round(1000 * WARM_UP_S), begin)

    seen.on_scores = show_all
    app.exec()
    found = figures(seen)
    seen.stop()
    return found


def _row(process: psutil.Process) -> tuple[float, float, float]:
    times = process.cpu_times()
    return time.monotonic(), times.user + times.system, process.memory_info().rss / 2**20


def figures(seen: Watch) -> dict[str, Any]:
    at, cpu, rss = seen.rows.all[1:].T
    updates = seen.updates.all[seen.updates.all[:, 0] >= at[0], 1:]
    gaps = 1000 * seen.gaps.all[5:, 0]
    later = at >= at[0] + min(SETTLING_S, (at[-1] - at[0]) / 2)
    each_minute = [round(float(part.mean()), 1) for part in np.split(rss, range(60, len(rss), 60))]
    return {
        "updates_a_second": round(len(updates) / (at[-1] - at[0]), 1),
        "update_ms": spread(1000 * updates[:, 0]), "update_cpu_ms": spread(1000 * updates[:, 1]),
        "longest_piece_ms": spread(1000 * updates[:, 2]),
        "stall_ms": spread(np.maximum(gaps - STALL_MS, 0)),
        "cores": round(float((cpu[-1] - cpu[0]) / (at[-1] - at[0])), 3),
        "rss_mb": {"after_warm_up": round(rss[0], 1), "each_minute": each_minute, "end": round(rss[-1], 1)},
        "rss_mb_a_minute": round(float(np.polyfit(at[later] - at[0], rss[later], 1)[0]) * 60, 3),
        "first_s": seen.first,
    }  # fmt: skip


def spread(values: np.ndarray) -> dict[str, float]:
    p50, p99 = np.percentile(values, (50, 99))
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2), "max": round(float(values.max()), 2)}


def ours(given: argparse.Namespace, seen: Watch) -> QMainWindow:
    from rtalign_monitor import memory
    from rtalign_monitor.main_window import MonitorWindow

    class Watched(MonitorWindow):
        def tick(self, by_turns: bool = False) -> None:
            if self.link.newest is self.drawn:
                super().tick(by_turns)
            else:
                seen.spend(lambda: MonitorWindow.tick(self, by_turns), painting=False)

        def event(self, event: QEvent | None) -> bool:
            if event is None or event.type() != QEvent.Type.UpdateRequest:
                return super().event(event)
            done = bool(seen.spend(lambda: MonitorWindow.event(self, event), painting=True))
            seen.mark("skeleton")
            if self.drawn is not None and self.drawn.r is not None:
                seen.mark("scores")
            return done

    def begin(session: Session) -> Any:
        if session.bank is None:
            return Feed(given.show)
        from rtalign.engine.process.client import Client

        return Client(session)

    window = Watched(begin, memory.default_path())
    window.set_view(given.view)
    if given.show == "sensors" or given.all_panels:
        window.view_settings.toggle_panel("sensors")
    if given.all_panels:
        window.view_settings.toggle_panel("heads")
    show_patterns(window)
    QTimer.singleShot(0, lambda: window.start(said(given.show)))
    seen.stop = window.link.stop
    return window


def said(show: str) -> Session:
    tag, _, bank = show.partition("@")
    return Session(bank=Path(bank), meg=f"{tag}-meg", words=f"{tag}-words", adapt=False) if bank else Session()


def show_patterns(window: Any) -> None:
    """A head to draw, as a bank would bring."""
    from rtalign.simulation import helmet_sensors

    sensors, lags = helmet_sensors("ctf275"), np.linspace(-0.2, 0.8, 101)
    patterns = np.random.default_rng(0).normal(size=(31, 101, len(sensors))).cumsum(-1)
    for panel in ("head", "heads"):
        window.grid.panels[panel].set_bank(sensors, patterns, lags)


def plain(given: argparse.Namespace, seen: Watch) -> QMainWindow:
    from plainwindow import PlainWindow

    class Watched(PlainWindow):
        def __init__(self, source: Any) -> None:
            super().__init__()
            self.drawn, self.source = source.newest, source
            self.timer = QTimer(self)
            self.timer.timeout.connect(self.tick)
            self.timer.start(50)

        def tick(self) -> None:
            if self.source.newest is not self.drawn:
                self.drawn = self.source.newest
                seen.spend(lambda: self.draw(self.drawn), painting=False)

        def event(self, event: QEvent | None) -> bool:
            if event is None or event.type() != QEvent.Type.UpdateRequest:
                return super().event(event)
            done = bool(seen.spend(lambda: PlainWindow.event(self, event), painting=True))
            seen.mark("skeleton")
            if self.drawn.r is not None:
                seen.mark("scores")
            return done

    def source() -> Any:
        if not given.show.partition("@")[2]:
            return Feed(given.show)
        from rtalign.engine.process.client import Client

        return Client(said(given.show))

    window = Watched(source())
    seen.stop = lambda: window.source.send(Stop())
    return window
