import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from atomotion.data import InputError
from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.particles import disordered, fcc_sphere, icosahedron, twinned_sphere
from atomotion.structure.alignment_of_states import align_series, align_states
from atomotion.structure.comparison_config import AlignmentConfig
from atomotion.structure.rotation_search import likely_rotations, pair_harmonics


def random_rotation(rng):
    return matrices_from_quaternions(random_quaternions(1, rng)[0])


def angle_deg(first, second):
    return np.rad2deg(np.arccos(np.clip((np.trace(first.T @ second) - 1) / 2, -1, 1)))


def particle(shape, rng):
    if shape == "molten":
        atoms = disordered(fcc_sphere("Pt", 18.0), 1.0, rng)
    else:
        atoms = {
            "sphere": lambda: fcc_sphere("Pt", 20.0, centre=rng.uniform(size=3)),
            "twin": lambda: twinned_sphere("Pt", 20.0),
            "icosahedron": lambda: icosahedron("Pt", 4),
        }[shape]()
    # a strain of its own, without which the copies of a perfect lattice cannot be told apart
    return atoms.positions + rng.normal(scale=0.06, size=atoms.positions.shape)


def test_an_fcc_particle_fits_in_its_24_orientations():
    rng = np.random.default_rng(0)
    rotation = random_rotation(rng)
    positions = fcc_sphere("Pt", 22.0).positions
    found = likely_rotations(pair_harmonics(positions @ rotation, 2.77), pair_harmonics(positions, 2.77), most=24)
    group = Rotation.create_group("O").as_matrix()
    copies = [turn @ rotation for turn in group]
    assert len(found) == 24
    assert max(min(angle_deg(copy, each) for each in found) for copy in copies) < 3.0


@pytest.mark.parametrize("shape", ["sphere", "twin", "icosahedron", "molten"])
@pytest.mark.parametrize("seed", range(3))
def test_a_turned_state_is_laid_back_atom_by_atom(shape, seed):
    rng = np.random.default_rng(seed)
    fixed = particle(shape, rng)
    order = rng.permutation(len(fixed))[: round(0.85 * len(fixed))]
    rotation, shift = random_rotation(rng), rng.uniform(-30, 30, size=3)
    moving = (fixed[order] + rng.normal(scale=0.05, size=(len(order), 3))) @ rotation + shift
    found = align_states(moving, fixed)
    assert len(found.pairs) == len(order)
    np.testing.assert_array_equal(order[found.pairs[:, 0]], found.pairs[:, 1])
    assert angle_deg(found.motion.rotation, rotation) < 0.3
    assert found.motion.rmsd == pytest.approx(0.05 * np.sqrt(3), rel=0.15)
    assert found.score > found.next_score + 0.5


@pytest.mark.parametrize("seed", range(3))
def test_half_a_particle_finds_its_lattice_vector(seed):
    rng = np.random.default_rng(seed)
    fixed = particle("sphere", rng)
    direction = rng.normal(size=3)
    kept = np.argsort(fixed @ direction)[: len(fixed) // 2]
    found = align_states(fixed[kept] @ random_rotation(rng), fixed)
    np.testing.assert_array_equal(kept[found.pairs[:, 0]], found.pairs[:, 1])
    assert len(found.pairs) == len(kept)


def test_a_mirror_image_needs_the_mirror():
    rng = np.random.default_rng(4)
    fixed = particle("sphere", rng)[:250]
    moving = -fixed @ random_rotation(rng) + 5.0
    found = align_states(moving, fixed, AlignmentConfig(mirror=True))
    assert found.motion.mirrored
    assert np.linalg.det(found.motion.rotation) == pytest.approx(-1.0)
    assert found.motion.rmsd == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(found.motion.apply(moving), fixed, atol=1e-8)
    without = align_states(moving, fixed)
    assert not without.motion.mirrored
    assert without.score < found.score - 5
    assert not align_states(fixed @ random_rotation(rng), fixed, AlignmentConfig(mirror=True)).motion.mirrored


def test_copies_that_nothing_tells_apart_leave_a_state_where_it_is():
    perfect = fcc_sphere("Pt", 20.0).positions
    found = align_states(perfect + np.array([0.1, 0.0, -0.1]), perfect)
    assert angle_deg(found.motion.rotation, np.eye(3)) < 0.01
    assert found.next_score == pytest.approx(found.score, abs=0.01)


def test_a_given_position_is_only_improved():
    rng = np.random.default_rng(5)
    fixed = particle("sphere", rng)
    turned = fixed @ random_rotation(rng)
    assert len(align_states(fixed + 0.3, fixed, AlignmentConfig(search="given")).pairs) == len(fixed)
    assert len(align_states(turned, fixed, AlignmentConfig(search="given")).pairs) < len(fixed)


def test_atoms_of_other_elements_do_not_pair():
    rng = np.random.default_rng(6)
    fixed = particle("sphere", rng)
    kinds = np.where(fixed[:, 0] > 2.0, "Pd", "Pt")
    changed = kinds.copy()
    changed[:10] = np.where(changed[:10] == "Pd", "Pt", "Pd")
    found = align_states(fixed @ random_rotation(rng), fixed, species=(changed, kinds))
    assert len(found.pairs) == len(fixed) - 10


def test_a_series_comes_into_the_frame_of_its_first_state():
    rng = np.random.default_rng(7)
    first = particle("sphere", rng)
    states, kept, steps = [first], [np.arange(len(first))], []
    for _ in range(4):
        kept.append(np.sort(rng.permutation(kept[-1])[:-15]))
        state = first[kept[-1]] + rng.normal(scale=0.05, size=(len(kept[-1]), 3))
        states.append(state @ random_rotation(rng) + rng.uniform(-9, 9, size=3))
    aligned, alignments = align_series(states, on_step=lambda done, total: steps.append((done, total)))
    for positions, atoms in zip(aligned, kept, strict=True):
        assert np.sqrt(np.mean(np.sum((positions - first[atoms]) ** 2, axis=1))) < 0.12
    assert [len(each.pairs) for each in alignments] == [len(each) for each in kept[1:]]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_what_cannot_be_aligned_says_why():
    good = fcc_sphere("Pt", 12.0).positions
    with pytest.raises(InputError, match="at least 4 atoms"):
        align_states(good[:3], good)
    with pytest.raises(InputError, match="not numbers"):
        align_states(np.where(np.arange(len(good))[:, None] == 3, np.nan, good), good)
    with pytest.raises(InputError, match="no atom in common"):
        align_states(good + 100.0, good, AlignmentConfig(search="given"))
