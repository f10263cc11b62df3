"""The real recordings that tests read: in RTALIGN_TEST_DATA, or in shared/data next to the folder of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.paths import SHARED

FOLDER = SHARED
CTF = FOLDER / "ctf275_dccn_human" / "testdata_ctf_short_discontinuous.ds"
MEGIN = FOLDER / "neuromag306_sample_human" / "neuromag306_sample_5s_raw.fif"
XDF = FOLDER / "xdf"


def real(path: Path) -> Path:
    """The path, or the test is skipped and says what it lacks."""
    if not path.exists():
        pytest.skip(f"the test data {path.name} is not here (RTALIGN_TEST_DATA names their folder)")
    return path
