"""Made-up snapshots of a session after any number of words, for tests of views without an engine."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np

from rtalign.core.records import Chunk, Sensor, Word
from rtalign.engine.ledger import WordEntry
from rtalign.engine.sensors_feed import SensorsFeed
from rtalign.engine.snapshot import (
    ControlView,
    InspectedWord,
    RecordingStatus,
    SensorsView,
    Snapshot,
    Traces,
    Work,
    empty_snapshot,
)
from rtalign.scoring.findings import TWIN, UNIQUE, TemporalScore
from rtalign.scoring.peaks import Peak
from rtalign.signal.sensor_check import SensorCheck
from rtalign.simulation.helmet import helmet_sensors
from rtalign.streams.events import Health, StreamHealth

TEXT = """to sherlock holmes she is always the woman i have seldom heard him mention her under any other name in his
eyes she eclipses and predominates the whole of her sex it was not that he felt any emotion akin to love"""
STORY = TEXT.split()
LAGS = np.linspace(-0.2, 0.8, 101)
PEAKS = (0.17, 0.39)


def snapshot_after(n: int, n_layers: int = 31, seed: int = 0, **changed: object) -> Snapshot:
    """The snapshot of a live session after n words."""
    rng = np.random.default_rng(seed)
    layers, now = tuple(range(n_layers)), 10.0 + 0.4 * n
    found = dataclasses.replace(
        empty_snapshot("running", reason_after(n)), sequence=n + 1, time_s=now, health=health(),
        n_received=n + 7 if n else 0, n_scored=n, n_waiting=3 if n else 0,
        skipped={"window over a gap": 3, "no such word": 1} if n else {}, words=words(n, now), model="smollm2",
        context="growing:1000", layers=layers, lags_s=LAGS, n_words=n, n_assessed=n if n >= 100 else 0,
        work=Work(0.42, 812.0, 46.0, 1, 0.04, 0.11), traces=traces(now, rng),
        recording=RecordingStatus("/data/session-1", 212.0, 31.0, 0, None),
    )  # fmt: skip
    if n:
        found = dataclasses.replace(found, **scores_after(n, n_layers, rng))
    return dataclasses.replace(found, **changed)  # type: ignore[arg-type]


def scores_after(n: int, n_layers: int, rng: np.random.Generator) -> dict[str, object]:
    depth, noise = np.arange(n_layers) / max(n_layers - 1, 1), 0.25 / np.sqrt(n)
    at = PEAKS[0] + (PEAKS[1] - PEAKS[0]) * depth
    bump = (
        0.05 * (0.4 + np.sin(np.pi * (0.15 + 0.7 * depth)))[:, None] * np.exp(-(((LAGS - at[:, None]) / 0.14) ** 2) / 2)
    )
    drawn = np.stack([np.convolve(rng.normal(size=121), np.ones(21) / 4.6, "valid") for _ in depth])
    r = bump + noise * 0.4 * drawn
    high = np.full(r.shape, 1.1 * noise)
    peaks = []
    for layer in range(n_layers):
        best, ok = int(r[layer].argmax()), n >= 100 and r[layer].max() > 1.5 * noise and layer != 3
        where = float(at[layer] + rng.normal() * 0.4 / np.sqrt(n))
        band = 0.9 / np.sqrt(n)
        peaks.append(Peak(layer, float(depth[layer]), "ok" if ok else "below null" if layer != 3 else "edge",
                          where if ok else None, (where - band, where + band) if ok else None, float(LAGS[best]), where,
                          float(r[layer, best]), float(high[layer, best])))  # fmt: skip
    temporal = TemporalScore(
        r=0.97, p=1e-6, p_permutation=0.004, spearman=0.97, slope_ms=214.0, ci=(0.82, 0.99),
        slope_ci_ms=(180.0, 250.0), n_layers=n_layers - 1,
    )  # fmt: skip
    shown = temporal if n >= 200 else None
    return {
        "r": r,
        "null_lo": -high if n >= 100 else None,
        "null_hi": high if n >= 100 else None,
        "map_hi": 1.6 * high if n >= 100 else None,
        "peaks": tuple(peaks) if n >= 100 else (),
        "temporal": shown,
        "reason": None if shown else reason_after(n),
    }


def reason_after(n: int) -> str | None:
    """Why something is missing after n words, in the engine's words."""
    if not n:
        return "no word has been scored yet"
    if n < 100:
        return f"{n} word{'s' * (n != 1)} so far; 100 are needed to tell a curve from chance"
    return None if n >= 200 else "14 of 31 layers have a peak; a temporal score needs 16"


