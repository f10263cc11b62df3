"""Onsets are audited against the recorded sound and the field, and a repeated sound tells the noise ceiling."""

from __future__ import annotations

import re
import wave
from collections.abc import Iterable
from pathlib import Path

import mne
import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.core.records import Chunk, Sensor, Word
from rtalign.recordings import open_recordings, open_repeats
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.quality.noise_ceiling import ceiling
from rtalign.recordings.quality.sound_lag import sound_lag
from rtalign.recordings.quality.word_locked import field_strength
from rtalign_cli import datasets as command
from tests.helpers.dataset_folders import (
    HELMET,
    SFREQ,
    armeni_session,
    asked,
    libri_run,
    masc_row,
    masc_table,
    run_rows,
)


def speech(seconds: float, sfreq: float, seed: int = 0) -> np.ndarray:
    """Syllables at uneven times: a voice with overtones, and breath."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * sfreq)) / sfreq
    loud = np.zeros(len(time))
    for at in np.cumsum(rng.uniform(0.1, 0.4, round(5 * seconds))):
        width = rng.uniform(0.03, 0.1)
        part = slice(max(round((at - 3 * width) * sfreq), 0), max(round((at + 3 * width) * sfreq), 0))
        loud[part] += rng.uniform(0.3, 1) * np.exp(-0.5 * ((time[part] - at) / width) ** 2)
    turn = 2 * np.pi * np.cumsum(110 + 20 * np.sin(2 * np.pi * 0.3 * time)) / sfreq
    return loud * (sum(np.sin(k * turn) / k for k in range(1, 8)) + 0.2 * rng.standard_normal(len(time)))


def recorded(sound: np.ndarray, sound_sfreq: float, delay: float, ppm: float, sfreq: float, **how: float) -> np.ndarray:
    """What a channel at sfreq hears of a sound that begins delay after a trigger at 3 s on a clock ppm too slow."""
    from scipy.signal import butter, sosfiltfilt

    low = sosfiltfilt(butter(4, 0.25 * sfreq, fs=sound_sfreq, output="sos"), sound)
    time = np.arange(round((len(sound) / sound_sfreq + 6) * sfreq)) / sfreq
    heard = np.interp((time - 3.0 - delay) / (1 + 1e-6 * ppm), np.arange(len(low)) / sound_sfreq, low, left=0, right=0)
    noise = np.random.default_rng(1).standard_normal(len(heard))
    return how.get("gain", 1.0) * (heard + how.get("noise", 0.3) * heard.std() * noise) + how.get("offset", 0.0)


@pytest.fixture(scope="module")
def story() -> np.ndarray:
    return speech(300, 8000)


@pytest.mark.parametrize(
    ("delay", "ppm", "how"),
    [(0.017, 0.0, {}), (0.0313, 60.0, {}), (-0.04, -35.0, {"gain": -2e-3, "offset": 5.0}), (0.4, 10.0, {"noise": 1.0})],
)
def test_the_audit_finds_planted_delays_and_drifts(
    delay: float, ppm: float, how: dict[str, float], story: np.ndarray
) -> None:
    found = sound_lag(recorded(story, 8000, delay, ppm, 1200.0, **how), 1200.0, story, 8000.0, trigger_s=3.0)
    assert found.delay_s == pytest.approx(delay, abs=0.002)
    assert found.drift_ppm == pytest.approx(ppm, abs=10)
    assert found.delay_error_s < 0.001
    assert (len(found.times), found.n_unlike) == (15, 0)


def test_a_sound_without_trigger_is_found_anywhere(story: np.ndarray) -> None:
    found = sound_lag(recorded(story, 8000, 0.0, 0.0, 1200.0), 1200.0, story, 8000.0, trigger_s=None)
    assert found.delay_s == pytest.approx(3.0, abs=0.002)


def test_a_short_or_interrupted_sound_still_tells_its_delay(story: np.ndarray) -> None:
    heard = recorded(story, 8000, 0.02, 30.0, 1200.0)
    heard[100 * 1200 : 160 * 1200] = 0.0
    found = sound_lag(heard, 1200.0, story, 8000.0, trigger_s=3.0)
    assert found.delay_s == pytest.approx(0.02, abs=0.002)
    assert found.drift_ppm == pytest.approx(30.0, abs=10)
    assert found.n_unlike >= 2
    short = sound_lag(heard[: 35 * 1200], 1200.0, story[: 30 * 8000], 8000.0, trigger_s=3.0)
    assert short.delay_s == pytest.approx(0.02, abs=0.002)
    assert short.drift_ppm is None


def test_one_stretch_that_was_played_late_does_not_pass_for_drift(story: np.ndarray) -> None:
    heard = recorded(story, 8000, 0.02, 0.0, 1200.0)
    late = slice(283 * 1200, 304 * 1200)
    heard[late] = np.roll(heard, 14)[late]
    found = sound_lag(heard, 1200.0, story, 8000.0, trigger_s=3.0)
    assert found.delay_s == pytest.approx(0.02, abs=0.002)
    assert found.drift_ppm == pytest.approx(0.0, abs=5)
    assert found.n_unlike == 1


def test_another_sound_or_a_dead_channel_is_refused(story: np.ndarray) -> None:
    heard = recorded(story, 8000, 0.02, 0.0, 1200.0)
    with pytest.raises(ValueError, match=r"does not hold this sound: .* at 0\.\d+ at best, 0.5 is needed"):
        sound_lag(heard, 1200.0, speech(300, 8000, seed=7), 8000.0, trigger_s=3.0)
    for dead in (np.zeros(9000), np.full(9000, np.nan)):
        with pytest.raises(ValueError, match="is flat or broken"):
            sound_lag(dead, 1200.0, story, 8000.0)


def save_wav(path: Path, sound: np.ndarray, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound / np.abs(sound).max() * 32000).astype("<i2").tobytes())


def test_the_audit_of_a_session_compares_each_run_with_its_wav(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs whose sounds come 20 ms after their triggers, and words that shake every sensor 150 ms after."""
    sounds = [speech(40, 8000, seed) for seed in (1, 2)]
    rows = []
    for run, start in ((1, 4.0), (2, 60.0)):
        rows += run_rows(run, start, " ".join(["word"] * 90))
        save_wav(tmp_path / "stimuli" / f"02_{run}.wav", sounds[run - 1], 8000)
    armeni_session(tmp_path, 1, 2, rows=rows, seconds=110.0)
    file = tmp_path / "sub-001" / "ses-002" / "meg" / "sub-001_ses-002_task-compr_meg.fif"
    raw = mne.io.read_raw_fif(file, preload=True, verbose="ERROR").resample(600, verbose="ERROR")
    channel = raw.ch_names.index("UADC003")
    raw._data[channel] = 0.0
    time = raw.times
    for start, sound in zip((4.0, 60.0), sounds, strict=True):
        heard = recorded(sound, 8000, 0.02, 0.0, 600.0)
        first = round((start - 3.0) * 600)
        raw._data[channel, first : first + len(heard)] += heard
        for k in range(90):
            raw._data[: len(HELMET)] += 2e-13 * np.exp(-0.5 * ((time - start - 0.5 - 0.4 * k - 0.15) / 0.03) ** 2)
    raw.save(file, overwrite=True, verbose="ERROR")
    result = command.datasets(asked("audit", tmp_path, out=tmp_path / "figures"), Progress(quiet=True))
    told = capsys.readouterr().out
    assert [run["delay_s"] for run in result["runs"]] == pytest.approx([0.02, 0.02], abs=0.002)
    assert result["proposal"]["audio_delay_s"] == pytest.approx(0.02, abs=0.002)
    assert result["proposal"]["runs_agree"]
    assert all(run["words"] > 60 for run in result["runs"])
    delay_ms = float(re.search(r"sound comes ([\d.]+) ms after its trigger", told)[1])  # type: ignore[index]
    assert delay_ms == pytest.approx(20, abs=2)
    for name in ("delays.svg", "responses.svg"):
        assert (tmp_path / "figures" / name).read_text(encoding="utf-8").startswith("<svg")
    assert ">expected</text>" in (tmp_path / "figures" / "responses.svg").read_text(encoding="utf-8")
    (tmp_path / "ground_truth.json").write_text('{"latencies": {"0": 0.15, "1": 0.15}}')
    command.datasets(asked("audit", tmp_path, out=tmp_path / "figures", run="1"), Progress(quiet=True))
    assert ">planted</text>" in (tmp_path / "figures" / "responses.svg").read_text(encoding="utf-8")
    without = command.datasets(asked("audit", tmp_path, audio="UADC999", run="1"), Progress(quiet=True))
    assert "has no channel UADC999; name it with --audio NAME" in without["runs"][0]["reasons"][0]
    assert without["proposal"] is None


