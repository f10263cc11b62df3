"""Bidirectional models: a word is read with the words before it, and none after."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from rtalign.core.recipe import LanguageRecipe
from rtalign.language import Reading, load
from tests.helpers.tiny_models import STORY, assert_same, random_network

WORDS = STORY[:24]


def write_bidirectional(folder, kind):
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
    network = random_network(transformers.AutoModelForMaskedLM, config)
    network.save_pretrained(folder)
    fast.save_pretrained(folder)
    return str(folder), network.eval(), fast


@torch.no_grad()
def read_alone(network, tokenizer, words, bos=True):
    """States and pseudo-surprisal of the last word, from passes over these words alone."""
    text = " ".join(words)
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    start = len(" ".join(words[:-1]))
    own = {k + bos: any(map(str.isalnum, text[a:b])) for k, (a, b) in enumerate(found["offset_mapping"]) if b > start}
    spoken = [k for k, has_letter in own.items() if has_letter]
    ids = [2, *found["input_ids"], 3] if bos else found["input_ids"]
    hidden = torch.stack(network(torch.tensor([ids]), output_hidden_states=True).hidden_states)[:, 0]
    masked = torch.tensor([[4 if k in own else token for k, token in enumerate(ids)]])
    cost = -torch.log_softmax(network(masked).logits[0], 1)
    surprisal = sum(float(cost[k, ids[k]]) for k in spoken) if len(words) > 1 else np.nan
    return hidden[:, spoken].mean(1)[None].numpy(), np.array([surprisal])


@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_bidirectional_model_sees_no_later_word(kind, bos, tmp_path):
    folder, network, fast = write_bidirectional(tmp_path / kind, kind)
    language = load(folder)
    assert language.info.n_layers == 3
    how = LanguageRecipe(context="window:4", bos=bos)
    reading = language.encode(WORDS, how, [0, 1, 2])
    live = language.reader(how, [0, 1, 2])
    assert_same(Reading.join([live.push(word) for word in WORDS]), reading.activations, reading.surprisal)
    for index in (0, 2, 4, 5, 23):
        one = Reading(reading.activations[[index]], reading.surprisal[[index]], reading.n_tokens[[index]])
        assert_same(one, *read_alone(network, fast, WORDS[max(index - 4, 0) : index + 1], bos))


def test_a_context_that_cannot_grow_becomes_a_window(tmp_path):
    language = load(write_bidirectional(tmp_path / "tiny", "bert")[0])
    text = language.context_warning(LanguageRecipe(context="growing:1000"))
    assert text == "tiny is bidirectional and its context cannot grow; growing:1000 is read as window:50"
    grown = language.encode(WORDS[:9], LanguageRecipe(context="growing:5"), [2])
    slid = language.encode(WORDS[:9], LanguageRecipe(context="window:4"), [2])
    np.testing.assert_array_equal(grown.activations, slid.activations)
    live = language.reader(LanguageRecipe(context="growing:5"), [2])
    assert_same(Reading.join([live.push(word) for word in WORDS[:9]]), slid.activations, slid.surprisal)
