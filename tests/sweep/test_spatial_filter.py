"""A sweep filters signals in space as the trainer does, and its cache knows what they went through."""

from __future__ import annotations

import json
from pathlib import Path

import mne
import numpy as np
from threadpoolctl import threadpool_limits

from rtalign.core.progress import Progress
from rtalign.decoding.bank import DecoderBank
from rtalign.language import load
from rtalign.recordings.spatial_filters import shared_filter
from rtalign.training import trainer
from rtalign_offline.sweep.people import load_filter, load_person, moments_key, open_person, save_person
from rtalign_offline.sweep.plan import Plan
from tests.helpers import sweep_processes

SSP = '[recipe.chain]\nspatial = "ssp"\n'


def write_study(folder: Path, n_fields: int = 2) -> Plan:
    """One person, whose file carries projectors, and one model."""
    plan = sweep_processes.write_study(folder)
    add_projectors(folder / "ann-1_meg.fif", n_fields)
    text = plan.read_text().replace('"window:2", ', "")
    first, last = text.index('[[people]]\nname = "bob-1"'), text.index("[[models]]")
    second = text.index('[[models]]\nname = "tiny-gpt2"')
    plan.write_text(text[:first] + text[last:second] + text[text.index("[cluster]") :] + SSP)
    return Plan.load(plan)


def add_projectors(path: Path, n_fields: int) -> None:
    raw = mne.io.read_raw_fif(path, preload=True, verbose="ERROR")
    fields = np.linalg.qr(np.random.default_rng(0).standard_normal((len(raw.ch_names), n_fields)))[0].T
    data = {"nrow": n_fields, "ncol": len(raw.ch_names), "row_names": None, "col_names": raw.ch_names, "data": fields}
    raw.add_proj(mne.Projection(active=False, data=data, desc="room", kind=1), remove_existing=True, verbose="ERROR")
    raw.save(path, overwrite=True, verbose="ERROR")


def test_a_sweep_through_projectors_gives_the_numbers_of_the_trainer(tmp_path: Path) -> None:
    plan = write_study(tmp_path)
    done = sweep_processes.sweep(tmp_path / "plan.toml", tmp_path / "out", tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "out" / "jobs").iterdir()
    chain = json.loads((folder / "passport.json").read_text())["chain"]
    assert chain["spatial"] == {"kind": "ssp", "sensors": 24, "rank": 22}
    found = sweep_processes.load_draws(tmp_path / "out")[folder.name]
    with threadpool_limits(1):
        recipe, recordings = plan.recipe_for("growing:40"), open_person(plan.people[0])
        trainer.train(
            recordings, load(plan.models[0].name), recipe, tmp_path / "bank", Progress(quiet=True),
            store=tmp_path / "own",
        )  # fmt: skip
    bank = DecoderBank.load(tmp_path / "bank")
    for part in ("r", "null", "left_out", "halves"):
        assert np.abs(found[part] - bank.tensors[part]).max() < 1e-6


def test_other_projectors_are_another_signal_in_the_cache(tmp_path: Path) -> None:
    keys = []
    for n_fields in (1, 2):
        plan = write_study(tmp_path, n_fields)
        recordings = open_person(plan.people[0])
        spatial = shared_filter(recordings, "ssp")
        assert spatial is not None
        path = save_person(plan.people[0], recordings, tmp_path / "people", spatial)
        kept = load_filter(path, "ssp")
        assert kept is not None
        assert kept.is_same(spatial)
        keys.append(moments_key(load_person(path)[1], plan.recipe))
    assert keys[0] != keys[1]


def test_a_person_without_projectors_fails_alone(tmp_path: Path) -> None:
    write_study(tmp_path)
    raw = mne.io.read_raw_fif(tmp_path / "ann-1_meg.fif", preload=True, verbose="ERROR")
    raw.del_proj().save(tmp_path / "ann-1_meg.fif", overwrite=True, verbose="ERROR")
    done = sweep_processes.sweep(tmp_path / "plan.toml", tmp_path / "out", tmp_path / "cache")
    assert done.returncode == 1
    assert "holds no projectors of its sensors" in done.stderr
    assert "Traceback" not in done.stderr
