"""Public names of a room that load their module when first used, so that reading a config loads nothing heavy."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(
    room: str, where: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` for the package `room` (PEP 562).

    Parameters
    ----------
    room : str
        The package's ``__name__``.
    where : mapping
        Public name to the submodule that holds it. A name must differ from its submodule's, because importing a
        submodule puts it into the package under its own name.
    """
    same = [name for name, module in where.items() if name == module]
    if same:
        raise TypeError(f"{room}: public name and submodule are both called {same[0]}")

    def get(name: str) -> Any:
        if name in where:
            return getattr(import_module(f"{room}.{where[name]}"), name)
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    names = sorted(where)
    return get, lambda: names, names