@pytest.mark.parametrize("kind", ["LibriBrain", "MEG-MASC"])
def test_the_audit_knows_the_wavs_of_other_sets(kind: str, tmp_path: Path) -> None:
    """The sound stands 30 ms behind what the events say, on a channel beside the sensors."""
    sound, rate = speech(40, 8000, 4), 600.0
    heard = recorded(sound, 8000, 0.03, 0.0, rate)
    if kind == "LibriBrain":
        h5py = pytest.importorskip("h5py")
        path = libri_run(tmp_path, sample_frequency=rate, channel_types="mag, grad, misc", channel_names="A, B, AUDIO")
        events = "idx\twavfile\tkind\tsegment\ttimewav\ttimemeg\tduration\n0\ta.wav\tword\tMr.\t0.5\t3.5\t0.3\n"
        (path.parents[1] / "events" / f"{path.name.split('_proc')[0]}_events.tsv").write_text(events, encoding="utf-8")
        with h5py.File(path, "a") as file:
            attributes = dict(file["data"].attrs)
            del file["data"]
            noise = np.random.default_rng(0).standard_normal((2, len(heard)))
            file["data"] = np.concatenate([noise, heard[None]]).astype(np.float32)
            file["data"].attrs.update(attributes)
        save_wav(path.parents[2] / "stimuli" / "a.wav", sound, 8000)
    else:
        folder = tmp_path / "sub-01" / "ses-0" / "meg"
        folder.mkdir(parents=True)
        info = mne.create_info(["MEG0111", "MISC 001"], rate, ["mag", "misc"], verbose="ERROR")
        data = np.stack([1e-13 * np.random.default_rng(0).standard_normal(len(heard)), heard])
        raw = mne.io.RawArray(data, info, verbose="ERROR")
        raw.save(folder / "sub-01_ses-0_task-0_meg.fif", fmt="double", verbose="ERROR")
        rows = masc_row(3.0, kind="sound", sound="stimuli/audio/lw1_0.wav")
        rows += masc_row(3.5, kind="word", word="Tara", condition="sentence", pronounced=1.0)
        masc_table(folder, rows)
        save_wav(tmp_path / "stimuli" / "audio" / "lw1_0.wav", sound, 8000)
    result = command.datasets(asked("audit", tmp_path), Progress(quiet=True))
    (run,) = result["runs"]
    assert run["delay_s"] == pytest.approx(0.03, abs=0.002), run["reasons"]
    assert result["proposal"]["audio_delay_s"] == pytest.approx(0.03, abs=0.002)


