"""What is wrong with a command line, in one line: the fact, the value and the fix, with no page of usage before."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn


class UsageError(ValueError):
    """A command line that cannot be meant; exit status 2."""


def suggestion(given: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" where a known name is close to the given one, else nothing."""
    close = get_close_matches(given.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def listed(names: Sequence[str], last: str = "or") -> str:
    """A list as a sentence has it: a, b or c."""
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


class CommandParser(argparse.ArgumentParser):
    """A parser that raises UsageError, suggests names, and takes values that begin with a minus and a digit.

    example : the command line that messages show.
    """

    def __init__(self, *args: Any, example: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.example = example
        # argparse knows -5 to be a value and takes -0.2:0.8:0.02 for an option.
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse options that do not exist before anything is missed, so that a typing error is called one."""
        words = list(args or ())
        self._refuse_unknown_options(words)
        parsed, rest = super().parse_known_args(words, namespace)
        if rest:
            raise UsageError(f"{rest[0]!r} is one argument too many; {self._see()}")
        return parsed, rest

    def _match_arguments_partial(self, actions: Any, arg_strings_pattern: str) -> list[int]:
        """What finds nothing before an option waits for what is behind it, as it does from Python 3.13 on."""
        counts: list[int] = super()._match_arguments_partial(actions, arg_strings_pattern)  # type: ignore[misc]
        while counts and not counts[-1] and "A" in arg_strings_pattern[sum(counts) :]:
            counts.pop()
        return counts

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found, in our words."""
        if match := re.fullmatch(r"the following arguments are required: (.*)", message):
            raise UsageError(f"{listed(match[1].split(', '), 'and')} must be given; {self._see()}")
        if match := re.fullmatch(r"ambiguous option: (\S+) could match (.*)", message):
            raise UsageError(f"{match[1]} may be {listed(match[2].split(', '))}; write it out")
        if match := re.fullmatch(r"argument (\S+): (.*)", message, re.DOTALL):
            raise UsageError(self._about_argument(match[1].split("/")[0], match[2]))
        raise UsageError(f"{message}; {self._see()}")

    def _about_argument(self, name: str, message: str) -> str:
        action = next((a for a in self._actions if name in (*a.option_strings, a.metavar, a.dest)), None)
        if match := re.match(r"invalid choice: '?(.*?)'? \(choose from", message, re.DOTALL):
            choices = [str(choice) for choice in (action.choices if action and action.choices else ())]
            if isinstance(action, argparse._SubParsersAction):
                return f"there is no command {match[1]!r}{suggestion(match[1], choices) or '; see rtalign --help'}"
            name = name if action and action.option_strings else "it"
            return f"{name} is {listed(choices)}, not {match[1]!r}{suggestion(match[1], choices)}"
        if match := re.match(r"invalid (int|float) value: (.*)", message):
            return f"{name} takes a {'whole ' * (match[1] == 'int')}number, not {match[2]}"
        if match := re.match(r"ignored explicit argument (.*)", message):
            return f"{name} takes no value; leave out {match[1]}"
        if message.startswith("expected"):
            value = action.metavar if action and isinstance(action.metavar, str) else "VALUE"
            return f"{name} needs a value: {name} {value}"
        return f"{name} {message}"

    def _see(self) -> str:
        return f"for example: {self.example}" if self.example else f"see {self.prog} --help"

    def _refuse_unknown_options(self, words: Sequence[str]) -> None:
        known = list(self._option_string_actions)
        for word in words:
            if word == "--":
                return
            name = word.split("=", 1)[0]
            if not name.startswith("-") or len(name) == 1 or self._negative_number_matcher.match(name):
                if self._subparsers is not None:  # what follows a command is the command's
                    return
                continue
            if not any(option.startswith(name) for option in known):
                raise UsageError(f"there is no option {name}{suggestion(name, known) or f'; see {self.prog} --help'}")


def number(
    at_least: float = -math.inf, at_most: float = math.inf, above: float = -math.inf, unit: str = ""
) -> Callable[[str], float]:
    """The type of an option that takes a number in a range."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"takes a number, not {text!r}") from None
        if not (math.isfinite(value) and at_least <= value <= at_most and value > above):
            raise argparse.ArgumentTypeError(f"is {text}; it must be {_range(at_least, at_most, above)}{unit}")
        return value

    return convert


def whole(at_least: int, at_most: int | None = None) -> Callable[[str], int]:
    """The type of an option that takes a whole number in a range."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"takes a whole number, not {text!r}") from None
        if value < at_least or (at_most is not None and value > at_most):
            most = math.inf if at_most is None else at_most
            raise argparse.ArgumentTypeError(f"is {text}; it must be {_range(at_least, most, -math.inf)}")
        return value

    return convert


def _range(at_least: float, at_most: float, above: float) -> str:
    low = f"above {above:g}" if above > -math.inf else f"at least {at_least:g}" if at_least > -math.inf else "finite"
    return low + (f" and at most {at_most:g}" if at_most < math.inf else "")
