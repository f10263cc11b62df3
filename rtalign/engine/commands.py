"""Commands: what a viewer may ask of a running session, as one union of frozen records, and its form on the pipe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from rtalign.core.recipe import error_text
from rtalign.core.records import Annotation
from rtalign.core.session import Session

Seconds = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Factor = Annotated[float, Field(strict=True, gt=0, le=1000)]
Switch = Annotated[bool, Field(strict=True)]
Index = Annotated[int, Field(strict=True, ge=0, lt=2**53)]
Count = Annotated[int, Field(strict=True, ge=1, lt=2**53)]
Name = Annotated[str, Field(strict=True, max_length=200)]
Words = Annotated[int, Field(strict=True, gt=-(2**53), lt=2**53)]
MAX_ANNOTATIONS, MAX_ANNOTATION_CHARACTERS = 2000, 500


def _plausible(annotation: Annotation) -> Annotation:
    if not math.isfinite(annotation.time) or len(annotation.text) > MAX_ANNOTATION_CHARACTERS:
        raise ValueError(f"an annotation has a finite time and at most {MAX_ANNOTATION_CHARACTERS} characters")
    return annotation


Annotations = Annotated[
    tuple[Annotated[Annotation, AfterValidator(_plausible)], ...], Field(max_length=MAX_ANNOTATIONS)
]


@dataclass(frozen=True, slots=True)
class Begin:
    """Score what comes; until then an engine is a standby: it loads everything, receives the streams and waits.

    Attributes
    ----------
    session : Session
        The settings, of which those that say what is loaded and received are the ones that the engine was started with.
    """

    session: Session
    kind: Literal["begin"] = "begin"


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold a replay where it is."""

    kind: Literal["pause"] = "pause"


@dataclass(frozen=True, slots=True)
class Play:
    """Let a paused replay go on."""

    kind: Literal["play"] = "play"


@dataclass(frozen=True, slots=True)
class Seek:
    """Go on with a replay from another time.

    Attributes
    ----------
    to_s : float
        Time on the recording's axis, in seconds; a time outside it means its start or its end.
    """

    to_s: Seconds
    kind: Literal["seek"] = "seek"


@dataclass(frozen=True, slots=True)
class SetSpeed:
    """Replay at another speed.

    Attributes
    ----------
    factor : float or None
        Times real time, above 0 and at most 1000; None as fast as the machine can.
    """

    factor: Factor | None
    kind: Literal["speed"] = "speed"


@dataclass(frozen=True, slots=True)
class Step:
    """Move a replay by one word, and pause there.

    Attributes
    ----------
    words : int
        Positive: just behind the onset of the next word.  Otherwise: of the word before.
    """

    words: Words
    kind: Literal["step"] = "step"


@dataclass(frozen=True, slots=True)
class WaitAt:
    """Let a replay go no further than a time, until the next such command.

    Attributes
    ----------
    time_s : float or None
        Time on the recording's axis, in seconds; None removes the limit.
    """

    time_s: Seconds | None
    kind: Literal["wait"] = "wait"


@dataclass(frozen=True, slots=True)
class ScoreLastWords:
    """Base scores and curves on the newest words alone.

    Attributes
    ----------
    n_words : int or None
        How many; fewer than curves need are raised to that number.  None: all words.
    """

    n_words: Count | None
    kind: Literal["last words"] = "last words"


@dataclass(frozen=True, slots=True)
class Inspect:
    """Put one word's own scores into the snapshots.

    Attributes
    ----------
    word : int or None
        Index of the word; None: no word.
    """

    word: Index | None
    kind: Literal["inspect"] = "inspect"


@dataclass(frozen=True, slots=True)
class Reset:
    """Begin the scores anew; the language model keeps its context."""

    kind: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True)
class UseBank:
    """Go on with another decoder bank; scores begin anew.

    Attributes
    ----------
    folder : Path
        Folder of a bank of the same model, context and layers as the one in use.
    """

    folder: Path
    kind: Literal["bank"] = "bank"


@dataclass(frozen=True, slots=True)
class IgnoreMissingSensors:
    """Go on with those sensors of the bank that the stream has."""

    kind: Literal["ignore missing sensors"] = "ignore missing sensors"


