"""The least-squares problem of all atoms of a map: its data, its model, and steps within bounds."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.atoms.anisotropic import Grid, density_on_grid, tensors
from atomotion.atoms.band import Band
from atomotion.atoms.filtered_map import frequency_radius
from atomotion.atoms.normal_equations import PARAMETERS, LocalSlopes, joint_step, local_slopes, near_voxels
from atomotion.scattering.atom_gaussians import AtomGaussians, peng_atoms

_PLACES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
_STEP = 0.15  # Å
_FARTHEST = 0.4  # Å
_WIDEST = 1.0  # Å²
# the slopes' Gaussians are this much wider [1 / end²], about as the end of the band widens the model
_CUT = 0.02


@dataclass(frozen=True, slots=True)
class FitState:
    """Where a fit is: positions (n, 3) [Å], amplitudes (n,), tensors (n, 6) [Å²], and the background."""

    positions: NDArray[np.float64]
    amplitudes: NDArray[np.float64]
    displacements: NDArray[np.float64]
    background: float

    @property
    def parameters(self) -> NDArray[np.float64]:
        """(n, 10) amplitudes, positions and tensors."""
        return np.column_stack([self.amplitudes, self.positions, self.displacements])


class FitProblem:
    """Data, model and steps of one fit.

    Parameters
    ----------
    density : (z, y, x) float
    grid : Grid
    element : str
    band : Band
    radius : float [Å]
        Voxels nearer to an atom enter.
    """

    def __init__(self, density: NDArray[np.float32], grid: Grid, element: str, band: Band, radius: float) -> None:
        self.grid, self.band, self._radius = grid, band, radius
        shape, size = grid.shape, grid.voxel_size
        self.data: NDArray[np.float32] = fft.irfftn(
            fft.rfftn(density) * band.for_map(frequency_radius(shape, size)), s=shape
        )
        self._filter = band.for_model(shape, size)
        atom: AtomGaussians = peng_atoms([element])
        self._weights = atom.weights[0]
        self._sampled = atom.sigmas[0] ** 2 + band.sampled(size)
        self._variances = atom.sigmas[0] ** 2 + band.weighted(size)
        self._narrowest = float(self._variances.min())
        self._began = np.empty((0, 3))
        self._stiffness: NDArray[np.float64] | None = None

    def draw_amplitudes_together(self, stiffness: NDArray[np.float64]) -> None:
        """Draw amplitudes to a common one from now on; (n,) weights beside the squared residuals, see `joint_step`."""
        self._stiffness = stiffness

    def start(self, positions: NDArray[np.float64], u_start: float) -> FitState:
        """Equal atoms at `positions`, of the amplitude and background that fit best."""
        n, self._began = len(positions), positions
        displacements = np.tile([u_start] * 3 + [0.0] * 3, (n, 1))
        unit = FitState(positions, np.ones(n), displacements, 0.0)
        model = self.model(unit)
        voxels, _, counts = near_voxels(self.grid, positions, self._radius)
        near = np.unique(voxels[counts])
        design = np.column_stack([model.ravel()[near], np.ones(len(near))]).astype(float)
        (scale, background), *_ = np.linalg.lstsq(design, self.data.ravel()[near].astype(float), rcond=None)
        return replace(unit, amplitudes=np.full(n, max(float(scale), 1e-12)), background=float(background))

    def model(self, state: FitState) -> NDArray[np.float32]:
        """The filtered density of the atoms, without the background."""
        sampled = density_on_grid(
            self.grid, state.positions, state.amplitudes, state.displacements,
            weights=self._weights, variances=self._sampled,
        )  # fmt: skip
        return np.asarray(fft.irfftn(fft.rfftn(sampled) * self._filter, s=self.grid.shape), dtype=np.float32)

    def residual(self, state: FitState) -> NDArray[np.float64]:
        """What map minus model is in every voxel, and a 0 for what lies outside; (size + 1,)."""
        left = np.asarray(self.data - self.model(state), dtype=float).ravel() - state.background
        return np.append(left, 0.0)

    def slopes(self, state: FitState, *, with_tensors: bool = True) -> LocalSlopes:
        """What the model changes by near each atom."""
        wider = self._variances + _CUT / self.band.end**2
        return local_slopes(
            self.grid, state.positions, state.amplitudes, state.displacements,
            weights=self._weights, variances=wider, radius=self._radius, with_tensors=with_tensors,
        )  # fmt: skip

    def advanced(self, state: FitState, local: LocalSlopes) -> tuple[FitState, tuple[float, float]]:
        """The state after a Gauss-Newton step; root mean square changes of positions [Å] and tensors [Å²]."""
        step = joint_step(local, self.residual(state), stiffness=self._stiffness, amplitudes=state.amplitudes)
        return self._moved(state, *step)

    def _moved(
        self, state: FitState, step: NDArray[np.float64], background: float
    ) -> tuple[FitState, tuple[float, float]]:
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
        return FitState(state.positions + shift, amplitudes, displacements, state.background + background), moved

    def _bounded(self, displacements: NDArray[np.float64]) -> NDArray[np.float64]:
        """Tensors whose eigenvalues leave every Gaussian of the model a width."""
        values, vectors = np.linalg.eigh(tensors(displacements))
        low = -0.5 * self._narrowest
        if values.min() >= low and values.max() <= _WIDEST:
            return displacements
        held = np.einsum("nij,nj,nkj->nik", vectors, np.clip(values, low, _WIDEST), vectors)
        return np.stack([held[:, a, b] for a, b in _PLACES], axis=1)
