"""How strongly an element's atoms scatter electrons: the parameters of Peng and co-workers."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.data.errors import InputError

# Elastic atomic scattering factors of neutral atoms for s up to 2 Å⁻¹: a1..a5 [Å], b1..b5 [Å²].
# International Tables for Crystallography C (2011), table 4.3.2.2; only elements that these samples are made of.
_PENG: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "H": ((0.0349, 0.1201, 0.1970, 0.0573, 0.1195), (0.5347, 3.5867, 12.3471, 18.9525, 38.6269)),
    "C": ((0.0893, 0.2563, 0.7570, 1.0487, 0.3575), (0.2465, 1.7100, 6.4094, 18.6113, 50.2523)),
    "N": ((0.1022, 0.3219, 0.7982, 0.8197, 0.1715), (0.2451, 1.7481, 6.1925, 17.3894, 48.1431)),
    "O": ((0.0974, 0.2921, 0.6910, 0.6990, 0.2039), (0.2067, 1.3815, 4.6943, 12.7105, 32.4726)),
    "Al": ((0.2390, 0.6573, 1.2011, 2.5586, 1.2312), (0.3138, 2.1063, 10.4163, 34.4552, 98.5344)),
    "Si": ((0.2519, 0.6372, 1.3795, 2.5082, 1.0500), (0.3075, 2.0174, 9.6746, 29.3744, 80.4732)),
    "Ti": ((0.3825, 1.2598, 2.0008, 3.0617, 2.0694), (0.3040, 2.4863, 9.2783, 39.0751, 109.4583)),
    "Fe": ((0.3946, 1.2725, 1.7031, 2.3140, 1.4795), (0.2717, 2.0443, 7.6007, 29.9714, 86.2265)),
    "Co": ((0.4118, 1.3161, 1.6493, 2.1930, 1.2830), (0.2742, 2.0372, 7.7205, 29.9680, 84.9383)),
    "Ni": ((0.3860, 1.1765, 1.5451, 2.0730, 1.3814), (0.2478, 1.7660, 6.3107, 25.2204, 74.3146)),
    "Cu": ((0.4314, 1.3208, 1.5236, 1.4671, 0.8562), (0.2694, 1.9223, 7.3474, 28.9892, 90.6246)),
    "Ru": ((0.6735, 1.4934, 3.0966, 2.7254, 1.5597), (0.2773, 1.9716, 7.3249, 26.6891, 90.5581)),
    "Rh": ((0.6413, 1.3690, 2.9854, 2.6952, 1.5433), (0.2580, 1.7721, 6.3854, 23.2549, 85.1517)),
    "Pd": ((0.5904, 1.1775, 2.6519, 2.2875, 0.8689), (0.2324, 1.5019, 5.1591, 15.5428, 46.8213)),
    "Ag": ((0.6377, 1.3790, 2.8294, 2.3631, 1.4553), (0.2466, 1.6974, 5.7656, 20.0943, 76.7372)),
    "Ce": ((0.8551, 2.3915, 4.5772, 5.0278, 4.5118), (0.2805, 2.1200, 10.1808, 42.0633, 130.9893)),
    "Ir": ((1.0194, 2.0645, 3.4425, 3.4914, 1.6976), (0.2554, 1.6475, 6.5966, 23.2269, 70.0272)),
    "Pt": ((0.9148, 1.8096, 3.2134, 3.2953, 1.5754), (0.2263, 1.3813, 5.3243, 17.5987, 60.0171)),
    "Au": ((0.9674, 1.8916, 3.3993, 3.0524, 1.2607), (0.2358, 1.4712, 5.6758, 18.7119, 61.5286)),
}

ELEMENTS = tuple(_PENG)


def peng_parameters(element: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The five a [Å] and five b [Å²] of an element's form factor; see `electron_form_factor`.

    Raises
    ------
    InputError
        For an element that is not in the table.
    """
    if element not in _PENG:
        raise InputError(f"no electron form factor for element {element!r}; known are {', '.join(ELEMENTS)}")
    a, b = _PENG[element]
    return np.array(a), np.array(b)


def electron_form_factor(element: str, k: ArrayLike) -> NDArray[np.float64]:
    """Elastic electron scattering factor f(k) [Å] of a neutral atom at rest, in the first Born approximation.

    ``f(k) = sum_j a_j exp(-b_j k² / 4)``

    Parameters
    ----------
    element : str
    k : float [1/Å]
        Spatial frequency, k = 2 sin(θ) / λ = 2 s, valid up to 4 1/Å.

    References
    ----------
    Peng, Ren, Dudarev & Whelan, Acta Cryst. A52, 257 (1996).
    """
    a, b = peng_parameters(element)
    k2 = np.asarray(k, dtype=float)[..., None] ** 2
    result: NDArray[np.float64] = np.exp(-0.25 * b * k2) @ a
    return result
