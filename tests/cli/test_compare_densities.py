"""The command compare with densities beside the atoms."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase import Atoms

from atomotion.cli import main
from atomotion.data import DensityMap
from atomotion.geometry.rotations import matrices_from_quaternions, random_quaternions
from atomotion.io.atoms import read_states, write_atoms
from atomotion.io.maps import read_map, write_map
from atomotion.particles import fcc_sphere
from atomotion.stages.compare import STAGE

VOXEL = 0.6
LATTICE = 3.924


def density(positions: np.ndarray, size: int = 56) -> DensityMap:
    """Gaussian atoms of 0.6 Å with a little noise; the origin of the frame is no voxel's centre."""
    first = -VOXEL * (size // 2) + np.array([0.13, -0.21, 0.07])
    axes = [start + VOXEL * np.arange(size) for start in first]
    total = np.random.default_rng(0).normal(scale=0.005, size=(size, size, size))
    for point in positions:
        x, y, z = (np.exp(-0.5 * ((axis - each) / 0.6) ** 2) for axis, each in zip(axes, point, strict=True))
        total += z[:, None, None] * y[:, None] * x
    return DensityMap(values=total, voxel_size=VOXEL, origin=tuple(first))


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> tuple[list[Path], list[Path]]:
    """A particle, the same without 15 atoms of its surface, and its mirror image, in three orientations."""
    rng, folder = np.random.default_rng(5), tmp_path_factory.mktemp("states")
    sites = fcc_sphere("Pt", 15.0, lattice=LATTICE, centre=(0.2, 0.4, 0.1)).positions
    sites = sites + rng.normal(scale=0.05, size=sites.shape)
    outer = np.argsort(np.linalg.norm(sites, axis=1))[-60:]
    states = [sites, np.delete(sites, rng.choice(outer, 15, replace=False), axis=0)]
    states.append(states[1] * [-1.0, 1.0, 1.0])
    models, maps = [], []
    for number, state in enumerate(states):
        turned = state @ matrices_from_quaternions(random_quaternions(1, rng)[0]).T
        models.append(folder / f"state_{number}.xyz")
        maps.append(folder / f"state_{number}.mrc")
        write_atoms(models[-1], Atoms(symbols=["Pt"] * len(turned), positions=turned))
        write_map(maps[-1], density(turned))
    return models, maps


@pytest.fixture(scope="module")
def compared(given, tmp_path_factory) -> Path:
    models, maps = given
    out = tmp_path_factory.mktemp("compared") / "changes"
    words = ["compare", *models, "--densities", *maps, "--alignment-mirror", "-o", out, "--quiet"]
    assert main([str(word) for word in words]) == 0
    return out


def test_densities_lie_on_each_other_as_the_atoms_do(compared):
    values = json.loads((compared / "compare.json").read_text())
    assert values["removed"] == [15, 0] and values["added"] == [0, 0]
    lost, same = values["density_correlation"]
    # the second step only turns and mirrors; interpolation costs a little
    assert same > 0.985
    assert 0.9 < lost < same
    assert max(values["density_next_peak"]) < 0.8
    steps = pd.read_csv(compared / "compare_density_steps.csv")
    assert list(steps.columns) == [column.name for column in _declared("compare_density_steps.csv")]
    # atoms beside one that goes feel it too: the window is as wide as an atom
    assert steps["local_at_kept"].tolist() == [pytest.approx(0.94, abs=0.03), pytest.approx(1.0, abs=0.01)]
    assert steps.loc[0, "local_at_removed"] < 0.75
    assert np.isnan(steps.loc[1, "local_at_removed"])


def test_the_curves_peak_at_the_lattice_vectors(compared):
    table = pd.read_csv(compared / "compare_density_offsets.csv")
    assert table.groupby("family")["direction"].nunique().to_dict() == {100: 3, 110: 6, 111: 4}
    for family, step in ((110, LATTICE / np.sqrt(2.0)), (100, LATTICE)):
        rows = table[(table["family"] == family) & (table["state_before"] == 2)]
        for _, curve in rows.groupby("direction"):
            near = curve[(curve["offset_A"] - step).abs() < 0.4]
            assert near.loc[near["correlation"].idxmax(), "offset_A"] == pytest.approx(step, abs=0.15)
            assert curve.loc[curve["correlation"].idxmax(), "offset_A"] == pytest.approx(0.0, abs=0.05)


def test_maps_and_atoms_share_a_frame(compared):
    states = read_states(compared / "compare_aligned.xyz")
    for number, state in enumerate(states, start=1):
        found = read_map(compared / f"compare_density_{number:02d}.mrc")
        places = np.rint((state.positions - np.array(found.first_voxel)) / found.voxel_size).astype(int)
        assert found.values[places[:, 2], places[:, 1], places[:, 0]].min() > 0.5
    assert read_map(compared / "compare_local_correlation_02.mrc").values.max() > 0.99
    assert not (compared / "compare_local_correlation_03.mrc").exists()
    assert (compared / "compare_density.png").stat().st_size > 20_000


def test_a_wrong_copy_is_noticed(given, tmp_path):
    # the map of the second state is shifted by a lattice vector against its atoms
    models, maps = given
    sites = read_states(models[0])[0].positions
    shift = sites[np.argsort(np.linalg.norm(sites - sites[0], axis=1))[1]] - sites[0]
    write_map(tmp_path / "shifted.mrc", density(sites + shift))
    words = ["compare", models[0], models[0], "--densities", maps[0], tmp_path / "shifted.mrc", "-o", tmp_path / "out"]
    assert main([str(word) for word in [*words, "--quiet"]]) == 0
    values = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert values["density_next_peak"][0] > values["density_correlation"][0]
    assert any("shifted by a lattice vector" in note for note in values["notes"])


@pytest.mark.parametrize(
    ("maps", "sentence", "code"),
    [
        (slice(0, 2), "2 densities were given for 3 states", 2),
        (slice(None, None, -1), "are atoms and map of one state and frame", 3),
    ],
)
def test_maps_that_do_not_belong_to_the_states(given, tmp_path, capfd, maps, sentence, code):
    models, found = given
    words = ["compare", *models, "--densities", *found[maps], "-o", tmp_path / "out", "--quiet"]
    assert main([str(word) for word in words]) == code
    assert sentence in capfd.readouterr().err


def _declared(name: str):
    return next(file.columns for file in STAGE.outputs if file.name == name)
