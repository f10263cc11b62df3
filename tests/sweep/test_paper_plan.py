"""The published study as a plan: it loads, it holds what was analysed, and its cost follows from its figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtalign.core.recipe import Recipe
from rtalign.language.loading import PAPER
from rtalign_cli import main
from rtalign_offline.estimate import ComponentRates
from rtalign_offline.sweep import paper_plan
from rtalign_offline.sweep.paper_plan import Cost, Platform, Rates, estimate_cost, forward_flops, usual_dim
from rtalign_offline.sweep.plan import Plan
from rtalign_offline.sweep.report.paper import MAIN

COMPONENTS = ComponentRates(covariance=1e-3, projection=1e-5, decomposition=0.5, dim=1024, power=2)
RATES = Rates(50e9, lag_s=2.0, moments_s=0.5, hour_s=20.0, targets_s=3.0, components=COMPONENTS)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("paper") / "paper.toml"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_plan, "measure", lambda: RATES)
        assert main.main(["sweep", "--plan-paper", str(path), "--quiet"]) == 0
    return path


def test_the_plan_loads_with_all_that_was_analysed(written: Path) -> None:
    plan = Plan.load(written)
    trained = [m for m in plan.models if not m.untrained]
    assert [m.name for m in trained] == [entry.id for entry in PAPER]
    assert len(trained) == 22
    assert {m.trained_as for m in plan.models if m.untrained} == set(MAIN) <= {m.title for m in trained}
    assert [p.subject for p in plan.people] == ["001", "002", "003"]
    swept = next(m for m in plan.models if m.title == "Llama-3.2-3B")
    assert {"window:0", "window:50", "window:1000"} <= set(swept.contexts)
    assert len(plan.jobs()) == 3 * (22 + 9 + len(swept.contexts) - 1)
    assert plan.paper
    assert plan.recipe == Recipe.preset("paper").with_settings("language", precision="bfloat16")
    assert plan.cluster.gpus == paper_plan.NODES
    assert plan.pool("read") == plan.pool("job") == "gpu"


def test_a_worker_has_memory_for_the_largest_model(written: Path) -> None:
    from dask.utils import parse_bytes

    plan = Plan.load(written)
    largest = max(entry.memory_gb(plan.recipe.language.precision) for entry in PAPER)
    assert parse_bytes(plan.cluster.gpu_memory) / 1e9 > largest + paper_plan.SPARE_GB


def test_costs_are_comments_and_the_file_is_kept(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = written.read_text().split("title =")[0]
    assert all(line.startswith("#") for line in head.strip().splitlines())
    for said in ("estimated, not measured", "one H200", "64 nodes", "this machine", "assumed: ", "measured here: "):
        assert said in head
    assert main.main(["sweep", "--plan-paper", str(written)]) == 1
    assert "exists already" in capsys.readouterr().err


def test_a_cost_is_the_sum_of_readings_and_fits(written: Path) -> None:
    plan = Plan.load(written)
    sizes = {entry.id: entry for entry in PAPER}
    tokens = 38_000 * 1.35
    want = 0.0
    for model in plan.models:
        for context in model.contexts or plan.contexts:
            twice = 2 if "bert" in model.name.lower() else 1
            want += 2e6 * sizes[model.name].millions * (tokens * (int(context.split(":")[1]) + 1) + 38_000) * twice
    one = estimate_cost(plan, RATES, Platform("one", 1, 0, 1e14, 1000.0))
    lags, jobs = len(plan.recipe.lags.seconds), plan.jobs()
    signal = 3 * (lags * 0.5 + 200)
    fits = sum(9 * 0.38 * dim(plan, job.model) + 3.0 + lags * 2.0 for job in jobs)
    assert walls(one) == pytest.approx(
        {"signal": signal, "reading": want / 1e14, "PCA": of_readings(plan, 38.5), "fitting": fits}
    )
    assert one.core_hours == pytest.approx(one.total_s / 3600)
    assert one.gpu_hours == 0
    gpu = estimate_cost(plan, RATES, Platform("gpu", 16, 1, 1e14, 1000.0))
    targets = sum(9 * 0.38 * dim(plan, job.model) / 16 + 3.0 for job in jobs)
    fits, basis = targets + len(jobs) * lags * paper_plan.GPU_LAG_S, of_readings(plan, 38 / 16 + 0.5)
    assert walls(gpu) == pytest.approx(
        {"signal": max(signal / 16, lags * 0.5), "reading": want / 1e14, "PCA": basis, "fitting": fits}
    )
    assert gpu.gpu_hours == pytest.approx((want / 1e14 + basis + fits) / 3600)
    assert gpu.core_hours == pytest.approx(16 * gpu.gpu_hours + signal / 3600)
    many = walls(estimate_cost(plan, RATES, Platform("many", 10_000, 0, 1e14, 1000.0)))
    longest = max(forward_flops(sizes["meta-llama/Llama-3.3-70B-Instruct"], "window:50"),
                  forward_flops(sizes["meta-llama/Llama-3.2-3B"], "window:1000"))  # fmt: skip
    assert many["reading"] == pytest.approx(longest / 1e14)
    assert many["signal"] == pytest.approx(lags * 0.5)
    assert many["fitting"] == pytest.approx(lags * 2.0 + 9 * 0.38 * 8 + 3.0)


def dim(plan: Plan, model: str) -> float:
    """Dimensions of a model of the plan, in those of the rates."""
    sizes = {entry.id: entry for entry in PAPER}
    return usual_dim(sizes[plan.model(model).name].millions) / 1024


def of_readings(plan: Plan, layer_s: float) -> float:
    """Seconds of all components, one basis a reading whoever heard it.  layer_s : of a layer of 1024 dimensions."""
    readings = {job.reading.slug: job.model for job in plan.jobs()}
    assert len(readings) == len(plan.jobs()) / 3
    return sum(9 * layer_s * dim(plan, model) ** 2 for model in readings.values())


def walls(cost: Cost) -> dict[str, float]:
    return {name: stage.wall_s for name, stage in cost.stages.items()}


def test_rows_of_a_platform_name_every_stage(written: Path) -> None:
    cost = estimate_cost(Plan.load(written), RATES, gpu := Platform("gpu", 16, 1, 1e14, 1000.0))
    head, times, gpu_hours, core_hours = paper_plan.cost_lines({gpu: cost})
    assert head.split()[3:9] == ["signal", "reading", "PCA", "fitting", "in", "all"]
    assert times.startswith("gpu ")
    assert times.endswith(" none")
    assert gpu_hours.split()[0] == "GPU-h"
    hours = [float(text.replace(",", "")) for text in gpu_hours.split()[1:]]
    assert hours[0] == 0
    assert sum(hours[:4]) == pytest.approx(hours[4], abs=0.03)
    assert float(core_hours.split()[-1].replace(",", "")) == pytest.approx(cost.core_hours, abs=0.01)


def test_a_model_is_too_large_by_its_bytes(written: Path) -> None:
    plan = Plan.load(written)
    for precision, gigabytes, too_large in (("float32", 40.0, 2), ("bfloat16", 40.0, 1), ("int8", 20.0, 1)):
        found = estimate_cost(plan, RATES, Platform("here", 1, 0, 1e14, gigabytes, precision))
        assert len(found.too_large) == too_large, precision
        assert "Llama-3.3-70B-Instruct" in found.too_large
