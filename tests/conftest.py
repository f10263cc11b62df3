"""Every test runs with LSL on loopback, no hub, and a cache of its own."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Before anything loads liblsl or transformers.
os.environ["LSLAPICFG"] = str(ROOT / "rtalign" / "sources" / "loopback.cfg")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
