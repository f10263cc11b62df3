"""The fault matrix has the cells that it should have, and its page names what is red."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from rtalign_offline.faults import live_cells, offline_cells, sender
from rtalign_offline.faults.cells import CELLS
from rtalign_offline.faults.page import write_page


def record(key: str, wrong: list[str]) -> dict[str, Any]:
    counts = {"samples": 3005, "markers": 36, "lost_samples": 0, "lost_markers": 0, "load": 1.0}
    told = f"kept in {Path.home() / 'x'} | y"
    return {"key": key, "wrong": wrong, "status": 0, "again_s": 1.5, "told": told, **counts}


def test_there_are_sixty_cells_with_names_of_their_own() -> None:
    assert len(CELLS) >= 60
    assert len({cell.key for cell in CELLS}) == len(CELLS)
    for cell in CELLS:
        for pattern in cell.told:
            re.compile(pattern)


def test_every_fault_and_every_action_is_known() -> None:
    known = set(re.findall(r'_(?:active|once|faults)\([^)"]*((?:"[^"]+",? ?)+)', inspect.getsource(sender)))
    kinds = {kind for text in known for kind in re.findall(r'"([^"]+)"', text)}
    assert {fault["kind"] for cell in CELLS for fault in cell.plan.get("faults", ())} <= kinds
    for cell in CELLS:
        for _, action in cell.actions:
            assert hasattr(live_cells.CellProcesses, f"_{action.split()[0]}")
    assert {cell.key for cell in CELLS if cell.kind == "file"} == set(offline_cells.FILES)


def test_the_page_names_red_cells_and_no_folder_of_this_machine(tmp_path: Path) -> None:
    records = [record(cell.key, []) for cell in CELLS]
    records[3]["wrong"] = ["12 samples are not in the recording"]
    write_page(tmp_path / "page.md", records)
    text = (tmp_path / "page.md").read_text()
    assert f"{len(CELLS)} cells, {len(CELLS) - 1} green, 1 red" in text
    assert f"- **{CELLS[3].fault}**: 12 samples are not in the recording" in text
    assert text.count("**red**") == 1
    assert "/home" not in text
    assert str(Path.home()) not in text
    assert "kept in x \\| y" in text


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_recording_is_counted_by_the_numbers_in_it(tmp_path: Path, share: float) -> None:
    """A file of which a part is missing, written by hand."""
    import numpy as np

    from rtalign.recordings.xdf import writer

    n = int(200 * share)
    signal = writer.SignalStream("meg", 250.0, ("M1", "COUNT"))
    data = np.stack([np.full(200, np.nan), np.arange(200)], axis=1).astype(np.float32)[:n]
    parts = [writer.file_header({}), writer.signal_header(1, signal, 0.0), writer.text_header(2, "words", 0.0)]
    parts += [writer.numbers(1, data, np.arange(n) / 250, "float32"), writer.texts(2, [("a", 0.1)])]
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "raw.xdf").write_bytes(b"".join(parts))
    stage = live_cells.CellProcesses(CELLS[0], tmp_path, tmp_path, 0)
    stage._sent = {"samples": 200, "markers": 3}
    assert stage._recorded() == (200 - n, 2, 0)
