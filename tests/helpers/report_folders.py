"""Made-up bank folders: a ladder of known peaks, or nothing found."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from rtalign.core.recipe import Recipe

LAGS = np.round(np.arange(-0.5, 1.501, 0.02), 6)
MODEL = {"id": "smollm2", "family": "llama", "n_layers": 31, "dim": 576, "revision": "5f1c0e9a77d2", "has_bos": True}
RECORDING = {
    "name": "sub-01_ses-01_task-story_run-01", "subject": "sub-01", "fingerprint": "9d1c4be2f70a8d55", "n_words": 2824,
    "seconds": 1200.0, "sfreq": 600.0, "notes": ["2 channels flat: MLF25, MRT13 left out"],
}  # fmt: skip
CHAIN = {
    "delay_ms": 108.3, "taps": 131, "rate": 100.0, "warmup_s": 2.0, "max_phase_error_ms": 1.22,
    "phase_error_ms": {"0.5": 62.1, "1": 15.9, "2": 4.0, "4": 1.0, "8": 0.25, "16": 0.06},
}  # fmt: skip


def helmet(n: int) -> np.ndarray:
    """(sensor, xyz) points spread evenly over the upper part of a sphere."""
    i = np.arange(n) + 0.5
    z = 1 - i / n * 1.15
    around = np.pi * (1 + 5**0.5) * i
    flat = np.sqrt(1 - z**2)
    return 0.11 * np.column_stack([flat * np.cos(around), flat * np.sin(around), z])


def sensor_entries(kind: str = "ctf") -> list[dict]:
    if kind == "ctf":
        places, kinds = helmet(275), ["axial"]
    else:
        places, kinds = helmet(102), ["mag", "planar", "planar"]
    units = {"axial": "fT", "mag": "fT", "planar": "fT/cm"}
    return [
        {"name": f"M{i:03d}{j}", "kind": k, "unit": units[k], "position": p.tolist(), "normal": (p / 0.11).tolist()}
        for i, p in enumerate(places)
        for j, k in enumerate(kinds)
    ]


def make_folder(
    folder: Path, null: bool = False, layers=None, helmet_kind: str = "ctf", planted: bool = True, whole=True
) -> Path:
    """A bank folder with a ladder of known peaks, or one that found nothing; not whole: without its tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(4)
    layers = layers or [3, 6, 9, 12, 15, 18, 21, 24, 27]
    depth = np.array(layers) / 30
    peaks = 0.20 + 0.19 * depth + rng.normal(0, 0.006, len(depth))
    noise = smooth(rng.normal(0, 1, (len(layers), len(LAGS)))) * 0.011
    r = noise + (0 if null else bumps(depth, peaks))
    summary = summary_of(layers, depth, peaks, r, null, planted)
    (folder / "summary.json").write_text(json.dumps(summary))
    half = 0.021 + 0.003 * smooth(rng.normal(0, 1, r.shape))
    rows = [
        f"{layer},{d:.6g},{t:.6g},{r[i, j]:.6g},{-half[i, j]:.6g},{half[i, j]:.6g}"
        for i, (layer, d) in enumerate(zip(layers, depth, strict=True))
        for j, t in enumerate(LAGS)
    ]
    (folder / "curves.csv").write_text("\n".join(["layer,depth,lag_s,r,null_lo,null_hi", *rows]) + "\n")
    (folder / "recipe.toml").write_text(Recipe().to_toml())
    entries = sensor_entries(helmet_kind)
    passport = {
        "format": "rtalign-bank", "version": 1, "sensors": entries, "chain": CHAIN, "model": MODEL, "layers": layers,
        "components": 50,
        "recordings": [RECORDING], "versions": {"rtalign": "0.1.0", "numpy": "2.4.6", "torch": "2.13.0"},
        "created": "2026-07-14T09:30:00+00:00",
    }  # fmt: skip
    (folder / "passport.json").write_text(json.dumps(passport))
    if not whole:
        return folder
    tensors = {"patterns": patterns(entries, peaks, null, rng), "alphas": alphas(len(layers), peaks, null, rng)}
    save_file(tensors, folder / "bank.safetensors")
    return folder


def make_controlled_folder(folder: Path) -> Path:
    """The same with controls of nuisances that leave most of it, baselines, an untrained twin, and an outlook."""
    path = make_folder(folder, whole=False) / "summary.json"
    summary = json.loads(path.read_text())
    ladder = {name: summary[name] for name in ("layers", "temporal_score", "temporal_score_reason", "r")}
    part = [[0.2 * value for value in row] for row in summary["r"]]
    gone = [one | {"status": "below null", "peak_s": None, "ci_s": None} for one in summary["layers"]]
    lost = {"layers": gone, "r": part, "temporal_score": None, "temporal_score_reason": "no layer has a peak"}
    controls = {
        "nuisances": ladder | {"groups": {"timing": 20, "duration": 5, "surprisal": 1, "neighbours": 100}},
        "static twin": lost | {"explained": {"timing": part, "all": part}},
        "untrained": lost | {"layers": [one | {"peak_r": 0.3 * one["peak_r"]} for one in gone]},
    }
    n = len(summary["layers"])
    summary |= {
        "controls": controls,
        "baselines": {"position and word rate": [0.004] * n, "durations": [0.003] * n, "autocorrelation": [0.006] * n},
        "not_controlled": ["the sound itself (its envelope)"],
        "outlook": {"n_layers": 2, "times": 2.4, "low": 1.6, "high": 4.1},
    }
    path.write_text(json.dumps(summary))
    return folder


