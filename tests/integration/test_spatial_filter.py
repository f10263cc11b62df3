"""SSP and SSS: trainer = replay = live, and the same as MNE's own filter before everything else."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest
from mne.io.constants import FIFF

from rtalign.core.progress import Progress
from rtalign.core.records import BadMark
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine.engine import Engine, EngineOptions
from rtalign.engine.open_session import live_reader
from rtalign.language import AheadReader
from rtalign.recordings import ConcatenatedRecording
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.streams.fieldtrip import inlets
from rtalign.streams.fieldtrip.inlets import buffer_backend
from rtalign.streams.fieldtrip.protocol import NAMES
from rtalign.streams.live.source import LiveSource
from rtalign.streams.markers.decoders import open_decoder
from rtalign.streams.replay import ReplaySource
from rtalign.training.evaluation import evaluate
from rtalign.training.trainer import train
from tests.helpers.fieldtrip_server import Buffer, lsl_without_streams, serve
from tests.helpers.live_scan import FLOAT32, channel_names, scan
from tests.helpers.small_world import small_recipe, world

QUIET = Progress(quiet=True)
KINDS = ["ssp", "sss"]


@lru_cache
def worlds(kind: str) -> tuple[mne.io.RawArray, mne.io.RawArray, Any, Any, Any]:
    """Two recordings as MNE holds them, with a field from outside, their words, and a model that knows these."""
    whole = mne.channels.read_meg_canonical_info("neuromag" if kind == "sss" else "ctf275")
    names = [name for i, name in enumerate(whole["ch_names"]) if i < 24 or (kind == "sss" and i % 3)]
    info = mne.pick_info(whole, [whole["ch_names"].index(name) for name in names])
    mne.rename_channels(info, {name: name.split("-")[0] for name in names})
    with info._unlock():
        info["sfreq"] = 250.0
        info["dev_head_t"] = mne.Transform("meg", "head", mne.transforms.translation(z=0.04))
    (first, model), (second, more) = (
        world(n_words=n, n_sensors=len(names), seed=seed, prefix=prefix)
        for n, seed, prefix in ((150, 1, "w"), (110, 2, "v"))
    )
    model.table |= more.table
    planar = np.array([channel["unit"] == FIFF.FIFF_UNIT_T_M for channel in info["chs"]])
    outside = np.stack([channel["loc"][9:12] for channel in info["chs"]])  # what a homogeneous field does
    outside[planar] = 0
    raws = []
    for recording in (first, second):
        field = 3e-11 * np.sin(np.arange(recording.n_samples)[:, None] / 250 * np.array([2.0, 3.0, 5.0]))
        inside = recording.data * np.where(planar, 20, 1)
        raw = mne.io.RawArray((inside + field @ outside.T).T, info.copy(), verbose="ERROR")
        if kind == "ssp":
            axes = np.linalg.svd(outside, full_matrices=False)[0].T
            data = {"nrow": 3, "ncol": len(names), "row_names": None, "col_names": raw.ch_names, "data": axes}
            raw.add_proj(mne.Projection(active=False, data=data, desc="room", kind=FIFF.FIFFV_PROJ_ITEM_FIELD))
        raws.append(raw)
    return raws[0], raws[1], first.words, second.words, model


@lru_cache
def bank_of(kind: str, folder: Path) -> DecoderBank:
    raw, _, words, _, model = worlds(kind)
    recipe = small_recipe().with_settings("chain", spatial=kind).with_settings("lags", step_s=0.1)
    train(
        [MneRecording.from_mne(raw, words, name="first")], model, recipe, folder / kind, QUIET, store=folder / "cache"
    )
    return DecoderBank.load(folder / kind)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spatial")


def fresh(kind: str) -> MneRecording:
    _, raw, _, words, _ = worlds(kind)
    return MneRecording.from_mne(raw, words, name="fresh")


def replayed(bank: DecoderBank, recording: Any, model: Any, *marks: BadMark, **options: Any) -> Engine:
    decoding, joined = DecoderSetup.from_bank(bank), ConcatenatedRecording([recording])
    texts = [word.text for word in joined.words]
    ahead = AheadReader(joined.words, lambda: model.stream(texts, bank.recipe.language, bank.layers), decoding.targets)
    engine = Engine(decoding, ReplaySource(joined, None, 1.0), ahead, EngineOptions(can_wait=True, **options))
    while not engine.ended:
        engine.step(0.001)
        for mark in marks:
            if engine.intake.fitting is not None and mark not in engine.intake.marks.all:
                engine.mark(mark)
    engine.finish()
    engine.close()
    return engine


@pytest.mark.parametrize("kind", KINDS)
def test_a_replay_gives_the_numbers_of_evaluate(kind: str, folder: Path) -> None:
    bank, recording, model = bank_of(kind, folder), fresh(kind), worlds(kind)[-1]
    offline = evaluate(bank, [recording], model, folder / f"{kind}-out", QUIET, store=folder / "cache")
    engine = replayed(bank, recording, model)
    assert engine.scoreboard.n == offline["n_words"] > 90
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() < 1e-5
    assert np.max(offline["r"]) > 0.3


def test_projectors_that_mne_applies_before_everything_else_give_the_same(folder: Path) -> None:
    bank, recording, (first, second, words, more, model) = bank_of("ssp", folder), fresh("ssp"), worlds("ssp")
    offline = evaluate(bank, [recording], model, folder / "ours", QUIET, store=folder / "cache")
    before, after = (
        MneRecording.from_mne(raw.copy().apply_proj(verbose="ERROR"), heard, name=name)
        for raw, heard, name in ((first, words, "a"), (second, more, "b"))
    )
    plain = bank.recipe.with_settings("chain", spatial="none")
    train([before], model, plain, folder / "mne", QUIET, store=folder / "cache")
    other = DecoderBank.load(folder / "mne")
    by_mne = evaluate(other, [after], model, folder / "mne-out", QUIET, store=folder / "cache")
    assert np.abs(np.subtract(by_mne["r"], offline["r"])).max() < 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_live_gives_the_numbers_of_evaluate(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inlets, "WAIT_S", 0.02)
    bank, model, recording = bank_of(kind, folder), worlds(kind)[-1], fresh(kind)
    sfreq = recording.sfreq
    recording = recording.with_words([replace(w, onset=round(w.onset * sfreq) / sfreq) for w in recording.words])
    decoding = DecoderSetup.from_bank(bank)
    with serve(Buffer()) as buffer:
        buffer.put_header(len(recording.sensors), sfreq, FLOAT32, {NAMES: channel_names(recording)})
        address = str(buffer.address)
        backend = buffer_backend(address, address, lsl_without_streams)
        source = LiveSource(address, address, open_decoder(), backend=backend)
        engine = Engine(decoding, source, live_reader(model, decoding), EngineOptions())
        try:
            scan(recording, buffer, engine)
            engine.finish()
        finally:
            engine.close()
    offline = evaluate(bank, [recording], model, folder / f"{kind}-live", QUIET, store=folder / "cache")
    assert engine.scoreboard.n == offline["n_words"] > 90
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() <= 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_sensor_the_filter_is_built_anew(kind: str, folder: Path) -> None:
    bank, recording, model = bank_of(kind, folder), fresh(kind), worlds(kind)[-1]
    names = [sensor.name for sensor in recording.sensors]
    offline = evaluate(bank, [recording.pick(names[1:])], model, folder / f"{kind}-some", QUIET, store=folder / "cache")
    missing = replayed(bank, recording.pick(names[1:]), model, allow_missing=True)
    marked = replayed(bank, recording, model, BadMark(0.0, None, names[0]))
    for engine in (missing, marked):
        assert engine.scoreboard.n == offline["n_words"]
        assert np.abs(engine.scoreboard.r() - offline["r"]).max() < 1e-5
