"""Every measure of every atom, as a table."""

from typing import Any

import numpy as np
import pandas as pd
from ase import Atoms
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.neighbours import coordination_numbers, generalized_coordination_numbers, nearest_distances
from atomotion.structure.arrangements import local_structure
from atomotion.structure.bonds import angle_deviations, mean_bond_lengths
from atomotion.structure.bulk import bulk_lattice
from atomotion.structure.config import StructureConfig
from atomotion.structure.facets import SurfaceSites, surface_sites
from atomotion.structure.orientational import bond_order, bond_similarity, crystalline_atoms, crystalline_bonds
from atomotion.structure.particle import Particle, prepared_particle
from atomotion.structure.penetration import radial_depth
from atomotion.structure.planes import PlanarDefect, planar_defects
from atomotion.structure.size import particle_size
from atomotion.structure.strain import Strain, linear_strain
from atomotion.structure.strain_kernel import bulk_displacements, kernel_strain, leave_one_out_sigma

_COMPONENTS = (("xx", 0, 0), ("yy", 1, 1), ("zz", 2, 2), ("xy", 0, 1), ("yz", 1, 2), ("xz", 0, 2))


def measure_atoms(atoms: Atoms, config: StructureConfig | None = None) -> pd.DataFrame:
    """One row per atom, in the order of the atoms, with all its measures.

    Columns (units at the end of the name):

    - ``atom``, ``element``, ``x_A``, ``y_A``, ``z_A``, ``radius_A`` (distance from the mean position);
    - ``coordination_number``, ``generalized_coordination_number`` (CN_max = 12) and
      ``generalized_coordination_number_published`` (CN_max of the atom's own neighbours, papers 001 and 004);
    - ``nearest_bond_A`` (the bond length of paper 004), ``mean_bond_A``, ``bond_angle_deviation_deg``;
    - ``surface`` (bool), ``layer``, ``depth_A`` (below the surface), ``radial_depth_A`` (paper 004);
    - ``strain_xx_percent`` ... ``strain_xz_percent``, ``radial_strain_percent``, ``strain_retained``;
    - ``q4``, ``q6``, ``q4_averaged``, ``q6_averaged``, ``w6``, ``w6_normalised``, ``crystalline_bonds``,
      ``crystalline``;
    - ``structure`` (fcc, hcp, icosahedral, fivefold, other, surface), ``structure_misfit``, ``defect``, ``grain``;
    - ``facet`` (111, 100, 100+111 or empty), ``site``.

    Parameters
    ----------
    atoms : ase.Atoms
        Not periodic.
    config : StructureConfig

    Returns
    -------
    DataFrame
        ``attrs["particle"]`` holds what `summarise_particle` needs beyond the rows, ``attrs["notes"]`` what is
        missing or doubtful, a sentence each.

    Raises
    ------
    InputError
        For coordinates that cannot be Å, fewer than 5 atoms, and atoms in one plane.
    """
    config = StructureConfig() if config is None else config
    particle = prepared_particle(atoms, config)
    notes = list(particle.notes)
    points, neighbours, surface = particle.positions, particle.neighbours, particle.surface
    size = particle_size(points)
    strain, bulk = _strain(atoms, particle, config, notes)
    kinds = local_structure(points, asked=~surface.exposed, largest_misfit=config.largest_misfit)
    defects = planar_defects(points, neighbours, kinds, spacing=particle.spacing)
    sites = surface_sites(points, neighbours, surface, bond=neighbours.radius, spacing=particle.spacing)
    table = pd.DataFrame(
        {
            "atom": np.arange(len(points)),
            "element": atoms.get_chemical_symbols(),
            "x_A": points[:, 0],
            "y_A": points[:, 1],
            "z_A": points[:, 2],
            "radius_A": np.linalg.norm(points - points.mean(axis=0), axis=1),
            "coordination_number": coordination_numbers(neighbours),
            "generalized_coordination_number": generalized_coordination_numbers(neighbours),
            "generalized_coordination_number_published": generalized_coordination_numbers(
                neighbours, normalisation="neighbours"
            ),
            "nearest_bond_A": nearest_distances(points),
            "mean_bond_A": mean_bond_lengths(neighbours),
            "bond_angle_deviation_deg": angle_deviations(neighbours),
            "surface": surface.exposed,
            "layer": surface.layer,
            "depth_A": surface.depth,
            "radial_depth_A": radial_depth(points, largest_distance=size.largest_distance),
            **{f"strain_{name}_percent": 100.0 * strain.tensor[:, i, j] for name, i, j in _COMPONENTS},
            "radial_strain_percent": 100.0 * strain.radial,
            "strain_retained": strain.retained,
            **_orientational(particle, config),
            "structure": kinds.kind,
            "structure_misfit": kinds.misfit,
            "defect": _defect_names(len(points), defects),
            "grain": -1 if particle.grains is None else particle.grains.grain,
            "facet": sites.family,
            "site": sites.site,
        }
    )
    table.attrs["notes"] = notes
    table.attrs["particle"] = {
        "largest_distance_A": size.largest_distance,
        "hull_diameter_A": size.hull_diameter,
        "hull_volume_A3": size.hull_volume,
        "projected_diameter_A": size.projected_diameter,
        "mean_projected_diameter_A": size.mean_projected_diameter,
        **_lattice_facts(particle),
        "bulk_lattice_A": bulk,
        "strain_method": config.strain,
        "strain_sigma_A": strain.sigma,
        "strain_retained": _mean(strain.retained),
        "strain_retained_radial": _mean(strain.retained_radial),
        **_counted(defects, sites),
    }
    return table


