"""Bidirectional, classic and control models: what each word is read with, and what each control holds still."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import Reading, growing_context, load
from rtalign.language.loading import parse_model_name
from rtalign_cli.main import main
from tests.helpers.tiny_models import STORY, assert_same, drawn, tokenizer, write

WORDS = STORY[:24]


def both_ways(folder, kind):
    """A tiny BERT or RoBERTa with a word-piece vocabulary of its own."""
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    core.train_from_iterator(
        STORY, trainers.WordPieceTrainer(vocab_size=150, special_tokens=special, show_progress=False)
    )
    parts = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=core, mask_token="[MASK]", **parts)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=len(fast), pad_token_id=0, max_position_embeddings=64, **shape
    )
    network = drawn(transformers.AutoModelForMaskedLM, config)
    network.save_pretrained(folder)
    fast.save_pretrained(folder)
    return str(folder), network.eval(), fast


@torch.no_grad()
def read_alone(network, tokenizer, words, bos=True):
    """States and pseudo-surprisal of the last word, from passes over these words alone."""
    found = tokenizer(" ".join(words), add_special_tokens=False, return_offsets_mapping=True)
    start = len(" ".join(words[:-1]))
    own = [k + bos for k, (_, b) in enumerate(found["offset_mapping"]) if b > start]
    ids = [2, *found["input_ids"], 3] if bos else found["input_ids"]
    hidden = torch.stack(network(torch.tensor([ids]), output_hidden_states=True).hidden_states)[:, 0]
    masked = torch.tensor([[4 if k in own else token for k, token in enumerate(ids)]])
    cost = -torch.log_softmax(network(masked).logits[0], 1)
    surprisal = sum(float(cost[k, ids[k]]) for k in own) if len(words) > 1 else np.nan
    return hidden[:, own].mean(1)[None].numpy(), np.array([surprisal])


@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_bidirectional_model_sees_the_word_and_what_precedes_it_alone(kind, bos, tmp_path):
    folder, network, fast = both_ways(tmp_path / kind, kind)
    language = load(folder)
    assert language.info.n_layers == 3
    how = LanguageRecipe(context="window:4", bos=bos)
    reading = language.encode(WORDS, how, [0, 1, 2])
    live = language.reader(how, [0, 1, 2])
    assert_same(Reading.join([live.push(word) for word in WORDS]), reading.activations, reading.surprisal)
    for index in (0, 2, 4, 5, 23):
        one = Reading(reading.activations[[index]], reading.surprisal[[index]], reading.n_tokens[[index]])
        assert_same(one, *read_alone(network, fast, WORDS[max(index - 4, 0) : index + 1], bos))


def test_a_context_that_cannot_grow_is_a_window_and_says_so(tmp_path):
    language = load(both_ways(tmp_path / "tiny", "bert")[0])
    said = language.context_warning(LanguageRecipe(context="growing:1000"))
    assert said == "tiny is bidirectional and its context cannot grow; growing:1000 is read as window:50"
    grown = language.encode(WORDS[:9], LanguageRecipe(context="growing:5"), [2])
    slid = language.encode(WORDS[:9], LanguageRecipe(context="window:4"), [2])
    np.testing.assert_array_equal(grown.activations, slid.activations)
    live = language.reader(LanguageRecipe(context="growing:5"), [2])
    assert_same(Reading.join([live.push(word) for word in WORDS[:9]]), slid.activations, slid.surprisal)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Classic models that were trained for a moment by the shipped script."""
    folder = tmp_path_factory.mktemp("classic")
    (folder / "story.txt").write_text(" ".join(STORY * 20))
    made = {}

    def train(kind):
        if kind not in made:
            made[kind] = folder / kind
            options = ["--dim", "32", "--layers", "2", "--steps", "30", "--memory", "24", "--vocabulary", "300"]
            told = [
                "train-lm",
                str(folder / "story.txt"),
                "--kind",
                kind,
                "--out",
                str(made[kind]),
                *options,
                "--quiet",
            ]
            assert main(told) == 0
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
    states = np.array([hidden[:, a:b].mean(1) for a, b in pairwise(ends)])
    costs = [sum(cost[k - 1, ids[k]] for k in range(a, b)) for a, b in pairwise(ends)]
    reading = language.encode(WORDS, LanguageRecipe(), [0, 1, 2])
    assert_same(reading, states, np.array([np.nan, *costs[1:]]))
    live = language.reader(LanguageRecipe(), [0, 1, 2])
    assert_same(Reading.join([live.push(word) for word in WORDS]), states, reading.surprisal)
    window = language.encode(WORDS, LanguageRecipe(context="window:5"), [0, 1, 2])
    with torch.no_grad():
        alone, _ = network(torch.tensor([[0, *(token for word in cut[8:14] for token in word)]]))
    mean = torch.stack(alone)[:, 0, -len(cut[13]) :].mean(1)
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


