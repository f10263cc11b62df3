"""The file that says which faults a rehearsed stream has, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError, model_validator

from rtalign.core.recipe import Settings, error_text
from rtalign.core.storage.json_toml import parse_toml

Which = Literal["meg", "words", "both"]


class FiniteSettings(Settings):
    """Settings in which infinity and not-a-number are refused."""

    model_config = ConfigDict(allow_inf_nan=False)


class TimedFault(FiniteSettings):
    """When a fault happens, in seconds of the stream, and to which stream."""

    at: float = Field(ge=0, le=1e6)
    seconds: float = Field(1.0, gt=0, le=1e6)
    stream: Which = "meg"

    def covers(self, time: np.ndarray) -> np.ndarray:
        """Whether it happens at each time; time, result : (sample,)."""
        return (time >= self.at) & (time < self.at + self.seconds)

    def affects(self, stream: Literal["meg", "words"], time: float) -> bool:
        """Whether it happens to a stream at a time."""
        return self.stream in (stream, "both") and self.at <= time < self.at + self.seconds

    def named_sensors(self) -> tuple[str, ...]:
        """The sensors that it names, which a recording must have."""
        return ()


class Drop(TimedFault):
    """Packets are lost, at random."""

    kind: Literal["drop"]
    share: float = Field(0.1, gt=0, le=1)
    packet_ms: float = Field(20.0, gt=0, le=10_000)


class Gap(TimedFault):
    """Nothing is sent, and the connection stays."""

    kind: Literal["gap"]


class Delay(TimedFault):
    """What is sent arrives late; its stamps are right."""

    kind: Literal["delay"]
    ms: float = Field(gt=0, le=60_000)
    stream: Which = "both"


class Jitter(TimedFault):
    """Stamps are wrong by up to so much in either direction, at random."""

    kind: Literal["jitter"]
    ms: float = Field(gt=0, le=10_000)


class Drift(TimedFault):
    """The sender's clock runs fast (ppm > 0) or slow; afterwards it keeps the error that it has reached."""

    kind: Literal["drift"]
    ppm: float = Field(ge=-100_000, le=100_000)
    seconds: float = Field(1e6, gt=0, le=1e6)


class Nan(TimedFault):
    """Samples of some sensors are not a number; of all sensors where none is named."""

    kind: Literal["nan"]
    names: tuple[str, ...] = ()
    stream: Literal["meg"] = "meg"

    def named_sensors(self) -> tuple[str, ...]:
        return self.names


class Duplicate(TimedFault):
    """Word markers are sent so many times more, `ms` after the first."""

    kind: Literal["duplicate"]
    times: int = Field(1, ge=1, le=10)
    ms: float = Field(0.0, ge=0, le=60_000)
    stream: Literal["words"] = "words"


class Disconnect(TimedFault):
    """The sender is gone, and comes back."""

    kind: Literal["disconnect"]
    stream: Which = "both"


class ChannelChange(TimedFault):
    """The MEG disconnects for away_s and comes back without some sensors: those named, or all but the first `keep`."""

    kind: Literal["channels"]
    seconds: float = Field(1e6, gt=0, le=1e6)
    without: tuple[str, ...] = ()
    keep: int | None = Field(None, ge=1)
    away_s: float = Field(1.0, ge=0, le=600)
    stream: Literal["meg"] = "meg"

    @model_validator(mode="after")
    def _check_choice(self) -> ChannelChange:
        if bool(self.without) == (self.keep is not None):
            raise ValueError("a change of channels needs either without = [names] or keep = how many")
        return self

    def named_sensors(self) -> tuple[str, ...]:
        return self.without


Fault = Annotated[
    Drop | Gap | Delay | Jitter | Drift | Nan | Duplicate | Disconnect | ChannelChange, Field(discriminator="kind")
]


class FaultPlan(FiniteSettings):
    """All faults of a rehearsal: a list of [[fault]], each with kind and at, and a seed for what is random.

    Attributes
    ----------
    seed : int
        Of the random numbers.
    fault : tuple of Fault
        Drop, Gap, Delay, Jitter, Drift, Nan, Duplicate, Disconnect or ChannelChange; they act in this order.

    Examples
    --------
    >>> FaultPlan.from_toml("[[fault]]\\nkind = 'gap'\\nat = 2.5").fault[0].seconds
    1.0
    """

    seed: int = Field(0, ge=0, lt=2**32)
    fault: tuple[Fault, ...] = Field((), max_length=1000)

    @classmethod
    def load(cls, path: Path) -> FaultPlan:
        """Read a plan from its TOML file.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        FaultPlan

        Raises
        ------
        ValueError
            In one line, if the file is not a plan of faults.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"{path.name} is not UTF-8 text; a faults file is TOML with [[fault]] sections") from None
        return cls.from_toml(text, path.name)

    @classmethod
    def from_toml(cls, text: str, name: str = "faults file") -> FaultPlan:
        """Read a plan from TOML text; name : what a message calls it."""
        try:
            return cls.model_validate(parse_toml(text, name))
        except ValidationError as error:
            raise ValueError(f"{name}, {_one_line(error)}") from None


def _one_line(error: ValidationError) -> str:
    """A validation error in one line: which fault, which setting, and what it was instead."""
    first: Any = error.errors()[0]
    parts = list(first["loc"])
    where = f"fault {parts[1] + 1}" if len(parts) > 1 and isinstance(parts[1], int) else ""
    where = ", ".join(str(part) for part in [where, *parts[2:]] if part) if where else ".".join(map(str, parts))
    return f"{where}: {error_text(first)}"
