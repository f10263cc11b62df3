"""The plan of a sweep: models, contexts and people, with the recipe that all of its jobs share."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from rtalign.core.recipe import LanguageRecipe, Recipe, Settings, validation_text
from rtalign.core.storage.files import expand_home
from rtalign.core.storage.json_toml import read_toml
from rtalign.language.loading import parse_model_name

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+:-]{0,63}")
SCHEDULER_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:,+%-]{0,127}")
WALLTIME = re.compile(r"(\d{1,4}-\d{1,2}(:\d{1,2}){0,2}|\d{1,6}(:\d{1,2}){0,2})")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.+-]+")


def _label(text: str) -> str:
    if text and not LABEL.fullmatch(text):
        raise ValueError(f"{text!r} names results and files: use up to 64 letters, digits, blanks and . _ + : -")
    return text


Label = Annotated[str, AfterValidator(_label)]


def _word(text: str) -> str:
    if not SCHEDULER_WORD.fullmatch(text):
        raise ValueError(
            f"{text!r:.80} goes into a script of the cluster: one word of letters, digits and . _ : , + % -"
        )
    return text


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"{text!r:.80} goes into a script of the cluster: one line without control characters")
    return text


def walltime_s(text: str) -> float:
    """Seconds of a time as sbatch takes it: minutes, minutes:seconds, h:m:s, days-h, days-h:m or days-h:m:s."""
    parts = WALLTIME.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r:.80} goes into a script of the cluster: a time such as 08:00:00 or 1-12:00:00")
    days, *numbers = (int(part) for part in re.split("[-:]", text if "-" in text else f"0-{text}"))
    if "-" not in text and len(numbers) < 3:
        numbers = [0, *numbers]
    hours, minutes, seconds = (*numbers, 0, 0)[:3]
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _walltime(text: str) -> str:
    if walltime_s(text) <= 0:
        raise ValueError(f"{text!r} is no time in which a worker can do anything")
    return text


def _variable(text: str) -> str:
    if not VARIABLE.fullmatch(text):
        raise ValueError(f"{text!r:.80} goes into a script of the cluster: the name of an environment variable")
    return text


SchedulerWord = Annotated[str, AfterValidator(_word)]
ScriptLine = Annotated[str, AfterValidator(_line)]
Walltime = Annotated[str, AfterValidator(_walltime)]
VariableName = Annotated[str, AfterValidator(_variable)]

Pool = Literal["cpu", "gpu"]
"""Which workers do a task."""
POOLS: tuple[Pool, ...] = ("cpu", "gpu")


class Person(Settings):
    """A participant, and where the recordings are.  Each field is described where it is defined."""

    name: Label = Field(description="Name of this person in results.")
    recordings: tuple[str, ...] = Field(min_length=1, description="BIDS folders or MEG recordings.")
    subject: str | None = Field(None, description="Only this subject of a BIDS folder.")
    session: str | None = Field(None, description="Only this session.")
    task: str | None = Field(None, description="Only this task.")
    run: str | None = Field(None, description="Only this run.")
    word_table: str | None = Field(None, description="TSV, CSV, TextGrid or CTM of word onsets.")
    bads: tuple[str, ...] = Field((), description="Channels to leave out.")


class PlannedModel(Settings):
    """A language model, as `rtalign train --model` names it.  Each field is described where it is defined."""

    name: str = Field(min_length=1, description="smollm2, a folder, a GGUF file, or an id in the local cache.")
    label: Label = Field("", description="Its name in results; by default the last part of its name.")
    architecture: Label = Field("", description="Which models belong together in the report; the family by default.")
    untrained: bool = Field(False, description="The same architecture with random weights, one control for each seed.")
    contexts: tuple[str, ...] = Field((), description="Of this model alone, in place of the plan's.")
    trained_as: Label = Field("", description="The label of the model whose control this is.")

    @property
    def title(self) -> str:
        """The label, or a readable name."""
        last = self.name.rstrip("/").rsplit("/", 1)[-1]
        return self.label or last + (" untrained" if self.untrained else "")


class ClusterPlan(Settings):
    """Where the jobs run, and what is requested from the scheduler of a cluster.

    Each field is described where it is defined.
    """

    workers: int = Field(0, ge=0, le=4096, description="Processes that filter and fit; 0 takes what the cores allow.")
    cpus: int = Field(1, ge=1, le=256, description="Cores of each process; lags are fitted side by side on them.")
    memory: SchedulerWord = Field(
        "auto", description="Most memory of one process, such as 4GB; auto shares the machine's."
    )
    gpus: int = Field(0, ge=0, le=1024, description="Processes with a GPU each, beside the others; 0: all found here.")
    gpu_memory: SchedulerWord | None = Field(None, description="Most memory of a process with a GPU; memory if absent.")
    partition: SchedulerWord | None = Field(None, description="slurm: the partition.")
    gpu_partition: SchedulerWord | None = Field(None, description="slurm: that of processes with a GPU, if another.")
    account: SchedulerWord | None = Field(None, description="slurm: the account.")
    time: Walltime = Field("08:00:00", description="slurm: longest run of a worker; jobs continue in the next one.")
    interface: SchedulerWord | None = Field(None, description="slurm: the network card that nodes reach each other by.")
    environment: tuple[VariableName, ...] = Field((), description="slurm: variables of this shell that workers get.")
    directives: tuple[ScriptLine, ...] = Field((), description="slurm: further options of sbatch, such as --qos=long.")
    prologue: tuple[ScriptLine, ...] = Field((), description="slurm: lines of shell before a worker starts.")


class Plan(Settings):
    """Models x contexts x people x seeds under one recipe, as a TOML file that a person writes.

    Each field is described where it is defined.

    Examples
    --------
    >>> plan = Plan.load(Path("plan.toml"))  # doctest: +SKIP
    >>> len(plan.jobs())  # doctest: +SKIP
    48
    """

    title: str = Field("sweep", description="Title of the report.")
    people: tuple[Person, ...] = Field(min_length=1, description="Whose recordings.")
    models: tuple[PlannedModel, ...] = Field(min_length=1, description="Which language models.")
    contexts: tuple[str, ...] = Field(("growing:1000",), min_length=1, description="growing:N or window:K, each.")
    seeds: tuple[int, ...] = Field((0,), min_length=1, description="Of the weights of untrained models.")
    refit_quartiles: bool = Field(
        False,
        description="Fit decoders to the words of each quartile alone; else all are scored by those of all words.",
    )
    quartiles: bool = Field(True, description="Score the words of each quartile of the model's own surprisal too.")
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where the language models compute.")
    fit_device: Literal["cpu", "cuda"] = Field("cpu", description="Where decoders are fitted.")
    keep_activations: bool = Field(True, description="Keep activations in the cache once their jobs are done.")
    paper: bool = Field(
        False, description="The settings are those of arXiv 2512.01591, so that its numbers can be compared."
    )
    cluster: ClusterPlan = Field(ClusterPlan(), description="What is requested from the cluster.")
    recipe: Recipe = Field(Recipe(), description="All that changes a number; the context comes from contexts.")

    @model_validator(mode="after")
    def _check(self) -> Plan:
        for kind, names in (("people", [p.name for p in self.people]), ("models", [m.title for m in self.models])):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"two {kind} are called {twice[0]!r}; give each a name (models: a label) of its own")
        lists = [self.contexts, self.seeds, *(model.contexts for model in self.models)]
        for context in (*self.contexts, *self._of_models()):
            LanguageRecipe(context=context)
        if any(len(set(given)) < len(given) for given in lists):
            raise ValueError("a context or a seed is given twice; give each once")
        unknown = {m.trained_as for m in self.models if m.trained_as} - {m.title for m in self.models}
        if unknown:
            raise ValueError(f"trained_as = {sorted(unknown)[0]!r} is no model of this plan; name one by its label")
        return self

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read a plan.

        Parameters
        ----------
        path : Path
            A TOML file; paths in it are relative to its own folder.

        Returns
        -------
        Plan
            The plan, with absolute paths.

        Raises
        ------
        ValueError
            If the file is not TOML or not a valid plan; the message is one line.
        """
        return cls.parse(read_toml(path), path.resolve().parent)

    @classmethod
    def parse(cls, values: dict[str, Any], base: Path) -> Plan:
        """A plan from the content of its TOML: preset, then the recipe's own settings."""
        recipe = Recipe.preset(values.pop("preset", "live")).model_dump()
        given = values.pop("recipe", {})
        if not isinstance(given, dict):
            raise ValueError(f"plan, recipe: {given!r:.80} where a section such as [recipe.lags] belongs")
        for group, settings in given.items():
            if not isinstance(settings, dict):
                raise ValueError(f"plan, recipe: {group!r} is outside a section, such as [recipe.lags]")
            recipe[group] = {**recipe.get(group, {}), **settings}
        try:
            plan = cls.model_validate({**values, "recipe": recipe})
        except ValidationError as error:
            raise ValueError(validation_text(error, "plan", cls)) from None
        people = (_with_full_paths(person, base) for person in plan.people)
        models = (_with_full_name(model, base) for model in plan.models)
        return plan.model_copy(update={"people": tuple(people), "models": tuple(models)})

    @property
    def fingerprint(self) -> str:
        """A hash of everything in the plan."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def every_context(self) -> list[str]:
        """All contexts that any model is read in, in the plan's order."""
        used = {context for model in self.models for context in model.contexts or self.contexts}
        return [context for context in dict.fromkeys([*self.contexts, *self._of_models()]) if context in used]

    def _of_models(self) -> list[str]:
        return [context for model in self.models for context in model.contexts]

    def recipe_for(self, context: str) -> Recipe:
        """The recipe of the jobs in one context."""
        return self.recipe.with_settings("language", context=context)

    def jobs(self) -> list[JobKey]:
        """Every combination, models outermost; only untrained models differ by seed."""
        return [
            JobKey(model=model.title, context=context, person=person.name, seed=seed)
            for model in self.models
            for seed in (self.seeds if model.untrained else self.seeds[:1])
            for context in model.contexts or self.contexts
            for person in self.people
        ]

    def pool(self, kind: str) -> Pool:
        """Which workers do a kind of task."""
        device = {"read": self.device, "components": self.fit_device, "job": self.fit_device}.get(kind, "cpu")
        return "gpu" if device == "cuda" else "cpu"

    def model(self, title: str) -> PlannedModel:
        """The model of this title."""
        return next(m for m in self.models if m.title == title)

    def person(self, name: str) -> Person:
        """The person of this name."""
        return next(p for p in self.people if p.name == name)


