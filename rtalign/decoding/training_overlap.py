"""Whether a bank was trained on what it is scored on: fingerprints of recordings, compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rtalign.core.records import Recording, RecordingIdentity

Status = Literal["none", "overlap", "unknown"]

LIVE = "a live signal has no fingerprint: whether this bank was trained on it cannot be known"
MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class TrainingOverlap:
    """What a bank's training data and the data of a score have in common.

    Attributes
    ----------
    status : {"none", "overlap", "unknown"}
        Unknown: the data carry no fingerprint, as live MEG does not.
    recordings : tuple of str
        Names of the recordings that the bank was trained on, of those compared.
    n_compared : int
        How many recordings were compared.
    """

    status: Status
    recordings: tuple[str, ...] = ()
    n_compared: int = 0

    @classmethod
    def find(cls, bank: Mapping[str, Any] | None, recordings: Sequence[RecordingIdentity]) -> TrainingOverlap:
        """Compare the recordings of a bank's passport with others.

        A recording is the same where its signal is, whichever of its sensors and words were chosen, and where it was
        recorded from a stream that was played from the same signal.

        Parameters
        ----------
        bank : mapping or None
            The passport; None where decoders are learned from nothing.
        recordings : sequence of RecordingIdentity
            What is scored; empty where nothing is known of it.
        """
        if bank is None:
            return cls("none", (), len(recordings))
        if not recordings:
            return cls("unknown")
        entries = [entry for entry in bank["recordings"] if isinstance(entry, Mapping)]
        known = {str(entry[key]) for entry in entries for key in ("fingerprint", "signal") if entry.get(key)}
        known |= {str(one) for entry in entries for one in entry.get("played") or ()}
        same = tuple(one.name for one in recordings if one.prints & known)
        return cls("overlap" if same else "none", same, len(recordings))

    @property
    def text(self) -> str:
        """What a user must know; empty where the recordings were compared and none is the bank's."""
        if self.status == "unknown":
            return LIVE
        if not self.recordings:
            return ""
        if self.n_compared == 1:
            return "this bank was trained on this recording: R flatters"
        names = ", ".join(self.recordings[:MOST_NAMES]) + (", ..." if len(self.recordings) > MOST_NAMES else "")
        share = f"{len(self.recordings)} of these {self.n_compared} recordings"
        return f"this bank was trained on {share} ({names}): R flatters"

    @property
    def warning(self) -> str:
        """The text of an overlap that was found; empty otherwise."""
        return self.text if self.status == "overlap" else ""

    def to_json(self) -> dict[str, Any]:
        """As summary.json holds it."""
        return {"status": self.status, "recordings": list(self.recordings), "text": self.text}


def refuse_repeated(recordings: Sequence[Recording]) -> None:
    """Refuse a signal that is there twice: its words would be fitted and tested at once, or count twice.

    Parameters
    ----------
    recordings : sequence of Recording
        Of one training, evaluation or person.

    Raises
    ------
    ValueError
        Naming both.
    """
    known: dict[str, str] = {}
    for recording in recordings:
        prints = RecordingIdentity.of(recording).prints
        if again := prints & set(known):
            raise ValueError(
                f"{recording.name} holds the signal of {known[again.pop()]} again, which would count twice; "
                "name each once"
            )
        known |= dict.fromkeys(prints, recording.name)
