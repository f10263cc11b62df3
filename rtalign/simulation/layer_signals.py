"""The information that is planted for each layer and word: from a model, or random."""

from __future__ import annotations

import numpy as np

N_COMPONENTS = 50
"""Leading principal components of a layer that are used; decoders use as many."""

WORDS_BACK = 3
"""Words before a word that do not count as its wider context."""


def independent_layers(n_words: int, n_layers: int, n_dims: int, seed: int) -> np.ndarray:
    """Draw information that is independent between layers and words.

    Parameters
    ----------
    n_words, n_layers, n_dims : int
        Size.
    seed : int
        Seed.

    Returns
    -------
    ndarray of float32, shape (word, layer, dim)
        Standard normal numbers.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x1A]))
    return rng.standard_normal((n_words, n_layers, n_dims), np.float32)


def own_information(activations: np.ndarray, n_dims: int, beneath: np.ndarray | None = None) -> np.ndarray:
    """Extract what each layer adds to the layers below it, in few standardised dimensions.

    All components of a layer have equal weight, as in a decoder's score.  With fewer than some hundred words the layers
    are hard to separate, so the prediction never uses more than a sixth as many numbers as there are words.

    Parameters
    ----------
    activations : ndarray, shape (word, layer, dim)
        Hidden states, the layers in order of depth.
    n_dims : int
        Dimensions to return for each layer.
    beneath : ndarray, shape (word, dim), or None
        A hidden state below all layers.

    Returns
    -------
    ndarray of float32, shape (word, layer, n_dims)
        The leading components of each layer minus its best linear prediction from the layers below.
    """
    n_words, n_layers, _ = activations.shape
    most, n_used = max(1, n_words // 6), min(N_COMPONENTS, n_words - 1)
    below = np.empty((n_words, 0)) if beneath is None else _standardised(_components(beneath.astype(float), n_used))
    out = np.empty((n_words, n_layers, n_dims), np.float32)
    for layer in range(n_layers):
        own = _standardised(_components(activations[:, layer].astype(np.float64), n_used))
        rest = own - _explained(own, _components(below, min(most, below.shape[1]))) if below.size else own
        out[:, layer] = _standardised(_components(rest, n_dims))
        below = np.concatenate([below, own], axis=1)
    return out


def context_information(activations: np.ndarray, alone: np.ndarray, position: np.ndarray, n_dims: int) -> np.ndarray:
    """Extract what each layer holds of a word's wider context, in few standardised dimensions.

    Why the words before are removed as well: the context of the next word holds this word, so a brain that responds to
    it would correlate with models that see a single word or shuffled ones.  Why the position is removed: states drift
    from the beginning of a story in any model.  What a layer shares with those below is kept: what it adds to them is
    little, and mixed with the word itself.

    Parameters
    ----------
    activations : ndarray, shape (word, layer, dim)
        Hidden states with context.
    alone : ndarray, shape (word, layer, dim)
        Hidden states of each word read without any before it.
    position : ndarray, shape (word,)
        How many words of its run came before each word.
    n_dims : int
        Dimensions to return for each layer.

    Returns
    -------
    ndarray of float32, shape (word, layer, n_dims)
        The leading components of each layer minus their best linear prediction from the position and from the word and
        the WORDS_BACK words before it, each read alone.
    """
    n_words, n_layers, _ = activations.shape
    n_used = min(N_COMPONENTS, max(1, n_words // 6 // (WORDS_BACK + 1)))
    far = np.stack([1 / (1 + position), np.log1p(position), position, position**2], axis=1)
    out = np.empty((n_words, n_layers, n_dims), np.float32)
    for layer in range(n_layers):
        own = _standardised(_components(activations[:, layer].astype(np.float64), n_dims))
        word = _standardised(_components(alone[:, layer].astype(np.float64), n_used))
        back = [np.where(position[:, None] >= k, np.roll(word, k, axis=0), 0.0) for k in range(WORDS_BACK + 1)]
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
    """Each column with mean 0 and standard deviation 1; a constant column becomes 0."""
    deviation = scores.std(axis=0)
    floor = 1e-9 * max(float(deviation.max(initial=0.0)), 1e-30)
    return (scores - scores.mean(axis=0)) / np.where(deviation > floor, deviation, np.inf)