def smooth(values: np.ndarray) -> np.ndarray:
    kernel = np.hanning(9) / np.linalg.norm(np.hanning(9))
    return np.apply_along_axis(lambda row: np.convolve(row, kernel, "same"), 1, values)


def bumps(depth: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    t = LAGS[None]
    height = 0.10 + 0.12 * np.sin(np.pi * (0.15 + 0.75 * depth))[:, None]
    rise = np.exp(-0.5 * ((t - peaks[:, None]) / np.where(t < peaks[:, None], 0.085, 0.16)) ** 2)
    return height * (rise + 0.16 * np.exp(-0.5 * ((t - peaks[:, None] - 0.42) / 0.2) ** 2))


def summary_of(layers, depth, peaks, r, null, planted):
    status = ["below null"] * len(layers) if null else ["ok"] * len(layers)
    if not null and len(layers) > 12:
        status[1], status[-1], status[0] = "multimodal", "edge", "below null"
    entries = []
    for i, layer in enumerate(layers):
        ok = status[i] == "ok"
        entries.append({
            "index": layer, "depth": float(depth[i]), "status": status[i], "peak_s": float(peaks[i]) if ok else None,
            "ci_s": [peaks[i] - 0.018, peaks[i] + 0.021] if ok else None, "argmax_s": float(LAGS[r[i].argmax()]),
            "centroid_s": float(peaks[i] + 0.03), "peak_r": float(r[i].max()), "null_r": 0.046,
        })  # fmt: skip
    temporal = {
        "r": 0.973, "p": 1.1e-5, "p_permutation": 0.004975, "spearman": 0.983, "slope_ms": 151.2, "ci": [0.902, 0.991],
        "slope_ci_ms": [118.0, 182.0], "n_layers": len(layers),
    }  # fmt: skip
    highest = r.max(1)
    known = {str(n): 0.16 + 0.29 * d for n, d in zip(layers, depth, strict=True)}
    alignment = {"best": r.max(), "best_layer": layers[int(highest.argmax())], "mean_of_max": highest.mean()}
    rules = {
        name: {"peak_s": [None if e["peak_s"] is None else e["peak_s"] + shift for e in entries],
               "ci_s": [None] * len(layers), "r": r_depth, "slope_ms": slope, "slope_ci_ms": None}
        for name, shift, r_depth, slope in (
            ("centroid", 0.03, 0.984, 150.0), ("contiguous", 0.0, 0.973, 151.2), ("published", 0.004, 0.981, 149.0),
            ("maximum", 0.008, 0.91, 160.0),
        )
    }  # fmt: skip
    return {
        "format": "rtalign-summary", "version": 2, "kind": "train", "model": MODEL, "context": "growing:1000",
        "n_words": 2810,
        "skipped": {"window before recording": 1, "window after recording": 3, "gap in the signal": 10},
        "lags_s": LAGS.tolist(), "layers": entries, "r": r.tolist(), "temporal_score": None if null else temporal,
        "temporal_score_reason": f"0 of {len(layers)} layers have a peak; a temporal score needs 5" if null else None,
        "alignment_score": alignment,
        "seconds": {"language": 21.4, "signal": 12.8, "fit": 41.0, "total": 76.1}, "peak_rss_mb": 1480.0,
        "pca_variance": (0.55 + 0.3 * depth).tolist(), "null": {"draws": 200, "level": 0.95},
        "planted": known if planted and not null else {},
        "peak_rule": "contiguous", "estimators": {} if null else rules, "notes": [],
        "half_words": None if null else {"slope_ms": 171.0, "r": 0.96},
    }  # fmt: skip


def patterns(entries, peaks, null, rng):
    """(layer, lag, sensor): two fields over the temples that come and go, on a floor of noise."""
    at = np.array([e["position"] for e in entries]) / 0.11
    sources = np.array([[-0.75, 0.25, 0.6], [0.75, 0.3, 0.6], [-0.6, 0.7, 0.4], [-0.7, -0.3, 0.65]])
    fields = np.exp(
        -0.5 * (np.linalg.norm(at[:, None] - sources / np.linalg.norm(sources, axis=1)[:, None], axis=2) / 0.33) ** 2
    )
    when = np.exp(-0.5 * ((LAGS[None, :] - peaks[:, None]) / 0.12) ** 2)
    mix = np.linspace([1, 0.7, 0.2, 0.1], [0.5, 0.4, 0.8, 0.7], len(peaks)) * (0 if null else 1)
    floor = 3.1 + 0.5 * rng.random((len(peaks), len(LAGS), len(at)))
    return (floor + 9 * np.einsum("lt,lk,sk->lts", when, mix, fields)).astype(np.float32)


def alphas(n_layers, peaks, null, rng):
    power = 6.4 - (0 if null else 2.6) * np.exp(-0.5 * ((LAGS[:, None] - peaks[None]) / 0.2) ** 2)
    spread = power[:, :, None] + rng.normal(0, 0.8, (len(LAGS), n_layers, 50))
    return (10.0 ** np.clip(spread.round(), -4, 8)).reshape(len(LAGS), -1).astype(np.float32)
