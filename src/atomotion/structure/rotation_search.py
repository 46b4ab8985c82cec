"""Rotations that lay the interatomic vectors of one particle on those of another, whatever their positions."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

# resolves 9° in direction; the two turns about z are sampled every 2.8°
_DEGREE = 20
_ANGLES = 128
_TILTS = 65
# shells of distance, in units of the spacing: nearest neighbours to beyond the fourth shell of FCC
_SHELLS = np.arange(0.85, 2.21, 0.15)
_SHELL_WIDTH = 0.12


def pair_harmonics(positions: NDArray[np.float64], spacing: float) -> NDArray[np.complex128]:
    """Spherical harmonics of the directions of all interatomic vectors, shell by shell of their lengths.

    Parameters
    ----------
    positions : (n, 3) float [Å]
    spacing : float [Å]
        Typical distance of nearest neighbours, the unit of the shells.

    Returns
    -------
    (shells, 11, 41) complex
        Coefficients ``a[s, l / 2, m + 20]`` of even degree l = 0, 2, ... 20; odd ones vanish, since every vector has
        its opposite.
    """
    reach = (_SHELLS[-1] + 2 * _SHELL_WIDTH) * spacing
    pairs = cKDTree(positions).query_pairs(reach, output_type="ndarray")
    vectors = positions[pairs[:, 1]] - positions[pairs[:, 0]]
    lengths = np.linalg.norm(vectors, axis=1)
    vectors, lengths = vectors[lengths > 0.0], lengths[lengths > 0.0]
    cosine = vectors[:, 2] / lengths
    sine = np.sqrt(np.clip(1.0 - cosine**2, 0.0, None))
    azimuth = np.arctan2(vectors[:, 1], vectors[:, 0])
    weight = np.exp(-0.5 * ((lengths / spacing - _SHELLS[:, None]) / _SHELL_WIDTH) ** 2)
    result = np.zeros((len(_SHELLS), _DEGREE // 2 + 1, 2 * _DEGREE + 1), dtype=complex)
    diagonal = np.full(len(lengths), np.sqrt(0.25 / np.pi))
    for m in range(_DEGREE + 1):
        if m > 0:
            diagonal = -np.sqrt((2 * m + 1) / (2 * m)) * sine * diagonal
        turned = weight * np.exp(-1j * m * azimuth)
        below, legendre = np.zeros_like(diagonal), diagonal
        for degree in range(m, _DEGREE + 1):
            if degree > m:
                factor = np.sqrt((4 * degree**2 - 1) / (degree**2 - m**2))
                last = np.sqrt(((degree - 1) ** 2 - m**2) / (4 * (degree - 1) ** 2 - 1)) if degree > 1 else 0.0
                below, legendre = legendre, factor * (cosine * legendre - last * below)
            if degree % 2 == 0:
                value = turned @ legendre
                result[:, degree // 2, _DEGREE + m] = value
                result[:, degree // 2, _DEGREE - m] = (-1) ** m * value.conj()
    return result


def likely_rotations(
    moving: NDArray[np.complex128], fixed: NDArray[np.complex128], *, most: int, apart_deg: float = 12.0
) -> NDArray[np.float64]:
    r"""Rotations, best first, at which the interatomic vectors of the moving particle lie on those of the fixed one.

    The overlap as a function of the rotation, with the coefficients a of the fixed and b of the moving particle,

    .. math:: C(\alpha, \beta, \gamma) = \sum_{s,l,m,m'} a^*_{slm}\, b_{slm'}\, d^l_{mm'}(\beta)\,
              e^{-i m \alpha} e^{-i m' \gamma},

    is a Fourier transform for every β; its maxima are taken. It knows neither the positions of the particles nor the
    hand: an inversion leaves all interatomic vectors as they are.

    Parameters
    ----------
    moving, fixed : complex
        From `pair_harmonics`, with the same spacing.
    most : int
        Rotations that are returned at most.
    apart_deg : float
        Maxima nearer than this to a better one are left out.

    Returns
    -------
    (k, 3, 3) float
        x_fixed = R x_moving, but for a translation.

    References
    ----------
    Crowther, in The Molecular Replacement Method (ed. Rossmann, 1972), 173: the fast rotation function.
    """
    # degree 0 says nothing about directions
    overlap = np.einsum("slm,sln->lmn", fixed[:, 1:].conj(), moving[:, 1:])
    tilted = np.einsum("lmn,lbmn->bmn", overlap, _tilt_matrices()[1:])
    orders = np.arange(-_DEGREE, _DEGREE + 1) % _ANGLES
    spectrum = np.zeros((_TILTS, _ANGLES, _ANGLES), dtype=complex)
    spectrum[:, orders[:, None], orders] = tilted
    values = np.fft.fft2(spectrum).real
    highest = maximum_filter(values, size=3, mode=("nearest", "wrap", "wrap"))
    tilt, first, second = np.nonzero((values == highest) & (values > 0.0))
    best = np.argsort(values[tilt, first, second])[::-1][: 20 * most]
    step = 2 * np.pi / _ANGLES
    about_z, about_y = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    turns = (
        Rotation.from_rotvec(np.outer(angles, axis))
        for angles, axis in (
            (first[best] * step, about_z),
            (tilt[best] * np.pi / (_TILTS - 1), about_y),
            (second[best] * step, about_z),
        )
    )
    outer, middle, inner = turns
    matrices = (outer * middle * inner).as_matrix()
    # the trace of R1^T R2 is 1 + 2 cos(angle between them)
    nearest = 1.0 + 2.0 * np.cos(np.deg2rad(apart_deg))
    kept: list[NDArray[np.float64]] = []
    for matrix in matrices:
        if not kept or np.einsum("kij,ij->k", np.array(kept), matrix).max() < nearest:
            kept.append(matrix)
        if len(kept) == most:
            break
    return np.array(kept).reshape(-1, 3, 3)


@lru_cache(maxsize=1)
def _tilt_matrices() -> NDArray[np.float64]:
    """Wigner's d^l_mm'(β), (l / 2, β, m + 20, m' + 20), from the eigenvectors of J_y."""
    tilts = np.linspace(0.0, np.pi, _TILTS)
    result = np.zeros((_DEGREE // 2 + 1, _TILTS, 2 * _DEGREE + 1, 2 * _DEGREE + 1))
    for degree in range(0, _DEGREE + 1, 2):
        m = np.arange(-degree, degree)
        raising = np.diag(np.sqrt(degree * (degree + 1) - m * (m + 1)), -1)
        values, vectors = np.linalg.eigh((raising - raising.T) / 2j)
        turned = np.einsum("ik,bk,jk->bij", vectors, np.exp(-1j * np.outer(tilts, values)), vectors.conj())
        inside = slice(_DEGREE - degree, _DEGREE + degree + 1)
        result[degree // 2, :, inside, inside] = turned.real
    return result
