"""The core works without the parts that can be left out, and a part that is missing is named with its fix."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from rtalign.streams import lsl
from rtalign_cli.main import EXTRAS, error_line
from tests.helpers.paths import PYTHONPATH, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def libraries(extra: str) -> set[str]:
    requirements = PROJECT["optional-dependencies"][extra]
    return {re.split(r"[<>=\[]", text)[0].replace("-", "_") for text in requirements}


def test_a_missing_part_is_named_with_its_fix() -> None:
    error = ModuleNotFoundError("No module named 'pyqtgraph.Qt'", name="pyqtgraph.Qt")
    assert error_line(error) == "pyqtgraph is not installed; pip install 'rtalign[gui]'"
    named = {extra: {name for name, of in EXTRAS.items() if of == extra} for extra in set(EXTRAS.values())}
    for extra, names in named.items():
        assert libraries(extra) == names - {"dask"}  # which comes with distributed


def test_streams_without_lsl_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(ValueError, match=r"pip install 'rtalign\[live\]'"):
        lsl._pylsl.__wrapped__()


def test_the_core_is_imported_without_any_extra() -> None:
    probe = (
        f"import sys\nfor name in {list(EXTRAS)}: sys.modules[name] = None\n"
        "import rtalign, rtalign.training, rtalign.engine.process.server, rtalign.streams.replay\n"
        "import rtalign.recordings\n"
        "from rtalign_cli.subcommands import demo, live, offline\n"
        "import rtalign_offline\n"
        "for name in rtalign.__all__: getattr(rtalign, name)\n"
    )
    env = {"PYTHONPATH": PYTHONPATH, "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", probe], check=True, env=env)
