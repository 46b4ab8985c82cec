"""The simulated particle of all tests here, and small problems made from it."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch


def _beside(file: str) -> ModuleType:
    """A module in this folder, which is no package."""
    name = f"tomography_{file}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{file}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def phantom() -> ModuleType:
    return _beside("phantom")


@pytest.fixture(scope="session")
def lattices() -> ModuleType:
    return _beside("lattices")


@pytest.fixture(scope="session")
def mixed_copies() -> ModuleType:
    return _beside("mixed_copies")


@pytest.fixture(scope="session")
def raw_boxes() -> Callable:
    return _beside("raw_boxes").raw_boxes


@pytest.fixture(scope="session")
def tumbling(phantom: ModuleType):
    """A 120-atom particle in 100 ordered images at 10 dB."""
    return phantom.simulate(100, atoms=120, size=64, seed=3, removed=8)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield
