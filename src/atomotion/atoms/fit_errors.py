"""Standard errors of a joint fit, from fits to its model with simulated noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.atoms.filtered_map import frequency_radius
from atomotion.atoms.fit_problem import FitProblem, FitState
from atomotion.atoms.normal_equations import LocalSlopes

# together about so many simulated atoms are fitted
_ATOMS_DRAWN, _MOST_DRAWS = 300, 8


@dataclass(frozen=True, kw_only=True, slots=True)
class FitErrors:
    """What noise does to a fit.

    Parameters
    ----------
    amplitudes : (n,) float
        Standard errors.
    positions : (n,) float [Å]
        Along one axis, root mean square over the three.
    displacements : (n,) float [Å²]
        Of a third of the tensor's trace.
    displacement_bias : float [Å²]
        Mean shift of the tensors' diagonals.
    amplitude_scale : float
        Variance of an amplitude over the inverse normal matrix's element: what a squared residual counts.
    coupling : (n,) float [Å²]
        How much U changes with the amplitude, where the residuals decide on neither.
    """

    amplitudes: NDArray[np.float64]
    positions: NDArray[np.float64]
    displacements: NDArray[np.float64]
    displacement_bias: float
    amplitude_scale: float
    coupling: NDArray[np.float64]


def simulated_errors(
    problem: FitProblem, state: FitState, slopes: LocalSlopes, rng: np.random.Generator, *, rounds: int
) -> FitErrors:
    """Errors of the fit that ended in `state`.

    How errors differ from atom to atom follows from the normal matrix of each; how large they are, from fits to the
    fitted model with noise, white in the map and filtered as the map is, that leaves as much as was left.

    Parameters
    ----------
    problem : FitProblem
    state : FitState
    slopes : LocalSlopes
        At the state.
    rng : numpy.random.Generator
    rounds : int
        Steps of each fit.
    """
    left = float(problem.residual(state)[slopes.used].std())
    blocks = slopes.blocks()
    largest = np.einsum("nii->ni", blocks).max(axis=1)
    inverse = np.linalg.inv(blocks + 1e-9 * largest[:, None, None] * np.eye(blocks.shape[1]))
    single = _three(np.einsum("nii->ni", inverse), inverse[:, 4:7, 4:7].sum(axis=(1, 2)))
    kept = problem.band.for_map(frequency_radius(problem.grid.shape, problem.grid.voxel_size))
    data, model = problem.data, problem.model(state) + np.float32(state.background)
    draws = min(_MOST_DRAWS, max(1, round(_ATOMS_DRAWN / len(state.amplitudes))))
    drawn, bias, remains = np.zeros(3), 0.0, 0.0
    for _ in range(draws):
        white = rng.normal(size=problem.grid.shape).astype(np.float32)
        noise = fft.irfftn(fft.rfftn(white) * kept, s=problem.grid.shape)
        problem.data = np.asarray(model + noise * (left / noise.std()), dtype=np.float32)
        again, local = state, slopes
        for number in range(rounds):
            again, _ = problem.advanced(again, local)
            if number in (0, 2):
                local = problem.slopes(again)
        remains += float(problem.residual(again)[slopes.used].var()) / draws
        step = again.parameters - state.parameters
        drawn += _three(step**2, np.square(step[:, 4:7].sum(axis=1))).mean(axis=1) / draws
        bias += float(step[:, 4:7].mean()) / draws
    problem.data = data
    # as much noise as leaves what was left
    more = left**2 / max(remains, 1e-30)
    scale = more * drawn / single.mean(axis=1)
    amplitudes, positions, displacements = np.sqrt(scale[:, None] * single)
    return FitErrors(
        amplitudes=amplitudes,
        positions=positions,
        displacements=displacements,
        displacement_bias=float(more * bias),
        amplitude_scale=float(scale[0]),
        coupling=inverse[:, 4:7, 0].mean(axis=1) / inverse[:, 0, 0],
    )


def _three(squares: NDArray[np.float64], trace: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, n) of squares (n, 10): of the amplitude, the mean of those of the place, a third of the tensor's trace."""
    return np.stack([squares[:, 0], squares[:, 1:4].mean(axis=1), trace / 9.0])
