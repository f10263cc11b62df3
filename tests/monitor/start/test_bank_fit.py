"""What is known of a bank, and whether it fits a signal."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtalign.core.recipe import ChainRecipe
from rtalign.signal.chain import ChainDesign
from rtalign_monitor.start.bank_fit import differences, rate_problem, read_bank
from tests.helpers import bank_folders


def test_a_bank_is_summarised_in_a_line(bank: Path) -> None:
    line = read_bank(bank).summary
    for part in (
        "smollm2",
        "growing to 1,000",
        "2 of 31 layers",
        "4 axial sensors",
        "3,109 words",
        "R 0.062",
        "layer 9",
    ):
        assert part in line


def test_a_bank_without_a_readable_summary_is_still_a_bank(bank: Path) -> None:
    (bank / "summary.json").write_text("{")
    assert "best R" not in read_bank(bank).summary


@pytest.mark.parametrize("sfreq", [40.0, 50.0, 75.0, 99.9, 100.0, 101.0, 160.0, 250.0, 600.0, 1200.0])
@pytest.mark.parametrize("lowest", [50.0, 100.0, 200.0])
@pytest.mark.parametrize("edge", [10.0, 20.0, 40.0])
def test_a_rate_is_too_low_where_the_signal_chain_refuses_it(sfreq: float, lowest: float, edge: float) -> None:
    recipe = ChainRecipe(min_rate_hz=lowest, lowpass_hz=edge)
    try:
        ChainDesign(recipe, sfreq)
        refused = False
    except ValueError:
        refused = True
    assert bool(rate_problem(recipe, sfreq)) == refused


def test_differences_are_given_as_texts(bank: Path) -> None:
    info = read_bank(bank)
    assert differences(info, bank_folders.helmet(4), 1200.0) == []
    assert differences(info, bank_folders.helmet(9), 1200.0) == []
    assert differences(info, bank_folders.helmet(3), 1200.0) == ["the bank expects 4 sensors; MLC14 is not there"]
    (other,) = differences(info, bank_folders.helmet(4, "mag"), 1200.0)
    assert other == "MLC11 is mag here and axial in the bank"
    (slow,) = differences(info, bank_folders.helmet(4), 60.0)
    assert "100 Hz or more; this signal has 60 Hz" in slow
