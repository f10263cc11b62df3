"""From a name to the files of a model: names, folders, GGUF files; and the message where there are none."""

from __future__ import annotations

import json

import gguf
import numpy as np
import pytest
import torch

from rtalign.core.recipe import LanguageRecipe
from rtalign.core.storage import cache
from rtalign.language import load
from rtalign.language.loading import locate, parse_model_name
from tests.helpers.tiny_models import STORY, tokenizer


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("smollm2", ("smollm2", "model", 0)),
        ("a/b:untrained", ("a/b", "untrained", 0)),
        ("./x:untrained:7", ("./x", "untrained", 7)),
        ("x.gguf:static", ("x.gguf", "static", 0)),
        ("random:64", ("64", "random", 0)),
        ("random:64:2", ("64", "random", 2)),
    ],
)
def test_a_parsed_name_is_written_back_unchanged(text, parts):
    found = parse_model_name(text)
    assert (found.base, found.variant, found.seed) == parts
    assert str(found) == text


@pytest.mark.parametrize("name", ["random:1", "smollm2:static:3"])
def test_a_control_that_does_not_exist_is_refused(name):
    with pytest.raises(ValueError, match=name):
        load(name)


def write_gguf(path, seed=0):
    """A llama of two layers and 32 dimensions, as llama.cpp would write it."""
    vocabulary = tokenizer().get_vocab()
    words = sorted(vocabulary, key=vocabulary.get)
    merges = json.loads(tokenizer().backend_tokenizer.to_str())["model"]["merges"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_context_length(256)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(words))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(words)
    writer.add_token_types([3] + [1] * (len(words) - 1))
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(0)
    rng = np.random.default_rng(seed)
    shapes = {"attn_q": (32, 32), "attn_k": (16, 32), "attn_v": (16, 32), "attn_output": (32, 32)}
    shapes |= {"ffn_gate": (64, 32), "ffn_up": (64, 32), "ffn_down": (32, 64), "attn_norm": (32,), "ffn_norm": (32,)}
    named = {f"blk.{k}.{name}.weight": shape for k in range(2) for name, shape in shapes.items()}
    named |= {"token_embd.weight": (len(words), 32), "output_norm.weight": (32,)}
    for name, shape in named.items():
        values = rng.normal(0, 0.3, shape) if len(shape) > 1 else np.ones(shape)
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_gguf_file_is_converted_once_and_then_found(tmp_path):
    path = write_gguf(tmp_path / "tiny.gguf")
    lines = []
    first = load(str(path), report=lines.append)
    again = load(str(path), report=lines.append)
    assert len(lines) == 1
    assert "converting tiny.gguf" in lines[0]
    assert first.info == again.info
    assert (first.info.id, first.info.n_layers, first.info.dim, first.info.has_bos) == ("tiny", 3, 32, True)
    one, two = (model.encode(STORY, LanguageRecipe(), [1, 2]) for model in (first, again))
    np.testing.assert_array_equal(one.activations, two.activations)
    assert [folder.name for folder in (cache.cache_folder() / "models").iterdir()] == [
        f"tiny-{cache.hash_file(path)[:12]}"
    ]


def test_the_weights_survive_the_conversion(tmp_path):
    path = write_gguf(tmp_path / "tiny.gguf")
    folder = locate.convert_gguf(path, "tiny")
    reader = gguf.GGUFReader(path)
    written = {tensor.name: torch.from_numpy(np.array(tensor.data)) for tensor in reader.tensors}
    import safetensors.torch

    kept = safetensors.torch.load_file(folder / "model.safetensors")
    torch.testing.assert_close(kept["model.embed_tokens.weight"], written["token_embd.weight"])
    torch.testing.assert_close(kept["model.layers.1.mlp.down_proj.weight"], written["blk.1.ffn_down.weight"])


def test_another_content_is_another_revision(tmp_path):
    one = load(str(write_gguf(tmp_path / "tiny.gguf", seed=0)))
    two = load(str(write_gguf(tmp_path / "tiny.gguf", seed=1)))
    assert one.info.revision != two.info.revision
    assert one.info.tokenizer == two.info.tokenizer


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no/such-model", "neither a folder nor in the local cache - --allow-download"),
        ("no such model", "no model 'no such model': say smollm2"),
        ("missing.gguf", "there is no file missing.gguf"),
    ],
)
def test_a_missing_model_is_reported_in_one_line(name, says):
    with pytest.raises(ValueError, match=says) as error:
        load(name)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no config\.json"):
        load(str(tmp_path))
