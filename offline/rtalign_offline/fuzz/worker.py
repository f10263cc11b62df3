"""Fuzzes one reader in a process of its own: guided by coverage where atheris is there, else by hypothesis."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import rtalign
from rtalign.core.storage.files import write_atomically

SLOW_S = 1.0
"""Processor time that no input may take."""
MEMORY_MB = 500.0
"""By which the process may grow."""
MAX_BYTES = 4096
CODE = Path(rtalign.__file__).parent
REPORT_S = 2.0
INTERESTING = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"-1",
    b"1e400",
    b"nan",
    b"[" * 200,
    b"{",
    b'"',
    b"\n",
    b"\t",
    b"\xff\xff\xff\xff",
)


@dataclass
class FuzzResult:
    """What a run found.

    Attributes
    ----------
    target, engine : str
        What was fuzzed, and by what.
    n_inputs : int
        Inputs read, in all runs with the present code.
    seconds : float
        Processor time of these runs.
    megabytes : float
        By which the process has grown.
    slowest_s : float
        Processor time of the slowest input.
    defects : list of dict
        One for each place: error, where, and the input's file.
    code : dict of str to str
        Hashes of the modules whose functions the kept inputs run through.
    """

    target: str
    engine: str
    n_inputs: int = 0
    seconds: float = 0.0
    megabytes: float = 0.0
    slowest_s: float = 0.0
    defects: list[dict[str, str]] = field(default_factory=list)
    code: dict[str, str] = field(default_factory=dict)

    @classmethod
    def continued(cls, report: Path, target: str, engine: str) -> FuzzResult:
        """That of the runs before, where the code is still theirs; else a new one."""
        if report.exists():
            before = cls(**json.loads(report.read_text(encoding="utf-8")))
            if before.engine == engine and before.code and before.code == hashes(before.code):
                return before
        return cls(target, engine)


class Observer:
    """Reads inputs, one after the other, and notes what must not happen.

    Parameters
    ----------
    findings : FuzzResult
        Where it is noted.
    read : callable
        Reads one input; whatever it raises is a defect.
    report, kept : Path
        Where findings go, as JSON; the folder for inputs that showed a defect.
    most : int
        Inputs after which the process ends.
    """

    def __init__(
        self, findings: FuzzResult, read: Callable[[bytes], object], report: Path, kept: Path, most: int
    ) -> None:
        self._findings, self._read, self._report, self._kept, self._most = findings, read, report, kept, most
        self._reported = time.monotonic()
        self._began = time.process_time() - findings.seconds
        self._before = _megabytes()
        self._most_megabytes = findings.megabytes
        self._places = {(defect["error"].split(":")[0], defect["where"]) for defect in findings.defects}

    def take(self, data: bytes) -> None:
        """Read an input."""
        began = time.process_time()
        try:
            self._read(data)
        except Exception as error:  # the boundary of an input: what a reader may not raise is what is looked for
            place = traceback.extract_tb(error.__traceback__)[-1]
            self._note(
                data, f"{type(error).__name__}: {str(error)[:200]}", f"{Path(place.filename).name}:{place.lineno}"
            )
        took = time.process_time() - began
        found = self._findings
        found.n_inputs += 1
        found.slowest_s = max(found.slowest_s, took)
        if took > SLOW_S:
            self._note(data, "slow", f"{took:.0f} s")
        if found.n_inputs >= self._most or time.monotonic() - self._reported > REPORT_S:
            self.write()
        if found.n_inputs >= self._most:
            sys.stderr.flush()
            os._exit(0)  # libFuzzer would go on

    def write(self) -> None:
        """Write the findings so far."""
        self._reported = time.monotonic()
        self._findings.seconds = time.process_time() - self._began
        self._findings.megabytes = max(_megabytes() - self._before, self._most_megabytes)
        write_atomically(self._report, json.dumps(asdict(self._findings)))

    def _note(self, data: bytes, error: str, where: str) -> None:
        if (error.split(":")[0], where) in self._places or len(self._places) > 50:
            return
        self._places.add((error.split(":")[0], where))
        self._kept.mkdir(parents=True, exist_ok=True)
        file = self._kept / hashlib.sha256(data).hexdigest()[:12]
        file.write_bytes(data)
        self._findings.defects.append({"error": error, "where": where, "input": str(file)})


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fuzz(name: str, n_inputs: int, report: Path, corpus: Path, kept: Path) -> None:
    """Fuzz a target; ends the process.

    Parameters
    ----------
    name : str
        Of the target.
    n_inputs : int
        How many inputs, those of earlier runs with the same code among them.
    report : Path
        Where the findings go.
    corpus : Path
        A folder of inputs that reached new code, kept from run to run.
    kept : Path
        The folder for inputs that showed a defect.
    """
    atheris: Any = importlib.import_module("atheris") if importlib.util.find_spec("atheris") else None
    if atheris is not None:
        with atheris.instrument_imports(include=["rtalign"]):
            from rtalign_offline.fuzz import targets
    else:
        from rtalign_offline.fuzz import targets
    target = targets.TARGETS[name]
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / f"seed-{hashlib.sha256(seed).hexdigest()[:12]}").write_bytes(seed)
    findings = FuzzResult.continued(report, name, "atheris" if atheris is not None else "hypothesis")
    observer = Observer(findings, lambda data: targets.check(target, data), report, kept, n_inputs)
    findings.code = hashes(modules_of(target.read, [path.read_bytes() for path in sorted(corpus.iterdir())]))
    if atheris is not None:
        options = [f"-max_len={MAX_BYTES}", "-verbosity=0", "-rss_limit_mb=0", "-timeout=300", "-detect_leaks=0"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], observer.take)
        atheris.Fuzz()
    else:
        by_hypothesis(observer, [path.read_bytes() for path in sorted(corpus.iterdir())])


def modules_of(read: Callable[[bytes], object], inputs: Iterable[bytes]) -> set[str]:
    """Files, below the folder of rtalign, of the functions that inputs run through."""
    files: set[str] = set()
    sys.setprofile(lambda frame, _event, _argument: files.add(frame.f_code.co_filename))
    try:
        for data in inputs:
            with contextlib.suppress(Exception):  # whatever it raises is found again when it is fuzzed
                read(data)
    finally:
        sys.setprofile(None)
    return {str(Path(file).relative_to(CODE)) for file in files if Path(file).is_relative_to(CODE)}


def hashes(modules: Iterable[str]) -> dict[str, str]:
    """The hash of each module; of one that is gone, an empty text."""
    found = {module: CODE / module for module in sorted(modules)}
    return {
        module: hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""
        for module, path in found.items()
    }


def by_hypothesis(observer: Observer, seeds: list[bytes]) -> None:
    """Inputs by hypothesis: seeds with some of their bytes changed, and bytes at random."""
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    edit = st.tuples(st.integers(0, 2), st.floats(0, 1), st.one_of(st.sampled_from(INTERESTING), st.binary(max_size=8)))
    inputs = st.one_of(
        st.tuples(st.sampled_from(seeds), st.lists(edit, min_size=1, max_size=6)).map(lambda drawn: edited(*drawn)),
        st.binary(max_size=MAX_BYTES),
    )
    every = settings(
        max_examples=10_000, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    while True:
        seed(random.randrange(2**32))(every(given(inputs)(lambda data: observer.take(data))))()


def edited(data: bytes, edits: list[tuple[int, float, bytes]]) -> bytes:
    """Bytes overwritten (0), put in (1) or taken out (2), each at a share of the length."""
    for kind, share, new in edits:
        at = int(share * len(data))
        data = data[:at] + (b"" if kind == 2 else new) + data[at + (0 if kind == 1 else len(new)) :]
    return data[:MAX_BYTES]
