"""Command-line flags made from config dataclasses, so that a parameter is declared once."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from atomotion.data import from_mapping, parameter, parameters_of, to_mapping
from atomotion.data import parameters as declared

_SHORT = {"quiet": "-q", "verbose": "-v", "jobs": "-j"}
Out = Annotated[Path, Parameter(name=["--out", "-o"], help="Where the result goes: a file, or a folder.")]
OptionalOut = Annotated[
    Path | None, Parameter(name=["--out", "-o"], help="Where the result goes: a file, or a folder.")
]
PolygonFile = Annotated[
    Path | None, Parameter(help="The particle's outline: JSON, or .roi/.zip of Fiji; found in the movie if not given.")
]
Vacuum = Annotated[str | None, Parameter(help="An empty region: a polygon file, or FILE[:ARRAY] with frames of one.")]
Drift = Annotated[Path | None, Parameter(help="The movie's drift, as atomotion drift writes it.")]
Noise = Annotated[Path | None, Parameter(help="The movie's noise.json, as atomotion quality writes it.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """How a command runs and what it prints."""

    threads: int | None = parameter(None, "Cores to use; by default all of them.", low=1)
    device: Literal["auto", "cpu", "cuda"] = parameter(
        "auto", "Where networks are computed; auto takes a GPU where there is one."
    )
    json: bool = parameter(False, "Print the result as JSON, and nothing else, on standard output.")
    dry_run: bool = parameter(False, "Say what would be done, and do nothing.")
    quiet: bool = parameter(False, "No progress, only the result.")
    verbose: bool = parameter(False, "Warnings and details as they come.")


def with_flags(
    start: Mapping[str, tuple[str, Callable[[Any], Any]]] | None = None, **configs: type
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that turns the named parameters of a command into the flags of their config.

    ``@with_flags(source=MovieSource, config=OrderConfig)`` above ``def order(movie, /, *, source, config)`` gives the
    command the flags of both and calls the function with a `MovieSource` and an `OrderConfig`. A config under another
    name than `source`, `config` and `run` has that name in front of its flags (``--periods-min-frames``).

    `start` names, for a config, another parameter of the command and a function of its value that gives the config to
    start from, instead of the defaults.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function, eval_str=True)
        kept = [each for each in signature.parameters.values() if each.name not in configs]
        flags: dict[str, inspect.Parameter] = {}
        for name, config in configs.items():
            for spec in parameters_of(config):
                if spec.key == "path":  # the command's own argument
                    continue
                key = _key(name, spec)
                if key in flags:
                    raise TypeError(f"{function.__name__}: two configs have the flag {key}")
                flags[key] = _flag(replace(spec, key=key), _heading(name, config))

        def command(*positional: Any, **given: Any) -> Any:
            for name, config in configs.items():
                stated = {}
                for spec in parameters_of(config):
                    value = given.pop(_key(name, spec), None)
                    if value is not None:
                        stated[spec.key] = value
                if start is not None and name in start:
                    other, begin = start[name]
                    stated = to_mapping(begin(given.get(other))) | stated
                given[name] = from_mapping(config, stated, where="")
            return function(*positional, **given)

        parameters = [*kept, *flags.values()]
        # the program reads names, help and types of the flags from here
        command.__dict__["__signature__"] = signature.replace(parameters=parameters)
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        return command

    return decorate


def _key(name: str, spec: declared.Parameter) -> str:
    return spec.key if name in ("source", "config", "run") else f"{name}_{spec.key}"


def _heading(name: str, config: type) -> Group:
    titles = {"source": "The movie and its facts", "run": "Running"}
    order = {"source": 3, "run": 4}
    first_line = inspect.getdoc(config) or name
    return Group(titles.get(name, first_line.splitlines()[0].rstrip(".")), sort_key=order.get(name, 2))


def _flag(spec: declared.Parameter, group: Group) -> inspect.Parameter:
    hints = [spec.limits()] if spec.limits() else []
    if spec.default is not None and spec.kind is not bool:
        unit = f" {spec.unit}" if spec.unit else ""
        hints.append(
            f"default {spec.default:g}{unit}" if isinstance(spec.default, float) else f"default {spec.default}{unit}"
        )
    elif spec.unit:
        hints.append(f"in {spec.unit}")
    text = spec.help + (f" [{'; '.join(hints)}]" if hints else "")
    names = [spec.flag, *([_SHORT[spec.key]] if spec.key in _SHORT else [])]
    kind: Any = str | None
    negative: tuple[str, ...] | str | None = None
    if spec.kind is bool:
        # a switch that is off by default needs no way to turn it off
        kind, negative = bool | None, (spec.flag.replace("--", "--no-", 1) if spec.default else ())
    meta = Parameter(
        name=names,
        help=text,
        group=group,
        show_default=False,
        negative=negative,
        allow_leading_hyphen=spec.kind is not bool,
    )
    return inspect.Parameter(spec.key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, meta])
