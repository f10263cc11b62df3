"""Every text of the window and of its start dialog, as JSON; run in a language of its own, as that is chosen once."""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from qtpy.QtGui import QAction
from qtpy.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QLineEdit, QTabBar, QTextBrowser, QWidget

from rtalign.core.records import Annotation
from rtalign.core.session import Session
from rtalign.engine.snapshot import RecordingStatus, Snapshot, Work, empty_snapshot
from rtalign_monitor.main_window import MonitorWindow
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.panel import Panel
from rtalign_monitor.panels.plot import PlotPanel
from rtalign_monitor.start import dialog
from rtalign_monitor.start.discovery import Discovery
from rtalign_monitor.widgets.painted import PaintedWidget
from rtalign_monitor.widgets.theme import Theme
from tests.helpers import snapshots
from tests.helpers.fake_network import FakeNetwork
from tests.helpers.window import FakeEngine


def moments() -> Iterator[Snapshot]:
    """What makes the window say all it can say."""
    yield empty_snapshot("loading", "")
    for n in (0, 1, 5, 20, 60):
        yield snapshots.snapshot_after(n)
    lost = snapshots.health("lost", 7.0)
    full = RecordingStatus("/data/s1", 212.0, 0.4, 12, "")
    yield snapshots.snapshot_after(300, health=lost, recording=full, sensors=snapshots.sensors_view(), head_mm=3.4)
    yield snapshots.with_inspected_word(snapshots.snapshot_after(300, work=Work(1.31, 912.0, 246.0, 14, 0.4, 2.1)))
    replay: dict[str, Any] = {"position_s": 41.2, "end_s": 250.0, "speed": 1.0, "recording": None}
    yield snapshots.with_controls(snapshots.snapshot_after(300, annotations=(Annotation(20.0, ""),), **replay))
    yield snapshots.snapshot_after(300, phase="ended", **replay)


def window_texts(folder: Path) -> Iterator[tuple[str, str]]:
    engines: list[FakeEngine] = []

    def begin(session: Session) -> FakeEngine:
        engines.append(FakeEngine(session))
        return engines[-1]

    window = MonitorWindow(begin, folder / "window.json")
    window.resize(1920, 1080)
    window.show()
    window.set_view("operator")
    for name in ("sensors", "heads"):
        window.view_settings.toggle_panel(name)
    for action in window.action_registry.menus.values():
        yield "menu", action.title()
    for n, moment in enumerate(moments()):
        window.start(Session(bank=folder / "b", recording=folder / "r" if moment.position_s is not None else None))
        window.tick()
        engines[-1].newest = dataclasses.replace(moment, sequence=n + 1)
        window.pointer.pick_word(0 if moment.inspected else None)
        for layer in (None, 12):
            window.grid.panel(LadderPanel).point_layer(layer)
            window.tick()
            window.grab()
            yield from texts_of(window)
            yield from axis_labels(window.grid.panels.values())
        window.action_registry["rivals"].trigger()
        assert window.rivals.dialog is not None
        yield from texts_of(window.rivals.dialog)
    window.close_now()


def axis_labels(panels: Iterable[Panel]) -> Iterator[tuple[str, str]]:
    """What pyqtgraph writes at the axes."""
    for panel in panels:
        if isinstance(panel, PlotPanel):
            yield from (("axis", axis.labelText) for axis in panel.axes.values())


def dialog_texts() -> Iterator[tuple[str, str]]:
    network = FakeNetwork()
    dialog.Discovery = lambda: Discovery(network.backend)  # type: ignore[assignment,misc]
    shown = dialog.StartDialog(WindowMemory(), Theme.of("dark"))
    shown.show()
    for page in range(shown.tabs.count()):
        shown.tabs.setCurrentIndex(page)
        shown.grab()
        yield from texts_of(shown)
    shown.close()


def texts_of(root: QWidget) -> Iterator[tuple[str, str]]:
    """What the widgets below one say, in whatever way; painted texts are noted elsewhere."""
    for widget in (root, *root.findChildren(QWidget)):
        for text in (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription(), widget.windowTitle()):
            yield type(widget).__name__, text
        if isinstance(widget, QLabel | QAbstractButton):
            yield type(widget).__name__, widget.text()
        if isinstance(widget, QLineEdit):
            yield type(widget).__name__, widget.placeholderText()
        if isinstance(widget, QTabBar):
            yield from (("tab", widget.tabText(i)) for i in range(widget.count()))
        if isinstance(widget, QComboBox):
            yield from (("entry", widget.itemText(i)) for i in range(widget.count()))
        if isinstance(widget, QTextBrowser):
            yield "text", widget.toPlainText()
    for action in root.findChildren(QAction):
        for text in (action.text(), action.iconText(), action.toolTip()):
            yield "action", text


def main() -> None:
    app, painted, write = QApplication([]), set(), PaintedWidget.write

    def noting(view: PaintedWidget, painter: Any, box: Any, text: str, *args: Any, **options: Any) -> float:
        painted.add((type(view).__name__, text))
        return write(view, painter, box, text, *args, **options)

    PaintedWidget.write = noting  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        found = {*window_texts(Path(folder)), *dialog_texts()}
    app.processEvents()
    json.dump(sorted(found | painted), sys.stdout)


if __name__ == "__main__":
    main()
