"""A whole sweep with SmolLM2 in it, broken off in every way; and growth with context, planted and found."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from rtalign.language import load
from rtalign.simulation import SimulationPlan, planted_information, simulate, timed_story
from rtalign_offline.sweep.journal import count_work, read_journal
from rtalign_offline.sweep.report.study import Growth, growth_with_context, load_study
from tests.helpers import sweep_processes
from tests.helpers.tiny_models import write_model

pytestmark = pytest.mark.slow

DEEP = slice(3, None)
"""Of five layers."""

TINY = {"tiny-llama": "llama", "tiny-gpt2": "gpt2", "tiny-neox": "gpt_neox", "tiny-qwen2": "qwen2"}
ROOM = {"llama": "max_position_embeddings", "gpt2": "n_positions", "gpt_neox": "max_position_embeddings",
        "qwen2": "max_position_embeddings"}  # fmt: skip

RECIPE = """
[recipe.language]
layers = "5"
components = 20
[recipe.lags]
start_s = 0.0
stop_s = 0.7
step_s = 0.1
[recipe.fit]
null_draws = 100
boot_draws = 100
"""


def plan_text(people: dict[str, Path], models: str, contexts: list[str], recipe: str) -> str:
    heads = "".join(f'[[people]]\nname = "{name}"\nrecordings = ["{path}"]\n' for name, path in people.items())
    told = ", ".join(f'"{context}"' for context in contexts)
    return f"contexts = [{told}]\n{heads}{models}[cluster]\nworkers = 2\n{recipe}"


def cpu_s() -> float:
    """Processor time of children that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


def test_six_models_four_contexts_two_people_survive_kills(tmp_path: Path) -> None:
    smollm2, people = load("smollm2"), {}
    for i in (1, 2):
        plan = SimulationPlan(n_words=300, run_words=150, sfreq=150.0, seed=i)
        people[f"person {i}"] = simulate(tmp_path / f"person{i}", plan, model=smollm2).folder
    models = '[[models]]\nname = "smollm2"\n[[models]]\nname = "smollm2"\nuntrained = true\nlabel = "random"\n'
    for name, kind in TINY.items():
        write_model(tmp_path / name, kind, **{ROOM[kind]: 2048})
        models += f'[[models]]\nname = "{name}"\n'
    contexts = ["window:0", "window:3", "window:10", "growing:100"]
    (tmp_path / "plan.toml").write_text(plan_text(people, models, contexts, RECIPE))
    start, spent = time.monotonic(), cpu_s()
    whole = sweep_processes.sweep(tmp_path / "plan.toml", tmp_path / "whole", tmp_path / "cache-1", timeout=3000)
    assert whole.returncode == 0, whole.stderr
    first = cpu_s() - spent
    print(
        f"\nuninterrupted: 48 jobs, {time.monotonic() - start:.0f} s, {first:.0f} CPU s, load {os.getloadavg()[0]:.0f}"
    )
    broken_off(tmp_path)
    want, found = sweep_processes.load_draws(tmp_path / "whole"), sweep_processes.load_draws(tmp_path / "broken")
    assert list(want) == list(found)
    assert len(want) == 48
    worst = max(np.abs(v - found[job][n]).max() for job, parts in want.items() for n, v in parts.items())
    computed = Counter((e["piece"], e["key"]) for e in entries(tmp_path / "broken") if e["how"] == "computed")
    print(f"largest difference of any number of any job: {worst:g}")
    for name in ("whole", "broken"):
        print(f"{name}: {count_work(tmp_path / name / 'journal')}")
    assert worst <= 1e-6
    assert max(computed.values()) == 1
    counts = Counter(e["piece"] for e in entries(tmp_path / "whole") if e["how"] == "computed")
    shared = {"tape": 4, "moments": 4, "brain": 2, "activations": 48, "components": 24}
    assert counts == shared | {"lag": 48 * 8, "job": 48}


def entries(out: Path) -> list[dict]:
    return list(read_journal(out / "journal"))


