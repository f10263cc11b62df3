"""What the arguments of a command open: recipes and models."""

from __future__ import annotations

from types import SimpleNamespace

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
