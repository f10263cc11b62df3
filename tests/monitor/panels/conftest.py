"""Fixtures of the panels' tests."""

from __future__ import annotations

import pytest

from tests.helpers.view_pixels import WrittenText, note_texts


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[WrittenText]:
    """Every text that panels write from here on."""
    return note_texts(monkeypatch)
