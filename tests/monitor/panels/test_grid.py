"""The grid is made of its list of panels; a panel that is forgotten there, or states too little, is an error."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSize
from qtpy.QtGui import QScreen

from rtalign.engine.snapshot import seen_through
from rtalign_monitor.actions.registry import ACTIONS
from rtalign_monitor.engines.two_banks import SecondBank
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.panels import empty_state, grid, panel
from rtalign_monitor.panels.curves import CurvesPanel
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.panels.panel import Panel, PanelSpec
from tests.helpers import snapshots

FOLDER = Path(inspect.getfile(panel)).parent


def test_every_panel_in_the_folder_is_listed() -> None:
    names = [".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in FOLDER.rglob("[!_]*.py")]
    modules = [import_module(f"rtalign_monitor.panels.{name}") for name in names]
    classes = {
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, Panel) and "spec" in vars(kind)
    }
    assert classes == set(grid.PANELS)


def test_a_panel_without_a_spec_is_an_error() -> None:
    with pytest.raises(TypeError, match="Forgetful has no spec"):
        type("Forgetful", (Panel,), {"title": "x", "description": "x", "minimum_size": QSize(1, 1)})
    with pytest.raises(TypeError, match="in_demo"):
        PanelSpec("x", "X", None, place="lower", columns=3, in_turns=True)  # type: ignore[call-arg]


def test_two_panels_of_one_name_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "PANELS", (*grid.PANELS, LadderPanel))
    with pytest.raises(ValueError, match=r"same name or shortcut: ladder, Ctrl\+1"):
        grid.specs()


def test_the_view_menu_is_made_of_the_list() -> None:
    entries = {action.name: action for action in ACTIONS if action.name.startswith("show-")}
    assert list(entries) == ["show-ladder", "show-map", "show-curves", "show-traces", "show-head", "show-transcript",
                             "show-sensors", "show-heads"]  # fmt: skip
    assert [entry.label for entry in entries.values()] == [spec.menu_text for spec in grid.IN_MENU]
    assert [entry.keys for entry in entries.values()] == [(f"Ctrl+{i}",) for i in range(1, 9)]
    assert [entry.separator_before for entry in entries.values()] == [True, *[False] * 7]


def test_a_row_of_panels_fills_twelve_columns() -> None:
    for place in ("upper", "lower", "strip", "bottom"):
        assert sum(spec.columns for spec in grid.SPECS if spec.place == place) == 12
    assert grid.default_sizes("operator") == {
        "upper": [500, 700], "lower": [500, 400, 300], "rows": [480, 250, 150, 132], "columns": [900, 480, 300],
    }  # fmt: skip
    assert grid.default_sizes("demo")["upper"] == [600, 600]


@pytest.mark.parametrize(("height", "scale"), [(400, 1.0), (540, 1.125), (768, 1.6), (2160, 1.6)])
def test_the_type_of_the_demo_view_leaves_room_for_its_panels(height: int, scale: float) -> None:
    screen = SimpleNamespace(size=lambda: QSize(960, height))
    assert grid.demo_scale(cast(QScreen, screen)) == scale


def test_borders_of_another_number_of_rows_are_not_restored(qtbot: QtBot) -> None:
    panels = grid.Grid()
    qtbot.addWidget(panels)
    before = {key.rpartition("/")[0]: state for key, state in panels.layouts().items()}
    panels.resize(900, 900)
    panels.arrange("operator", WindowMemory(hidden=[], layouts=before))
    panels.show()
    assert all(panel.height() > 50 for name, panel in panels.panels.items() if name != "inspector")
    assert [panels.rows.widget(i) for i in (2, 3)] == [panels.panels["heads"], panels.panels["transcript"]]


def test_a_panel_that_is_shown_again_shows_what_the_others_show(qtbot: QtBot) -> None:
    """Also where no new snapshot comes, as in a replay that is paused."""
    panels = grid.Grid()
    qtbot.addWidget(panels)
    memory = WindowMemory(hidden=["curves"])
    panels.arrange("operator", memory)
    panels.show()
    panels.draw(snapshots.snapshot_after(300))
    curves = panels.panel(CurvesPanel)
    assert curves.snapshot is None
    panels.hidden = set()
    panels.show_panels()
    assert curves.snapshot is panels.drawn


def test_a_control_is_shown_in_the_place_of_the_scores_of_all(qtbot: QtBot) -> None:
    """In ladder, map and curves alike, until the switch has gone round; one that waits says for what."""
    view, snapshot = grid.Grid(), snapshots.with_controls(snapshots.snapshot_after(300))
    qtbot.addWidget(view)
    view.arrange("operator", WindowMemory())
    view.show()
    view.draw(snapshot)
    views = [view.panels[name] for name in ("ladder", "map", "curves")]
    seen = []
    for _ in range(4):
        assert len({panel.snapshot.control for panel in views if panel.snapshot}) == 1
        seen.append(next(panel.snapshot.r for panel in views if panel.snapshot))
        view.show_next_control()
    unique = snapshot.controls["nuisances"]
    assert seen[0] is snapshot.r
    assert seen[1] is unique.r
    assert seen[2] is None
    assert seen[3] is snapshot.r
    assert "300 nuisances need 900" in empty_state.scores(seen_through(snapshot, "static twin"))[0]


def test_two_banks_are_compared_by_the_scores_of_all(qtbot: QtBot) -> None:
    view, snapshot = grid.Grid(), snapshots.with_controls(snapshots.snapshot_after(300))
    qtbot.addWidget(view)
    view.arrange("operator", WindowMemory())
    view.control = "nuisances"
    view.panel(LadderPanel).set_second_bank(SecondBank(snapshot, ("a", "b")))
    view.draw(snapshot)
    assert view.drawn is not None
    assert view.drawn.control == ""