class Shaken:
    """A recording of noise in which every word is answered on two sensors after a while."""

    def __init__(self, after: float, onsets: np.ndarray, strength: float) -> None:
        self.name, self.subject, self.sfreq, self.start = "shaken", "01", 300.0, 0.0
        self.n_samples, self.seconds, self.notes = 36000, 120.0, ()
        self.sensors = tuple(Sensor(f"M{i}", "mag", (0, 0, 0), (0, 0, 1)) for i in range(4))
        self.words = tuple(Word(i, "w", float(t)) for i, t in enumerate(onsets))
        time = np.arange(self.n_samples) / self.sfreq
        self.data = 1e-13 * np.random.default_rng(5).standard_normal((self.n_samples, 4))
        for onset in onsets:
            self.data[:, :2] += strength * np.exp(-0.5 * ((time - onset - after) / 0.03) ** 2)[:, None]

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterable[Chunk]:
        n = round(seconds * self.sfreq)
        for a in range(0, self.n_samples, n):
            yield Chunk(self.data[a : a + n], a / self.sfreq, self.sfreq)

    def fingerprint(self) -> str:
        return "shaken"


ONSETS = 8.0 + np.cumsum(np.random.default_rng(6).uniform(0.5, 1.1, 120))


@pytest.mark.parametrize("after", [0.1, 0.4])
def test_the_field_answers_words_when_it_was_planted(after: float) -> None:
    locked = field_strength(Shaken(after, ONSETS, 1e-13))  # type: ignore[arg-type]
    assert locked.peak_s == pytest.approx(after, abs=0.03)
    assert locked.ratio > 3


