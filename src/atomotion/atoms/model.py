"""The atomic model of a map: its atoms, and everything that the density says about each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.atoms.anisotropic import TENSOR, Grid, tensors
from atomotion.atoms.band import Transfer, band_up_to, measure_transfer
from atomotion.atoms.config import AtomsConfig
from atomotion.atoms.found_atoms import FoundAtoms, find_atoms
from atomotion.atoms.intensities import maximum_intensities
from atomotion.atoms.joint_fit import FittedAtoms, fit_atoms
from atomotion.atoms.log_widths import published_widths
from atomotion.atoms.lonely import CoordinationCut, remove_lonely
from atomotion.atoms.principal_axes_of_tensors import PrincipalAxes, principal_axes
from atomotion.atoms.simulated import simulated_density
from atomotion.atoms.threshold import ThresholdSearch
from atomotion.atoms.validation import passes_validation, validation_correlations
from atomotion.data.errors import InputError
from atomotion.data.maps import DensityMap
from atomotion.neighbours import coordination_numbers, first_minimum, nearest_distances, neighbour_pairs

# of the distance of neighbours: half-way to the second shell of FCC, the published radius of widths, and the joint fit
_NEIGHBOURS, _PUBLISHED_FIT, _FIT = 1.2071, 0.375, 0.62
_SPACING_OFF = 0.12
_MANY_FALSE = 0.05
_LOW_AGREEMENT = 0.6
# of the mean displacement, and in Å²
_COMMON_SHARE, _LEAST_COMMON = 0.5, 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class AtomModel:
    """Atoms of a map and their measures.

    Parameters
    ----------
    element : str
    positions : (n, 3) float, x y z [Å]
        In the frame of the map's origin.
    measures : mapping
        Name, with its unit, to (n,) values; see ``docs/outputs.md``.
    facts : mapping
        Numbers of the whole map.
    notes : tuple of str
        What the user should know.
    search : ThresholdSearch
    transfer : Transfer
    grid : Grid
        Of the part of the map around the particle that the following are on.
    density, filtered, simulated : (z, y, x) float
        The map without its background, the filtered map, and the simulated map of the model.
    """

    element: str
    positions: NDArray[np.float64]
    measures: dict[str, NDArray[Any]]
    facts: dict[str, Any]
    notes: tuple[str, ...]
    search: ThresholdSearch
    transfer: Transfer
    grid: Grid
    density: NDArray[np.float32]
    filtered: NDArray[np.float32]
    simulated: NDArray[np.float32]


def build_model(
    density: DensityMap,
    element: str,
    config: AtomsConfig | None = None,
    *,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> AtomModel:
    """Find the atoms of a map and measure them.

    `find_atoms` finds them; `remove_lonely` and, where it is asked for, the validation correlation reject some;
    `fit_atoms` gives positions, occupancies and displacements; validation correlations, published widths and maximum
    intensities follow.

    Parameters
    ----------
    density : DensityMap
    element : str
        All atoms are of one element.
    config : AtomsConfig or None
    on_step : callable
        Is told (done, total) rounds of the fit.

    Raises
    ------
    InputError
        See `find_atoms`; and where fewer than 4 atoms are left.
    UsageError
        For what is no element.
    """
    config = AtomsConfig() if config is None else config
    found = find_atoms(density, element, config)
    cut = remove_lonely(
        found.positions, found.components.radii, rule=config.coordination, atom_radius=found.atom_radius,
        neighbour_radius=_NEIGHBOURS * found.spacing, outer_share=config.outer_share,
        least_neighbours=config.least_neighbours,
    )  # fmt: skip
    kept = np.flatnonzero(cut.kept)
    if len(kept) < 4:
        raise InputError(f"only {len(kept)} atoms were found, and a particle has at least 4; is {element} the element?")
    transfer = measure_transfer(
        found.density, found.grid, found.positions[kept], element, voxels_average=config.voxels_average
    )
    end = transfer.end if config.fit_resolution is None else 1.0 / config.fit_resolution
    if config.validation_cut is not None:
        simulated = _simulated(found, found.positions[kept], element, max(transfer.u_mean, 0.01), end)
        agreement = _validated(found, simulated, found.positions[kept], config)
        kept = kept[passes_validation(agreement, config.validation_cut)]
    fitted = fit_atoms(
        found.density, found.grid, found.positions[kept], element,
        band=band_up_to(end, voxel_size=density.voxel_size, voxels_average=config.voxels_average),
        radius=_FIT * found.spacing if config.fit_radius is None else config.fit_radius,
        occupancy=config.occupancy, u_start=float(np.clip(transfer.u_mean, 0.01, 0.3)), on_step=on_step,
    )  # fmt: skip
    positions = fitted.positions if config.positions == "fitted" else found.positions[kept]
    u_median = float(np.median(fitted.displacements[:, :3].mean(axis=1)))
    simulated = _simulated(found, positions, element, u_median, end)
    measures = _measures(found, fitted, kept, positions, _validated(found, simulated, positions, config))
    return AtomModel(
        element=element,
        positions=positions,
        measures=measures,
        facts=_facts(density, found, cut, transfer, fitted, positions, measures, element),
        notes=_notes(found, fitted, positions, element, float(np.nanmean(measures["validation_correlation"]))),
        search=found.search,
        transfer=transfer,
        grid=found.grid,
        density=found.density,
        filtered=found.filtered,
        simulated=simulated,
    )


def _simulated(
    found: FoundAtoms, positions: NDArray[np.float64], element: str, u_iso: float, end: float
) -> NDArray[np.float32]:
    return simulated_density(found.grid, positions, element, u_iso=u_iso, resolution=1.0 / end)


def _validated(
    found: FoundAtoms, simulated: NDArray[np.float32], positions: NDArray[np.float64], config: AtomsConfig
) -> NDArray[np.float64]:
    return validation_correlations(
        found.density, simulated, found.grid, positions, atom_radius=found.atom_radius, window=config.validation_window
    )


def occupancies(positions: NDArray[np.float64], amplitudes: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Amplitudes over the median of the inner half of the atoms, which are taken as whole; and that median."""
    away = np.linalg.norm(positions - positions.mean(axis=0), axis=1)
    whole = float(np.median(amplitudes[away <= np.median(away)]))
    return amplitudes / whole, whole


