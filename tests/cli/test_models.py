"""The list of models: memory in the precision that is asked for."""

from __future__ import annotations

import pytest

from rtalign.language.loading import list_models
from rtalign_cli import main


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
