"""Plans: what cannot be is refused in one line, names are resolved, jobs are counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from rtalign.language import load
from rtalign_offline.sweep.plan import Plan
from rtalign_offline.sweep.report.study import is_untrained
from tests.helpers import sweep_processes
from tests.helpers.tiny_models import write_model

PLAN = {"people": [{"name": "a", "recordings": ["a"]}], "models": [{"name": "b"}]}


def test_controls_by_name_are_resolved_and_recognised(tmp_path: Path) -> None:
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
def test_an_invalid_plan_is_refused_in_one_line(tmp_path: Path, change: str, said: str) -> None:
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
    (tmp_path / "plan.toml").write_text(sweep_processes.plan_text().replace('title = "small"', "seeds = [1, 2, 3]"))
    jobs = Plan.load(tmp_path / "plan.toml").jobs()
    assert Counter(job.model for job in jobs) == {"tiny-llama": 4, "tiny-gpt2": 4, "random": 12}
    assert len({job.slug for job in jobs}) == len(jobs)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("partition", "long\ntouch /tmp/owned"),
        ("account", "lab; touch /tmp/owned"),
        ("time", "1:00\r#SBATCH --wrap=id"),
        ("memory", "4GB\n"),
        ("interface", "eth0 $(id)"),
        ("interface", "-x"),
        ("directives", ["--nice=1\ncurl evil"]),
        ("prologue", ["module load python\x1b[2J"]),
    ],
)
def test_no_field_of_the_cluster_becomes_a_line_of_shell(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"plan, cluster\.{field}.*goes into a script of the cluster") as refused:
        Plan.parse({**PLAN, "cluster": {field: value}}, tmp_path)
    assert str(refused.value).isprintable()


def test_fields_of_a_real_cluster_pass(tmp_path: Path) -> None:
    given = {
        "partition": "gpu_4,long",
        "account": "lab.2",
        "time": "1-12:00:00",
        "memory": "4.5GB",
        "interface": "ib0.8001",
    }
    lines = {"directives": ["--constraint=a100&ib", "--mail-user=x@y.z"], "prologue": ["module load python/3.11"]}
    cluster = Plan.parse({**PLAN, "cluster": given | lines}, tmp_path).cluster
    assert cluster.model_dump(include=set(given)) == given
