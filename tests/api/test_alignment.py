"""The public API: what goes in, that it is the trainer's own work, and what comes out."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import matplotlib as mpl
import mne
import numpy as np
import pytest

import rtalign as rt
from rtalign.core.storage.tensorfile import TensorFile, load_tensors, save_tensors
from rtalign.training.evaluation import evaluate
from tests.helpers.mne_raw import raw_of
from tests.helpers.small_world import MemoryRecording, small_recipe, world

mpl.use("Agg")
World = tuple[Path, MemoryRecording, Any]


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RTALIGN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def found(trained: World, cache: None) -> rt.Alignment:
    """An alignment of the small world, from an mne.io.Raw."""
    return rt.align(raw_of(trained[1]), trained[1].words, trained[2], recipe=small_recipe())


def test_a_raw_gives_the_trainers_numbers(found: rt.Alignment, trained: World) -> None:
    """To the last bit: the one trained on a recording, the other on what MNE holds of it."""
    bank = TensorFile(trained[0] / "bank" / "bank.safetensors")
    for mine, its in ((found.r, "r"), (found.null, "null"), (found.left_out, "left_out")):
        assert np.array_equal(mine, bank[its])
    summary = json.loads((trained[0] / "bank" / "summary.json").read_text(encoding="utf-8"))
    assert [peak.status for peak in found.peaks] == [layer["status"] for layer in summary["layers"]]
    assert found.temporal_score is not None
    assert found.temporal_score.slope_ms == pytest.approx(summary["temporal_score"]["slope_ms"], rel=1e-4)


def test_rows_say_what_the_map_says(found: rt.Alignment) -> None:
    rows = found.rows()
    assert len(rows) == found.r.size
    assert [row["r"] for row in rows] == found.r.ravel().tolist()
    at = int(found.r.argmax())
    assert rows[at]["lag_s"] == found.lags[found.r.max(0).argmax()]
    assert rows[at]["above_chance"]
    assert not rows[0]["above_chance"]  # 200 ms before the word


def test_a_dataset_holds_what_the_arrays_hold(found: rt.Alignment, tmp_path: Path) -> None:
    """Through a NetCDF file and back."""
    import xarray as xr

    found.to_netcdf(tmp_path / "found.nc")
    with xr.open_dataset(tmp_path / "found.nc") as held:
        assert np.array_equal(held.r, found.r)
        assert np.array_equal(held.null.transpose("draw", "layer", "lag"), found.null)
        assert np.array_equal(held.left_out, found.left_out)
        assert held.above_chance.values.tolist() == (found.r > found.findings.map_hi).tolist()
        best = held.r.max("layer")
        assert float(best.idxmax("lag")) == found.lags[found.r.max(0).argmax()]
        assert held.peak_s.values.tolist() == pytest.approx([peak.peak_s for peak in found.peaks])
        assert held.status.values.tolist() == [peak.status for peak in found.peaks]
        assert (held.model, held.subject, held.n_words) == ("fake", found.rows()[0]["subject"], 591)


def test_parts_of_the_words_make_up_r(found: rt.Alignment) -> None:
    """R is the mean over folds; over the blocks of a fold R scatters about it."""
    assert found.r_fold is not None
    assert found.r_block is not None
    np.testing.assert_allclose(found.r_fold.mean(0), found.r, atol=1e-6)
    assert found.r_block.shape == (4 * len(found.r_fold), *found.r.shape)
    assert np.abs(found.r_block.mean(0) - found.r).max() < 0.1
    assert found.to_xarray().block_words.sum() == 591


@pytest.mark.parametrize("kind", ["bank", "scores"])
def test_results_are_read_from_their_folder(kind: str, found: rt.Alignment, trained: World, tmp_path: Path) -> None:
    """Null draws, blocks and conclusions, of a bank and of an evaluation alike."""
    made = found
    if kind == "scores":
        fresh = world(n_words=150, seed=5)[0]
        made = rt.read_bank(trained[0] / "bank").score(fresh, model=trained[2], out=tmp_path / "scores")
    again = rt.read_alignment(made.folder)
    for name in ("r", "null", "left_out", "r_fold", "r_block"):
        np.testing.assert_allclose(getattr(again, name), getattr(made, name), atol=1e-6)
    assert [peak.status for peak in again.peaks] == [peak.status for peak in made.peaks]
    for mine, its in zip(again.peaks, made.peaks, strict=True):
        assert mine.peak_s == pytest.approx(its.peak_s)
        assert mine.ci_s == pytest.approx(its.ci_s)


def test_results_without_draws_are_told(trained: World, tmp_path: Path) -> None:
    scored = rt.read_bank(trained[0] / "bank").score(world(n_words=150, seed=5)[0], model=trained[2], out=tmp_path)
    file = scored.folder / "draws.safetensors"
    file.rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"holds no draws\.safetensors; evaluate it again"):
        rt.read_alignment(scored.folder)
    save_tensors(file, load_tensors(tmp_path / "elsewhere") | {"r": np.full((2, 2), 0.5)})
    with pytest.raises(ValueError, match="r is \\(2, 2\\)"):
        rt.read_alignment(scored.folder)


def test_what_a_bank_was_trained_on_proves_nothing_when_read_again(
    found: rt.Alignment, trained: World, tmp_path: Path
) -> None:
    scored = rt.read_bank(trained[0] / "bank").score(world(n_words=150, seed=5)[0], model=trained[2], out=tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    summary["training_overlap"] = {"status": "overlap", "text": "trained on it", "recordings": ["world"]}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    again = rt.read_alignment(scored.folder)
    assert again.temporal_score is None
    assert again.reason == "trained on it"


def test_figures_show_what_was_found(found: rt.Alignment) -> None:
    from matplotlib import pyplot

    ladder, lag_map, curves = found.plot_ladder(), found.plot_map(), found.plot_curves()
    dots = [line.get_xydata()[0] for line in ladder.axes[0].lines if line.get_marker() == "o"]
    assert np.allclose(dots, [(1e3 * (peak.peak_s or math.nan), peak.depth) for peak in found.peaks])
    assert np.array_equal(lag_map.axes[0].collections[0].get_array(), found.r)
    assert [line.get_ydata().tolist() for line in curves.axes[0].lines[:-1]] == found.r.tolist()
    joint = found.plot_joint()
    drawn = {axes.get_xlabel() for axes in joint.axes[:3]}
    assert drawn == {figure.axes[0].get_xlabel() for figure in (ladder, lag_map, curves)}
    assert np.array_equal(joint.axes[0].collections[0].get_array(), found.r)
    _, ax = pyplot.subplots()
    assert found.plot_ladder(ax) is ax.figure
    pyplot.close("all")


def test_figures_of_a_folder_are_those_of_its_alignment(
    found: rt.Alignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib import pyplot

    from rtalign.api import figures

    drawn: list[Any] = []
    monkeypatch.setattr(pyplot, "close", drawn.append)
    paths = figures.write_figures(found.folder, tmp_path / "figures")
    monkeypatch.undo()
    assert {path.name for path in paths} == {
        f"{name}.{kind}" for name in ("ladder", "map", "curves", "joint") for kind in ("svg", "pdf", "png")
    }
    assert [path.read_bytes()[:4] for path in paths[:3]] == [b"<?xm", b"%PDF", b"\x89PNG"]
    (ladder, lag_map, *_), theirs = drawn, (found.plot_ladder(), found.plot_map())
    for mine, its in zip((ladder, lag_map), theirs, strict=True):
        assert mine.axes[0].get_title() == its.axes[0].get_title()
        for line, other in zip(mine.axes[0].lines, its.axes[0].lines, strict=True):
            assert np.allclose(line.get_xydata(), other.get_xydata(), rtol=1e-4, atol=1e-4)
    pyplot.close("all")


def test_results_are_saved_and_opened_again(found: rt.Alignment, tmp_path: Path) -> None:
    again = rt.read_bank(found.save(tmp_path / "bank")).alignment
    assert np.array_equal(again.r, found.r)
    assert again.peaks == found.peaks
    with pytest.raises(FileExistsError, match="overwrite=True"):
        found.save(tmp_path / "bank")
    page = found.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "bank" / "report.html").read_text(encoding="utf-8")
    assert found._repr_html_().startswith("<p><b>fake, 591 words")


def test_temporary_results_go_with_what_reads_them(trained: World) -> None:
    scored = rt.read_bank(trained[0] / "bank").score(world(n_words=150, seed=5)[0], model=trained[2])
    folder = scored.folder
    assert (folder / "summary.json").is_file()
    del scored
    assert not folder.parent.exists()


def test_what_is_no_result_is_never_replaced(found: rt.Alignment, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match="something other than results"):
        found.save(tmp_path, overwrite=True)


def test_a_bank_scores_as_the_evaluation_does(trained: World, tmp_path: Path) -> None:
    fresh = world(n_words=150, seed=5)[0]
    bank = rt.read_bank(trained[0] / "bank")
    scored = bank.score(raw_of(fresh), fresh.words, model=trained[2])
    summary = evaluate(bank.decoders, [fresh], trained[2], tmp_path / "scores")
    assert np.allclose(scored.r, summary["r"], rtol=1e-5, atol=1e-9)
    with pytest.raises(ValueError, match="would flatter"):
        bank.score(trained[1], model=trained[2])
    with pytest.raises(ValueError, match="M023 is not there"):
        bank.score(raw_of(fresh).drop_channels(["M023"]), fresh.words, model=trained[2])


def test_patterns_are_fields_in_tesla(trained: World) -> None:
    bank = rt.read_bank(trained[0] / "bank")
    evoked = bank.patterns(2)
    stored = TensorFile(trained[0] / "bank" / "bank.safetensors")["patterns"][2]
    assert isinstance(evoked, mne.EvokedArray)
    assert np.allclose(evoked.data.T, stored * 1e-15)
    assert np.allclose(evoked.times, bank.lags)
    assert evoked.ch_names == list(bank.sensors)
    with pytest.raises(ValueError, match="layer 9 is not in this bank"):
        bank.patterns(9)


def test_epochs_are_what_the_decoders_see(trained: World, tmp_path: Path) -> None:
    """Predictions from them correlate with the model as far as the cross-validated scores say, and more."""
    recording, bank = trained[1], rt.read_bank(trained[0] / "bank")
    epochs = rt.epoch(raw_of(recording), recording.words, recipe=bank.recipe)
    lag, layer = int(bank.alignment.r[3].argmax()), 3
    predicted = bank.predict(epochs)
    by_hand = bank.decoders.predict(lag, epochs.get_data(copy=False)[:, :, lag] * 1e15)
    assert np.allclose(predicted[:, layer, lag], by_hand[:, 4 * layer : 4 * layer + 4])
    targets = bank.project(np.stack([trained[2].table[word] for word in epochs.metadata["word"]]))[:, layer]
    r = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(predicted[:, layer, lag].T, targets.T, strict=True)])
    assert r > bank.alignment.r[3].max()
    turned = epochs.copy().reorder_channels(epochs.ch_names[::-1])
    assert np.array_equal(bank.predict(turned), predicted)
    with pytest.raises(ValueError, match=r"recipe=bank\.recipe"):
        bank.predict(epochs.copy().crop(0.0, None))
    with pytest.raises(ValueError, match="lack 1 sensors of the bank, M003"):
        bank.predict(epochs.copy().drop_channels(["M003"]))
    assert np.allclose(epochs.times, bank.lags)
    assert (
        epochs.events[:, 2].tolist()
        == [recording.words.index(w) for w in recording.words if w.onset > 0][: len(epochs)]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": None}, "comes without words"),
        ({"words": [("once", 1.0)] * 3}, "3 words have signal"),
        ({"words": {"onset": [1.0]}}, "no column called word"),
        ({"layers": [2, 9]}, "layer 9 was asked for"),
        ({"context": "growing"}, "context 'growing'"),
        ({"recipe": "fast"}, "fast"),
        ({"controls": ["nuisance"]}, "no control is called 'nuisance'"),
    ],
)
def test_mistakes_are_named_before_any_work(
    trained: World, change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtalign.api.alignment.train", lambda *_args, **_how: pytest.fail("work began"))
    given = {"words": trained[1].words, "model": trained[2]} | change
    with pytest.raises(ValueError, match=message):
        rt.align(raw_of(trained[1]), **given)


def test_epochs_are_refused_with_the_reason() -> None:
    epochs = mne.EpochsArray(np.zeros((2, 3, 10)), mne.create_info(3, 100.0, "mag"), verbose="ERROR")
    with pytest.raises(TypeError, match=r"give the mne\.io\.Raw"):
        rt.align(epochs, [("once", 1.0)])


def test_a_folder_that_is_no_bank_is_named(trained: World, tmp_path: Path) -> None:
    shutil.copytree(trained[0] / "bank", tmp_path / "bank")
    (tmp_path / "bank" / "recipe.toml").unlink()
    with pytest.raises(ValueError, match=r"lacks recipe\.toml"):
        rt.read_bank(tmp_path / "bank")