def health(meg: str = "flowing", since: float = 400.0) -> Health:
    age, rate = (0.04, 1200.02) if meg == "flowing" else (since, 0.0)
    signal = StreamHealth("CTF275", meg, since, age, rate, 1200.0, 480000, 0, 0, 0.00012, 0.00004)  # type: ignore[arg-type]
    return Health(signal, StreamHealth("words", "flowing", 390.0, 0.31))


def words(n: int, now: float, every_s: float = 0.4) -> tuple[WordEntry, ...]:
    entries, begun = [], now // every_s * every_s if every_s < 0.4 else now - 0.1
    for i in range(max(n - 57, 0), n + 3 if n else 0):
        word = Word(i, STORY[i % len(STORY)], begun + every_s * (i - n - 2), 0.3)
        status = "waiting" if i > n - 1 else "skipped" if i % 17 == 5 else "scored"
        entries.append(WordEntry(word, status, "window over a gap" if status == "skipped" else "",  # type: ignore[arg-type]
                           0.3 + (i * 7919 % 97) / 10, 1 + i % 3, 0.04 if status == "scored" else None))  # fmt: skip
    return tuple(entries)


def traces(now: float, rng: np.random.Generator) -> Traces:
    at = np.arange(600)[:, None] / 100 * rng.uniform(8, 12, 12) * 6.28
    data = 300 * np.sin(at) * rng.uniform(0.4, 1, (600, 1)) + rng.normal(size=(600, 12)) * 90
    data[300:340] = np.nan
    return Traces(now - 6.0, 100.0, tuple(f"M{'LR'[i % 2]}T{11 + i}" for i in range(12)), ("fT",) * 12, data)


class FakeRun:
    """A live run of a story, 3 words a second, that begins after `before` words.

    everything: layers, peaks and traces all change with each snapshot, as a worst case; else scores change with the
    words and peaks with an assessment every two seconds, as the engine has it.  sensors: with every sensor's signal.
    """

    def __init__(self, before: int = 300, n_layers: int = 31, everything: bool = False, sensors: bool = False) -> None:
        self._sensors = sensors_view() if sensors else None
        self.before, self.n_layers, self.everything = before, n_layers, everything
        rng = np.random.default_rng(0)
        at = np.arange(12000)[:, None] / 100 * np.round(rng.uniform(8, 12, 12)) * 6.283185307
        slow = np.interp(np.arange(12000), np.arange(0, 12001, 60), rng.uniform(0.3, 1, 201))[:, None]
        self._signal = (300 * np.sin(at) * slow + rng.normal(size=(12000, 12)) * 60).astype(np.float32)
        self._sequence = 0
        self._assessed: tuple[int, dict[str, object]] = (-1, {})

    def at(self, t: float) -> Snapshot:
        """After t seconds."""
        n, now = self.before + int(3 * t), 10.0 + self.before / 3 + t
        self._sequence += 1
        part = self._sequence if self.everything else int(t / 2)
        scores = scores_after(n, self.n_layers, np.random.default_rng(0))
        if self.everything:
            scores["r"] = scores["r"] * (1 + 0.02 * np.sin(9 * t))  # type: ignore[operator]
        if part != self._assessed[0]:
            seed = part if self.everything else 0
            self._assessed = part, scores_after(n, self.n_layers, np.random.default_rng(seed))
        assessed = "peaks", "temporal", "reason", "null_lo", "null_hi", "map_hi"
        scores |= {name: self._assessed[1][name] for name in assessed}
        first = round(100 * t) % 11400
        moving = Traces(now - 6.0, 100.0, tuple(f"M{'LR'[i % 2]}T{11 + i}" for i in range(12)), ("fT",) * 12,
                        self._signal[first : first + 600])  # fmt: skip
        load, view = 0.4 + 0.05 * np.sin(t), self._sensors
        if view is not None:
            low, high = (np.roll(edge, -round(t / view.column_s), axis=0) for edge in (view.low, view.high))
            view = dataclasses.replace(view, start=now - len(low) * view.column_s, low=low, high=high)
        return snapshot_after(
            n, self.n_layers, sequence=self._sequence, time_s=now, words=words(n, now, 1 / 3), traces=moving,
            work=Work(float(load), 800 + t / 10, 46.0 + 3 * np.sin(t / 3), int(t) % 2, 0.04, 0.11), sensors=view,
            **scores,
        )  # fmt: skip