def broken_off(folder: Path) -> None:
    """The same sweep: a worker killed by its number, the scheduler killed and started again, then the driver too."""
    out, cache, port = folder / "broken", folder / "cache-2", sweep_processes.free_port()
    started = time.monotonic()

    def lags() -> int:
        return sum(e["piece"] == "lag" and e["how"] == "computed" for e in entries(out))

    command = sweep_processes.command(folder / "plan.toml", "--out", out, "--cluster", f"tcp://127.0.0.1:{port}")
    with ExitStack() as later:
        with ExitStack() as now:
            now.enter_context(sweep_processes.running(sweep_processes.scheduler(port), cache))
            sweep_processes.wait_until(lambda: sweep_processes.is_listening(port))
            workers = [
                now.enter_context(sweep_processes.running(sweep_processes.worker(port), cache)) for _ in range(2)
            ]
            driver = later.enter_context(sweep_processes.running(command, cache))
            sweep_processes.wait_until(lambda: lags() >= 40, 3000)
            psutil.Process(workers[0].pid).kill()
            print(f"worker {workers[0].pid} killed after {lags()} of {48 * 8} lags")
            sweep_processes.wait_until(lambda: lags() >= 120, 3000)
        print(f"scheduler and workers killed after {lags()} lags, started again")
        later.enter_context(sweep_processes.running(sweep_processes.scheduler(port), cache))
        for _ in range(2):
            later.enter_context(sweep_processes.running(sweep_processes.worker(port), cache))
        sweep_processes.wait_until(lambda: lags() >= 220, 3000)
        driver.kill()
        print(f"the command itself killed after {lags()} lags, given again")
        again = later.enter_context(sweep_processes.running(command, cache))
        sweep_processes.wait_until(lambda: again.poll() is not None, 3000)
        assert again.returncode == 0
    print(f"broken off three times: {time.monotonic() - started:.0f} s")


def test_growth_with_context_is_found_where_it_was_planted(tmp_path: Path) -> None:
    """This listener answers what SmolLM2 knows from its wider context, and nothing that words say by themselves."""
    plan = SimulationPlan(n_words=1200, run_words=240, sfreq=150.0, seed=5, snr=4.0, layers="5", contextual=True)
    smollm2 = load("smollm2")
    listener = simulate(tmp_path / "listener", plan, model=smollm2).folder
    models = '[[models]]\nname = "smollm2"\n[[models]]\nname = "smollm2"\nuntrained = true\nlabel = "random"\n'
    contexts = ["window:0", "window:3", "window:15", "growing:64", "growing:240"]
    text = plan_text({"she": listener}, models, contexts, RECIPE)
    (tmp_path / "plan.toml").write_text(text.replace("step_s = 0.1", "step_s = 0.05"))
    done = sweep_processes.sweep(tmp_path / "plan.toml", tmp_path / "out", tmp_path / "cache", timeout=3000)
    assert done.returncode == 0, done.stderr
    study, (_, information) = (
        load_study(tmp_path / "out"),
        planted_information(smollm2, plan, timed_story(plan), lambda *_: None),
    )
    found, there = dict[str, np.ndarray](), dict[str, np.ndarray]()
    for model in ("smollm2", "random"):
        line = sorted((e for e in study.pooled if e.condition.model == model), key=lambda e: e.condition.words)
        found[model] = np.array([e.curves.r[DEEP].max(axis=1).mean() for e in line])
        there[model] = np.array([shared(tmp_path, model, e.condition.context, information) for e in line])
        grown = growth_with_context(line, "alignment")
        assert grown is not None
        print(f"\n{model}: deeper layers' R {np.round(found[model], 3)}, planted {np.round(there[model], 3)}")
        print(f"  null {np.mean([p.null_r for p in line[-1].findings.peaks[DEEP]]):.3f}")
        print(f"  alignment {np.round([e.score('alignment') for e in line], 3)}, {told(grown)}")
        print(f"  temporal {[None if e.temporal_r is None else round(e.temporal_r, 2) for e in line]}")
    rise = found["smollm2"][-1] - found["smollm2"][0]
    assert rise > 0.05
    assert all(np.diff(found["smollm2"][:4]) > 0)
    assert np.corrcoef(found["smollm2"], there["smollm2"])[0, 1] > 0.95
    assert np.ptp(found["random"]) < 0.2 * rise


def told(grown: Growth) -> str:
    return f"{grown.rate:+.3f} [{grown.low:+.3f}, {grown.high:+.3f}] per tenfold"


def shared(folder: Path, model: str, context: str, information: np.ndarray) -> float:
    """How well the planted numbers themselves, without a brain, say what a model's deeper layers hold."""
    (noted,) = (folder / "out" / "readings").glob(f"{model}_{context.replace(':', '-')}_*.json")
    stories = json.loads(noted.read_text())["stories"].values()
    states = np.concatenate([np.load(folder / "cache" / "activations" / name / "activations.npy") for name in stories])
    known, folds, r = information.reshape(len(information), -1), np.arange(len(states)) * 5 // len(states), []
    for layer in range(states.shape[1])[DEEP]:
        for fold in range(5):
            held = folds == fold
            parts = PCA(20).fit(states[~held, layer])
            want = parts.transform(states[held, layer])
            said = Ridge(1000).fit(known[~held], parts.transform(states[~held, layer])).predict(known[held])
            r += [np.corrcoef(want[:, k], said[:, k])[0, 1] for k in range(20)]
    return float(np.mean(r))
