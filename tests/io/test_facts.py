"""Facts as keys with units."""

import numpy as np
import pytest

from atomotion.data import InputError, Movie
from atomotion.io.facts import facts_of, from_keys, from_text, to_keys, to_text

FACTS = {
    "frame_time": 0.0025,
    "dose": 12.5,
    "units_per_electron": 32.6,
    "contrast": "dark",
    "voltage": 3e5,
    "cs": -2e4,
    "defocus": -50.0,
    "detector": "K3",
    "processing": "denoised gaussian sigma=2px",
}


def test_keys_carry_their_units():
    keys = to_keys({"pixel_size": 0.358, "dose": 3.0, "voltage": 3e5, "detector": "K3"})
    assert keys == {"pixel_size_A": 0.358, "dose_e_A2": 3.0, "voltage_V": 3e5, "detector": "K3"}


def test_keys_and_text_give_the_facts_back():
    assert from_keys(to_keys(FACTS, (None, 0.358, 0.358)), "f") == (FACTS, (None, 0.358, 0.358))
    assert from_text("blah " + to_text("movie", FACTS) + " blah", "f") == ("movie", FACTS)


def test_other_units_in_the_key_are_converted_and_keys_without_unit_are_not_read():
    facts, sizes = from_keys(
        {"pixel_size_nm": 0.05, "frame_time_ms": 2.5, "voltage_kV": 300, "cs_mm": 1.2, "dose_e_nm2": 100, "other": 1,
         "defocus": 5.0, "pixel_size_x": 3},
        "f",
    )  # fmt: skip
    assert sizes == pytest.approx((None, 0.5, 0.5))
    assert facts == pytest.approx({"frame_time": 0.0025, "voltage": 3e5, "cs": 1.2e7, "dose": 1.0})


def test_sizes_that_differ_keep_their_axis():
    keys = to_keys({}, (None, 2.0, 10.0))
    assert keys == {"pixel_sizes_zyx_A": [0.0, 2.0, 10.0]}
    assert from_keys(keys, "f") == ({}, (None, 2.0, 10.0))


def test_times_survive():
    facts, _ = from_keys(to_keys({"times": np.array([0.0, 0.5, 2.0])}), "f")
    np.testing.assert_array_equal(facts["times"], [0.0, 0.5, 2.0])


@pytest.mark.parametrize(
    "keys", [{"pixel_size_A": "abc"}, {"pixel_size_A": -1.0}, {"frame_time_s": np.nan}, {"contrast": "grey"}]
)
def test_a_fact_that_is_not_of_its_kind_names_key_value_and_file(keys):
    with pytest.raises(InputError, match=rf"{next(iter(keys))} in movie.npz is"):
        from_keys(keys, "movie.npz")


def test_facts_of_a_movie_are_those_that_are_known():
    movie = Movie(frames=np.zeros((1, 2, 2)), pixel_size=0.5, metadata={"processing": "p", "source": "s"})
    assert facts_of(movie) == {"pixel_size": 0.5, "processing": "p"}
    assert facts_of(movie, processing="q", dose=1.0) == {"pixel_size": 0.5, "processing": "q", "dose": 1.0}
