"""What the arguments of a command open: recipes and models."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtalign_cli import inputs
from rtalign_cli.arguments import build_parser


def test_precision_goes_into_the_recipe_and_to_the_model(monkeypatch):
    args = build_parser().parse_args(["train", "r", "--model", "m", "--out", "b", "--precision", "int8"])
    assert inputs.recipe_of(args).language.precision == "int8"
    asked = []
    monkeypatch.setattr("rtalign.language.load", lambda name, **how: asked.append((name, how["precision"])))
    bank = SimpleNamespace(recipe=inputs.recipe_of(args), model={"id": "tiny"})
    back = build_parser().parse_args(["evaluate", "b", "r", "--out", "o"])
    inputs.load_bank_model(bank, back, SimpleNamespace(say=print))
    assert asked == [("tiny", "int8")]


@pytest.mark.parametrize(
    "option",
    [("--lags", "-0.2:0.8:0.05"), ("--layers", "all"), ("--context", "window:5"), ("--preset", "live"),
     ("--words", "all"), ("--precision", "float32"), ("--recipe", "r.toml")],
)  # fmt: skip
def test_extend_refuses_what_it_would_drop(option):
    """Also a value that happens to be the default: the bank may have been made with another."""
    line = ["train", "r", "--model", "m", "--out", "b", "--extend", "banks/first", *option]
    if option[0] == "--lags":
        line[-2:] = [f"--lags={option[1]}"]
    with pytest.raises(ValueError, match=f"from first, so {option[0]} .*{option[1]} would be dropped"):
        inputs.refuse_settings(build_parser().parse_args(line))


def test_extend_without_settings_is_not_refused():
    args = build_parser().parse_args(["train", "r", "--model", "m", "--out", "b", "--extend", "b2", "--device", "cpu"])
    inputs.refuse_settings(args)
    assert inputs.recipe_of(args) == inputs.recipe_of(
        build_parser().parse_args(["train", "r", "--model", "m", "--out", "b", "--preset", "live"])
    )
