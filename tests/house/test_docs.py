"""The documentation says what the program does: generated pages are fresh, links lead somewhere, help is written."""

import importlib.util
import re
from pathlib import Path

import pytest

from atomotion.data import parameters_of
from atomotion.io.config import MovieSource
from atomotion.stages import every_stage

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "ROADMAP.md", *sorted((ROOT / "docs").rglob("*.md"))]


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["outputs.md", "parameters.md"])
def test_generated_pages_are_fresh(name):
    assert (ROOT / "docs" / name).read_text() == generator().PAGES[name](), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize(
    "config", [MovieSource, *(stage.config for stage in every_stage())], ids=lambda each: each.__name__
)
def test_every_parameter_is_explained(config):
    for each in parameters_of(config):
        assert each.help[0].isupper() and each.help.endswith("."), f"{config.__name__}.{each.key}: {each.help!r}"


def test_every_output_is_explained():
    for stage in every_stage():
        assert stage.outputs
        for file in stage.outputs:
            assert file.about.endswith(".")
            for column in file.columns:
                assert column.about.endswith("."), f"{stage.name}/{file.name}: {column.name}"
            if file.name.endswith((".csv", ".json")) and not file.name.startswith(("polygon", "vacuum")):
                assert file.columns, file.name
