"""Å, s, eV, V, K, e/Å², degrees: values with other units are turned into these wherever they come in."""

from dataclasses import fields

import pytest

from atomotion.data import from_mapping, parse_quantity
from atomotion.simulate.config import MovieConfig


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("0.0358nm", "Å", 0.358), ("35.8pm", "Å", 0.358), ("2.5ms", "s", 0.0025), ("300kV", "V", 300e3),
        ("0.5meV", "eV", 0.0005), ("673K", "K", 673.0), ("1500e/nm2", "e/Å²", 15.0), ("0.358", "Å", 0.358),
    ],
)  # fmt: skip
def test_text_becomes_canonical(text: str, unit: str, value: float):
    assert parse_quantity(text, unit) == pytest.approx(value)


def test_a_config_holds_canonical_numbers():
    values = {"pixel-size": "20pm", "frame-time": "13.3ms", "dose": "625e/nm2", "voltage": "300kV", "cs": "5um"}
    config = from_mapping(MovieConfig, {key.replace("-", "_"): value for key, value in values.items()}, where="a test")
    assert config.pixel_size == pytest.approx(0.2)
    assert config.frame_time == pytest.approx(0.0133)
    assert config.dose == pytest.approx(6.25)
    assert config.voltage == pytest.approx(300e3)
    assert config.cs == pytest.approx(5e4)


def test_a_number_in_another_unit_says_so_in_its_name():
    for each in fields(MovieConfig):
        for unit in ("px", "deg"):
            assert each.name.endswith(f"_{unit}") == (each.metadata.get("unit") == unit), each.name
