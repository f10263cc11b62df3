"""What each layer says of each word: its own information, or targets drawn without any model."""

from __future__ import annotations

import numpy as np

SEEN_COMPONENTS = 50
"""Leading components in which a layer is looked at; decoders look at as many."""

WORDS_BACK = 3
"""Words before a word that are no wider context."""


def independent_layers(n_words: int, n_layers: int, n_dims: int, seed: int) -> np.ndarray:
    """(word, layer, dim) standard normal numbers that no layer shares with another and no word with the next."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x1A]))
    return rng.standard_normal((n_words, n_layers, n_dims), np.float32)


def own_information(activations: np.ndarray, n_dims: int, beneath: np.ndarray | None = None) -> np.ndarray:
    """What each layer adds to the layers below it, in few standardised dimensions.

    activations : (word, layer, dim), the layers in order of depth.    beneath : (word, dim), a hidden state under them.
    Returns (word, layer, n_dims): the leading components of what is left of a layer when its best linear prediction
    from the layers below is taken away.  A layer's components count alike, as in a decoder's score.  Fewer words
    than a few hundred leave little to tell the layers apart by, so the prediction never uses more than a sixth as many
    numbers as there are words.
    """
    n_words, n_layers, _ = activations.shape
    most, seen = max(1, n_words // 6), min(SEEN_COMPONENTS, n_words - 1)
    below = np.empty((n_words, 0)) if beneath is None else _standardised(_components(beneath.astype(float), seen))
    out = np.empty((n_words, n_layers, n_dims), np.float32)
    for layer in range(n_layers):
        own = _standardised(_components(activations[:, layer].astype(np.float64), seen))
        left = own - _explained(own, _components(below, min(most, below.shape[1]))) if below.size else own
        out[:, layer] = _standardised(_components(left, n_dims))
        below = np.concatenate([below, own], axis=1)
    return out


def from_context(activations: np.ndarray, alone: np.ndarray, place: np.ndarray, n_dims: int) -> np.ndarray:
    """What each layer knows of a word from its wider context alone, in few standardised dimensions.

    activations : (word, layer, dim).    alone : the same layers' states of each word read without any before it.
    place : (word,) how many words of its run came before.
    Returns (word, layer, n_dims): a layer's leading components without their best linear prediction from what the
    word and the WORDS_BACK before it say by themselves, and from the place.

    Why the words before as well: the next word's context holds this word, and a brain that answers it would answer to
    models that see one word or none in order.  Why the place: states drift from the start of a story, in any model.
    Layers are not told apart: what one adds to those below is little, and mixed with the word.
    """
    n_words, n_layers, _ = activations.shape
    seen = min(SEEN_COMPONENTS, max(1, n_words // 6 // (WORDS_BACK + 1)))
    far = np.stack([1 / (1 + place), np.log1p(place), place, place**2], axis=1)
    out = np.empty((n_words, n_layers, n_dims), np.float32)
    for layer in range(n_layers):
        own = _standardised(_components(activations[:, layer].astype(np.float64), n_dims))
        word = _standardised(_components(alone[:, layer].astype(np.float64), seen))
        back = [np.where(place[:, None] >= k, np.roll(word, k, axis=0), 0.0) for k in range(WORDS_BACK + 1)]
        out[:, layer] = _standardised(own - _explained(own, _standardised(np.concatenate([*back, far], axis=1))))
    return out


def _components(values: np.ndarray, n: int) -> np.ndarray:
    """(word, n) scores on the leading principal components; zeros where there are fewer."""
    centred = values - values.mean(axis=0)
    if not n or not centred.size:
        return np.zeros((len(values), n))
    second = centred.T @ centred
    _, vectors = np.linalg.eigh(second)
    scores = centred @ vectors[:, ::-1][:, :n]
    return np.pad(scores, ((0, 0), (0, max(0, n - scores.shape[1]))))


def _explained(values: np.ndarray, predictors: np.ndarray) -> np.ndarray:
    """The least-squares prediction of values from centred predictors."""
    weights, *_ = np.linalg.lstsq(predictors, values, rcond=1e-10)
    return predictors @ weights


def _standardised(scores: np.ndarray) -> np.ndarray:
    """Each column with mean 0 and deviation 1; what does not vary stays 0."""
    deviation = scores.std(axis=0)
    floor = 1e-9 * max(float(deviation.max(initial=0.0)), 1e-30)
    return (scores - scores.mean(axis=0)) / np.where(deviation > floor, deviation, np.inf)
