"""Every test runs with LSL on loopback, no hub, and a cache of its own."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings

from rtalign_monitor.qt_binding import choose_binding
from tests.helpers import lsl_session
from tests.helpers.paths import PYTHONPATH

# Before anything loads liblsl or transformers.
lsl_session.configure()
os.environ["PYTHONPATH"] = PYTHONPATH
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["RTALIGN_SITE"] = os.devnull  # no constant of the machine that tests
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
choose_binding()
os.environ["PYTEST_QT_API"] = os.environ["QT_API"]
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers side by side fill the processor; threads of theirs would only get into each other's way.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# A claim holds however long a busy machine takes over one example.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


FIRST = (
    "tests/integration/test_stream_faults.py",
    "tests/integration/test_train_replay_live_agree.py",
    "tests/integration/test_window_engine.py",
    "tests/streams/player/test_player.py",
    "tests/monitor/start/test_discovery.py",
    "tests/streams/test_lsl.py",
    "tests/streams/player/test_faults.py",
    "tests/sweep/test_processes.py",
)
"""The files that take longest.  Those of live streams mostly wait: the others fill the processor meanwhile."""
WHOLE = {"live_setup", "cli_setup", "real_window"}
"""Fixtures that stand for whole programs: tests that use one are left out of make test-fast."""
WHOLE_FILES = (
    *("tests/integration/", "tests/sweep/", "tests/validation/", "tests/docs/", "tests/engine/process/"),
    *("tests/engine/test_engine", "tests/engine/test_open_session", "tests/engine/recording/test_recorder"),
    *("tests/monitor/start/test_recording_page", "tests/monitor/start/test_discovery", "tests/monitor/engines/"),
    *("tests/monitor/export/test_screenshots", "tests/monitor/export/test_files", "tests/monitor/sound/"),
    *("tests/streams/test_lsl", "tests/streams/player/", "tests/streams/fieldtrip/test_bridge"),
    *("tests/api/test_live", "tests/api/test_readme", "tests/api/test_alignment", "tests/cli/test_extras"),
    *("tests/cli/test_models", "tests/cli/test_doctor", "tests/offline/test_rivals", "tests/offline/test_forced"),
    *("tests/simulation/test_recording", "tests/training/test_controls", "tests/training/test_prepare"),
    *("tests/recordings/formats/test_hostile_files", "tests/recordings/word_tables/test_table"),
    *("tests/language/loading/test_weights", "tests/language/loading/test_hostile_models"),
)
"""Files that start processes, train and score recordings, or read much, likewise."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes whole programs, and put what takes longest first."""
    order = {file: n for n, file in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.nodeid.split("::", 1)[0], len(FIRST)))
    for item in items:
        path = item.path.relative_to(item.config.rootpath).as_posix()
        fixtures = set(getattr(item, "fixturenames", ()))
        if path.startswith(WHOLE_FILES) or fixtures & WHOLE:
            item.add_marker("whole")


def pytest_collection_finish() -> None:
    """What the imports of all tests have made stays: the collector need not look at it again and again."""
    gc.freeze()


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
