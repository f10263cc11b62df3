"""Faults rehearsed with real LSL processes: what is shown, what recovers, and that every word is counted."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from rtalign.core.records import Epoch
from rtalign.decoding.bank import DecoderBank
from rtalign.engine.snapshot import Snapshot
from rtalign.language import load
from rtalign.recordings import open_recordings
from rtalign.signal.pipeline import Pipeline
from tests.helpers.live_setup import listener, run, summary
from tests.helpers.live_stage import PATIENCE_S, Stage


@pytest.fixture
def stage(live_setup: Path, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(faults: str = "") -> Stage:
        made.append(Stage(live_setup, tmp_path, faults))
        return made[-1]

    yield make
    for one in made:
        one.close()


def kinds(seen: Snapshot) -> set[str]:
    return {notice.kind for notice in seen.notices}


def words_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "words.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def scores_without_faults(live_setup: Path, texts: list[str]) -> np.ndarray:
    """R(layer, lag) of these words of run 02, from the unbroken recording, by numpy alone."""
    bank, model = DecoderBank.load(live_setup / "bank"), load(str(live_setup / "model"))
    (recording,) = open_recordings(live_setup / "listener", run="02")
    recording = recording.pick([sensor.name for sensor in bank.sensors])
    pipeline, found = Pipeline(bank.recipe, recording.sensors, recording.sfreq), []
    for item in (*recording.words, *recording.chunks()):
        found += pipeline.push(item)
    epochs = {e.word.index: e.data for e in found + pipeline.finish() if isinstance(e, Epoch)}
    reading = model.encode([word.text for word in recording.words], bank.recipe.language, bank.layers)
    targets = bank.projection.project(reading.activations)
    indices = indices_of([word.text for word in recording.words], texts)
    whole = np.stack([epochs[i] for i in indices])
    p = np.stack([bank.predict(lag, whole[:, lag]) for lag in range(whole.shape[1])], axis=1)
    y = targets[indices]
    r = [[np.corrcoef(p[:, lag, t], y[:, t])[0, 1] for lag in range(p.shape[1])] for t in range(y.shape[1])]
    return np.reshape(r, (len(bank.layers), -1, p.shape[1])).mean(1)


def indices_of(story: list[str], texts: list[str]) -> list[int]:
    """The indices of these words in the story, in order."""
    indices, at = [], 0
    for text in texts:
        at = story.index(text, at)
        indices.append(at)
        at += 1
    return indices


def published() -> Any:
    """An inlet of pylsl's own on the scores that leave the engine."""
    import pylsl

    found: list[Any] = []
    end = time.monotonic() + PATIENCE_S
    while not found and time.monotonic() < end:
        found = pylsl.resolve_byprop("name", "rtalign-scores", timeout=1.0)
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(5)
    label = inlet.info().desc().child("channels").child("channel").child_value("label")
    assert label == "layer 0 lag -0.200 s"
    return SimpleNamespace(pull=lambda: list(zip(*inlet.pull_chunk(max_samples=5000), strict=True)))


GAPS = """
[[fault]]
kind = "duplicate"
at = 2
seconds = 40

[[fault]]
kind = "gap"
at = 9
seconds = 1.2

[[fault]]
kind = "nan"
at = 18
seconds = 0.3

[[fault]]
kind = "delay"
stream = "words"
at = 24
seconds = 6
ms = 1500
"""


