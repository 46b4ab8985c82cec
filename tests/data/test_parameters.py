from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from atomotion.data import UsageError, from_mapping, parameter, parameters_of, to_mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """An example."""

    sigma_px: float = parameter(2.0, "Width of the smoothing.", unit="px", low=0)
    frames: int | None = parameter(None, "How many.", low=1)
    level: Literal["auto", "sublevel", "superlevel"] = parameter("auto", "Which way.")
    fast: bool = parameter(True, "Whether to hurry.")
    pixel_size: float | None = parameter(None, "Size of a pixel.", unit="Å", low=0.01, high=1000)
    path: Path | None = parameter(None, "A file.")


def test_a_config_describes_itself():
    specs = {each.key: each for each in parameters_of(Example)}
    assert list(specs) == ["sigma", "frames", "level", "fast", "pixel_size", "path"]
    assert specs["sigma"].flag == "--sigma"
    assert specs["pixel_size"].flag == "--pixel-size"
    assert specs["level"].choices == ("auto", "sublevel", "superlevel")
    assert specs["frames"].optional
    assert not specs["sigma"].optional
    assert specs["pixel_size"].limits() == "0.01 to 1000"


def test_text_numbers_and_units_become_a_config():
    config = from_mapping(
        Example,
        {"sigma": "3px", "frames": "5", "level": "sublevel", "fast": "no", "pixel_size": "0.0358nm", "path": "a.tif"},
        where="here",
    )
    expected = Example(
        sigma_px=3.0, frames=5, level="sublevel", fast=False, pixel_size=config.pixel_size, path=Path("a.tif")
    )
    assert config == expected
    assert config.pixel_size == pytest.approx(0.358)


def test_there_and_back():
    config = Example(sigma_px=1.5, path=Path("x"))
    assert from_mapping(Example, to_mapping(config), where="") == config
    assert to_mapping(config, only_changed=True) == {"sigma": 1.5, "path": "x"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sgima": 1}, "unknown key 'sgima' in here; did you mean sigma?"),
        ({"sigma": "2A"}, "unit 'A' is not one of px"),
        ({"sigma": -1}, "sigma in here is -1; allowed is at least 0 px"),
        ({"frames": 2.5}, "a whole number"),
        ({"frames": 0}, "at least 1"),
        ({"level": "sublevl"}, "did you mean sublevel?"),
        ({"fast": "maybe"}, "true or false"),
        ({"sigma": "nan"}, "cannot be 'nan'"),
        ({"sigma": None}, "needs a value"),
        ({"pixel_size": 5000}, "0.01 to 1000 Å"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(UsageError) as caught:
        from_mapping(Example, values, where="here")
    assert message in str(caught.value)


def test_without_a_place_the_flag_is_named():
    with pytest.raises(UsageError, match="--pixel-size"):
        from_mapping(Example, {"pixel_size": "0.3s"}, where="")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outer:
    """A config that holds another."""

    width_px: float = parameter(1.0, "Width.", unit="px")
    inner: Example = field(default_factory=Example)


def test_a_config_may_hold_another():
    keys = [each.key for each in parameters_of(Outer)]
    assert keys[:3] == ["width", "inner_sigma", "inner_frames"]
    config = from_mapping(Outer, {"inner_sigma": "5px", "width": 2}, where="")
    assert config == Outer(width_px=2.0, inner=Example(sigma_px=5.0))
    assert to_mapping(config, only_changed=True) == {"width": 2.0, "inner_sigma": 5.0}
    with pytest.raises(UsageError, match="--inner-sigma"):
        from_mapping(Outer, {"inner_sigma": -5}, where="")
