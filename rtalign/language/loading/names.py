"""What a model's name says: the model itself, its untrained twin, its static vectors, or no model at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

CONTROL = re.compile(r"(?P<base>.+?):(?P<what>untrained|static)(:(?P<seed>\d{1,9}))?")
RANDOM = re.compile(r"random:(?P<dim>\d{1,5})(:(?P<seed>\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class Name:
    """A name, taken apart.  base: the name of a model, or the dimensions of the random control."""

    base: str
    what: Literal["model", "untrained", "static", "random"] = "model"
    seed: int = 0

    def __str__(self) -> str:
        whole = {"model": self.base, "random": f"random:{self.base}"}.get(self.what, f"{self.base}:{self.what}")
        return whole if not self.seed else f"{whole}:{self.seed}"


def parse(name: str) -> Name:
    """The parts of a name.  Raises ValueError for a control that cannot be."""
    if found := RANDOM.fullmatch(name):
        if not 2 <= int(found["dim"]) <= 16384:
            raise ValueError(f"{name!r}: a random control has 2 to 16384 dimensions")
        return Name(found["dim"], "random", int(found["seed"] or 0))
    if found := CONTROL.fullmatch(name):
        if found["what"] == "static":
            if found["seed"]:
                raise ValueError(f"{name!r}: static vectors are not drawn and take no seed; say {found['base']}:static")
            return Name(found["base"], "static")
        return Name(found["base"], "untrained", int(found["seed"] or 0))
    return Name(name)
