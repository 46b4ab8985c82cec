"""All atoms of a map at once: position, amplitude and displacement tensor of each, by least squares."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from atomotion.atoms.anisotropic import Grid, density_on_grid, tensors
from atomotion.atoms.band import Band
from atomotion.atoms.filtered_map import frequency_radius
from atomotion.atoms.normal_equations import PARAMETERS, LocalSlopes, joint_step, local_slopes, near_voxels
from atomotion.scattering.atom_gaussians import AtomGaussians, peng_atoms

_STEP = 0.15  # Å
_ROUNDS_IN_COMMON = 6
_FARTHEST = 0.4  # Å
_ROUNDS_OF_DRAWS = 5
_ATOMS_DRAWN, _MOST_DRAWS = 300, 8
_WIDEST = 1.0  # Å²
_PLACES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
_CONVERGED = (1e-3, 1e-4)  # Å, Å²; root mean square step over the atoms
_OF_SPREAD = 0.002  # of the displacements' own spread over the atoms
# the slopes' Gaussians are this much wider [1 / end²], about as the end of the band widens the model
_CUT = 0.02


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
    u_start : float [Å²]
    rounds : int
        Most Gauss-Newton steps.
    seed : int
        Of the noise that the standard errors are drawn from.
    on_step : callable
        Is told (done, total) rounds.
    """
    problem = _Problem(np.asarray(density, dtype=np.float32), grid, element, band, radius)
    state = problem.start(np.array(positions, dtype=float), u_start)
    for _ in range(_ROUNDS_IN_COMMON):
        slopes = problem.slopes(state, with_tensors=False)
        state, moved = problem.moved(state, *joint_step(slopes, problem.residual(state)))
        if moved[0] < 3.0 * _CONVERGED[0]:
            break
    converged, done = False, 0
    for done in range(1, rounds + 1):
        if done <= 4:
            slopes = problem.slopes(state)
        state, moved = problem.moved(state, *joint_step(slopes, problem.residual(state)))
        on_step(done, rounds)
        if moved[0] < _CONVERGED[0] and moved[1] < _CONVERGED[1] + _OF_SPREAD * float(state.displacements[:, :3].std()):
            converged = True
            break
    return problem.result(state, slopes, np.random.default_rng(seed), done, converged)


@dataclass(frozen=True, slots=True)
class _State:
    positions: NDArray[np.float64]
    amplitudes: NDArray[np.float64]
    displacements: NDArray[np.float64]
    background: float

    @property
    def parameters(self) -> NDArray[np.float64]:
        """(n, 10) amplitudes, positions and tensors."""
        return np.column_stack([self.amplitudes, self.positions, self.displacements])