def test_gaps_nans_duplicates_and_late_words(live_setup: Path, stage: Callable[..., Stage]) -> None:
    """Words around a gap are skipped for that reason, the others score as without faults; scores are published."""
    scene = stage(GAPS)
    client = scene.watch(publish=True)
    player = scene.play()
    scores = published()
    after_gap = scene.until(lambda seen: "gap" in kinds(seen))
    assert after_gap.health.meg.n_lost == pytest.approx(1.2 * 250, abs=25)
    scene.until(lambda seen: player.poll() is not None and not seen.work.language_backlog)
    rows = scores.pull()
    seen = client.stop()
    assert len(rows) > 20
    assert all(-1 <= value <= 1 for value in rows[-1][0])
    assert seen.phase == "ended"
    assert seen.n_received == len(open_recordings(live_setup / "listener", run="02")[0].words)
    assert seen.n_received == seen.n_scored + sum(seen.skipped.values())
    assert 4 <= seen.skipped["gap in the signal"] <= 45
    assert seen.health.counts["duplicate"] >= 50
    scored = [row["text"] for row in words_of(scene.kept) if row["status"] == "scored"]
    assert len(scored) == seen.n_scored
    assert seen.r is not None
    assert np.abs(seen.r - scores_without_faults(live_setup, scored)).max() < 0.03


RESTLESS = """
[[fault]]
kind = "drift"
at = 3
ppm = 200

[[fault]]
kind = "jitter"
at = 6
seconds = 8
ms = 4

[[fault]]
kind = "drop"
at = 20
seconds = 6
share = 0.1
"""


@pytest.mark.slow
def test_drifting_jittering_and_dropped_samples(live_setup: Path, stage: Callable[..., Stage]) -> None:
    """A drifting clock costs no word; what is dropped is counted, reported, and skipped with its reason."""
    scene = stage(RESTLESS)
    client = scene.watch()
    player = scene.play()
    before_drops = scene.until(lambda seen: seen.health.meg.n_samples > 18 * 250)
    assert before_drops.skipped.get("gap in the signal", 0) <= 4
    scene.until(lambda seen: player.poll() is not None and not seen.work.language_backlog)
    seen = client.stop()
    assert 25 < seen.health.meg.n_lost < 600
    assert seen.skipped["gap in the signal"] > 4
    assert seen.n_received == seen.n_scored + sum(seen.skipped.values())
    scored = [row["text"] for row in words_of(scene.kept) if row["status"] == "scored"]
    assert seen.r is not None
    assert np.abs(seen.r - scores_without_faults(live_setup, scored)).max() < 0.06


@pytest.mark.slow
def test_a_sender_that_comes_back_at_another_rate(
    live_setup: Path, stage: Callable[..., Stage], tmp_path: Path
) -> None:
    listener(tmp_path / "faster", 500.0)
    scene = stage()
    client = scene.watch()
    player = scene.play()
    before = scene.until(lambda seen: seen.n_scored > 10)
    player.kill()
    player.wait()
    scene.play(tmp_path / "faster")
    after = scene.until(lambda seen: seen.n_scored > before.n_scored + 15)
    assert after.health.meg.nominal_hz == 500
    assert any("500 Hz instead of 250 Hz" in notice.text for notice in after.notices)
    client.stop()


AWAY = """
[[fault]]
kind = "disconnect"
at = 8
seconds = 5
"""


def test_a_sender_that_goes_away_or_is_killed_is_used_again(stage: Callable[..., Stage]) -> None:
    """First the same process; then another one, with another clock start and the same names: the session goes on."""
    scene = stage(AWAY)
    client = scene.watch()
    player = scene.play()
    before = scene.until(lambda seen: seen.health.meg.state == "flowing" and seen.n_received > 5)
    scene.until(lambda seen: seen.health.meg.state == "lost")
    back = scene.until(lambda seen: seen.health.meg.state == "flowing")
    assert any("recovered after" in notice.text for notice in back.notices)
    after = scene.until(lambda seen: seen.n_scored > before.n_scored + 10 and seen.n_received > 40)
    assert after.skipped.get("gap in the signal", 0) + after.skipped.get("window before recording", 0) > 0
    assert [entry.word.index for entry in after.words] == sorted({entry.word.index for entry in after.words})
    player.send_signal(signal.SIGKILL)
    player.wait()
    (scene.folder / "faults.toml").write_text("")
    scene.until(lambda seen: seen.health.meg.state == "lost" and (seen.health.meg.age_s or 0) > 0.5)
    scene.play()
    again = scene.until(lambda seen: seen.n_scored > after.n_scored + 15)
    assert again.health.meg.state == "flowing"
    assert client.alive


