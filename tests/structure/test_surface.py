import numpy as np
import pytest
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.geometry import random_quaternions, rotate
from atomotion.neighbours import coordination_numbers, coordination_radius, neighbour_pairs
from atomotion.particles import cuboctahedron, decahedron, fcc_sphere, icosahedron, truncated_octahedron
from atomotion.structure import SurfaceSites, find_surface, surface_sites
from atomotion.structure.surface import Surface

SPACING = 3.92 / np.sqrt(2.0)


def surface_of(points: NDArray) -> tuple[Surface, NDArray]:
    neighbours = neighbour_pairs(points, coordination_radius(3.92))
    return find_surface(points, neighbours, ball=0.95 * SPACING), coordination_numbers(neighbours)


def sites_of(points: NDArray) -> SurfaceSites:
    neighbours = neighbour_pairs(points, coordination_radius(3.92))
    surface = find_surface(points, neighbours, ball=0.95 * SPACING)
    return surface_sites(points, neighbours, surface, bond=neighbours.radius, spacing=SPACING)


def counts(found: SurfaceSites) -> dict[str, int]:
    return {str(name): int(number) for name, number in zip(*np.unique(found.site, return_counts=True), strict=True)}


@pytest.mark.parametrize("atoms", [cuboctahedron("Pt", 4), fcc_sphere("Pt", 26.0), icosahedron("Pt", 4)])
def test_exposed_atoms_are_those_that_lack_neighbours(atoms):
    for seed in range(3):
        points = rotate(random_quaternions(1, np.random.default_rng(seed))[0], atoms.positions) + 7.0
        found, coordination = surface_of(points)
        np.testing.assert_array_equal(found.exposed, coordination < 12)


def test_depth_and_layers_are_those_of_the_planes():
    """Below the middle of a facet depth grows by a/√3 per layer under (111), and by a/2 under (100)."""
    points = truncated_octahedron("Pt", 13, 4).positions
    found, _ = surface_of(points)
    for normal, step in (([1, 1, 1], 3.92 / np.sqrt(3.0)), ([1, 0, 0], 1.96)):
        unit = np.array(normal) / np.linalg.norm(normal)
        height = points @ unit
        aside = np.linalg.norm(points - height[:, None] * unit, axis=1)
        below = (aside < 2.0) & (height > height.max() - 2.5 * step)
        np.testing.assert_allclose(found.depth[below], height.max() - height[below], atol=1e-6)
        np.testing.assert_array_equal(found.layer[below], np.rint(found.depth[below] / step) + 1)
    assert (found.depth[found.exposed] == 0).all() and (found.layer[found.exposed] == 1).all()


def test_atoms_around_a_closed_vacancy_are_not_at_the_surface():
    atoms = fcc_sphere("Pt", 26.0)
    centre = int(np.argmin(np.linalg.norm(atoms.positions, axis=1)))
    found, coordination = surface_of(np.delete(atoms.positions, centre, axis=0))
    assert ((coordination == 11) & ~found.exposed).sum() >= 12
    assert np.linalg.norm(np.delete(atoms.positions, centre, axis=0)[found.exposed], axis=1).min() > 9.0


def test_both_rows_of_an_open_face_are_exposed():
    """Cut along (110): the second row has 11 neighbours and is open to the outside."""
    points = fcc_sphere("Pt", 34.0).positions
    height = points @ np.array([1.0, 1.0, 0.0]) / np.sqrt(2.0)
    cut = points[height < 0.1]
    found, coordination = surface_of(cut)
    middle = np.linalg.norm(cut, axis=1) < 7.0
    top = height[height < 0.1]
    assert found.exposed[middle & (top > -1.5)].all()
    assert set(coordination[middle & (top > -0.1)]) == {7} and set(
        coordination[middle & (np.abs(top + 1.386) < 0.1)]
    ) == {11}
    assert not found.exposed[middle & (top < -2.5)].any()