def _measures(
    found: FoundAtoms,
    fitted: FittedAtoms,
    kept: NDArray[np.intp],
    positions: NDArray[np.float64],
    agreement: NDArray[np.float64],
) -> dict[str, NDArray[Any]]:
    occupancy, whole = occupancies(positions, fitted.amplitudes)
    axes = principal_axes(tensors(fitted.displacements))
    widths = published_widths(found.density, found.grid, positions, radius=_PUBLISHED_FIT * found.spacing)
    published = principal_axes(widths.tensors)
    highest, within, overall = maximum_intensities(found.density, found.components.labels, kept + 1, found.region)
    parts = found.components
    measures: dict[str, NDArray[Any]] = {
        "occupancy": occupancy,
        "occupancy_error": fitted.amplitude_errors / whole,
        "whole_probability": fitted.whole_probabilities,
        "position_error_A": fitted.position_errors,
        "validation_correlation": agreement,
        "u_iso_A2": fitted.displacements[:, :3].mean(axis=1),
        "u_iso_error_A2": fitted.displacement_errors,
        "b_factor_A2": 8.0 * np.pi**2 * fitted.displacements[:, :3].mean(axis=1),
    }
    measures |= {f"u_{name}_A2": fitted.displacements[:, number] for number, name in enumerate(TENSOR)}
    for number, name in enumerate(("maj", "med", "min")):
        measures[f"u_{name}_A2"] = axes.values[:, number]
    for number, name in ((0, "maj"), (2, "min")):
        measures |= {f"axis_{name}_{along}": axes.axes[:, number, each] for each, along in enumerate("xyz")}
    measures["degree_of_isotropy"] = axes.degree_of_isotropy
    measures["u_iso_published_A2"] = widths.isotropic
    for number, name in enumerate(("maj", "med", "min")):
        measures[f"u_{name}_published_A2"] = published.values[:, number]
    return measures | {
        "degree_of_isotropy_published": published.degree_of_isotropy,
        "isotropic_correlation": widths.isotropic_correlation,
        "anisotropic_correlation": widths.tensor_correlation,
        "max_intensity": highest,
        "max_intensity_z_atom": within,
        "max_intensity_z_particle": overall,
        "coordination_number": coordination_numbers(neighbour_pairs(positions, _NEIGHBOURS * found.spacing)),
        "voxels": parts.voxels[kept],
        "measured_radius_A": parts.radii[kept],
        "joined": parts.joined[kept],
        "mass_shift_A": np.linalg.norm(positions - found.positions[kept], axis=1),
    }


