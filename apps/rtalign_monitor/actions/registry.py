"""Every action of the window once, from which menus, tooltips and the sheet of keys are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QMenu

MENUS = ("Session", "View", "Picture", "Replay", "Out", "Help")


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that can be done.  keys : as Qt writes them, the first one is shown.  lasting : it is on or off."""

    name: str
    menu: str
    label: str
    tip: str
    keys: tuple[str, ...] = ()
    lasting: bool = False
    line_before: bool = False


DEEDS = (
    Deed("start", "Session", "Start…", "Choose streams or a recording, and a bank.", ("Ctrl+N",)),
    Deed("open", "Session", "Open recording…", "Replay a file with this session's bank.", ("Ctrl+O",)),
    Deed("folder", "Session", "Open recording folder…", "Replay a folder with this session's bank.", ("Ctrl+Shift+O",)),
    Deed("bank", "Session", "Choose bank…", "Score with the decoders of another bank.", ("Ctrl+B",)),
    Deed("load", "Session", "Load session file…", "Begin anew as a TOML session file says.", ("Ctrl+L",), False, True),
    Deed("save", "Session", "Save session file…", "Write this session's settings as TOML.", ("Ctrl+S",)),
    Deed("record", "Session", "Record", "Keep everything that comes in on disk, as it came.", ("R",), True, True),
    Deed("publish", "Session", "Publish over LSL", "Send the scores out as stream rtalign-scores.", ("P",), True),
    Deed("restart", "Session", "Restart the engine", "End the engine and begin anew.", ("Ctrl+R",), False, True),
    Deed("quit", "Session", "Quit", "Let the engine write what it found, then close.", ("Ctrl+Q",), False, True),
    Deed("operator", "View", "Operator view", "All panels.", ("O",), True),
    Deed("demo", "View", "Demo view", "Few panels in large type, full screen.", ("D",), True),
    Deed("fullscreen", "View", "Full screen", "The whole screen for the window.", ("F11",), True),
    Deed("theme", "View", "Next theme", "Follow the system, dark, or light.", ("T",), False, True),
    Deed("larger", "View", "Larger type", "Type a tenth larger.", ("Ctrl++", "Ctrl+=")),
    Deed("smaller", "View", "Smaller type", "Type a tenth smaller.", ("Ctrl+-",)),
    Deed("layout", "View", "Layout as it was made", "All panels back where they belong.", ("Ctrl+0",)),
    Deed("show-ladder", "View", "Ladder", "Show or hide the ladder.", ("Ctrl+1",), True, True),
    Deed("show-map", "View", "Layer × lag map", "Show or hide the map.", ("Ctrl+2",), True),
    Deed("show-curves", "View", "Curves", "Show or hide the curves.", ("Ctrl+3",), True),
    Deed("show-traces", "View", "MEG traces", "Show or hide the traces.", ("Ctrl+4",), True),
    Deed("show-head", "View", "Head", "Show or hide the head.", ("Ctrl+5",), True),
    Deed("show-transcript", "View", "Transcript", "Show or hide the transcript.", ("Ctrl+6",), True),
    Deed("freeze", "Picture", "Freeze", "Hold the picture still; the engine goes on.", ("F",), True),
    Deed("window", "Picture", "Last words alone", "Score the newest words alone instead of all.", ("W",), True),
    Deed("fewer", "Picture", "Fewer last words", "A shorter window of words.", ("Shift+W",)),
    Deed("more", "Picture", "More last words", "A longer window of words.", ("Ctrl+W",)),
    Deed("reset", "Picture", "Reset scores…", "Begin the scores anew; asks first.", ("Ctrl+Backspace",)),
    Deed("up", "Picture", "Point one layer deeper", "Light up the next layer everywhere.", ("Up",), False, True),
    Deed("down", "Picture", "Point one layer earlier", "Light up the layer before everywhere.", ("Down",)),
    Deed("nothing", "Picture", "Point at nothing", "Close the inspector; then leave full screen.", ("Esc",)),
    Deed("play", "Replay", "Play or pause", "Play or pause the recording.", ("Space",)),
    Deed("slower", "Replay", "Slower", "Half the speed, down to a quarter.", ("[",)),
    Deed("faster", "Replay", "Faster", "Twice the speed, up to as fast as it goes.", ("]",)),
    Deed("previous", "Replay", "Word before", "Step back to the onset of the word before.", ("Left",), False, True),
    Deed("next", "Replay", "Next word", "Step on to the onset of the next word.", ("Right",)),
    Deed("back", "Replay", "Ten seconds back", "Ten seconds back.", ("Shift+Left",)),
    Deed("on", "Replay", "Ten seconds on", "Ten seconds on.", ("Shift+Right",)),
    Deed("begin", "Replay", "From the start", "Back to the first sample.", ("Home",)),
    Deed("jump", "Replay", "Jump to a word…", "Type a word; Enter jumps to where it is next said.", ("/",)),
    Deed("bookmark", "Replay", "Bookmark here", "Set a mark on the timeline, or take it away.", ("M",), False, True),
    Deed("mark-before", "Replay", "Bookmark before", "Go back to the bookmark before.", ("Ctrl+Left",)),
    Deed("mark-next", "Replay", "Next bookmark", "Go on to the next bookmark.", ("Ctrl+Right",)),
    Deed("mute", "Replay", "Mute", "The story's sound off or on; it plays at 1×.", ("S",), True, True),
    Deed("compare", "Replay", "Compare with a bank…", "Replay with a second bank too, in step.", ("B",), True),
    Deed("turn", "Replay", "Map of A, B or A − B", "What the map shows while two banks are compared.", ("X",)),
    Deed("picture", "Out", "Picture of the whole…", "Save the window as PNG or SVG.", ("Ctrl+P",)),
    Deed("panel", "Out", "Picture of the panel…", "Save the panel under the pointer as PNG or SVG.", ("Ctrl+E",)),
    Deed("copy", "Out", "Copy picture", "Copy the panel under the pointer, or the whole.", ("Ctrl+C",)),
    Deed("scores", "Out", "CSV of R(layer, lag)…", "Save what the map shows, a row a value.", ("Ctrl+D",), False, True),
    Deed("ladder", "Out", "CSV of the ladder…", "Save what the ladder shows, a row a layer.", ("Ctrl+Shift+D",)),
    Deed("report", "Out", "Report", "Write the session's report as it stands, and open it.", ("Ctrl+T",), False, True),
    Deed("keys", "Help", "Keys", "Every action and its key.", ("?", "F1")),
)  # fmt: skip


class Actions:
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
        for deed in DEEDS:
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
        tips = {deed.name: deed.tip for deed in DEEDS}
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
        for deed in DEEDS
        if deed.menu == menu and deed.keys
    )
    return f"<h3>{menu}</h3><table style='white-space:nowrap'>{rows}</table>"


def _shown(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
