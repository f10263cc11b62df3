"""A cache with room holds what that of transformers holds."""

from __future__ import annotations

import torch
from transformers import DynamicCache, MistralConfig
from transformers.cache_utils import DynamicSlidingWindowLayer

from rtalign.language.networks.roomy_cache import RoomyLayer, roomy_cache

SIZES = [5, 1, 1, 3, 40, 2]


def config(window: int | None = None) -> MistralConfig:
    return MistralConfig(num_hidden_layers=2, sliding_window=window)


def test_keys_and_values_are_those_of_transformers() -> None:
    ours, theirs = roomy_cache(config()), DynamicCache(config=config())
    rooms = set()
    for n in SIZES:
        for layer in (0, 1):
            new = torch.randn(2, 3, n, 8), torch.randn(2, 3, n, 4)
            for found, wanted in zip(ours.update(*new, layer), theirs.update(*new, layer), strict=True):
                assert torch.equal(found, wanted)
        rooms.add(ours.layers[0].keys.data_ptr())
        assert ours.get_seq_length() == theirs.get_seq_length()
    assert len(rooms) < len(SIZES), "not every token is a copy of all"


def test_a_cropped_cache_goes_on_from_where_it_was_cropped() -> None:
    cache, first, second = roomy_cache(config()), torch.randn(1, 2, 6, 4), torch.randn(1, 2, 2, 4)
    cache.update(first, first, 0)
    cache.crop(-3)
    keys, _ = cache.update(second, second, 0)
    assert torch.equal(keys, torch.cat([first[:, :, :3], second], 2))
    taken = cache.layers[0]
    taken.keys, taken.values = taken.keys[:, :, 1:], taken.values[:, :, 1:]
    keys, values = cache.update(second, second, 0)
    assert torch.equal(keys, torch.cat([first[:, :, 1:3], second, second], 2))
    assert torch.equal(keys, values)


def test_layers_that_forget_stay_as_they_are() -> None:
    assert {type(layer) for layer in roomy_cache(config()).layers} == {RoomyLayer}
    assert {type(layer) for layer in roomy_cache(config(4)).layers} == {DynamicSlidingWindowLayer}