def with_inspected_word(seen: Snapshot) -> Snapshot:
    assert seen.r is not None
    return dataclasses.replace(
        seen, inspected=InspectedWord(seen.words[-8], seen.r * 3 - 0.02, 80 + 40 * np.sin(LAGS * 9))
    )


def helmet(n: int = 275, kind: str = "axial") -> tuple[Sensor, ...]:
    """Evenly over the upper part of a sphere."""
    i = np.arange(n)
    z = 1 - 1.25 * (i + 0.5) / n
    turn = i * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - z**2)
    places = 0.11 * np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=-1)
    return tuple(Sensor(f"M{k}", kind, tuple(map(float, p)), tuple(map(float, p / 0.11))) for k, p in enumerate(places))  # type: ignore[arg-type]


def patterns(sensors: tuple[Sensor, ...], n_layers: int = 31) -> np.ndarray:
    """(layer, lag, sensor): the magnitude of a dipole on the left that turns with depth."""
    place = np.array([s.position for s in sensors]) / 0.11
    left = np.exp(-(((place - [-0.8, 0.1, 0.3]) ** 2).sum(axis=1)) / 0.4)
    turn = np.linspace(0, 1.5, n_layers)[:, None, None]
    field = left * (np.cos(turn) * place[:, 1] + np.sin(turn) * place[:, 2])
    return 60 * np.abs(field) * np.ones((1, len(LAGS), 1))


def two_snapshots(n_layers: int = 31, n_layers_b: int = 31) -> tuple[Snapshot, Snapshot]:
    """Snapshots of two engines with different banks."""
    return snapshot_after(300, n_layers), snapshot_after(300, n_layers_b, seed=1)


def with_controls(snapshot: Snapshot, seed: int = 1, twin: bool = False) -> Snapshot:
    """The same with unique R of its own, and a static twin that waits for words, or shows a fifth of R."""
    own = snapshot_after(snapshot.n_scored, len(snapshot.layers), seed)
    names = [field.name for field in dataclasses.fields(ControlView)]
    unique = ControlView(**{name: getattr(own, name) for name in names})
    waits = ControlView(n_words=snapshot.n_words, reason=f"{snapshot.n_words} words so far; 300 nuisances need 900")
    if twin:
        assert snapshot.r is not None
        part = 0.2 * snapshot.r
        flat = tuple(dataclasses.replace(p, status="below null", peak_s=None, ci_s=None) for p in snapshot.peaks)
        waits = dataclasses.replace(unique, r=part, peaks=flat, temporal=None, reason="no layer has a peak")
    nuisances = {"timing": 20, "duration": 5, "position": 3, "form": 6, "surprisal": 1, "neighbours": 100}
    return dataclasses.replace(snapshot, controls={UNIQUE: unique, TWIN: waits}, nuisances=nuisances)


@lru_cache
def sensors_view(end: float = 130.0, n_seconds: int = 8, sfreq: float = 240.0) -> SensorsView:
    """A CTF helmet: alpha at the back, one flat sensor, one noisy, one that jumps, one that the operator marked."""
    own = helmet_sensors("ctf275")
    rng = np.random.default_rng(0)
    t = np.arange(round(n_seconds * sfreq)) / sfreq
    level = 6e-15 * np.sqrt(sfreq / 2) * np.exp(0.2 * rng.standard_normal(len(own)))
    x = level * rng.standard_normal((len(t), len(own)))
    wave = np.cumsum(rng.standard_normal((len(t), 3)), axis=0) * 0.6 + 12 * np.cos(2 * np.pi * 10 * t)[:, None]
    x += 2.5e-14 * wave @ (rng.standard_normal((3, len(own))) * [[1.0 if "O" in s.name else 0.3 for s in own]])
    places = {sensor.name: i for i, sensor in enumerate(own)}
    x[:, places["MLC11"]] = 1e-12
    x[:, places["MRT25"]] *= 9
    x[:, places["MLF34"]] += 2e-11 * (t // 1.3 % 2)
    check, feed = SensorCheck(own, sfreq), SensorsFeed(own, sfreq)
    for part in (check, feed):
        part.push(Chunk(x, end - n_seconds, sfreq))
    return feed.view(check, np.zeros(len(own), bool), {"MZC03"})
