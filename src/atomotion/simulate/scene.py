"""What falls on the detector: the noise-free image of simulated particles and what is around them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from atomotion.data.errors import UsageError
from atomotion.scattering.atom_gaussians import gaussian_atoms
from atomotion.scattering.projections import project_atoms
from atomotion.simulate.bodies import Body
from atomotion.simulate.canvas import Canvas
from atomotion.simulate.config import MovieConfig
from atomotion.simulate.kinematic import KinematicImage, add_into
from atomotion.simulate.surroundings import Surroundings, gaussian_filter

# empty rim around the frame [Å], wider than the transfer spreads an atom
_RIM = 5.0


class Scene(Protocol):
    """The noise-free relative intensity of each frame."""

    surroundings: Surroundings

    def relative_intensity(self, frame: int) -> NDArray[np.float32]:
        """(y, x) float32, 1 where nothing scatters, never negative."""


def canvas_of(config: MovieConfig, drift: NDArray[np.floating], *, rim: float = _RIM) -> Canvas:
    """The grid of the whole frame; what drifts with the stage comes in from its rim."""
    moves = config.support_contrast > 0.0 or config.surroundings.graphene > 0
    if moves:
        rim += float(np.abs(drift).max(initial=0.0))
    return Canvas((config.height_px, config.width_px), config.pixel_size, rim)


class GaussianScene:
    """Atoms as Gaussians without their long wavelengths: no lens.

    Parameters
    ----------
    config : MovieConfig
    bodies : sequence of Body
    drift : (t, 2) float [Å]
        Of the stage.
    seed : int
    rng : numpy.random.Generator
        Makes what is around the particles.

    Raises
    ------
    UsageError
        For surroundings that need a lens.
    """

    def __init__(
        self, config: MovieConfig, bodies: Sequence[Body], drift: NDArray[np.floating], *, seed: int,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        if config.surroundings.graphene or config.surroundings.water != "none":
            raise UsageError("graphene and water are seen through a lens; set image to transfer or multislice")
        if config.atom_contrast is None:
            raise UsageError("Gaussian atoms need atom_contrast; set image to transfer for the contrast of the lens")
        self.config, self.bodies, self.drift = config, tuple(bodies), drift
        self.canvas = canvas_of(config, drift)
        self.surroundings = Surroundings(config, self.canvas, bodies, seed=seed, rng=rng)
        self._filter = gaussian_filter(config, self.canvas.k).astype(np.float32)
        one = self.canvas.image(self.canvas.transform(self._project(np.zeros((1, 3)))) * self._filter)
        centre = float(one[self.canvas.shape[0] // 2, self.canvas.shape[1] // 2])
        self._filter *= np.float32(config.atom_contrast / abs(centre))

    def _project(self, positions: NDArray[np.floating]) -> NDArray[np.floating]:
        atoms = gaussian_atoms(len(positions), sigma=self.config.atom_width)
        return project_atoms(positions, atoms, shape=self.canvas.shape, pixel_size=self.config.pixel_size)

    def relative_intensity(self, frame: int) -> NDArray[np.float32]:
        """(y, x) float32, 1 where nothing scatters."""
        positions = np.concatenate([body.positions(frame) for body in self.bodies]).astype(np.float32)
        transform = self.canvas.transform(self._project(positions)) * self._filter
        if not self.surroundings.is_empty():
            transform = transform + self.surroundings.transform(frame, self.drift[frame])
        return np.maximum(1.0 + self.canvas.image(transform)[self.canvas.inside], 0.0).astype(np.float32)


class TransferScene:
    """The weak-phase image through the lens: every scatterer changes the intensity on its own, and the changes add.

    Parameters
    ----------
    config, bodies, drift, seed, rng
        As in `GaussianScene`.
    """

    def __init__(
        self, config: MovieConfig, bodies: Sequence[Body], drift: NDArray[np.floating], *, seed: int,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.config, self.bodies, self.drift = config, tuple(bodies), drift
        self.canvas = canvas_of(config, drift)
        self.surroundings = Surroundings(config, self.canvas, bodies, seed=seed, rng=rng)
        self._images = [
            KinematicImage(
                config,
                elements=sorted({symbol for state in body.states for symbol in state.get_chemical_symbols()}),
                reach=body.reach(),
                highest=float(np.abs(body.heights).max(initial=0.0)),
            )
            for body in self.bodies
        ]

    def relative_intensity(self, frame: int) -> NDArray[np.float32]:
        """(y, x) float32, 1 where nothing scatters."""
        shape = (self.config.height_px, self.config.width_px)
        if self.surroundings.is_empty():
            change = np.zeros(shape, dtype=np.float32)
        else:
            change = self.canvas.image(self.surroundings.transform(frame, self.drift[frame]))[self.canvas.inside]
        for body, image in zip(self.bodies, self._images, strict=True):
            nearest = np.rint(body.poses.shifts[frame] / self.config.pixel_size)
            positions = body.turned(frame)
            positions[:, :2] += body.poses.shifts[frame] - nearest * self.config.pixel_size
            box = image.change(positions, body.elements(frame), height=float(body.heights[frame]))
            add_into(change, box, (shape[0] // 2 + int(nearest[1]), shape[1] // 2 + int(nearest[0])))
        return np.maximum(1.0 + change, 0.0).astype(np.float32)
