"""The examples of the site run as they stand, with a tiny model in place of the packaged one."""

from __future__ import annotations

import os
import re
from pathlib import Path

import matplotlib as mpl
import pytest

from rtalign_cli import main
from rtalign_offline.sweep.plan import Plan
from tests.helpers.paths import ROOT

EXAMPLES = sorted((ROOT / "docs" / "gallery").glob("plot_*.py"))


@pytest.fixture(scope="module")
def folder(live_setup: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run one after the other, as when the site is built, with a listener already there."""
    made = tmp_path_factory.mktemp("examples")
    os.symlink(live_setup / "listener", made / "listener")
    recipe = (live_setup / "recipe.toml").read_text("utf-8")
    (made / "recipe.toml").write_text(recipe.replace("step_s = 0.05", "step_s = 0.2"), "utf-8")
    return made


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example: Path, folder: Path, live_setup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import pyplot

    mpl.use("Agg")
    monkeypatch.setenv("RTALIGN_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr("subprocess.run", in_this_process)
    # Even both of the short runs have fewer words than nuisances want.
    monkeypatch.setattr("rtalign.decoding.controls.nuisance_basis.WORDS_PER_COLUMN", 1)
    exec(compile(quick(example.read_text(encoding="utf-8"), live_setup), example.name, "exec"), {})
    pyplot.close("all")


def in_this_process(command: list[str], check: bool) -> None:
    """A sweep starts processes, which tests/integration/test_sweep_whole.py does; here its plan is read."""
    assert check
    assert command[0] == "rtalign"
    if command[1] == "sweep":
        assert len(Plan.load(Path(command[2])).jobs()) == 2
        Path(command[4]).mkdir()
    else:
        assert main.main(command[1:]) == 0


def quick(code: str, live_setup: Path) -> str:
    """The same lines with the model and the recipe of the tests of the live side."""
    model = f'model="{live_setup / "model"}"'
    code = re.sub(r'model="smollm2", layers=\d, lags=\([^)]*\)', f'{model}, recipe="recipe.toml"', code)
    code = re.sub(r'model="smollm2", layers=\d', f'{model}, layers=[0, 1, 2], context="growing:60"', code)
    code = code.replace('"listener", run="01", controls', '"listener", controls')
    code = code.replace("smollm2,smollm2:static", f"{live_setup / 'model'},{live_setup / 'model'}:static")
    code = code.replace('bank="bank", recording', f'bank="bank", {model}, recording').replace('"5"\n', '"0,1,2"\n')
    return code


def test_every_example_is_short_and_says_what_it_shows() -> None:
    assert len(EXAMPLES) == 5
    for example in EXAMPLES:
        lines = example.read_text(encoding="utf-8").splitlines()
        assert sum(bool(line) and not line.startswith("#") for line in lines) <= 45, example.name