def _strain(atoms: Atoms, particle: Particle, config: StructureConfig, notes: list[str]) -> tuple[Strain, float]:
    """The strain, NaN with a note where it cannot be known, and the bulk lattice constant."""
    n, bulk = len(particle.positions), float("nan")
    try:
        bulk = bulk_lattice(atoms, config.bulk_lattice)
    except InputError as error:
        notes.append(f"no strain: {error}")
    if particle.grains is None or particle.lattice is None or not np.isfinite(bulk):
        nan = np.full(n, np.nan)
        return Strain(
            tensor=np.full((n, 3, 3), np.nan), radial=nan, sigma=config.strain_sigma, retained=nan, retained_radial=nan
        ), bulk
    sigma, points = config.strain_sigma, particle.positions
    if config.strain_width == "leave-one-out":
        shifts = bulk_displacements(points, particle.lattice, bulk)[1]
        sigma = leave_one_out_sigma(points, shifts, linear=config.strain == "linear")
    if config.strain == "linear":
        return linear_strain(points, particle.grains, bulk=bulk, sigma=sigma, axes=config.strain_axes), bulk
    if len(particle.grains.lattices) > 1:
        notes.append(
            "the published strain knows one lattice, and this particle has several grains: take the linear one"
        )
    return kernel_strain(points, particle.lattice, bulk=bulk, sigma=sigma, axes=config.strain_axes), bulk


def _orientational(particle: Particle, config: StructureConfig) -> dict[str, NDArray[Any]]:
    neighbours = particle.order_neighbours
    four, six = bond_order(neighbours, 4), bond_order(neighbours, 6)
    vectors = six.vectors if config.s6_vectors == "plain" else six.averaged_vectors
    similarity = bond_similarity(neighbours, vectors)
    return {
        "q4": four.q,
        "q6": six.q,
        "q4_averaged": four.q_averaged,
        "q6_averaged": six.q_averaged,
        "w6": six.w,
        "w6_normalised": six.w_normalised,
        "crystalline_bonds": crystalline_bonds(neighbours, similarity, config.crystalline_above),
        "crystalline": crystalline_atoms(neighbours, similarity, config.crystalline_above),
    }


def _defect_names(n: int, defects: tuple[PlanarDefect, ...]) -> NDArray[np.str_]:
    names = np.full(n, "", dtype="<U15")
    for defect in defects:
        names[defect.atoms] = defect.name
    return names


def _lattice_facts(particle: Particle) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "nearest_neighbour_distance_A": particle.spacing,
        "rdf_first_minimum_A": particle.minimum.r,
        "rdf_first_minimum_basis": particle.minimum.basis,
        "neighbour_radius_A": particle.neighbours.radius,
        "order_radius_A": particle.order_neighbours.radius,
    }
    lattice, nan = particle.lattice, float("nan")
    edges = (nan,) * 3 if lattice is None else tuple(float(edge) for edge in lattice.edges)
    angles = (nan,) * 3 if lattice is None else tuple(float(angle) for angle in lattice.angles_deg)
    facts |= {f"lattice_{name}_A": edge for name, edge in zip("abc", edges, strict=True)}
    facts |= {f"lattice_{name}_deg": angle for name, angle in zip(("alpha", "beta", "gamma"), angles, strict=True)}
    return facts | {
        "lattice_parameter_A": nan if lattice is None else lattice.constant,
        "lattice_parameter_error_A": nan if lattice is None else float(np.linalg.norm(lattice.edge_errors)) / 3.0,
        "lattice_residual_A": nan if lattice is None else lattice.rms,
        "lattice_share": 0.0 if lattice is None else lattice.share,
        "grains": 0 if particle.grains is None else len(particle.grains.lattices),
    }


def _counted(defects: tuple[PlanarDefect, ...], sites: SurfaceSites) -> dict[str, int]:
    names = [defect.name for defect in defects]
    terraces = [(facet.family, len(facet.terrace)) for facet in sites.facets if len(facet.terrace)]
    return {
        "twin_planes": names.count("twin"),
        "intrinsic_faults": names.count("intrinsic fault"),
        "extrinsic_faults": names.count("extrinsic fault"),
        "surface_faults": names.count("surface fault"),
        "hcp_layers": names.count("hcp layers"),
        "facets_111": sum(family == "111" for family, _ in terraces),
        "facets_100": sum(family == "100" for family, _ in terraces),
        "terrace_111_atoms": sum(atoms for family, atoms in terraces if family == "111"),
        "terrace_100_atoms": sum(atoms for family, atoms in terraces if family == "100"),
    }


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
