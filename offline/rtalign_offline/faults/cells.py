"""The cells of the fault matrix, as data: what goes wrong, and what must be seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Fault = dict[str, Any]
AT = 4.0
"""When a fault begins, in seconds of the streams."""
KILL_ENGINE = ((AT, "await standby"), (AT, "kill engine"))
"""An engine is killed once its standby has held the streams for some seconds, however long that takes to load here."""
AGAIN_S = 5.0
"""From the end of a fault to the next scored word."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes
    ----------
    key : str
        Its name, unique.
    axis : str
        What it is about.
    fault : str
        What goes wrong, in words.
    plan : dict
        What the sender does: its faults, and changes of the plan.
    actions : tuple of (float, str)
        What is done to the processes, and when in the streams.
    options : tuple of str
        More options of the command.
    status : int
        Exit status that is expected.
    told : tuple of str
        Patterns, each of which must be found in what the program says.
    scores_again : bool
        Whether words must be scored again soon after the fault.
    again_s : float
        How soon after it.
    may_lose : {"", "samples", "all"}
        What may be missing from the recording, because nobody can have it: samples and markers of a recorder that
        was killed, or everything where there is no place to write to.  It must be told or counted all the same.
    kind : {"live", "file", "train", "cache"}
        How it is run.
    """

    key: str
    axis: str
    fault: str
    plan: dict[str, Any] = field(default_factory=dict)
    actions: tuple[tuple[float, str], ...] = ()
    options: tuple[str, ...] = ()
    status: int = 0
    told: tuple[str, ...] = ()
    scores_again: bool = True
    again_s: float = AGAIN_S
    may_lose: Literal["", "samples", "all"] = ""
    kind: Literal["live", "file", "train", "cache"] = "live"


def _live(key: str, axis: str, text: str, *faults: Fault, **more: Any) -> Cell:
    plan = {"faults": list(faults), **more.pop("plan", {})}
    return Cell(key, axis, text, plan, **more)


def _at(kind: str, **fault: Any) -> Fault:
    return {"kind": kind, "at": AT, **fault}


STAMPS = "time stamps"
VALUES = "values"
RETURNS = "a stream that returns"
CLOCK = "clock of the words"
MARKERS = "markers"
SLOW = "overload"
KILLS = "processes"
STORAGE = "storage"
FILES = "hostile files"
TRAIN = "training killed"
CACHE = "cache"
TERMINAL = "terminal"
PORTS = "ports"

CLOCK_SET = "clock of .* (was set|jumped)"

CELLS = (
    _live("nothing", "nothing", "nothing goes wrong"),
    # One stamp, or all of them
    _live("stamp +100 s", STAMPS, "one stamp 100 s ahead", _at("stamp", by=100.0), told=("time stamps",)),
    _live("stamp 1e300", STAMPS, "one stamp of 1e300", _at("stamp", to=1e300), told=("time stamps",)),
    _live("stamp NaN", STAMPS, "one stamp that is no number", _at("stamp", to=float("nan"))),
    _live("stamp 0", STAMPS, "one stamp of 0", _at("stamp", to=0.0)),
    _live("stamp -1e9", STAMPS, "one stamp of -1e9", _at("stamp", to=-1e9)),
    _live("clock back", STAMPS, "the sender's clock is set back 10 s", _at("clock", by=-10.0), told=(CLOCK_SET,)),
    _live("clock ahead", STAMPS, "the sender's clock is set ahead 10 s", _at("clock", by=10.0), told=(CLOCK_SET,)),
    _live("jitter", STAMPS, "stamps wrong by up to 20 ms", _at("jitter", by=0.02, seconds=4)),
    _live("drift", STAMPS, "a clock that runs 500 ppm fast", _at("drift", ppm=500)),
    _live("equal stamps", STAMPS, "all stamps equal for half a second", _at("stamps", to=1000.0, seconds=0.5)),
    # Values
    _live("value 1e30", VALUES, "one sample of 1e30", _at("value", to=1e30)),
    _live("value NaN", VALUES, "one sample that is no number", _at("value", to=float("nan"))),
    _live("value inf", VALUES, "one infinite sample", _at("value", to=float("inf"))),
    _live("all NaN", VALUES, "no sensor a number for a second", _at("values", to=float("nan"), seconds=1)),
    _live("flat", VALUES, "a sensor is flat for 4 s", _at("values", to=0.0, first=3, stop=4, seconds=4)),
    _live("saturated", VALUES, "a sensor at its limit for 3 s", _at("values", to=2e-5, first=3, stop=4, seconds=3)),
    _live("jump", VALUES, "one sensor jumps by 1 nT", _at("values", to=1e-9, first=2, stop=3, seconds=0.5)),
    _live("units", VALUES, "values 1e15 times too large for 2 s", _at("scale", by=1e15, seconds=2)),
    # A stream that returns
    _live("gap", RETURNS, "nothing for 1.5 s", _at("silent", seconds=1.5), told=("missing|no sample",)),
    _live("stall", RETURNS, "2 s late, then all at once", _at("held", seconds=2.0)),
    _live("gone", RETURNS, "gone for 2 s", _at("gone", seconds=2), told=("is lost",), plan={"seconds": 16}),
    _live("gone twice", RETURNS, "gone twice", _at("gone", seconds=1), {"kind": "gone", "at": 12, "seconds": 1},
          told=("is lost",), plan={"seconds": 22}),
    _live("other rate", RETURNS, "returns at 80 Hz, too slow for the bank", _at("gone", seconds=1, sfreq=80.0),
          told=("80 Hz",), scores_again=False, status=1),
    _live("fewer sensors", RETURNS, "returns without two sensors", _at("gone", seconds=1, fewer=2),
          told=("is not there|are not there",), scores_again=False, status=1),
    _live("other order", RETURNS, "returns with its sensors in another order", _at("gone", seconds=1, reversed=True),
          told=("in another order",), plan={"seconds": 16}),
    _live("other unit", RETURNS, "returns in a unit that gradiometers do not have", _at("gone", seconds=1, units="fT"),
          told=("cannot be read as T/m",), scores_again=False, plan={"seconds": 16}),
    _live("twin", RETURNS, "a second stream of the same name appears", _at("twin")),
    # The clock of the words
    _live("words +5 s", CLOCK, "words stamped 5 s ahead, for 3 s", _at("word clock", by=5.0, seconds=3),
          told=("stamped",)),
    _live("words +60 s", CLOCK, "words stamped 60 s ahead, for 3 s", _at("word clock", by=60.0, seconds=3),
          told=("stamped",)),
    _live("words -60 s", CLOCK, "words stamped 60 s behind, for 3 s", _at("word clock", by=-60.0, seconds=3),
          told=("stamped",)),
    _live("words -3 s", CLOCK, "words stamped 3 s behind, for 3 s", _at("word clock", by=-3.0, seconds=3)),
    _live("word NaN", CLOCK, "stamps of words that are no numbers, for 3 s",
          _at("word stamp", to=float("nan"), seconds=3)),
    _live("word jitter", CLOCK, "words out of order by up to 0.5 s", _at("word jitter", by=0.5, seconds=4)),
    # Markers
    _live("early markers", MARKERS, "markers 3 s before the MEG", plan={"meg_later": 3.0}),
    _live("flood", MARKERS, "10,000 markers within a second", _at("flood", n=10_000, text="flood")),
    _live("long marker", MARKERS, "a marker of 200,000 characters", _at("marker", text="x", times=200_000)),
    _live("not UTF-8", MARKERS, "a marker that is no UTF-8", _at("marker", hex="636166e9ff")),
    _live("empty marker", MARKERS, "an empty marker", _at("marker", text="")),
    _live("deep JSON", MARKERS, "a marker of 50,000 brackets", _at("marker", text="[", times=50_000)),
    _live("words gone", MARKERS, "the stream of words gone for 2 s", _at("words gone", seconds=2)),
    _live("many words", SLOW, "60 words a second", plan={"word_rate": 60.0}),
    # Processes
    _live("engine killed", KILLS, "kill -9 of the engine", actions=KILL_ENGINE, status=1,
          told=("engine ended unexpectedly with status -9",), plan={"seconds": 75}),
    _live("engine killed twice", KILLS, "kill -9 of the engine, and of the next", status=1,
          actions=(*KILL_ENGINE, *KILL_ENGINE),
          told=("engine ended unexpectedly with status -9",), plan={"seconds": 120}),
    _live("engine killed early", KILLS, "kill -9 of the engine before it has a standby", status=1,
          actions=((0.0, "kill engine"),), again_s=30.0,
          told=("engine ended unexpectedly with status -9",), plan={"seconds": 75}),
    _live("recorder killed", KILLS, "kill -9 of the recorder", actions=((AT, "kill recorder"),), status=1,
          told=("recorder ended unexpectedly with status -9",), may_lose="samples"),
    _live("recorder killed twice", KILLS, "kill -9 of the recorder, and of the next", status=1,
          actions=((AT, "kill recorder"), (8.0, "kill recorder")),
          told=("recorder ended unexpectedly with status -9",), may_lose="samples", plan={"seconds": 16}),
    _live("both killed", KILLS, "kill -9 of engine and recorder", status=1,
          actions=(*KILL_ENGINE, (AT, "kill recorder")),
          told=("recorder ended", "engine ended"), may_lose="samples", plan={"seconds": 75}),
    _live("command killed", KILLS, "kill -9 of the command", actions=((AT, "kill command"),), status=-9,
          scores_again=False),
    _live("group killed", KILLS, "kill -9 of the command's process group", actions=((AT, "kill group"),), status=-9,
          scores_again=False),
    _live("window killed", KILLS, "kill -9 of the window", actions=((AT, "kill command"),), status=-9,
          options=("--pictures",), scores_again=False),
    _live("terminated", KILLS, "SIGTERM to the command", actions=((8.0, "terminate"),), scores_again=False,
          may_lose="samples"),
    _live("engine stopped", KILLS, "the engine stands still for 3 s", actions=((AT, "pause engine"),),
          plan={"seconds": 16}),
    _live("recorder stopped", KILLS, "the recorder stands still for 3 s", actions=((AT, "pause recorder"),)),
    # Storage
    _live("folder removed", STORAGE, "the session's folder is removed", actions=((AT, "remove folder"),),
          told=("was removed",), may_lose="samples"),
    _live("folder moved", STORAGE, "the session's folder is moved away", actions=((AT, "move folder"),),
          told=("was removed",)),
    _live("no folder", STORAGE, "a file where the folder should be", options=("--file-as-folder",), status=1,
          told=("is a file",), scores_again=False, may_lose="all"),
    _live("disk full", STORAGE, "no file may grow beyond 2 MB", options=("--limit-file-size",),
          told=("samples.* not written",), may_lose="all", status=1),
    # Terminal and ports
    _live("output closed", TERMINAL, "nobody reads standard output any more", actions=((AT, "close output"),),
          status=1, scores_again=False),
    _live("escape codes", TERMINAL, "a word that moves the cursor", _at("marker", hex="1b5b324a1b5d303b78079b31")),
    _live("ports taken", PORTS, "LSL's first three ports are taken", options=("--take-ports",)),
    _live("published", PORTS, "with --publish", options=("--publish",)),
    # Files: one line, quickly, nothing executed
    *(Cell(key, FILES, text, kind="file", status=1, scores_again=False) for key, text in (
        ("bank cut", "a bank whose weights are cut in half"),
        ("bank NaN", "a bank whose weights are no numbers"),
        ("bank deep JSON", "a bank whose passport nests 100,000 deep"),
        ("model code", "a model that asks for code of its own"),
        ("model lies", "a model whose sizes would fill the memory"),
        ("GGUF lies", "a GGUF that announces 2**60 tensors"),
        ("XDF garbage", "an XDF of random bytes"),
        ("FIF circle", "a FIF whose tags lead in a circle"),
        ("word table", "a word table of one line of 100 MB"),
        ("plan deep", "a recipe whose lists nest 10,000 deep"),
    )),
    # Training and cache
    *(Cell(key, TRAIN, f"kill -9 {text}", kind="train", scores_again=False) for key, text in (
        ("train killed at activations", "when the activations are kept"),
        ("train killed at signal", "when the filtered signal is kept"),
        ("train killed at first lag", "when the first lag is fitted"),
        ("train killed at half", "when half of the lags are fitted"),
        ("train killed at last lag", "when the last lag is fitted"),
        ("train killed at bank", "while the bank is written"),
    )),
    *(Cell(key, CACHE, text, kind="cache", scores_again=False) for key, text in (
        ("activations zeroed", "a quarter of the kept activations is zeroed"),
        ("activations cut", "the kept activations are cut in half"),
    )),
)  # fmt: skip

BY_KEY = {cell.key: cell for cell in CELLS}
