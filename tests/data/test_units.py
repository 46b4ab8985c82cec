import pytest

from atomotion.data import UsageError, parse_quantity, to_canonical


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("0.358A", "Å", 0.358),
        ("0.358 Å", "Å", 0.358),
        ("0.0358nm", "Å", 0.358),
        ("35.8 pm", "Å", 0.358),
        ("2.5ms", "s", 0.0025),
        ("2500 \u03bcs", "s", 0.0025),  # the Greek letter
        ("2500\u00b5s", "s", 0.0025),  # the micro sign
        ("300kV", "V", 3e5),
        ("2px", "px", 2.0),
        ("-11um", "Å", -1.1e5),
        ("1e-3s", "s", 1e-3),
        ("7", "Å", 7.0),
        (3, "Å", 3.0),
        ("50e/A2", "e/Å²", 50.0),
        ("1GB", "B", 1e9),
    ],
)
def test_values_with_units(text, unit, expected):
    assert parse_quantity(text, unit) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("text", ["", "A", "five", "1 A B"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(UsageError, match="is not a number"):
        parse_quantity(text, "Å")


def test_a_unit_of_another_kind_is_refused():
    with pytest.raises(UsageError, match="unit 'ms' is not one of"):
        parse_quantity("2ms", "Å")


def test_canonical_units():
    assert to_canonical(3.36, "nm", "Å") == pytest.approx(33.6)
