"""Made-up sweep folders: a study of many models whose scores grow with size and context, or a small one."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from rtalign_offline.sweep.plan import Plan
from tests.helpers.report_folders import LAGS, bumps, smooth

LAYERS = np.array([3, 6, 9, 12, 15, 18, 21, 24, 27])
DEPTH = LAYERS / 30
MODELS = [
    ("Pythia 14M", "GPT-NeoX", "attention", 14), ("Pythia 70M", "GPT-NeoX", "attention", 70),
    ("Pythia 410M", "GPT-NeoX", "attention", 405), ("Pythia 1.4B", "GPT-NeoX", "attention", 1415),
    ("Pythia 12B", "GPT-NeoX", "attention", 11846), ("GPT-2 XL", "GPT-2", "attention", 1558),
    ("Llama-3.2-3B", "Llama", "attention", 3213), ("Mamba 1.4B", "Mamba", "state space", 1372),
    ("RecurrentGemma 9B", "RecurrentGemma", "recurrent", 8580), ("BERT", "BERT", "bidirectional", 110),
    ("Llama-3.2-3B random", "Llama", "attention", 3213),
]  # fmt: skip
CONTEXTS = ("window:0", "window:1", "window:5", "window:20", "window:50", "window:200", "window:1000")
PEOPLE = ("sub-001", "sub-002")
DRAWS, N_BLOCKS = 40, 20


def make_sweep(folder: Path, models=MODELS, contexts=CONTEXTS, people=PEOPLE, failed: bool = True) -> Path:
    """A folder as `rtalign sweep` leaves it, without the jobs' own reports."""
    rng = np.random.default_rng(1)
    plan = Plan.parse(
        {
            "title": "A made-up study",
            "people": [{"name": p, "recordings": ["nowhere"]} for p in people],
            "models": [
                {"name": f"models/{label.removesuffix(' random')}", "label": label, "architecture": architecture,
                 "untrained": label.endswith("random")}
                for label, _, architecture, _ in models
            ],
            "contexts": contexts,
            "preset": "paper",
            "paper": True,
        },
        Path("/"),
    )  # fmt: skip
    jobs = []
    for label, family, architecture, millions in models:
        for context in contexts:
            strength = how_strong(label, architecture, millions, int(context.split(":")[1]))
            for person in people:
                key = {"model": label, "context": context, "person": person, "seed": 0}
                name = f"{len(jobs):04d}"
                make_job(folder / "jobs" / name, key, family, millions, strength, rng)
                jobs.append(key | {"folder": name})
    plan_name = f"plan-{plan.fingerprint}.json"
    (folder / plan_name).write_text(plan.model_dump_json())
    reason = "model 'nowhere' is neither a folder nor in the local cache - --allow-download fetches it"
    broken = {"model": models[-1][0], "context": contexts[-1], "person": people[-1], "seed": 0, "reason": reason}
    work = {
        "tape": {"blocks": 66, "computed": 66, "reused": 0, "cpu_s": 801.0},
        "activations": {"blocks": 2, "computed": 2, "reused": 4, "cpu_s": 90.0},
    }
    state = {
        "title": plan.title, "plan": plan_name, "jobs": jobs, "failed": [broken] if failed else [], "work": work,
    }  # fmt: skip
    (folder / "sweep.json").write_text(json.dumps(state))
    return folder


def how_strong(label: str, architecture: str, millions: float, words: int) -> tuple[float, float]:
    """How far peaks go with depth, 0 to 1, and how high curves are."""
    grown = np.clip(0.25 + 0.22 * np.log10(millions / 14) + 0.16 * np.log10(words + 1), 0.05, 1)
    if label.endswith("random"):
        return 0.0, 0.35
    return (0.1, 0.7) if architecture == "bidirectional" else (grown, 0.5 + 0.45 * grown)


def make_job(folder: Path, key, family, millions, strength, rng) -> None:
    ladder, height = strength
    folder.mkdir(parents=True)
    found: dict[str, np.ndarray] = {"lags_s": LAGS, "layers": LAYERS, "depth": DEPTH}
    scatter = rng.normal(0, 0.05 * (1.1 - ladder), len(DEPTH))
    levels = [1.1, 1.03, 0.95, 0.85]
    for prefix, parts in (("", [1.0]), ("quartile_", levels)):
        made = [draws(rng, ladder * level, height * level, scatter) for level in parts]
        for name, values in zip(("r", "null", "left_out"), zip(*made, strict=True), strict=True):
            found[prefix + name] = values[0] if not prefix else np.stack(values)
    found |= {"halves": np.stack([0.85 * found["r"]] * 2), "excess": np.zeros(found["r"].shape)}
    found |= {"quartile_excess": np.zeros(found["quartile_r"].shape)}
    found |= {"block_words": np.full(N_BLOCKS, 2050), "quartile_block_words": np.full((4, N_BLOCKS), 512)}
    save_file(found, folder / "draws.safetensors")
    model = {"id": key["model"], "family": family, "n_layers": 31, "revision": "1" * 16}
    summary = {"format": "rtalign-summary", "version": 1, "kind": "train", "model": model, "n_words": 41000}
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "passport.json").write_text(json.dumps({"model": model | {"n_parameters": int(millions * 1e6)}}))


def draws(rng, ladder, height, scatter):
    """r, null and blocks left out of one map."""
    peaks = 0.26 + 0.16 * ladder * (DEPTH - 0.5) + scatter
    r = height * bumps(DEPTH, peaks)
    null = 0.008 * np.stack([smooth(rng.normal(0, 1, r.shape)) for _ in range(DRAWS)])
    late = rng.normal(0, 0.012, (N_BLOCKS, len(DEPTH), 1)) / np.sqrt(N_BLOCKS - 1)
    size = rng.normal(0, 0.04, (N_BLOCKS, 1, 1)) / np.sqrt(N_BLOCKS - 1)
    left_out = np.stack([height * bumps(DEPTH, peaks + d[:, 0]) for d in late]) * (1 + size)
    return r, null.astype(np.float32), left_out.astype(np.float32)