FEWER = """
[[fault]]
kind = "channels"
at = 9
without = ["MEG 0112"]
"""


@pytest.mark.parametrize("allowed", [False, True])
def test_a_stream_that_comes_back_without_a_sensor(stage: Callable[..., Stage], allowed: bool) -> None:
    scene = stage(FEWER)
    client = scene.watch(allow_missing=allowed)
    scene.play()
    before = scene.until(lambda seen: seen.n_scored > 5)
    if not allowed:
        seen = scene.until(lambda seen: seen.phase == "refused")
        assert seen.refused == ("the bank expects 306 sensors; MEG 0112 is not there",)
        assert any("--allow-missing" in notice.text for notice in seen.notices)
    else:
        seen = scene.until(lambda seen: "passport" in kinds(seen) and seen.n_scored > before.n_scored + 10)
        assert not seen.refused
    client.stop()
    assert (scene.kept / "raw.xdf").stat().st_size > 1_000_000


@pytest.mark.slow
def test_a_standby_scores_the_words_that_a_killed_engine_had_just_heard(stage: Callable[..., Stage]) -> None:
    scene = stage()
    client = scene.watch(no_standby=False)
    scene.until(lambda _: client._standby is not None)
    standby = psutil.Process(client._standby.process.pid)  # type: ignore[union-attr]
    scene.until(lambda _: standby.net_connections("udp"))  # it looks for streams, so it has loaded all else
    scene.play()
    ready = scene.until(lambda seen: len(standby.net_connections("tcp")) >= 2 and seen.n_scored > 0)
    held = scene.until(lambda seen: seen.n_scored > ready.n_scored + 20)
    os.kill(client.pid, signal.SIGKILL)
    client.wait(5)
    again = scene.watch(no_standby=False)
    assert again.pid == standby.pid
    seen = scene.until(lambda seen: seen.n_scored > 0)
    assert min(entry.word.onset for entry in seen.words if entry.status == "scored") < held.time_s
    assert len(list((scene.folder / "kept").iterdir())) == 1


def test_a_killed_engine_costs_no_sample(
    live_setup: Path, stage: Callable[..., Stage], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recorder goes on, and the next engine writes into the same folder: a replay of it scores every word."""
    pyxdf = pytest.importorskip("pyxdf")
    scene = stage()
    client = scene.watch()
    player = scene.play()
    scene.until(lambda seen: seen.n_scored > 15)
    os.kill(client.pid, signal.SIGKILL)
    assert client.wait(5) == -signal.SIGKILL
    scene.watch()
    scene.until(lambda seen: player.poll() is not None and seen.phase != "loading" and not seen.work.language_backlog)
    assert scene.client is not None
    last = scene.client.stop()
    streams, _ = pyxdf.load_xdf(scene.kept / "raw.xdf", synchronize_clocks=False, dejitter_timestamps=False)
    meg, words = (next(s for s in streams if s["info"]["type"][0] == kind) for kind in ("MEG", "Markers"))
    (recording,) = open_recordings(live_setup / "listener", run="02")
    assert len(meg["time_stamps"]) == recording.n_samples
    assert np.abs(np.diff(meg["time_stamps"]) - 1 / 250).max() < 1e-4
    marks = [text for (text,) in words["time_series"] if text.startswith('{"bad"')]
    assert len(words["time_stamps"]) - len(marks) == len(recording.words) > last.n_received
    assert len(marks) == len(recording.bad_stretches)
    again = ("replay", scene.kept, "--bank", live_setup / "bank", "--model", live_setup / "model", "--speed", "max")
    assert run(*again, "--headless", "--out", tmp_path / "again", "--quiet", "--json") == 0
    offline = summary(live_setup / "offline")
    assert json.loads(capsys.readouterr().out)["scored"] == offline["n_words"]
    assert np.abs(np.subtract(summary(tmp_path / "again")["r"], offline["r"])).max() <= 1e-3
