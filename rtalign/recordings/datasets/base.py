"""Told: what is known of one file of a data set before it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rtalign.recordings.bids_names import entities, label


@dataclass(frozen=True, slots=True)
class Told:
    """A signal file with the tables that speak of it.  asked : the filters that a person gave, such as session 8."""

    file: Path
    table: Path | None
    bads: frozenset[str] = frozenset()
    subject: str | None = None
    asked: Mapping[str, str] | None = None

    @property
    def labels(self) -> dict[str, str]:
        return entities(self.file)

    @property
    def person(self) -> str:
        return self.subject or self.labels.get("sub", "unknown")

    def number(self, key: str) -> int:
        """A label that is a number; 0 where it is none."""
        text = label(self.labels.get(key, ""), key)
        return int(text) if text.isdigit() else 0

    def was_asked(self, what: str, key: str) -> bool:
        """Whether a person named this file's label in a filter."""
        names = str((self.asked or {}).get(what, "")).split(",")
        return label(self.labels.get(key, ""), key) in {label(name, key) for name in names if name.strip()}
