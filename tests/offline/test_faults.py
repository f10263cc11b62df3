"""The fault matrix has the cells that it should have, and its page names what is red."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign_offline.faults import hour, live_cells, offline_cells, ports, sender
from rtalign_offline.faults.before import BEFORE
from rtalign_offline.faults.cells import BY_KEY, CELLS
from rtalign_offline.faults.page import write_hour, write_page
from tests.helpers.paths import ROOT


def record(key: str, wrong: list[str]) -> dict[str, Any]:
    counts = {"samples": 3005, "markers": 36, "lost_samples": 0, "lost_markers": 0, "load": 1.0}
    told = f"kept in {Path.home() / 'x'} | y"
    return {"key": key, "wrong": wrong, "status": 0, "again_s": (0.5, 1.5), "told": told, **counts}


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
    assert {cell.key for cell in CELLS if cell.kind == "train"} == set(offline_cells.MOMENTS)


def test_a_cell_takes_ports_that_nobody_uses() -> None:
    first = ports.free_ports(0)
    held = ports.held_ports([first + 7])
    try:
        with pytest.raises(OSError, match="in use"):
            ports.held_ports([first + 6, first + 7])
        assert not set(range(first, first + ports.PORTS)) & set(
            range(ports.free_ports(0), ports.free_ports(0) + ports.PORTS)
        )
    finally:
        for one in held:
            one.close()
    assert ports.free_ports(0) == first != ports.free_ports(1)


def test_a_training_is_killed_by_its_own_progress(tmp_path: Path) -> None:
    """What is in its cache says how far it is, not the time."""
    from rtalign.core.storage.tensorfile import TensorFile

    moments, cache, bank = offline_cells.MOMENTS, tmp_path / "cache", tmp_path / "bank"

    def reached() -> list[str]:
        return [key.split(" at ")[1] for key, is_reached in moments.items() if is_reached(cache, bank)]

    assert reached() == []
    for kind in ("activations", "signal"):
        (cache / kind / "a").mkdir(parents=True)
        (cache / kind / "a" / "contents.json").touch()
    assert reached() == ["activations", "signal"]
    (cache / "fits" / "b").mkdir(parents=True)
    work = TensorFile.create(cache / "fits" / "b" / "work.safetensors", {"done": ("uint8", (4,))})
    assert reached() == ["activations", "signal"]
    for n, expected in ((1, ["first lag"]), (2, ["first lag", "half"]), (4, ["first lag", "half", "last lag"])):
        work["done"][:n] = np.uint8(1)
        assert reached() == ["activations", "signal", *expected]
    (tmp_path / "bank.partial-x-1").mkdir()
    (tmp_path / "bank.partial-x-1" / "recipe.toml").touch()
    assert reached()[-1] == "bank"


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


def test_an_output_that_is_closed_takes_no_pipe_from_the_cell_beside(tmp_path: Path) -> None:
    """Cells run side by side in one process: a number that one frees is the next pipe of the other."""
    stage = live_cells.CellProcesses(BY_KEY["output closed"], tmp_path, tmp_path, 0)
    echo = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    pipe = subprocess.PIPE
    stage.command = command = subprocess.Popen(
        [sys.executable, "-c", echo], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    )
    assert command.stdin is not None
    assert command.stdout is not None
    number = command.stdout.fileno()
    stage._read(command.stdout, stage._take_line)
    stage._close("output")
    beside = [os.pipe() for _ in range(8)]
    for _ in range(2):
        command.stdin.write('{"phase": "running"}\n')
        command.stdin.flush()
        stage._readers[0].join(20)  # it ends once the first line has come
    command.stdin.close()
    assert command.wait(20) in (1, 120), "its pipe is broken, at a line or once more at its end"
    stage.close()
    assert number not in np.ravel(beside)
    for read, write in beside:
        os.write(write, b"of the other")
        assert os.read(read, 100) == b"of the other"
        os.close(read)
        os.close(write)


def test_what_was_found_before_has_a_cell_or_a_test() -> None:
    for found in BEFORE:
        file, _, name = found.now.partition("::")
        assert found.now in BY_KEY or f"def {name}(" in (ROOT / file).read_text()


def test_the_faults_of_the_hour_are_drawn_evenly_and_leave_every_process_time() -> None:
    drawn = hour.draw(119, seed=0)
    assert drawn == hour.draw(119, seed=0) != hour.draw(119, seed=1)
    counts = [drawn.count(cell) for cell in CELLS if hour.is_drawn(cell)]
    assert max(counts) - min(counts) <= 1
    for k, cell in enumerate(drawn):
        before = {name for other in drawn[max(k - hour.APART, 0) : k] for name in hour.killed_by(other)}
        assert not before & set(hour.killed_by(cell))
    axes = {cell.axis for cell in drawn}
    assert {"time stamps", "values", "a stream that returns", "clock of the words", "markers", "processes"} <= axes


def test_the_hour_is_one_cell_whose_faults_lie_where_they_were_drawn() -> None:
    cells = [BY_KEY[key] for key in ("clock back", "engine killed", "command killed", "flood", "recorder killed")]
    cell = hour.hour_cell(cells)
    clock, flood = cell.plan["faults"]
    assert (clock["at"], clock["seconds"]) == (hour.FIRST_S + 4.0, hour.LASTS_S)
    assert flood["at"] == hour.FIRST_S + 3 * hour.EVERY_S + 4.0
    assert [at - hour.FIRST_S for at, _ in cell.actions] == [30.0, 60.0, 120.0]
    assert [action for _, action in cell.actions] == ["kill engine", "restart command", "kill recorder"]
    assert (cell.status, cell.may_lose) == (1, "samples")
    assert hour.hour_cell(cells[:3]).status == 0, "the command that ends has lost nothing"


def test_growth_has_its_error_and_a_level_for_each_process() -> None:
    rng = np.random.default_rng(0)
    times = np.arange(0, 1800, 10.0)

    def grown(level: float, mb_a_minute: float) -> list[tuple[float, float]]:
        noise = rng.standard_normal(len(times))
        return [(t, level + mb_a_minute * t / 60 + e) for t, e in zip(times, noise, strict=True)]

    for truth in (0.0, 2.0):
        growth, error = hour.slope([grown(100, truth), grown(900, truth)])
        assert abs(growth - truth) < 4 * error < 0.2
    assert hour.slope([[(0.0, 100.0), (10.0, 200.0)]]) == (0.0, float("inf"))
    assert hour.slope([]) == (0.0, float("inf"))


def test_growth_is_that_of_processes_that_have_seen_each_fault() -> None:
    cells = hour.draw(116, seed=0)
    n = hour.settled_after(cells)
    kills = [k for k, cell in enumerate(cells) if hour.killed_by(cell)]
    assert n < 90, "a quarter of the hour is left"
    assert {cell.key for cell in cells[kills[-1] + 1 : n]} == {cell.key for cell in cells if not hour.killed_by(cell)}
    ended, lives = [(0.0, 1.0), (60.0, 2.0)], [(50.0, 3.0), (100.0, 4.0), (130.0, 6.0)]
    assert hour.since(90.0, [ended, lives]) == [lives[1:]]
    assert hour.by_minute(lives, 40.0) == {0: 3.0, 1: 5.0}


def test_another_engine_has_scored_when_its_number_of_words_changes(tmp_path: Path) -> None:
    """The first line after a kill may still be of the engine that was killed."""
    stage = live_cells.CellProcesses(BY_KEY["engine killed"], tmp_path, tmp_path, 0)
    counts = [(1.0, 80), (2.0, 86), (3.0, 86), (4.0, 86), (5.0, 0), (6.0, 40), (7.0, 43)]
    stage._lines = [(at, {"phase": "running", "scored": n}) for at, n in counts]
    assert stage._scored_after(1.5, by_another=True) == (3.5, 4.5)
    assert stage._scored_after(1.5, by_another=False) == (0.0, 0.5)
    assert stage._scored_after(6.5, by_another=True) == (0.5, None)


@pytest.mark.parametrize(
    ("again", "late"),
    [((4.9, 5.9), False), ((4.9, 6.2), False), ((5.1, 5.9), True), ((4.9, 7.1), True), ((0.0, None), True)],
)
def test_a_word_came_too_late_where_a_line_behind_the_time_had_none(again: tuple[float, Any], late: bool) -> None:
    assert live_cells.is_late(again, 5.0) == late


def test_holes_within_a_recording_are_counted_and_those_between_two_are_not() -> None:
    assert hour.holes_within([range(5), range(9, 20), []]) == 0
    assert hour.holes_within([[0, 1, 4, 4, 5]]) == 2


def test_the_section_of_the_hour_is_replaced_and_outlives_the_matrix(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    found = {
        "wrong": [], "status": 1, "samples": 10, "markers": 2, "lost_samples": 1, "lost_markers": 0, "load": 1.0,
        "seed": 3, "cells": ["flood", "flood"], "again": [[0.1, 1.0], [28.0, None]], "holes": 0, "files": 2,
        "seconds": 120.0, "settled_min": 1.0, "memory": {"engine": [450.0, 0.01, 0.02], "standby": [9.0, 0.0, np.inf]},
        "minutes": {"engine": [{"0": 440.0, "1": 450.0}]},
    }  # fmt: skip
    records = [record(cell.key, []) for cell in CELLS]
    write_page(page, records)
    write_hour(page, found | {"seed": 1})
    write_hour(page, found)
    write_page(page, records)
    text = page.read_text()
    assert text.count("## A fault every half minute") == 1
    assert "(seed 3): green. Exit status 1" in text
    assert "| engine | 450 MB | 0.01 ± 0.02 MB |" in text
    assert "| standby | 9 MB | - |" in text
    assert "| engine | 0 | 440.0 450.0 |" in text
    assert "| 10,000 markers within a second | 2 | not before the next fault | not before the next fault |" in text
