"""The doctor finds what is missing, says the cure, and never lets LSL leave the machine."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtalign.core.storage.cache import cache_folder
from rtalign_cli.subcommands.doctor import checks, libraries, probes
from rtalign_cli.subcommands.doctor.checks import Check

FOUND = [
    Check("Python", "ok", "3.11"),
    Check("window", "warn", "no display", "log in on a desktop"),
    Check("LSL streams", "fail", "not found " * 20, "allow UDP"),
]


def saying(**facts: Any) -> Callable[..., dict[str, Any]]:
    return lambda *_, **__: facts


# ---- the report


def test_facts_are_aligned() -> None:
    lines = checks.report(FOUND, hints=True, width=80).splitlines()
    starts = {line.index(fact) for line in lines for fact in ("3.11", "no display", "not found") if fact in line}
    arrows = {line.index("->") for line in lines if "->" in line}
    assert starts == arrows
    assert max(map(len, lines)) <= 80


def test_fixes_of_failures_are_always_shown() -> None:
    assert "-> allow UDP" in checks.report(FOUND)
    assert "desktop" not in checks.report(FOUND)
    assert "1 could be better, 1 must be fixed; --fix-hints says how." in checks.report(FOUND)
    assert "-> log in on a desktop" in checks.report(FOUND, hints=True)
    assert "All 1 checks passed." in checks.report(FOUND[:1])


def test_colour_changes_no_text() -> None:
    assert re.sub(r"\x1b\[\d+m", "", checks.report(FOUND, colour=True)) == checks.report(FOUND)


def test_a_check_is_plain_in_json() -> None:
    assert checks.as_dict(FOUND[1]) == {
        "name": "window",
        "status": "warn",
        "fact": "no display",
        "fix": "log in on a desktop",
    }


def test_a_check_that_raises_does_not_end_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble() -> Check:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(checks, "CHECKS", {"one": stumble, "two": lambda: checks.ok("fine")})
    one, two = checks.run_checks()
    assert (one.name, one.status, two.status) == ("one", "fail", "ok")
    assert "RuntimeError: no such thing" in one.fact


# ---- probes


def test_a_probe_returns_what_its_program_reported() -> None:
    assert probes.run("print('noise')\nreport(answer=42)") == {"answer": 42}


def test_a_probe_returns_how_its_program_failed() -> None:
    assert probes.run("raise ImportError('libGL.so.1: cannot open')") == {
        "error": "ImportError: libGL.so.1: cannot open"
    }
    assert "status" in probes.run("import os; os.abort()")["error"]
    with pytest.raises(probes.NoAnswer, match="no answer within 0 s"):
        probes.run("import time; time.sleep(9)", timeout=0.2)


@pytest.mark.parametrize(
    ("load", "status", "fix"), [(99.0, "warn", "close other programs"), (0.0, "fail", "reinstall")]
)
def test_a_busy_machine_is_slow_and_not_broken(
    monkeypatch: pytest.MonkeyPatch, load: float, status: str, fix: str
) -> None:
    def never(*_: Any, **__: Any) -> dict[str, Any]:
        raise probes.NoAnswer(60.0)

    monkeypatch.setattr(probes, "run", never)
    monkeypatch.setattr(checks.os, "getloadavg", lambda: (load, 0.0, 0.0))
    found = checks._run_check(("torch", checks.torch))
    assert (found.name, found.status) == ("torch", status)
    assert fix in found.fix
    assert ("reinstall" in found.fix) == (status == "fail")


def test_a_busy_machine_that_loses_samples_is_no_firewall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "run", saying(found=True, searched=0.1, sent=500, received=20))
    monkeypatch.setattr(checks.os, "getloadavg", lambda: (99.0, 0.0, 0.0))
    check = checks.streams()
    assert (check.status, "firewall" in check.fix) == ("warn", False)


def test_a_late_answer_is_believed_at_the_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([probes.NoAnswer(60.0), {"version": "5.1"}])

    def late(*_: Any, **__: Any) -> dict[str, Any]:
        answer = next(answers)
        if isinstance(answer, dict):
            return answer
        raise answer

    monkeypatch.setattr(probes, "run", late)
    found = checks._run_check(("transformers", checks.transformers))
    assert (found.status, found.fix) == ("warn", "")
    assert "5.1; slow" in found.fact


def test_lsl_stays_on_this_machine_whatever_the_user_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSLAPICFG", "/nowhere/that/multicasts.cfg")
    said = probes.run("import os; report(config=open(os.environ['LSLAPICFG']).read())")["config"]
    assert "ResolveScope = machine" in said
    assert "KnownPeers = {127.0.0.1}" in said
    assert "IPv6 = disable" in said


# ---- checks


def test_checks_pass_on_this_machine() -> None:
    names = ("Python", "packages", "LSL streams", "machine")
    found = {name: checks.CHECKS[name]() for name in names}
    assert {name: check.fact for name, check in found.items() if check.status == "fail"} == {}
    sent, arrived = re.findall(r"(\d+) of (\d+) samples", found["LSL streams"].fact)[0]
    assert sent == arrived
    assert int(sent) > 0


def test_the_phase_error_is_a_table_in_ms() -> None:
    check = checks.phase()
    assert check.status == "ok"
    assert re.search(r"at most \d+\.\d ms over 2-20 Hz", check.fact)
    assert len(re.findall(r"[+-]\d+\.\d", check.fact)) == len(checks.PHASE_HZ)


def test_missing_packages_are_named_with_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["numpy>=2.0", "no-such-thing>=1", 'spacy>=3; extra == "pos"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: needed)
    check = checks.packages()
    assert (check.status, check.fact) == ("fail", "not installed: no-such-thing")
    assert check.fix == "pip install no-such-thing"


@pytest.mark.parametrize(
    ("said", "status", "fact"),
    [
        ({"error": "ImportError: x"}, "fail", "ImportError: x"),
        ({"found": False}, "fail", "is not found on this machine"),
        ({"found": True, "searched": 0.1, "sent": 500, "received": 20}, "fail", "of 500 samples 20 arrived"),
        ({"found": True, "searched": 0.1, "sent": 500, "received": 500}, "ok", "found in 0.1 s"),
    ],
)
def test_a_stream_that_is_found_must_also_flow(
    said: dict[str, Any], status: str, fact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "run", saying(**said))
    monkeypatch.setattr(checks.os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    check = checks.streams()
    assert check.status == status
    assert fact in check.fact
    assert bool(check.fix) == (status == "fail")


def test_an_unused_graphics_card_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"version": "2.13.0+cpu", "cuda": False, "built": None, "threads": 2, "device": ""}
    monkeypatch.setattr(probes, "run", saying(**said))
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert checks.torch().status == "ok"
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/nvidia-smi")
    check = checks.torch()
    assert (check.status, "built for CUDA" in check.fix) == ("warn", True)
    monkeypatch.setattr(probes, "run", saying(**{**said, "cuda": True, "device": "H200"}))
    assert checks.torch().fact == "2.13.0+cpu, CUDA on H200"


def test_missing_libraries_are_named_with_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ldd = tmp_path / "ldd"
    ldd.write_text("#!/bin/sh\necho '  libxcb-icccm.so.4 => not found'\necho '  libc.so.6 => /lib/libc.so.6 (0x0)'\n")
    ldd.chmod(0o755)
    (tmp_path / "cutepkg").mkdir()
    (tmp_path / "cutepkg" / "libqxcb.so").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.syspath_prepend(tmp_path)
    assert libraries.missing("cutepkg", "libqxcb.so") == ["libxcb-icccm.so.4"]
    assert libraries.missing("cutepkg", "libother.so") == []
    assert (
        libraries.install_command(["libxcb-icccm.so.4", "libGL.so.1"]) == "sudo apt-get install -y libgl1 libxcb-icccm4"
    )
    assert "package manager" in libraries.install_command(["libstrange.so.3"])
    assert libraries.install_command([]) == ""


def test_a_display_is_needed_only_for_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(libraries, "missing", lambda *_: [])
    assert checks.window().status == "warn"
    monkeypatch.setenv("DISPLAY", ":0")
    assert checks.window().status == "ok"
    monkeypatch.setattr(libraries, "missing", lambda *_: ["libxcb-cursor.so.0"])
    assert (checks.window().status, "libxcb-cursor0" in checks.window().fix) == ("fail", True)


def test_an_unwritable_or_full_cache_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "a" / "b"))
    assert cache_folder() == tmp_path / "a" / "b"
    monkeypatch.setattr(checks, "NEED_GB", 0.0)
    assert checks.storage().status == "ok"
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(checks, "NEED_GB", 1e9)
    assert checks.storage().status == "warn"
    (tmp_path / "file").touch()
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "file"))
    assert (checks.storage().status, "RTALIGN_CACHE" in checks.storage().fix) == ("fail", True)
