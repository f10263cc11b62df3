"""Figures of findings in matplotlib: ladder, map, curves, and all three."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.report import Results, read_results
from rtalign.report.colour import SHADES
from rtalign.scoring.findings import Findings
from rtalign.scoring.headline import p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LAG_TITLE = "time after word onset (ms)"
FORMATS = ("svg", "pdf", "png")


def write_figures(folder: Path, out: Path) -> list[Path]:
    """Write ladder, map, curves and all three of a folder of results, as SVG, PDF and PNG; returns their paths."""
    from matplotlib import pyplot

    results = read_results(folder)
    shown = _shown(results)
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, plot in {"ladder": plot_ladder, "map": plot_map, "curves": plot_curves, "joint": plot_joint}.items():
        figure = plot(shown)
        if mark := results.summary.overlap_warning:
            figure.suptitle(f"No evidence: {mark}", fontsize="small")
        for suffix in FORMATS:
            paths.append(out / f"{name}.{suffix}")
            figure.savefig(paths[-1], dpi=200)
        pyplot.close(figure)
    return paths


def _shown(results: Results) -> Any:
    """What a folder holds under the names of `Findings`; a band or a limit that it lacks is where nothing shows it."""
    summary = results.summary
    layers = np.array([layer.layer for layer in summary.layers])
    curves = SimpleNamespace(r=results.r, lags_s=results.lags, layers=layers, depth=results.depths)
    nowhere = np.full(results.r.shape, np.nan)
    low, high, limit = (
        nowhere if values is None else values for values in (results.null_lo, results.null_hi, results.map_hi)
    )
    return SimpleNamespace(
        curves=curves, peaks=tuple(summary.layers), null_lo=low, null_hi=high, map_hi=limit,
        temporal=summary.temporal_score, reason=summary.temporal_score_reason,
    )  # fmt: skip


def plot_ladder(findings: Findings, ax: Axes | None = None) -> Figure:
    """Depth against peak latency."""
    figure, axes = _axes(ax, (5.0, 4.2))
    found = [peak for peak in findings.peaks if peak.ok]
    colours = _colours(findings)
    for peak, colour in zip(findings.peaks, colours, strict=True):
        if peak.peak_s is None:
            axes.plot(0.03, peak.depth, "o", mfc="none", mec=colour, transform=axes.get_yaxis_transform())
            axes.annotate(
                peak.status, (0.03, peak.depth), (8, 0), axes.get_yaxis_transform(), "offset points",
                va="center", fontsize="small", color="0.4",
            )  # fmt: skip
            continue
        if peak.ci_s:
            axes.plot(1e3 * np.array(peak.ci_s), [peak.depth] * 2, color=colour, lw=2, solid_capstyle="round")
        axes.plot(1e3 * peak.peak_s, peak.depth, "o", color=colour, ms=6)
    if findings.temporal and len(found) > 2:
        depth = np.array([peak.depth for peak in found])
        slope, start = np.polyfit(depth, [1e3 * (peak.peak_s or 0) for peak in found], 1)
        axes.plot(start + slope * depth[[0, -1]], depth[[0, -1]], "--", color="0.5", lw=1, zorder=0)
    axes.set(xlabel="peak latency (ms)", xlim=_latency_span(findings))
    axes.set_title(_title(findings), fontsize="medium")
    _layer_axis(axes, findings)
    return figure


def plot_map(findings: Findings, ax: Axes | None = None) -> Figure:
    """R of every layer and lag."""
    figure, axes = _axes(ax, (6.4, 4.2))
    curves = findings.curves
    lags_ms, rows = 1e3 * curves.lags_s, np.arange(len(curves.r))
    top = max(float(curves.r.max()), 1e-6)
    above = curves.r > findings.map_hi
    image = axes.pcolormesh(
        lags_ms, rows, curves.r, cmap="cividis", vmin=0, vmax=top, shading="nearest", alpha=np.where(above, 1.0, 0.45)
    )
    if above.any():
        _outline(axes, lags_ms, above)
    peaks = [(1e3 * peak.peak_s, row) for row, peak in enumerate(findings.peaks) if peak.peak_s is not None]
    if peaks:
        axes.plot(*zip(*peaks, strict=True), "o-", color="white", mec="black", ms=5, lw=1, zorder=3)
    outlined = "outlined: above chance, corrected over the map" if above.any() else "nothing above chance"
    axes.set(xlabel=LAG_TITLE, ylabel="layer", yticks=rows, yticklabels=curves.layers)
    axes.set_title(outlined, fontsize="medium")
    figure.colorbar(image, ax=axes, label="R").set_alpha(1)
    return figure


def plot_curves(findings: Findings, ax: Axes | None = None) -> Figure:
    """R over lags, a line a layer."""
    figure, axes = _axes(ax, (6.4, 4.2))
    curves, lags_ms = findings.curves, 1e3 * findings.curves.lags_s
    low, high = findings.null_lo.min(0), findings.null_hi.max(0)
    axes.fill_between(lags_ms, low, high, color="0.88", lw=0, label="95 % of chance, widest layer")
    for layer, r, colour in zip(curves.layers, curves.r, _colours(findings), strict=True):
        axes.plot(lags_ms, r, color=colour, lw=1.6, label=f"layer {layer}")
    axes.axvline(0, color="0.6", lw=0.8)
    axes.set(xlabel=LAG_TITLE, ylabel="R", xlim=(lags_ms[0], lags_ms[-1]))
    axes.spines[["top", "right"]].set_visible(False)
    handles, names = axes.get_legend_handles_labels()
    shown = np.unique(np.linspace(0, len(handles) - 1, min(len(handles), 12)).astype(int))
    axes.legend(
        [handles[i] for i in shown],
        [names[i] for i in shown],
        frameon=False,
        fontsize="small",
        loc="upper left",
        bbox_to_anchor=(1, 1),
    )
    return figure


def plot_joint(findings: Findings) -> Figure:
    """Map and ladder over the curves."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplot_mosaic(
        [["map", "ladder"], ["curves", "curves"]], figsize=(11.0, 8.0), layout="constrained", width_ratios=(4, 3)
    )
    plot_map(findings, axes["map"])
    plot_ladder(findings, axes["ladder"])
    plot_curves(findings, axes["curves"])
    return figure