def test_triangles_face_outwards_and_close_the_surface():
    points = fcc_sphere("Pt", 22.0).positions
    found, _ = surface_of(points)
    corners = points[found.triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.linalg.norm(normal.sum(axis=0)) < 1e-6
    volume = np.einsum("ij,ij->i", corners[:, 0], normal).sum() / 6.0
    assert 0.8 * np.pi / 6 * 21.0**3 < volume < np.pi / 6 * 22.0**3


# facets of {111} and {100}, terrace atoms of each, edges, vertices
POLYHEDRA = {
    "cuboctahedron": (cuboctahedron("Pt", 4), (8, 6, 24, 54, 72, 12)),
    "truncated octahedron": (truncated_octahedron("Pt", 10, 3), (8, 6, 152, 24, 72, 24)),
    "octahedron": (truncated_octahedron("Pt", 7, 0), (8, 0, 80, 0, 60, 6)),
    "icosahedron": (icosahedron("Pt", 4), (20, 0, 60, 0, 90, 12)),
}


@pytest.mark.parametrize("shape", POLYHEDRA)
@pytest.mark.parametrize("seed", range(5))
def test_facets_of_polyhedra_are_exact_in_any_orientation(shape, seed):
    atoms, expected = POLYHEDRA[shape]
    rng = np.random.default_rng(seed)
    points = rotate(random_quaternions(1, rng)[0], atoms.positions) + rng.uniform(-20, 20, 3)
    found = sites_of(points)
    families = [facet.family for facet in found.facets]
    terraces = [sum(len(each.terrace) for each in found.facets if each.family == f) for f in ("111", "100")]
    number = counts(found)
    assert (families.count("111"), families.count("100"), *terraces, number["edge"], number["vertex"]) == expected
    assert set(number) == {"edge", "vertex", "terrace", "inner"}
    for facet in found.facets:
        # {111} triangles of area √3/4 d² each, {100} squares of d²; outwards
        assert facet.normal @ (points[facet.atoms].mean(axis=0) - points.mean(axis=0)) > 0


def test_areas_of_facets():
    found = sites_of(cuboctahedron("Pt", 4).positions)
    side = 4 * SPACING
    for facet in found.facets:
        assert facet.area == pytest.approx(side**2 * (np.sqrt(3.0) / 4 if facet.family == "111" else 1.0))


def island(base: NDArray, sites: int) -> NDArray:
    """A compact island on the (111) facet of an FCC particle: the sites nearest to a site at the facet's middle."""
    normal, step = np.ones(3) / np.sqrt(3.0), 3.92 / np.sqrt(3.0)
    height = base @ normal
    # the layer to come repeats the one three planes below it
    layer = base[np.abs(height - (height.max() - 2 * step)) < 0.1] + 3 * step * normal
    first = layer[np.argmin(np.linalg.norm(layer - normal * (height.max() + step), axis=1))]
    return layer[np.argsort(np.linalg.norm(layer - first, axis=1).round(6), kind="stable")[:sites]]


# of a hexagon: atoms, terrace, straight steps (4 neighbours beside them), corners (3)
HEXAGONS = [(7, 1, 0, 6), (19, 7, 6, 6), (37, 19, 12, 6)]


@pytest.mark.parametrize("hexagon", HEXAGONS)
@pytest.mark.parametrize("seed", range(2))
def test_islands_have_their_steps_kinks_and_feet(hexagon, seed):
    atoms, terrace, steps, kinks = hexagon
    base = truncated_octahedron("Pt", 17, 5).positions
    turn = random_quaternions(1, np.random.default_rng(seed))[0]
    found = sites_of(rotate(turn, np.concatenate([base, island(base, atoms)])))
    own = found.site[len(base) :]
    assert ((own == "terrace").sum(), (own == "step").sum(), (own == "kink").sum()) == (terrace, steps, kinks)
    number = counts(found)
    assert (number.get("step", 0), number["kink"]) == (steps, kinks)
    # the ring around the island below it: sites that lost their place on the terrace
    plain = sites_of(rotate(turn, base))
    lost = (plain.site == "terrace") & (found.site[: len(base)] == "foot")
    assert number["foot"] == lost.sum() > steps + kinks


def test_a_single_atom_on_a_facet_is_an_adatom():
    base = truncated_octahedron("Pt", 14, 4).positions
    assert not {"step", "kink", "adatom", "foot"} & set(counts(sites_of(base)))
    found = sites_of(np.concatenate([base, island(base, 1)]))
    assert found.site[-1] == "adatom" and counts(found)["adatom"] == 1


def test_decahedra_have_no_steps():
    number = counts(sites_of(decahedron("Pt", 4, 3, 2).positions))
    assert not {"step", "kink", "foot", "adatom", "rough"} & set(number)


def test_flat_and_few_atoms_are_refused():
    with pytest.raises(InputError, match="one plane"):
        flat = np.column_stack([np.random.default_rng(0).uniform(0, 20, (30, 2)), np.zeros(30)])
        find_surface(flat, neighbour_pairs(flat, 3.0), ball=2.6)
    with pytest.raises(InputError, match="too few"):
        few = np.eye(3) * 2.7
        find_surface(few, neighbour_pairs(few, 4.0), ball=2.6)
