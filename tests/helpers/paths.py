"""Where the tests find the project and the real recordings."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHONPATH = os.pathsep.join(str(ROOT / folder) for folder in ("", "apps", "offline"))
"""For programs that a test starts: this checkout, whatever is installed."""

SHARED = Path(os.environ.get("RTALIGN_TEST_DATA") or ROOT.parent / "shared" / "data")
"""Named by RTALIGN_TEST_DATA, or shared/data beside the project's folder."""
