"""The boundary of a particle whose symmetry leaves open on which lattice copy an image lies."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from atomotion.geometry.rotations import compose
from atomotion.geometry.symmetry import rotation_group
from atomotion.particles import fcc_sphere
from atomotion.tomography import BoundariesConfig, settle_windows
from atomotion.tomography.boundary_by_poses import boundary_by_poses
from atomotion.tomography.common_frame import tied_models


@pytest.fixture(scope="module")
def beside() -> ModuleType:
    """The simulated series of test_boundaries."""
    name = "tomography_changing"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("test_boundaries.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_images_are_searched_with_both_models(beside: ModuleType, phantom: ModuleType):
    rng = np.random.default_rng(3)
    sphere = fcc_sphere("Pt", 14.0, lattice=phantom.LATTICE).positions
    etched = sphere[np.argsort(sphere @ np.array([0.4, 0.5, -0.77]))[:-22]]
    # fits of about 19 noise sigmas, as at 50 e/Å² per frame; with fewer, copies cannot be told apart in short runs
    made = beside.changing(phantom, [sphere, etched], [95, 85], snr_db=3.0, seed=3)
    left, right = beside.model_of(made, 0, 101, rng), beside.model_of(made, 101, 180, rng)
    # runs of images on copies of their own: the whole sphere cannot tell them apart
    copies = np.repeat([0, 7, 16], [30, 40, 31])
    turned = compose(made.poses.quaternions[:101], rotation_group("O")[copies])
    frame = beside.true_frame(left, made)
    config = BoundariesConfig(min_frames=40)
    left = beside.replace(left, quaternions=compose(turned, beside.inverse_of(frame)))
    groups, _ = tied_models([left, right])
    if len(groups) == 2:
        assert groups[1].ambiguous
    at, images, ratio = boundary_by_poses(made.observations, left, right, config)
    assert abs(at - 95) <= 3
    assert len(ratio) == images.stop - images.start
    assert ratio[: 90 - images.start].mean() > 0 > ratio[115 - images.start :].mean()
    found = settle_windows(made.observations, [left, right], config)
    assert [each.start for each in found.windows] == pytest.approx([0, 95], abs=3)
