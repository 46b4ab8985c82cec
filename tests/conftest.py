"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of measured data: $ATOMOTION_DATA, or ../shared/data beside the checkout; skips where it is absent."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("ATOMOTION_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"measured data not found at {folder}; set ATOMOTION_DATA")
    return folder
