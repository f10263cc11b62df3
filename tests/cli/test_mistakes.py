"""Sixty typical mistakes: each ends in one line with the fact, the value and the fix, before any work is done."""

from __future__ import annotations

import json
from pathlib import Path

import mne
import pytest

from rtalign_cli import main
from rtalign_cli.subcommands import offline
from tests.helpers.fif_files import noise, write

USAGE, FAILED = 2, 1

TRAIN = "train story_meg.fif --word-table words.tsv --model smollm2 --out new"
MISTAKES = [
    # what does not exist
    ("trian story", USAGE, "there is no command 'trian'; did you mean train?"),
    ("moniter", USAGE, "there is no command 'moniter'; did you mean monitor?"),
    ("calibrate", USAGE, "there is no command 'calibrate'; see rtalign --help"),
    ("--verison", USAGE, "there is no option --verison; did you mean --version?"),
    ("train story --modle smollm2 --out new", USAGE, "there is no option --modle; did you mean --model?"),
    ("demo --hedless", USAGE, "there is no option --hedless; did you mean --headless?"),
    ("demo -o x", USAGE, "there is no option -o; see rtalign demo --help"),
    ("report bank --format=pdf", USAGE, "there is no option --format"),
    # what is missing, or too much
    ("train", USAGE, "RECORDING, --model and --out must be given; for example: rtalign train"),
    ("train story --model smollm2", USAGE, "--out must be given; for example"),
    ("evaluate bank", USAGE, "RECORDING and --out must be given"),
    ("train story --out new --model", USAGE, "--model needs a value: --model M"),
    ("replay story --speed", USAGE, "--speed needs a value: --speed X|max"),
    ("report bank sweep", USAGE, "'sweep' is one argument too many"),
    ("demo --headless=yes", USAGE, "--headless takes no value; leave out 'yes'"),
    ("train story --model m --out new --word all", USAGE, "--word may be --word-table, --word-stream or --words"),
    ("sweep", USAGE, "a sweep needs a plan and a folder: rtalign sweep plan.toml --out DIR"),
    ("datasets check", USAGE, "name the folder: rtalign datasets check FOLDER"),
    # values of the wrong kind, or outside their range
    ("simulate new --sensors ctf257", USAGE, "--sensors is ctf275 or neuromag306, not 'ctf257'; did you mean ctf275?"),
    ("train story --model m --out new --words nouns", USAGE, "--words is all or content, not 'nouns'"),
    ("train story --model m --out new --device gpu", USAGE, "--device is cpu or cuda, not 'gpu'"),
    ("monitor --encoding plane", USAGE, "not 'plane'; did you mean plain?"),
    ("datasets chek story", USAGE, "check or audit, not 'chek'; did you mean check?"),
    ("demo --minutes ten", USAGE, "--minutes takes a number, not 'ten'"),
    ("demo --minutes -3", USAGE, "--minutes is -3; it must be above 0"),
    ("demo --minutes nan", USAGE, "--minutes is nan; it must be above 0"),
    ("demo --seed 1.5", USAGE, "--seed takes a whole number, not '1.5'"),
    ("simulate new --words 0", USAGE, "--words is 0; it must be at least 1"),
    ("simulate new --snr 0", USAGE, "--snr is 0; it must be above 0"),
    ("simulate new --sfreq 1", USAGE, "--sfreq is 1; it must be at least 100"),
    ("train-lm story.txt --out new --vocabulary 20", USAGE, "--vocabulary is 20; it must be at least 300"),
    ("monitor --last-words 20", USAGE, "--last-words is 20; it must be at least 100"),
    ("monitor --audio-delay 35", USAGE, "--audio-delay is 35; it must be at least -1 and at most 1 s"),
    ("stream story --speed 0", USAGE, "--speed is 0; it must be above 0"),
    ("stream story --chunk-ms 0", USAGE, "--chunk-ms is 0; it must be above 0"),
    # settings
    (f"{TRAIN} --context sliding:50", FAILED, "'sliding:50' is not growing:N or window:K"),
    (f"{TRAIN} --lags 0:1", FAILED, "lags '0:1' are not FROM:TO:STEP in seconds"),
    (f"{TRAIN} --lags 0.8:-0.2:0.02", FAILED, "the last must not precede the first"),
    (f"{TRAIN} --lags -200:800:20", FAILED, "look like milliseconds; in seconds they are -0.2:0.8:0.02"),
    (f"{TRAIN} --layers nine", FAILED, "layers 'nine': say all, how many (9), or which"),
    (f"{TRAIN} --recipe resipe.toml", FAILED, "there is no recipe resipe.toml; did you mean recipe.toml?"),
    (f"{TRAIN} --recipe typing.toml", FAILED, "lags.step: there is no such setting; did you mean step_s?"),
    (f"{TRAIN} --recipe kind.toml", FAILED, "fit.folds: it must be a whole number, not 'five'"),
    (f"{TRAIN} --recipe list.toml", FAILED, "'lags' is outside a section"),
    (f"{TRAIN} --recipe broken.toml", FAILED, "the recipe is not valid TOML"),
    (f"{TRAIN} --words content", FAILED, "python -m spacy download en_core_web_sm"),
    ("simulate new --ladder 0.15", FAILED, "ladder '0.15' is not FIRST_S,LAST_S in seconds"),
    ("replay story --bank bank --speed fast", FAILED, "speed 'fast' is neither a number nor max"),
    # paths
    (f"{TRAIN} story_mge.fif", USAGE, "'story_mge.fif' is one argument too many"),
    ("train story_mge.fif --model smollm2 --out new", FAILED, "story_mge.fif; did you mean story_meg.fif?"),
    ("evaluate bnak story --out new", FAILED, "there is no bank bnak; did you mean bank?"),
    ("evaluate story bank --out new", FAILED, "story is not a decoder bank: it lacks bank.safetensors"),
    ("report nowhere", FAILED, "there is no folder nowhere"),
    ("replay nowhere --bank bank", FAILED, "there is no recording nowhere"),
    ("monitor --bank nowhere", FAILED, "there is no bank nowhere"),
    ("monitor --session nowhere.toml", FAILED, "there is no session file nowhere.toml"),
    ("monitor --session session.toml", FAILED, "session, bankk: there is no such setting; did you mean bank?"),
    ("stream story_meg.fif --faults nowhere.toml", FAILED, "there is no faults file nowhere.toml"),
    ("sweep plam.toml --out new", FAILED, "there is no plan plam.toml; did you mean plan.toml?"),
    ("sweep plan.toml --out new", FAILED, "plan, model: there is no such setting; did you mean models?"),
    ("simulate story", FAILED, "story exists already; name a new folder"),
    ("simulate words.tsv/new", FAILED, "words.tsv is a file; name another place"),
    ("new-plan nowhere --out new.toml", FAILED, "there is no recording nowhere"),
    ("new-plan story --contexts 1000 --out new.toml", FAILED, "context '1000' is not growing:N or window:K"),
    ("new-plan story --out plan.toml", FAILED, "plan.toml exists already; name another file with --out"),
    (f"{TRAIN.replace('new', 'story')}", FAILED, "story exists and holds something other than results"),
    # recordings and words
    (TRAIN.replace("story_meg", "story-epo"), FAILED, "story-epo.fif holds epochs, by its name; name the raw"),
    (TRAIN.replace("words.tsv", "ms.tsv"), FAILED, "its words are 400 s apart at the median; the onsets look like"),
    (TRAIN.replace("words.tsv", "few_ms.tsv"), FAILED, "lie outside (from 500.0 s on); onsets count seconds from the "
     "first sample of the file; are they milliseconds?"),
    (TRAIN.replace("words.tsv", "lasting.tsv"), FAILED, "last 200 s at the median; the durations look"),
    (TRAIN.replace("words.tsv", "minutes.tsv"), FAILED, "the onsets look like minutes or hours - give seconds"),
    (TRAIN.replace("words.tsv", "comma.tsv"), FAILED, "line 2: the onset 0,5 has a decimal comma; write 0.5"),
    (TRAIN.replace("words.tsv", "wrods.tsv"), FAILED, "there is no word table wrods.tsv; did you mean words.tsv?"),
    (TRAIN, FAILED, "words have signal from -0.5 to 1.5 s around each; training in 5 folds needs 50"),
    ("train story --model smollm2 --out new --word-table words.tsv", FAILED, "a word table belongs to one file"),
    # models, and stories that are too short
    ("models --prepare smolm2", FAILED, "--allow-download downloads it; did you mean smollm2?"),
    ("models --prepare Pythia-70", FAILED, "did you mean EleutherAI/pythia-70m?"),
    ("simulate new --model random:1", FAILED, "a random control has 2 to 16384 dimensions"),
    ("demo --minutes 3", FAILED, "46 words are left for the test, which needs 60; pass --minutes 4"),
    ("demo --minutes 500", FAILED, "--minutes 500 is too long: the story has 4995 words"),
]  # fmt: skip


