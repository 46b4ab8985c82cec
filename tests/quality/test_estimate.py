"""Numbers with intervals, and their way to decibels."""

import numpy as np
import pytest

from atomotion.quality import Estimate, psnr_of_mse, refused


def test_psnr_turns_the_interval_round():
    mse = Estimate(value=0.01, low=0.001, high=0.1, method="m", warning="w")
    found = psnr_of_mse(mse, 2.0)
    assert found.value == pytest.approx(10 * np.log10(400))
    assert found.low == pytest.approx(10 * np.log10(40))
    assert found.high == pytest.approx(10 * np.log10(4000))
    assert (found.refused, found.warning) == (None, "w")


def test_psnr_without_an_upper_limit():
    found = psnr_of_mse(Estimate(value=0.01, low=-0.001, high=0.1, method="m"), 1.0)
    assert found.value == pytest.approx(20)
    assert found.high is None
    assert "no upper limit" in found.warning


def test_psnr_refusals():
    below = psnr_of_mse(Estimate(value=-0.01, low=-0.02, high=0.1, method="m"), 1.0)
    assert below.value is None and "not above 0" in below.refused
    assert "peak range" in psnr_of_mse(Estimate(value=1.0, low=0.5, high=2.0, method="m"), 0.0).refused
    assert psnr_of_mse(refused("m", "because"), 1.0).refused == "because"


def test_json_and_warnings():
    found = Estimate(value=1.0, low=0.5, high=2.0, method="m").warned(None, "a").warned("b")
    assert found.as_json() == {
        "value": 1.0, "low": 0.5, "high": 2.0, "method": "m", "refused": None, "warning": "a; b",
    }  # fmt: skip
    assert refused("m", "r").as_json() == {
        "value": None, "low": None, "high": None, "method": "m", "refused": "r", "warning": None,
    }  # fmt: skip
