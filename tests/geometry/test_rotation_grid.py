import numpy as np
import pytest

from atomotion.geometry.rotation_grid import fundamental_zone, grid_size, super_fibonacci
from atomotion.geometry.rotations import random_quaternions
from atomotion.geometry.symmetry import HALF_TURN_ABOUT_BEAM, lattice_copies, rotation_group


def test_the_grid_is_even():
    step = 12.0
    grid = super_fibonacci(grid_size(step))
    np.testing.assert_allclose(np.linalg.norm(grid, axis=1), 1.0)
    cosine = np.abs(random_quaternions(2000, np.random.default_rng(0)) @ grid.T).max(axis=1)
    nearest = np.rad2deg(2.0 * np.arccos(cosine))
    # a cubic lattice of this spacing has the mean 0.48 and the largest distance 0.87
    assert nearest.mean() < 0.55 * step
    assert nearest.max() < 0.95 * step


@pytest.mark.parametrize(("turns", "copies"), [([[1, 0, 0, 0]], 24), ([[1, 0, 0, 0], HALF_TURN_ABOUT_BEAM], 48)])
def test_the_zone_holds_every_class_once(turns: list, copies: int):
    group = rotation_group("O")
    grid = super_fibonacci(20_000)
    zone = fundamental_zone(grid, group, turns=turns)
    assert len(zone) == pytest.approx(20_000 / copies, rel=0.05)
    # every rotation has exactly one copy in the zone
    some = lattice_copies(random_quaternions(200, np.random.default_rng(1)), group, half_turn=copies == 48)
    inside = [len(fundamental_zone(each, group, turns=turns)) for each in some]
    assert inside == [1] * 200
