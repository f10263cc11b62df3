"""Every test runs with LSL on loopback, no hub, and a cache of its own."""

from __future__ import annotations

import os
from pathlib import Path

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
