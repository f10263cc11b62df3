"""Sweeps: the trainer's own numbers for every combination, shared work shared, and nothing lost or counted twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

from rtalign.core.progress import Progress
from rtalign.decoding import folds
from rtalign.decoding.bank import DecoderBank
from rtalign.language import load
from rtalign.training import sensor_moments, trainer
from rtalign.training.prepare import ActivationRequest, StoredActivations, prepare_recordings
from rtalign.training.trainer import fit_lag, fit_wide_basis, make_fit_inputs
from rtalign_offline.sweep import tasks
from rtalign_offline.sweep.journal import read_journal
from rtalign_offline.sweep.paths import SweepPaths
from rtalign_offline.sweep.people import load_person, open_person, save_person
from rtalign_offline.sweep.plan import Plan
from rtalign_offline.sweep.quartiles import Quartiles
from rtalign_offline.sweep.readings import load_reading, parts_of_plan, reading_file
from rtalign_offline.sweep.report.study import is_untrained
from tests.helpers import sweep_processes
from tests.helpers.small_world import small_recipe, world
from tests.helpers.tiny_models import write_model

QUIET = Progress(quiet=True)
MISSING = '[[models]]\nname = "nowhere/model"\nlabel = "absent"\n'


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    sweep_processes.lay(folder, MISSING)
    return folder


@pytest.fixture(scope="module")
def swept(laid: Path) -> subprocess.CompletedProcess[str]:
    """One sweep to the end on two processes of this machine; one of its models is not there."""
    return sweep_processes.sweep(laid / "plan.toml", laid / "out", laid / "cache")


def entries(out: Path) -> list[dict]:
    return list(read_journal(out / "journal"))


def test_every_combination_is_done_and_a_model_that_is_missing_fails_alone(
    laid: Path, swept: subprocess.CompletedProcess[str]
) -> None:
    assert swept.returncode == 1, swept.stderr
    failed = [line for line in swept.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 1
    assert "absent, window:2, ann-1 and 3 more: " in failed[0]
    assert "nowhere/model" in failed[0]
    assert "Traceback" not in swept.stderr
    state = json.loads((laid / "out" / "sweep.json").read_text())
    assert len(state["jobs"]) == 12
    assert "127.0.0.1" in swept.stderr
    assert (laid / "out" / "report.html").stat().st_size > 20_000
    for job in state["jobs"]:
        assert (laid / "out" / "jobs" / job["folder"] / "report.html").is_file()


@pytest.mark.parametrize(("model", "context"), [("tiny-llama", "growing:40"), ("random", "window:2")])
def test_a_job_is_what_the_trainer_says(
    laid: Path, swept: subprocess.CompletedProcess[str], tmp_path: Path, model: str, context: str
) -> None:
    plan = Plan.load(laid / "plan.toml")
    person, entry = plan.people[1], plan.model(model)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        read = load(entry.name, untrained=entry.untrained)
        trainer.train(
            open_person(person), read, plan.recipe_for(context), tmp_path / "bank", QUIET, store=tmp_path / "cache"
        )
    torch.set_num_threads(threads)
    bank = DecoderBank.load(tmp_path / "bank")
    name = f"{model}_{context.replace(':', '-')}_0_{person.name}-"
    folder = next(p for p in (laid / "out" / "jobs").iterdir() if p.name.startswith(name))
    found = sweep_processes.draws(laid / "out")[folder.name]
    for part in ("r", "null", "boot"):
        assert np.abs(found[part] - bank.tensors[part]).max() < 1e-6
    told, own = (json.loads((f / "summary.json").read_text()) for f in (folder, tmp_path / "bank"))
    for part in ("layers", "temporal_score", "alignment_score", "n_words", "skipped", "model", "robustness"):
        assert told[part] == own[part]


def test_shared_work_is_done_once(laid: Path, swept: subprocess.CompletedProcess[str]) -> None:
    """One story for both people, three models that are there, two contexts; one brain a person."""
    computed = Counter(e["piece"] for e in entries(laid / "out") if e["how"] == "computed")
    assert computed == {"tape": 2, "moments": 2, "brain": 2, "activations": 6, "lag": 12 * 9, "job": 12}
    assert not list((laid / "out" / "blocks").iterdir())


def test_the_same_command_again_computes_nothing(laid: Path, swept: subprocess.CompletedProcess[str]) -> None:
    before = Counter(e["how"] for e in entries(laid / "out"))
    again = sweep_processes.sweep(laid / "plan.toml", laid / "out", laid / "cache", "--json", "--quiet")
    assert again.returncode == 1
    after = Counter(e["how"] for e in entries(laid / "out"))
    assert len(json.loads(again.stdout)["jobs"]) == 12
    assert after["computed"] == before["computed"]
    assert after["reused"] - before["reused"] >= 12


def test_a_killed_worker_and_a_restarted_scheduler_change_nothing(
    laid: Path, swept: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    """Workers die by signal 9 in the middle of a job, then the scheduler with all it knows."""
    out, cache, port = tmp_path / "out", tmp_path / "cache", sweep_processes.free_port()

    def done(piece: str) -> int:
        return sum(e["piece"] == piece and e["how"] == "computed" for e in entries(out))

    address = f"tcp://127.0.0.1:{port}"
    command = sweep_processes.command(laid / "plan.toml", "--out", out, "--cluster", address)
    with ExitStack() as later:
        with ExitStack() as now:
            now.enter_context(sweep_processes.running(sweep_processes.scheduler(port), cache))
            sweep_processes.until(lambda: sweep_processes.answers(port))
            doomed, _ = (
                now.enter_context(sweep_processes.running(sweep_processes.worker(port), cache)) for _ in range(2)
            )
            driver = later.enter_context(sweep_processes.running(command, cache))
            sweep_processes.until(lambda: done("lag") >= 5)
            doomed.kill()
            sweep_processes.until(lambda: done("lag") >= 15)
        later.enter_context(sweep_processes.running(sweep_processes.scheduler(port), cache))
        later.enter_context(sweep_processes.running(sweep_processes.worker(port), cache))
        sweep_processes.until(lambda: driver.poll() is not None)
    want, found = sweep_processes.draws(laid / "out"), sweep_processes.draws(out)
    assert list(want) == list(found)
    for job, parts in want.items():
        for name, values in parts.items():
            assert np.array_equal(values, found[job][name]), (job, name)
    computed = Counter((e["piece"], e["key"]) for e in entries(out) if e["how"] == "computed")
    assert max(computed.values()) == 1


def test_workers_know_no_lsl_and_no_qt() -> None:
    probe = (
        "import sys, rtalign_offline.sweep.tasks, rtalign_offline.sweep.run\n"
        "import rtalign.training.results, rtalign.language.model, rtalign.recordings\n"
        "assert not {'pylsl', 'mne_lsl', 'PyQt6', 'pyqtgraph'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=120)


def test_moments_of_recordings_add_up_to_those_of_all_words() -> None:
    rng = np.random.default_rng(0)
    signal, fold = rng.standard_normal((500, 7)) + 5, np.arange(500) * 3 // 500
    parts = [
        sensor_moments.recording_moments(signal[part], fold[part], "float64")
        for part in (slice(0, 260), slice(260, 500))
    ]
    for k, found in enumerate(sensor_moments.sum_recordings(parts, 3)):
        rows = signal[fold == k]
        assert found.n == len(rows)
        assert np.allclose(found.xx, (rows - rows.mean(0)).T @ (rows - rows.mean(0)), rtol=1e-10)


def test_quartiles_are_plain_correlations_on_their_words(tmp_path: Path) -> None:
    recording, model = world(400, seed=2)
    recipe = small_recipe()
    stories = prepare_recordings(
        [recording], ActivationRequest(model, recipe.language, range(6)), recipe, tmp_path, QUIET
    )
    told = np.random.default_rng(1).exponential(3, len(stories[0].used))
    fold = folds.assign_folds([stories[0].onsets], recipe.fit, float(np.ptp(recipe.lags.seconds)))
    job = make_fit_inputs(stories, recipe, fit_wide_basis(stories, recipe, fold), fold)
    quartiles, seen = Quartiles.of(job, told), fit_lag(job, 12)
    assert quartiles is not None
    found = quartiles.score(seen.predicted)["quartile_r"]
    rank = np.full(len(told), -1)
    rank[fold >= 0] = rankdata(told[fold >= 0]) - 1
    for q in range(4):
        by_fold = []
        for k in range(recipe.fit.folds):
            words = np.flatnonzero(fold == k)
            own = rank[words] * 4 // (fold >= 0).sum() == q
            wide = job.targets[k].reshape(len(words), 6, -1)
            target = np.einsum("wlm,lmc->wlc", wide, job.rotations.outer[k]).reshape(len(words), -1)[own]
            predicted = seen.predicted[k][own]
            by_fold.append([np.corrcoef(p, t)[0, 1] for p, t in zip(predicted.T, target.T, strict=True)])
        want = np.mean(by_fold, axis=0).reshape(6, -1).mean(axis=1)
        assert np.allclose(found[q], want, atol=2e-5)


@pytest.mark.parametrize("quartiles", [True, False])
def test_what_two_contexts_read_alike_is_read_once_and_surprisal_only_where_it_is_asked_for(
    tmp_path: Path, quartiles: bool
) -> None:
    write_model(tmp_path / "tiny", "llama", max_position_embeddings=2048)
    sweep_processes.person(tmp_path / "ann", seed=1, prefix="run1w", n_words=60)
    who = {"name": "ann", "recordings": [str(tmp_path / "ann_meg.fif")], "word_table": str(tmp_path / "ann_words.tsv")}
    recipe = {"language": {"precision": "bfloat16"}}
    plan = Plan.parse(
        {"people": [who], "models": [{"name": "tiny"}], "contexts": ["growing:60", "growing:900", "window:1"],
         "quartiles": quartiles, "recipe": recipe, "cluster": {"memory": "2GB"}}, tmp_path,
    )  # fmt: skip
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    paths = SweepPaths(str(tmp_path), str(tmp_path / "cache"), "plan.json")
    people = (str(save_person(plan.people[0], open_person(plan.people[0]), tmp_path / "people")),)
    made = parts_of_plan(paths, people)
    for part in {part for pieces in made.values() for part in pieces}:
        tasks.read_stories(paths, part.key.model_dump(), part.stories, people)
    read = [load_reading(reading_file(paths, made[key.reading][0])) for key in plan.jobs()]
    folders = [paths.cache / "activations" / name for told in read for name in told["stories"].values()]
    assert folders[0] == folders[1] != folders[2]
    assert Counter(e["how"] for e in entries(tmp_path)) == {"computed": 2}
    words = [word.text for word in load_person(Path(people[0]))[1][0].words]
    model = load(plan.models[0].name, precision="bfloat16")
    for folder, key in zip(folders, plan.jobs(), strict=True):
        want = model.encode(words, plan.recipe_for(key.context).language, range(model.info.n_layers))
        kept = StoredActivations.open(folder / "activations.npy")
        assert np.array_equal(kept[:], want.activations)
        assert (folder / "surprisal.npy").exists() == quartiles
        if quartiles:
            assert np.array_equal(kept.select(np.arange(5, 9)).surprisal(), want.surprisal[5:9].astype(float))


def test_controls_by_name_are_found_beside_the_plan_and_known_for_what_they_are(tmp_path: Path) -> None:
    write_model(tmp_path / "tiny", "llama")
    named = ["tiny", "tiny:untrained:3", "tiny:static", "random:20"]
    plan = Plan.parse(
        {"people": [{"name": "a", "recordings": ["a"]}], "models": [{"name": name} for name in named]}, tmp_path
    )
    full = [f"{tmp_path / 'tiny'}{control}" for control in ("", ":untrained:3", ":static")]
    assert [model.name for model in plan.models] == [*full, "random:20"]
    infos = [load(model.name).info for model in plan.models]
    assert [is_untrained(False, {"id": info.id}) for info in infos] == [False, True, False, True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("contexts = 5", "contexts"),
        ('contexts = ["window"]', "not growing:N or window:K"),
        ("models = []", "models"),
        ("colour = 3", "colour"),
    ],
)
def test_a_plan_that_cannot_be_says_why_in_one_line(tmp_path: Path, change: str, said: str) -> None:
    name = change.split(" ")[0]
    lines = ['title = "x"', 'contexts = ["window:2"]', change] if name == "colour" else ['title = "x"', change]
    body = '[[people]]\nname = "a"\nrecordings = ["a"]\n'
    if name != "models":
        body += '[[models]]\nname = "smollm2"\n'
    (tmp_path / "plan.toml").write_text("\n".join(lines) + "\n" + body)
    with pytest.raises(ValueError, match=said) as error:
        Plan.load(tmp_path / "plan.toml")
    assert "\n" not in str(error.value)


def test_only_untrained_models_differ_by_seed(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(sweep_processes.plan().replace('title = "small"', "seeds = [1, 2, 3]"))
    jobs = Plan.load(tmp_path / "plan.toml").jobs()
    assert Counter(job.model for job in jobs) == {"tiny-llama": 4, "tiny-gpt2": 4, "random": 12}
    assert len({job.slug for job in jobs}) == len(jobs)