def _axes(ax: Any, size: tuple[float, float]) -> tuple[Any, Any]:
    """The caller's axes, or those of a new figure."""
    if ax is not None:
        return ax.figure, ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=size, layout="constrained")


def _colours(findings: Findings) -> Any:
    """(layer,): by depth, dark to light, from the part of cividis that stands out against white."""
    from matplotlib import colormaps

    low, high = SHADES["light"]
    return colormaps["cividis"](low + (high - low) * findings.curves.depth)


def _layer_axis(axes: Any, findings: Findings) -> None:
    curves = findings.curves
    shown = np.unique(np.linspace(0, len(curves.layers) - 1, min(len(curves.layers), 17)).astype(int))
    axes.set(ylabel="layer", yticks=curves.depth[shown], yticklabels=curves.layers[shown])
    axes.spines[["top", "right"]].set_visible(False)


def _latency_span(findings: Findings) -> tuple[float, float]:
    """In ms: around peaks and intervals and never under 200 ms, so that a few ms look few; else all lags."""
    values = [v for peak in findings.peaks if peak.ok for v in (peak.peak_s, *(peak.ci_s or ()))]
    if not values:
        return 1e3 * findings.curves.lags_s[0], 1e3 * findings.curves.lags_s[-1]
    low, high = 1e3 * min(v for v in values if v is not None), 1e3 * max(v for v in values if v is not None)
    reach = max(0.56 * (high - low), 100.0)
    return (low + high) / 2 - reach, (low + high) / 2 + reach


def _title(findings: Findings) -> str:
    score = findings.temporal
    if score is None:
        return "no temporal score: " + str(findings.reason).replace("; ", ";\n")
    interval = f" [{score.ci[0]:.2f}, {score.ci[1]:.2f}]" if score.ci else ""
    return f"r = {score.r:.2f}{interval}, {score.slope_ms:+.0f} ms, {p_text(score)}"


def _outline(axes: Any, lags_ms: np.ndarray, above: np.ndarray) -> None:
    """Lines around cells that are set, along the borders of cells."""
    half = np.diff(lags_ms, prepend=2 * lags_ms[0] - lags_ms[1])[0] / 2
    padded = np.pad(above, 1)
    left = np.append(lags_ms - half, lags_ms[-1] + half)
    rows, cols = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    axes.vlines(left[cols], rows - 0.5, rows + 0.5, color="black", lw=1)
    rows, cols = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    axes.hlines(rows - 0.5, left[cols], left[cols + 1], color="black", lw=1)
