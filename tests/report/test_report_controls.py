"""The section on rival explanations: there only where a control was asked for, and plain about what is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtalign.report.page import write_page
from tests.helpers.report_folders import make_folder


def page(folder: Path, controls: dict[str, Any], n_columns: int = 27) -> str:
    make_folder(folder, whole=False)
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    for control in controls.values():
        control.setdefault("layers", summary["layers"])
        control |= {"r": summary["r"], "groups": {"timing": n_columns, "<b>sly</b>": 1}}
    path.write_text(json.dumps(summary | {"controls": controls}))
    return write_page(folder).read_text()


def test_without_a_control_there_is_no_section(tmp_path: Path) -> None:
    assert "What else could this be?" not in page(tmp_path, {})


def test_a_ladder_that_is_lost_is_said_to_be(tmp_path: Path) -> None:
    text = page(tmp_path, {"nuisances": {"temporal_score_reason": "0 of 9 layers have a peak"}})
    assert "What else could this be?" in text
    assert "has no unique one beside it: 0 of 9 layers have a peak" in text
    assert "Not controlled: the sound itself" in text
    assert "<b>sly" not in text


@pytest.mark.parametrize("n_columns", [27, 2000])
def test_too_few_words_for_the_nuisances_are_said_to_be(tmp_path: Path, n_columns: int) -> None:
    text = page(tmp_path, {"nuisances": {}}, n_columns)
    assert ("few words for so many columns" in text) == (n_columns == 2000)


def test_a_control_whose_layers_are_out_of_order_is_refused(tmp_path: Path) -> None:
    layer = {"index": 3, "depth": 0.1, "status": "below null", "peak_r": 0.1}
    with pytest.raises(ValueError, match="order of depth"):
        page(tmp_path, {"nuisances": {"layers": [layer, layer]}})
