"""Frames that cannot be used are named."""

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.io.frame_check import bad_frames, refuse_bad_frames

RNG = np.random.default_rng(0)


def test_bad_frames_are_numbered_as_in_the_movie():
    block = RNG.normal(size=(5, 4, 4))
    block[1, 2, 2] = np.nan
    block[2, :2] = np.inf
    block[4] = 0.5
    assert bad_frames(block, 100) == {
        101: "has 1 value that is not finite",
        102: "has 8 values that are not finite",
        104: "is constant (0.5)",
    }


def test_good_frames_are_not_bad_whatever_their_type():
    for dtype in (np.uint8, np.int16, np.float32):
        assert bad_frames(RNG.poisson(4, (3, 5, 5)).astype(dtype)) == {}
    assert bad_frames(np.zeros((2, 3, 3), np.uint16)) == {0: "is constant (0)", 1: "is constant (0)"}


def test_refusal_names_frames_and_the_way_out():
    refuse_bad_frames({}, "m.tif")
    with pytest.raises(InputError, match=r"m.tif has 1 bad frame: frame 7 is constant \(0\); --bad-frames skip"):
        refuse_bad_frames({7: "is constant (0)"}, "m.tif")
    many = dict.fromkeys(range(14), "is constant (0)")
    with pytest.raises(InputError, match=r"14 bad frames: frame 0 .*frame 9 is constant \(0\); and 4 more; --bad"):
        refuse_bad_frames(many, "m.tif")
