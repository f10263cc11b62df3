"""The lines of the README that use the library run as they stand, on a simulated listener."""

from __future__ import annotations

import os
import re
from pathlib import Path

import matplotlib as mpl
import pytest

from tests.helpers.paths import ROOT


def test_the_readmes_notebook_runs(live_setup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tiny model and few draws in place of the packaged one."""
    from matplotlib import pyplot

    mpl.use("Agg")
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    os.symlink(live_setup / "listener", "listener")
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found
    settings = f'model="{live_setup / "model"}", recipe="{live_setup / "recipe.toml"}"'
    code = found[1].replace('model="smollm2", layers=9, lags=(-0.2, 0.8, 0.02)', settings)
    assert code != found[1]
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    exec(compile(code, "README.md", "exec"), {})
    pyplot.close("all")
    assert (tmp_path / "ladder.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "notebook-bank" / "report.html").is_file()
