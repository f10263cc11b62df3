"""Where models come from: folders, GGUF files, the packaged one; and what is said when they do not."""

from __future__ import annotations

import json

import gguf
import numpy as np
import pytest
import torch

from rtalign.core import cache
from rtalign.core import cache as revisions
from rtalign.core.recipe import LanguageRecipe
from rtalign.language import load
from rtalign.language.loading import list_models, locate
from tests.helpers.tiny_models import STORY, tokenizer, write


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))


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
    said = []
    first = load(str(path), report=said.append)
    again = load(str(path), report=said.append)
    assert len(said) == 1
    assert "converting tiny.gguf" in said[0]
    assert first.info == again.info
    assert (first.info.id, first.info.n_layers, first.info.dim, first.info.has_bos) == ("tiny", 3, 32, True)
    one, two = (model.encode(STORY, LanguageRecipe(), [1, 2]) for model in (first, again))
    np.testing.assert_array_equal(one.activations, two.activations)
    assert [folder.name for folder in (cache.folder() / "models").iterdir()] == [f"tiny-{revisions.of_file(path)[:12]}"]


def test_the_weights_survive_the_conversion(tmp_path):
    path = write_gguf(tmp_path / "tiny.gguf")
    folder = locate.convert_gguf(path, "tiny")
    reader = gguf.GGUFReader(path)
    written = {tensor.name: torch.from_numpy(np.array(tensor.data)) for tensor in reader.tensors}
    import safetensors.torch

    kept = safetensors.torch.load_file(folder / "model.safetensors")
    torch.testing.assert_close(kept["model.embed_tokens.weight"], written["token_embd.weight"])
    torch.testing.assert_close(kept["model.layers.1.mlp.down_proj.weight"], written["blk.1.ffn_down.weight"])


def test_other_content_under_the_same_name_is_another_model(tmp_path):
    one = load(str(write_gguf(tmp_path / "tiny.gguf", seed=0)))
    two = load(str(write_gguf(tmp_path / "tiny.gguf", seed=1)))
    assert one.info.revision != two.info.revision
    assert one.info.tokenizer == two.info.tokenizer


def test_two_that_write_one_folder_at_once_leave_it_whole(tmp_path):
    path = tmp_path / "kept" / "model"
    with cache.atomic_folder(path) as mine:
        (mine / "weights").write_text("mine")
        with cache.atomic_folder(path) as theirs:
            (theirs / "weights").write_text("theirs")
        assert (path / "weights").read_text() == "theirs"
    assert (path / "weights").read_text() == "theirs"
    assert [entry.name for entry in path.parent.iterdir()] == ["model"]


def test_a_folder_that_fails_half_way_never_appears(tmp_path):
    def stopped():
        with cache.atomic_folder(tmp_path / "model") as partial:
            (partial / "weights").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(tmp_path.iterdir()) == []


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    assert cache.folder() == tmp_path / "cache"
    monkeypatch.delenv("RTALIGN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg" / "rtalign"


def test_parts_of_a_key_are_told_apart():
    assert len({cache.key("ab", "c"), cache.key("a", "bc"), cache.key("abc"), cache.key("ab", "c", "")}) == 4


def test_an_untrained_twin_is_the_same_shape_other_weights_and_repeatable(tmp_path):
    folder = write(tmp_path / "tiny", "llama")
    trained = load(folder)
    twin, again, other = (load(folder, untrained=True, seed=seed) for seed in (0, 0, 1))
    assert twin.info.id == "tiny:untrained"
    assert twin.info.n_parameters == trained.info.n_parameters
    assert len({trained.info.revision, twin.info.revision, other.info.revision}) == 3
    state = torch.get_rng_state()
    load(folder, untrained=True)
    assert torch.equal(state, torch.get_rng_state())
    read = [model.encode(STORY, LanguageRecipe(), [1]).activations for model in (trained, twin, again, other)]
    np.testing.assert_array_equal(read[1], read[2])
    assert not np.allclose(read[0], read[1])
    assert not np.allclose(read[1], read[3])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no/such-model", "neither a folder nor in the local cache - --allow-download"),
        ("no such model", "no model 'no such model': say smollm2"),
        ("missing.gguf", "there is no file missing.gguf"),
    ],
)
def test_a_model_that_is_not_there_is_one_readable_line(name, says):
    with pytest.raises(ValueError, match=says) as error:
        load(name)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no config\.json"):
        load(str(tmp_path))


def test_a_model_that_is_not_causal_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    with pytest.raises(ValueError, match=r"model type 't5' reads no text from left to right; families .* BLOOM"):
        load(str(tmp_path))


def test_pickled_weights_are_never_read(tmp_path):
    folder = tmp_path / "tiny"
    write(folder, "llama")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="pickled weights are never read"):
        load(str(folder))


def test_a_model_with_a_weight_missing_is_refused_and_not_filled_with_noise(tmp_path):
    import safetensors.torch

    folder = tmp_path / "tiny"
    write(folder, "llama")
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"1 weights are missing, model\.layers\.1\.mlp\.up_proj\.weight"):
        load(str(folder))


def test_a_revision_follows_the_content_and_not_the_place(tmp_path):
    one, two = load(write(tmp_path / "a" / "tiny", "gpt2")), load(write(tmp_path / "b" / "tiny", "gpt2"))
    assert one.info == two.info


def test_a_large_file_is_told_by_its_size_and_its_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(revisions, "WHOLE", 100)
    monkeypatch.setattr(revisions, "EDGE", 10)
    file = tmp_path / "weights"

    def seen(content):
        file.write_bytes(content)
        return revisions.of_file(file)

    base = seen(bytes(200))
    assert seen(bytes(201)) != base
    assert seen(b"x" + bytes(199)) != base
    assert seen(bytes(199) + b"x") != base


def test_no_device_is_used_that_is_not_there(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(ValueError, match="sees no CUDA device here - use cpu"):
        load(write(tmp_path / "tiny", "llama"), device="cuda")


def test_the_catalogue_lists_what_is_here_first_and_how_to_get_the_rest():
    entries = list_models()
    assert entries[0].id == "smollm2"
    assert all(entry.fix for entry in entries if entry.folder is None)
    assert all(entry.readable for entry in entries if entry.paper)
    assert sum(entry.paper for entry in entries) == 22


def test_the_catalogue_says_what_a_story_costs():
    by_id = {entry.id: entry for entry in list_models()}
    short, long = (by_id["EleutherAI/pythia-1b"].hours(n, flops=1e12) for n in (1000, 10_000))
    assert pytest.approx(short) == 1000 * 1.35 * 2 * 1.012e9 / 1e12 / 3600
    assert long == pytest.approx(19 * short)
    both_ways = by_id["google-bert/bert-base-uncased"]
    assert both_ways.hours(1000, 1e12) == pytest.approx(1000 * 1.35 * 51 * 2 * 2 * 110e6 / 1e12 / 3600)
