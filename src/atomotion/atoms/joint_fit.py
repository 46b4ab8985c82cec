"""All atoms of a map at once: position, amplitude and displacement tensor of each, by least squares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from atomotion.atoms.anisotropic import Grid
from atomotion.atoms.band import Band
from atomotion.atoms.fit_errors import simulated_errors
from atomotion.atoms.fit_problem import FitProblem, FitState
from atomotion.atoms.normal_equations import LocalSlopes
from atomotion.atoms.whole_atoms import WHOLE_SPREAD, whole_probabilities

_CONVERGED = (1e-3, 1e-4)  # Å, Å²; root mean square step over the atoms
_OF_SPREAD = 0.002  # of the displacements' own spread over the atoms
_ROUNDS_IN_COMMON, _NEW_SLOPES = 6, 3
_ROUNDS_OF_FIRST_DRAWS, _ROUNDS_OF_DRAWS = 3, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class FittedAtoms:
    """Atoms as the joint fit found them.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    amplitudes : (n,) float
        The map's units per V: 1 for whole atoms in a potential [V].
    displacements : (n, 6) float [Å²]
        Mean-square displacements xx yy zz xy xz yz; negative where noise makes an atom narrower than one at rest.
    position_errors : (n,) float [Å]
        Standard error along one axis, root mean square over the three.
    amplitude_errors : (n,) float
    displacement_errors : (n,) float [Å²]
        Standard error of a third of the tensor's trace.
    displacement_bias : float [Å²]
        How much larger noise made the mean U, from the same simulated noise as the errors; it has been subtracted.
    whole_probabilities : (n,) float
        How likely each atom is a whole one, 0 to 1.
    background : float
        The constant below all atoms, in the map's units.
    residual : float
        Root mean square of what is left, over that of the map, in the voxels of the fit.
    band : Band
    rounds : int
    converged : bool
    """

    positions: NDArray[np.float64]
    amplitudes: NDArray[np.float64]
    displacements: NDArray[np.float64]
    position_errors: NDArray[np.float64]
    amplitude_errors: NDArray[np.float64]
    displacement_errors: NDArray[np.float64]
    displacement_bias: float
    whole_probabilities: NDArray[np.float64]
    background: float
    residual: float
    band: Band
    rounds: int
    converged: bool


def fit_atoms(
    density: ArrayLike,
    grid: Grid,
    positions: ArrayLike,
    element: str,
    *,
    band: Band,
    radius: float,
    occupancy: Literal["free", "shared"] = "free",
    u_start: float = 0.05,
    rounds: int = 20,
    seed: int = 0,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> FittedAtoms:
    r"""Positions, amplitudes and displacement tensors of all atoms together, by least squares.

    .. math:: \min \sum_{r\ \mathrm{near\ atoms}} \Big| W * M - c - R * \sum_i o_i \sum_j w_j
              G(r - x_i;\, b_j / 8\pi^2 + U_i + s) \Big|^2

    The five Gaussians are the element's form factor, so U is what displacement adds to an atom at rest. W cuts map and
    model at the same frequency, up to which the map must be complete; what a filter did beyond it has no effect. R is
    what W does to the model beyond the Gaussian s, with the averaging over voxels. All atoms are fitted together, so
    the tails of neighbours are no part of an atom. Gauss-Newton steps; the normal equations are solved by conjugate
    gradients with the blocks of the single atoms as preconditioner.

    Parameters
    ----------
    density : (z, y, x) float
    grid : Grid
        Of `density`; atoms should be farther than 3 Å from its faces.
    positions : (n, 3) float, x y z [Å]
        Within about 0.3 Å.
    element : str
    band : Band
    radius : float [Å]
        Voxels nearer to an atom enter.
    occupancy : "free" or "shared"
        "shared" draws together the amplitudes of atoms that are likely whole. An amplitude and a displacement are
        measured by much the same voxels, so free amplitudes make displacements noisier; but a partial atom that is
        taken for a whole one gets too large a displacement.
    u_start : float [Å²]
    rounds : int
        Most Gauss-Newton steps.
    seed : int
        Of the noise that the standard errors are drawn from.
    on_step : callable
        Is told (done, total) rounds.
    """
    problem = FitProblem(np.asarray(density, dtype=np.float32), grid, element, band, radius)
    rng = np.random.default_rng(seed)
    state = problem.start(np.array(positions, dtype=float), u_start)
    for _ in range(_ROUNDS_IN_COMMON):
        state, moved = problem.advanced(state, problem.slopes(state, with_tensors=False))
        if moved[0] < 3.0 * _CONVERGED[0]:
            break
    state, slopes, done, converged = _settled(problem, state, rounds, on_step)
    probability, unsure = None, np.zeros(len(state.amplitudes))
    if occupancy == "shared":
        probability, unsure = _draw_together(problem, state, slopes, rng)
        first = done
        state, slopes, more, converged = _settled(
            problem, state, rounds, lambda more, total: on_step(first + more, first + total)
        )
        done += more
    errors = simulated_errors(problem, state, slopes, rng, rounds=_ROUNDS_OF_DRAWS)
    if probability is None:
        probability, _ = whole_probabilities(state.amplitudes, errors.amplitudes)
    # what the drawn errors, of amplitudes as much held, do not hold
    unsure = np.maximum(unsure - errors.amplitudes**2, 0.0)
    left = problem.residual(state)[slopes.used]
    seen = np.append(problem.data.ravel(), 0.0)[slopes.used].astype(float)
    return FittedAtoms(
        positions=state.positions,
        amplitudes=state.amplitudes,
        displacements=state.displacements - errors.displacement_bias * np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
        position_errors=errors.positions,
        amplitude_errors=np.sqrt(errors.amplitudes**2 + unsure),
        displacement_errors=np.sqrt(errors.displacements**2 + errors.coupling**2 * unsure),
        displacement_bias=errors.displacement_bias,
        whole_probabilities=probability,
        background=state.background,
        residual=float(left.std() / max(float(seen.std()), 1e-30)),
        band=band,
        rounds=done,
        converged=converged,
    )


def _settled(
    problem: FitProblem, state: FitState, rounds: int, on_step: Callable[[int, int], None]
) -> tuple[FitState, LocalSlopes, int, bool]:
    """The state after steps until nothing changes, its slopes, how many steps, and whether it has settled."""
    slopes = problem.slopes(state)
    for done in range(1, rounds + 1):
        state, moved = problem.advanced(state, slopes)
        on_step(done, rounds)
        spread = float(state.displacements[:, :3].std())
        if moved[0] < _CONVERGED[0] and moved[1] < _CONVERGED[1] + _OF_SPREAD * spread:
            return state, slopes, done, True
        if done <= _NEW_SLOPES:
            slopes = problem.slopes(state)
    return state, slopes, rounds, False


def _draw_together(
    problem: FitProblem, state: FitState, slopes: LocalSlopes, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Let amplitudes be drawn to that of whole atoms, each as much as it is likely one.

    Returns how likely that is, and the variance of each amplitude by not knowing it and by noise, both (n,).
    """
    errors = simulated_errors(problem, state, slopes, rng, rounds=_ROUNDS_OF_FIRST_DRAWS)
    own = np.maximum(errors.amplitudes, 1e-9 * state.amplitudes.mean()) ** 2
    p, level = whole_probabilities(state.amplitudes, np.sqrt(own))
    # between a free amplitude and a whole one lies the mean of what it may be: p of the way
    stiffness = np.minimum(p / np.maximum(1.0 - p, 1e-9) / own, 1.0 / (WHOLE_SPREAD * level) ** 2)
    problem.draw_amplitudes_together(errors.amplitude_scale * stiffness)
    return p, (1.0 - p) * own + p * (1.0 - p) * (state.amplitudes - level) ** 2
