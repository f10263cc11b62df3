"""Every test runs with LSL on loopback, no hub, and a cache of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings

from tests.helpers import lsl_session
from tests.helpers.paths import PYTHONPATH

# Before anything loads liblsl or transformers.
lsl_session.configure()
os.environ["PYTHONPATH"] = PYTHONPATH
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers side by side fill the processor; threads of theirs would only get into each other's way.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# A claim holds however long a busy machine takes over one example.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


DISCOVERY = "tests/monitor/start/test_discovery.py"
STREAMS = ("tests/integration/test_stream_faults.py", "tests/integration/", "tests/streams/", DISCOVERY)
"""Tests that keep time with live streams: they mostly wait, so they begin first; what begins alike runs one by one,
in one worker."""
WHOLE = {"live_setup", "cli_setup", "real_window"}
"""Fixtures that stand for whole programs: tests that use one are left out of make test-fast."""
WHOLE_FILES = ("tests/integration/", "tests/sweep/", "tests/engine/process/", "tests/monitor/start/test_recording_page")
"""Files that start processes of their own, likewise."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep each file with one worker, and streams of a kind together.

    Why not marks of xdist_group: xdist 3.8 writes the group into an attribute that pytest 9.2 no longer reads.
    """
    from xdist.scheduler import LoadScopeScheduling

    class FileScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return next((start for start in STREAMS if file.startswith(start)), file)

    config.option.loadscopereorder = False  # else files of few tests come last, and those are the ones that wait
    return FileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes whole programs, and put what waits first."""
    items.sort(key=lambda item: next((n for n, start in enumerate(STREAMS) if item.nodeid.startswith(start)), 9))
    for item in items:
        path = item.path.relative_to(item.config.rootpath).as_posix()
        fixtures = set(getattr(item, "fixturenames", ()))
        if path.startswith(WHOLE_FILES) or fixtures & WHOLE:
            item.add_marker("whole")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Threads only get into each other's way in a network as small as those of the tests."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Each kind of language model's folder, written when first asked for."""
    from tests.helpers.tiny_models import write_model

    made: dict[Any, str] = {}

    def folder(kind: str, **changes: Any) -> str:
        name = (kind, *sorted(changes.items()))
        if name not in made:
            made[name] = write_model(tmp_path_factory.mktemp(kind), kind, **changes)
        return made[name]

    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A small world, learned once for all workers: a folder with its bank, its recording, its model."""
    from rtalign.core.progress import Progress
    from rtalign.training.trainer import train
    from tests.helpers.small_world import small_recipe, world

    recording, model = world()

    def make(folder: Path) -> None:
        train([recording], model, small_recipe(), folder / "bank", Progress(quiet=True), store=folder / "cache")

    return made_once(tmp_path_factory, "trained", make), recording, model


@pytest.fixture(scope="session")
def live_setup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated listener with a bank, for all tests of the live side: see tests/helpers/live_setup.py."""
    from tests.helpers.live_setup import create

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RTALIGN_CACHE", str(folder / "cache"))
            create(folder)

    return made_once(tmp_path_factory, "live_setup", make)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first worker of pytest-xdist to ask for it fills, while the others wait."""
    root = factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / name
    with FileLock(f"{folder}.lock"):
        if not (folder / "made").exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            (folder / "made").touch()
    return folder


@pytest.fixture
def scene(qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A window over made-up engines; what it would show of files is noted instead.  See scenes.py."""
    from rtalign_monitor import memory
    from rtalign_monitor.export import exporter
    from tests.helpers.window import Scene

    made = Scene(qtbot, tmp_path)
    monkeypatch.setattr(memory, "output_folder", lambda: tmp_path / "home")
    monkeypatch.setattr(exporter, "open_path", made.opened.append)
    return made


@pytest.fixture
def real_window(qtbot: Any, live_setup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A window over real engines."""
    from rtalign_monitor import memory
    from tests.helpers.window import RealWindow

    monkeypatch.setattr(memory, "output_folder", lambda: tmp_path / "home")
    made = RealWindow(qtbot, live_setup, tmp_path)
    yield made
    made.close()


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the start dialog finds, scripted.  See dialogs.py."""
    from rtalign_monitor.start import dialog
    from rtalign_monitor.start.discovery import Discovery
    from tests.helpers.fake_network import FakeNetwork

    made = FakeNetwork()
    monkeypatch.setattr(dialog, "Discovery", lambda: Discovery(made.backend))
    return made


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """For four sensors; its weights are zeros."""
    from tests.helpers import bank_folders

    return bank_folders.write(tmp_path / "banks" / "four", bank_folders.helmet(4))
