"""Folders of results that appear whole or not at all, with the seconds that each stage took."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from offline.machine import peak_rss_mb
from offline.progress import Progress
from rtalign import cache, results
from rtalign.curves import Curves, assess
from rtalign.recipe import Recipe

STAGES = {"language": ("language model",), "signal": ("signal",), "fit": ("targets", "decoders", "scores")}


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that appears at `out` whole or not at all; what stood there goes only when its successor is ready."""
    with cache.atomic_folder(out) as partial:
        yield partial
        if out.is_dir():
            shutil.rmtree(out)


def write_results(
    folder: Path,
    kind: str,
    passport: Mapping[str, Any],
    recipe: Recipe,
    skipped: Mapping[str, int],
    curves: Curves,
    progress: Progress,
    **extra: Any,
) -> dict[str, Any]:
    """Assess the curves and write what came of it; returns the summary."""
    spent = {name: sum(progress.seconds.get(part, 0.0) for part in parts) for name, parts in STAGES.items()}
    spent |= {"total": progress.elapsed()}
    return results.write_results(folder, kind, passport, recipe, skipped, assess(curves), spent, peak_rss_mb(), **extra)
