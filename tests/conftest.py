"""Every test runs with LSL on loopback, no hub, and a cache of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Before anything loads liblsl or transformers.
os.environ["LSLAPICFG"] = str(ROOT / "rtalign" / "sources" / "loopback.cfg")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See desks.py; made once for all tests of the live side."""
    import desks

    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RTALIGN_CACHE", str(folder / "cache"))
        return desks.lay(folder)


@pytest.fixture
def scene(qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A window over made-up engines; what it would show of files is noted instead.  See scenes.py."""
    from scenes import Scene

    from apps import outgoing, remember

    made = Scene(qtbot, tmp_path)
    monkeypatch.setattr(remember, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(outgoing, "show", made.opened.append)
    return made


@pytest.fixture
def sitting(qtbot: Any, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A window over real engines."""
    from scenes import Sitting

    from apps import remember

    monkeypatch.setattr(remember, "home", lambda: tmp_path / "home")
    made = Sitting(qtbot, desk, tmp_path)
    yield made
    made.close()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the start dialog finds, scripted.  See dialogs.py."""
    from dialogs import Network

    from apps import start
    from apps.discovery import Discovery

    made = Network()
    monkeypatch.setattr(start, "Discovery", lambda: Discovery(made.layer))
    return made


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """For four sensors; its weights are zeros."""
    import banks

    return banks.write(tmp_path / "banks" / "four", banks.helmet(4))