def test_a_field_that_knows_no_words_stays_near_one() -> None:
    locked = field_strength(Shaken(0.2, ONSETS, 0.0))  # type: ignore[arg-type]
    assert 0.5 < np.median(locked.strength) < 1.7
    assert locked.ratio < 2.5
    assert locked.peak_s is None
    with pytest.raises(ValueError, match="has 5 words with whole epochs; 20 are needed"):
        field_strength(Shaken(0.2, ONSETS[:5], 0.0))  # type: ignore[arg-type]


def test_a_channel_beside_the_sensors_is_read_by_name(tmp_path: Path) -> None:
    armeni_session(tmp_path)
    (file,) = tmp_path.rglob("*compr_meg.fif")
    expected = mne.io.read_raw_fif(file, verbose="ERROR").get_data(["UADC003"])[0]
    second = open_recordings(tmp_path, run="2")[0]
    assert isinstance(second, MneRecording)
    read = second.extra("uadc003", second.start + 1.0, 2.0)
    first = round(read.start * SFREQ)
    np.testing.assert_allclose(read.data[:, 0], expected[first : first + 400], rtol=1e-9)
    with pytest.raises(ValueError, match="has no channel NONE"):
        second.extra("NONE", 0.0, 1.0)


# ---- noise ceiling


def heard_again(seed: int, share: np.ndarray) -> Shaken:
    """A hearing of one sound: a part of each sensor's variance is the sound's, the rest is its own."""
    from scipy.ndimage import gaussian_filter1d

    again = Shaken(0.2, ONSETS[:1], 0.0)
    n = again.n_samples
    same, own = (gaussian_filter1d(np.random.default_rng(s).standard_normal((n, 4)), 12, axis=0) for s in (0, seed))
    again.data = 1e-12 * (np.sqrt(share) * same + np.sqrt(1 - share) * own)
    return again


def test_the_noise_ceiling_is_what_was_planted() -> None:
    share = np.array([0.0, 0.2, 0.5, 0.9])
    found = ceiling([heard_again(seed, share) for seed in range(1, 9)])  # type: ignore[arg-type]
    np.testing.assert_allclose(found.r, share, atol=0.06)
    np.testing.assert_allclose(found.best[1:], np.sqrt(share[1:]), atol=0.06)
    assert (found.n_repeats, found.sensors) == (8, ("M0", "M1", "M2", "M3"))
    assert 100 < found.seconds < 120  # the filters' warm-up is left out
    assert (found.error < 0.05).all()


def test_a_hearing_that_broke_off_is_left_out_and_counted() -> None:
    class Broken(Shaken):
        def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterable[Chunk]:
            return (chunk for chunk in super().chunks(seconds, start) if not 40 < chunk.start < 50)

    share = np.full(4, 0.5)
    whole, gone = [heard_again(seed, share) for seed in (1, 2, 3)], Broken(0.2, ONSETS[:1], 0.0)
    gone.data = heard_again(4, share).data
    found = ceiling([*whole, gone])  # type: ignore[list-item]
    assert (found.n_repeats, found.n_broken) == (3, 1)
    np.testing.assert_array_equal(found.r, ceiling(whole).r)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is the only hearing without a break; a noise ceiling needs two whole ones"):
        ceiling([whole[0], gone])  # type: ignore[list-item]


def test_a_ceiling_needs_two_hearings_of_the_same_sensors(tmp_path: Path) -> None:
    armeni_session(tmp_path)
    repeats = open_repeats(tmp_path)
    assert ceiling(repeats).n_repeats == 2
    with pytest.raises(ValueError, match="heard twice or more; there are 1"):
        ceiling(repeats[:1])
    with pytest.raises(ValueError, match="repeat-2 has other sensors or another rate"):
        ceiling([repeats[0], repeats[1].pick(HELMET[:2])])
