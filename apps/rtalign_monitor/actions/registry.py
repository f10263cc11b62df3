"""Every action of the window once, from which menus, tooltips and the sheet of keys are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QMenu

from rtalign_monitor.panels.grid import IN_MENU

MENUS = ("Session", "View", "Picture", "Replay", "Out", "Help")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done.  keys : as Qt writes them, the first one is shown.  lasting : it is on or off."""

    name: str
    menu: str
    label: str
    tip: str
    keys: tuple[str, ...] = ()
    lasting: bool = False
    line_before: bool = False


ACTIONS = (
    Action("start", "Session", "Start…", "Choose streams or a recording, and a bank.", ("Ctrl+N",)),
    Action("open", "Session", "Open recording…", "Replay a file with the current bank.", ("Ctrl+O",)),
    Action("folder", "Session", "Open recording folder…", "Replay a folder with the current bank.", ("Ctrl+Shift+O",)),
    Action("bank", "Session", "Choose bank…", "Score with the decoders of another bank.", ("Ctrl+B",)),
    Action("load", "Session", "Load session file…", "Start the session of a TOML file.", ("Ctrl+L",), False, True),
    Action("save", "Session", "Save session file…", "Write this session's settings as TOML.", ("Ctrl+S",)),
    Action("record", "Session", "Record", "Keep everything that comes in on disk, as it came.", ("R",), True, True),
    Action("publish", "Session", "Publish over LSL", "Send the scores out as stream rtalign-scores.", ("P",), True),
    Action("restart", "Session", "Restart the engine", "End the engine and begin anew.", ("Ctrl+R",), False, True),
    Action("quit", "Session", "Quit", "Let the engine write what it found, then close.", ("Ctrl+Q",), False, True),
    Action("operator", "View", "Operator view", "All panels.", ("O",), True),
    Action("demo", "View", "Demo view", "Few panels in large type, full screen.", ("D",), True),
    Action("fullscreen", "View", "Full screen", "The whole screen for the window.", ("F11",), True),
    Action("theme", "View", "Next theme", "Follow the system, dark, or light.", ("T",), False, True),
    Action("larger", "View", "Larger type", "Type a tenth larger.", ("Ctrl++", "Ctrl+=")),
    Action("smaller", "View", "Smaller type", "Type a tenth smaller.", ("Ctrl+-",)),
    Action("layout", "View", "Layout as it was made", "All panels back where they belong.", ("Ctrl+0",)),
    *(Action(f"show-{spec.name}", "View", spec.menu_text, f"Show or hide the {spec.name}.", (spec.shortcut or "",),
             lasting=True, line_before=spec is IN_MENU[0]) for spec in IN_MENU),
    Action("freeze", "Picture", "Freeze", "Hold the picture still; the engine goes on.", ("F",), True),
    Action("window", "Picture", "Last words alone", "Score the newest words alone instead of all.", ("W",), True),
    Action("fewer", "Picture", "Fewer last words", "A shorter window of words.", ("Shift+W",)),
    Action("more", "Picture", "More last words", "A longer window of words.", ("Ctrl+W",)),
    Action("reset", "Picture", "Reset scores…", "Begin the scores anew; asks first.", ("Ctrl+Backspace",)),
    Action("up", "Picture", "Point one layer deeper", "Light up the next layer everywhere.", ("Up",), False, True),
    Action("down", "Picture", "Point one layer earlier", "Light up the layer before everywhere.", ("Down",)),
    Action("nothing", "Picture", "Point at nothing", "Close the inspector; then leave full screen.", ("Esc",)),
    Action("play", "Replay", "Play or pause", "Play or pause the recording.", ("Space",)),
    Action("slower", "Replay", "Slower", "Half the speed, down to a quarter.", ("[",)),
    Action("faster", "Replay", "Faster", "Twice the speed, up to as fast as it goes.", ("]",)),
    Action("previous", "Replay", "Word before", "Step back to the onset of the word before.", ("Left",), False, True),
    Action("next", "Replay", "Next word", "Step on to the onset of the next word.", ("Right",)),
    Action("back", "Replay", "Ten seconds back", "Ten seconds back.", ("Shift+Left",)),
    Action("on", "Replay", "Ten seconds on", "Ten seconds on.", ("Shift+Right",)),
    Action("begin", "Replay", "From the start", "Back to the first sample.", ("Home",)),
    Action("jump", "Replay", "Jump to a word…", "Type a word; Enter jumps to where it is next said.", ("/",)),
    Action("bookmark", "Replay", "Bookmark here", "Set a mark on the timeline, or take it away.", ("M",), False, True),
    Action("mark-before", "Replay", "Bookmark before", "Go back to the bookmark before.", ("Ctrl+Left",)),
    Action("mark-next", "Replay", "Next bookmark", "Go on to the next bookmark.", ("Ctrl+Right",)),
    Action("mute", "Replay", "Mute", "The story's sound off or on; it plays at 1×.", ("S",), True, True),
    Action("compare", "Replay", "Compare with a bank…", "Replay with a second bank too, in step.", ("B",), True),
    Action("turn", "Replay", "Map of A, B or A − B", "What the map shows while two banks are compared.", ("X",)),
    Action("picture", "Out", "Picture of the whole…", "Save the window as PNG or SVG.", ("Ctrl+P",)),
    Action("panel", "Out", "Picture of the panel…", "Save the panel under the pointer as PNG or SVG.", ("Ctrl+E",)),
    Action("copy", "Out", "Copy picture", "Copy the panel under the pointer, or the whole.", ("Ctrl+C",)),
    Action("scores", "Out", "CSV of R(layer, lag)…", "Save the map, a row per value.", ("Ctrl+D",), False, True),
    Action("ladder", "Out", "CSV of the ladder…", "Save the ladder, a row per layer.", ("Ctrl+Shift+D",)),
    Action("report", "Out", "Report", "Write the report of the session so far, and open it.", ("Ctrl+T",), False, True),
    Action("keys", "Help", "Keys", "Every action and its key.", ("?", "F1")),
)  # fmt: skip