def rows(*entries: tuple[object, ...], columns: str = "onset\tword") -> str:
    return "".join("\t".join(map(str, entry)) + "\n" for entry in (columns.split("\t"), *entries))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a beginner may have it."""
    folder = tmp_path_factory.mktemp("beginner")
    write(folder / "story_meg.fif", noise(3, 6.0))
    epochs = mne.make_fixed_length_epochs(mne.io.read_raw(folder / "story_meg.fif", verbose="ERROR"), verbose="ERROR")
    epochs.save(folder / "story-epo.fif", verbose="ERROR")
    files = {
        "words.tsv": rows(*((0.5 + 0.2 * k, "the") for k in range(25))),
        "ms.tsv": rows(*((500 + 400 * k, "the") for k in range(25))),
        "few_ms.tsv": rows((500, "the"), (900, "dog")),
        "lasting.tsv": rows(*((0.5 + 0.2 * k, 200, "the") for k in range(25)), columns="onset\tduration\tword"),
        "minutes.tsv": rows(*((0.01 + 0.004 * k, "the") for k in range(25))),
        "comma.tsv": rows(("0,5", "the")),
        "recipe.toml": "",
        "typing.toml": "[lags]\nstep = 0.02\n",
        "kind.toml": "[fit]\nfolds = 'five'\n",
        "list.toml": "lags = [-0.2, 0.8]\n",
        "broken.toml": "[lags\n",
        "session.toml": "bankk = 'bank'\n",
        "plan.toml": "people = [{name = 'a', recordings = ['story']}]\nmodel = [{name = 'smollm2'}]\n",
        "story.txt": "a story",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "story" / "sub-01").mkdir(parents=True)
    (folder / "bank").mkdir()
    return folder


@pytest.fixture
def at_place(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # Nothing of a mistake may come as far as work.
    monkeypatch.setattr("rtalign.language.loading.load._load_transformers", working)
    monkeypatch.setattr("rtalign.simulation.simulator.simulate", working)
    monkeypatch.setattr("rtalign.training.trainer.prepare_recordings", working)
    return place


def working(*_: object, **__: object) -> None:
    raise AssertionError("work has begun")


def test_there_are_sixty() -> None:
    assert len({line for line, _, _ in MISTAKES}) == len(MISTAKES) >= 60


@pytest.mark.parametrize(("line", "status", "words"), MISTAKES, ids=[line for line, _, _ in MISTAKES])
def test_a_mistake_is_one_line_before_any_work(
    line: str, status: int, words: str, at_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(at_place.rglob("*"))
    assert main.main(line.split()) == status
    out, err = capsys.readouterr()
    told = err.strip().splitlines()
    command = line.split()[0]
    known = command in main.SUBCOMMANDS
    assert words in told[-1]
    assert told[-1].startswith(f"rtalign {command}: " if known else "rtalign: ")
    assert not [text for text in told[:-1] if "usage" in text or "Traceback" in text]
    assert len(told) == 1
    assert out == ""
    assert "unexpected" not in err
    assert sorted(at_place.rglob("*")) == before


@pytest.mark.parametrize("lags", ["-0.2:0.8:0.02", "-.2:.8:.02", "-1:0:1"])
def test_negative_lags_need_no_equals_sign(
    lags: str, at_place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []
    monkeypatch.setattr(offline, "load_recordings", lambda *_: [])
    monkeypatch.setattr(offline, "require_words", lambda _, recipe, *__: seen.append(recipe.lags.start_s))
    monkeypatch.setattr(offline, "load_model", lambda *_: 1 / 0)
    main.main(["train", "x", "--model", "m", "--out", "new", "--lags", lags])
    assert seen == [float(lags.split(":")[0])]


def test_a_plan_of_three_lines_is_one_that_a_sweep_runs(
    at_place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rtalign_offline.sweep import Plan

    (tmp_path / "data" / "sub-01").mkdir(parents=True)
    (tmp_path / "data" / "sub-02").mkdir()
    out = tmp_path / "plan.toml"
    argv = ["new-plan", str(tmp_path / "data"), "story_meg.fif", "--models", "smollm2,random:64"]
    assert main.main([*argv, "--contexts", "growing:1000,window:20", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"plan": str(out)}
    assert len(out.read_text().splitlines()) == 3
    plan = Plan.load(out)
    assert [(p.name, p.subject) for p in plan.people] == [("sub-01", "01"), ("sub-02", "02"), ("story-meg", None)]
    assert Path(plan.people[2].recordings[0]).resolve() == at_place / "story_meg.fif"
    assert len(plan.jobs()) == 3 * 2 * 2
