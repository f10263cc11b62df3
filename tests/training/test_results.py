"""What the results of a training state besides numbers."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from rtalign.training import results


def test_a_package_that_is_not_installed_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "rtalign":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(results, "version", version)
    found = results.package_versions()
    assert found["rtalign"] == "not installed"
    assert found["torch"] == "1.0"