class ActionRegistry:
    """The actions of one window, by name."""

    def __init__(self, window: QMainWindow) -> None:
        self._made: dict[str, QAction] = {}
        self._can: dict[str, str | None] = {}
        bar = window.menuBar()
        assert bar is not None
        self.menus: dict[str, QMenu] = {}
        for name in MENUS:
            menu = bar.addMenu(f"&{name}")
            assert menu is not None
            menu.setToolTipsVisible(True)
            self.menus[name] = menu
        for deed in ACTIONS:
            action = QAction(deed.label, window)
            action.setShortcuts([QKeySequence(key) for key in deed.keys])
            action.setCheckable(deed.lasting)
            action.setToolTip(f"{deed.tip}  ({_shown(deed.keys[0])})")
            action.setStatusTip(deed.tip)
            if deed.line_before:
                self.menus[deed.menu].addSeparator()
            self.menus[deed.menu].addAction(action)
            window.addAction(action)  # keys work also where the menu bar is hidden
            self._made[deed.name] = action

    def __getitem__(self, name: str) -> QAction:
        return self._made[name]

    def enable(self, can: Mapping[str, str | None]) -> None:
        """None where an action can be done, else the reason why not, which its tooltip then tells."""
        tips = {deed.name: deed.tip for deed in ACTIONS}
        for name, why_not in can.items():
            if self._can.get(name, name) == why_not:
                continue
            self._can[name] = why_not
            action = self._made[name]
            action.setEnabled(why_not is None)
            key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            action.setToolTip(f"{tips[name]}  ({key})" if why_not is None else f"{tips[name]}\n{why_not}")


def sheet() -> str:
    """All keys as a table, in columns of about one height."""
    columns = (("Session", "Help"), ("View",), ("Picture", "Out"), ("Replay",))
    cells = "".join(
        f"<td style='padding:0 26px 0 0; vertical-align:top'>{''.join(map(_table, menus))}</td>" for menus in columns
    )
    return f"<table><tr>{cells}</tr></table>"


def _table(menu: str) -> str:
    rows = "".join(
        f"<tr><td style='padding-right:12px'><b>{escape('  '.join(map(_shown, deed.keys)))}</b></td>"
        f"<td>{escape(deed.label.rstrip('…'))}</td></tr>"
        for deed in ACTIONS
        if deed.menu == menu and deed.keys
    )
    return f"<h3>{menu}</h3><table style='white-space:nowrap'>{rows}</table>"


def _shown(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
