"""The recorder says that a place cannot be written to before anything comes that would be lost there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtalign.core.session import Session
from rtalign.engine.process import recorder_server
from rtalign.engine.process.recorder_server import RecorderServer


class NoStreams:
    """Nothing comes."""

    names = ("", "")

    def __init__(self, polls: int, stop: Any) -> None:
        self.polls, self.stop = polls, stop

    def poll(self, _: float) -> list[Any]:
        self.polls -= 1
        if self.polls <= 0:
            self.stop.set()
        return []

    def close(self) -> None: ...


class Reports(list[dict[str, Any]]):
    def send_newest(self, status: dict[str, Any], last: bool = False) -> None:
        self.append(status | {"last": last})


class NoOrders(recorder_server.Orders):
    def _work(self, stream: Any) -> None: ...


@pytest.mark.parametrize("place", ["removed", "a file", "sound"])
def test_a_place_that_cannot_be_written_to_is_told_before_anything_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(recorder_server, "CHECK_S", 0.0)
    monkeypatch.setattr(recorder_server, "STATUS_S", 0.0)
    under = tmp_path / "kept"
    if place == "a file":
        under.write_text("")
    if place == "removed":
        (tmp_path / "file").write_text("")
        under = tmp_path / "file" / "kept"
    orders, reports = NoOrders(None), Reports()  # type: ignore[arg-type]
    source: Any = NoStreams(3, orders.stop)
    RecorderServer(Session(record=under), source, reports, orders).run()  # type: ignore[arg-type]
    assert [status["silent_s"] for status in reports] == [None] * len(reports), "nothing came"
    assert [bool(status["problem"]) for status in reports[1:]] == [place != "sound"] * (len(reports) - 1)
    assert not list(tmp_path.rglob("raw.xdf"))