class _Problem:
    """Data, model and normal equations of one fit."""

    def __init__(self, density: NDArray[np.float32], grid: Grid, element: str, band: Band, radius: float) -> None:
        self._grid, self._band, self._radius = grid, band, radius
        shape, size = grid.shape, grid.voxel_size
        self._data = fft.irfftn(fft.rfftn(density) * band.for_map(frequency_radius(shape, size)), s=shape)
        self._filter = band.for_model(shape, size)
        atom: AtomGaussians = peng_atoms([element])
        self._weights = atom.weights[0]
        self._sampled = atom.sigmas[0] ** 2 + band.sampled(size)
        self._variances = atom.sigmas[0] ** 2 + band.weighted(size)
        self._narrowest = float(self._variances.min())
        self._began = np.empty((0, 3))

    def start(self, positions: NDArray[np.float64], u_start: float) -> _State:
        n, self._began = len(positions), positions
        displacements = np.tile([u_start] * 3 + [0.0] * 3, (n, 1))
        unit = _State(positions, np.ones(n), displacements, 0.0)
        model = self._model(unit)
        voxels, _, counts = near_voxels(self._grid, positions, self._radius)
        near = np.unique(voxels[counts])
        design = np.column_stack([model.ravel()[near], np.ones(len(near))]).astype(float)
        (scale, background), *_ = np.linalg.lstsq(design, self._data.ravel()[near].astype(float), rcond=None)
        return replace(unit, amplitudes=np.full(n, max(float(scale), 1e-12)), background=float(background))

    def _model(self, state: _State) -> NDArray[np.float32]:
        sampled = density_on_grid(
            self._grid, state.positions, state.amplitudes, state.displacements,
            weights=self._weights, variances=self._sampled,
        )  # fmt: skip
        return np.asarray(fft.irfftn(fft.rfftn(sampled) * self._filter, s=self._grid.shape), dtype=np.float32)

    def residual(self, state: _State) -> NDArray[np.float64]:
        """What map minus model is in every voxel, and a 0 for what lies outside; (size + 1,)."""
        left = np.asarray(self._data - self._model(state), dtype=float).ravel() - state.background
        return np.append(left, 0.0)

    def slopes(self, state: _State, *, with_tensors: bool = True) -> LocalSlopes:
        wider = self._variances + _CUT / self._band.end**2
        return local_slopes(
            self._grid, state.positions, state.amplitudes, state.displacements,
            weights=self._weights, variances=wider, radius=self._radius, with_tensors=with_tensors,
        )  # fmt: skip

    def moved(self, state: _State, step: NDArray[np.float64], background: float) -> tuple[_State, tuple[float, float]]:
        """The state after a step, held within bounds; root mean square changes of positions [Å] and tensors [Å²]."""
        shift = step[:, 1:4]
        length = np.linalg.norm(shift, axis=1, keepdims=True)
        shift = shift * np.minimum(1.0, _STEP / np.maximum(length, 1e-12))
        away = state.positions + shift - self._began
        far = np.linalg.norm(away, axis=1, keepdims=True)
        shift = shift - away * np.maximum(0.0, 1.0 - _FARTHEST / np.maximum(far, 1e-12))
        amplitudes = np.maximum(state.amplitudes + step[:, 0], 0.02 * np.median(state.amplitudes))
        displacements = state.displacements
        if step.shape[1] == PARAMETERS:
            displacements = self._bounded(displacements + step[:, 4:])
        moved = (
            float(np.sqrt(np.mean(shift**2))),
            float(np.sqrt(np.mean((displacements - state.displacements) ** 2))),
        )
        return _State(state.positions + shift, amplitudes, displacements, state.background + background), moved

    def _bounded(self, displacements: NDArray[np.float64]) -> NDArray[np.float64]:
        """Tensors whose eigenvalues leave every Gaussian of the model a width."""
        values, vectors = np.linalg.eigh(tensors(displacements))
        low = -0.5 * self._narrowest
        if values.min() >= low and values.max() <= _WIDEST:
            return displacements
        held = np.einsum("nij,nj,nkj->nik", vectors, np.clip(values, low, _WIDEST), vectors)
        return np.stack([held[:, a, b] for a, b in _PLACES], axis=1)

    def result(
        self, state: _State, slopes: LocalSlopes, rng: np.random.Generator, rounds: int, converged: bool
    ) -> FittedAtoms:
        """The atoms with their errors."""
        left = self.residual(state)[slopes.used]
        seen = np.append(self._data.ravel(), 0.0)[slopes.used].astype(float)
        amplitude, place, width, bias = self._errors(state, slopes, float(left.std()), rng)
        return FittedAtoms(
            positions=state.positions,
            amplitudes=state.amplitudes,
            displacements=state.displacements - bias * np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
            position_errors=place,
            amplitude_errors=amplitude,
            displacement_errors=width,
            displacement_bias=bias,
            background=state.background,
            residual=float(left.std() / max(float(seen.std()), 1e-30)),
            band=self._band,
            rounds=rounds,
            converged=converged,
        )

    def _errors(
        self, state: _State, slopes: LocalSlopes, left: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
        """Standard errors of amplitudes, places and widths, (n,) each, and the mean shift of U that noise makes.

        How errors differ from atom to atom follows from the normal matrix of each; how large they are, from fits to the
        fitted model with simulated noise, white in the map and filtered as the map is, that leaves as much as was left.
        """
        blocks = slopes.blocks()
        largest = np.einsum("nii->ni", blocks).max(axis=1)
        inverse = np.linalg.inv(blocks + 1e-9 * largest[:, None, None] * np.eye(PARAMETERS))
        single = _three(np.einsum("nii->ni", inverse), inverse[:, 4:7, 4:7].sum(axis=(1, 2)))
        drawn, remains, bias = np.zeros(3), 0.0, 0.0
        shape, data = self._grid.shape, self._data
        kept = self._band.for_map(frequency_radius(shape, self._grid.voxel_size))
        model = self._model(state) + np.float32(state.background)
        draws = min(_MOST_DRAWS, max(1, round(_ATOMS_DRAWN / len(single.T))))
        for _ in range(draws):
            noise = fft.irfftn(fft.rfftn(rng.normal(size=shape).astype(np.float32)) * kept, s=shape)
            noise *= left / noise.std()
            self._data = model + noise
            again, local = state, slopes
            for number in range(_ROUNDS_OF_DRAWS):
                again, _ = self.moved(again, *joint_step(local, self.residual(again)))
                if number in (0, 2):
                    local = self.slopes(again)
            remains += float(self.residual(again)[slopes.used].var()) / draws
            step = again.parameters - state.parameters
            drawn += _three(step**2, np.square(step[:, 4:7].sum(axis=1))).mean(axis=1) / draws
            bias += float(step[:, 4:7].mean()) / draws
        self._data = data
        # as much noise as leaves what was left
        more = left**2 / max(remains, 1e-30)
        amplitude, place, width = np.sqrt((more * drawn / single.mean(axis=1))[:, None] * single)
        return amplitude, place, width, bias * more


def _three(squares: NDArray[np.float64], trace: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, n) of squares (n, 10): of the amplitude, the mean of those of the place, a third of the tensor's trace."""
    return np.stack([squares[:, 0], squares[:, 1:4].mean(axis=1), trace / 9.0])