def _median(values: NDArray[np.float64]) -> float:
    """Of the values that are known; NaN where none is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _facts(
    density: DensityMap,
    found: FoundAtoms,
    cut: CoordinationCut,
    transfer: Transfer,
    fitted: FittedAtoms,
    positions: NDArray[np.float64],
    measures: dict[str, NDArray[Any]],
    element: str,
) -> dict[str, Any]:
    agreement, search = measures["validation_correlation"], found.search
    best = int(search.correlations.argmax())
    lonely = int((~cut.kept).sum())
    return {
        "element": element,
        "atoms": len(positions),
        "voxel_size_A": density.voxel_size,
        "validation_correlation_mean": float(np.nanmean(agreement)),
        "validation_correlation_sd": float(np.nanstd(agreement)),
        "map_correlation": float(search.correlations[best]),
        "threshold": found.threshold,
        "thresholds_tried": len(search.thresholds),
        "joined_atoms": int((measures["joined"] > 1).sum()),
        "lonely_removed": lonely,
        "coordination_threshold": cut.threshold,
        "validation_removed": len(found.positions) - lonely - len(positions),
        "expected_false_atoms": found.expected_false,
        "fit_resolution_A": 1.0 / fitted.band.end,
        "fit_residual": fitted.residual,
        "fit_rounds": fitted.rounds,
        "fit_converged": fitted.converged,
        "partial_atoms": float((1.0 - fitted.whole_probabilities).sum()),
        "u_iso_median_A2": float(np.median(measures["u_iso_A2"])),
        "u_iso_error_median_A2": float(np.median(fitted.displacement_errors)),
        "u_noise_bias_A2": fitted.displacement_bias,
        "u_of_map_A2": transfer.u_mean,
        "u_common_maj_A2": float(_common_tensor(fitted).values[0, 0]),
        "u_common_min_A2": float(_common_tensor(fitted).values[0, 2]),
        "u_iso_published_median_A2": _median(measures["u_iso_published_A2"]),
        "degree_of_isotropy_median": _median(measures["degree_of_isotropy"]),
        "degree_of_isotropy_published_median": _median(measures["degree_of_isotropy_published"]),
        "nearest_distance_median_A": float(np.median(nearest_distances(positions))),
        "atom_radius_A": found.atom_radius,
    }


def _common_tensor(fitted: FittedAtoms) -> PrincipalAxes:
    """The mean of all atoms' tensors: displacements differ in direction from atom to atom, faults of the map do not."""
    return principal_axes(tensors(fitted.displacements.mean(axis=0, keepdims=True)))


def _notes(
    found: FoundAtoms, fitted: FittedAtoms, positions: NDArray[np.float64], element: str, agreement: float
) -> tuple[str, ...]:
    notes = []
    along = _common_tensor(fitted)
    u = float(along.values.mean())
    wider = float(along.values[0, 0] - along.values[0, 2])
    if wider > max(_COMMON_SHARE * abs(u), _LEAST_COMMON):
        x, y, z = along.axes[0, 0]
        notes.append(
            f"all atoms are wider along x y z {x:.2f} {y:.2f} {z:.2f}, by {wider:.2f} Å² against their shortest axis: "
            "the map lacks views, and anisotropic displacements are its own"
        )
    nearest = first_minimum(positions).peak
    if abs(nearest / found.spacing - 1.0) > _SPACING_OFF:
        notes.append(
            f"neighbours are {nearest:.2f} Å apart, and in bulk {element} {found.spacing:.2f} Å: check the element and "
            "the voxel size"
        )
    if agreement < _LOW_AGREEMENT:
        notes.append(
            f"the map hardly shows these atoms: their mean validation correlation is {agreement:.2f}, and "
            f"{_LOW_AGREEMENT} or more is usual"
        )
    if found.expected_false > _MANY_FALSE * len(positions):
        notes.append(
            f"about {found.expected_false:.0f} of the atoms may be noise, by the peaks outside of the particle: a "
            "coarser resolution or a higher threshold leaves fewer"
        )
    if not fitted.converged:
        notes.append("the joint fit of all atoms had not settled when it was ended; displacements are uncertain")
    u, error = float(np.median(fitted.displacements[:, :3].mean(axis=1))), float(np.median(fitted.displacement_errors))
    if error > 0.5 * abs(u):
        notes.append(
            f"displacements are lost in noise: the median U_iso is {u:.3f} Å², with an error of {error:.3f} Å²"
        )
    return tuple(notes)
