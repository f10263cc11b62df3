"""Classic models: read in pieces as at once."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch

from rtalign.core.progress import Progress
from rtalign.core.recipe import LanguageRecipe
from rtalign.language import Reading, growing_context, load
from rtalign_offline import SmallModelSettings, train_language_model
from tests.helpers.tiny_models import STORY, assert_same

WORDS = STORY[:24]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trains each kind of classic model for a moment; returns its folder."""
    folder = tmp_path_factory.mktemp("classic")
    (folder / "story.txt").write_text(" ".join(STORY * 20))
    made = {}

    def train(kind):
        if kind not in made:
            made[kind] = folder / kind
            settings = SmallModelSettings(kind, layers=2, dim=32, memory=24, vocabulary=300, steps=30)
            train_language_model([folder / "story.txt"], made[kind], settings, Progress(quiet=True))
        return made[kind]

    return train


@pytest.mark.parametrize("kind", ["lstm", "gru", "memory"])
def test_a_classic_model_read_in_pieces_is_read_whole(kind, trained, monkeypatch):
    monkeypatch.setattr(growing_context, "BLOCK", 20)
    language = load(str(trained(kind)))
    network, cut = language._network._model, language._tokenizer.all_words(WORDS)
    ids = [0, *(token for word in cut for token in word)]
    with torch.no_grad():
        hidden, state, steps = None, None, []
        for token in ids:
            found, state = network(torch.tensor([[token]]), state)
            steps.append(torch.stack(found)[:, 0, 0])
    hidden = torch.stack(steps, 1).numpy()
    cost = -torch.log_softmax(network.head(torch.tensor(hidden[-1])).detach(), 1).numpy()
    ends = np.cumsum([1] + [len(word) for word in cut])
    # Of so small a vocabulary, many words begin with a token that is a space and nothing else.
    own = [np.arange(a, b)[list(word.written)] for (a, b), word in zip(pairwise(ends), cut, strict=True)]
    assert sum(map(len, own)) < sum(map(len, cut))
    states = np.array([hidden[:, rows].mean(1) for rows in own])
    costs = [sum(cost[k - 1, ids[k]] for k in rows) for rows in own]
    reading = language.encode(WORDS, LanguageRecipe(punctuation="in"), [0, 1, 2])
    assert_same(reading, states, np.array([np.nan, *costs[1:]]))
    live = language.reader(LanguageRecipe(punctuation="in"), [0, 1, 2])
    assert_same(Reading.join([live.push(word) for word in WORDS]), states, reading.surprisal)
    window = language.encode(WORDS, LanguageRecipe(context="window:5", punctuation="in"), [0, 1, 2])
    with torch.no_grad():
        alone, _ = network(torch.tensor([[0, *(token for word in cut[8:14] for token in word)]]))
    mean = torch.stack(alone)[:, 0, -len(cut[13]) :][:, list(cut[13].written)].mean(1)
    np.testing.assert_allclose(window.activations[13], mean, rtol=1e-4, atol=1e-5)


def test_recurrent_layers_are_those_of_torch(trained):
    """The same weights in a plain torch LSTM over the whole text."""
    network = load(str(trained("lstm")))._network._model
    ids = torch.arange(40)[None]
    whole = torch.nn.LSTM(32, 32, num_layers=2, batch_first=True)
    weights = {f"{name[:-1]}{k}": part for k in range(2) for name, part in network.layers[k].state_dict().items()}
    whole.load_state_dict(weights)
    with torch.no_grad():
        torch.testing.assert_close(network(ids)[0][-1], whole(network.embedding(ids))[0])


def test_memory_reaches_exactly_as_far_as_stated(trained):
    """Two layers that look back 24 tokens see 48 between them."""
    network = load(str(trained("memory")))._network._model
    ids = torch.arange(80)[None] + 5
    with torch.no_grad():
        base = network(ids)[0][-1][0, -1]
        seen = [
            not torch.allclose(base, network(with_another_token(ids, 79 - back))[0][-1][0, -1], atol=1e-7)
            for back in (5, 40, 49)
        ]
    assert seen == [True, True, False]


def with_another_token(ids, place):
    changed = ids.clone()
    changed[0, place] = 1
    return changed


def test_a_damaged_classic_folder_is_refused(trained, tmp_path):
    folder = shutil.copytree(trained("gru"), tmp_path / "gru")
    shape = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(shape | {"hidden_size": 64}))
    with pytest.raises(ValueError, match=r"do not fit its config\.json"):
        load(str(folder))
    (folder / "config.json").write_text(json.dumps(shape | {"hidden_size": 4096}))
    with pytest.raises(ValueError, match=r"describes [\d,]+ weights and its file has"):
        load(str(folder))
    (folder / "config.json").write_text(json.dumps(shape | {"hidden_size": 2**22}))
    with pytest.raises(ValueError, match="hidden_size"):
        load(str(folder))
    (folder / "config.json").write_text(json.dumps(shape | {"heads": 3}))
    with pytest.raises(ValueError, match=r"config\.json, heads: there is no such setting"):
        load(str(folder))
