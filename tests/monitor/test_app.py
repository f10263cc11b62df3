"""The window's application."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtalign.core.session import Session
from rtalign_monitor.app import absolute


def test_a_session_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = absolute(Session(bank=Path("bank"), recording=Path("listener"), speed=2.0))
    assert (session.bank, session.recording, session.out) == (tmp_path / "bank", tmp_path / "listener", None)
    assert session.speed == 2.0
