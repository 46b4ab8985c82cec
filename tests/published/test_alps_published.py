"""ALPS and persistent entropy of the measured Pt/CeO2 movie as published with the detectda package."""

import json

import numpy as np

from atomotion.order.config import OrderConfig
from atomotion.order.measure import measure_frames

# detectda's sum goes wrong where two lifetimes are equal; in this frame two are
TIED_FRAME, TIED_VALUE = 29, 2.45845


def test_all_frames(data_dir):
    folder = data_dir / "pt_ceo2_movie"
    frames = np.load(folder / "movie.npz")["particle"]
    published = json.loads((folder / "reference.json").read_text())
    config = OrderConfig(divisor=published["counts_per_electron_divisor"], sigma_px=published["gaussian_sigma_px"])
    result = measure_frames(frames, config, polygon=published["polygon_xy"], contrast="dark")
    others = np.arange(len(frames)) != TIED_FRAME
    np.testing.assert_allclose(result.alps[others], np.array(published["alps_published"])[others], atol=1e-6)
    np.testing.assert_allclose(result.alps[TIED_FRAME], TIED_VALUE, atol=1e-5)
    np.testing.assert_allclose(result.persistent_entropy, published["persistent_entropy_published"], atol=1e-6)
