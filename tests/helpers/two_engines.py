"""Two fake engines that replay one recording with two banks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from rtalign.core.session import Session
from rtalign_monitor.engines.link import EngineLink
from rtalign_monitor.engines.second_engine import BankComparison
from tests.helpers import snapshots
from tests.helpers.window import FakeEngine


class FakeReplay(FakeEngine):
    """An engine in the middle of a recording."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.newest = dataclasses.replace(snapshots.snapshot_after(300), position_s=5.0, end_s=60.0, speed=1.0)


class ComparedEngines:
    """A fake engine and a second one that is compared with it.

    notices : what the user was told, and whether it described something in progress.
    """

    def __init__(self, live_setup: Path) -> None:
        self.engines: list[FakeReplay] = []
        self.notices: list[tuple[str, bool]] = []
        self.link = EngineLink(self._begin)
        self.comparison = BankComparison(self.link, self._begin, lambda *notice: self.notices.append(notice))
        self.session = Session(
            bank=live_setup / "bank", recording=live_setup / "listener", model=str(live_setup / "model"),
            record=live_setup / "kept", publish=True, out=live_setup / "out",
        )  # fmt: skip
        self.link.start(self.session)

    def _begin(self, session: Session) -> FakeReplay:
        self.engines.append(FakeReplay(session))
        return self.engines[-1]
