"""ADF-STEM images by the column model: one Gaussian per atomic column, whose volume is its scattering cross-section."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray
from scipy import fft
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from atomotion.data.errors import UsageError
from atomotion.geometry.rotations import compose, quaternions_from_vectors, rotate, rotation_onto
from atomotion.particles.ideal import particle
from atomotion.particles.surface_changes import etched
from atomotion.scattering.atom_gaussians import AtomGaussians
from atomotion.scattering.projections import project_atoms
from atomotion.simulate.config import AdfConfig

# atoms whose projections are nearer than this belong to one column [Å]
_COLUMN = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedAdf:
    """An ADF-STEM image and everything that is true of it.

    Parameters
    ----------
    image : (y, x) float32
        Fraction of the incident electrons that the detector caught.
    clean : (y, x) float32
        Its expectation, with the shifts of the scan lines.
    columns : (c, 2) float, x y [Å]
        From the centre of the first pixel.
    counts : (c,) int
        Atoms of each column.
    cross_sections : (c,) float [Å²]
    atoms : ase.Atoms or None
        In the laboratory, the beam along +z, x and y relative to the centre of pixel n // 2; None where only counts
        were given.
    pixel_size : float [Å]
    """

    image: NDArray[np.float32]
    clean: NDArray[np.float32]
    columns: NDArray[np.float64]
    counts: NDArray[np.intp]
    cross_sections: NDArray[np.float64]
    atoms: Atoms | None
    pixel_size: float


def cross_sections_of(counts: ArrayLike, *, atom_scs: float, channelling: float = 0.0) -> NDArray[np.float64]:
    """Scattering cross-sections [Å²] of columns of `counts` atoms, ``S(n) = s n (1 + c (n - 1))``.

    The defaults of `AdfConfig` follow published libraries of Pt at 300 kV along <110> (0.019 Å² for one atom, 0.52 Å²
    for 20), to a few percent.

    Parameters
    ----------
    counts : (c,) int
    atom_scs : float [Å²]
        s, of a single atom.
    channelling : float
        c; 0 adds atoms, more lets a column focus the probe on its next atoms.
    """
    n = np.asarray(counts, dtype=float)
    return np.asarray(atom_scs * n * (1.0 + channelling * (n - 1.0)))


def columns_of(positions: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The columns (c, 2) x y [Å] that atoms form along z, and the number of atoms in each.

    Atoms whose projections are within 0.5 Å of each other, directly or by way of others, are a column, which lies at
    their mean.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
    """
    flat = np.asarray(positions, dtype=float)[:, :2]
    pairs = cKDTree(flat).query_pairs(_COLUMN, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(flat), len(flat)))
    total, label = connected_components(links, directed=False)
    counts = np.bincount(label, minlength=total)
    centres = np.stack([np.bincount(label, weights=flat[:, axis], minlength=total) for axis in (0, 1)], axis=1)
    return centres / counts[:, None], counts.astype(np.intp)


def simulate_adf(
    config: AdfConfig,
    rng: np.random.Generator,
    *,
    atoms: Atoms | None = None,
    columns: tuple[ArrayLike, ArrayLike] | None = None,
) -> SimulatedAdf:
    """An image of the config's particle, of given atoms, or of given columns, with its truth.

    ``I(r) = b + sum_c S(n_c) exp(-|r - r_c|² / 2ρ²) / (2πρ²)``, averaged over each pixel; a pixel that `dose` d [e/Å²]
    falls on counts ``Poisson(d pixel² I)`` electrons.

    Parameters
    ----------
    config : AdfConfig
    rng : numpy.random.Generator
    atoms : ase.Atoms, optional
        Centred, turned to the config's zone axis, and etched as the config says.
    columns : (positions (c, 2) [Å], counts (c,)), optional
        x and y relative to the centre of pixel n // 2.

    Raises
    ------
    UsageError
        For atoms and columns together, and for columns outside of the image.

    References
    ----------
    Van Aert et al., Phys. Rev. B 87, 064107 (2013), for columns as Gaussians and their volumes as cross-sections.
    """
    turned: Atoms | None = None
    if columns is not None:
        if atoms is not None:
            raise UsageError("atoms and columns are both given; give one of them")
        centres, counts = np.asarray(columns[0], dtype=float), np.asarray(columns[1], dtype=np.intp)
    else:
        turned = _turned(config, atoms, rng)
        centres, counts = columns_of(turned.positions)
    shape = (config.height_px, config.width_px)
    middle = np.array([shape[1] // 2, shape[0] // 2]) * config.pixel_size
    placed = centres + middle
    if (placed < 0.0).any() or (placed > (np.array(shape[::-1]) - 1) * config.pixel_size).any():
        raise UsageError(
            f"columns lie outside of {shape[1]} x {shape[0]} pixels of {config.pixel_size:g} Å; make the image larger"
        )
    sections = cross_sections_of(counts, atom_scs=config.atom_scs, channelling=config.channelling)
    model = AtomGaussians(weights=sections[:, None], sigmas=np.full((len(sections), 1), config.column_width))
    flat = np.concatenate([centres, np.zeros((len(centres), 1))], axis=1)
    clean = project_atoms(flat, model, shape=shape, pixel_size=config.pixel_size) + config.background
    if config.line_jitter > 0.0:
        clean = _jittered(clean, rng.normal(scale=config.line_jitter / config.pixel_size, size=shape[0]))
    image = clean
    if config.dose is not None:
        electrons = config.dose * config.pixel_size**2
        image = rng.poisson(electrons * np.maximum(clean, 0.0)) / electrons
    return SimulatedAdf(
        image=image.astype(np.float32),
        clean=clean.astype(np.float32),
        columns=placed,
        counts=counts,
        cross_sections=sections,
        atoms=turned,
        pixel_size=config.pixel_size,
    )


def _turned(config: AdfConfig, atoms: Atoms | None, rng: np.random.Generator) -> Atoms:
    made: Atoms = particle(config.kind, config.element, config.diameter) if atoms is None else atoms.copy()
    made.positions -= made.positions.mean(axis=0)
    if config.lost_atoms:
        made = etched(made, config.lost_atoms, rng)
    about = quaternions_from_vectors([0.0, 0.0, config.turn_deg])
    if config.zone != "as_given":
        about = compose(about, rotation_onto([float(index) for index in config.zone], (0.0, 0.0, 1.0)))
    made.positions = rotate(about, made.positions)
    return made


def _jittered(image: NDArray[np.floating], shifts_px: NDArray[np.float64]) -> NDArray[np.floating]:
    """Every row moved along x by its own shift."""
    transform = fft.rfft(image, axis=1) * np.exp(-2j * np.pi * shifts_px[:, None] * fft.rfftfreq(image.shape[1]))
    return np.asarray(fft.irfft(transform, n=image.shape[1], axis=1))
