"""Every data set is in the list, with an answer to all that is asked of one."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

import pytest

from rtalign.recordings import datasets
from rtalign.recordings.datasets import DATA_SETS, DataSet
from rtalign.recordings.datasets.petit_prince import PetitPrince


def test_every_module_of_a_set_is_in_the_list() -> None:
    modules = [
        import_module(f"{datasets.__name__}.{module.name}") for module in pkgutil.iter_modules(datasets.__path__)
    ]
    classes = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, DataSet) and value is not DataSet
    }
    assert classes == {type(data_set) for data_set in DATA_SETS}


def test_keys_are_different() -> None:
    assert len({data_set.entry.key for data_set in DATA_SETS}) == len(DATA_SETS)


@pytest.mark.parametrize("part", sorted(DataSet.__abstractmethods__))
def test_a_set_that_leaves_a_part_out_cannot_be_made(part: str) -> None:
    """So that importing the registry fails."""
    members = {name: value for name, value in vars(PetitPrince).items() if name != part and not name.startswith("__")}
    incomplete = type("Incomplete", (DataSet,), members)
    with pytest.raises(TypeError, match=part):
        incomplete()
