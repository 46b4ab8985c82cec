import numpy as np
import pytest
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from atomotion.data import UsageError
from atomotion.geometry import rotate, rotation_onto
from atomotion.particles.disorder import disordered
from atomotion.particles.ideal import particle
from atomotion.scattering import gaussian_atoms, project_atoms

SPACING = 3.92 / np.sqrt(2)
SIZES = [("truncated_octahedron", 14.9), ("truncated_octahedron", 20.8), ("sphere", 24.0)]


def molten(kind: str, diameter: float, seed: int = 0, amount: float = 1.0) -> tuple[Atoms, Atoms]:
    ideal = particle(kind, "Pt", diameter)
    return ideal, disordered(ideal, amount, np.random.default_rng(seed))


@pytest.mark.parametrize(("kind", "diameter"), SIZES)
def test_same_atoms_same_density_no_contacts(kind: str, diameter: float):
    ideal, liquid = molten(kind, diameter)
    assert list(liquid.symbols) == list(ideal.symbols)
    assert pdist(liquid.positions).min() >= 0.75 * SPACING
    gyration = [np.sqrt(np.mean(np.sum(atoms.positions**2, axis=1))) for atoms in (ideal, liquid)]
    assert gyration[1] == pytest.approx(gyration[0], rel=0.06)


@pytest.mark.parametrize(("kind", "diameter"), SIZES)
def test_no_shell_of_the_lattice_is_left(kind: str, diameter: float):
    """Second neighbours of FCC lie at sqrt(2): a tenth of a spacing around it holds their peak, or nothing special."""
    ideal, liquid = molten(kind, diameter)

    def peak(atoms: Atoms) -> float:
        distances = pdist(atoms.positions) / SPACING
        density = [
            np.sum(np.abs(distances - centre) < 0.05) / centre**2
            for centre in (np.sqrt(2), np.sqrt(2) - 0.12, np.sqrt(2) + 0.12)
        ]
        return density[0] / (0.5 * (density[1] + density[2]) + 1e-9)

    assert peak(ideal) > 100
    assert peak(liquid) < 1.5


def strongest_lattice_peak(positions: NDArray) -> float:
    """Largest power in the projection along <110>, in the band of (111) at 0.44 and (200) at 0.51 1/Å."""
    turned = rotate(rotation_onto([1, 1, 0], [0, 0, 1]), positions)
    image = project_atoms(turned, gaussian_atoms(len(turned), sigma=0.5), shape=(160, 160), pixel_size=0.25)
    power = np.abs(np.fft.rfft2(image - image.mean())) ** 2
    k = np.hypot(np.fft.fftfreq(160, 0.25)[:, None], np.fft.rfftfreq(160, 0.25))
    return float(power[(k > 0.38) & (k < 0.60)].max())


@pytest.mark.parametrize(("kind", "diameter"), SIZES)
def test_the_lattice_peaks_of_its_projections_drop_to_speckle(kind: str, diameter: float):
    """What is left is the speckle of points without any order, within a factor of three: the strongest of many."""
    ideal, liquid = molten(kind, diameter)
    rng = np.random.default_rng(1)
    radius = np.linalg.norm(ideal.positions, axis=1).max()
    speckle = []
    for _ in range(5):
        direction = rng.normal(size=(len(ideal), 3))
        direction /= np.linalg.norm(direction, axis=1)[:, None]
        speckle.append(strongest_lattice_peak(radius * np.cbrt(rng.uniform(size=(len(ideal), 1))) * direction))
    assert strongest_lattice_peak(liquid.positions) < 3 * np.mean(speckle)
    assert strongest_lattice_peak(ideal.positions) > 12 * np.mean(speckle)


def test_the_core_stays_where_it_is():
    ideal, half = molten("truncated_octahedron", 20.8, amount=0.4)
    moved = np.linalg.norm(half.positions - ideal.positions, axis=1) > 1e-9
    assert moved.sum() == round(0.4 * len(ideal))
    radius = np.linalg.norm(ideal.positions, axis=1)
    assert radius[moved].min() >= radius[~moved].max() - 0.35 * SPACING
    assert pdist(half.positions).min() >= 0.75 * SPACING


def test_nothing_melts_at_zero_and_the_given_atoms_are_untouched():
    ideal = particle("sphere", "Pt", 15.0)
    before = ideal.positions.copy()
    ideal.set_array("label", np.arange(len(ideal)))
    np.testing.assert_array_equal(disordered(ideal, 0.0, np.random.default_rng(0)).positions, before)
    liquid = disordered(ideal, 1.0, np.random.default_rng(0))
    np.testing.assert_array_equal(ideal.positions, before)
    np.testing.assert_array_equal(liquid.arrays["label"], np.arange(len(ideal)))


def test_the_seed_decides():
    first, again, other = (molten("sphere", 15.0, seed)[1].positions for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1.0


def test_elongated_particles_stay_elongated():
    bar = particle("sphere", "Pt", 30.0)
    bar = bar[np.hypot(bar.positions[:, 0], bar.positions[:, 1]) < 7.0]
    liquid = disordered(bar, 1.0, np.random.default_rng(0))
    spread = np.std(liquid.positions, axis=0)
    assert spread[2] > 1.8 * spread[0]
    assert cKDTree(liquid.positions).query(liquid.positions, k=2)[0][:, 1].min() >= 0.74 * SPACING


def test_wrong_amounts_and_particles_are_refused():
    with pytest.raises(UsageError, match="allowed is 0 to 1"):
        molten("sphere", 15.0, amount=1.1)
    with pytest.raises(UsageError, match="at least 13"):
        disordered(Atoms("Pt2", positions=[[0, 0, 0], [2.7, 0, 0]]), 1.0, np.random.default_rng(0))
    sheet = particle("sphere", "Pt", 30.0)
    sheet = sheet[np.abs(sheet.positions[:, 2]) < 0.1]
    with pytest.raises(UsageError, match="flat"):
        disordered(sheet, 1.0, np.random.default_rng(0))
