"""How many more words an effect needs: the interval holds the truth, and nothing is foretold of nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from rtalign.scoring.curves import Curves
from rtalign.scoring.latency import without_noise
from rtalign.scoring.left_out import LeftOut
from rtalign.scoring.outlook import Outlook, _times, outlook, outlook_text

LAGS = np.round(np.arange(-0.3, 0.901, 0.04), 3)
N_LAYERS, SPREAD = 4, 0.01


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    """(draw, layer, lag) of unrelated words: neighbouring lags and all layers share much of it."""
    draws = rng.standard_normal((n, N_LAYERS, len(LAGS))) + rng.standard_normal((n, 1, len(LAGS)))
    smooth = gaussian_filter1d(draws, 1.5, axis=-1)
    return SPREAD * smooth / smooth.std()


def curves(r: np.ndarray, null: np.ndarray) -> Curves:
    layers = np.arange(N_LAYERS)
    return Curves(LAGS, layers, layers / N_LAYERS, r, null, LeftOut.of(np.stack([r] * 5), [1] * 5))


def answered(strength: float) -> np.ndarray:
    """(layer, lag): an answer at 300 ms."""
    return np.tile(strength * np.exp(-0.5 * ((LAGS - 0.3) / 0.06) ** 2), (N_LAYERS, 1))


def test_the_interval_holds_what_the_same_answer_needs() -> None:
    """The truth from its definition: with m times the words noise is 1 / sqrt(m), and the mean maximum at the limit."""
    rng = np.random.default_rng(0)
    null, fresh, strength = noise(rng, 600), noise(rng, 600), 0.018
    limit = outlook_limit(null)
    truth = next(m for m in np.linspace(1, 9, 801) if (answered(strength) * np.sqrt(m) + fresh).max(-1).mean() >= limit)
    found = [outlook(curves(answered(strength) + one, null)) for one in fresh[:80]]
    known = [one for one in found if one is not None and one.n_layers == N_LAYERS]
    assert len(known) > 40
    held = [(one.low or 0) <= truth <= (one.high or np.inf) for one in known]
    assert np.mean(held) > 0.9
    assert 0.6 * truth < np.median([one.times or np.inf for one in known]) < 2 * truth


def outlook_limit(null: np.ndarray) -> float:
    from rtalign.scoring.nulls import layer_threshold

    return float(layer_threshold(null).mean())


def test_nothing_has_no_end() -> None:
    rng = np.random.default_rng(1)
    null, fresh = noise(rng, 600), noise(rng, 60)
    found = [one for one in (outlook(curves(r, null)) for r in fresh) if one is not None]
    assert np.mean([one.high is None for one in found]) > 0.9
    assert np.mean([one.times is None for one in found]) > 0.3


def test_layers_above_their_limit_need_nothing_more() -> None:
    null = noise(np.random.default_rng(2), 200)
    assert outlook(curves(answered(0.2), null)) is None


@pytest.mark.parametrize("noise_of_decoders", [0.0, 1e-3, 1.0, 40.0])
def test_decoders_that_learn_follow_their_law(noise_of_decoders: float) -> None:
    strength, needed = 0.02, 0.06
    m = _times(strength, needed, noise_of_decoders)
    assert m is not None
    endless = float(without_noise(np.array([[strength]]), np.array([noise_of_decoders]))[0, 0])
    assert endless**2 / np.sqrt(endless**2 + noise_of_decoders / m) * np.sqrt(m) == pytest.approx(needed, rel=1e-6)


def test_it_is_said_in_minutes_where_these_are_known() -> None:
    assert "about 30 more minutes of the same kind (95 % interval 10 to 90)" in outlook_text(
        Outlook(3, 2.5, 1.5, 5.5), 4000, 20.0
    )
    assert "about 6,000 more words (95 % interval 2,000 or more)" in outlook_text(
        Outlook(1, 2.5, 1.5, None), 4000, None
    )
    assert "cannot be told" in outlook_text(Outlook(1, None, 1.5, None), 4000, 20.0)
