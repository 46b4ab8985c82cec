"""One frozen dataclass per method is the source of its flags, TOML keys, help and documentation.

A field is declared with `parameter`; `from_mapping` and `to_mapping` turn text (TOML, flags, JSON) into a config and
back, with units read, ranges checked and unknown keys answered with the nearest known one. A field that is itself a
config adds its parameters with its own name in front: ``fringes: FringesConfig`` gives ``fringes_shortest``.
"""

import difflib
import functools
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from atomotion.data.errors import UsageError
from atomotion.data.units import parse_quantity

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """What is known of one field of a config.

    `path` leads to it through nested configs. `key` is its name in TOML, JSON and on the command line (with dashes):
    the field's name without a `_px` or `_deg` ending, since a value there carries its unit. `kind` is the plain Python
    type; `choices` are the allowed words.
    """

    path: tuple[str, ...]
    key: str
    kind: type
    default: Any
    help: str
    unit: str | None
    low: float | None
    high: float | None
    choices: tuple[str, ...] | None
    optional: bool
    group: str

    @property
    def flag(self) -> str:
        """The command-line flag, ``--frame-time``."""
        return "--" + self.key.replace("_", "-")

    def limits(self) -> str:
        """The allowed range in words, empty where there is none."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"at least {self.low:g}"
        if self.high is not None:
            return f"at most {self.high:g}"
        return ""


def parameter(
    default: Any,
    help: str,
    *,
    unit: str | None = None,
    low: float | None = None,
    high: float | None = None,
    group: str = "",
) -> Any:
    """A config's field: its default, one sentence of help, and where they apply its unit, range and group."""
    return field(default=default, metadata={"help": help, "unit": unit, "low": low, "high": high, "group": group})


def parameters_of(config: type) -> tuple[Parameter, ...]:
    """The parameters of a config dataclass, in the order in which they were declared."""
    hints = typing.get_type_hints(config)
    found: list[Parameter] = []
    for each in fields(config):
        if is_dataclass(hints[each.name]):
            inner = parameters_of(hints[each.name])
            found += [replace(spec, path=(each.name, *spec.path), key=f"{each.name}_{spec.key}") for spec in inner]
        else:
            found.append(_parameter(each, hints[each.name]))
    return tuple(found)


def _parameter(each: Field[Any], hint: Any) -> Parameter:
    optional = False
    if typing.get_origin(hint) in (Union, types.UnionType):
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        optional, hint = len(options) < len(typing.get_args(hint)), options[0]
    choices = None
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        hint = str
    key = each.name
    for ending in ("_px", "_deg"):
        key = key.removesuffix(ending)
    return Parameter(
        path=(each.name,),
        key=key,
        kind=hint,
        default=None if each.default is MISSING else each.default,
        help=each.metadata.get("help", ""),
        unit=each.metadata.get("unit"),
        low=each.metadata.get("low"),
        high=each.metadata.get("high"),
        choices=choices,
        optional=optional,
        group=each.metadata.get("group", ""),
    )


def from_mapping(config: type[T], values: Mapping[str, Any], *, where: str) -> T:
    """A config made of `values`, which are numbers, words, or text with units.

    Parameters
    ----------
    config : type
        The config dataclass.
    values : mapping
        By key; a missing key takes its default.
    where : str
        Where the values came from, for messages ("[order] in project.toml").

    Raises
    ------
    UsageError
        For an unknown key (naming the nearest), a value of the wrong kind or unit, and a value out of range.
    """
    known = {each.key: each for each in parameters_of(config)}
    for key in values:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
            hint = f"; did you mean {nearest[0]}?" if nearest else f"; known are {', '.join(known)}"
            raise UsageError(f"unknown key {key!r} in {where}{hint}")
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *outer, name = known[key].path
        level = nested
        for each in outer:
            level = level.setdefault(each, {})
        level[name] = check_value(known[key], value, where)
    return _built(config, nested)


def _built(config: type[T], nested: Mapping[str, Any]) -> T:
    hints = typing.get_type_hints(config)
    return config(
        **{name: _built(hints[name], value) if isinstance(value, dict) else value for name, value in nested.items()}
    )


def to_mapping(config: Any, *, only_changed: bool = False) -> dict[str, Any]:
    """The config as plain values by key, in canonical units; `only_changed` leaves out what is at its default."""
    result = {}
    for each in parameters_of(type(config)):
        value = functools.reduce(getattr, each.path, config)
        if only_changed and value == each.default:
            continue
        result[each.key] = str(value) if isinstance(value, Path) else value
    return result


def check_value(spec: Parameter, value: Any, where: str) -> Any:
    """`value` as the parameter's own kind and unit, checked against its range or words."""
    place = f"{spec.key} in {where}" if where else spec.flag
    if value is None:
        if spec.optional:
            return None
        raise UsageError(f"{place} needs a value")
    try:
        result = _convert(spec, value)
    except (UsageError, ValueError, TypeError) as error:
        expected = f" (expected {spec.limits()})" if spec.limits() else ""
        raise UsageError(f"{place} cannot be {value!r}: {error}{expected}") from error
    if spec.choices is not None and result not in spec.choices:
        nearest = difflib.get_close_matches(str(result), spec.choices, n=1)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        raise UsageError(f"{place} cannot be {value!r}; it is {spec.limits()}{hint}")
    if isinstance(result, (int, float)) and not isinstance(result, bool):
        low = -math.inf if spec.low is None else spec.low
        high = math.inf if spec.high is None else spec.high
        if not low <= result <= high:
            raise UsageError(f"{place} is {value}; allowed is {spec.limits()}{' ' + spec.unit if spec.unit else ''}")
    return result


def _convert(spec: Parameter, value: Any) -> Any:
    if spec.kind is bool:
        if isinstance(value, bool):
            return value
        words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
        if str(value).lower() not in words:
            raise UsageError("it is true or false")
        return words[str(value).lower()]
    if spec.kind in (int, float):
        number = parse_quantity(value, spec.unit) if spec.unit else float(value)
        if not math.isfinite(number):
            raise UsageError("it is not a finite number")
        if spec.kind is float:
            return number
        if number != int(number):
            raise UsageError("it is a whole number")
        return int(number)
    if spec.kind is Path:
        return Path(value)
    return spec.kind(value)
