"""The list of models: memory in the precision that is asked for."""

from __future__ import annotations

import pytest

from rtalign.language.loading import list_models, live_words_per_second, measure_live_speed
from rtalign_cli import main
from rtalign_cli.subcommands.models import model_entry, model_lines


def test_memory_depends_on_the_precision(capsys: pytest.CaptureFixture[str]) -> None:
    for entry in list_models():
        if entry.millions:
            assert entry.memory_gb() == pytest.approx(entry.millions * 4e-3)
            assert entry.memory_gb("bfloat16") == pytest.approx(entry.memory_gb() / 2)
            assert entry.memory_gb("int8") == pytest.approx((entry.millions + 3 * entry.vocabulary_millions) * 1e-3)
            assert 0 < entry.vocabulary_millions < entry.millions
    assert main.main(["models", "--precision", "bfloat16"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "pythia-12b" in line)
    assert "23.7 GB" in line


def test_a_model_that_cannot_follow_a_story_is_marked() -> None:
    rows = {row.id: row for row in list_models()}
    small, large = rows["smollm2"], next(row for name, row in rows.items() if "pythia-12b" in name)
    lines = model_lines([small, large], 1e11, 4e9, 1e12, "int8")
    assert [line.split("/s")[1][:1] for line in lines[1:3]] == [" ", "!"]
    assert (
        model_entry(small, 1e11, 4e9, 1e12)["live_words_per_s"]
        > 3
        > model_entry(large, 1e11, 4e9, 1e12)["live_words_per_s"]
    )


def test_a_core_multiplies_weights_at_some_speed() -> None:
    for precision in ("float32", "int8"):
        speed = measure_live_speed(precision, 0.02)
        assert live_words_per_second(1e6, precision, speed) > 100 * live_words_per_second(1e9, precision, speed)
