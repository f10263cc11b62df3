"""Every action of the window: its menu, its keys, and whether it is available now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from qtpy.QtGui import QAction, QKeySequence
from qtpy.QtWidgets import QMainWindow, QMenu

from rtalign.engine.snapshot import Snapshot
from rtalign.scoring.headline import waiting_for
from rtalign_monitor.engines.link import EngineState
from rtalign_monitor.memory import ViewName
from rtalign_monitor.panels.grid import IN_MENU

Handler = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Action:
    """One action of the window.

    Attributes
    ----------
    name : str
        Its name in the code.
    label : str
        Its entry in the menu.
    tip : str
        One sentence on what it does.
    keys : tuple of str
        Its keys, as Qt writes them; the first one is shown.
    checkable : bool
        Whether it is on or off.
    separator_before : bool
        Whether the menu has a line above it.
    """

    name: str
    label: str
    tip: str
    keys: tuple[str, ...]
    checkable: bool = False
    separator_before: bool = False


MENUS: dict[str, tuple[Action, ...]] = {
    "Session": (
        Action("start", "Start…", "Choose streams or a recording, and a bank.", ("Ctrl+N",)),
        Action("instant", "Play the demo", "Play a recorded session of a simulated listener.", ("Ctrl+Shift+N",)),
        Action("open", "Open recording…", "Replay a file with the current bank.", ("Ctrl+O",)),
        Action("folder", "Open recording folder…", "Replay a folder with the current bank.", ("Ctrl+Shift+O",)),
        Action("bank", "Choose bank…", "Score with the decoders of another bank.", ("Ctrl+B",)),
        Action("load", "Load session file…", "Start the session of a TOML file.", ("Ctrl+L",), separator_before=True),
        Action("save", "Save session file…", "Write this session's settings to a TOML file.", ("Ctrl+S",)),
        Action("record", "Record", "Write all that is received to disk, unchanged.", ("R",), True, True),
        Action("publish", "Publish over LSL", "Send the scores as the LSL stream rtalign-scores.", ("P",), True),
        Action("bookmark", "Bookmark", "Set a bookmark at this moment, or remove it.", ("M",), False, True),
        Action("note", "Write a note…", "Write at this moment, or name the bookmark that is here.", ("N",)),
        Action("notes", "Bookmarks and notes…", "List them; go to one, rename or remove it.", ("Ctrl+M",)),
        Action("restart", "Restart the engine", "Stop the engine and start it again.", ("Ctrl+R",), False, True),
        Action("quit", "Quit", "Let the engine write its results, then close.", ("Ctrl+Q",), separator_before=True),
    ),
    "View": (
        Action("operator", "Operator view", "All panels.", ("O",), True),
        Action("demo", "Demo view", "Few panels in large type, full screen.", ("D",), True),
        Action("visitors", "Visitors' window", "Show the session to visitors, on a second screen.", ("V",), True),
        Action("fullscreen", "Full screen", "Use the whole screen for the window.", ("F11",), True),
        Action("theme", "Next theme", "Follow the system, dark, or light.", ("T",), separator_before=True),
        Action("larger", "Larger type", "Make the type a tenth larger.", ("Ctrl++", "Ctrl+=")),
        Action("smaller", "Smaller type", "Make the type a tenth smaller.", ("Ctrl+-",)),
        Action("view-all", "View all", "Show all layers and lags again after zooming with wheel or drag.", ("A",)),
        Action("reset-layout", "Reset layout", "Put all panels back to their default places.", ("Ctrl+0",)),
        *(Action(f"show-{spec.name}", spec.menu_text, f"Show or hide the {spec.name}.", (spec.shortcut or "",),
                 checkable=True, separator_before=spec is IN_MENU[0]) for spec in IN_MENU),
    ),
    "Display": (
        Action("freeze", "Freeze", "Hold the display still; the engine continues.", ("F",), True),
        Action("last-words", "Score the last words only", "Score only the newest words instead of all.", ("W",), True),
        Action("fewer", "Fewer last words", "Score fewer of the newest words.", ("Shift+W",)),
        Action("more", "More last words", "Score more of the newest words.", ("Ctrl+W",)),
        Action("statistic", "Next statistic in the map", "Show R, or a statistic beside it, in the map.", ("Y",)),
        Action("control", "All, unique or static twin", "Show R, unique R, or R of what timing explains.", ("U",)),
        Action("bad", "Bad from now", "Skip words until pressed again: the signal is bad.", ("G",), True, True),
        Action("bad-before", "Bad until now", "Mark the last 5 s as bad: words there are skipped.", ("Shift+G",)),
        Action("sensor-view", "Next view of the sensors", "Butterfly, all sensors, noise, spectrum.", ("E",)),
        Action("reset", "Reset scores…", "Start the scores from zero; asks first.", ("Ctrl+Backspace",)),
        Action("layer-up", "Point one layer deeper", "Highlight the next layer in all panels.", ("Up",), False, True),
        Action("layer-down", "Point one layer earlier", "Highlight the previous layer in all panels.", ("Down",)),
        Action("lag-up", "Point one lag later", "Mark the next lag in all panels.", (".",)),
        Action("lag-down", "Point one lag earlier", "Mark the previous lag in all panels.", (",",)),
        Action("word-back", "Inspect the word before", "Show the newest word, then those before.", ("J",)),
        Action("word-on", "Inspect the word after", "Show the details of the word after.", ("K",)),
        Action("escape", "Point at nothing", "Close the inspector; then leave full screen.", ("Esc",)),
    ),
    "Replay": (
        Action("play", "Play or pause", "Play or pause the recording.", ("Space",)),
        Action("slower", "Slower", "Half the speed, down to a quarter.", ("[",)),
        Action("faster", "Faster", "Twice the speed, up to as fast as possible.", ("]",)),
        Action("previous", "Previous word", "Step back to the onset of the previous word.", ("Left",), False, True),
        Action("next", "Next word", "Step to the onset of the next word.", ("Right",)),
        Action("back", "Ten seconds back", "Ten seconds back.", ("Shift+Left",)),
        Action("forward", "Ten seconds forward", "Ten seconds forward.", ("Shift+Right",)),
        Action("seek-start", "To the start", "Back to the first sample.", ("Home",)),
        Action("find-word", "Jump to a word…", "Type a word; Enter jumps to where it is spoken next.", ("/",)),
        Action("previous-bookmark", "Previous bookmark", "Go back to the previous bookmark or note.", ("Ctrl+Left",),
               separator_before=True),
        Action("next-bookmark", "Next bookmark", "Go to the next bookmark or note.", ("Ctrl+Right",)),
        Action("mute", "Mute", "Switch the story's sound off or on; it plays at 1×.", ("S",), True, True),
        Action("compare", "Compare with a bank…", "Replay with a second bank too, synchronised.", ("B",), True),
        Action("map-content", "Map of A, B or A − B", "What the map shows while two banks are compared.", ("X",)),
    ),
    "Export": (
        Action("picture", "Picture of the window…", "Save the window as PNG or SVG.", ("Ctrl+P",)),
        Action("panel", "Picture of the panel…", "Save the panel under the pointer, or with the focus.", ("Ctrl+E",)),
        Action("print", "Panel for print…", "Save the panel for a paper (SVG, PDF) or a poster.", ("Ctrl+Shift+E",)),
        Action("film", "Film of the ladder…", "Save as GIF how the ladder built up.", ("Ctrl+Shift+F",)),
        Action("copy", "Copy picture", "Copy the panel under the pointer, or the window.", ("Ctrl+C",)),
        Action("scores", "CSV of R(layer, lag)…", "Save the map, a row per value.", ("Ctrl+D",), False, True),
        Action("ladder", "CSV of the ladder…", "Save the ladder, a row per layer.", ("Ctrl+Shift+D",)),
        Action("report", "Report", "Write the report of the session so far, and open it.", ("Ctrl+T",), False, True),
    ),
    "Help": (
        Action("keys", "Keys", "Every action and its key.", ("?", "F1")),
    ),
}  # fmt: skip
"""The actions of each menu, from which menus, tooltips and the table of keys are made."""
ACTIONS = tuple(action for actions in MENUS.values() for action in actions)


class ActionRegistry:
    """The actions of one window as Qt actions, by name.

    Parameters
    ----------
    window : QMainWindow
        The window, whose menu bar gets the menus.

    Attributes
    ----------
    menus : dict of str to QMenu
        The menus by name.
    """

    def __init__(self, window: QMainWindow) -> None:
        self._qt_actions: dict[str, QAction] = {}
        self._reasons: dict[str, str | None] = {}
        bar = window.menuBar()
        assert bar is not None
        bar.setAccessibleName("Menus")
        self.menus: dict[str, QMenu] = {}
        for name, actions in MENUS.items():
            menu = bar.addMenu(f"&{name}")
            assert menu is not None
            menu.setToolTipsVisible(True)
            self.menus[name] = menu
            for action in actions:
                if action.separator_before:
                    menu.addSeparator()
                self._qt_actions[action.name] = qt_action = _qt_action(action, window)
                menu.addAction(qt_action)
                window.addAction(qt_action)  # so that keys work also where the menu bar is hidden

    def __getitem__(self, name: str) -> QAction:
        return self._qt_actions[name]

    def connect(self, handlers: Mapping[str, Handler]) -> None:
        """Call a handler, without arguments, when the action of its name is triggered."""
        for name, handler in handlers.items():
            self[name].triggered.connect(lambda _=False, handler=handler: handler())

    def set_available(self, reasons: Mapping[str, str | None]) -> None:
        """Enable and disable actions.

        Parameters
        ----------
        reasons : mapping of str to str or None
            Why the action of each name is not available, which its tooltip then says; None: it is available.
        """
        tips = {action.name: action.tip for action in ACTIONS}
        for name, reason in reasons.items():
            if self._reasons.get(name, name) == reason:
                continue
            self._reasons[name] = reason
            qt_action = self._qt_actions[name]
            qt_action.setEnabled(reason is None)
            key = qt_action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            qt_action.setToolTip(f"{tips[name]}  ({key})" if reason is None else f"{tips[name]}\n{reason}")


def _qt_action(action: Action, window: QMainWindow) -> QAction:
    made = QAction(action.label, window)
    made.setShortcuts([QKeySequence(key) for key in action.keys])
    made.setCheckable(action.checkable)
    made.setToolTip(f"{action.tip}  ({_native(action.keys[0])})")
    made.setStatusTip(action.tip)
    return made


ON_A_PLOT = "Tab leads from panel to panel. In a plot + and − zoom, Alt with an arrow pans, the menu key has its menu."
NO_SESSION = "No session is running. Start one with Ctrl+N."
LIVE = "These are live streams; only a replay can be paused, slowed or moved."
NO_SIGNAL = "Nothing has been received yet."
NO_PANEL = "Move the pointer or the focus (Tab) to a panel first."
NO_ANNOTATION = "There is no bookmark yet; M sets one."
FOR_REPLAY = (
    *("play", "slower", "faster", "previous", "next", "back", "forward", "seek-start", "find-word"),
    *("previous-bookmark", "next-bookmark"),
)


@dataclass(frozen=True, slots=True)
class WindowState:
    """What the availability of actions depends on.

    Attributes
    ----------
    snapshot : Snapshot
        The newest snapshot.
    engine : {"none", "running", "stopping", "ended", "failed", "lost"}
        State of the engine.
    has_session : bool
        Whether there is a session that can be started again.
    has_panel : bool
        Whether the pointer is, or was last, over a panel that is visible.
    last_words_only : bool
        Whether only the last words are scored.
    n_annotations : int
        Number of bookmarks and notes.
    view : {"operator", "demo"}
        The view that is shown.
    """

    snapshot: Snapshot
    engine: EngineState
    has_session: bool
    has_panel: bool
    last_words_only: bool
    n_annotations: int
    view: ViewName


def unavailable_reasons(state: WindowState) -> dict[str, str | None]:
    """Why each action that is not always available is not available now.

    Parameters
    ----------
    state : WindowState
        State of the window and of its session.

    Returns
    -------
    dict of str to str or None
        One sentence by the name of the action; None: the action is available.
    """
    snapshot = state.snapshot
    running = state.engine == "running" and snapshot.phase != "loading"
    replay = snapshot.position_s is not None
    no_engine = None if running else "The engine is still starting." if state.engine == "running" else NO_SESSION
    no_replay = no_engine or (None if replay else LIVE)
    at_end = "The recording is at its end; Home goes back to its start." if snapshot.phase == "ended" else None
    no_bookmark = None if state.n_annotations else NO_ANNOTATION
    no_session = None if state.has_session else NO_SESSION
    in_demo = "The demo view has few panels; O shows all." if state.view == "demo" else None
    no_question = "The demo view asks no questions; O returns to the operator view." if state.view == "demo" else None
    all_words = None if state.last_words_only else "All words are scored; W scores only the last ones."
    no_layer = None if snapshot.layers else "There is no layer yet."
    return {
        **dict.fromkeys(FOR_REPLAY, no_replay),
        **dict.fromkeys(("play", "next"), no_replay or at_end),
        **dict.fromkeys(("previous-bookmark", "next-bookmark"), no_replay or no_bookmark),
        "record": no_engine or ("A replay is on disk already; only live streams are recorded." if replay else None),
        "publish": no_engine,
        **dict.fromkeys(("bad", "bad-before"), no_engine),
        **dict.fromkeys(("bookmark", "note"), None if snapshot.time_s else no_engine or NO_SIGNAL),
        "notes": None if state.n_annotations else NO_ANNOTATION,
        **dict.fromkeys(("restart", "save"), no_session),
        **dict.fromkeys(("fewer", "more"), all_words),
        "reset": no_engine or no_question or (None if snapshot.n_scored else "No word has been scored yet."),
        "control": None if snapshot.controls else "The bank was trained without --controls nuisances.",
        **dict.fromkeys(("layer-up", "layer-down", "lag-up", "lag-down"), no_layer),
        **dict.fromkeys(("word-back", "word-on"), None if snapshot.words else "There is no word yet."),
        **dict.fromkeys(("panel", "print"), None if state.has_panel else NO_PANEL),
        "film": None if snapshot.n_words else "No word has been scored yet.",
        "scores": None if snapshot.r is not None else "There are no scores yet.",
        "ladder": None if snapshot.peaks else f"No ladder yet: {_missing(snapshot)}.",
        "report": _no_report(snapshot, no_engine),
        **{f"show-{spec.name}": in_demo for spec in IN_MENU if not spec.in_demo},
    }


def _missing(snapshot: Snapshot) -> str:
    """What the first peaks wait for, in the ladder's words."""
    return waiting_for(snapshot.n_words, snapshot.n_assessed, snapshot.reason) or "no scores"


def _no_report(snapshot: Snapshot, no_engine: str | None) -> str | None:
    if snapshot.report is not None:
        return None
    return no_engine or (None if snapshot.peaks else f"There is nothing to report yet: {_missing(snapshot)}.")


def table_of_keys() -> str:
    """All keys as an HTML table, in columns of about one height."""
    columns = (("Session", "Help"), ("View",), ("Display", "Export"), ("Replay",))
    cells = "".join(
        f"<td style='padding:0 26px 0 0; vertical-align:top'>{''.join(map(_keys_of_menu, menus))}</td>"
        for menus in columns
    )
    return f"<table><tr>{cells}</tr></table><p>{ON_A_PLOT}</p>"


def _keys_of_menu(menu: str) -> str:
    rows = "".join(
        f"<tr><td style='padding-right:12px'><b>{escape('  '.join(map(_native, action.keys)))}</b></td>"
        f"<td>{escape(action.label.rstrip('…'))}</td></tr>"
        for action in MENUS[menu]
    )
    return f"<h3>{menu}</h3><table style='white-space:nowrap'>{rows}</table>"


def _native(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
