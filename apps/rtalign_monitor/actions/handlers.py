"""What every action of the window does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QWidget

from rtalign.engine import snapshot
from rtalign.engine.commands import Publish, Seek
from rtalign_monitor.bars.message_bar import Message
from rtalign_monitor.bars.transport import SKIP_S
from rtalign_monitor.panels.grid import IN_MENU
from rtalign_monitor.panels.transcript import TranscriptPanel

if TYPE_CHECKING:
    from rtalign_monitor.main_window import MonitorWindow


def connect(window: MonitorWindow) -> None:
    """Join actions, transport and panels to what they do."""
    for name, deed in {**_session(window), **_view(window), **_replay(window), **_out(window)}.items():
        window.action_registry[name].triggered.connect(lambda _=False, deed=deed: deed())
    transport = window.transport
    transport.asked.connect(window.link.send)
    transport.missed.connect(window.missed)
    for panel in window.grid.panels.values():
        panel.layer_pointed.connect(window.point)
        panel.lag_pointed.connect(window.point_lag)
    window.grid.panel(TranscriptPanel).word_picked.connect(window.pick)


Deeds = dict[str, Callable[[], object]]


def _session(w: MonitorWindow) -> Deeds:
    s = w.sessions
    return {
        "start": w.start_dialog, "open": lambda: s.open(False), "folder": lambda: s.open(True), "bank": s.choose_bank,
        "load": s.load, "save": s.save, "record": lambda: s.record(w.action_registry["record"].isChecked()),
        "publish": lambda: w.link.send(Publish(w.action_registry["publish"].isChecked())), "restart": w.link.restart,
        "quit": w.close, "keys": w.show_keys,
    }  # fmt: skip


def _view(w: MonitorWindow) -> Deeds:
    panels: Deeds = {f"show-{spec.name}": partial(w.view_settings.show_panel, spec.name) for spec in IN_MENU}
    return panels | {
        "operator": lambda: w.view_settings.set_view("operator"), "demo": lambda: w.view_settings.set_view("demo"),
        "fullscreen": lambda: w.view_settings.fill_screen(w.action_registry["fullscreen"].isChecked()),
        "theme": w.view_settings.next_theme,
        "larger": lambda: w.view_settings.scale_type(0.1), "smaller": lambda: w.view_settings.scale_type(-0.1),
        "layout": w.view_settings.layout_as_made,
        "up": lambda: w.step_layer(1), "down": lambda: w.step_layer(-1), "nothing": w.nothing,
        "window": w.transport.scope, "fewer": lambda: w.transport.more(-1), "more": lambda: w.transport.more(1),
        "reset": w.ask_reset, "freeze": lambda: _freeze(w),
    }  # fmt: skip


def _replay(w: MonitorWindow) -> Deeds:
    t = w.transport
    return {
        "play": t.switch, "slower": lambda: t.gear(-1), "faster": lambda: t.gear(1), "next": lambda: t.step(1),
        "previous": lambda: t.step(-1), "back": lambda: t.skip(-SKIP_S), "on": lambda: t.skip(SKIP_S),
        "begin": lambda: w.link.send(Seek(0.0)), "jump": t.word.setFocus, "bookmark": lambda: _bookmark(w),
        "mark-before": lambda: _go_to_mark(w, -1), "mark-next": lambda: _go_to_mark(w, 1),
    }  # fmt: skip


def _out(w: MonitorWindow) -> Deeds:
    def under() -> tuple[QWidget, str]:
        panel = w.grid.hovered_panel
        return (panel, w.grid.hovered or "") if panel is not None else whole()

    def whole() -> tuple[QWidget, str]:
        central = w.centralWidget()
        return central or w, "window"

    def shown() -> snapshot.Snapshot:
        return w.grid.drawn or snapshot.empty_snapshot()

    return {
        "picture": lambda: w.exporter.picture(*whole()), "panel": lambda: w.exporter.picture(*under()),
        "copy": lambda: w.exporter.copy(*under()), "scores": lambda: w.exporter.scores(shown()),
        "ladder": lambda: w.exporter.ladder(shown()), "report": w.exporter.report,
    }  # fmt: skip


def _freeze(w: MonitorWindow) -> None:
    """The map's colours stand still with the picture; what came meanwhile is drawn when it goes on."""
    frozen = w.action_registry["freeze"].isChecked()
    for panel in w.grid.panels.values():
        panel.freeze(frozen)
    if not frozen and w.drawn is not None:
        w.grid.draw(w.drawn)


def _bookmark(w: MonitorWindow) -> None:
    """Set one where the recording stands, or take that away; either can be undone."""
    at = w.transport.timeline.position

    def turn() -> bool:
        new = w.bookmarks.turn(at)
        w.transport.timeline.mark(w.bookmarks.times)
        w.message_bar.dismiss("notice")
        return new

    said = "Bookmark set." if turn() else "Bookmark taken away."
    w.message_bar.post_briefly(Message("notice", said, "quiet", (("Undo", turn),)), 4)


def _go_to_mark(w: MonitorWindow, by: int) -> None:
    if (to := w.bookmarks.beside(w.transport.timeline.position, by)) is not None:
        w.link.send(Seek(to))