@dataclass(frozen=True, slots=True)
class Record:
    """Begin or end the recording of a live session; the client, which has the recorder, executes it itself.

    Attributes
    ----------
    folder : Path or None
        Folder under which the session's own folder is made; None ends the recording.
    """

    folder: Path | None
    kind: Literal["record"] = "record"


@dataclass(frozen=True, slots=True)
class WriteTo:
    """Write words, scores, log and results into the folder that the recorder of the session has made.

    Attributes
    ----------
    folder : Path or None
        The session's folder; None ends that.
    """

    folder: Path | None
    kind: Literal["write to"] = "write to"


@dataclass(frozen=True, slots=True)
class Publish:
    """Begin or end sending the scores out over LSL.

    Attributes
    ----------
    on : bool
        Whether they are sent from now on.
    """

    on: Switch
    kind: Literal["publish"] = "publish"


@dataclass(frozen=True, slots=True)
class SetAnnotations:
    """Keep what the operator wrote, for the report and, of a live session, in the recording.

    Attributes
    ----------
    annotations : tuple of Annotation
        All there are; they replace those before.
    now_s : float
        Signal time of the command: from it a recorder, which does not know signal time, knows how long ago each was.
    """

    annotations: Annotations
    now_s: Seconds
    kind: Literal["annotations"] = "annotations"


@dataclass(frozen=True, slots=True)
class WriteReport:
    """Write the results and the report as they are now.

    Attributes
    ----------
    folder : Path or None
        Where to, if the session has no folder for its results yet.
    """

    folder: Path | None
    kind: Literal["report"] = "report"


@dataclass(frozen=True, slots=True)
class MarkBad:
    """Call the signal bad for some time, or one sensor; replaces the mark that has the same beginning.

    Attributes
    ----------
    start_s : float
        Signal time, in seconds.
    stop_s : float or None
        None while it lasts.
    sensor : str
        Its name; empty: all of the signal, so that words there are skipped.
    """

    start_s: Seconds
    stop_s: Seconds | None
    sensor: Name = ""
    kind: Literal["mark bad"] = "mark bad"


@dataclass(frozen=True, slots=True)
class TakeBackMark:
    """Take a mark back, as if it had never been made.

    Attributes
    ----------
    start_s : float
        Its beginning.
    sensor : str
        Its sensor; empty: that of all of the signal.
    """

    start_s: Seconds
    sensor: Name = ""
    kind: Literal["take back mark"] = "take back mark"


@dataclass(frozen=True, slots=True)
class ShowSensors:
    """Put the newest signal, spectrum and state of every sensor into the snapshots, or no longer.

    Attributes
    ----------
    on : bool
        Whether they are put there from now on.
    """

    on: Switch
    kind: Literal["show sensors"] = "show sensors"


@dataclass(frozen=True, slots=True)
class Stop:
    """End the session and write its results."""

    kind: Literal["stop"] = "stop"


ReplayCommand = Pause | Play | Seek | SetSpeed | Step | WaitAt
"""Commands that only a recording can follow."""

EngineCommand = (
    Begin
    | ReplayCommand
    | ScoreLastWords
    | Inspect
    | Reset
    | UseBank
    | IgnoreMissingSensors
    | WriteTo
    | Publish
    | SetAnnotations
    | WriteReport
    | MarkBad
    | TakeBackMark
    | ShowSensors
    | Stop
)
"""What an engine executes; `kind` tells them apart on the pipe and names them in notices."""

Command = EngineCommand | Record
"""Whatever a viewer may ask."""

_ADAPTER: TypeAdapter[EngineCommand] = TypeAdapter(Annotated[EngineCommand, Field(discriminator="kind")])


def to_message(command: EngineCommand) -> dict[str, Any]:
    """A command as JSON knows it, for the pipe."""
    message: dict[str, Any] = _ADAPTER.dump_python(command, mode="json")
    return message


def from_message(message: object) -> EngineCommand:
    """The command that a message from the pipe holds.

    Raises
    ------
    ValueError
        Where it holds none: an unknown kind, a missing, superfluous or impossible value.
    """
    if not isinstance(message, dict):
        raise ValueError(f"a command is a mapping with a kind, not {type(message).__name__}")
    try:
        return _ADAPTER.validate_python(message, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ", ".join(str(part) for part in first["loc"][:2])
        raise ValueError(f"{where}: {error_text(first)}" if where else error_text(first)) from None