def test_memory_reaches_as_far_as_it_says_and_no_farther(trained):
    """Two layers that look back 24 tokens see 48 between them."""
    network = load(str(trained("memory")))._network._model
    ids = torch.arange(80)[None] + 5
    with torch.no_grad():
        base = network(ids)[0][-1][0, -1]
        seen = [
            not torch.allclose(base, network(_other(ids, 79 - back))[0][-1][0, -1], atol=1e-7) for back in (5, 40, 49)
        ]
    assert seen == [True, True, False]


def _other(ids, place):
    changed = ids.clone()
    changed[0, place] = 1
    return changed


def test_training_is_repeatable_learns_and_never_overwrites(trained, tmp_path, capsys):
    text = tmp_path / "story.txt"
    text.write_text(" ".join(STORY * 20))
    options = ["--dim", "32", "--layers", "1", "--vocabulary", "300", "--quiet", "--kind", "gru"]
    for name, steps in (("a", "30"), ("b", "30")):
        assert main(["train-lm", str(text), "--out", str(tmp_path / name), "--steps", steps, *options]) == 0
    one, two = (load(str(tmp_path / name)) for name in "ab")
    assert one.info.revision == two.info.revision
    new = load(str(tmp_path / "a"), untrained=True)
    how = LanguageRecipe()
    assert np.nanmean(one.encode(STORY, how, [1]).surprisal) < 0.8 * np.nanmean(new.encode(STORY, how, [1]).surprisal)
    assert main(["train-lm", str(text), "--out", str(tmp_path / "a"), *options]) == 1
    assert "exists already" in capsys.readouterr().err


def test_a_classic_folder_that_is_not_whole_is_refused(trained, tmp_path):
    import shutil

    folder = shutil.copytree(trained("gru"), tmp_path / "gru")
    shape = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(shape | {"hidden_size": 64}))
    with pytest.raises(ValueError, match=r"do not fit its config\.json"):
        load(str(folder))
    (folder / "config.json").write_text(json.dumps(shape | {"heads": 3}))
    with pytest.raises(ValueError, match=r"config\.json, heads: Extra"):
        load(str(folder))


def test_static_vectors_are_the_embedding_and_know_no_context(tmp_path):
    folder = write(tmp_path / "tiny", "llama")
    language = load(folder + ":static")
    whole = load(folder).encode(STORY, LanguageRecipe(), [0])
    reading = language.encode(STORY, LanguageRecipe(), LanguageRecipe().layer_indices(language.info.n_layers))
    np.testing.assert_allclose(reading.activations, whole.activations, rtol=1e-6)
    assert np.isnan(reading.surprisal).all()
    assert language.info.id == "tiny:static"
    live = language.reader(LanguageRecipe(context="window:3"), [0])
    np.testing.assert_allclose(live.push(STORY[0]).activations[0], whole.activations[0], rtol=1e-6)


def test_the_random_control_is_normal_repeatable_and_different_in_every_layer_and_context():
    language = load("random:40")
    layers = LanguageRecipe().layer_indices(language.info.n_layers)
    assert layers == list(range(1, 10))
    how = LanguageRecipe(context="growing:30")
    one = language.encode(STORY * 3, how, layers)
    live = language.reader(how, layers)
    np.testing.assert_array_equal(one.activations, np.concatenate([live.push(w).activations for w in STORY * 3]))
    flat = one.activations.reshape(len(one.activations), -1)
    assert abs(flat.mean()) < 0.01
    assert abs(flat.std() - 1) < 0.01
    apart = np.corrcoef(flat) - np.eye(len(flat))
    assert np.abs(apart).max() < 0.3
    alone = language.encode([*STORY, STORY[0].upper()], LanguageRecipe(context="window:0"), layers)
    np.testing.assert_array_equal(alone.activations[0], alone.activations[-1])
    other = load("random:40:1").encode(STORY, how, layers)
    assert abs(np.corrcoef(other.activations.ravel(), one.activations[: len(STORY)].ravel())[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("smollm2", ("smollm2", "model", 0)),
        ("a/b:untrained", ("a/b", "untrained", 0)),
        ("./x:untrained:7", ("./x", "untrained", 7)),
        ("x.gguf:static", ("x.gguf", "static", 0)),
        ("random:64", ("64", "random", 0)),
        ("random:64:2", ("64", "random", 2)),
    ],
)
def test_a_name_says_which_control_is_meant_and_is_written_back_as_it_was(text, said):
    found = parse_model_name(text)
    assert (found.base, found.variant, found.seed) == said
    assert str(found) == text


@pytest.mark.parametrize("name", ["random:1", "smollm2:static:3"])
def test_a_control_that_cannot_be_is_refused(name):
    with pytest.raises(ValueError, match=name):
        load(name)


def test_untrained_by_name_is_untrained_by_option(tmp_path):
    folder = write(tmp_path / "tiny", "gpt2")
    by_name, by_option = load(folder + ":untrained:4"), load(folder, untrained=True, seed=4)
    assert by_name.info == by_option.info
    assert by_name.info.id == "tiny:untrained:4"
    assert tokenizer().bos_token_id == 0
