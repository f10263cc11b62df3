"""Every action of the window: its menu, its keys, and whether it is available now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from qtpy.QtGui import QAction, QKeySequence
from qtpy.QtWidgets import QMainWindow, QMenu

from rtalign.core.text.translation import tr
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
    tr("Session"): (
        Action("start", tr("Start…"), tr("Choose streams or a recording, and a bank."), ("Ctrl+N",)),
        Action(
            "instant", tr("Play the demo"), tr("Play a recorded session of a simulated listener."), ("Ctrl+Shift+N",)
        ),
        Action("open", tr("Open recording…"), tr("Replay a file with the current bank."), ("Ctrl+O",)),
        Action("folder", tr("Open recording folder…"), tr("Replay a folder with the current bank."), ("Ctrl+Shift+O",)),
        Action("bank", tr("Choose bank…"), tr("Score with the decoders of another bank."), ("Ctrl+B",)),
        Action(
            "load",
            tr("Load session file…"),
            tr("Start the session of a TOML file."),
            ("Ctrl+L",),
            separator_before=True,
        ),
        Action("save", tr("Save session file…"), tr("Write this session's settings to a TOML file."), ("Ctrl+S",)),
        Action("record", tr("Record"), tr("Write all that is received to disk, unchanged."), ("R",), True, True),
        Action(
            "publish", tr("Publish over LSL"), tr("Send the scores as the LSL stream rtalign-scores."), ("P",), True
        ),
        Action("bookmark", tr("Bookmark"), tr("Set a bookmark at this moment, or remove it."), ("M",), False, True),
        Action("note", tr("Write a note…"), tr("Write at this moment, or name the bookmark that is here."), ("N",)),
        Action("notes", tr("Bookmarks and notes…"), tr("List them; go to one, rename or remove it."), ("Ctrl+M",)),
        Action(
            "restart", tr("Restart the engine"), tr("Stop the engine and start it again."), ("Ctrl+R",), False, True
        ),
        Action(
            "quit", tr("Quit"), tr("Let the engine write its results, then close."), ("Ctrl+Q",), separator_before=True
        ),
    ),
    tr("View"): (
        Action("operator", tr("Operator view"), tr("All panels."), ("O",), True),
        Action("demo", tr("Demo view"), tr("Few panels in large type, full screen."), ("D",), True),
        Action(
            "visitors", tr("Visitors' window"), tr("Show the session to visitors, on a second screen."), ("V",), True
        ),
        Action("fullscreen", tr("Full screen"), tr("Use the whole screen for the window."), ("F11",), True),
        Action("theme", tr("Next theme"), tr("Follow the system, dark, or light."), ("T",), separator_before=True),
        Action("larger", tr("Larger type"), tr("Make the type a tenth larger."), ("Ctrl++", "Ctrl+=")),
        Action("smaller", tr("Smaller type"), tr("Make the type a tenth smaller."), ("Ctrl+-",)),
        Action(
            "view-all", tr("View all"), tr("Show all layers and lags again after zooming with wheel or drag."), ("A",)
        ),
        Action("reset-layout", tr("Reset layout"), tr("Put all panels back to their default places."), ("Ctrl+0",)),
        *(
            Action(
                f"show-{spec.name}",
                spec.menu_text,
                tr("Show or hide the {name}.", name=spec.name),
                (spec.shortcut or "",),
                checkable=True,
                separator_before=spec is IN_MENU[0],
            )
            for spec in IN_MENU
        ),
    ),
    tr("Display"): (
        Action("freeze", tr("Freeze"), tr("Hold the display still; the engine continues."), ("F",), True),
        Action(
            "last-words",
            tr("Score the last words only"),
            tr("Score only the newest words instead of all."),
            ("W",),
            True,
        ),
        Action("fewer", tr("Fewer last words"), tr("Score fewer of the newest words."), ("Shift+W",)),
        Action("more", tr("More last words"), tr("Score more of the newest words."), ("Ctrl+W",)),
        Action(
            "statistic", tr("Next statistic in the map"), tr("Show R, or a statistic beside it, in the map."), ("Y",)
        ),
        Action(
            "control", tr("All, unique or static twin"), tr("Show R, unique R, or R of what timing explains."), ("U",)
        ),
        Action(
            "rivals",
            tr("What else could this be?"),
            tr("List each rival explanation, what was done about it, and what is left."),
            ("H",),
        ),
        Action("bad", tr("Bad from now"), tr("Skip words until pressed again: the signal is bad."), ("G",), True, True),
        Action(
            "bad-before", tr("Bad until now"), tr("Mark the last 5 s as bad: words there are skipped."), ("Shift+G",)
        ),
        Action("sensor-view", tr("Next view of the sensors"), tr("Butterfly, all sensors, noise, spectrum."), ("E",)),
        Action("reset", tr("Reset scores…"), tr("Start the scores from zero; asks first."), ("Ctrl+Backspace",)),
        Action(
            "layer-up",
            tr("Point one layer deeper"),
            tr("Highlight the next layer in all panels."),
            ("Up",),
            False,
            True,
        ),
        Action(
            "layer-down", tr("Point one layer earlier"), tr("Highlight the previous layer in all panels."), ("Down",)
        ),
        Action("lag-up", tr("Point one lag later"), tr("Mark the next lag in all panels."), (".",)),
        Action("lag-down", tr("Point one lag earlier"), tr("Mark the previous lag in all panels."), (",",)),
        Action("word-back", tr("Inspect the word before"), tr("Show the newest word, then those before."), ("J",)),
        Action("word-on", tr("Inspect the word after"), tr("Show the details of the word after."), ("K",)),
        Action("escape", tr("Point at nothing"), tr("Close the inspector; then leave full screen."), ("Esc",)),
    ),
    tr("Replay"): (
        Action("play", tr("Play or pause"), tr("Play or pause the recording."), ("Space",)),
        Action("slower", tr("Slower"), tr("Half the speed, down to a quarter."), ("[",)),
        Action("faster", tr("Faster"), tr("Twice the speed, up to as fast as possible."), ("]",)),
        Action(
            "previous", tr("Previous word"), tr("Step back to the onset of the previous word."), ("Left",), False, True
        ),
        Action("next", tr("Next word"), tr("Step to the onset of the next word."), ("Right",)),
        Action("back", tr("Ten seconds back"), tr("Ten seconds back."), ("Shift+Left",)),
        Action("forward", tr("Ten seconds forward"), tr("Ten seconds forward."), ("Shift+Right",)),
        Action("seek-start", tr("To the start"), tr("Back to the first sample."), ("Home",)),
        Action("find-word", tr("Jump to a word…"), tr("Type a word; Enter jumps to where it is spoken next."), ("/",)),
        Action(
            "previous-bookmark",
            tr("Previous bookmark"),
            tr("Go back to the previous bookmark or note."),
            ("Ctrl+Left",),
            separator_before=True,
        ),
        Action("next-bookmark", tr("Next bookmark"), tr("Go to the next bookmark or note."), ("Ctrl+Right",)),
        Action("mute", tr("Mute"), tr("Switch the story's sound off or on; it plays at 1×."), ("S",), True, True),
        Action("compare", tr("Compare with a bank…"), tr("Replay with a second bank too, synchronised."), ("B",), True),
        Action(
            "map-content", tr("Map of A, B or A − B"), tr("What the map shows while two banks are compared."), ("X",)
        ),
    ),
    tr("Export"): (
        Action("picture", tr("Picture of the window…"), tr("Save the window as PNG or SVG."), ("Ctrl+P",)),
        Action(
            "panel",
            tr("Picture of the panel…"),
            tr("Save the panel under the pointer, or with the focus."),
            ("Ctrl+E",),
        ),
        Action(
            "print", tr("Panel for print…"), tr("Save the panel for a paper (SVG, PDF) or a poster."), ("Ctrl+Shift+E",)
        ),
        Action("film", tr("Film of the ladder…"), tr("Save as GIF how the ladder built up."), ("Ctrl+Shift+F",)),
        Action("copy", tr("Copy picture"), tr("Copy the panel under the pointer, or the window."), ("Ctrl+C",)),
        Action("scores", tr("CSV of R(layer, lag)…"), tr("Save the map, a row per value."), ("Ctrl+D",), False, True),
        Action("ladder", tr("CSV of the ladder…"), tr("Save the ladder, a row per layer."), ("Ctrl+Shift+D",)),
        Action(
            "report", tr("Report"), tr("Write the report of the session so far, and open it."), ("Ctrl+T",), False, True
        ),
    ),
    tr("Help"): (Action("keys", tr("Keys"), tr("Every action and its key."), ("?", "F1")),),
}
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
        bar.setAccessibleName(tr("Menus"))
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


ON_A_PLOT = tr(
    "Tab leads from panel to panel. In a plot + and − zoom, Alt with an arrow pans, the menu key has its menu."
)
NO_SESSION = tr("No session is running. Start one with Ctrl+N.")
LIVE = tr("These are live streams; only a replay can be paused, slowed or moved.")
NO_SIGNAL = tr("Nothing has been received yet.")
NO_PANEL = tr("Move the pointer or the focus (Tab) to a panel first.")
NO_ANNOTATION = tr("There is no bookmark yet; M sets one.")
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
    no_engine = None if running else tr("The engine is still starting.") if state.engine == "running" else NO_SESSION
    no_replay = no_engine or (None if replay else LIVE)
    at_end = tr("The recording is at its end; Home goes back to its start.") if snapshot.phase == "ended" else None
    no_bookmark = None if state.n_annotations else NO_ANNOTATION
    no_session = None if state.has_session else NO_SESSION
    in_demo = tr("The demo view has few panels; O shows all.") if state.view == "demo" else None
    no_question = (
        tr("The demo view asks no questions; O returns to the operator view.") if state.view == "demo" else None
    )
    all_words = None if state.last_words_only else tr("All words are scored; W scores only the last ones.")
    no_layer = None if snapshot.layers else tr("There is no layer yet.")
    return {
        **dict.fromkeys(FOR_REPLAY, no_replay),
        **dict.fromkeys(("play", "next"), no_replay or at_end),
        **dict.fromkeys(("previous-bookmark", "next-bookmark"), no_replay or no_bookmark),
        "record": no_engine or (tr("A replay is on disk already; only live streams are recorded.") if replay else None),
        "publish": no_engine,
        **dict.fromkeys(("bad", "bad-before"), no_engine),
        **dict.fromkeys(("bookmark", "note"), None if snapshot.time_s else no_engine or NO_SIGNAL),
        "notes": None if state.n_annotations else NO_ANNOTATION,
        **dict.fromkeys(("restart", "save"), no_session),
        **dict.fromkeys(("fewer", "more"), all_words),
        "reset": no_engine or no_question or (None if snapshot.n_scored else tr("No word has been scored yet.")),
        "control": None if snapshot.controls else tr("The bank was trained without --controls nuisances."),
        **dict.fromkeys(("layer-up", "layer-down", "lag-up", "lag-down"), no_layer),
        **dict.fromkeys(("word-back", "word-on"), None if snapshot.words else tr("There is no word yet.")),
        **dict.fromkeys(("panel", "print"), None if state.has_panel else NO_PANEL),
        "film": None if snapshot.n_words else tr("No word has been scored yet."),
        "scores": None if snapshot.r is not None else tr("There are no scores yet."),
        "ladder": None if snapshot.peaks else tr("No ladder yet: {missing}.", missing=_missing(snapshot)),
        "report": _no_report(snapshot, no_engine),
        **{f"show-{spec.name}": in_demo for spec in IN_MENU if not spec.in_demo},
    }


def _missing(snapshot: Snapshot) -> str:
    """What the first peaks wait for, in the ladder's words."""
    return waiting_for(snapshot.n_words, snapshot.n_assessed, snapshot.reason) or tr("no scores")


def _no_report(snapshot: Snapshot, no_engine: str | None) -> str | None:
    if snapshot.report is not None:
        return None
    return no_engine or (
        None if snapshot.peaks else tr("There is nothing to report yet: {missing}.", missing=_missing(snapshot))
    )


def table_of_keys() -> str:
    """All keys as an HTML table, in columns of about one height."""
    columns = ((tr("Session"), tr("Help")), (tr("View"),), (tr("Display"), tr("Export")), (tr("Replay"),))
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
