"""The list of models: what is here, how to get the rest, and what a story costs."""

from __future__ import annotations

import pytest

from rtalign.language.loading import list_models


def test_every_model_that_is_not_here_has_a_fix():
    entries = list_models()
    assert entries[0].id == "smollm2"
    assert all(entry.fix for entry in entries if entry.folder is None)
    assert all(entry.readable for entry in entries if entry.paper)
    assert sum(entry.paper for entry in entries) == 22


def test_hours_count_the_words_read_again():
    by_id = {entry.id: entry for entry in list_models()}
    short, long = (by_id["EleutherAI/pythia-1b"].hours(n, flops=1e12) for n in (1000, 10_000))
    assert pytest.approx(short) == 1000 * 1.35 * 2 * 1.012e9 / 1e12 / 3600
    assert long == pytest.approx(19 * short)
    both_ways = by_id["google-bert/bert-base-uncased"]
    assert both_ways.hours(1000, 1e12) == pytest.approx(1000 * 1.35 * 51 * 2 * 2 * 110e6 / 1e12 / 3600)