class ReadingKey(Settings):
    """One model's reading of the stories in one context.

    Attributes
    ----------
    model, context : str
        Their names in the plan.
    seed : int
        Of the weights of an untrained model.
    """

    model: str
    context: str
    seed: int

    @property
    def slug(self) -> str:
        return "_".join(NOT_IN_NAMES.sub("-", part) for part in (self.model, self.context, str(self.seed)))


class JobKey(Settings):
    """One combination of a plan.

    Attributes
    ----------
    model, context, person : str
        Their names in the plan.
    seed : int
        Of the weights of an untrained model.
    """

    model: str
    context: str
    person: str
    seed: int

    @property
    def reading(self) -> ReadingKey:
        return ReadingKey(model=self.model, context=self.context, seed=self.seed)

    @property
    def slug(self) -> str:
        """A folder's name."""
        return f"{self.reading.slug}_{NOT_IN_NAMES.sub('-', self.person)}"

    def __str__(self) -> str:
        return f"{self.model}, {self.context}, {self.person}" + (f", seed {self.seed}" if self.seed else "")


def _with_full_paths(person: Person, base: Path) -> Person:
    """With paths that are valid wherever a worker runs."""
    table = None if person.word_table is None else str(base / person.word_table)
    return person.model_copy(
        update={"recordings": tuple(str(base / r) for r in person.recordings), "word_table": table}
    )


def _with_full_name(model: PlannedModel, base: Path) -> PlannedModel:
    """With the full path of a model that is a folder or file beside the plan."""
    asked = parse_model_name(model.name)
    if asked.variant == "random":
        return model
    path = base / expand_home(asked.base)
    exists = (path / "config.json").is_file() or (path.suffix == ".gguf" and path.is_file())
    return model.model_copy(update={"name": str(replace(asked, base=str(path)))}) if exists else model
