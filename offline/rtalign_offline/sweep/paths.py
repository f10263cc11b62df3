"""The folders of a sweep, which every one of its processes shares."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from rtalign_offline.sweep.journal import Journal
from rtalign_offline.sweep.plan import Plan


class SweepPaths(NamedTuple):
    """The folders of a sweep, as text that can be sent to a worker.

    folder : of the sweep; store : the cache of signals, moments and activations; plan : name of the plan's file.
    """

    folder: str
    store: str
    plan: str

    @property
    def home(self) -> Path:
        return Path(self.folder)

    @property
    def cache(self) -> Path:
        return Path(self.store)

    @property
    def journal_folder(self) -> Path:
        """Of this plan alone: the folder may hold the work of others."""
        return self.home / "journal" / Path(self.plan).stem

    @property
    def journal(self) -> Journal:
        return Journal(self.journal_folder)


@lru_cache(maxsize=4)
def load_plan(paths: SweepPaths) -> Plan:
    """The sweep's plan, read once a process."""
    return Plan.model_validate_json((paths.home / paths.plan).read_text(encoding="utf-8"))
