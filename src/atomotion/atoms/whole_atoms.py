"""Which atoms are whole, by amplitudes that noise makes differ."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# whole atoms differ by this much, at least: the model is not exact
WHOLE_SPREAD = 0.02
# amplitudes of partial atoms lie anywhere between 0 and this many whole ones
_HIGHEST = 1.5
_SHARES = (0.05, 0.999)
_ROUNDS = 60


def whole_probabilities(amplitudes: ArrayLike, errors: ArrayLike) -> tuple[NDArray[np.float64], float]:
    r"""How likely each atom is a whole one, and the amplitude of whole atoms.

    .. math:: p_i = \frac{\pi\, N(o_i;\, m,\, e_i^2 + (0.02 m)^2)}{\pi\, N(\cdot) + (1 - \pi) / 1.5 m}

    Whole atoms have one amplitude m, partial ones any; π, the share of whole atoms, and m come from the amplitudes
    themselves (expectation maximisation).

    Parameters
    ----------
    amplitudes : (n,) float
        Of a fit that leaves them free.
    errors : (n,) float
        Their standard errors.

    Returns
    -------
    probability : (n,) float
    whole : float
    """
    o, e = np.asarray(amplitudes, dtype=float), np.asarray(errors, dtype=float)
    whole, share, p = float(np.median(o)), 0.9, np.ones(len(o))
    for _ in range(_ROUNDS):
        variance = e**2 + (WHOLE_SPREAD * whole) ** 2
        as_whole = share * np.exp(-0.5 * (o - whole) ** 2 / variance) / np.sqrt(2.0 * np.pi * variance)
        p = as_whole / (as_whole + (1.0 - share) / (_HIGHEST * whole))
        share = float(np.clip(p.mean(), *_SHARES))
        weight = p / variance
        whole = float(weight @ o) / float(weight.sum()) if weight.sum() > 0.0 else whole
    return p, whole
